"""A budget of work for compiling and evaluating schemas, counted in steps instead of time.

So the same input always gets the same result, on an idle and on a busy machine.
"""

from portal.core.threads.precedence import give_way

STEPS = 150_000
"""The steps that one request may spend: at most 50 ms of processor time. 500 events with thirty
fields each take half of them."""


class Exhausted(Exception):
    """The work needs more steps than one request may spend."""


class Work:
    """The steps that one request has left. A step is about 0.3 µs."""

    __slots__ = ("left",)

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Subtract steps. Raises Exhausted if there are not enough left."""
        give_way()
        self.left -= steps
        if self.left < 0:
            raise Exhausted
