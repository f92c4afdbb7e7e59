"""Nothing that a check touches keeps a secret: rows, documents, pages, history, events, logs."""

import base64
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, request

from portal.core.key_shape import masked
from tests.cast import ADA, Api, Pages
from tests.connections.conftest import USER, RunChecks
from tests.connections.test_checks import Make, ok
from tests.connectors.test_credentials import everything_stored
from tests.databases import Database
from tests.identity.serving import served

SECRET = "correct horse battery staple 42"
OTHERS = {"username": "mallory", "password": "of-mallory-0123456789"}
RESTORED = "credential-restorations"
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


def test_an_api_key_that_a_provider_answers_with_is_masked(
    ada: Api, run_checks: RunChecks, database: Database
) -> None:
    raw = ada.create("api-keys", scopes=["audit:read"])["key"]
    app = Flask("shows")
    app.add_url_rule("/", view_func=lambda: ({"error": f"No {raw}"}, 403))
    with served(lambda _: app) as address:
        draft = {
            "provider": "http",
            "auth_type": "basic",
            "config": {"baseUrl": address},
            "credentials": {"username": USER, "password": SECRET},
        }
        said = ada.post("/connectors/draft-checks", draft).text
        record = ada.create("connectors", **draft)
        run_checks()
    said += ada.get(f"/connectors/{record['id']}/checks").text
    assert said.count(f"No {masked(raw)}") >= 2
    assert raw not in said + everything_stored(database)


# --- older credentials stay at the addresses for which they were saved, too -----------------------


@pytest.fixture
def heard() -> list[str]:
    """Return what the other service was sent."""
    return []


@pytest.fixture
def elsewhere(heard: list[str]) -> Any:
    """Yield the address of another service, which keeps what it is sent."""
    app = Flask("elsewhere")

    def listen() -> Response:
        heard.append(request.headers.get("Authorization", ""))
        return Response("hello")

    app.add_url_rule("/", view_func=listen)
    with served(lambda _: app) as address:
        yield address


def moved(elsewhere: str) -> dict[str, Any]:
    return {"config": {"baseUrl": elsewhere}, "credentials": OTHERS}


def test_older_credentials_are_not_restored_for_another_address(
    ada: Api, connector: Make, run_checks: RunChecks, elsewhere: str, heard: list[str]
) -> None:
    path = f"/connectors/{connector()['id']}"
    ok(ada.patch(path, moved(elsewhere)))
    run_checks()
    # A check also asks without credentials: only an answer that differs proves them.
    entered = base64.b64encode(":".join(OTHERS.values()).encode()).decode()
    assert set(heard) - {""} == {f"Basic {entered}"}, "those that were entered for it"
    refused = ada.post(f"{path}/{RESTORED}", {"version": 1})
    run_checks()
    assert refused.status_code == 422, heard
    assert elsewhere in refused.text
    assert set(heard) - {""} == {f"Basic {entered}"}


def test_older_credentials_do_not_follow_an_address_that_changes_before_the_worker_comes(
    ada: Api, connector: Make, run_checks: RunChecks, elsewhere: str, heard: list[str]
) -> None:
    path = f"/connectors/{connector()['id']}"
    ok(ada.patch(path, {"credentials": OTHERS}))
    run_checks()
    asked = ok(ada.post(f"{path}/{RESTORED}", {"version": 1}), 202)
    ok(ada.patch(path, moved(elsewhere)))
    run_checks()
    ended = ok(ada.get(f"{path}/checks/{asked['id']}"))
    assert ended["outcome"] == "config", ended
    assert elsewhere in ended["said"]
    assert ended["is_outdated"], "it says nothing of the connector as it is now"
    versions = ok(ada.get(f"{path}/credential-versions"))["items"]
    assert [version["version"] for version in versions] == [3, 2, 1], "nothing was put back"
    assert ok(ada.get(path))["sync_status"] == "pending"


def test_older_credentials_are_not_restored_at_another_address_after_they_were_removed(
    ada: Api, connector: Make, run_checks: RunChecks, elsewhere: str, heard: list[str]
) -> None:
    record = connector()
    path = f"/connectors/{record['id']}"
    ok(ada.patch(path, {"credentials": OTHERS}))
    ok(ada.delete(f"{path}/credentials"))
    ok(ada.patch(path, {"config": {"baseUrl": elsewhere}}))
    run_checks()
    refused = ada.post(f"{path}/{RESTORED}", {"version": 1})
    run_checks()
    assert refused.status_code == 422, heard
    assert not any(heard)


def test_a_key_that_a_template_writes_in_capitals_is_hidden_too(ada: Api) -> None:
    def repeat(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        sent = environ["HTTP_X_KEY"]
        start("400 Bad", [("Content-Type", "application/json")])
        return [f'{{"message": "bad key {sent}"}}'.encode()]

    with served(lambda _: repeat) as address:
        places = {"keyPlacement": "header", "keyName": "X-Key", "valueTemplate": "{apiKey:upper}"}
        draft = {
            "provider": "http",
            "auth_type": "api_key",
            "config": {"baseUrl": address, **places},
            "credentials": {"apiKey": "abcdef0123456789abcdef"},
        }
        answer = ada.post("/connectors/draft-checks", draft).text
    assert "bad key" in answer
    assert "ABCDEF" not in answer
