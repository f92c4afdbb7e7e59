"""One thread after the other, in the order in which they came.

The interpreter's own lock knows no order: whoever has just let go of it takes it again before a
waiting thread is awake, which then lies down again, behind all others. Among eight threads that
only compute, the unlucky ones wait far longer than in a queue.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, get_ident


class Turns:
    """A queue of threads: `with turns:` is for what computes and does not wait."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._holder: int | None = None
        self._waiting: deque[tuple[int, Lock]] = deque()

    def __len__(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def __enter__(self) -> None:
        with self._lock:
            if self._holder is None:
                self._holder = get_ident()
                return
            called = Lock()
            called.acquire()
            self._waiting.append((get_ident(), called))
        called.acquire()

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._holder = None
            if self._waiting:
                self._holder, called = self._waiting.popleft()
                called.release()

    @contextmanager
    def let_others(self) -> Iterator[None]:
        """Let the others go on while this thread waits for something; then it queues again. Does
        nothing for a thread whose turn it is not."""
        if self._holder != get_ident():
            yield
            return
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()
