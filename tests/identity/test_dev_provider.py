"""The development provider over the network, called by the portal's relying party and by hand."""

import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from portal_devtools.identity_provider import ProviderClient, create_provider, issue_token

from portal.core.errors import Unauthenticated
from portal.identity.openid.access_tokens import TokenVerifier
from portal.identity.openid.issuer import Issuer
from portal.identity.openid.relying_party import SignInFailed, s256
from tests.identity.conftest import (
    PORTAL,
    REPORTER_SECRET,
    SECRET,
    Visitor,
    answer_of,
    person,
    relying_party,
    sign_in,
)
from tests.identity.serving import served

ADA, VIC = person("ada@acme.example"), person("vic@acme.example")
PORTAL_AUTH = ("portal", SECRET)


def exchange(provider: str, form: dict[str, str], auth=PORTAL_AUTH) -> requests.Response:
    return requests.post(f"{provider}/token", data=form, auth=auth, timeout=10)


def code_form(answer: dict[str, list[str]], verifier: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": answer["code"][0],
        "redirect_uri": f"{PORTAL}/auth/callback",
        "code_verifier": verifier,
    }


def authorize(provider: str, **over: str | None) -> str:
    query = {
        "response_type": "code",
        "client_id": "portal",
        "redirect_uri": f"{PORTAL}/auth/callback",
        "scope": "openid profile email",
        "state": "s",
        "nonce": f"n{time.perf_counter_ns()}",
        "code_challenge": s256("v" * 43),
        "code_challenge_method": "S256",
    } | over
    given = {name: value for name, value in query.items() if value is not None}
    return requests.Request("GET", f"{provider}/authorize", params=given).prepare().url or ""


def test_one_click_signs_in_with_tenant_and_roles(party, visitor):
    identity = sign_in(party, visitor, "ada@acme.example")
    assert identity.subject == ADA.subject != ADA.email
    assert (identity.name, identity.email) == (ADA.name, ADA.email)
    assert identity.claims["tenant_id"] == ADA.tenant_id
    assert identity.claims["roles"] == ["admin"]
    assert identity.sid
    assert abs(identity.auth_time - time.time()) < 30


def test_somebody_known_is_not_asked_again(party, visitor):
    first = sign_in(party, visitor, "ada@acme.example")
    url, pending = party.start()
    again = party.finish(answer_of(visitor.open(url)), [pending])
    assert (again.subject, again.auth_time, again.sid) == (
        first.subject,
        first.auth_time,
        first.sid,
    )


def test_a_step_up_asks_again_and_keeps_the_sid(party, visitor):
    first = sign_in(party, visitor, "ada@acme.example")
    url, pending = party.start(max_age=0, subject=first.subject)
    page = visitor.open(url)
    assert page.status_code == 200
    again = party.finish(visitor.choose(page, ADA), [pending])
    assert again.sid == first.sid
    assert again.auth_time >= pending.started_at


def test_another_person_cannot_finish_a_step_up(party, visitor):
    first = sign_in(party, visitor, "ada@acme.example")
    url, pending = party.start(max_age=0, subject=first.subject)
    answer = visitor.choose(visitor.open(url), VIC)
    with pytest.raises(SignInFailed, match="other_person"):
        party.finish(answer, [pending])


def test_max_age_asks_only_when_the_sign_in_is_older(provider, visitor, party):
    sign_in(party, visitor, "ada@acme.example")
    assert visitor.open(authorize(provider, max_age="3600")).status_code == 302
    assert visitor.open(authorize(provider, max_age="0")).status_code == 200
    assert visitor.open(authorize(provider, max_age="nonsense")).status_code == 200


def test_prompt_none_answers_with_an_error_that_names_the_issuer(provider, visitor):
    answer = answer_of(visitor.open(authorize(provider, prompt="none")))
    assert answer["error"] == ["login_required"]
    assert (answer["iss"], answer["state"]) == ([provider], ["s"])


@pytest.mark.parametrize(
    "over",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": "v" * 43, "code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"nonce": None},
        {"response_type": "token"},
        {"resource": "urn:another:api"},
    ],
    ids=["no PKCE", "plain PKCE", "no method", "no nonce", "implicit", "foreign resource"],
)
def test_what_is_missing_in_the_request_is_refused(provider, visitor, over):
    response = visitor.open(authorize(provider, **over))
    if response.status_code == 302:
        assert "error" in answer_of(response)
    else:
        assert response.status_code == 400


def test_an_unregistered_redirect_is_never_followed(provider, visitor):
    response = visitor.open(authorize(provider, redirect_uri="http://localhost:9/elsewhere"))
    assert response.status_code == 400
    assert "Location" not in response.headers


def test_a_code_works_once_and_only_with_its_verifier(provider, visitor):
    answer = visitor.choose(visitor.open(authorize(provider)), ADA)
    assert exchange(provider, code_form(answer, "w" * 43)).json()["error"] == "invalid_grant"
    answer = answer_of(visitor.open(authorize(provider)))
    assert exchange(provider, code_form(answer, "v" * 43)).status_code == 200
    assert exchange(provider, code_form(answer, "v" * 43)).json()["error"] == "invalid_grant"


def test_both_ways_to_send_the_secret_work_and_a_wrong_one_does_not(provider, visitor):
    answer = visitor.choose(visitor.open(authorize(provider)), ADA)
    in_body = code_form(answer, "v" * 43) | {"client_id": "portal", "client_secret": SECRET}
    assert exchange(provider, in_body, auth=None).status_code == 200
    answer = answer_of(visitor.open(authorize(provider)))
    wrong = exchange(provider, code_form(answer, "v" * 43), auth=("portal", "guess"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


def test_refresh_rotates_and_a_replay_ends_the_family(provider, visitor):
    answer = visitor.choose(visitor.open(authorize(provider)), ADA)
    first = exchange(provider, code_form(answer, "v" * 43)).json()["refresh_token"]

    def refresh(token: str) -> requests.Response:
        return exchange(provider, {"grant_type": "refresh_token", "refresh_token": token})

    tokens = refresh(first).json()
    assert Issuer(provider).verify(tokens["id_token"]).claims["sub"] == ADA.subject
    assert refresh(first).json()["error"] == "invalid_grant"
    assert refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_access_tokens_are_what_the_api_verifies(provider, visitor):
    answer = visitor.choose(visitor.open(authorize(provider)), ADA)
    tokens = exchange(provider, code_form(answer, "v" * 43)).json()
    claims = TokenVerifier(Issuer(provider), "urn:cpod:integration").verify(tokens["access_token"])
    assert (claims.subject, claims.client_id) == (ADA.subject, "portal")
    assert (claims.tenant, claims.roles, claims.email) == (ADA.tenant_id, ["admin"], ADA.email)
    with pytest.raises(Unauthenticated):
        TokenVerifier(Issuer(provider), "urn:cpod:integration").verify(tokens["id_token"])


def test_a_program_gets_a_token_for_itself(provider):
    form = {"grant_type": "client_credentials", "scope": "applications:read"}
    token = exchange(provider, form, auth=("reporter", REPORTER_SECRET)).json()["access_token"]
    claims = TokenVerifier(Issuer(provider), "urn:cpod:integration").verify(token)
    assert claims.is_of_a_program
    assert (claims.client_id, claims.tenant) == ("reporter", ADA.tenant_id)
    assert claims.scopes == {"applications:read"}
    form["scope"] = "keys:write"
    refused = exchange(provider, form, auth=("reporter", REPORTER_SECRET))
    assert refused.json()["error"] == "invalid_scope"
    assert exchange(provider, form).json()["error"] == "unauthorized_client"


def test_userinfo_is_for_access_tokens_of_people(provider, visitor):
    answer = visitor.choose(visitor.open(authorize(provider)), ADA)
    token = exchange(provider, code_form(answer, "v" * 43)).json()["access_token"]
    url = f"{provider}/userinfo"
    good = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert good.json()["sub"] == ADA.subject
    bad = requests.get(url, headers={"Authorization": f"Bearer {token}x"}, timeout=10)
    assert bad.status_code == 401


def test_logout_ends_the_sign_in_and_returns_the_state(party, visitor):
    identity = sign_in(party, visitor, "ada@acme.example")
    response = visitor.open(party.logout_url("back again", identity.id_token) or "")
    place = urlsplit(response.headers["Location"])
    assert place.path == "/auth/logged-out"
    assert parse_qs(place.query) == {"state": ["back again"]}
    url, _ = party.start()
    assert visitor.open(url).status_code == 200, "asked again"


def test_ending_the_sign_in_tells_the_client(tmp_path: Path):
    """Check that the logout token arrives at the portal, and that the relying party accepts it."""
    received: list[str] = []

    def portal(environ, start_response):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
        received.extend(parse_qs(body)["logout_token"])
        start_response("200 OK", [])
        return [b""]

    with served(lambda _: portal) as portal_url:
        client = ProviderClient(
            "portal",
            SECRET,
            redirect_uris=(f"{PORTAL}/auth/callback",),
            backchannel_logout_uri=f"{portal_url}/auth/backchannel-logout",
        )
        with served(lambda url: create_provider(url, [client], data_dir=tmp_path)) as issuer:
            party, visitor = relying_party(issuer), Visitor(issuer)
            identity = sign_in(party, visitor, "ada@acme.example")
            visitor.http.post(f"{issuer}/sign-out", timeout=10)
            notice = party.read_logout_token(received[0])
    assert (notice.sid, notice.subject) == (identity.sid, identity.subject)


def test_a_restart_keeps_the_key(tmp_path: Path):
    clients = [ProviderClient.portal(PORTAL, "portal", SECRET)]
    apps = [
        create_provider("http://127.0.0.1:1", clients, data_dir=tmp_path).test_client()
        for _ in range(2)
    ]
    sets = [app.get("/jwks", base_url="http://127.0.0.1:1").json for app in apps]
    assert sets[0] == sets[1]
    assert "d" not in sets[0]["keys"][0]
    assert (tmp_path / "identity-provider-key.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("issuer", ["http://idp.example", "http://10.0.0.1:8001", "http://0.0.0.0"])
def test_it_refuses_to_be_anywhere_but_on_loopback(issuer, tmp_path):
    with pytest.raises(ValueError, match="loopback only"):
        create_provider(issuer, [], data_dir=tmp_path)


def test_it_answers_only_this_machine_and_only_to_its_name(tmp_path):
    app = create_provider("http://127.0.0.1:1", [], data_dir=tmp_path).test_client()
    stranger = {"REMOTE_ADDR": "10.0.0.9"}
    own = "http://127.0.0.1:1"
    assert app.get("/", base_url=own, environ_overrides=stranger).status_code == 403
    assert app.get("/", base_url="http://rebound.example:1").status_code == 421
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert app.post("/sign-out", base_url=own, headers=foreign).status_code == 403


def test_a_token_for_the_command_line(provider, tmp_path):
    with served(lambda url: create_provider(url, [], data_dir=tmp_path)) as issuer:
        verifier = TokenVerifier(Issuer(issuer), "urn:cpod:integration")
        claims = verifier.verify(issue_token(tmp_path, issuer, "gus@globex.example"))
        program = verifier.verify(issue_token(tmp_path, issuer, "crm-360"))
    assert claims.email == "gus@globex.example"
    assert program.is_of_a_program
    assert (program.tenant, "keys:write" in program.scopes) == (ADA.tenant_id, True)
    with pytest.raises(LookupError, match="ada@acme"):
        issue_token(tmp_path, issuer, "eve@acme.example")


def test_the_relying_party_survives_the_providers_absence():
    party = relying_party("http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(SignInFailed, match="unavailable"):
        party.start()
