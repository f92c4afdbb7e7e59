"""Nothing accepted is lost, whatever dies: real processes, SIGKILL at every step."""

import asyncio
import time
from asyncio import StreamReader, StreamWriter
from collections import Counter
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.config import libpq_url
from portal.webhooks.engine import Engine
from portal.webhooks.lanes import WIDEST
from tests.cast import Api
from tests.databases import Database
from tests.outbound.sink import read_request
from tests.webhooks.conftest import Make, Receiver
from tests.webhooks.crashing import STEPS
from tests.webhooks.kit import EMPTY, rows, sinks, working
from tests.webhooks.test_engine import (
    deliveries,
    delivering,
    header,
    publish,
    rfp,
    until,
)

EVENTS = 12


def run_out(database: Database) -> None:
    """Let the leases of the dead run out: the clock is the database's, so it is moved there."""
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        connection.execute("UPDATE delivery SET due_at = now() WHERE state = 'in_flight'")


def settled(ada: Api, webhook: dict[str, Any]) -> bool:
    return {one["state"] for one in deliveries(ada, webhook)} == {"delivered"}


def received(receiver: Receiver) -> Counter[str | None]:
    return Counter(header(mail, "webhook-id") for mail in receiver.mail("crm"))


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_killed_at_any_step_loses_nothing(
    step: str,
    app: Flask,
    database: Database,
    settings: dict[str, str],
    ada: Api,
    make: Make,
    receiver: Receiver,
) -> None:
    webhook = make(receiver.hook("crm"))
    events = {one["id"] for one in publish(ada, *(rfp(n) for n in range(EVENTS)))}
    with working(settings, "tests.webhooks.crashing", step) as doomed:
        assert doomed.wait(40) == -9, doomed.stdout and doomed.stdout.read()
    in_flight = [one for one in deliveries(ada, webhook) if one["state"] == "in_flight"]
    before = received(receiver)
    run_out(database)
    with delivering(app):
        until(lambda: settled(ada, webhook), 15)
    after = received(receiver)
    assert set(after) == events, "0 lost"
    assert sum(after.values()) - EVENTS <= len(in_flight), "no more twice than were in flight"
    assert sum(before.values()) <= EVENTS
    assert sorted(one["sequence"] for one in deliveries(ada, webhook)) == list(range(1, 13))


def test_a_late_worker_does_not_overwrite_the_next_one(
    app: Flask, database: Database, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm", "?delay=1"))
    publish(ada, rfp(1))
    with delivering(app) as late:
        until(lambda: late.taken)
        with psycopg.connect(libpq_url(database.superuser_url)) as connection:
            connection.execute(
                "UPDATE delivery SET token = token + 1, due_at = now() + interval '1 hour'"
            )
        until(lambda: not late.taken)
    [one] = deliveries(ada, webhook)
    assert one["state"] == "in_flight", "the acknowledgement of an old token is refused"


def test_stopping_lets_what_is_on_its_way_arrive(
    app: Flask, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm", "?delay=1"))
    publish(ada, *(rfp(n) for n in range(3)))
    engine = Engine(app)
    engine.start()
    until(lambda: len(engine.taken) == 3)
    began = time.monotonic()
    engine.stop()
    assert time.monotonic() - began < 20
    assert settled(ada, webhook)


def test_what_was_taken_ahead_goes_back_when_a_worker_stops(
    app: Flask, ada: Api, make: Make, database: Database
) -> None:
    """A quick receiver becomes slow: what waits in the worker is given to others, uncounted."""
    seen = 0

    async def quick_then_slow(reader: StreamReader, writer: StreamWriter) -> None:
        nonlocal seen
        while True:
            await read_request(reader)
            seen += 1
            await asyncio.sleep(0.0 if seen < 200 else 1.0)
            writer.write(EMPTY)
            await writer.drain()

    with sinks(quick_then_slow) as [port]:
        make(f"http://127.0.0.1:{port}/")
        for _ in range(2):
            publish(ada, *(rfp(n) for n in range(400)))
        with delivering(app) as engine:
            until(lambda: seen >= 200 and len(engine.taken) > WIDEST)
            at_the_end = seen
    assert seen <= at_the_end + WIDEST, "what was on its way arrives, and nothing after it"
    found = rows(database, "SELECT state, count(*), sum(attempts) FROM delivery GROUP BY state")
    states = {row["state"]: (row["count"], row["sum"]) for row in found}
    assert states == {"delivered": (seen, seen), "pending": (800 - seen, 0)}
