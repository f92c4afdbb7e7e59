"""Test that a credential with exactly the declared scopes can call each operation."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.features import FEATURES
from portal.rest.openapi import PREFIX, Operation
from tests.cast import Api
from tests.test_every_route import Records, receiver_url, records  # noqa: F401 - fixtures

OPERATIONS = [operation for feature in FEATURES for operation in feature.rest()]
FOR_PEOPLE = {"people", "sessions"}  # no key reaches them, whatever its scopes
WINDOW = {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "what": "all"}
BODIES: dict[str, Any] = {
    "integration.views.create": {"list": "webhooks", "name": "Mine"},
    "integration.apiKeys.reportLeak": {"fingerprint": "0" * 64},
    "integration.apiKeys.verify": {"key": "sk-unknown"},
    "integration.applications.reopen": {"reason": "Used again."},
    "integration.applications.retire": {"reason": "Not used."},
    "integration.applications.suspend": {"reason": "A key leaked."},
    "integration.connectors.restoreCredentials": {"version": 1},
    "integration.eventTypes.importTypes": {"document": {"openapi": "3.1.0"}},
    "integration.events.erase": {"subject": "ann"},
    "integration.events.publish": [{"type": "rfp.created"}],
    "integration.webhooks.replay": WINDOW,
    "integration.webhooks.sendFromLab": {"event_type": "rfp.created"},
    "integration.webhooks.test": {"event_type": "rfp.created"},
}


@pytest.fixture
def call(app: Flask, ada: Api, records: Records) -> Callable[[Operation], TestResponse]:  # noqa: F811
    """Return a function that calls an operation with a key that has its scopes and no other."""
    rules = {rule.endpoint: rule for rule in app.url_map.iter_rules()}
    keys: dict[frozenset[str], Api] = {}
    application = ada.create("applications")["id"]

    def key(scopes: frozenset[str]) -> Api:
        if scopes not in keys:
            body: dict[str, Any] = {"scopes": sorted(scopes)}
            if "connectors:use" in scopes:
                body["application_id"] = application
            keys[scopes] = Api(app.test_client(), ada.create("api-keys", **body)["key"])
        return keys[scopes]

    def called(operation: Operation) -> TestResponse:
        rule = rules["api." + operation.id.replace(".", "_")]
        path = operation.path
        for name, value in records.arguments(rule).items():
            path = path.replace(f"{{{name}}}", value)
        body = BODIES.get(operation.id, {} if operation.command else None)
        return key(frozenset(operation.scopes)).call(operation.method, path, json=body)

    return called


def test_the_declared_scopes_are_enough(
    call: Callable[[Operation], TestResponse],
) -> None:
    refused, not_done = {}, {}
    for operation in sorted(OPERATIONS, key=lambda one: one.method == "DELETE"):
        answer = call(operation)
        keeps_a_view = operation.resource == "views" and operation.is_write
        is_of_asker = operation.path.startswith("/bulk-jobs/")  # here, a person's
        if operation.resource in FOR_PEOPLE or keeps_a_view or is_of_asker:
            assert answer.status_code == 403, operation.id
        elif answer.status_code in (401, 403):
            refused[operation.id] = answer.text
        elif answer.status_code >= 400:  # the record is in another state, say
            not_done[operation.id] = answer.text
    assert refused == {}
    assert len(not_done) < len(OPERATIONS) / 4, not_done


def test_what_needs_two_scopes_is_refused_without_one_of_them(app: Flask, ada: Api) -> None:
    needy = [operation for operation in OPERATIONS if operation.more_scopes]
    assert [operation.id for operation in needy] == ["integration.events.erase"]
    document = app.test_client().get(f"{PREFIX}/openapi.json").json or {}
    for operation in needy:
        described = document["paths"][operation.path][operation.method.lower()]
        assert described["x-scopes"] == list(operation.scopes)
        for scope in operation.scopes:
            key = ada.create("api-keys", scopes=[scope])["key"]
            answer = Api(app.test_client(), key).post(operation.path, {"subject": "ann"})
            assert answer.status_code == 403
            (missing,) = set(operation.scopes) - {scope}
            assert f'scope="{missing}"' in answer.headers["WWW-Authenticate"]
