"""Test ETags and what is asked with them: If-None-Match on reads, If-Match on writes."""

from typing import Any

import pytest

from portal.features import FEATURES
from portal.rest.openapi import Operation
from portal.rest.resources import Resource
from tests.cast import Api
from tests.resources import RESOURCES, called, minimal
from tests.test_every_resource import filled

OPERATIONS = [operation for feature in FEATURES for operation in feature.rest()]
every = pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.name)


def writes(resource: Resource[Any, Any]) -> list[Operation]:
    """Return the operations that change a record of this resource, or something below it."""
    return [
        operation
        for operation in OPERATIONS
        if operation.path.startswith(f"/{resource.name}/{{id}}")
        and operation.method != "GET"
        and not operation.scope.endswith(":read")
    ]


@every
def test_whoever_creates_a_record_has_its_tag(resource: Resource[Any, Any], ada: Api) -> None:
    key = {"Idempotency-Key": "deploy-42"}
    made = ada.post(f"/{resource.name}", minimal(resource), headers=key)
    path = f"/{resource.name}/{(made.json or {})['id']}"
    assert made.headers["ETag"] == ada.get(path).headers["ETag"]
    known = {"If-None-Match": made.headers["ETag"]}
    assert ada.get(path, headers=known).status_code == 304
    again = ada.post(f"/{resource.name}", minimal(resource), headers=key)
    assert again.headers["ETag"] == '"1"', "an answer from before is known by its version"


@every
def test_what_has_not_changed_is_not_sent_again(resource: Resource[Any, Any], ada: Api) -> None:
    made = ada.create(resource.name, **minimal(resource))
    for path in (f"/{resource.name}", f"/{resource.name}/{made['id']}/history"):
        first = ada.get(path)
        tag = first.headers["ETag"]
        for known in (tag, f'"x", W/{tag}', "*"):
            same = ada.get(path, headers={"If-None-Match": known})
            assert (same.status_code, same.data) == (304, b""), (path, known)
            assert same.headers["ETag"] == tag
        ada.create(resource.name)
        other = ada.get(f"/{resource.name}", headers={"If-None-Match": tag})
        assert other.status_code == 200
    head = ada.call("HEAD", f"/{resource.name}/{made['id']}")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["ETag"] == ada.get(f"/{resource.name}/{made['id']}").headers["ETag"]


def test_every_document_has_a_tag(ada: Api) -> None:
    for path in ("/event-settings", "/quotas", "/api-keys/posture", "/event-types/own"):
        answer = ada.get(path)
        assert answer.status_code == 200, path
        known = {"If-None-Match": answer.headers["ETag"]}
        if path != "/quotas":  # its figures move with each request
            assert ada.get(path, headers=known).status_code == 304, path


def test_a_use_of_a_key_is_news_of_it(ada: Api) -> None:
    """A use makes no new version, so the tag has a hash of the document beside the version."""
    key = ada.create("api-keys")["id"]
    path = f"/api-keys/{key}"
    tag = ada.get(path).headers["ETag"]
    assert ada.post(f"{path}/usage", {"cost_usd": 1.5}).status_code == 200
    news = ada.get(path, headers={"If-None-Match": tag})
    assert (news.json or {})["spend_usd"] == 1.5
    assert news.headers["ETag"] != tag
    blocked = ada.post(f"{path}/block", headers={"If-Match": tag})
    assert blocked.status_code == 200, "the version is still the one that was read"
    assert blocked.headers["ETag"] == ada.get(path).headers["ETag"]


# ---------------------------------------------------------------- If-Match


def test_every_write_below_a_record_declares_it() -> None:
    for resource in RESOURCES:
        for operation in writes(resource):
            assert operation.record is resource.model, operation.id
            assert "If-Match" in {one.name for one in operation.accepts}


@every
def test_a_write_of_another_version_does_nothing(resource: Resource[Any, Any], ada: Api) -> None:
    made = ada.create(resource.name, **minimal(resource))
    path = f"/{resource.name}/{made['id']}"
    before = ada.get(f"{path}/history").json
    for operation in writes(resource):
        if operation.scope == "connectors:use":
            continue  # for keys only
        below = filled(operation.path, made["id"])
        body = {} if operation.command else None
        for stale in ('"2"', 'W/"1"', '"2", "3-0a"', '"01"'):
            answer = ada.call(operation.method, below, json=body, headers={"If-Match": stale})
            assert answer.status_code == 412, (operation.id, stale, answer.text)
            assert (answer.json or {})["code"] == "precondition_failed"
        for broken in ("1", "", '"1', '"1" "2"', "*, *"):
            answer = ada.call(operation.method, below, json=body, headers={"If-Match": broken})
            assert answer.status_code == 400, (operation.id, broken, answer.text)
            assert (answer.json or {})["errors"][0]["field"] == "If-Match"
        absent = ada.call(
            operation.method,
            filled(operation.path, made["id"][:-4] + "ZZZZ"),
            json=body,
            headers={"If-Match": '"1"'},
        )
        assert absent.status_code == 404, (operation.id, absent.text)
    assert ada.get(f"{path}/history").json == before


@pytest.mark.parametrize(
    "known", ['"1"', "*", '"7", "1"', ',"1-0a1b",', '"1-0a1b-gzip"', '"1-gzip"']
)
def test_a_write_of_the_version_that_was_read_is_done(ada: Api, known: str) -> None:
    made = ada.create("webhooks", url="https://hooks.example.com/in", event_types=["*"])
    path = f"/webhooks/{made['id']}"
    paused = ada.post(f"{path}/pause", headers={"If-Match": known})
    assert paused.status_code == 200, paused.text
    assert (paused.json or {})["version"] == 2
    assert ada.post(f"{path}/resume", headers={"If-Match": '"1"'}).status_code == 412
    assert (
        ada.post(f"{path}/resume", headers={"If-Match": paused.headers["ETag"]}).status_code == 200
    )


@pytest.mark.parametrize("resource", [one for one in RESOURCES if one.update], ids=lambda r: r.name)
def test_the_field_that_names_a_record_changes_its_tag(
    resource: Resource[Any, Any], ada: Api
) -> None:
    made = ada.create(resource.name)
    path = f"/{resource.name}/{made['id']}"
    changed = ada.patch(path, {called(resource): "Renamed"})
    assert changed.headers["ETag"] == ada.get(path).headers["ETag"]
    assert changed.headers["ETag"].startswith('"2')


@pytest.mark.parametrize("resource", [r for r in RESOURCES if r.delete], ids=lambda r: r.name)
def test_a_deleted_record_is_read_and_restored_by_its_tag(
    resource: Resource[Any, Any], ada: Api, gus: Api
) -> None:
    made = ada.create(resource.name, **minimal(resource))
    path = f"/{resource.name}/{made['id']}"
    assert ada.delete(path, headers={"If-Match": '"2"'}).status_code == 412
    assert ada.delete(path, headers={"If-Match": '"1"'}).status_code == 204
    assert ada.get(path).status_code == ada.get(f"{path}?include_deleted=false").status_code == 404
    answer = ada.get(f"{path}?include_deleted=true")
    document = answer.json or {}
    assert document["is_deleted"] is True
    assert set(document) == set(resource.document.model_fields)
    assert gus.get(f"{path}?include_deleted=true").status_code == 404
    assert ada.get(f"{path}?include_deleted=maybe").status_code == 400
    assert ada.post(f"{path}/restore", headers={"If-Match": '"1"'}).status_code == 412
    restored = ada.post(f"{path}/restore", headers={"If-Match": answer.headers["ETag"]})
    assert restored.status_code == 200
    assert restored.headers["ETag"] == ada.get(path).headers["ETag"]


def test_a_retry_gets_its_answer_though_the_version_is_another_by_then(ada: Api) -> None:
    made = ada.create("applications", display_name="CRM")
    both = {"If-Match": f'"{made["version"]}"', "Idempotency-Key": "suspend-1"}
    path = f"/applications/{made['id']}/suspend"
    first = ada.post(path, {"reason": "An incident"}, headers=both)
    again = ada.post(path, {"reason": "An incident"}, headers=both)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json == first.json
    stale = {**both, "Idempotency-Key": "suspend-2"}
    assert ada.post(path, {"reason": "An incident"}, headers=stale).status_code == 412


@every
def test_a_key_that_answered_another_request_answers_no_stale_write(
    resource: Resource[Any, Any], ada: Api
) -> None:
    """Only the retry of a request gets its answer; any other write of an old version is a 412."""
    key = {"Idempotency-Key": "deploy-43"}
    made = ada.post(f"/{resource.name}", minimal(resource), headers=key).json or {}
    path = f"/{resource.name}/{made['id']}"
    assert ada.patch(path, {called(resource): "By somebody else"}).status_code == 200
    stale = {"If-Match": '"1"', **key}
    for operation in writes(resource):
        if operation.scope == "connectors:use":
            continue  # for keys only
        body = {} if operation.command else None
        below = filled(operation.path, made["id"])
        answer = ada.call(operation.method, below, json=body, headers=stale)
        assert answer.status_code == 412, (operation.id, answer.text)
    assert (ada.get(path).json or {})[called(resource)] == "By somebody else"


def test_if_match_is_refused_where_it_could_not_be_kept(ada: Api) -> None:
    tag = ada.get("/event-settings").headers["ETag"]
    refused = ada.call("PUT", "/event-settings", json={}, headers={"If-Match": tag})
    assert (refused.status_code, (refused.json or {})["errors"][0]["field"]) == (400, "If-Match")
