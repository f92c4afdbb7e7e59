"""A worker that dies at a named step: `python -m tests.webhooks.crashing STEP`.

The product knows nothing of it. SIGKILL is sent to the own process, so nothing is cleaned up.
"""

import os
import signal
import sys
from typing import Any

from portal import create_app
from portal.outbound import OutboundClient
from portal.webhooks import queue
from portal.webhooks.engine import Engine


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _dies_claimed(*arguments: Any) -> Any:
    if await TAKE(*arguments):
        die()


async def _dies_connecting(*arguments: Any) -> Any:
    die()


async def _dies_answered(*arguments: Any) -> Any:
    await SEND(*arguments)
    die()


async def _dies_recording(connection: queue.Connection, done: Any) -> Any:
    await connection.execute("BEGIN")
    await connection.execute(queue.ENTER, (done[0].tenant_id,))
    await connection.execute("UPDATE delivery SET state = 'delivered'")
    die()


async def _dies_recorded(*arguments: Any) -> Any:
    await COMPLETE(*arguments)
    die()


TAKE, COMPLETE, SEND = queue.take, queue.complete, OutboundClient.send
STEPS: dict[str, tuple[Any, str, Any]] = {
    "claimed": (queue, "take", _dies_claimed),
    "connecting": (OutboundClient, "send", _dies_connecting),
    "answered": (OutboundClient, "send", _dies_answered),
    "recording": (queue, "complete", _dies_recording),
    "recorded": (queue, "complete", _dies_recorded),
}


def main(step: str) -> None:
    queue.LEASE_SECONDS = 1
    setattr(*STEPS[step])
    engine = Engine(create_app())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    engine.start()
    signal.pause()


if __name__ == "__main__":
    main(sys.argv[1])
