"""Give up a thread's slot for as long as its call waits for a system outside the portal.

A pool runs a limited number of calls at a time, each in a slot. A call that waits for a tenant's
system does nothing for seconds, so another call may have its slot meanwhile.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Slot(Protocol):
    """The right of a call to run in its pool."""

    def give_up(self) -> None:
        """Let another call run."""

    def get_back(self) -> None:
        """Wait until the call may go on."""


class _Held(threading.local):
    slot: Slot | None = None


_held = _Held()


@contextmanager
def holding(slot: Slot) -> Iterator[None]:
    """Remember the slot in which this thread runs the block."""
    _held.slot = slot
    try:
        yield
    finally:
        _held.slot = None


@contextmanager
def given_up() -> Iterator[None]:
    """Run the block without the thread's slot. Outside a pool, just run it."""
    slot = _held.slot
    if slot is None:
        yield
        return
    slot.give_up()
    try:
        yield
    finally:
        slot.get_back()
