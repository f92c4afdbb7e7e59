"""Serve a WSGI app on a free loopback port, for tests that need a real network connection."""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

WSGIApp = Callable[..., Any]


@contextlib.contextmanager
def served(make_app: Callable[[str], WSGIApp], host: str = "127.0.0.1") -> Iterator[str]:
    """Serve `make_app(address)` inside the context; yield the address, `http://127.0.0.1:PORT`.

    The port is bound before the app is made, since an issuer has to know its own address.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://{host}:{listening.getsockname()[1]}"
        app = make_app(address)
        server = make_server("127.0.0.1", 0, app, threaded=True, fd=listening.fileno())
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield address
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            if isinstance(app, Flask) and "keys" in app.extensions:
                app.extensions["keys"].end()  # its threads would write during later tests
