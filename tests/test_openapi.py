"""The published document is valid, complete, and kept: a fuzzer that reads it finds no lie."""

from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.cast import PREFIX, Api

KEPT = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


@pytest.fixture
def published(app: Flask) -> Any:
    return schemathesis.openapi.from_wsgi(f"{PREFIX}/openapi.json", app)


def test_every_operation_of_rest_is_in_the_document(app: Flask) -> None:
    document = app.test_client().get(f"{PREFIX}/openapi.json").json or {}
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    routed = {
        (method, rule.rule.removeprefix(PREFIX).replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(PREFIX)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    # GitHub's secret scanning speaks a protocol of its own, by signature and not by credential.
    assert routed - described == {("GET", "/openapi.json"), ("POST", "/secret-scanning/github")}
    assert described - routed == set()


def test_what_the_document_promises_is_kept(published: Any, ada: Api) -> None:
    # Without a network schemathesis asks for gzip and does not undo it.
    headers = {"Authorization": f"Bearer {ada.token}", "Accept-Encoding": "identity"}
    for found in published.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=10,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: Any) -> None:
            case.validate_response(case.call(headers=headers), checks=KEPT)

        ask()
