"""Serve the identity provider and the webhook receiver of development, on loopback."""

import signal
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING

from portal.core import logs
from portal.core.config import Config

if TYPE_CHECKING:
    from flask import Flask


def provider(config: Config) -> None:
    """Serve the development identity provider on loopback."""
    from portal_devtools.identity_provider import ProviderClient, create_provider

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
    from portal_devtools.receiver import create_receiver

    _serve_on_loopback(create_receiver(), config.receiver_port)


def _serve_on_loopback(app: "Flask", port: int) -> None:
    from werkzeug.serving import make_server

    logs.configure(production=False)
    server = make_server("127.0.0.1", port, app, threaded=True)

    def stop(number: int, frame: FrameType | None) -> None:
        Thread(target=server.shutdown).start()  # waits for the interrupted loop

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
