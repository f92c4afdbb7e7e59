"""The access tokens that the API accepts (RFC 9068) and refuses."""

import time
from typing import Any

import pytest

from portal.core.errors import Unauthenticated, Unavailable
from portal.identity.openid.access_tokens import TokenVerifier
from portal.identity.openid.issuer import Issuer
from tests.identity.fake_op import FakeOP, ago, edwards, elliptic, present, rsa, unsigned

API = "urn:cpod:integration"


def access_claims(op: FakeOP, **over: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": op.url,
        "sub": "person-1",
        "aud": API,
        "client_id": "crm",
        "iat": now,
        "exp": now + 300,
        "jti": "token-1",
        "scope": "applications:read connectors:read",
        "tenant_id": "tnt_acme",
        "roles": ["admin"],
    } | over
    return present(claims)


def verifier(op: FakeOP, **over: Any) -> TokenVerifier:
    return TokenVerifier(Issuer(op.url), API, **over)


def test_a_good_token(op: FakeOP) -> None:
    token = verifier(op).verify(op.sign(access_claims(op), typ="at+jwt"))
    assert (token.subject, token.client_id, token.tenant) == ("person-1", "crm", "tnt_acme")
    assert token.scopes == {"applications:read", "connectors:read"}
    assert not token.is_of_a_program


@pytest.mark.parametrize(
    "over",
    [
        {"aud": [API, "urn:another"]},
        {"client_id": None, "azp": "crm"},
        {"azp": "crm"},
        {"exp": ago(20)},
        {"nbf": ago(-20)},
        {"scope": None},
        {"tenant_id": None, "roles": None},
    ],
    ids=["aud list", "azp only", "azp too", "leeway exp", "leeway nbf", "no scope", "no tenant"],
)
def test_good_tokens_of_other_shapes(op: FakeOP, over: dict[str, Any]) -> None:
    assert verifier(op).verify(op.sign(access_claims(op, **over), typ="at+jwt")).client_id == "crm"


@pytest.mark.parametrize(
    ("alg", "key"), [("ES256", elliptic("e")), ("PS256", rsa("p")), ("EdDSA", edwards("d"))]
)
def test_every_listed_algorithm(op: FakeOP, alg: str, key: Any) -> None:
    op.alg, op.key, op.published = alg, key, [key]
    token = op.sign(access_claims(op), typ="application/at+JWT")
    assert verifier(op).verify(token).token_id == "token-1"


@pytest.mark.parametrize(
    "over",
    [
        {"scope": ["keys:read", "openid"]},
        {"scope": None, "scp": "keys:read openid"},
        {"scope": None, "scp": ["keys:read", "openid"]},
        {"scope": "openid", "scp": ["keys:read"]},
    ],
    ids=["scope a list", "scp", "scp a list", "both"],
)
def test_providers_name_scopes_in_several_ways(op: FakeOP, over: dict[str, Any]) -> None:
    """A narrowing that is not read would leave a person all that the role gives."""
    token = verifier(op).verify(op.sign(access_claims(op, **over), typ="at+jwt"))
    assert token.scopes == {"keys:read", "openid"}


def test_claims_may_lie_deeper(op: FakeOP) -> None:
    claims = access_claims(op, roles=None, realm_access={"roles": ["viewer"]})
    token = verifier(op, roles_claim="realm_access.roles").verify(op.sign(claims, typ="at+jwt"))
    assert token.roles == ["viewer"]


REFUSED: dict[str, dict[str, Any]] = {
    "iss of another": {"iss": "https://idp.example"},
    "iss missing": {"iss": None},
    "aud of another": {"aud": "urn:another"},
    "aud missing": {"aud": None},
    "aud is an object": {"aud": {API: True}},
    "sub missing": {"sub": None},
    "sub empty": {"sub": ""},
    "sub with a NUL": {"sub": "a\0b"},
    "sub a list": {"sub": ["person-1"]},
    "client_id missing": {"client_id": None},
    "client_id and azp differ": {"azp": "another"},
    "jti missing": {"jti": None},
    "iat missing": {"iat": None},
    "iat in the future": {"iat": ago(-120)},
    "exp missing": {"exp": None},
    "expired": {"exp": ago(60)},
    "exp endless": {"exp": float("inf")},
    "exp true": {"exp": True},
    "exp beyond every number": {"exp": 10**400},
    "exp after the year 9999": {"exp": 253402300800},
    "exp before 1970": {"exp": -1},
    "scope a number": {"scope": 7},
    "scope zero": {"scope": 0},
    "scp false": {"scp": False},
    "scope an object": {"scope": {"keys:read": True}},
    "scope a list of others": {"scope": ["keys:read", 7]},
    "not valid yet": {"nbf": ago(-120)},
    "nbf a string": {"nbf": "tomorrow"},
}


@pytest.mark.parametrize("over", REFUSED.values(), ids=REFUSED.keys())
def test_refused_claims(op: FakeOP, over: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        verifier(op).verify(op.sign(access_claims(op, **over), typ="at+jwt"))
    assert refusal.value.detail == "The access token is not valid.", "one answer for all"


def test_refused_tokens(op: FakeOP) -> None:
    claims, check = access_claims(op), verifier(op)
    good = op.sign(claims, typ="at+jwt")
    check.verify(good)
    header, payload, signature = good.split(".")
    tokens = {
        "no typ": op.sign(claims, typ=None),
        "typ JWT": op.sign(claims, typ="JWT"),
        "an ID token": op.id_token(),
        "unsigned": unsigned(claims),
        "signature cut": f"{header}.{payload}.{signature[:-4]}",
        "payload changed": f"{header}.{payload[:-4]}AAAA.{signature}",
        "two parts": f"{header}.{payload}",
        "five parts": f"{good}.a.b",
        "nothing": "",
        "not ASCII": good + "é",
        "too long": good + "A" * 20_000,
        "no JSON": "bm8.bm8.bm8",
        "nested JSON": "W1tb" * 3000 + ".bm8.bm8",
        "another algorithm": _with(op, "RS512").sign(claims, typ="at+jwt"),
        "another's key": _signed_by(op, rsa("two"), claims),
    }
    accepted = [name for name, token in tokens.items() if not _refuses(check, token)]
    assert accepted == []


def _refuses(check: TokenVerifier, token: str) -> bool:
    try:
        check.verify(token)
    except Unauthenticated:
        return True
    return False


def _with(op: FakeOP, alg: str) -> FakeOP:
    return FakeOP(op.url, alg=alg)


def _signed_by(op: FakeOP, key: Any, claims: dict[str, Any]) -> str:
    return FakeOP(op.url, key=key).sign(claims, typ="at+jwt", kid="one")


def test_a_provider_that_was_never_reached_is_our_fault_not_the_callers() -> None:
    issuer = Issuer("http://127.0.0.1:9")
    header = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9"
    with pytest.raises(Unavailable):
        TokenVerifier(issuer, API).verify(f"{header}.e30.AAAA")
