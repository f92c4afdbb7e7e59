"""The processes that listen: the web server, and the two that only development has."""

import importlib
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING, Any

import structlog

from portal import logs
from portal.config import Config
from portal.embedded import die_with_parent
from portal.lane import Environ, Lane
from portal.migrate import ROOT

if TYPE_CHECKING:
    from flask import Flask

    from portal.keys.engine import Engine

Call = Callable[[Any, Environ], None]
"""Sees to a request; granian's end of it takes the answer from any thread."""

log = structlog.stdlib.get_logger(__name__)

WEB_THREADS = 8  # for each process; requests wait for PostgreSQL, so more than one
DRAIN_SECONDS = 10
STATIC_SECONDS = 3600  # an address without a content hash may be that stale


def web(config: Config) -> None:
    """Serve the portal with granian until SIGTERM or SIGINT; requests in hand are finished."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    server = Granian(
        "app",
        address="127.0.0.1" if not config.is_production else "0.0.0.0",  # noqa: S104
        port=config.port,
        interface=Interfaces.WSGI,
        workers=config.web_workers,
        blocking_threads=WEB_THREADS,
        workers_kill_timeout=DRAIN_SECONDS,
        respawn_failed_workers=config.is_production,
        static_path_route=["/static"],
        static_path_mount=[ROOT / "static"],
        static_path_expires=STATIC_SECONDS if config.is_production else 0,
        log_level=LogLevels.error,  # its warning about the number of threads is ours to ignore
        process_name=None,
    )
    server.serve(target_loader=partial(_load_app, os.getpid()))


def _load_app(parent: int, target: str) -> Any:
    """In each worker process: the application of `app.py`."""
    die_with_parent(signal.SIGTERM, parent)()
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    app = importlib.import_module(target).app
    # granian has no name for what stands between its threads and WSGI, so we take its own: it
    # makes of an application what granian calls with a request's other end and its environ.
    workers: Any = importlib.import_module("granian.server.mp")
    workers._wsgi_call_wrap = partial(
        _through_the_lane, workers._wsgi_call_wrap, app.extensions["keys"]
    )
    return app


def _through_the_lane(wrap: Callable[..., Call], engine: "Engine", *arguments: Any) -> Call:
    """What granian calls for each request: questions about keys that need nothing but memory are
    answered by one thread, everything else as granian does it."""
    from portal.keys import fastpath

    call = wrap(*arguments)

    def at_once(end: Any, environ: Environ) -> bool:
        try:
            answer = fastpath.from_memory(engine, environ)
        except Exception:
            log.exception("a question about a key was not answered at once")
            return False
        if answer is not None:
            end.response_bytes(200, *answer)
        return answer is not None

    def in_time(end: Any, environ: Environ) -> None:
        try:
            call(end, environ)
        except Exception:
            log.exception("a request was not answered")
            end.response_bytes(500, [], b"")

    return Lane(fastpath.concerns, at_once, in_time).take


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
