"""Draw the declared scopes as a grid (a resource a row; read, write, more), and say them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from portal.identity.openid.claims import ALL_SCOPES, FOR_PROGRAMS, LOGS, RESOURCES
from portal.web.forms import ChecksField, listed

WORDS = RESOURCES | LOGS
VERBS = {"write": "create and change", "use": "lease credentials of"}


@dataclass(frozen=True, slots=True)
class Box:
    """One scope to tick. `reason` says why it cannot be granted; it is empty if it can."""

    scope: str
    right: str
    is_ticked: bool
    reason: str

    @property
    def word(self) -> str:
        """Return the right in one word."""
        return "lease" if self.right == "use" else self.right

    @property
    def label(self) -> str:
        """Return the scope in words, and why it cannot be granted."""
        words = upper_first(may(self.scope))
        return f"{words} ({self.reason})" if self.reason else words


@dataclass(frozen=True, slots=True)
class Row:
    """The scopes of one resource."""

    title: str
    note: str
    read: Box | None
    write: Box | None
    more: list[Box]


@dataclass(frozen=True, slots=True)
class Preset:
    """Scopes that are ticked together."""

    label: str
    scopes: list[str]


class ScopesField(ChecksField):
    """Scopes as boxes in a grid. `offer` says which of them may be granted, and why not others."""

    draws = "scopes"
    refused: Mapping[str, str] = {}

    def offer(self, refused: Mapping[str, str]) -> None:
        """Set what cannot be granted: scope → reason."""
        self.refused = refused

    @property
    def grantable(self) -> list[str]:
        """Return the scopes that can be ticked, in their order."""
        return [scope for scope in sorted(ALL_SCOPES, key=order) if scope not in self.refused]

    def rows(self) -> Iterator[Row]:
        """Yield a row for each resource, also for ticked scopes that are not declared."""
        self.is_drawn = True
        boxes: dict[str, dict[str, Box]] = {}
        for scope in sorted(ALL_SCOPES | set(self.data or ()), key=order):
            resource, _, right = scope.partition(":")
            boxes.setdefault(resource, {})[right] = self._box(scope, right)
        for resource, own in boxes.items():
            noun, note = WORDS.get(resource, (resource, ""))
            title = upper_first(noun.removeprefix("the "))
            yield Row(title, note, own.pop("read", None), own.pop("write", None), [*own.values()])

    def _box(self, scope: str, right: str) -> Box:
        reason = self.refused.get(scope, "")
        return Box(scope, right, not reason and scope in (self.data or ()), reason)

    def reasons(self) -> list[tuple[str, str]]:
        """Return each reason with the scopes that cannot be granted because of it."""
        by_reason: dict[str, list[str]] = {}
        for scope in sorted(self.refused, key=order):
            by_reason.setdefault(self.refused[scope], []).append(scope)
        return [(reason, ", ".join(scopes)) for reason, scopes in by_reason.items()]

    def presets(self) -> list[Preset]:
        """Return what is often ticked: to read, everything, and each job of a program."""
        can = self.grantable
        jobs = [Preset(upper_first(may(scope)), [scope]) for scope in can if scope in FOR_PROGRAMS]
        reads = [scope for scope in can if scope.endswith(":read")]
        every = [Preset("Read only", reads), Preset("Everything you may grant", can), *jobs]
        return [preset for preset in every if preset.scopes]


def without(scopes: Iterable[str], reason: str) -> dict[str, str]:
    """Return the reason for each declared scope that is not among these."""
    return dict.fromkeys(ALL_SCOPES - set(scopes), reason)


def may(scope: str) -> str:
    """Return a scope in words: `connectors:write` → "create and change connectors"."""
    resource, _, right = scope.partition(":")
    noun, _ = WORDS.get(resource, (resource.replace("-", " "), ""))
    return f"{VERBS.get(right, right)} {noun}"


def may_all(scopes: Iterable[str]) -> list[str]:
    """Return rights in words, one for each verb: "read connectors and webhooks"."""
    nouns: dict[str, list[str]] = {}
    for scope in sorted(set(scopes), key=order):
        resource, _, right = scope.partition(":")
        noun, _ = WORDS.get(resource, (resource.replace("-", " "), ""))
        nouns.setdefault(VERBS.get(right, right), []).append(noun)
    return [f"{verb} {listed(those)}" for verb, those in nouns.items()]


def upper_first(text: str) -> str:
    """Return a text that begins a sentence."""
    return text[:1].upper() + text[1:]


def order(scope: str) -> tuple[int, int, str]:
    """Return the sort key of a scope: by resource as in the rail, read before write before more."""
    resource, _, right = scope.partition(":")
    places: dict[str, Any] = {name: place for place, name in enumerate(WORDS)}
    rank = {"read": 0, "write": 1}.get(right, 2)
    return places.get(resource, len(places)), rank, scope
