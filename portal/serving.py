"""Start the processes that listen: the web server, and the two that only development has."""

import gc
import importlib
import os
import signal
import sys
import threading
import time
from functools import partial
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING, Any

import structlog

from portal import logs
from portal.config import Config
from portal.migrate import ROOT

if TYPE_CHECKING:
    from flask import Flask

log = structlog.stdlib.get_logger(__name__)

DRAIN_SECONDS = 10  # for the requests in hand when the server is to stop
HEADER_MILLISECONDS = 10_000  # for the head of a request
LARGEST_HEAD = 64 * 1024  # bytes
# How often garbage is collected. By default a large body of one caller makes Python walk everything
# several times over, and every thread waits for 20 to 50 ms each time.
COLLECTIONS = (5_000, 100, 100)
CONNECTIONS = 10_000  # of one process; idle ones count, and cost a file each


def web(config: Config) -> None:
    """Serve the portal with granian until SIGTERM or SIGINT; requests in hand are finished."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    _allow_files(config.web_workers * CONNECTIONS)
    server = Granian(
        "app",
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
        # granian counts connections here, also those that are idle.
        backpressure=CONNECTIONS,
        workers_kill_timeout=DRAIN_SECONDS,
        respawn_failed_workers=config.is_production,
        log_level=LogLevels.error,
        process_name=None,
    )
    host = f"[{config.bind}]" if ":" in config.bind else config.bind
    log.info(f"listening on http://{host}:{config.port} (PORTAL_BIND, PORTAL_PORT)")
    server.serve(target_loader=partial(_load_front, os.getpid()))


def _allow_files(wanted: int) -> None:
    """Let each process have as many files, and so connections, as the system lets it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted + 1024 if hard == resource.RLIM_INFINITY else min(hard, wanted + 1024)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _load_front(parent: int, target: str) -> Any:
    """In each worker process: the application of `app.py`, behind the front."""
    from portal.front.application import Front

    end_with_parent(parent)
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    front = Front(importlib.import_module(target).app)
    # Freeze what is loaded: a garbage collection that walks it would block every thread.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)
    return front


def end_with_parent(parent: int) -> None:
    """Stop this process when its parent is gone, also by SIGKILL: politely, then for good.

    The parent would have killed what does not stop, so a kernel's signal alone is not enough: a
    connection that stays open would keep the process.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(DRAIN_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def provider(config: Config) -> None:
    """Serve the development identity provider on loopback."""
    from portal.identity.provider import ProviderClient, create_provider

    portal = ProviderClient.portal(
        config.base_url, config.oidc_client_id, config.oidc_client_secret
    )
    app = create_provider(
        config.oidc_issuer,
        [portal, *ProviderClient.programs(config.oidc_client_secret)],
        data_dir=config.data_dir,
        audience=config.api_audience,
    )
    _serve_on_loopback(app, config.idp_port)


def receiver(config: Config) -> None:
    """Serve the demo webhook receiver on loopback."""
    from portal.webhooks.receiver import create_receiver

    _serve_on_loopback(create_receiver(), config.receiver_port)


def _serve_on_loopback(app: "Flask", port: int) -> None:
    from werkzeug.serving import make_server

    logs.configure(production=False)
    server = make_server("127.0.0.1", port, app, threaded=True)

    def stop(number: int, frame: FrameType | None) -> None:
        Thread(target=server.shutdown).start()  # it waits for the loop that we interrupted

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
