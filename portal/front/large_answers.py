"""Bound the large answers that one source gets from the event loop.

A socket takes megabytes for a client that reads nothing, so hundreds of answers of a megabyte would
keep the server from others for seconds, and fill its memory.
"""

from collections import Counter
from math import floor

from portal.core.deadlines import elapsed
from portal.core.errors import RateLimited

LARGE = 256 * 1024
MOST = 10
"""Answers a second to one source."""


class LargeAnswers:
    """The large answers of this second, by source. For one event loop."""

    def __init__(self) -> None:
        self._second = 0
        self._sent = Counter[str]()

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
