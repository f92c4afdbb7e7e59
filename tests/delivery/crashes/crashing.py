"""A worker that dies at a step, or kills: `python -m tests.delivery.crashes.crashing STEP [PID]`.

It kills itself, or the process PID (PostgreSQL), once. The product contains no code for this. It
uses SIGKILL, so nothing is cleaned up, or the signal in the environment variable SIGNAL. The
variable ALIVE shortens the worker's lease (seconds).
"""

import os
import signal
import sys
from typing import Any

from portal import create_app
from portal.delivery.engine import Engine
from portal.delivery.queue import new_deliveries, queue, worker_presence
from portal.outbound import OutboundClient

VICTIMS: list[int] = []


def die() -> None:
    if VICTIMS:
        os.kill(VICTIMS.pop(), int(os.environ.get("SIGNAL", signal.SIGKILL)))


async def _dies_claimed(*arguments: Any) -> Any:
    if taken := await TAKE(*arguments):
        die()
    return taken


async def _dies_with_new(*arguments: Any) -> Any:
    taken, conditional = await TAKE_NEW(*arguments)
    if taken:
        die()
    return taken, conditional


async def _dies_connecting(*arguments: Any) -> Any:
    die()
    return await SEND(*arguments)


async def _dies_answered(*arguments: Any) -> Any:
    outcome = await SEND(*arguments)
    die()
    return outcome


async def _dies_recording(connection: queue.Connection, done: Any) -> Any:
    if VICTIMS:
        await connection.execute("BEGIN")
        await connection.execute(queue.ENTER, {"tenant": done[0].tenant_id})
        await connection.execute("UPDATE delivery SET state = 'delivered'")
        die()
    return await COMPLETE(connection, done)


async def _dies_recorded(*arguments: Any) -> Any:
    health = await COMPLETE(*arguments)
    die()
    return health


TAKE_NEW = new_deliveries.take
TAKE, COMPLETE, SEND = queue.take, queue.complete, OutboundClient.send
STEPS: dict[str, tuple[Any, str, Any]] = {
    "claimed": (queue, "take", _dies_claimed),
    "connecting": (OutboundClient, "send", _dies_connecting),
    "answered": (OutboundClient, "send", _dies_answered),
    "recording": (queue, "complete", _dies_recording),
    "recorded": (queue, "complete", _dies_recorded),
}
OF_NEW: dict[str, tuple[Any, str, Any]] = {"claimed new": (new_deliveries, "take", _dies_with_new)}
"""The steps of a worker that was running before the event was published."""


def main(step: str, victim: int) -> None:
    VICTIMS.append(victim)
    if found := (STEPS | OF_NEW).get(step):
        setattr(*found)
    worker_presence.ALIVE_SECONDS = float(os.environ.get("ALIVE", worker_presence.ALIVE_SECONDS))
    engine = Engine(create_app())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    engine.start()
    signal.pause()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else os.getpid())
