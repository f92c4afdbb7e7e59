"""A portal that dies at a named step of receiving: `python -m tests.inbound.crashing_door STEP`.

The product contains no code for this. The process sends SIGKILL to itself, so nothing is cleaned
up. It prints the port that it listens on as its first line.
"""

import os
import signal
import sys
from typing import Any

from werkzeug.serving import make_server

from portal import create_app
from portal.inbound.reception import event_of_request, reception

PUBLISH, VERIFY = event_of_request.publish, reception.verify


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dies_verified(*arguments: Any, **options: Any) -> Any:
    VERIFY(*arguments, **options)
    die()


def _dies_kept(*arguments: Any) -> None:
    die()


def _dies_published(*arguments: Any) -> None:
    PUBLISH(*arguments)
    die()


STEPS: dict[str, tuple[Any, str, Any] | None] = {
    "verified": (reception, "verify", _dies_verified),
    "kept": (event_of_request, "publish", _dies_kept),
    "published": (event_of_request, "publish", _dies_published),
    "committed": None,
}


def main(step: str) -> None:
    app = create_app()
    if (change := STEPS[step]) is not None:
        setattr(*change)
    else:
        # Runs after the only commit of the request, before a byte of the response is sent.
        app.teardown_request(lambda _: die())
    server = make_server("127.0.0.1", 0, app, threaded=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
