"""How much an evaluation may cost, counted in steps so that the same input always gets the same
answer, on an idle machine and on a busy one."""

STEPS = 150_000
"""What one request may spend: 50 ms of processor time at most. 500 events of thirty fields each
take half of it."""


class Exhausted(Exception):
    """The work asked for is more than one request may spend."""


class Work:
    """What is left for one request to spend. A step is about 0.3 µs."""

    __slots__ = ("left",)

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Take steps away; raises Exhausted where there are not as many."""
        self.left -= steps
        if self.left < 0:
            raise Exhausted
