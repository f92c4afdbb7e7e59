"""`portal secrets` moves everything to another store, and back, and the portal works on."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal import create_app, secretstore
from portal.database.base import new_id
from portal.database.session import db, enter_tenant, session
from portal.ops.cli import main
from portal.secretstore import SecretRef, Side
from tests import ROOT
from tests.bench.servers import portal_serving
from tests.cast import Api
from tests.configs import config_of
from tests.databases import Database
from tests.keeper import free_port
from tests.secretstore.openbao import OwnOpenBao, own_openbao

CANARY = "canary-of-the-command"
Portal = Callable[..., Result]


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with own_openbao(tmp_path_factory.mktemp("bao")) as server:
        server.prepare()
        yield server


@pytest.fixture
def database(own_database: Database) -> Database:
    """Return a database to which no other test's portal is connected."""
    return own_database


@pytest.fixture
def settings(_settings: dict[str, str], database: Database) -> dict[str, str]:
    urls = {
        "PORTAL_DATABASE_URL": database.app_url,
        "PORTAL_MIGRATION_DATABASE_URL": database.owner_url,
    }
    return _settings | urls


@pytest.fixture
def app(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.setattr(secretstore, "_configured", None)
    app = create_app(config_of(settings))
    app.testing = True
    yield app
    app.extensions["keys"].end()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def environment(settings: dict[str, str], vault: OwnOpenBao) -> dict[str, str]:
    """Return the settings of the tests' portal, and those of an operator who moves secrets."""
    made = vault.call("POST", "auth/token/create", {"policies": ["portal-move"]})
    return {
        **os.environ,
        **settings,
        "PORTAL_VAULT_ADDR": vault.address,
        "PORTAL_VAULT_TOKEN": vault.token,
        "PORTAL_VAULT_MOVE_TOKEN": made["auth"]["client_token"],
    }


@pytest.fixture
def portal(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Portal:
    """Return a function that runs `portal secrets` in this process, which is ready for it."""

    def run(*words: str, **settings: str) -> Result:
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(secretstore, "_configured", None)
            return CliRunner().invoke(main, ["secrets", *words], env={**environment, **settings})

    return run


def move_on(way: str) -> tuple[str, ...]:
    source, target = way.split(" to ")
    return ("move", "--from", source, "--to", target)


def test_everything_moves_there_and_back_and_the_portal_works_on(
    app: Flask,
    ada: Api,
    vault: OwnOpenBao,
    portal: Portal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embedded = secretstore.store()
    basic = {"provider": "splunk", "auth_type": "basic"}
    kept = ada.create("connectors", **basic, credentials={"username": "svc", "password": CANARY})
    lost = ada.create("connectors", **basic, credentials={"password": CANARY})
    path = f"/connectors/{kept['id']}"
    ada.patch(path, {"credentials": {"password": CANARY + "2"}})
    ada.delete(f"/connectors/{lost['id']}")
    webhook = ada.create("webhooks")

    there = portal(*move_on("embedded to vault"))
    assert there.exit_code == 0, there.stdout + there.stderr
    assert "2 of connectors, 1 of webhooks" in there.stdout
    again = portal(*move_on("embedded to vault"))
    assert "compared: nothing." in again.stdout
    assert "Already there, and compared: 2 of connectors, 1 of webhooks." in again.stdout

    monkeypatch.setattr(secretstore, "_configured", vault.store_of(Side.WEB))
    assert ada.patch(path, {"credentials": {"username": "svc2"}}).status_code == 200
    stored = vault.call("GET", kept["vault_path"])["data"]["data"]
    assert stored == {"username": "svc2", "password": CANARY + "2"}
    back = ada.post(f"/connectors/{lost['id']}/restore").json or {}
    assert back["credential_fields"] == ["password"]
    assert ada.post(f"/webhooks/{webhook['id']}/secret-rotations").status_code == 200

    removed = portal("remove", "--from", "embedded", PORTAL_SECRET_STORE="vault")
    assert removed.exit_code == 0, removed.stdout + removed.stderr
    assert "2 of connectors, 1 of webhooks" in removed.stdout
    home = portal(*move_on("vault to embedded"), PORTAL_SECRET_STORE="vault")
    assert home.exit_code == 0, home.stdout + home.stderr

    monkeypatch.setattr(secretstore, "_configured", embedded)
    assert ada.patch(path, {"credentials": {"username": "svc3"}}).status_code == 200
    with app.app_context():
        enter_tenant(ACME)
        ref = SecretRef(ACME, "connectors", kept["id"], "credentials")
        stored = dict(embedded.get(ref, reason="test"))
        session.remove()
    assert stored == {"username": "svc3", "password": CANARY + "2"}
    assert ada.post(f"/webhooks/{webhook['id']}/secret-retirements").status_code == 200
    for run in (there, again, removed, home):
        assert CANARY not in run.stdout + run.stderr


def test_it_refuses_while_the_portal_runs(
    environment: dict[str, str], app: Flask, portal: Portal, tenants: tuple[str, str]
) -> None:
    port = free_port()
    with portal_serving({**environment, "PORTAL_PORT": str(port)}, port):
        refused = portal(*move_on("embedded to vault"))
        assert refused.exit_code == 1
        assert "a web process at this machine, secret store: embedded" in refused.stderr
        assert "Nothing was moved" in refused.stderr
        kept = portal("remove", "--from", "embedded", PORTAL_SECRET_STORE="vault")
        assert kept.exit_code == 1
        assert "Restart them with PORTAL_SECRET_STORE=vault" in kept.stderr


@pytest.mark.parametrize(
    ("words", "more", "advice"),
    [
        (move_on("vault to embedded"), {}, "PORTAL_SECRET_STORE is embedded"),
        (move_on("embedded to embedded"), {}, "name two stores"),
        (move_on("embedded to vault"), {"PORTAL_VAULT_ADDR": ""}, "PORTAL_VAULT_ADDR is missing"),
        (
            move_on("embedded to vault"),
            {"PORTAL_VAULT_ADDR": "http://127.0.0.1:1"},
            "The secret store does not answer",
        ),
        (move_on("embedded to vault"), {"PORTAL_VAULT_MOVE_TOKEN": "dead"}, "Set a new token"),
        (("remove", "--from", "embedded"), {}, "these secrets are in use"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_done(
    app: Flask, portal: Portal, words: tuple[str, ...], more: dict[str, str], advice: str
) -> None:
    refused = portal(*words, **more)
    assert refused.exit_code == 1
    assert advice in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_role_that_may_not_write_is_told_what_it_lacks(
    app: Flask, portal: Portal, vault: OwnOpenBao
) -> None:
    made = vault.call("POST", "auth/token/create", {"policies": ["portal-worker"]})
    refused = portal(
        *move_on("embedded to vault"), PORTAL_VAULT_MOVE_TOKEN=made["auth"]["client_token"]
    )
    assert refused.exit_code == 1
    assert "lacks create, read, update on secret/data/+/+/+/+" in refused.stderr


@pytest.mark.proof(only=True)
def test_killed_while_it_runs_it_is_finished_by_running_it_again(
    app: Flask,
    environment: dict[str, str],
    portal: Portal,
    vault: OwnOpenBao,
    tenants: tuple[str, str],
    tmp_path: Path,
) -> None:
    refs = [SecretRef(ACME, "connectors", new_id("cnn"), "credentials") for _ in range(120)]
    with app.app_context():
        enter_tenant(ACME)
        for number, ref in enumerate(refs):
            secretstore.store().put(ref, {"n": str(number)}, cas=0)
        session.commit()
        session.remove()
    moved, reader = f"secret/metadata/{ACME}/connectors?list=true".replace("_", "-"), vault
    before = set(keys_of(reader, moved))
    with subprocess.Popen(
        [sys.executable, "-m", "portal.ops.cli", "secrets", *move_on("embedded to vault")],
        env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        until = monotonic() + 60
        while len(set(keys_of(reader, moved)) - before) < 10 and monotonic() < until:
            sleep(0.01)
        process.send_signal(signal.SIGKILL)
    some = len(set(keys_of(reader, moved)) - before)
    assert 10 <= some < len(refs), "it was killed amid the move"
    done = portal(*move_on("embedded to vault"))
    assert done.exit_code == 0, done.stdout + done.stderr
    for number, ref in enumerate(refs):
        assert vault.call("GET", ref.path("secret"))["data"]["data"] == {"n": str(number)}


def keys_of(vault: OwnOpenBao, path: str) -> list[str]:
    found = vault.call("GET", path, ok=False).get("data") or {}
    return list(found.get("keys") or [])
