"""Test that no worker waits for the locks of another one that is frozen in its transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from portal.core.config import libpq_url
from portal.delivery.queue import new_deliveries, worker_presence
from tests.cast import ACME, Api
from tests.databases import Database
from tests.delivery.crashes.test_takeover import IN_ORDER, being_recorded, numbers
from tests.delivery.test_engine import publish, rfp
from tests.webhooks.conftest import Make
from tests.webhooks.kit import Hands, rows

Two = tuple[Hands, Hands]

IDS = "SELECT id FROM delivery ORDER BY id"
CLAIMS_IN_ORDER = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
CLAIMS = "SELECT FROM delivery_worker WHERE number = %s FOR KEY SHARE"
HAS_LAPSED = "UPDATE delivery_worker SET alive_until = now() WHERE number = %s"


@contextmanager
def frozen_in(database: Database, statement: str, value: str | int | None) -> Iterator[None]:
    """Keep a transaction open within the block after this statement."""
    with psycopg.connect(libpq_url(database.superuser_url)) as frozen:
        frozen.execute(statement, (value,))
        yield


def test_a_claim_leaves_out_what_a_frozen_worker_has_locked(
    two: Two, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1), rfp(2))
    oldest, other = (row["id"] for row in rows(database, IDS))
    with being_recorded(database, oldest):
        assert [one.id for one in two[0].take(webhook["id"], room=2)] == [other]
    assert [one.id for one in two[0].take(webhook["id"], room=2)] == [oldest]


def test_a_claim_of_new_deliveries_leaves_out_what_a_frozen_worker_has_locked(
    two: Two, database: Database, ada: Api, make: Make
) -> None:
    webhook, hands = make("https://hooks.example.com/"), two[0]
    publish(ada, rfp(1), rfp(2))
    oldest, other = (row["id"] for row in rows(database, IDS))
    new = new_deliveries.Fresh(ACME, webhook["id"], oldest, other)
    number = hands.presence.number or 0
    with being_recorded(database, oldest):
        asked = new_deliveries.take(hands.connection, ACME, [(new, 2)], number)
        taken, conditional = hands.run(asked)
    assert ([one.id for one in taken], conditional) == ([other], set())


def test_a_claim_leaves_out_an_ordered_webhook_that_a_frozen_worker_claims_from(
    two: Two, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    rows(database, IN_ORDER)
    with frozen_in(database, CLAIMS_IN_ORDER, webhook["id"]):
        assert two[0].take(webhook["id"]) == []
    assert len(two[0].take(webhook["id"])) == 1


def test_a_dead_worker_that_is_frozen_in_a_claim_is_not_waited_for(
    two: Two, database: Database, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker_presence, "GONE_SECONDS", 0.0)
    frozen, alive = two
    number = frozen.presence.number
    rows(database, HAS_LAPSED, number)
    with frozen_in(database, CLAIMS, number):
        alive.look()
        assert number in numbers(database)
    assert "not released yet" not in capfd.readouterr().out, "it gave up only after a wait"
    alive.look()
    assert number not in numbers(database)
