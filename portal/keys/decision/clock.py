"""The time of PostgreSQL's clock: the process's own time, plus the known difference.

All processes judge the expiry of a key by one clock, on whatever machine they run.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Tell the time of PostgreSQL's clock. `system` is the process's own, in seconds since 1970."""

    def __init__(self, system: Callable[[], float] = time.time) -> None:
        self.system = system
        self._ahead = 0.0  # how far PostgreSQL's clock is ahead of the process's, seconds

    def now(self) -> datetime:
        """Return the present time of PostgreSQL's clock."""
        return datetime.fromtimestamp(self.system() + self._ahead, UTC)

    def learn(self, told: datetime, asked: float) -> None:
        """Adjust the clock from one query: sent at `asked`, answered with the server time `told`.

        PostgreSQL read its clock between the query and the answer, which bounds the difference. The
        known difference is only moved into these bounds, so a slow answer does not spoil a more
        exact one.
        """
        moment = told.timestamp()
        least, most = moment - self.system(), moment - asked
        self._ahead = min(max(self._ahead, least), most)
