"""A refusal of a credential says where a program learns who issues tokens (RFC 9728, 5.1)."""

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.core.errors import Unauthenticated
from portal.features import OPERATIONS
from portal.keys.tokens import described
from portal.rest.api import ready_problem
from portal.rest.openapi import PREFIX
from tests.cast import BASE_URL
from tests.test_every_resource import filled

METADATA = f"{BASE_URL}/.well-known/oauth-protected-resource"
SENT = {
    'Bearer resource_metadata="{}"': {},
    'Bearer error="invalid_token", resource_metadata="{}"': {"Authorization": "Bearer nonsense"},
}


def doors() -> Iterator[tuple[str, str, str]]:
    """Yield the method and path of everything that takes a bearer credential, with the address of
    the metadata that it belongs to."""
    for operation in OPERATIONS:
        yield operation.method, PREFIX + filled(operation.path, "x"), METADATA + PREFIX
    for path, item in described.PATHS.items():
        for method, one in item.items():
            if one["security"]:
                yield method.upper(), path, METADATA


@pytest.mark.parametrize("challenge", SENT)
def test_every_door_names_the_metadata_of_its_resource(app: Flask, challenge: str) -> None:
    visitor, walked = app.test_client(), 0
    for method, path, metadata in doors():
        answer: TestResponse = visitor.open(path, method=method, headers=SENT[challenge])
        assert answer.status_code == 401, (method, path)
        said = answer.headers["WWW-Authenticate"]
        assert said == challenge.format(metadata), (method, path)
        walked += 1
    assert walked > len(OPERATIONS)
    assert visitor.get(METADATA.removeprefix(BASE_URL)).status_code == 200


def test_the_token_address_asks_for_a_client_and_not_for_a_token(app: Flask) -> None:
    sent = {"grant_type": "client_credentials", "client_secret": "sk-acme-nonsense"}
    answer = app.test_client().post("/oauth/token", data=sent)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="cPod"'


def test_the_event_loop_makes_the_same_challenge(app: Flask) -> None:
    refused = app.test_client().get(f"{PREFIX}/webhooks", headers={"Authorization": "Bearer x"})
    _, headers, _ = ready_problem(Unauthenticated(), "req_1", BASE_URL)
    assert dict(headers)["www-authenticate"] == refused.headers["WWW-Authenticate"]
