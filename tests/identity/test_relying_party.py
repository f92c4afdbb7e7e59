"""The responses that the relying party accepts and refuses.

They include the cases of OpenID's conformance tests for relying parties, and cases after RFC 9207,
RFC 9700 and ASVS 5.0 V10. Each case is one deviation of an otherwise correct provider.
"""

import hashlib
import hmac
import json
import socket
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from werkzeug.wrappers import Response

from portal.identity.openid import http_client
from portal.identity.openid.issuer import Issuer
from portal.identity.openid.relying_party import LOGIN_LIFETIME, SignInFailed
from tests.identity.fake_op import (
    SECRET,
    FakeOP,
    ago,
    as_json,
    edwards,
    elliptic,
    present,
    rsa,
    unsigned,
)

Script = Callable[[FakeOP], Any]
DAY = 86400


def now() -> int:
    return int(time.time())


def says(**claims: Any) -> Script:
    return lambda op: op.claims.update(claims)


def metadata(**members: Any) -> Script:
    return lambda op: op.metadata.update(members)


def token_response(**members: Any) -> Script:
    return lambda op: op.tokens.update(members)


def answers(path: str, response: Callable[[], Response]) -> Script:
    return lambda op: op.answers.update({path: lambda _: response()})


def userinfo(**claims: Any) -> Script:
    """Return a script that removes the roles from the ID token and sets userinfo to `claims`."""

    def script(op: FakeOP) -> None:
        op.claims["roles"] = None
        op.userinfo = claims

    return script


def signs(alg: str, key: Any) -> Script:
    def script(op: FakeOP) -> None:
        op.alg, op.key, op.published = alg, key, [key]

    return script


def rotates(key: Any) -> Script:
    """Return a script that replaces the keys after the client read the old ones."""

    def script(op: FakeOP) -> None:
        op.answers["/token"] = lambda request: (
            setattr(op, "key", key),
            setattr(op, "published", [key]),
            op._token(request),
        )[-1]

    return script


def half_hash(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


def hmac_signed(secret: bytes) -> Script:
    def make(claims: dict[str, Any]) -> str:
        parts = [{"alg": "HS256", "typ": "JWT"}, claims]
        text = ".".join(
            urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts
        )
        signature = hmac.digest(secret, text.encode(), "sha256")
        return f"{text}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    return lambda op: setattr(op, "make_id_token", make)


def publishes(*keys: Any) -> Script:
    return lambda op: setattr(op, "published", list(keys))


def no_kid(*published: Any) -> Script:
    def script(op: FakeOP) -> None:
        op.header["kid"] = None
        op.published = list(published)

    return script


def spoil_signature(op: FakeOP) -> None:
    op.make_id_token = lambda claims: op.sign(claims)[:-8] + "AAAAAAAA"


def two(*scripts: Script) -> Script:
    return lambda op: [script(op) for script in scripts]


def signed_userinfo(**over: Any) -> Script:
    def script(op: FakeOP) -> None:
        op.claims["roles"] = None
        claims = {"iss": op.url, "aud": "portal", "sub": "person-1", "roles": ["admin"]} | over
        op.answers["/userinfo"] = lambda _: Response(
            op.sign(claims), content_type="application/jwt"
        )

    return script


UNREADABLE = {"kty": "EC", "crv": "P-nonsense", "x": "AA", "y": "AA", "kid": "odd"}
UNKNOWN = {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "from the future"}
SYMMETRIC = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "kid": "shared"}

ACCEPTED: dict[str, Script] = {
    "a right answer": lambda op: None,
    "signed with ES256": signs("ES256", elliptic("e")),
    "signed with PS256": signs("PS256", rsa("p")),
    "signed with EdDSA": signs("EdDSA", edwards("d")),
    "signed with EdDSA under its new name": signs("Ed25519", edwards("d")),
    "headers that we do not know": lambda op: op.header.update(
        x5t="AA", jku="https://evil.example"
    ),
    "no kid, one key": no_kid(rsa("one")),
    "no kid, several keys": no_kid(rsa("two"), elliptic("e"), rsa("one")),
    "keys rotated just before signing": rotates(rsa("two")),
    "a key set with keys we cannot read": publishes(UNREADABLE, UNKNOWN, SYMMETRIC, rsa("one")),
    "aud is a list of us": says(aud=["portal"]),
    "aud is a list, azp is us": two(says(aud=["portal", "another"]), says(azp="portal")),
    "at_hash is right": says(at_hash=half_hash("opaque")),
    "auth_time is not there": says(auth_time=None),
    "expired 20 s ago": says(exp=ago(20)),
    "issued 20 s in the future": says(iat=ago(-20)),
    "roles only in userinfo": userinfo(sub="person-1", roles=["admin"]),
    "roles only in signed userinfo": signed_userinfo(),
    "no userinfo endpoint": two(metadata(userinfo_endpoint=None), says(email=None)),
    "secret in the body": metadata(token_endpoint_auth_methods_supported=["client_secret_post"]),
    "token_type in lower case": token_response(token_type="bearer"),
}

REFUSED: dict[str, tuple[Script, str]] = {
    "no id_token": (token_response(id_token=None), "invalid"),
    "id_token is no string": (token_response(id_token={"sub": "person-1"}), "invalid"),
    "id_token is an endless string": (token_response(id_token="e" * 20_000), "invalid"),
    "id_token is no JWT": (token_response(id_token="a.b.c"), "invalid"),
    "no access_token": (token_response(access_token=None), "invalid"),
    "token_type mac": (token_response(token_type="mac"), "invalid"),
    "unsigned, as discovery offers": (
        two(
            lambda op: setattr(op, "make_id_token", unsigned),
            metadata(id_token_signing_alg_values_supported=["RS256", "none"]),
        ),
        "invalid",
    ),
    "unsigned": (lambda op: setattr(op, "make_id_token", unsigned), "invalid"),
    "HS256 with the client secret": (hmac_signed(SECRET.encode()), "invalid"),
    "HS256 with the public key": (hmac_signed(rsa("one").as_pem(private=False)), "invalid"),
    "RS512, which we do not list": (signs("RS512", rsa("one")), "invalid"),
    "a broken signature": (spoil_signature, "invalid"),
    "another key under the same kid": (
        rotates(RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})),
        "invalid",
    ),
    "an unknown kid": (lambda op: op.header.update(kid="nobody's"), "invalid"),
    "a key for encryption": (
        publishes(RSAKey.import_key(rsa("one").as_dict(private=False) | {"use": "enc"}), rsa("x")),
        "invalid",
    ),
    "iss of another": (says(iss="https://idp.example"), "invalid"),
    "iss missing": (says(iss=None), "invalid"),
    "iss with a slash more": (lambda op: op.claims.update(iss=op.url + "/"), "invalid"),
    "aud of another": (says(aud="another"), "invalid"),
    "aud missing": (says(aud=None), "invalid"),
    "aud empty": (says(aud=[]), "invalid"),
    "aud of another, azp us": (two(says(aud="another"), says(azp="portal")), "invalid"),
    "several aud, no azp": (says(aud=["portal", "another"]), "invalid"),
    "azp of another": (says(azp="another"), "invalid"),
    "sub missing": (says(sub=None), "invalid"),
    "sub empty": (says(sub=""), "invalid"),
    "sub too long": (says(sub="s" * 256), "invalid"),
    "sub a number": (says(sub=1), "invalid"),
    "sub with a NUL": (says(sub="person\0-1"), "invalid"),
    "iat missing": (says(iat=None), "invalid"),
    "iat a day old": (says(iat=ago(DAY)), "invalid"),
    "iat in the future": (says(iat=ago(-120)), "invalid"),
    "iat a string": (says(iat="now"), "invalid"),
    "exp missing": (says(exp=None), "invalid"),
    "expired 60 s ago": (says(exp=ago(60)), "invalid"),
    "exp not a number": (says(exp=float("nan")), "invalid"),
    "not valid yet": (says(nbf=ago(-120)), "invalid"),
    "nonce of another": (says(nonce="another"), "invalid"),
    "nonce missing": (says(nonce=None), "invalid"),
    "at_hash wrong": (says(at_hash=half_hash("another")), "invalid"),
    "auth_time in the future": (says(auth_time=ago(-300)), "invalid"),
    "auth_time a string": (says(auth_time="today"), "invalid"),
    "an access_token of two lines": (
        two(userinfo(sub="person-1"), token_response(access_token="one\ntwo")),
        "invalid",
    ),
    "an access_token beyond ASCII": (
        two(userinfo(sub="person-1"), token_response(access_token="\u20ac")),
        "invalid",
    ),
    "methods that are no list": (
        metadata(token_endpoint_auth_methods_supported=5),
        "unavailable",
    ),
    "userinfo of another": (userinfo(sub="person-2", roles=["admin"]), "invalid"),
    "userinfo of nobody": (userinfo(roles=["admin"]), "invalid"),
    "userinfo refuses": (
        two(says(roles=None), answers("/userinfo", lambda: Response(status=403))),
        "invalid",
    ),
    "signed userinfo for another": (signed_userinfo(aud="another"), "invalid"),
    "signed userinfo of another": (signed_userinfo(sub="person-2"), "invalid"),
    "the code is refused": (
        answers("/token", lambda: as_json({"error": "invalid_grant"}, 400)),
        "invalid",
    ),
    "token endpoint fails": (answers("/token", lambda: Response(status=500)), "unavailable"),
    "token endpoint sends HTML": (answers("/token", lambda: Response("<h1>Hi")), "unavailable"),
    "token endpoint sends a list": (answers("/token", lambda: as_json([])), "unavailable"),
    "token endpoint redirects": (
        answers("/token", lambda: Response(status=307, headers={"Location": "/userinfo"})),
        "unavailable",
    ),
    "token endpoint sends too much": (
        answers("/token", lambda: Response(b" " * (http_client.MAX_BYTES + 1))),
        "unavailable",
    ),
    "deeply nested JSON": (answers("/token", lambda: Response("[" * 100_000)), "unavailable"),
}


@pytest.mark.parametrize("script", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(op: FakeOP, script: Script) -> None:
    party = op.party()
    answer, pending = op.start(party)
    script(op)
    identity = op.party().finish(answer, [pending])  # a new process, without cached metadata
    assert (identity.issuer, identity.subject) == (op.url, "person-1")


@pytest.mark.parametrize("auth_time", ["2026-12-03T12:00:00Z", [1], 1e300, 4_000_000_000])
def test_only_the_id_token_says_how_and_when_a_person_signed_in(op: FakeOP, auth_time: Any) -> None:
    """Userinfo is neither signed nor judged."""
    answer, pending = op.start(op.party())
    says(auth_time=None, acr=None, sid=None)(op)
    userinfo(sub="person-1", roles=["admin"], auth_time=auth_time, acr="mfa", sid="s")(op)
    identity = op.party().finish(answer, [pending])
    assert (identity.auth_time, identity.acr, identity.sid) == (None, None, None)
    assert identity.claims["roles"] == ["admin"]


def test_keys_that_rotate_while_the_client_runs(op: FakeOP) -> None:
    party = op.party()
    for key in (rsa("one"), rsa("two")):
        answer, pending = op.start(party)
        op.key, op.published = key, [key]
        assert party.finish(answer, [pending]).subject == "person-1"


@pytest.mark.parametrize(("script", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(op: FakeOP, script: Script, reason: str) -> None:
    party = op.party()
    answer, pending = op.start(party)
    script(op)
    with pytest.raises(SignInFailed) as refusal:
        op.party().finish(answer, [pending])
    assert refusal.value.reason == reason, refusal.value.detail


# ---------------------------------------------------------------- the answer's parameters

ANSWERS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no state": ({"state": None}, {}, "state"),
    "another state": ({"state": ["other"]}, {}, "state"),
    "state twice": ({"state": ["{state}", "{state}"]}, {}, "state"),
    "no code": ({"code": None}, {}, "invalid"),
    "code twice": ({"code": ["a", "b"]}, {}, "invalid"),
    "code too long": ({"code": ["c" * 5000]}, {}, "invalid"),
    "iss wrong": ({"iss": ["https://evil.example"]}, {}, "invalid"),
    "iss twice": ({"iss": ["{issuer}", "{issuer}"]}, {}, "invalid"),
    "iss missing though promised": (
        {},
        {"authorization_response_iss_parameter_supported": True},
        "invalid",
    ),
    "denied": ({"code": None, "error": ["access_denied"]}, {}, "denied"),
    "an error with another's state": (
        {"state": ["other"], "code": None, "error": ["access_denied"]},
        {},
        "state",
    ),
    "an error with another's iss": (
        {"code": None, "error": ["access_denied"], "iss": ["https://evil.example"]},
        {},
        "invalid",
    ),
    "an error beside a code": ({"error": ["server_error"]}, {}, "unavailable"),
    "an unknown error": ({"code": None, "error": ["odd"]}, {}, "invalid"),
}


@pytest.mark.parametrize(("over", "promises", "reason"), ANSWERS.values(), ids=ANSWERS.keys())
def test_answers_that_are_refused_before_the_code_is_spent(
    op: FakeOP, over: dict[str, Any], promises: dict[str, Any], reason: str
) -> None:
    op.metadata |= promises
    party = op.party()
    answer, pending = op.start(party)
    fill = {"state": pending.state, "issuer": op.url}
    for name, values in over.items():
        if values is None:
            answer.pop(name)
        else:
            answer[name] = [value.format(**fill) for value in values]
    with pytest.raises(SignInFailed) as refusal:
        party.finish(answer, [pending])
    assert refusal.value.reason == reason
    assert op.asked("/token") == 0


def test_the_right_iss_is_accepted(op: FakeOP) -> None:
    op.metadata["authorization_response_iss_parameter_supported"] = True
    party = op.party()
    answer, pending = op.start(party)
    assert party.finish(answer | {"iss": [op.url]}, [pending]).subject == "person-1"


def test_a_browser_that_started_nothing(op: FakeOP) -> None:
    party = op.party()
    answer, _ = op.start(party)
    with pytest.raises(SignInFailed, match="state"):
        party.finish(answer, [])


def test_a_sign_in_that_took_too_long(op: FakeOP) -> None:
    party = op.party()
    answer, pending = op.start(party)
    late = op.party(clock=lambda: time.time() + LOGIN_LIFETIME + 1)
    with pytest.raises(SignInFailed, match="took too long"):
        late.finish(answer, [pending])


# ---------------------------------------------------------------- step-up


def test_a_new_sign_in_was_asked_for_and_happened(op: FakeOP) -> None:
    party = op.party()
    answer, pending = op.start(party, max_age=0, subject="person-1")
    assert party.finish(answer, [pending]).auth_time


STEP_UPS: dict[str, tuple[Script, str]] = {
    "auth_time missing": (says(auth_time=None), "invalid"),
    "auth_time a day old": (says(auth_time=ago(DAY)), "invalid"),
    "auth_time a minute before": (says(auth_time=ago(60)), "invalid"),
    "another person": (says(sub="person-2"), "other_person"),
}


@pytest.mark.parametrize(("script", "reason"), STEP_UPS.values(), ids=STEP_UPS.keys())
def test_a_step_up_that_is_none(op: FakeOP, script: Script, reason: str) -> None:
    party = op.party()
    answer, pending = op.start(party, max_age=0, subject="person-1")
    script(op)
    with pytest.raises(SignInFailed) as refusal:
        party.finish(answer, [pending])
    assert refusal.value.reason == reason


def test_a_sign_in_within_max_age(op: FakeOP) -> None:
    party = op.party()
    op.claims["auth_time"] = now() - 600
    answer, pending = op.start(party, max_age=3600)
    assert party.finish(answer, [pending]).auth_time == op.claims["auth_time"]


# ---------------------------------------------------------------- the provider's documents

DOCUMENTS: dict[str, Script] = {
    "another issuer": metadata(issuer="https://idp.example"),
    "no issuer": metadata(issuer=None),
    "no token endpoint": metadata(token_endpoint=None),
    "no keys at all": publishes(),
    "only shared keys": publishes(SYMMETRIC),
    "only a short RSA key": publishes(
        {"kty": "RSA", "n": "w7Zdfmece8iaB0kiTY8pCtiBtzb", "e": "AQAB"}
    ),
    "key set is a list": answers("/jwks", lambda: as_json([])),
    "key set is text": answers("/jwks", lambda: as_json({"keys": "none"})),
    "discovery is not there": answers(
        "/.well-known/openid-configuration", lambda: Response(status=404)
    ),
}


@pytest.mark.parametrize("script", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_documents_that_no_sign_in_can_start_with(op: FakeOP, script: Script) -> None:
    script(op)
    with pytest.raises(SignInFailed) as refusal:
        op.party().start()
    assert refusal.value.reason == "unavailable"


def test_a_provider_that_hangs_or_drips_without_end_costs_the_deadline_and_no_more(
    op: FakeOP, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the deadline, this test would not end."""
    monkeypatch.setattr(http_client, "DEADLINE", 0.3)
    given_up = threading.Event()

    def drip() -> Response:
        def pieces() -> Any:
            while not given_up.wait(0.05):
                yield b" "

        return Response(pieces())

    def hang() -> Response:
        given_up.wait()
        return Response()

    for slow in (drip, hang):
        party = op.party()
        answer, pending = op.start(party)
        op.answers["/token"] = lambda _, slow=slow: slow()
        given_up.clear()
        try:
            with pytest.raises(SignInFailed, match="unavailable"):
                party.finish(answer, [pending])
        finally:
            given_up.set()


def test_headers_that_drip_without_end_cost_the_deadline_and_no_more(
    op: FakeOP, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the deadline, this test would not end."""
    monkeypatch.setattr(http_client, "DEADLINE", 0.3)
    given_up = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not given_up.wait(0.05):
                connection.sendall(b"a")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        op.metadata["token_endpoint"] = f"http://127.0.0.1:{listener.getsockname()[1]}/token"
        dripping = threading.Thread(target=drip, args=[listener])
        dripping.start()
        party = op.party()
        answer, pending = op.start(party)
        try:
            with pytest.raises(SignInFailed, match="unavailable"):
                party.finish(answer, [pending])
        finally:
            given_up.set()
            dripping.join()


def test_the_secret_is_sent_as_the_standard_says(op: FakeOP) -> None:
    party = op.party()
    answer, pending = op.start(party)
    party.finish(answer, [pending])
    request = next(request for request in op.seen if request.path == "/token")
    assert request.headers["Authorization"].startswith("Basic ")
    form = request.form
    assert "client_secret" not in form
    assert form["code_verifier"] == pending.verifier
    assert form["redirect_uri"] == party.client.redirect_uri


def test_an_email_counts_only_when_verified(op: FakeOP) -> None:
    party = op.party()
    answer, pending = op.start(party)
    op.claims["email_verified"] = False
    assert party.finish(answer, [pending]).email is None


def test_names_are_made_fit_to_be_stored_and_shown(op: FakeOP) -> None:
    party = op.party()
    answer, pending = op.start(party)
    op.claims |= {"name": " A\0d\u202ea\n", "email": "a" * 400}
    identity = party.finish(answer, [pending])
    assert identity.name == "Ada"
    assert len(identity.email or "") == 320


@pytest.mark.parametrize("name", [None, "", "\0", 7, ["Ada"]])
def test_somebody_without_a_name_is_called_by_the_email(op: FakeOP, name: Any) -> None:
    party = op.party()
    answer, pending = op.start(party)
    op.claims["name"] = name
    assert party.finish(answer, [pending]).name == "ada@acme.example"


def test_where_logout_sends_the_browser(op: FakeOP) -> None:
    url = op.party().logout_url("st", "the.id.token") or ""
    assert url.startswith(f"{op.url}/logout?")
    assert "id_token_hint=the.id.token" in url
    assert "state=st" in url
    op.metadata["end_session_endpoint"] = None
    assert op.party().logout_url("st", None) is None


# ---------------------------------------------------------------- caching


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_metadata_and_keys_are_read_once_an_hour(op: FakeOP) -> None:
    clock = Clock()
    issuer = Issuer(op.url, clock=clock)
    for _ in range(3):
        issuer.metadata()
    assert op.asked("/jwks") == 1
    clock.now += 3601
    op.metadata["token_endpoint"] = f"{op.url}/new-token"
    assert issuer.metadata().token_endpoint == f"{op.url}/new-token"
    assert op.asked("/jwks") == 2


def test_old_keys_stay_while_the_provider_is_down(op: FakeOP) -> None:
    clock = Clock()
    issuer = Issuer(op.url, clock=clock)
    token = op.sign({"sub": "person-1"})
    issuer.verify(token)
    op.answers["/.well-known/openid-configuration"] = lambda _: Response(status=500)
    clock.now += 3601
    assert issuer.verify(token).claims == {"sub": "person-1"}
    tries = op.asked("/.well-known/openid-configuration")
    issuer.verify(token)
    assert op.asked("/.well-known/openid-configuration") == tries, "not asked again at once"
    op.answers.clear()
    clock.now += 31
    issuer.verify(token)
    assert op.asked("/.well-known/openid-configuration") == tries + 1


def test_invented_kids_cost_one_reading_in_thirty_seconds(op: FakeOP) -> None:
    clock = Clock()
    issuer = Issuer(op.url, clock=clock)
    issuer.metadata()
    for number in range(20):
        with pytest.raises(Exception, match="no key"):
            issuer.verify(op.sign({}, kid=f"invented-{number}"))
    assert op.asked("/jwks") == 2
    op.key, op.published = rsa("two"), [rsa("two")]
    with pytest.raises(Exception, match="no key"):
        issuer.verify(op.sign({}))
    clock.now += 31
    assert issuer.verify(op.sign({})).claims == {}


def test_a_provider_that_comes_up_later_is_found(op: FakeOP) -> None:
    clock = Clock()
    issuer = Issuer(op.url, clock=clock)
    op.answers["/jwks"] = lambda _: Response(status=503)
    with pytest.raises(http_client.ProviderUnavailable):
        issuer.metadata()
    op.answers.clear()
    clock.now += 2
    assert issuer.metadata().jwks_uri == f"{op.url}/jwks"


# ---------------------------------------------------------------- back-channel logout

EVENT = {"http://schemas.openid.net/event/backchannel-logout": {}}


def logout_claims(op: FakeOP, over: dict[str, Any]) -> dict[str, Any]:
    claims = {
        "iss": op.url,
        "aud": "portal",
        "iat": now(),
        "exp": now() + 120,
        "jti": "one",
        "sid": "session-1",
        "sub": "person-1",
        "events": EVENT,
    } | over
    return present(claims)


@pytest.mark.parametrize(
    ("over", "sid", "subject"),
    [
        ({}, "session-1", "person-1"),
        ({"sub": None}, "session-1", None),
        ({"sid": None}, None, "person-1"),
        ({"exp": None}, "session-1", "person-1"),
        ({"aud": ["portal", "another"]}, "session-1", "person-1"),
    ],
)
def test_logout_tokens_that_hold(op: FakeOP, over: Any, sid: str, subject: str) -> None:
    token = op.sign(logout_claims(op, over), typ="logout+jwt")
    notice = op.party().read_logout_token(token)
    assert (notice.sid, notice.subject, notice.token_id) == (sid, subject, "one")


LOGOUT: dict[str, dict[str, Any]] = {
    "no event": {"events": None},
    "another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "event is no object": {"events": {next(iter(EVENT)): True}},
    "events are a list": {"events": list(EVENT)},
    "with a nonce": {"nonce": "n"},
    "aud of another": {"aud": "another"},
    "iss of another": {"iss": "https://idp.example"},
    "iat missing": {"iat": None},
    "iat three minutes old": {"iat": ago(180)},
    "iat in the future": {"iat": ago(-180)},
    "expired": {"exp": ago(60)},
    "neither sid nor sub": {"sid": None, "sub": None},
    "sid empty": {"sid": ""},
    "jti missing": {"jti": None},
}


@pytest.mark.parametrize("over", LOGOUT.values(), ids=LOGOUT.keys())
def test_logout_tokens_that_do_not_hold(op: FakeOP, over: dict[str, Any]) -> None:
    token = op.sign(logout_claims(op, over), typ="logout+jwt")
    with pytest.raises(SignInFailed, match="invalid"):
        op.party().read_logout_token(token)


def test_logout_tokens_of_the_wrong_make(op: FakeOP) -> None:
    claims = logout_claims(op, {})
    key = OctKey.import_key(SECRET)
    shared = jwt.encode({"alg": "HS256", "typ": "logout+jwt"}, claims, key, ["HS256"])
    others = [
        unsigned(claims),
        shared,
        op.sign(claims, typ="JWT"),
        op.sign(claims, typ=None),
        op.id_token(),
        "",
    ]
    for token in others:
        with pytest.raises(SignInFailed, match="invalid"):
            op.party().read_logout_token(token)
