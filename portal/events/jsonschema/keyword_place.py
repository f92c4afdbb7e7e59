"""A keyword's position in a schema during compilation: read its value and report its errors."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from portal.events.jsonschema.evaluation import Check, Subschema
from portal.events.jsonschema.patterns import Pattern
from portal.events.jsonschema.work_budget import Work

STRING, NUMBER, ARRAY, OBJECT = (str,), (int, float), (list,), (dict,)
ANY = (str, int, float, list, dict, bool, type(None))


class Misshapen(Exception):
    """A part of the schema is invalid or unsupported; the message names the part and the reason."""


class Compiler(Protocol):
    """The part of the compiler that keywords use."""

    work: Work

    def part(self, value: Any, place: str) -> Subschema:
        """Compile the schema at this place."""

    def reference(self, to: str, place: str) -> Subschema:
        """Return the schema that a reference points to."""

    def pattern(self, text: str, place: str) -> Pattern | None:
        """Compile a pattern; note an unsupported one and return None."""


class Here:
    """One keyword of one subschema, while it is compiled."""

    def __init__(
        self, compiler: Compiler, schema: Mapping[str, Any], name: str, owner: Subschema
    ) -> None:
        self._compiler, self._name, self._owner = compiler, name, owner
        self.schema, self.work = schema, compiler.work

    def wrong(self, message: str, *names: str | int) -> Misshapen:
        """Return the error for an invalid value at this place."""
        return Misshapen(f"{self._place(*names)} {message}")

    def part(self, value: Any, *names: str | int) -> Subschema:
        """Compile a schema for members of the value."""
        return self._compiler.part(value, self._place(*names))

    def on_the_spot(self, value: Any, *names: str | int) -> Subschema:
        """Compile a schema for the value itself."""
        part = self.part(value, *names)
        self._owner.on_the_spot.append(part)
        return part

    def beside(self, name: str) -> Subschema | None:
        """Compile the schema of a sibling keyword, for the value itself; None if absent."""
        if name not in self.schema:
            return None
        part = self._compiler.part(self.schema[name], f"{self._owner.place}.{name}".lstrip("."))
        self._owner.on_the_spot.append(part)
        return part

    def reference(self, to: Any) -> Subschema:
        """Return the schema that a `$ref` points to. It checks the value itself."""
        if not isinstance(to, str) or not to.startswith("#"):
            raise self.wrong("must lead to a place in the schema itself: #/$defs/…")
        part = self._compiler.reference(to, self._place())
        self._owner.on_the_spot.append(part)
        return part

    def pattern(self, value: Any, *names: str | int) -> Pattern | None:
        """Compile a regular expression; None when it is not supported."""
        if not isinstance(value, str):
            raise self.wrong("must be a regular expression", *names)
        return self._compiler.pattern(value, self._place(*names))

    def number(self, value: Any) -> int | float:
        """Return a number. Raises Misshapen for anything else."""
        if type(value) not in NUMBER:
            raise self.wrong("must be a number")
        return value  # type: ignore[no-any-return]

    def count(self, value: Any) -> int:
        """Return a whole number, 0 or more. Raises Misshapen for anything else."""
        if type(value) not in NUMBER or value < 0 or value != int(value):
            raise self.wrong("must be a whole number, 0 or more")
        return int(value)

    def flag(self, value: Any) -> bool:
        """Return true or false. Raises Misshapen for anything else."""
        if not isinstance(value, bool):
            raise self.wrong("must be true or false")
        return value

    def items(self, value: Any, *names: str | int) -> list[Any]:
        """Return a list. Raises Misshapen for anything else."""
        if not isinstance(value, list):
            raise self.wrong("must be a list", *names)
        return value

    def texts(self, value: Any) -> list[str]:
        """Return a list of texts. Raises Misshapen for anything else."""
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong("must be a list of texts")
        return value

    def members(self, value: Any) -> Mapping[str, Any]:
        """Return an object. Raises Misshapen for anything else."""
        if not isinstance(value, dict):
            raise self.wrong("must be an object")
        return value

    def _place(self, *names: str | int) -> str:
        parts = (self._owner.place, self._name, *map(str, names))
        return ".".join(filter(None, parts))[:200]


Maker = Callable[[Any, Here], Check | None]
KEYWORDS: dict[str, tuple[tuple[type, ...], Maker]] = {}
"""Keyword → the types of values that it applies to, and the function that makes its check."""


def keyword(name: str, kinds: tuple[type, ...]) -> Callable[[Maker], Maker]:
    """Register a function that makes the check of a keyword."""

    def keep(maker: Maker) -> Maker:
        KEYWORDS[name] = (kinds, maker)
        return maker

    return keep
