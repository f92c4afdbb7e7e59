"""Test that no connection for look-ups stays open."""

import gc
import sys
import warnings
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
