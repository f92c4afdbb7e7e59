"""Waiting for what happens elsewhere: in another thread, or another process."""

import time
from collections.abc import Callable


def until(true: Callable[[], bool], seconds: float = 5) -> float:
    """Wait for something; gives the seconds that it took."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() < begun + seconds, "it did not happen"
        time.sleep(0.005)
    return time.monotonic() - begun
