"""Wait for something that happens in another thread or process."""

import time
from collections.abc import Callable


def until(true: Callable[[], bool], seconds: float = 30) -> float:
    """Wait until `true` returns true, and return the seconds that it took."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() < begun + seconds, "it did not happen"
        time.sleep(0.005)
    return time.monotonic() - begun
