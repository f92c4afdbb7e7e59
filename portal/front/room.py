"""Share memory among sources: if it is used up, the source with the most gives some back."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from portal.core.errors import PortalError


@dataclass(slots=True, eq=False)
class OnItsWay:
    """A body or an answer on its way: the bytes of it that take room, and what makes the error that
    it was refused with, if any. An error itself would keep its frames, and so the bytes."""

    source: str
    began: float
    task: "asyncio.Task[Any]"
    bytes: int = 0
    refused: Callable[[], PortalError] | None = None

    def refuse(self, refused: Callable[[], PortalError]) -> None:
        """Cancel its task, which raises this error."""
        self.refused = refused
        self.task.cancel()


class Room:
    """Memory of a size in bytes, and what is on its way. For one event loop."""

    def __init__(self, size: int) -> None:
        self.on_their_way: set[OnItsWay] = set()
        self._size = size
        self._bytes = 0

    def enter(self, one: OnItsWay) -> None:
        """Begin with one that takes no room yet."""
        self.on_their_way.add(one)

    def leave(self, one: OnItsWay) -> None:
        """End with one, and free the room that it takes."""
        self.on_their_way.discard(one)
        self._free(one)

    def take(self, one: OnItsWay, size: int, refused: Callable[[], PortalError]) -> bool:
        """Take room for so many bytes. If there is too little, refuse the newest ones of the source
        that takes the most, which is not always the source of this one.

        Return False if this one is among them. One that alone is too large is taken when nothing
        else is there, or nobody could ever have it.
        """
        one.bytes += size
        self._bytes += size
        while self._bytes > self._size and self._bytes > one.bytes:
            newest = self._newest_of_largest()
            self._free(newest)
            if newest is one:
                return False
            newest.refuse(refused)
        return True

    def _newest_of_largest(self) -> OnItsWay:
        held = Counter[str]()
        for one in self.on_their_way:
            held[one.source] += one.bytes
        [(source, _)] = held.most_common(1)
        its = (one for one in self.on_their_way if one.source == source and one.bytes)
        return max(its, key=lambda one: one.began)

    def _free(self, one: OnItsWay) -> None:
        self._bytes -= one.bytes
        one.bytes = 0
