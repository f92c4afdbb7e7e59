"""A worker that kills itself at a step: `python -m tests.leases.crashing STEP`.

The product contains no code for this. It uses SIGKILL, so nothing is cleaned up.
"""

import os
import signal
import sys
from typing import Any

from portal import create_app, secretstore
from portal.leases import engine, queue
from portal.leases.engine import Engine
from portal.secretstore import Side

TAKE, OPEN, FETCH, RECORD = queue.take, queue.open_all, engine.fetch_token, queue.record_all


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dies_taken(*arguments: Any) -> Any:
    if TAKE(*arguments):
        queue.session.commit()
        die()
    return []


def _dies_opened(*arguments: Any) -> Any:
    OPEN(*arguments)
    die()


async def _dies_fetching(*arguments: Any) -> Any:
    die()


async def _dies_fetched(*arguments: Any) -> Any:
    await FETCH(*arguments)
    die()


def _dies_in_the_store(*arguments: Any) -> Any:
    RECORD(*arguments)
    die()  # the slot is written, the transaction is not committed


def _dies_recorded(*arguments: Any) -> Any:
    RECORD(*arguments)
    queue.session.commit()
    die()


STEPS: dict[str, tuple[Any, str, Any]] = {
    "taken": (queue, "take", _dies_taken),
    "opened": (queue, "open_all", _dies_opened),
    "fetching": (engine, "fetch_token", _dies_fetching),
    "fetched": (engine, "fetch_token", _dies_fetched),
    "stored": (queue, "record_all", _dies_in_the_store),
    "recorded": (queue, "record_all", _dies_recorded),
}


def main(step: str) -> None:
    if found := STEPS.get(step):
        setattr(*found)
    app = create_app()
    secretstore.configure(app.extensions["portal"], Side.WORKER)
    served = Engine(app)
    signal.signal(signal.SIGTERM, lambda *_: served.stop())
    served.start()
    served._thread.join()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
