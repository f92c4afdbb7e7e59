"""The time of PostgreSQL's clock: the time since the machine's start, plus the known difference.

All processes judge the expiry of a key by one clock, on whatever machine they run. When somebody
sets the clock of that machine, nothing changes.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from portal.core.deadlines import elapsed


class Clock:
    """Tell the time of PostgreSQL's clock. `system` counts seconds and is never set; `wall` is the
    machine's own time in seconds since 1970, which counts until PostgreSQL has answered."""

    def __init__(
        self, system: Callable[[], float] = elapsed, wall: Callable[[], float] = time.time
    ) -> None:
        self.system = system
        self._ahead = wall() - system()  # of PostgreSQL's clock, in seconds

    def now(self) -> datetime:
        """Return the present time of PostgreSQL's clock."""
        return datetime.fromtimestamp(self.system() + self._ahead, UTC)

    def learn(self, server_time: datetime, sent_at: float) -> None:
        """Adjust the clock from one query: sent at `sent_at`, answered with the server's time.

        PostgreSQL read its clock between the query and the answer, which bounds the difference. The
        known difference is only moved into these bounds, so a slow answer does not spoil a more
        exact one.
        """
        moment = server_time.timestamp()
        least, most = moment - self.system(), moment - sent_at
        self._ahead = min(max(self._ahead, least), most)
