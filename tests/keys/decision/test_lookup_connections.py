"""Test that no connection for look-ups stays open, and that few are opened."""

import gc
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from portal.keys.decision.lookup_connections import LookupConnections
from tests.databases import Database


def test_the_garbage_collector_closes_a_connection_without_a_warning(
    database: Database, monkeypatch: Any
) -> None:
    gc.collect()  # what earlier tests left
    unraisable: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(5):
            wire: Any = LookupConnections(database.app_url)
            wire.itself = wire  # a cycle, such as an application is in
            wire.one("SELECT 1", ())
            del wire
            gc.collect()
    assert not told
    assert not unraisable


def test_threads_that_look_up_in_turn_share_a_connection(database: Database) -> None:
    wire = LookupConnections(database.app_url)
    sessions = set()
    for _ in range(24):
        with ThreadPoolExecutor(1) as thread:
            sessions.add(thread.submit(wire.one, "SELECT pg_backend_pid()", ()).result())
    assert len(sessions) == 1
    wire.close()


def test_threads_that_look_up_at_once_have_a_connection_each(database: Database) -> None:
    wire, all_are_in = LookupConnections(database.app_url), Barrier(3)

    def session(_: int) -> int:
        with wire.transaction() as cursor:
            row = cursor.execute("SELECT pg_backend_pid()").fetchone()
            all_are_in.wait(10)
            assert row
            return int(row[0])

    with ThreadPoolExecutor(3) as threads:
        first, again = (set(threads.map(session, range(3))) for _ in range(2))
    assert len(first) == 3
    assert again == first
    wire.close()


def test_connections_that_the_server_closed_cost_no_look_up(database: Database) -> None:
    wire = LookupConnections(database.app_url)
    row = wire.one("SELECT pg_backend_pid()", ())
    assert row
    database.sql("SELECT pg_terminate_backend(%s, 5000)", row[0])
    with wire.transaction() as cursor:
        assert cursor.execute("SELECT 1").fetchone() == (1,)
    wire.close()
