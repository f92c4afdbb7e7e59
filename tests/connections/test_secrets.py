"""Nothing that a check touches keeps a secret: rows, documents, pages, history, events, logs."""

import base64
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, request

from tests.cast import ADA, Api, Pages
from tests.connections.conftest import USER, RunChecks
from tests.connectors.test_credentials import everything_stored
from tests.databases import Database
from tests.identity.serving import served

SECRET = "correct horse battery staple 42"
BASIC = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()


def _echo(status: int) -> Flask:
    """Return a service that repeats in every place what it was sent."""
    app = Flask("echo")

    def repeat() -> Response:
        sent = request.headers.get("Authorization", "")
        headers = {"X-Echo": sent, "WWW-Authenticate": f'Basic realm="{sent} {SECRET}"'}
        return Response(f'{{"error": "{sent} {SECRET}"}}', status, headers)

    app.add_url_rule("/", view_func=repeat)
    return app


@pytest.mark.parametrize("status", [200, 401, 403, 418, 500])
def test_a_provider_that_repeats_the_password_does_not_spread_it(
    ada: Api,
    browse: Callable[..., Pages],
    run_checks: RunChecks,
    database: Database,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    status: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    ada.create("webhooks", url="https://hooks.example/", event_types=["connector.*"])
    with served(lambda _: _echo(status)) as address:
        draft: dict[str, Any] = {
            "provider": "http",
            "auth_type": "basic",
            "config": {"baseUrl": address},
            "credentials": {"username": USER, "password": SECRET},
        }
        answers = [ada.post("/connectors/draft-checks", draft).text]
        record = ada.create("connectors", **draft)
        run_checks()
    path = f"/connectors/{record['id']}"
    answers += [ada.get(path + below).text for below in ("", "/checks", "/history")]
    person = browse(ADA)
    answers += [person.get(page).text for page in (path, f"{path}/history", "/connectors", "/")]
    written = "".join([*answers, everything_stored(database), caplog.text, *capfd.readouterr()])
    assert record["id"] in written
    for form in (SECRET, BASIC, BASIC.rstrip("=")):
        assert form not in written, written[written.index(form) - 200 :][:400]
