"""Limit the processor time of a block, whatever else this process and machine do."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

FEW_SECONDS = 2.5  # generous, because unbounded input takes minutes, and machines are slow


@contextmanager
def spends_at_most(seconds: float = FEW_SECONDS) -> Iterator[None]:
    """Fail if a block takes this thread more than so many seconds of processor time.

    Other threads of the tests' process and the collection of its garbage do not count: late in a
    long run, one look through all its objects takes a good part of a second.
    """
    gc.disable()
    try:
        begun = time.thread_time()
        yield
        assert time.thread_time() - begun < seconds
    finally:
        gc.enable()
