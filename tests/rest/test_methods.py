"""Test what a path says of its methods, and a request without a credential."""

import pytest
from flask import Flask

from portal.features import FEATURES
from portal.rest.openapi import PREFIX
from tests.cast import Api
from tests.test_every_resource import filled

OPERATIONS = [operation for feature in FEATURES for operation in feature.rest()]
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def methods(path: str) -> set[str]:
    found = {operation.method for operation in OPERATIONS if operation.path == path}
    return found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())


def allowed(text: str) -> set[str]:
    return set(text.split(", "))


def test_options_tells_everybody_the_methods_of_a_path(app: Flask) -> None:
    visitor = app.test_client()
    for path in {operation.path for operation in OPERATIONS}:
        answer = visitor.options(PREFIX + filled(path, "x"))
        assert (answer.status_code, answer.data) == (204, b""), path
        assert allowed(answer.headers["Allow"]) == methods(path), path
    assert visitor.options(f"{PREFIX}/openapi.json").status_code == 204


def test_a_method_that_a_path_has_not_is_405_with_those_it_has(app: Flask) -> None:
    visitor = app.test_client()
    refused = 0
    for path in {operation.path for operation in OPERATIONS}:
        for method in METHODS - methods(path):
            answer = visitor.open(PREFIX + filled(path, "x"), method=method)
            if answer.status_code == 401:
                continue  # `/api-keys/{id}` takes the path of a GET of `/api-keys/verify`
            refused += 1
            assert answer.status_code == 405, (method, path)
            assert (answer.json or {})["code"] == "method_not_allowed"
            assert allowed(answer.headers["Allow"]) == methods(path), (method, path)
    assert refused > 200


def test_a_page_says_its_methods_too(app: Flask) -> None:
    answer = app.test_client().delete("/auth/login")
    assert answer.status_code == 405
    assert "GET" in allowed(answer.headers["Allow"])


@pytest.mark.parametrize(
    ("sent", "challenge"),
    [
        ({}, "Bearer"),
        ({"Authorization": "Bearer nonsense"}, 'Bearer error="invalid_token"'),
        ({"Authorization": "Bearer "}, 'Bearer error="invalid_token"'),
        ({"Authorization": "Basic eDp5"}, 'Bearer error="invalid_token"'),
    ],
)
def test_only_a_credential_that_was_sent_is_called_invalid(
    app: Flask, sent: dict[str, str], challenge: str
) -> None:
    answer = app.test_client().get(f"{PREFIX}/applications", headers=sent)
    assert answer.status_code == 401
    said = answer.headers["WWW-Authenticate"]
    assert said.startswith(challenge)
    assert ("error=" in said) is ("error=" in challenge)


@pytest.mark.parametrize("query", ["limit=", "sort=", "q=", "cursor", "include_deleted="])
def test_a_parameter_without_a_value_is_named(ada: Api, query: str) -> None:
    answer = ada.get(f"/webhooks?{query}")
    assert answer.status_code == 400
    assert (answer.json or {})["errors"][0]["field"] == query.split("=", maxsplit=1)[0]
