"""Test that endpoints with nothing to send take no time from the others, however many they are."""

import time
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from portal.delivery import engine as engines
from portal.delivery.queue import queue, turns
from portal.delivery.queue.turns import Round
from portal.fast import pipeline
from tests.cast import ACME, GLOBEX, Api
from tests.databases import Database
from tests.delivery.queue.test_turns import URL, searched
from tests.delivery.test_engine import delivering, publish, rfp, until
from tests.delivery.test_fairness import one, theirs
from tests.webhooks.conftest import Make
from tests.webhooks.kit import Hands, Mailbox, rows, sinks

MANY = 20_000
LIKE = {"url": URL, "event_types": ["rfp.*"]}
COLUMNS = """
SELECT string_agg(quote_ident(column_name), ', ') AS names FROM information_schema.columns
WHERE table_name = 'webhook' AND is_generated = 'NEVER' AND column_name <> 'id'
"""
COPIES = """
INSERT INTO webhook (id, {names}) SELECT left(id, -5) || lpad(n::text, 5, '0'), {names}
FROM webhook, generate_series(1, {many}) AS n WHERE id = %s
"""
OWED = """
INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type, state, due_at)
SELECT d.tenant_id, left(d.id, -5) || right(w.id, 5), w.id, d.event_id, d.event_type, %s,
    now() + interval '1 day'
FROM webhook w JOIN delivery d ON d.tenant_id = w.tenant_id WHERE w.id <> d.webhook_id
AND d.event_type = 'rfp.created'
"""
PAUSED = "UPDATE webhook SET paused_at = now(), pause_reason = 'by_hand' WHERE tenant_id = %s"
RETRY = "UPDATE delivery SET due_at = now() WHERE tenant_id = %s AND state = 'retrying'"
PROBED = """
WITH paused AS (
    UPDATE webhook SET paused_at = now(), pause_reason = 'failures' RETURNING tenant_id, id)
INSERT INTO endpoint (tenant_id, webhook_id, next_probe_at)
SELECT tenant_id, id, now() - interval '1 minute' FROM paused
ON CONFLICT (tenant_id, webhook_id) DO UPDATE SET next_probe_at = excluded.next_probe_at
"""
OF_ONE = """
INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type, state, due_at)
SELECT tenant_id, left(id, -6) || 'Y' || lpad(n::text, 5, '0'), left(webhook_id, -1) || '_',
    event_id, event_type, state, due_at FROM delivery, generate_series(1, %s) AS n
"""
READ = "EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM silent_endpoints(50)"
CANCEL = """
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND query LIKE '%due_endpoints%'
"""
REFUSED = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"


def owe_to_many(database: Database, webhook: dict[str, Any], many: int, state: str) -> None:
    """Copy a webhook, and its delivery to each of the copies, which is not due for a day."""
    copy_many(database, webhook, many)
    rows(database, OWED, state)


def copy_many(database: Database, webhook: dict[str, Any], many: int) -> None:
    [columns] = rows(database, COLUMNS)
    rows(database, COPIES.format(**columns, many=many), webhook["id"])


def know_deliveries_of_one_webhook(database: Database) -> None:
    """Leave statistics behind by which most deliveries are of one webhook."""
    rows(database, OF_ONE, MANY)
    rows(database, "ANALYZE delivery")
    rows(database, "DELETE FROM delivery WHERE webhook_id LIKE %s", r"%\_")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("state", ["pending", "retrying"])
def test_many_endpoints_with_nothing_to_send_stop_no_order_and_no_retry_of_another_tenant(
    state: str,
    app: Flask,
    database: Database,
    ada: Api,
    gus: Api,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cancel each statement of the engine that takes much longer than a search of a few hundred
    endpoints."""
    monkeypatch.setitem(pipeline.PLANNING, "statement_timeout", "400ms")
    webhook = make(URL)
    publish(ada, rfp(1))
    owe_to_many(database, webhook, MANY, state)
    rows(database, "DELETE FROM delivery WHERE webhook_id = %s", webhook["id"])
    if state == "pending":
        rows(database, PAUSED, ACME)
    ordered, failing = Mailbox(), Mailbox(REFUSED)
    with sinks(ordered.behave, failing.behave) as [port, bad]:
        theirs(gus, port, ordered=True)
        theirs(gus, bad)
        with delivering(app):
            publish(gus, one(1), one(2))
            until(lambda: len(ordered.ids) == 2)
            until(lambda: len(failing.ids) == 2)
            until(lambda: rows(database, RETRY, GLOBEX) or len(failing.ids) > 2)


def test_a_search_for_endpoints_without_deliveries_reads_those_of_few_others(
    app: Flask, database: Database, ada: Api, gus: Api, make: Make
) -> None:
    many = 4_000
    webhook = make(URL)
    publish(ada, rfp(1))
    know_deliveries_of_one_webhook(database)
    owe_to_many(database, webhook, many, "pending")
    quiet = gus.create("webhooks", name="Q", **LIKE)["id"]
    rows(database, PROBED)
    rows(database, "UPDATE endpoint SET next_probe_at = now() WHERE webhook_id = %s", quiet)
    with Hands(database) as hands:
        assert hands.run(hands.connection.send(queue.silent_endpoints())) == [
            [{"tenant_id": GLOBEX, "webhook_id": quiet}]
        ]
    [read] = rows(database, READ)
    assert read["QUERY PLAN"][0]["Plan"]["Shared Hit Blocks"] < 20 * many


def test_statistics_from_before_there_were_many_make_no_search_slow(
    app: Flask, database: Database, ada: Api, gus: Api, make: Make
) -> None:
    webhook = make(URL)
    publish(ada, rfp(1))
    copy_many(database, webhook, MANY)  # the index keeps the pages of those that are gone
    rows(database, "DELETE FROM webhook WHERE id <> %s", webhook["id"])
    rows(database, "ANALYZE webhook, endpoint, application, delivery")
    owe_to_many(database, webhook, MANY, "retrying")
    rows(
        database,
        "UPDATE webhook SET last_delivery_at = now() - number * interval '1 second'"
        " FROM (SELECT id AS of, row_number() OVER () AS number FROM webhook) WHERE id = of",
    )
    before = quickest_search(database)
    rows(database, "ANALYZE webhook, endpoint, application, delivery")
    assert before < 8 * quickest_search(database)


def quickest_search(database: Database) -> float:
    """Return the seconds that the quickest of five searches took, on a connection that is new."""
    with Hands(database) as hands:
        seconds = []
        for _ in range(5):
            begun = time.perf_counter()
            searched(hands, Round(), [])
            seconds.append(time.perf_counter() - begun)
    return min(seconds)


WALKED = 5


def test_a_search_walks_few_endpoints_and_the_next_turn_goes_on_after_them(
    app: Flask, database: Database, ada: Api, gus: Api, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "WALKED", WALKED)
    webhook = make(URL)
    publish(ada, rfp(1))
    owe_to_many(database, webhook, 22, "retrying")
    rows(database, "UPDATE delivery SET due_at = now() WHERE webhook_id = %s", webhook["id"])
    last, quiet = (ACME, webhook["id"]), gus.create("webhooks", name="Q", **LIKE)["id"]
    publish(gus, rfp(1))
    with Hands(database) as hands:
        round_ = Round()
        found, behind = [], []
        for _ in range(6):
            found.append(one_round(hands, round_))
            behind.append(round_.is_behind)
    other = (GLOBEX, quiet)
    # Twice five in the first turn, as it begins the round.
    assert found == [[other], [other], [other], [last, other], [other], [other]]
    assert behind == [True, True, True, False, True, True]


def one_round(hands: Hands, round_: Round) -> list[tuple[str, str]]:
    found = searched(hands, round_, [])
    while not round_.is_over:
        found += searched(hands, round_, [])
    return found


def test_a_search_that_takes_too_long_is_not_reported_as_an_absent_database(
    app: Flask,
    database: Database,
    ada: Api,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(engines, "LOOK_SECONDS", 600.0)  # after the first look only searches wait
    quick = Mailbox()
    with sinks(quick.behave) as [port]:
        make(f"http://127.0.0.1:{port}/", ordered=True)
        with delivering(app):
            publish(ada, rfp(1))
            until(lambda: quick.ids)
            with psycopg.connect(libpq_url(database.superuser_url)) as other:
                other.execute("LOCK TABLE endpoint")
                until(lambda: other.execute(CANCEL).fetchall() == [(True,)])
            publish(ada, rfp(2))
            until(lambda: len(quick.ids) == 2)
    out = capfd.readouterr().out
    assert "a statement took too long" in out
    assert "database away" not in out
