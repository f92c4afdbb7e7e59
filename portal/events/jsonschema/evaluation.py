"""The evaluation of a value by a compiled schema, which reports the first few misfits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from portal.events.jsonschema.work_budget import Exhausted, Work

MOST_SHOWN = 5

Place = tuple[Any, str | int] | None
"""The position of a value: the place around it and its name there; None is the whole value."""

Seen = set[Any] | None
"""The names or numbers of the members that were checked; None when no keyword needs them."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """A mismatch: the path from the root to the value, and the reason."""

    path: tuple[str | int, ...]
    message: str


@dataclass(slots=True)
class Run:
    """The state of one evaluation: the work left, the misfits found, and whether to record more."""

    work: Work
    found: list[Misfit] = field(default_factory=list)
    silent: int = 0

    @property
    def is_done(self) -> bool:
        """Tell whether further misfits need not be recorded."""
        return self.silent > 0 or len(self.found) >= MOST_SHOWN

    def fail(self, place: Place, message: str) -> bool:
        """Record a misfit and return False, so that a check can return the result."""
        if not self.is_done:
            path: list[str | int] = []
            while place is not None:
                place, name = place
                path.append(name)
            self.found.append(Misfit(tuple(reversed(path)), message))
        return False

    def fits(self, part: "Subschema", value: Any, seen: Seen = None) -> bool:
        """Tell whether a value matches, without recording why not. Only a match adds to `seen`."""
        branch: Seen = None if seen is None else set()
        self.silent += 1
        try:
            fits = part.check(value, None, self, branch)
        finally:
            self.silent -= 1
        if fits and seen is not None and branch:
            self.add(branch, seen)
        return fits

    def add(self, names: set[Any], seen: set[Any]) -> None:
        """Add the names of members that were checked to `seen`."""
        self.work.spend(len(names))
        seen |= names


Check = Callable[[Any, Place, Run, Seen], bool]


class Subschema:
    """A compiled schema within a schema."""

    __slots__ = ("_checks", "_needs_seen", "height", "on_the_spot", "place")

    def __init__(self, place: str) -> None:
        self.place = place
        self._checks: dict[type, tuple[Check, ...]] = {}
        self._needs_seen = False
        # The subschemas that check the same value as this one: `$ref`, `allOf` and the like.
        self.on_the_spot: list[Subschema] = []
        self.height = 0

    def become(self, checks: dict[type, tuple[Check, ...]], *, needs_seen: bool) -> None:
        """Set the compiled checks, by the types of values that they apply to."""
        self._checks, self._needs_seen = checks, needs_seen

    def check(self, value: Any, place: Place, run: Run, seen: Seen) -> bool:
        """Tell whether the value matches, and record in `run` what does not."""
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
            run.add(own, seen)
        return fits


def misfits(root: Subschema, value: Any, work: Work) -> list[Misfit]:
    """Return the first few mismatches.

    Raises Exhausted if the check takes more work than is left.
    """
    run = Run(work)
    try:
        root.check(value, None, run, None)
    except RecursionError:
        raise Exhausted from None
    return run.found
