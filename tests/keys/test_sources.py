"""A caller names the addresses of its calls: as many as it likes, and no figure is wrong for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from portal.keys.usage import figures
from portal.keys.verification import use_counts
from portal.keys.verification.use_counts import Usage
from tests.cast import Api
from tests.databases import Database

KEPT = "SELECT count(*) FROM key_use WHERE key_id = %s AND aspect = 'source'"
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bound the sources of a key, a tenant and a process by few."""
    for name, most in (("OF_KEY", 10), ("OF_TENANT", 40), ("SHARE", 30), ("ASPECTS", 60)):
        monkeypatch.setattr(use_counts, name, most)
    monkeypatch.setattr(figures, "MOST_SOURCES", 8)


def called(
    app: Flask, *keys: dict[str, Any], sources: int, at: datetime = NOW, first: int = 0
) -> None:
    """Let one process count calls with each of these keys, each call from another address."""
    usage = Usage()
    for key in keys:
        for number in range(first, first + sources):
            source = f"2001:db8::{number:x}"
            usage.note(key["tenant_id"], key["id"], at, source=source, scope="a:read")
    with app.app_context():
        usage.flush()


def total(ada: Api, key: dict[str, Any]) -> int:
    return int(ada.get(f"/api-keys/{key['id']}/impact").json["calls"])


def test_addresses_hide_no_calls_of_a_rotation(app: Flask, ada: Api) -> None:
    old = ada.create("api-keys")
    called(app, old, sources=3, at=NOW - timedelta(hours=3))
    new = ada.post(f"/api-keys/{old['id']}/rotations", {}).json
    for hours in (2, 1, 0):
        called(app, new, sources=20, at=NOW - timedelta(hours=hours))
    found = ada.get(f"/api-keys/{old['id']}/rotation").json
    assert (found["old_key_calls"], found["new_key_calls"]) == (3, 60)
    assert found["new_key_share_percent"] == 95


def test_an_hour_of_a_key_keeps_so_many_addresses_and_counts_all_calls(
    app: Flask, ada: Api, database: Database
) -> None:
    key = ada.create("api-keys")
    called(app, key, sources=7)
    called(app, key, sources=7, first=5)
    called(app, key, sources=7)  # the known ones go on being counted
    assert database.sql(KEPT, key["id"]) == 10
    assert database.sql(KEPT.replace("count(*)", "sum(calls)"), key["id"]) == 19
    assert total(ada, key) == 21
    called(app, key, sources=7, at=NOW - timedelta(hours=1))
    assert database.sql(KEPT, key["id"]) == 17


def test_an_hour_of_a_tenant_keeps_so_many_addresses(
    app: Flask, ada: Api, database: Database
) -> None:
    keys = [ada.create("api-keys") for _ in range(8)]
    called(app, *keys[:2], sources=10)
    called(app, *keys[2:6], sources=5)
    called(app, *keys[6:], sources=10)
    assert [total(ada, key) for key in keys] == [10, 10, 5, 5, 5, 5, 10, 10]
    kept = [database.sql(KEPT, key["id"]) for key in keys]
    assert kept[:2] == [10, 10]
    assert sum(kept[2:6]) == 40 - 2 * 12
    assert kept[6:] == [0, 0]


def test_a_tenant_takes_no_places_of_another_one(
    app: Flask, ada: Api, gus: Api, database: Database
) -> None:
    loud = [ada.create("api-keys") for _ in range(5)]
    quiet = gus.create("api-keys")
    usage = Usage()
    for number in range(200):
        key = loud[number % 5]
        source, scope = f"2001:db8::{number:x}", f"a{number}:read"
        usage.note(key["tenant_id"], key["id"], NOW, source=source, scope=scope)
    for number in range(10):
        usage.note(quiet["tenant_id"], quiet["id"], NOW, source=f"192.0.2.{number}")
    with app.app_context():
        usage.flush()
    assert database.sql(KEPT, quiet["id"]) == 10
    assert [*(total(ada, key) for key in loud), total(gus, quiet)] == [40] * 5 + [10]
