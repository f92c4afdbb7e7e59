"""Bound every wait for PostgreSQL, from the application itself and not from a role's settings.

The client gives up on a server that is gone, and the server on a client that is gone: a host that
is cut off holds its locks for seconds and not for hours. `elapsed` is the clock for "how long ago".
"""

import time
from collections.abc import Mapping
from typing import Any

CONNECT_SECONDS = 3
GONE_MILLISECONDS = 3000
"""After so long without an acknowledgement a connection is given up, on either side."""
STATEMENT_SECONDS = 5.0
LOCK_SECONDS = 2.0
IDLE_IN_TRANSACTION_SECONDS = 5.0


def connection_settings(
    application: str,
    *,
    statement_seconds: float = STATEMENT_SECONDS,
    lock_seconds: float = LOCK_SECONDS,
    settings: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the parameters of libpq for a connection whose every wait ends. `settings` are
    PostgreSQL's.

    Networks only: on a socket of the same machine the kernel tells at once that the other is gone.
    """
    session = {
        "timezone": "UTC",
        "statement_timeout": f"{statement_seconds:.3f}s",
        "lock_timeout": f"{lock_seconds:.3f}s",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS:.0f}s",
        "tcp_keepalives_idle": "1",
        "tcp_keepalives_interval": "1",
        "tcp_keepalives_count": "2",
        "tcp_user_timeout": str(GONE_MILLISECONDS),
        "client_connection_check_interval": "1s",
        **(settings or {}),
    }
    return {
        "application_name": application,
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 1,
        "keepalives_interval": 1,
        "keepalives_count": 2,
        "tcp_user_timeout": GONE_MILLISECONDS,
        "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
    }


def elapsed() -> float:
    """Return seconds on a clock that nobody sets, and that goes on while the machine is suspended.

    What was heard before a suspension is as old as it is (Linux; elsewhere, the monotonic clock).
    """
    return time.clock_gettime(_CLOCK)


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
