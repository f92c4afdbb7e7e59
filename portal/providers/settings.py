"""Define one field of a provider's settings or credentials, with its label and rules."""

import re
from collections.abc import Mapping
from fnmatch import fnmatch
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, model_validator

from portal.core.errors import one_of
from portal.records.schemas import HIDDEN

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


class Declared(BaseModel):
    """A part of an entry: it cannot change, and an unknown field stops the start."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Setting(Declared):
    """One field of a provider's settings or credentials, with its label and rules.

    `kind` is string, host, url, uuid, email, enum, int or bool; `secret` hides the typed text.
    """

    key: str
    label: str = ""
    kind: Literal["string", "host", "url", "uuid", "email", "enum", "int", "bool"] = "string"
    required: bool = False
    secret: bool = False
    default: Any = None
    options: tuple[str, ...] = ()
    example: str | None = None
    pattern: str | None = None
    suffix: str | None = None
    reject: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _labelled(cls, data: Any) -> Any:
        return {"label": label_of(data["key"]), **data}

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
            return one_of(value, self.options)
        if self.reject and fnmatch(value, self.reject):
            return f"An address of the form {self.reject} does not answer programs."
        form, sentence = FORMS.get(self.kind, (None, ""))
        if form and not form.fullmatch(value):
            return sentence.format(example=self.example or "api.example.com")
        if self.kind == "url" and not _has_host_and_port(value):
            return "This address has no host, or a port that does not exist."
        if self.pattern and not _pattern(self.pattern).search(value):
            return "This does not have the form that the provider uses."
        return None


def _has_host_and_port(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def label_of(key: str) -> str:
    """Return a readable label: `tenantId` → “Tenant ID”, `client_secret` → “Client secret”."""
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", key).replace("_", " ").lower().split()
    words = [part.upper() if part in INITIALS else part for part in parts]
    text = " ".join(words)
    return text[:1].upper() + text[1:]
