"""The database's time, as a process knows it: its own, put right by how far the two are apart.

All processes judge the end of a key by one clock, on whatever machine they run.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Tells the time of the database. `system` is the process's own, seconds since 1970."""

    def __init__(self, system: Callable[[], float] = time.time) -> None:
        self.system = system
        self._ahead = 0.0  # of the process's clock, seconds

    def now(self) -> datetime:
        """Return what the database's clock says at this moment."""
        return datetime.fromtimestamp(self.system() + self._ahead, UTC)

    def learn(self, told: datetime, asked: float) -> None:
        """The database told its time in answer to a question of the moment `asked`.

        It lay between question and answer: what is known already is only moved into these bounds,
        so a slow answer does not spoil what a quick one has taught.
        """
        moment = told.timestamp()
        least, most = moment - self.system(), moment - asked
        self._ahead = min(max(self._ahead, least), most)
