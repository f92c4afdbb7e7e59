"""The fixed list of providers, with the settings and credentials that each needs.

The data is in `providers.json`: one object per provider, with the non-secret settings (`config`),
the authentication types (`auth`, each with the fields of its credentials) and the events that it
can emit. `custom` stands for every provider that is not in the list.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from portal.records.schemas import HIDDEN

CUSTOM = "custom"
INITIALS = {"id", "api", "url", "tls", "jwk", "pem", "arn", "ssl", "cid"}
FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "host": (
        re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?"),
        "Give only the host name, such as {example}: no http:// and no path.",
    ),
    "url": (re.compile(r"https?://[^\s/?#]\S*"), "Give a whole address, https://…"),
    "uuid": (
        re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
        "Give an id such as 3f2504e0-4f89-11d3-9a0c-0305e82c3301.",
    ),
    "email": (re.compile(r"[^@\s]+@[^@\s]+"), "Give an e-mail address."),
}


@cache
def _pattern(text: str) -> re.Pattern[str]:
    # To Python alone, `$` is also before a line break at the end.
    return re.compile(re.sub(r"\$$", r"\\Z", text))


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a provider's settings or credentials, with its label and rules.

    `kind` is string, host, url, uuid, email, enum, int or bool; `secret` hides the typed text.
    """

    key: str
    label: str
    kind: str = "string"
    required: bool = False
    secret: bool = False
    default: Any = None
    options: tuple[str, ...] = ()
    example: str | None = None
    pattern: str | None = None
    suffix: str | None = None
    reject: str | None = None

    def cleaned(self, value: Any) -> Any:
        """Return a value as it is used: a pasted address without blanks and a slash at its end, a
        host also without https:// and without what the provider adds."""
        if not isinstance(value, str) or not (self.kind in FORMS or self.suffix):
            return value
        value = value.strip()
        if self.kind == "url":
            return value.rstrip("/")
        if self.kind == "host" or self.suffix:
            value = value.removeprefix("https://").rstrip("/").removesuffix(self.suffix or "")
        return value

    def problem(self, value: Any) -> str | None:
        """Return the problem of a value of this setting as a sentence, or None."""
        if self.kind == "bool":
            return None if isinstance(value, bool) else "This must be true or false."
        if self.kind == "int":
            whole = isinstance(value, int) and not isinstance(value, bool)
            return None if whole else "This must be a whole number."
        if not isinstance(value, str):
            return "This must be text."
        return self._problem_of_text(value)

    def problem_of_secret(self, value: str) -> str | None:
        """Return the problem of a credential as a sentence that does not repeat it, or None."""
        form, sentence = FORMS.get(self.kind, (None, ""))
        if form and not form.fullmatch(value):
            return sentence.format(example=self.example or "api.example.com")
        if self.pattern and not _pattern(self.pattern).search(value):
            return "This does not have the form that the provider uses: is it another credential?"
        return None

    def _problem_of_text(self, value: str) -> str | None:
        if HIDDEN.search(value):
            return "This has an invisible control character."
        if self.kind == "enum" and value not in self.options:
            return f"Choose one of {', '.join(self.options)}."
        if self.reject and fnmatch(value, self.reject):
            return f"An address of the form {self.reject} does not answer programs."
        form, sentence = FORMS.get(self.kind, (None, ""))
        if form and not form.fullmatch(value):
            return sentence.format(example=self.example or "api.example.com")
        if self.pattern and not _pattern(self.pattern).search(value):
            return "This does not have the form that the provider uses."
        return None


@dataclass(frozen=True, slots=True)
class Variant:
    """One authentication type of a provider."""

    type: str
    label: str
    credentials: tuple[Setting, ...]

    @property
    def names(self) -> frozenset[str]:
        """Return the names of its credential fields."""
        return frozenset(field.key for field in self.credentials)


@dataclass(frozen=True, slots=True)
class Provider:
    """A vendor whose systems a connector can use."""

    key: str
    name: str
    category: str
    docs: str | None
    config: tuple[Setting, ...]
    auth: tuple[Variant, ...]
    events: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Tell whether any setting is allowed, because the other system's fields are unknown."""
        return self.key == CUSTOM

    def variant(self, auth_type: str | None) -> Variant | None:
        """Return the authentication type of this name; the provider's first if none is given."""
        if auth_type is None:
            return None if self.is_open else self.auth[0]
        return next((variant for variant in self.auth if variant.type == auth_type), None)


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


def label_of(key: str) -> str:
    """Return a readable label: `tenantId` → “Tenant ID”, `client_secret` → “Client secret”."""
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", key).replace("_", " ").lower().split()
    words = [part.upper() if part in INITIALS else part for part in parts]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _setting(data: dict[str, Any]) -> Setting:
    known = {"label": label_of(data["key"]), **data}
    return Setting(**{**known, "options": tuple(known.get("options", ()))})


def _variant(data: dict[str, Any]) -> Variant:
    fields = tuple(_setting(field) for field in data["credentials"])
    return Variant(data["type"], data.get("label") or AUTH_WORDS[data["type"]], fields)


def _provider(data: dict[str, Any]) -> Provider:
    return Provider(
        key=data["key"],
        name=data["name"],
        category=data["category"],
        docs=data["docs"],
        config=tuple(_setting(field) for field in data["config"]),
        auth=tuple(_variant(variant) for variant in data["auth"]),
        events=tuple(data["events"]),
    )


def _load() -> dict[str, Provider]:
    text = Path(__file__).with_name("providers.json").read_text(encoding="utf-8")
    return {data["key"]: _provider(data) for data in json.loads(text)}


PROVIDERS: Mapping[str, Provider] = MappingProxyType(_load())


def name_of(key: str | None) -> str | None:
    """Return the display name of a provider."""
    provider = PROVIDERS.get(key or "")
    return provider.name if provider else key
