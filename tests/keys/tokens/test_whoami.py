"""A program learns who it is, and where to get a token."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal.identity.openid.claims import ROLE_SCOPES
from tests.cast import ADA, BASE_URL, PREFIX, VIC, Api
from tests.keys.tokens.test_oauth import holder_of_a_token

REST = f"{BASE_URL}{PREFIX}"


@pytest.mark.parametrize(("who", "role"), [(ADA, "admin"), (VIC, "viewer")])
def test_a_person_learns_their_role_and_permissions(
    api: Callable[[str], Api], who: str, role: Any
) -> None:
    answer = api(who).get("/me")
    me = answer.json or {}
    assert answer.status_code == 200
    assert (me["kind"], me["credential"], me["roles"]) == ("person", "access_token", [role])
    assert me["scopes"] == sorted(ROLE_SCOPES[role])
    assert me["tenant"] == {"id": ACME, "slug": "acme", "name": "Acme"}
    assert (me["application"], me["limits"]) == (None, None)
    assert me["expires_at"] is not None


def test_a_key_of_no_permission_learns_its_application_and_limits(app: Flask, ada: Api) -> None:
    application = ada.create("applications", display_name="CRM")
    made = ada.create(
        "api-keys", name="Export", application_id=application["id"], rpm_limit=60,
        expires_at="2099-01-01T00:00:00Z",
    )  # fmt: skip
    me = Api(app.test_client(), made["key"]).get("/me").json or {}
    assert (me["kind"], me["credential"]) == ("application", "api_key")
    assert (me["id"], me["name"], me["scopes"]) == (made["id"], "Export", [])
    assert me["application"] == {"id": application["id"], "slug": application["slug"]}
    assert me["expires_at"] == "2099-01-01T00:00:00Z"
    assert me["limits"]["rpm_limit"] == 60


def test_a_key_that_is_going_to_be_revoked_learns_when(app: Flask, ada: Api) -> None:
    made = ada.create("api-keys", expires_at="2099-01-01T00:00:00Z")
    ada.post(f"/api-keys/{made['id']}/revoke", {"at": "2098-01-01T00:00:00Z"})
    me = Api(app.test_client(), made["key"]).get("/me").json or {}
    assert me["expires_at"] == "2098-01-01T00:00:00Z"
    verdict = ada.post("/api-keys/verify", {"key": made["key"]}).json or {}
    assert verdict["expires_at"] == "2098-01-01T00:00:00Z"


def test_a_token_made_from_a_key_ends_before_the_key(app: Flask, ada: Api) -> None:
    made = ada.create("api-keys", scopes=["webhooks:read"], expires_at="2099-01-01T00:00:00Z")
    me = holder_of_a_token(app, made).get("/me").json or {}
    assert me["id"] == made["id"]
    assert me["expires_at"] < "2099"


def test_the_catalogue_says_what_a_connector_needs(ada: Api) -> None:
    listed = (ada.get("/providers").json or {})["items"]
    assert len(listed) > 20
    splunk = ada.get("/providers/splunk").json or {}
    assert splunk.items() >= next(one for one in listed if one["id"] == "splunk").items()
    config = {one["key"]: one["example"] or "main" for one in splunk["settings"] if one["required"]}
    way = splunk["sign_ins"][0]
    credentials = {one["key"]: "a-secret" for one in way["credentials"] if one["required"]}
    made = ada.create(
        "connectors", provider="splunk", auth_type=way["type"], config=config,
        credentials=credentials,
    )  # fmt: skip
    assert made["credential_fields"] == sorted(credentials)
    assert ada.get("/providers/nobody").status_code == 404


def test_a_library_finds_the_token_address(app: Flask) -> None:
    visitor = app.test_client()
    found = visitor.get("/.well-known/oauth-authorization-server").json or {}
    assert found["issuer"] == BASE_URL
    assert found["token_endpoint"] == f"{BASE_URL}/oauth/token"
    for named in ("token_endpoint", "jwks_uri", "introspection_endpoint"):
        path = found[named].removeprefix(BASE_URL)
        assert visitor.open(path, method="OPTIONS").status_code != 404


def test_a_refusal_leads_to_who_issues_tokens(app: Flask, ada: Api) -> None:
    visitor = app.test_client()
    refused = visitor.get(f"{PREFIX}/webhooks")
    address = f"{BASE_URL}/.well-known/oauth-protected-resource{PREFIX}"
    assert f'resource_metadata="{address}"' in refused.headers["WWW-Authenticate"]
    answer = visitor.get(address.removeprefix(BASE_URL))
    found = answer.json or {}
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert found["resource"] == REST
    issuer = app.extensions["portal"].oidc_issuer
    assert found["authorization_servers"] == [BASE_URL, issuer]
    whole = visitor.get("/.well-known/oauth-protected-resource").json or {}
    assert whole["resource"] == BASE_URL
