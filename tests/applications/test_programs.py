"""Programs act as the application that the identity provider names in their tokens."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt
from portal_devtools.identity_provider.people import ACME
from portal_devtools.identity_provider.signing_key import (
    CLI_CLIENT,
    issue_token,
    sign,
    signing_keys,
)
from structlog.testing import capture_logs

from tests.cast import ADA, ED, Api, Pages, Provider

WHO_SETS = {"oauth_client_id": "crm-360"}


@pytest.fixture
def token(token_provider: Provider) -> Callable[..., str]:
    """Return `token(gty="client-credentials")`: a token of the program crm-360 with more claims."""

    def signed(**more: Any) -> str:
        given = issue_token(token_provider.data_dir, token_provider.issuer, "crm-360")
        keys = signing_keys(token_provider.data_dir)
        return sign(keys, {**jwt.decode(given, keys).claims, **more}, "at+jwt")

    return signed


# ---------------------------------------------------------------- admins set the client id


def test_an_editor_gives_no_program_an_identity(ada: Api, ed: Api, crm: dict[str, Any]) -> None:
    path = f"/applications/{crm['id']}"
    for answer in (ed.patch(path, WHO_SETS), ed.post("/applications", WHO_SETS)):
        assert answer.status_code == 403
        assert "oauth_client_id" in answer.json["detail"]
    assert ada.patch(path, WHO_SETS).json["oauth_client_id"] == "crm-360"
    assert ed.patch(path, {"oauth_client_id": None}).status_code == 403
    assert ed.patch(path, {"description": "All of it."}).status_code == 200


def test_an_editors_form_has_no_client_id_and_leaves_it(
    ada: Api, browse: Callable[..., Pages]
) -> None:
    crm = ada.create("applications", display_name="CRM", **WHO_SETS)
    path = f"/applications/{crm['id']}/edit"
    assert 'name="oauth_client_id"' in browse(ADA).get(path).text
    page = browse(ED)
    assert 'name="oauth_client_id"' not in page.get(path).text
    form = {"display_name": "CRM 360", "kind": "app", "status": "active", "version": "1"}
    assert page.post(path, {**form, "oauth_client_id": "mine"}).status_code == 303
    saved = ada.get(f"/applications/{crm['id']}").json
    assert (saved["display_name"], saved["oauth_client_id"]) == ("CRM 360", "crm-360")


@pytest.mark.parametrize("scopes", [["applications:write"], ["applications:write", "keys:write"]])
def test_a_key_sets_none_whatever_its_scopes(
    app: Flask, ada: Api, crm: dict[str, Any], scopes: list[str]
) -> None:
    """A token of the client may have scopes that the key may not give."""
    holder = Api(app.test_client(), ada.create("api-keys", scopes=scopes)["key"])
    assert holder.patch(f"/applications/{crm['id']}", WHO_SETS).status_code == 403
    assert holder.post("/applications", WHO_SETS).status_code == 403


def test_an_application_gives_itself_no_other_identity(
    app: Flask, ada: Api, crm: dict[str, Any]
) -> None:
    scopes = ["applications:write", "keys:write"]
    issued = ada.create("api-keys", scopes=scopes, application_id=crm["id"])
    own = Api(app.test_client(), issued["key"])
    assert own.create("applications")["oauth_client_id"] is None
    made = own.post("/applications", WHO_SETS)
    assert made.status_code == 403


# ---------------------------------------------------------------- a person acts as a person


def test_a_persons_view_is_never_that_of_an_application(ada: Api, api: Callable[..., Api]) -> None:
    ada.create("webhooks", name="Of the tenant")
    ada.create("applications", slug="cli", oauth_client_id=CLI_CLIENT)
    made = api(ADA).create("webhooks", name="Of Ada")
    assert made["app_id"] is None
    assert {one["name"] for one in api(ADA).get("/webhooks").json["items"]} == {
        "Of the tenant",
        "Of Ada",
    }


def test_a_suspended_application_shuts_out_nobody_who_signed_in_through_it(
    ada: Api, api: Callable[..., Api]
) -> None:
    cli = ada.create("applications", slug="cli", oauth_client_id=CLI_CLIENT)
    ada.post(f"/applications/{cli['id']}/suspend", {"reason": "A key leaked."})
    assert api(ADA).get("/webhooks").status_code == 200


# ---------------------------------------------------------------- claims that mark a program


@pytest.mark.parametrize(
    ("setting", "claims", "is_program"),
    [
        ("gty=client-credentials", {"gty": "client-credentials"}, True),
        ("gty=client-credentials", {"gty": ["client-credentials"]}, True),
        ("gty=client-credentials", {"gty": "password"}, False),
        ("gty=client-credentials", {}, False),
        ("act.program=true", {"act": {"program": True}}, True),
        ("is_program", {"is_program": True}, True),
        ("is_program", {"is_program": False}, False),
        ("is_program", {}, False),
    ],
)
def test_a_claim_marks_programs(
    another_app: Callable[..., Flask],
    ada: Api,
    token: Callable[..., str],
    setting: str,
    claims: dict[str, Any],
    is_program: bool,
) -> None:
    ada.create("applications", slug="crm", **WHO_SETS)
    portal = another_app(PORTAL_OIDC_PROGRAM_CLAIM=setting)
    caller = Api(portal.test_client(), token(sub="a-subject", roles=["admin"], **claims))
    made = caller.create("webhooks", name="Theirs")
    assert made["app_id"] == ("crm" if is_program else None)


# ---------------------------------------------------------------- the log has the reason


def test_the_log_says_why_a_program_is_refused(
    app: Flask, ada: Api, token: Callable[..., str]
) -> None:
    program = Api(app.test_client(), token())

    def refused() -> str:
        with capture_logs() as logged:
            assert program.get("/webhooks").status_code == 401
        [reason] = [one["reason"] for one in logged if one["event"] == "bearer token refused"]
        return str(reason)

    assert refused() == f"no application of {ACME} has this oauth_client_id"
    crm = ada.create("applications", slug="crm", **WHO_SETS)
    assert program.get("/webhooks").status_code == 200
    ada.post(f"/applications/{crm['id']}/suspend", {"reason": "A key leaked."})
    assert refused() == "its application crm is suspended"
    ada.post(f"/applications/{crm['id']}/reopen", {"reason": "It is mended."})
    assert program.get("/webhooks").status_code == 200
    assert ada.patch(f"/applications/{crm['id']}", {"kind": "library"}).status_code == 200
    assert refused() == "its application crm is a library"
    nowhere = Api(app.test_client(), token(tenant_id=None))
    with capture_logs() as logged:
        assert nowhere.get("/webhooks").status_code == 401
    assert "it names no tenant" in [one.get("reason") for one in logged]
