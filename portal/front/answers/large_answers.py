"""Bound what clients cost that take their large answers slowly, or not at all.

A socket takes megabytes for a client that reads nothing, so hundreds of answers of a megabyte would
keep the server from others for seconds. The rest would wait in memory.
"""

import asyncio
import time
from collections import Counter
from functools import partial
from math import floor
from typing import Any

import structlog
from granian.rsgi import ProtocolClosed

from portal.core import deadlines
from portal.core.deadlines import elapsed
from portal.core.errors import RateLimited, UnknownOutcome
from portal.front.answers.pipe import CAPACITY, Pipe
from portal.front.room import OnItsWay, Room
from portal.front.wsgi import Answer

LARGE = 256 * 1024
ROOM = 64 * 1024 * 1024  # bytes of unread answers; beyond it the largest source is refused
MOST = 10
"""Answers a second to one source."""
SAFE = frozenset({"GET", "HEAD"})
TOO_MUCH = (
    "Too many large answers to your address are not taken. Read them, or ask for less at once"
    " (`limit`)."
)
DONE = "It was done, but too many large answers to your address are not taken, so it has no answer."

log = structlog.stdlib.get_logger(__name__)


class LargeAnswers:
    """The large answers that are being sent, and those of this second. For one event loop."""

    def __init__(self) -> None:
        self._second = 0
        self._sent = Counter[str]()
        self._room = Room(ROOM)

    def take(self, source: str) -> None:
        """Count one answer. Raises RateLimited if the source had enough in this second."""
        second = floor(elapsed())
        if second != self._second:
            self._second, self._sent = second, Counter()
        self._sent[source] += 1
        if self._sent[source] > MOST:
            raise RateLimited(
                "Too many large answers go to your address. Send Accept-Encoding: gzip, or try"
                " again in a second."
            )

    async def send(self, protocol: Any, answer: Answer, method: str, source: str) -> None:
        """Send an answer as fast as the client takes it. Cut it if the client takes none of it for
        PART_SECONDS.

        Raises RateLimited if there is no room and its source has the most unread answers, or
        UnknownOutcome if a write was done.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs
        one = OnItsWay(source, time.monotonic(), task)
        self._room.enter(one)
        try:
            if not self._room.take(one, len(answer[2]), partial(RateLimited, TOO_MUCH)):
                # An error in a variable would keep its frames, and so the answer, for long.
                raise UnknownOutcome(DONE) if was_done(answer, method) else RateLimited(TOO_MUCH)
            await _in_parts(protocol, answer)
        except (TimeoutError, ProtocolClosed):
            log.info("a client did not take its answer")
        except asyncio.CancelledError:
            if one.refused is None:
                raise
            task.uncancel()  # it has begun, so it is cut
            log.info("an answer that was not taken made room for others")
        finally:
            self._room.leave(one)


def was_done(answer: Answer, method: str) -> bool:
    """Tell whether an answer is about something that was done: no question, refusal or dry run."""
    status, headers, _ = answer
    is_dry_run = any(name.lower() == "preference-applied" for name, _ in headers)
    return method not in SAFE and status < 400 and not is_dry_run


async def _in_parts(protocol: Any, answer: Answer) -> None:
    status, headers, body = answer
    if not any(name.lower() == "content-length" for name, _ in headers):
        # With a length, the client sees that its answer was cut.
        headers = [*headers, ("content-length", str(len(body)))]
    pipe, whole = Pipe(protocol, status, headers), memoryview(body)
    try:
        for begin in range(0, len(whole), CAPACITY):
            async with asyncio.timeout(deadlines.PART_SECONDS):
                await pipe.send(whole[begin : begin + CAPACITY])
    finally:
        await pipe.close()
