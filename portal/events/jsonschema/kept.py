"""The compiled schemas that are kept, in a share for each owner."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from portal.events.jsonschema.evaluation import Subschema

OWNERS = 16
"""A step of compiling leaves up to 70 bytes: 5 MB for an owner with a share of 75,000 steps, and 80
MB for all."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled schema, sentences about the parts of it that are not checked, and its steps.

    A new schema with `unchecked` parts is refused. One that was stored before that rule applies as
    far as possible: a pattern that is not supported matches everything, and `root` is None when the
    whole schema is invalid.
    """

    root: Subschema | None
    unchecked: tuple[str, ...]
    steps: int


class Kept:
    """A store of what was compiled last, up to so many steps for each owner. Thread-safe.

    The steps count the bytes of the text as well. So an owner, however much it asks for, displaces
    only its own.
    """

    def __init__(self, share: int) -> None:
        self._share, self._lock = share, Lock()
        self._owners: OrderedDict[str, OrderedDict[bytes, Compiled]] = OrderedDict()

    def get(self, owner: str, text: bytes) -> Compiled | None:
        """Return what this text was compiled to; None if it is not kept."""
        with self._lock:
            if (own := self._owners.get(owner)) is None or text not in own:
                return None
            self._owners.move_to_end(owner)
            own.move_to_end(text)
            return own[text]

    def keep(self, owner: str, text: bytes, made: Compiled) -> None:
        """Keep what a text was compiled to, in place of what its owner used longest ago."""
        with self._lock:
            own = self._owners.setdefault(owner, OrderedDict())
            self._owners.move_to_end(owner)
            own[text] = made
            weight = sum(one.steps for one in own.values())
            while weight > self._share:
                weight -= own.popitem(last=False)[1].steps
            if len(self._owners) > OWNERS:
                self._owners.popitem(last=False)
