"""Limit every wait for PostgreSQL. The application sets the limits, not the database role.

The client gives up on a server that no longer responds, and the server gives up on such a client.
So a host that is cut off from the network holds its locks for seconds, not for hours. A server
process that is stopped, but connected, is found by `portal.fast.answer_limits`. `elapsed` is the
clock that measures how much time has passed.
"""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

CONNECT_SECONDS = 3
GONE_MILLISECONDS = 3000
"""A connection is closed, on either side, after so long without an acknowledgement."""
STATEMENT_SECONDS = 5.0
LOCK_SECONDS = 2.0
IDLE_IN_TRANSACTION_SECONDS = 5.0
PART_SECONDS = 30.0
"""A client must take each part of a large answer, or of a file that is made while it is sent,
within so long."""


FOR_THE_CLIENT: Mapping[str, int] = MappingProxyType(
    {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives": 1,
        "keepalives_idle": 1,
        "keepalives_interval": 1,
        "keepalives_count": 2,
        "tcp_user_timeout": GONE_MILLISECONDS,
    }
)
"""The libpq parameters by which the client gives up on a server that no longer responds."""


def for_the_server(
    statement_seconds: float = STATEMENT_SECONDS, lock_seconds: float = LOCK_SECONDS
) -> dict[str, str]:
    """Return the PostgreSQL settings of a session that limit every wait of the server.

    The limits for a lost peer matter on networks only: on a local socket, the kernel reports at
    once that the other side has closed it.
    """
    return {
        "statement_timeout": f"{statement_seconds:.3f}s",
        "lock_timeout": f"{lock_seconds:.3f}s",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS:.0f}s",
        "tcp_keepalives_idle": "1",
        "tcp_keepalives_interval": "1",
        "tcp_keepalives_count": "2",
        "tcp_user_timeout": str(GONE_MILLISECONDS),
        "client_connection_check_interval": "1s",
    }


def connection_settings(
    application: str,
    *,
    statement_seconds: float = STATEMENT_SECONDS,
    lock_seconds: float = LOCK_SECONDS,
    settings: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return libpq parameters for a connection on which every wait has a limit.

    `settings` are additional PostgreSQL settings.
    """
    limits = for_the_server(statement_seconds, lock_seconds)
    session = {"timezone": "UTC", **limits, **(settings or {})}
    return {
        "application_name": application,
        **FOR_THE_CLIENT,
        "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
    }


def elapsed() -> float:
    """Return the seconds of a clock that is never set and that runs while the machine is suspended.

    So a suspension counts as elapsed time (on Linux; elsewhere, this is the monotonic clock).
    """
    return time.clock_gettime(_CLOCK)


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
