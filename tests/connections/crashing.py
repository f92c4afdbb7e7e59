"""A process that kills itself at a step of a check or of a save, once, with SIGKILL.

    python -m tests.connections.crashing check STEP
    python -m tests.connections.crashing save STEP   (the request is JSON on standard input)

The product contains no code for this.
"""

import asyncio
import os
import signal
import sys
from typing import Any

import orjson
from sqlalchemy import event
from sqlalchemy.orm import Session

from portal import create_app
from portal.connections import engine, queue
from portal.connections.engine import Engine
from portal.outbound import OutboundClient
from portal.secretstore.embedded_store import EmbeddedStore
from portal.secretstore.vault import VaultStore

WRITES = ("put", "patch")


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# --- a worker that checks -------------------------------------------------------------------------


async def _dies(*_: Any) -> None:
    die()


async def _dies_answered(*arguments: Any) -> None:
    await SEND(*arguments)
    die()


def _dies_recording(*arguments: Any) -> None:
    RECORD(*arguments)
    die()


async def _dies_recorded(*arguments: Any) -> None:
    await CHECK(*arguments)
    die()


SEND, RECORD, CHECK = OutboundClient.send, queue.record_report, Engine._check
CHECK_STEPS: dict[str, tuple[Any, str, Any]] = {
    "taken": (Engine, "_check", _dies),
    "secret opened": (engine, "run", _dies),
    "request sent": (OutboundClient, "send", _dies_answered),
    "before the record": (queue, "record_report", die),
    "before its commit": (queue, "record_report", _dies_recording),
    "recorded": (Engine, "_check", _dies_recorded),
}


def check(step: str) -> None:
    app = create_app(as_worker=True)
    if step in CHECK_STEPS:
        setattr(*CHECK_STEPS[step])
    else:
        _arm(step)
    asyncio.run(Engine(app).run_due())


# --- a web process that saves ---------------------------------------------------------------------

SAVE_STEPS = ("row flushed", "secret written", "before the commit", "committed")


def _arm(step: str) -> None:
    """Die before or after the store is written to, or around the commit that follows."""
    for store in (EmbeddedStore, VaultStore):
        for verb in WRITES:
            setattr(store, verb, _dying(getattr(store, verb), step))


def _dying(write: Any, step: str) -> Any:
    def written(*arguments: Any, **options: Any) -> Any:
        if step == "row flushed":
            die()
        done = write(*arguments, **options)
        if step == "secret written":
            die()
        moment = {"before the commit": "before_commit", "committed": "after_commit"}[step]
        event.listen(Session, moment, die)
        return done

    return written


def save(step: str) -> None:
    asked = orjson.loads(sys.stdin.buffer.read())
    client = create_app().test_client()
    _arm(step)
    client.open(**asked)


if __name__ == "__main__":
    {"check": check, "save": save}[sys.argv[1]](sys.argv[2])
