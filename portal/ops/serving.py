"""Start the web server."""

import ctypes
import gc
import os
import signal
import socket
import threading
import time
from functools import partial
from typing import Any

import structlog

from portal.core.config import Config

log = structlog.stdlib.get_logger(__name__)

DRAIN_SECONDS = 10  # to finish running requests when the server stops
HEADER_MILLISECONDS = 10_000  # to receive the headers of a request
LARGEST_HEAD = 64 * 1024  # bytes
# How often garbage is collected. With the defaults, one large request body makes Python traverse
# all objects several times, and every thread waits for 20 to 50 ms each time.
COLLECTIONS = (5_000, 100, 100)
M_MMAP_THRESHOLD = -3  # of malloc.h
LARGE_BLOCK = 256 * 1024  # bytes
CONNECTIONS = 10_000  # of one process; idle ones count, and each needs a file descriptor


class AddressTaken(Exception):
    """The portal cannot listen at its address; the message says what to do."""


def web(config: Config) -> None:
    """Serve the portal with granian until SIGTERM or SIGINT; running requests are finished."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    _try_to_listen(config)
    allow_files(config.web_workers * CONNECTIONS)
    server = Granian(
        "portal",
        address=config.bind,
        port=config.port,
        interface=Interfaces.RSGI,
        workers=config.web_workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_MILLISECONDS, max_buffer_size=LARGEST_HEAD
        ),
        # granian counts connections here, including idle ones.
        backpressure=CONNECTIONS,
        workers_kill_timeout=DRAIN_SECONDS,
        respawn_failed_workers=config.is_production,
        log_level=LogLevels.error,
        process_name=None,
    )
    host = f"[{config.bind}]" if ":" in config.bind else config.bind
    log.info(f"listening on http://{host}:{config.port} (PORTAL_BIND, PORTAL_PORT)")
    server.serve(target_loader=partial(_load_front, os.getpid()))


def _try_to_listen(config: Config) -> None:
    """Raise AddressTaken if another program, or another portal, listens at this address.

    granian would say so with a traceback; beside another portal it would take every other request.
    """
    family = socket.AF_INET6 if ":" in config.bind else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: lingering connections of the last run must not count as in use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.bind, config.port))
        except OSError as error:
            raise AddressTaken(
                f"The portal cannot listen on {config.bind}, port {config.port}:"
                f" {os.strerror(error.errno or 0)}. Stop what uses it, or name another address with"
                " PORTAL_BIND or PORTAL_PORT."
            ) from error


def allow_files(wanted: int) -> None:
    """Raise the limit of open files, and so of connections, as far as the system allows."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted + 1024 if hard == resource.RLIM_INFINITY else min(hard, wanted + 1024)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _load_front(parent: int, target: str) -> Any:
    """Return the application with its front, in each worker process."""
    from portal import create_app
    from portal.front.application import Front

    end_with_parent(parent)
    return_large_blocks()
    app = create_app()
    # A page that has to be compiled first would do so in a transaction, and its limits are short.
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)
    front = Front(app)
    # Freeze the loaded objects: a garbage collection that traverses them would block every thread.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)
    return front


def return_large_blocks() -> None:
    """Return the memory of a large answer or body to the system as soon as it is freed.

    By default, the size from which glibc does so grows with what is freed, up to 32 MB, and each
    thread then keeps what it once used (mallopt(3)). Other C libraries have no such setting.
    """
    if setting := getattr(ctypes.CDLL(None), "mallopt", None):
        setting(M_MMAP_THRESHOLD, LARGE_BLOCK)


def end_with_parent(parent: int) -> None:
    """Stop this process after its parent has died, even by SIGKILL: gracefully, then forcibly.

    The parent would have killed a process that does not stop. A signal from the kernel alone is not
    enough, because a connection that stays open would keep the process running.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(DRAIN_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
