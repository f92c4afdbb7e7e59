"""A scriptable OpenID provider over the network, correct except where a test changes it.

Every step is an attribute that a test can replace: the metadata, the published keys, the claims and
their signature, the responses of the token and userinfo endpoints.
"""

import json
import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey
from werkzeug.wrappers import Request, Response

from portal.identity.openid.issuer import Issuer
from portal.identity.openid.relying_party import Client, Pending, RelyingParty
from tests.identity.serving import served

Claims = dict[str, Any]
SECRET = "a secret that only client and provider know"


@cache
def rsa(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


@cache
def elliptic(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


@cache
def edwards(kid: str) -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig"})


def unsigned(claims: Claims) -> str:
    """Return a token with `alg: none`, which none of the portal's libraries would create."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    encoded = (urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return ".".join(encoded) + "."


@dataclass
class FakeOP:
    """The provider's state for one test."""

    url: str
    key: Key = field(default_factory=lambda: rsa("one"))
    alg: str = "RS256"
    published: list[Any] = field(default_factory=lambda: [rsa("one")])
    header: dict[str, Any] = field(default_factory=dict)
    metadata: Claims = field(default_factory=dict)  # merged into the document
    claims: Claims = field(default_factory=dict)  # merged into the ID token; None removes
    userinfo: Claims = field(default_factory=lambda: {"sub": "person-1"})
    tokens: Claims = field(default_factory=dict)  # merged into the token response
    make_id_token: Callable[[Claims], str] | None = None
    answers: dict[str, Callable[[Request], Response]] = field(default_factory=dict)
    seen: list[Request] = field(default_factory=list)
    nonce: str = ""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        request.get_data()
        self.seen.append(request)
        answer = self.answers.get(request.path) or getattr(
            self, "_" + request.path.strip("/."), None
        )
        if request.path == "/.well-known/openid-configuration":
            answer = answer or self._discovery
        response = answer(request) if answer else Response(status=404)
        return response(environ, start_response)

    def asked(self, path: str) -> int:
        return sum(request.path == path for request in self.seen)

    # ------------------------------------------------------------ the endpoints

    def _discovery(self, request: Request) -> Response:
        document = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "end_session_endpoint": f"{self.url}/logout",
            "jwks_uri": f"{self.url}/jwks",
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return as_json(present(document | self.metadata))

    def _jwks(self, request: Request) -> Response:
        keys = [
            key if isinstance(key, dict) else KeySet([key]).as_dict(private=False)["keys"][0]
            for key in self.published
        ]
        return as_json({"keys": keys})

    def _token(self, request: Request) -> Response:
        tokens = {
            "access_token": "opaque",
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": self.id_token(),
        }
        return as_json(present(tokens | self.tokens))

    def _userinfo(self, request: Request) -> Response:
        if request.headers.get("Authorization") != "Bearer opaque":
            return Response(status=401)
        return as_json(self.userinfo)

    # ------------------------------------------------------------ tokens

    def id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "person-1",
            "aud": "portal",
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": self.nonce,
            "name": "Ada",
            "email": "ada@acme.example",
            "email_verified": True,
            "tenant_id": "tnt_acme",
            "roles": ["admin"],
        }
        claims = present(claims | self.claims)
        return self.make_id_token(claims) if self.make_id_token else self.sign(claims)

    def sign(self, claims: Claims, **header: Any) -> str:
        """Return a JWT of this provider; a header of None is left out."""
        named = {"kid": self.key.kid, "typ": "JWT"} | self.header | header
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # EdDSA has a new name
            return jwt.encode(
                present({"alg": self.alg} | named),
                claims,
                self.key,
                algorithms=[self.alg],
                default_type=None,
            )

    # ------------------------------------------------------------ the client

    def party(self, **over: Any) -> RelyingParty:
        registration = {
            "client_id": "portal",
            "client_secret": SECRET,
            "redirect_uri": "http://portal.example/auth/callback",
            "after_logout_uri": "http://portal.example/auth/logged-out",
        }
        return RelyingParty(Issuer(self.url), Client(**registration), **over)

    def start(self, party: RelyingParty, **wish: Any) -> tuple[dict[str, list[str]], Pending]:
        """Start a sign-in; return the provider's (correct) response and the pending sign-in."""
        url, pending = party.start(**wish)
        query = parse_qs(urlsplit(url).query)
        self.nonce = query["nonce"][0]
        return {"code": ["the-code"], "state": query["state"]}, pending


def present(values: Claims) -> Claims:
    """Return the values without None; callables such as `ago(20)` are called now."""
    called = {name: value() if callable(value) else value for name, value in values.items()}
    return {name: value for name, value in called.items() if value is not None}


def ago(seconds: int) -> Callable[[], int]:
    """Return a function that computes a time relative to the creation of the token.

    A fixed time would be relative to the collection of the tests.
    """
    return lambda: int(time.time()) - seconds


def as_json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")


@pytest.fixture(scope="session")
def _op_server() -> Iterator[tuple[str, list[FakeOP]]]:
    current: list[FakeOP] = []

    def app(environ: Any, start_response: Any) -> Any:
        return current[0](environ, start_response)

    with served(lambda url: app) as url:
        yield url, current


@pytest.fixture
def op(_op_server: tuple[str, list[FakeOP]]) -> FakeOP:
    """Return a provider that is correct in everything until the test changes it."""
    url, current = _op_server
    current[:] = [FakeOP(url)]
    return current[0]
