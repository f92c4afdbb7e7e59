"""Test what recording an attempt changes in its webhook."""

from datetime import timedelta

import orjson
import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from tests.cast import Api
from tests.databases import Database
from tests.delivery.test_engine import publish, rfp
from tests.webhooks.conftest import Make
from tests.webhooks.kit import Hands, ended

EARLIER = """
UPDATE webhook SET last_delivery_at = now() - %s, last_delivery_status = 'delivered',
    consecutive_failures = %s
"""
RECORD = "SELECT * FROM record_attempts(%s, %s, '[]', 0)"
FOUND = "SELECT last_delivery_at = now(), last_delivery_status, consecutive_failures FROM webhook"


@pytest.mark.parametrize(
    ("seconds", "failures", "good", "found"),
    [
        (0.9, 0, True, (False, "delivered", 0)),
        (1.1, 0, True, (True, "delivered", 0)),
        (-60, 0, True, (True, "delivered", 0)),
        (0.9, 2, True, (True, "delivered", 0)),
        (0.9, 0, False, (True, "http_error", 1)),
    ],
    ids=["just now", "a second ago", "the clock went back", "after failures", "now fails"],
)
def test_only_a_success_right_after_another_leaves_the_webhook_as_it_is(
    app: Flask,
    database: Database,
    ada: Api,
    make: Make,
    seconds: float,
    failures: int,
    good: bool,
    found: tuple[bool, str, int],
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    with Hands(database) as hands:
        [taken] = hands.take(webhook["id"])
    done = orjson.dumps([ended(taken, good=good).done]).decode()
    with psycopg.connect(libpq_url(database.superuser_url)) as one_moment:
        one_moment.execute(EARLIER, (timedelta(seconds=seconds), failures))
        one_moment.execute(RECORD, (webhook["tenant_id"], done))
        assert one_moment.execute(FOUND).fetchone() == found
