"""One thread of the web server after the other takes the requests; those beside it rest.

The interpreter's lock knows no order: of eight threads that only compute, the unlucky ones wait
far longer than in a queue, and each change of thread costs as much as an answer. So one thread
leads. It answers what can be answered at once, and what takes time it sees to itself, after it has
called another thread to lead. A thread that gets a request while another leads hands it over and
rests until it is called. Where a leader does not get on, because a body does not arrive, the next
one is called past it.

The pattern is known as leader and followers (Schmidt and others, 2000).
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

PATIENCE = 0.1  # seconds that one request may keep the leader, until another is called

Environ = dict[str, Any]
Request = tuple[Any, Environ]
"""The server's end of a request, which takes the answer from any thread, and its environ."""


class Lane:
    """Takes requests, from any thread.

    `concerns` tells those that may be answered at once. `at_once` answers such a request, or gives
    False, and waits for nothing but its body; `in_time` answers any. Neither raises.
    """

    def __init__(
        self,
        concerns: Callable[[Environ], bool],
        at_once: Callable[[Any, Environ], bool],
        in_time: Callable[[Any, Environ], None],
    ) -> None:
        self._concerns, self._at_once, self._in_time = concerns, at_once, in_time
        self._lock = threading.Lock()
        self._leader: threading.Lock | None = None
        self._since = 0.0  # when the leader took the request that it is at
        self._handed: deque[Request] = deque()
        self._resting: deque[threading.Lock] = deque()

    def take(self, end: Any, environ: Environ) -> None:
        """See to a request in this thread, or hand it over and rest."""
        request = end, environ
        if not self._concerns(environ):
            self._call_after(None)
            self._in_time(*request)
            return
        called = threading.Lock()
        called.acquire()
        with self._lock:
            leads = self._leader is None
            if leads:
                self._leader, self._since = called, time.monotonic()
            else:
                self._handed.append(request)
                self._resting.append(called)
        if leads:
            self._answer(request, called)
        else:
            self._rest(called)
        while handed := self._next(called):
            self._answer(handed, called)

    def _answer(self, request: Request, called: threading.Lock) -> None:
        if not self._at_once(*request):
            self._call_after(called)
            self._in_time(*request)

    def _next(self, called: threading.Lock) -> Request | None:
        """The next request that was handed over, for who still leads."""
        with self._lock:
            if self._leader is not called:
                return None
            if self._handed:
                self._since = time.monotonic()
                return self._handed.popleft()
            self._leader = None
            return None

    def _rest(self, called: threading.Lock) -> None:
        while not called.acquire(timeout=PATIENCE if self._watches(called) else -1):
            leader = self._leader
            if leader is not None and time.monotonic() - self._since > PATIENCE:
                self._call_after(leader)

    def _watches(self, called: threading.Lock) -> bool:
        """Whether this thread looks after the leader: who rested last, and is called last."""
        with self._lock:
            return bool(self._resting) and self._resting[-1] is called

    def _call_after(self, leader: "threading.Lock | None") -> None:
        """Call a resting thread to lead after this one, or after nobody; it is there for the next
        request also when nothing was handed over."""
        with self._lock:
            if self._leader is not leader:
                return
            self._leader = self._resting.popleft() if self._resting else None
            if self._leader is not None:
                self._since = time.monotonic()
                self._leader.release()
