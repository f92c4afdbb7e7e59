"""A worker whose clock jumps at SIGUSR1: `python -m tests.delivery.crashes.jumping HOURS`.

Only the wall clock jumps; the monotonic clock of a machine never does.
"""

import signal
import sys
from datetime import UTC, datetime, timedelta

import time_machine

from portal import create_app
from portal.ops import worker


def main(hours: float) -> None:
    def jump(*_: object) -> None:
        time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True).start()
        print("jumped to", datetime.now(UTC), flush=True)  # noqa: T201

    signal.signal(signal.SIGUSR1, jump)
    worker.run(create_app())


if __name__ == "__main__":
    main(float(sys.argv[1]))
