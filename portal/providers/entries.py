"""Load the providers: one object each, with its settings and its ways to sign in."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import TypeAdapter, model_validator

from portal.providers.filling import names
from portal.providers.settings import Declared, Setting
from portal.providers.sign_in import (
    Browser,
    ClientCertificate,
    Nothing,
    SignedToken,
    SignIn,
    Token,
    Unproven,
)
from portal.providers.steps import Check, Limits, Revocation

CUSTOM = "custom"
DATA = Path(__file__).with_name("data")
Evidence = Literal["live", "docs", "peer", "memory"]
"""Tell how an entry is known: tried by a test on a real system, read in its documentation, read in
the catalogue of a peer, or remembered."""

EVIDENCE_WORDS: Mapping[Evidence, str] = {
    "live": "Tried on a real system",
    "docs": "Read in the provider's documentation",
    "peer": "From another catalogue, not tried",
    "memory": "From memory, not checked",
}

AUTH_WORDS = {
    "api_key": "API key",
    "api_key_pair": "Pair of API keys",
    "aws_assume_role": "AWS role",
    "aws_keys": "AWS access keys",
    "basic": "User name and password",
    "bearer": "Bearer token",
    "github_app": "GitHub App",
    "hmac": "HMAC signature",
    "key_pair_jwt": "Key pair (JWT)",
    "mtls": "Client certificate (mTLS)",
    "none": "None",
    "oauth2_client_credentials": "OAuth 2 client credentials",
    "oauth2_code": "OAuth 2 authorization code",
    "oauth2_jwt_bearer": "OAuth 2 JWT bearer",
    "oauth2_private_key_jwt": "OAuth 2 private key JWT",
    "service_account_jwt": "Service account (JWT)",
}


# Never in a lease, unless the entry names it: their holder could get new tokens for ever.
WITHHELD = ("refresh_token", "client_secret", "private_key", "client_key", "private_jwk")


class Variant(Declared):
    """One way to sign in to a provider.

    `when` are settings that it needs. `check` replaces the provider's. `lease` names the
    credentials that a lease hands out, where they are not those that follow from the rule.
    """

    type: str
    label: str = ""
    credentials: tuple[Setting, ...]
    when: Mapping[str, str] = {}
    sign_in: SignIn = Nothing()
    check: Check | None = None
    lease: tuple[str, ...] | None = None
    revocation: Revocation | None = None
    warning: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _labelled(cls, data: Any) -> Any:
        return {"label": AUTH_WORDS.get(data["type"], ""), **data}

    @property
    def names(self) -> frozenset[str]:
        """Return the names of its credential fields."""
        return frozenset(field.key for field in self.credentials)

    @property
    def private_keys(self) -> frozenset[str]:
        """Return the names of the credential fields that hold a private key which the portal
        uses."""
        way = self.sign_in
        if isinstance(way, ClientCertificate):
            return frozenset(names(way.key))
        if isinstance(way, (Token, SignedToken)) and way.assertion:
            return frozenset(names(way.assertion.key))
        return frozenset()

    @property
    def remarks(self) -> tuple[str, ...]:
        """Return what one should know before one chooses this way to sign in, in sentences."""
        found = [f"Only where {key} is {value}." for key, value in self.when.items()]
        if self.warning:
            found.append(self.warning)
        if isinstance(self.sign_in, Browser):
            found.append(
                "A person has to sign in with a browser, so a check proves only the address."
            )
        if isinstance(self.sign_in, Unproven):
            found.append(self.sign_in.because)
        return tuple(found)

    @property
    def gives_token(self) -> bool:
        """Tell whether a lease hands out an access token that the portal gets, not what is
        stored."""
        return isinstance(self.sign_in, Token)

    @property
    def leased(self) -> frozenset[str]:
        """Return the names of the stored credentials that a lease hands out."""
        if self.lease is not None or self.gives_token:
            return frozenset(self.lease or ())
        return frozenset(name for name in self.names if not name.startswith(WITHHELD))


class Logo(Declared):
    """A monogram of our own: one or two letters on a square of this hue (0 to 359)."""

    letters: str
    hue: int


class Provider(Declared):
    """A vendor whose systems a connector can use.

    `docs` is its documentation of the API, `evidence` tells how the entry is known.
    """

    key: str
    name: str
    category: str
    logo: Logo
    docs: str | None
    evidence: Evidence
    config: tuple[Setting, ...]
    auth: tuple[Variant, ...]
    check: Check | None = None
    limits: Limits = Limits()
    events: tuple[str, ...]

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def is_open(self) -> bool:
        """Tell whether any setting is allowed, because the other system's fields are unknown."""
        return self.key == CUSTOM

    @property
    def evidence_words(self) -> str:
        """Return in words how the entry is known."""
        return EVIDENCE_WORDS[self.evidence]

    def with_defaults(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return this provider's settings as they are used, each that is not set by its default.

        What it does not declare is left out, so that it cannot stand in for what is discovered.
        """
        found = ((setting.key, config.get(setting.key)) for setting in self.config)
        given = {key: value for key, value in found if value not in (None, "")}
        usual = {s.key: s.default for s in self.config if s.default is not None}
        return usual | given

    def variant(self, auth_type: str | None) -> Variant | None:
        """Return the authentication type of this name; the provider's first if none is given."""
        if auth_type is None:
            return None if self.is_open else self.auth[0]
        return next((variant for variant in self.auth if variant.type == auth_type), None)

    def check_of(self, variant: Variant) -> Check | None:
        """Return the check of one way to sign in; None where nothing can be asked."""
        return variant.check or self.check


def _load() -> Mapping[str, Provider]:
    read = TypeAdapter(tuple[Provider, ...]).validate_json
    files = sorted(DATA.glob("*.json"))
    found = [provider for file in files for provider in read(file.read_bytes())]
    return MappingProxyType({provider.key: provider for provider in _custom_last(found)})


def _custom_last(found: list[Provider]) -> list[Provider]:
    return sorted(found, key=lambda provider: (provider.is_open, provider.name.lower()))


PROVIDERS: Mapping[str, Provider] = _load()


def name_of(key: str | None) -> str | None:
    """Return the display name of a provider."""
    provider = PROVIDERS.get(key or "")
    return provider.name if provider else key
