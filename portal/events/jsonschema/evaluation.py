"""One run of a compiled schema over a value: what does not fit, a few places at most."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from portal.events.jsonschema.work import Exhausted, Work

MOST_SHOWN = 5

Place = tuple[Any, str | int] | None
"""Where a value lies: the place around it and the name in it; None is the whole."""

Seen = set[Any] | None
"""The names or numbers of the members that were looked at, where somebody wants to know."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """What does not fit, and where: names and numbers from the outside in."""

    path: tuple[str | int, ...]
    message: str


@dataclass(slots=True)
class Run:
    """What a run has found, and whether anybody wants to know more than yes or no."""

    work: Work
    found: list[Misfit] = field(default_factory=list)
    silent: int = 0

    @property
    def is_done(self) -> bool:
        """Whether nothing that is found from now on is of interest."""
        return self.silent > 0 or len(self.found) >= MOST_SHOWN

    def fail(self, place: Place, message: str) -> bool:
        """Note what does not fit; False, for the check that says so to hand on."""
        if not self.is_done:
            path: list[str | int] = []
            while place is not None:
                place, name = place
                path.append(name)
            self.found.append(Misfit(tuple(reversed(path)), message))
        return False

    def fits(self, part: "Subschema", value: Any, seen: Seen = None) -> bool:
        """Whether a value fits, without a word about why not."""
        self.silent += 1
        try:
            return part.check(value, None, self, seen)
        finally:
            self.silent -= 1


Check = Callable[[Any, Place, Run, Seen], bool]


class Subschema:
    """A schema within a schema, ready to check values."""

    __slots__ = ("_checks", "_needs_seen", "height", "on_the_spot", "place")

    def __init__(self, place: str) -> None:
        self.place = place
        self._checks: dict[type, tuple[Check, ...]] = {}
        self._needs_seen = False
        # Those that check the same value as this one does: `$ref`, `allOf` and the like.
        self.on_the_spot: list[Subschema] = []
        self.height = 0

    def become(self, checks: dict[type, tuple[Check, ...]], *, needs_seen: bool) -> None:
        """Take over what was compiled: the checks by the kind of value that they look at."""
        self._checks, self._needs_seen = checks, needs_seen

    def check(self, value: Any, place: Place, run: Run, seen: Seen) -> bool:
        """Whether the value fits; notes in the run what does not."""
        checks = self._checks.get(type(value), ())
        run.work.spend(1 + len(checks))
        own = set() if self._needs_seen else seen
        fits = True
        for check in checks:
            if not check(value, place, run, own):
                fits = False
                if run.is_done:
                    return False
        if seen is not None and own is not None and own is not seen:
            seen |= own
        return fits


def misfits(root: Subschema, value: Any, work: Work) -> list[Misfit]:
    """Where a value does not fit, a few places at most. Raises Exhausted where finding out would
    take more work than is left."""
    run = Run(work)
    try:
        root.check(value, None, run, None)
    except RecursionError:
        raise Exhausted from None
    return run.found
