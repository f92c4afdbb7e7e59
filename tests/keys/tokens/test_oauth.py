"""Keys with OAuth: exchanged for a token, introspected, and verified with the key set."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet

from portal.keys.verification.use_counts import usage
from tests.cast import GUS, Api
from tests.databases import Database

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def issued(ada: Api) -> dict[str, Any]:
    crm = ada.create("applications", display_name="CRM 360")
    return ada.create("api-keys", application_id=crm["id"], scopes=["keys:read", "webhooks:read"])


def exchange(app: Flask, issued: dict[str, Any], **form: str) -> Any:
    return app.test_client().post(
        "/oauth/token", data={**GRANT, **form}, auth=(issued["id"], issued["key"])
    )


def introspect(caller: Api, token: str) -> Any:
    return caller.client.post(
        "/oauth/introspect",
        data={"token": token},
        headers={"Authorization": f"Bearer {caller.token}"},
    )


UNCLEAR = {
    "no grant": ({"client_id": ""}, "grant_type"),
    "an empty grant": ({"grant_type": ""}, "grant_type"),
    "two grants": ({"grant_type": ["client_credentials"] * 2}, "grant_type"),
    "two scopes": ({**GRANT, "scope": ["keys:read", "webhooks:read"]}, "scope"),
    "two ids": ({**GRANT, "client_id": ["", "a"]}, "client_id"),
    "the key twice": ({**GRANT, "client_secret": "sk-acme-other"}, "HTTP Basic"),
}


@pytest.mark.parametrize("what", UNCLEAR)
def test_an_unclear_request_for_a_token_is_refused(app: Flask, issued: dict[str, Any], what: str):
    form, named = UNCLEAR[what]
    by_basic = (issued["id"], issued["key"])
    answer = app.test_client().post("/oauth/token", data=form, auth=by_basic)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request"), answer.text
    assert named in answer.json["error_description"]
    assert issued["key"] not in answer.text


def test_a_parameter_without_a_value_counts_as_left_out(app: Flask, issued: dict[str, Any]):
    assert exchange(app, issued, scope="", client_secret="").status_code == 200
    unknown = exchange(app, issued, grant_type="password")
    assert (unknown.status_code, unknown.json["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("form", [{}, {"token": ["", "{key}"]}, {"token": ["{key}", "{key}"]}])
def test_an_introspection_is_of_one_token(
    ada: Api, issued: dict[str, Any], form: dict[str, list[str]]
):
    sent = {name: [text.format(**issued) for text in texts] for name, texts in form.items()}
    headers = {"Authorization": f"Bearer {ada.token}"}
    answer = ada.client.post("/oauth/introspect", data=sent, headers=headers)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request"), answer.text
    assert "token" in answer.json["error_description"]
    assert introspect(ada, "").json == {"active": False}


def test_a_fault_of_the_portal_is_said_in_the_words_of_oauth(
    another_app: Callable[..., Flask], ada: Api, issued: dict[str, Any], database: Database
):
    app = another_app()
    app.testing = False  # answer a fault as in production
    database.sql("ALTER FUNCTION load_key RENAME TO load_key_is_away")
    try:
        failed = introspect(Api(app.test_client(), ada.token), issued["key"])
    finally:
        database.sql("ALTER FUNCTION load_key_is_away RENAME TO load_key")
    assert (failed.status_code, failed.mimetype) == (500, "application/json"), failed.text
    assert failed.json["error"] == "server_error"
    assert "on our side" in failed.json["error_description"]


def test_a_token_is_verified_offline(app: Flask, issued: dict[str, Any]):
    answer = exchange(app, issued, scope="keys:read")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["expires_in"] == 300
    published = app.test_client().get("/.well-known/jwks.json")
    assert "d" not in published.json["keys"][0]
    keys = KeySet.import_key_set(published.json)
    token = jwt.decode(answer.json["access_token"], keys, algorithms=["ES256"])
    assert token.header["typ"] == "at+jwt"
    expected = {"sub": issued["id"], "app_id": "crm-360", "scope": "keys:read"}
    assert token.claims.items() >= expected.items()
    assert token.claims["tenant_id"] == issued["tenant_id"]


def test_a_token_opens_our_own_rest_until_its_key_ends(
    app: Flask, ada: Api, issued: dict[str, Any]
):
    token = exchange(app, issued, scope="keys:read").json["access_token"]
    holder = Api(app.test_client(), token)
    assert holder.get("/api-keys").status_code == 200
    assert holder.get("/webhooks").status_code == 403
    ada.post(f"/api-keys/{issued['id']}/revoke")
    assert holder.get("/api-keys").status_code == 401


def test_a_token_ends_when_its_key_is_going_to_be_revoked(
    app: Flask, ada: Api, issued: dict[str, Any]
):
    """A service that verifies it offline hears nothing of the revocation."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=4)
    planned = ada.post(f"/api-keys/{issued['id']}/revoke", {"at": at.isoformat()})
    assert planned.status_code == 200, planned.text
    answer = exchange(app, issued).json
    assert answer["expires_in"] <= 240
    for shown in (issued["key"], answer["access_token"]):
        assert introspect(ada, shown).json["exp"] == at.timestamp()


def holder_of_a_token(app: Flask, issued: dict[str, Any], **form: str) -> Api:
    """Return REST with a token that this key was exchanged for."""
    answer = exchange(app, issued, **form)
    assert answer.status_code == 200, answer.text
    return Api(app.test_client(), answer.json["access_token"])


def test_a_token_takes_of_its_keys_uses(app: Flask, ada: Api):
    issued = ada.create("api-keys", scopes=["keys:read"], max_uses=3)
    holder = holder_of_a_token(app, issued)  # the exchange takes the first use
    assert [holder.get("/api-keys").status_code for _ in range(3)] == [200, 200, 401]
    assert ada.post("/api-keys/verify", {"key": issued["key"]}).json["code"] == "USES_EXCEEDED"


@pytest.mark.parametrize("scope", ["keys:write", "keys:read nope", 'a\x00"é', "x" * 5000])
def test_a_scope_beyond_its_key_takes_no_use_and_is_explained(app: Flask, ada: Api, scope: str):
    issued = ada.create("api-keys", scopes=["keys:read"], max_uses=1)
    refused = exchange(app, issued, scope=scope)
    assert (refused.status_code, refused.json) == (400, {"error": "invalid_scope"})
    app.extensions["keys"].flush()
    asked = {"request_id": refused.headers["X-Request-Id"]}
    found = ada.post("/api-keys/explanations", asked).json
    assert (found["code"], found["key_id"]) == ("SCOPE_MISSING", issued["id"])
    failed = [check["code"] for check in found["trace"] if not check["passed"]]
    assert failed == ["SCOPE_MISSING"]
    assert exchange(app, issued, scope="keys:read").status_code == 200


def test_a_token_takes_of_its_keys_minute_and_says_what_is_left(app: Flask, ada: Api):
    issued = ada.create("api-keys", scopes=["keys:read"], rpm_limit=3)
    holder = holder_of_a_token(app, issued)
    seen = [holder.get("/api-keys") for _ in range(3)]
    assert [answer.status_code for answer in seen] == [200, 200, 429]
    assert [answer.headers["RateLimit"].split(";")[1] for answer in seen] == ["r=1", "r=0", "r=0"]
    assert ada.post("/api-keys/verify", {"key": issued["key"]}).json["code"] == "RPM_EXCEEDED"


def test_who_exchanges_too_often_hears_how_long_to_wait(app: Flask, ada: Api, database: Database):
    issued = ada.create("api-keys", scopes=["keys:read"], rpm_limit=1)
    assert exchange(app, issued).status_code == 200
    database.sql("UPDATE key_rate SET newest = newest - 20")  # as if forty seconds had passed
    refused = exchange(app, issued)
    assert (refused.status_code, refused.json["error"]) == (429, "rate_limited")
    assert 10 <= int(refused.headers["Retry-After"]) <= 23


def test_what_is_called_with_a_token_is_a_use_of_its_key(
    app: Flask, ada: Api, issued: dict[str, Any]
):
    holder = holder_of_a_token(app, issued)
    assert holder.get("/api-keys").status_code == 200
    with app.app_context():
        usage.flush()
    impact = ada.get(f"/api-keys/{issued['id']}/impact").json
    assert impact["calls"] == 2
    assert {one["what"] for one in impact["scopes"]} == {"oauth:token", "keys:read"}
    assert [(one["what"], one["calls"]) for one in impact["sources"]] == [("127.0.0.1", 2)]


def test_a_refused_token_is_explained_by_its_request(app: Flask, ada: Api, issued: dict[str, Any]):
    holder = holder_of_a_token(app, issued, scope="keys:read")
    beyond = holder.get("/webhooks")  # the key has this scope, the token does not
    ada.post(f"/api-keys/{issued['id']}/block", {"reason": "odd"})
    stopped = holder.get("/api-keys")
    assert (beyond.status_code, stopped.status_code) == (403, 401)
    for answer, code in ((beyond, "SCOPE_MISSING"), (stopped, "BLOCKED")):
        asked = {"request_id": answer.headers["X-Request-Id"]}
        found = ada.post("/api-keys/explanations", asked).json
        assert (found["code"], found["key_id"]) == (code, issued["id"])
        failed = [check["code"] for check in found["trace"] if not check["passed"]]
        assert failed == [code]


def test_a_token_is_held_to_the_networks_of_its_key(app: Flask, ada: Api):
    issued = ada.create("api-keys", scopes=["keys:read"], allowed_ips=["127.0.0.1"])
    holder = holder_of_a_token(app, issued)
    by_key = Api(app.test_client(), issued["key"])
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    for caller in (by_key, holder):
        assert caller.get("/api-keys").status_code == 200
        refused = caller.get("/api-keys", environ_base=elsewhere)
        assert refused.status_code == 403, refused.text
        asked = {"request_id": refused.headers["X-Request-Id"]}
        assert ada.post("/api-keys/explanations", asked).json["code"] == "IP_FORBIDDEN"


def test_a_service_elsewhere_introspects_a_token_of_a_key_with_networks(app: Flask, ada: Api):
    issued = ada.create("api-keys", scopes=["keys:read"], allowed_ips=["127.0.0.1"])
    token = exchange(app, issued).json["access_token"]
    elsewhere = Api(app.test_client(), ada.token)
    elsewhere.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert introspect(elsewhere, token).json["active"]


def test_a_token_that_was_altered_opens_nothing(app: Flask, issued: dict[str, Any]):
    head, _, signature = exchange(app, issued).json["access_token"].split(".")
    _, body, _ = exchange(app, issued, scope="keys:read").json["access_token"].split(".")
    assert Api(app.test_client(), f"{head}.{body}.{signature}").get("/api-keys").status_code == 401


KIDS = ["sgn_\ud800", "sgn_\x00", "sgn_", f"sgn_{'0' * 26}", 5, None, [1]]


@pytest.mark.parametrize("kid", KIDS, ids=ascii)
def test_a_token_that_invents_its_kid_is_no_token(app: Flask, ada: Api, kid: Any):
    parts = [{"alg": "ES256", "typ": "at+jwt", "kid": kid}, {"iss": "x"}]
    head, body = (
        urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in parts
    )
    token = f"{head}.{body}.AAAA"
    assert Api(app.test_client(), token).get("/api-keys").status_code == 401
    told = introspect(ada, token)
    assert (told.status_code, told.json) == (200, {"active": False})


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "keys:write"}, 400, "invalid_scope"),
    ],
)
def test_what_is_wrong_is_said_in_the_standards_words(
    app: Flask, issued: dict[str, Any], form: dict[str, str], status: int, error: str
):
    answer = exchange(app, issued, **form)
    assert (answer.status_code, answer.json["error"]) == (status, error)


def test_no_token_for_a_key_that_does_not_open(app: Flask, ada: Api, issued: dict[str, Any]):
    wrong = {**issued, "key": issued["key"][:-1] + "~"}
    other = {**issued, "id": "somebody"}
    ada.post(f"/api-keys/{issued['id']}/block")
    for client in (wrong, other, issued):
        answer = exchange(app, client)
        assert (answer.status_code, answer.json) == (401, {"error": "invalid_client"})


def test_introspection_tells_its_tenant_and_nobody_else(
    app: Flask, ada: Api, vic: Api, api: Callable[[str], Api], issued: dict[str, Any]
):
    token = exchange(app, issued).json["access_token"]
    for shown in (issued["key"], token):
        found = introspect(ada, shown).json
        assert found.items() >= {"active": True, "sub": issued["id"]}.items()
        assert introspect(api(GUS), shown).json == {"active": False}
        assert introspect(vic, shown).status_code == 403
    ada.post(f"/api-keys/{issued['id']}/revoke")
    for shown in (issued["key"], token, "nonsense", ""):
        assert introspect(ada, shown).json == {"active": False}


def test_introspection_of_a_token_tells_what_its_key_has_now(
    app: Flask, ada: Api, issued: dict[str, Any]
):
    whole = exchange(app, issued).json["access_token"]
    narrow = exchange(app, issued, scope="keys:read").json["access_token"]
    other = exchange(app, issued, scope="webhooks:read").json["access_token"]

    def told(shown: str) -> str:
        found = introspect(ada, shown).json
        assert found["active"]
        return str(found["scope"])

    assert [told(one) for one in (whole, narrow, other)] == [
        "keys:read webhooks:read", "keys:read", "webhooks:read"
    ]  # fmt: skip
    ada.patch(f"/applications/{issued['application_id']}", {"allowed_scopes": ["keys:read"]})
    assert told(issued["key"]) == "keys:read"
    assert [told(one) for one in (whole, narrow, other)] == ["keys:read", "keys:read", ""]


@pytest.mark.parametrize("end", ["expiry", "revocation"])
def test_introspection_of_a_token_tells_the_end_of_its_key(
    app: Flask, ada: Api, issued: dict[str, Any], end: str
):
    token = exchange(app, issued).json["access_token"]
    ends = introspect(ada, token).json["exp"]

    def end_in(seconds: int) -> None:
        soon = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        if end == "expiry":
            answer = ada.patch(f"/api-keys/{issued['id']}", {"expires_at": soon})
        else:
            answer = ada.post(f"/api-keys/{issued['id']}/revoke", {"at": soon})
        assert answer.status_code == 200, answer.text

    end_in(3600)
    assert introspect(ada, token).json["exp"] == ends
    end_in(100)
    assert introspect(ada, token).json["exp"] == introspect(ada, issued["key"]).json["exp"] < ends


def test_a_key_whose_uses_are_used_up_is_not_active(app: Flask, ada: Api):
    issued = ada.create("api-keys", scopes=["keys:read"], max_uses=2)
    token = exchange(app, issued).json["access_token"]
    for shown in (issued["key"], token):
        assert introspect(ada, shown).json["active"] is True
    assert Api(app.test_client(), token).get("/api-keys").status_code == 200
    for shown in (issued["key"], token):
        assert introspect(ada, shown).json == {"active": False}


def test_a_key_whose_budget_is_used_up_is_not_active(app: Flask, ada: Api):
    issued = ada.create("api-keys", scopes=["keys:read"], max_budget_usd=1)
    token = exchange(app, issued).json["access_token"]

    def heard() -> tuple[Any, ...]:
        verified = ada.post("/api-keys/verify", {"key": issued["key"]}).json["code"]
        return verified, *(introspect(ada, shown).json for shown in (issued["key"], token))

    assert [one["active"] for one in heard()[1:]] == [True, True]
    ada.post(f"/api-keys/{issued['id']}/usage", {"cost_usd": 1})
    app.extensions["keys"].meters.forget([issued["id"]])  # as at the notice of a used-up budget
    assert heard() == ("BUDGET_EXCEEDED", {"active": False}, {"active": False})
    ada.patch(f"/api-keys/{issued['id']}", {"max_budget_usd": 2})
    assert [one["active"] for one in heard()[1:]] == [True, True]


def test_introspection_names_the_application_of_a_key_and_the_key_of_a_token(
    app: Flask, ada: Api, issued: dict[str, Any]
):
    token = exchange(app, issued).json["access_token"]
    assert introspect(ada, issued["key"]).json["client_id"] == issued["application_id"]
    assert introspect(ada, token).json["client_id"] == issued["id"]
    alone = ada.create("api-keys", scopes=["keys:read"])
    assert introspect(ada, alone["key"]).json["client_id"] == alone["id"]


# ---------------------------------------------------------------- the use of what is introspected


def use_of(app: Flask, ada: Api, issued: dict[str, Any]) -> dict[str, Any]:
    """Return the impact of a key after all counts were written."""
    app.extensions["keys"].flush()
    return dict(ada.get(f"/api-keys/{issued['id']}/impact").json or {})


def test_the_key_behind_an_introspection_is_in_use(app: Flask, ada: Api, issued: dict[str, Any]):
    for _ in range(3):
        assert introspect(ada, issued["key"]).json["active"]
    impact = use_of(app, ada, issued)
    assert (impact["calls"], impact["sources"]) == (3, [])
    assert [(one["what"], one["calls"]) for one in impact["scopes"]] == [("oauth:introspect", 3)]
    read = ada.get(f"/api-keys/{issued['id']}").json
    assert read["last_used_at"] is not None
    token = exchange(app, issued).json["access_token"]
    assert introspect(ada, token).json["active"]
    assert use_of(app, ada, issued)["calls"] == 5


def test_an_introspection_takes_nothing_of_the_keys_limits(app: Flask, ada: Api):
    issued = ada.create("api-keys", max_uses=1, rpm_limit=1)
    for _ in range(3):
        assert introspect(ada, issued["key"]).json["active"]
    assert use_of(app, ada, issued)["calls"] == 3
    assert ada.post("/api-keys/verify", {"key": issued["key"]}).json["code"] == "VALID"


def test_a_key_that_introspects_itself_is_used_once(app: Flask, ada: Api):
    issued = ada.create("api-keys", scopes=["keys:verify"])
    for shown in (issued["key"], exchange(app, issued).json["access_token"]):
        for caller in (issued["key"], shown):
            assert introspect(Api(app.test_client(), caller), shown).json["active"]
    impact = use_of(app, ada, issued)
    found = {one["what"]: one["calls"] for one in impact["scopes"]}
    assert found == {"oauth:token": 1, "keys:verify": 4}


@pytest.mark.parametrize("shown", ["key", "token"])
@pytest.mark.parametrize("code", ["BLOCKED", "USES_EXCEEDED"])
def test_a_refused_introspection_is_explained_by_its_request(
    app: Flask, ada: Api, gus: Api, code: str, shown: str
):
    counted = {"max_uses": 1} if code == "USES_EXCEEDED" else {}
    issued = ada.create("api-keys", scopes=["keys:read"], allowed_ips=["127.0.0.1"], **counted)
    token = exchange(app, issued).json["access_token"]  # it takes the only use
    if code == "BLOCKED":
        ada.post(f"/api-keys/{issued['id']}/block", {"reason": "odd"})
    asked = {"key": issued["key"], "token": token}[shown]
    answers = [introspect(caller, asked) for caller in (gus, ada)]
    assert [answer.json for answer in answers] == [{"active": False}] * 2
    strangers, own = (
        caller.post("/api-keys/explanations", {"request_id": answer.headers["X-Request-Id"]})
        for caller, answer in zip((gus, ada), answers, strict=True)
    )
    assert strangers.status_code == 404
    assert (own.json["code"], own.json["key_id"], own.json["source"]) == (code, issued["id"], None)
    assert [check["code"] for check in own.json["trace"] if not check["passed"]] == [code]
    assert use_of(app, ada, issued)["calls"] == 1


def test_the_signing_key_is_followed_and_the_old_one_still_verifies(
    app: Flask, issued: dict[str, Any], database: Database
):
    old = exchange(app, issued).json["access_token"]
    database.sql("UPDATE token_signing_key SET created_at = now() - interval '31 days'")
    keys = app.test_client().get("/.well-known/jwks.json").json["keys"]
    assert len(keys) == 2
    # The new key is published before it signs, because verifiers cache key sets.
    same = exchange(app, issued).json["access_token"]
    assert same.split(".")[0] == old.split(".")[0]
    database.sql("UPDATE token_signing_key SET created_at = created_at - interval '1 h'")
    new = exchange(app, issued).json["access_token"]
    assert new.split(".")[0] != old.split(".")[0]
    for token in (old, new):
        assert Api(app.test_client(), token).get("/api-keys").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("/oauth/token", 405), ("/oauth/nothing", 404), ("/.well-known/nothing", 404)],
)
def test_a_program_at_a_wrong_address_reads_json(app: Flask, path: str, status: int):
    refused = app.test_client().get(path)
    assert refused.status_code == status
    assert refused.mimetype == "application/problem+json"
    assert refused.json["status"] == status
