"""Bulk jobs on webhooks, connectors and applications."""

from typing import Any

import pytest

from portal import secretstore
from portal.connections.requests import PER_MINUTE_OF_JOBS
from portal.secretstore.vault import StaticToken, Transport, VaultStore
from tests.bulk.test_jobs import confirm, counts, job_of, preview, rows, work
from tests.cast import Api
from tests.databases import Database

__all__ = ["work"]
URL = "https://hooks.example.com/cpod"


def done(caller: Api, work: Any, resource: str, verb: str, **more: Any) -> dict[str, Any]:
    """Preview, confirm and do a job; return it as it is then."""
    job = preview(caller, resource, verb, **more)
    confirm(caller, job)
    work()
    return job_of(caller, job)


def test_webhooks_are_paused_resumed_edited_and_deleted(ada: Api, work) -> None:
    ids = [ada.create("webhooks", url=URL, event_types=["*"])["id"] for _ in range(3)]
    inbound = ada.create("webhooks", direction="inbound")["id"]
    paused = done(ada, work, "webhooks", "pause", ids=[*ids, inbound])
    assert counts(paused) == ("done", 0, 3, 0, 1)
    assert ada.get(f"/webhooks/{ids[0]}").json["pause_reason"] == "by_hand"
    resumed = done(ada, work, "webhooks", "resume", filter={"direction": "outbound"})
    assert counts(resumed) == ("done", 0, 3, 0, 0)
    assert ada.get(f"/webhooks/{ids[0]}").json["paused_at"] is None
    values = {"rate_limit": 5, "add_tags": ["slow"]}
    done(ada, work, "webhooks", "edit", ids=ids, arguments=values)
    webhook = ada.get(f"/webhooks/{ids[1]}").json
    assert (webhook["rate_limit"], webhook["tags"], webhook["url"]) == (5, ["slow"], URL)
    done(ada, work, "webhooks", "delete", ids=ids[:2])
    assert ada.get(f"/webhooks/{ids[0]}").status_code == 404
    assert ada.post(f"/webhooks/{ids[0]}/restore").status_code == 200


def test_connectors_are_disabled_edited_checked_and_deleted(ada: Api, work) -> None:
    body = {"provider": "http", "auth_type": "none", "config": {"baseUrl": "https://a.example"}}
    ids = [ada.create("connectors", **body)["id"] for _ in range(2)]
    draft = ada.create("connectors")["id"]
    assert done(ada, work, "connectors", "disable", filter={})["done"] == 3
    assert ada.get(f"/connectors/{ids[0]}").json["enabled"] is False
    edited = done(ada, work, "connectors", "edit", ids=ids, arguments={"add_tags": ["eu"]})
    assert edited["done"] == 2
    assert ada.get(f"/connectors/{ids[0]}").json["tags"] == ["eu"]
    job = preview(ada, "connectors", "check", filter={})
    (refused,) = rows(ada, job, "skipped")
    assert (refused["record_id"], refused["reason"]) == (
        draft,
        "It is a draft. Choose its provider first.",
    )
    assert done(ada, work, "connectors", "delete", filter={})["done"] == 3


def test_a_job_waits_for_the_secret_store(
    ada: Api, work, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.create("connectors", provider="splunk", credentials={"token": "tok"})
    job = preview(ada, "connectors", "delete", filter={})
    confirm(ada, job)
    away = VaultStore(Transport("http://127.0.0.1:1"), StaticToken("dead"))
    with monkeypatch.context() as changed:
        changed.setattr(secretstore, "_configured", away)
        work()
    assert counts(job_of(ada, job)) == ("running", 1, 0, 0, 0)
    database.sql("UPDATE bulk_job SET next_at = now()")
    work()
    assert counts(job_of(ada, job)) == ("done", 0, 1, 0, 0)


def test_a_job_of_checks_leaves_a_person_their_own(ada: Api, work, database: Database) -> None:
    body = {"provider": "http", "auth_type": "none", "config": {"baseUrl": "https://a.example"}}
    items = [{"name": f"Connector {number}", **body} for number in range(PER_MINUTE_OF_JOBS + 2)]
    ids = [ada.create("connectors", **item)["id"] for item in items]
    database.sql("DELETE FROM connector_check")  # those of new connectors
    job = preview(ada, "connectors", "check", filter={})
    confirm(ada, job)
    work()
    assert counts(job_of(ada, job)) == ("running", 2, PER_MINUTE_OF_JOBS, 0, 0)
    left = {row["record_id"] for row in rows(ada, job, "waiting")}
    assert left < set(ids)
    for connector_id in left:
        assert ada.post(f"/connectors/{connector_id}/checks").status_code == 202
    database.sql("UPDATE connector_check SET created_at = created_at - interval '2 minutes'")
    database.sql("UPDATE connector_check SET state = 'done'")
    database.sql("UPDATE bulk_job SET next_at = now()")
    work()
    assert counts(job_of(ada, job)) == ("done", 0, PER_MINUTE_OF_JOBS + 2, 0, 0)


def test_a_job_leaves_out_connectors_of_somebody_else(ada: Api, ed: Api) -> None:
    ed.create("connectors", name="Mine alone", scope="user")
    ed.create("connectors", name="For all")
    job = preview(ada, "connectors", "disable", filter={})
    assert [row["record_name"] for row in rows(ada, job)] == ["For all"]


def test_applications_are_edited_as_one_by_one(ada: Api, work) -> None:
    live = ada.create("applications", display_name="Live")["id"]
    gone = ada.create("applications", display_name="Gone")["id"]
    ada.post(f"/applications/{gone}/retire", {"reason": "Replaced."})
    job = done(ada, work, "applications", "edit", filter={}, arguments={"status": "deprecated"})
    assert counts(job) == ("done", 0, 1, 0, 1)
    assert ada.get(f"/applications/{live}").json["status"] == "deprecated"
    assert rows(ada, job, "skipped")[0]["reason"]
