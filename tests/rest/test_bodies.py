"""Test which operations need a body, and how a PATCH is merged into the stored document."""

from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.features import FEATURES
from portal.rest.openapi import PREFIX
from tests.cast import Api
from tests.resources import EXPORTS
from tests.test_every_resource import filled

OPERATIONS = [operation for feature in FEATURES for operation in feature.rest()]
WITH_BODY = [operation for operation in OPERATIONS if operation.command]


def test_a_body_is_required_exactly_where_the_document_says_so(app: Flask, ada: Api) -> None:
    paths = (app.test_client().get(f"{PREFIX}/openapi.json").json or {})["paths"]
    for operation in WITH_BODY:
        answer = ada.call(operation.method, filled(operation.path, "x"))
        described = paths[operation.path][operation.method.lower()]["requestBody"]
        fields = [error["field"] for error in (answer.json or {}).get("errors", [])]
        refused = answer.status_code == 400 and fields == ["body"]
        assert described["required"] is refused, (operation.id, answer.text)


def test_what_creates_or_changes_a_record_requires_a_body() -> None:
    optional = {operation.id for operation in WITH_BODY if not operation.needs_body}
    assert optional == {
        "integration.apiKeys.block",
        "integration.apiKeys.createChild",
        "integration.apiKeys.rehearse",
        "integration.apiKeys.revoke",
        "integration.apiKeys.rotate",
        "integration.apiKeys.settleReservation",
        "integration.connectors.check",
        "integration.connectors.takeLease",
        "integration.webhooks.resume",
        *(f"integration.{name}" for name in EXPORTS),
    }


def test_a_key_is_not_billed_by_a_call_without_a_body(ada: Api) -> None:
    key = ada.create("api-keys")["id"]
    answer = ada.post(f"/api-keys/{key}/usage")
    assert answer.status_code == 400
    assert (answer.json or {})["errors"][0]["field"] == "body"


def test_event_settings_that_are_not_sent_stay_as_they_are(ada: Api) -> None:
    chosen = {"retention_days": 7, "redacted_fields": ["iban"], "key_material": "refuse"}
    assert ada.call("PUT", "/event-settings", json=chosen).json == chosen
    assert ada.call("PUT", "/event-settings").status_code == 400
    assert ada.call("PUT", "/event-settings", json={}).json == chosen
    longer = ada.call("PUT", "/event-settings", json={"retention_days": 9})
    assert longer.json == {**chosen, "retention_days": 9} == ada.get("/event-settings").json


# ---------------------------------------------------------------- PATCH

KINDS = pytest.mark.parametrize("kind", ["application/json", "application/merge-patch+json"])
NAMES = st.sampled_from(["a", "b", "c"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["x", "y"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=3)


def merged(target: Any, patch: Any) -> Any:
    """Merge as the pseudocode of RFC 7396, section 2, does."""
    if not isinstance(patch, dict):
        return patch
    if not isinstance(target, dict):
        target = {}
    for name, value in patch.items():
        if value is None:
            target = {kept: target[kept] for kept in target if kept != name}
        else:
            target = {**target, name: merged(target.get(name), value)}
    return target


@KINDS
def test_a_patch_merges_at_every_depth_as_rfc_7396_says(kind: str, ada: Api) -> None:
    path = f"/event-types/{ada.create('event-types', name='rfp.created')['id']}"

    @given(stored=OBJECTS, patch=OBJECTS)
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def merges(stored: Any, patch: Any) -> None:
        assert ada.patch(path, {"example": None}).status_code == 200
        before = (ada.patch(path, {"example": stored}).json or {})["example"]
        body = {"example": patch}
        answer = ada.call("PATCH", path, json=body, headers={"Content-Type": kind})
        assert answer.status_code == 200, answer.text
        assert (answer.json or {})["example"] == merged(before, patch)
        assert (ada.get(path).json or {})["example"] == merged(before, patch)

    merges()


@KINDS
def test_a_nested_setting_that_is_not_sent_stays(kind: str, ada: Api) -> None:
    made = ada.create(
        "webhooks",
        url="https://hooks.example.com/in",
        headers={"X-Team": "crm", "X-Stage": "live"},
        retry_policy={"maxAttempts": 3, "backoff": "linear"},
        tags=["a", "b"],
    )
    patch = {
        "headers": {"X-Stage": None, "X-Region": "eu"},
        "retry_policy": {"maxAttempts": 4},
        "tags": ["c"],
        "name": None,
    }
    path = f"/webhooks/{made['id']}"
    changed = ada.call("PATCH", path, json=patch, headers={"Content-Type": kind}).json or {}
    assert changed["headers"] == {"X-Team": "crm", "X-Region": "eu"}
    assert changed["retry_policy"] == {**made["retry_policy"], "maxAttempts": 4}
    assert changed["tags"] == ["c"], "a list is replaced"
    assert changed["name"] == ada.create("webhooks")["name"], "null sets a field back"


def test_credentials_keep_their_own_rule_for_null(ada: Api) -> None:
    made = ada.create(
        "connectors",
        provider="splunk",
        config={"host": "splunk.acme.example:8089", "index": "main"},
        credentials={"token": "a-token-that-nobody-may-see"},
    )
    path = f"/connectors/{made['id']}"
    changed = (
        ada.patch(path, {"config": {"index": None}, "credentials": {"token": None}}).json or {}
    )
    assert changed["config"] == {"host": "splunk.acme.example:8089"}
    assert changed["credential_fields"] == []
