"""The demo is made by the usual services, once, and shows what the README promises."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from portal_devtools.demo import calls, happenings, history
from portal_devtools.demo.live import Demo
from portal_devtools.demo.seeding import seed
from portal_devtools.receiver import create_receiver

from portal.connections.engine import Engine as Checks
from portal.database.session import transaction
from portal.delivery.engine import Engine as Deliveries
from portal.keys.housekeeping import HOUSEKEEPING
from portal.leases.engine import Engine as Leases
from tests.cast import ACME, ADA, GUS, Api, Provider
from tests.databases import Database
from tests.identity.serving import served
from tests.keeping import keep_house

DAYS = 2
# Of the past alone: what is called today goes on while the demo is filled.
CALLS = "SELECT sum(calls) FROM key_use WHERE aspect = 'call' AND hour < %s"
ENGINES = (Deliveries, Checks, Leases)


@pytest.fixture
def settings(token_provider: Provider) -> Iterator[dict[str, str]]:
    """Yield the settings of a portal that knows the people of the demo and has its receiver."""
    with served(lambda _: create_receiver()) as receiver:
        yield {
            "PORTAL_IDP_PORT": str(urlsplit(token_provider.issuer).port),
            "PORTAL_OIDC_ISSUER": f"http://127.0.0.1:{urlsplit(token_provider.issuer).port}",
            "PORTAL_RECEIVER_PORT": str(urlsplit(receiver).port),
        }


@pytest.fixture
def portal(settings: dict[str, str], another_app: Callable[..., Flask]) -> Flask:
    return another_app(**settings)


@contextmanager
def working(app: Flask) -> Iterator[None]:
    """Run what a worker runs at all times."""
    with ExitStack() as stack:
        for kind in ENGINES:
            engine = kind(app)
            engine.start()
            stack.callback(engine.stop)
        yield


def items(caller: Api, resource: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        answer = caller.get(f"/{resource}", query_string={"limit": 200, **query}).json or {}
        found += answer["items"]
        if not (cursor := answer["next_cursor"]):
            return found
        query["cursor"] = cursor


def told(caller: Api) -> dict[str, datetime]:
    """Return the demo's events of the past by their ids, with the time when they were received."""
    return {
        one["client_id"]: datetime.fromisoformat(one["received_at"])
        for one in items(caller, "events")
        if (one["client_id"] or "").startswith("demo-")
    }


def test_the_demo_shows_what_the_readme_promises(
    portal: Flask, settings: dict[str, str], database: Database, token_provider: Provider
) -> None:
    seed(portal)
    ada = Api(portal.test_client(), token_provider.token(ADA))
    url = f"http://127.0.0.1:{settings['PORTAL_RECEIVER_PORT']}/hooks/mine"
    mine = ada.create("webhooks", name="Mine", url=url, event_types=["*"])
    with working(portal):
        Demo(portal, Flag()).fill(DAYS)
        broken = named(ada, "connectors", "Invoice archive")
        until(lambda: len(items(ada, f"connectors/{broken['id']}/checks")) == 2)
    keep_house(portal, database, [job for job in HOUSEKEEPING if job.name == "find weak keys"])
    its_events_calls_and_deliveries_are_weeks_old(ada)
    a_webhook_that_is_added_meanwhile_gets_nothing_of_the_past(ada, mine)
    now = datetime.now(UTC)

    health = named(ada, "webhooks", "On-call pager")["health"]
    assert health["status"] == "failing"
    assert "the receiver answers 500" in health["reason"]
    assert now - datetime.fromisoformat(health["since"]) > timedelta(hours=18)
    assert named(ada, "webhooks", "RFP events")["health"]["status"] == "works"

    health = named(ada, "connectors", "Invoice archive")["health"]
    assert health["status"] == "failing"
    assert named(ada, "connectors", "Invoice archive")["version"] == 2
    checks = items(ada, f"connectors/{broken['id']}/checks")
    assert [one["outcome"] for one in checks] == ["auth_invalid", "passed"]

    old, new = sorted(
        (key for key in items(ada, "api-keys") if key["name"] == "Invoice import"),
        key=lambda key: str(key["created_at"]),
    )
    assert new["rotated_from_key_id"] == old["id"]
    assert old["health"]["status"] == "attention"
    assert "rotation" in old["health"]["reason"]

    leaked = named(ada, "api-keys", "Partner feed")
    assert leaked["blocked"]
    assert "git.partner.example" in leaked["blocked_reason"]
    assert "Found in public" in leaked["health"]["reason"]

    drafts = named(ada, "api-keys", "RFP drafts")
    assert 100 * drafts["spend_usd"] == 83 * drafts["max_budget_usd"]
    assert drafts["health"]["status"] == "attention"

    posture = ada.get("/api-keys/posture").json or {}
    assert posture["owner_gone"] == 1, "the key of Otto, who left"
    assert posture["expiring"] == 1


def its_events_calls_and_deliveries_are_weeks_old(ada: Api) -> None:
    made_at = datetime.fromisoformat(named(ada, "webhooks", "RFP events")["created_at"])
    assert datetime.now(UTC) - made_at > timedelta(days=23)
    events = told(ada)
    # At a weekend, hours of a night can be without an event.
    assert min(events.values()) < datetime.now(UTC) - timedelta(days=DAYS - 1)
    assert list(events.values()) == sorted(events.values(), reverse=True), "as they happened"
    some = named(ada, "webhooks", "RFP events")["id"]
    sent = items(ada, f"webhooks/{some}/deliveries")
    days = {one["created_at"][:10] for one in sent}
    assert len(days) >= DAYS
    assert {one["state"] for one in sent} == {"delivered"}
    [attempt] = (ada.get(f"/deliveries/{sent[-1]['id']}").json or {})["attempt_list"]
    assert attempt["created_at"][:10] == sent[-1]["created_at"][:10]
    assert attempt["timings"]["total_ms"] >= 20, "the receiver takes its time"
    figures = {one["name"]: one for one in (ada.get("/overview").json or {})["figures"]}
    since = figures["delivered"]["begins_at"]
    lately = items(ada, "deliveries", state="delivered", created_after=since)
    assert figures["delivered"]["value"] == len(lately)
    assert figures["p95"]["value"] >= 20
    archive = named(ada, "webhooks", "Audit archive")["id"]
    [replay] = (ada.get(f"/webhooks/{archive}/replays").json or {})["items"]
    assert replay["what"] == "failed"
    explained = ada.post("/api-keys/explanations", {"request_id": "demo-01-003"}).json or {}
    assert "model" in str(explained).lower()


@pytest.mark.timeout(300)
@pytest.mark.proof(only=True)
def test_a_demo_that_is_killed_goes_on_and_makes_nothing_twice(
    portal: Flask, settings: dict[str, str], token_provider: Provider, database: Database
) -> None:
    ada = Api(portal.test_client(), token_provider.token(ADA))
    with working(portal):
        with separate_demo(portal, settings) as process:
            until(lambda: [name for name in told(ada) if name.startswith("demo-02-")])
            process.send_signal(signal.SIGKILL)
        Demo(portal, Flag()).fill(DAYS)
        with portal.app_context(), transaction(ACME):
            begun_at = history.beginning()
        first = everything(ada, database, begun_at)
        Demo(portal, Flag()).fill(DAYS)
        assert everything(ada, database, begun_at) == first
    days = [number + 1 for number in range(DAYS)]
    planned = [happenings.of_day(begun_at, number) for number in days]
    names = [event.id for day in planned for some in day.values() for event in some]
    assert set(names) <= set(first["events"])
    assert len(names) == len(set(names))
    uses = [use for number in days for use in calls.planned(begun_at, number)]
    assert first["calls"] == sum(use.calls for use in uses)
    moved = [told(ada)[name] < begun_at for name in names]
    assert all(moved)


def a_webhook_that_is_added_meanwhile_gets_nothing_of_the_past(
    ada: Api, mine: dict[str, Any]
) -> None:
    sent = items(ada, f"webhooks/{mine['id']}/deliveries")
    events = {one["id"]: one["client_id"] or "" for one in items(ada, "events")}
    assert not [one for one in sent if events[one["event_id"]].startswith("demo-")]


def test_seeding_twice_gives_each_tenant_its_records_once(
    portal: Flask, token_provider: Provider
) -> None:
    seed(portal)
    seed(portal)
    ada = Api(portal.test_client(), token_provider.token(ADA))
    gus = Api(portal.test_client(), token_provider.token(GUS))
    kinds = ("applications", "connectors", "api-keys", "webhooks")
    counts = {name: len(items(ada, name)) for name in kinds}
    assert counts == {"applications": 6, "connectors": 5, "api-keys": 10, "webhooks": 5}
    assert len(items(gus, "webhooks")) == 1
    assert len(items(gus, "events")) == 1
    assert named(ada, "api-keys", "CRM backend")["source_type"] == "system"


def everything(caller: Api, database: Database, begun_at: datetime) -> dict[str, Any]:
    """Return what must not change when the demo is filled again."""
    kinds = ("applications", "connectors", "api-keys", "webhooks", "deliveries")
    counts: dict[str, Any] = {kind: len(items(caller, kind)) for kind in kinds}
    keys = items(caller, "api-keys")
    return counts | {
        "events": sorted(told(caller)),
        "calls": database.sql(CALLS, begun_at),
        "spent": {key["name"]: key["spend_usd"] for key in keys},
    }


def named(caller: Api, resource: str, name: str) -> dict[str, Any]:
    [found] = [one for one in items(caller, resource) if one["name"] == name]
    return found


@contextmanager
def separate_demo(app: Flask, settings: dict[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    """Run the process of the demo that `portal dev` starts, on the tests' database."""
    config = app.extensions["portal"]
    own = {
        "PORTAL_DATABASE_URL": config.database_url,
        "PORTAL_MIGRATION_DATABASE_URL": config.migration_database_url,
        "PORTAL_DATA_DIR": str(config.data_dir),
    }
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PORTAL_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.ops.cli", "seed", "--live"],
        env=environ | settings | own,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(seen: Callable[[], Any]) -> None:
    """Wait until `seen` returns something true; the time limit only ends a test that hangs."""
    deadline = time.monotonic() + 90
    while not seen():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
