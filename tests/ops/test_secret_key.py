"""Replacing the secret key of a running portal interrupts nobody."""

import asyncio
import contextlib
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from click.testing import CliRunner, Result
from flask import Flask, Response, request
from joserfc import jwt
from joserfc.jwk import KeySet
from portal_devtools.identity_provider import ProviderClient, create_provider, issue_token
from standardwebhooks import Webhook as Verifier

from portal import secretstore
from portal.core.config import libpq_url
from portal.core.root_keys import RootKey
from portal.database.session import db
from portal.delivery.queue import queue
from portal.ops.backup import archive
from portal.ops.cli import main
from tests import ROOT
from tests.bench.servers import portal_serving
from tests.cast import ADA, GUS, PREFIX, Api, add_tenants, sign_in
from tests.databases import Database
from tests.identity.conftest import person
from tests.identity.serving import served
from tests.keeper import free_port
from tests.network.conftest import until

OLD, NEW = secrets.token_hex(32), secrets.token_hex(32)
OLD_ID, NEW_ID = RootKey(OLD).id[:8], RootKey(NEW).id[:8]
HELD = "SELECT 1 FROM data_key ORDER BY tenant_id DESC LIMIT 1 FOR UPDATE"


@dataclass
class Town:
    """A served portal, its identity provider and a receiver of webhooks, with selectable keys."""

    settings: dict[str, str]
    port: int
    data_dir: Path
    issuer: str
    receiver: str
    received: list[tuple[bytes, dict[str, str]]]
    browser: requests.Session = field(default_factory=requests.Session)

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"

    def serving(self, *keys: str) -> contextlib.AbstractContextManager[Any]:
        return portal_serving(self.with_keys(*keys), self.port)

    def with_keys(self, *keys: str) -> dict[str, str]:
        return self.settings | {"PORTAL_SECRET_KEY": ",".join(keys)}

    def portal(self, *words: str, keys: tuple[str, ...]) -> Result:
        """Run the command in this process, which is ready for it and goes on with its own store."""
        kept, secretstore._configured = secretstore._configured, None
        try:
            return CliRunner().invoke(main, words, env=self.with_keys(*keys))
        finally:
            secretstore._configured = kept

    def call(
        self, method: str, path: str, body: Any = None, token: str = "", **headers: str
    ) -> requests.Response:
        token = token or issue_token(self.data_dir, self.issuer, ADA)
        headers = {"Authorization": f"Bearer {token}", **headers}
        url = self.address + PREFIX + path
        return requests.request(method, url, json=body, headers=headers, timeout=20)

    def exchange(self, issued: dict[str, Any]) -> requests.Response:
        grant = {"grant_type": "client_credentials"}
        auth = (issued["id"], issued["key"])
        return requests.post(f"{self.address}/oauth/token", data=grant, auth=auth, timeout=20)

    def sign_in(self) -> requests.Response:
        self.browser.headers["Sec-Fetch-Site"] = "same-origin"
        choice = self.browser.get(f"{self.address}/applications/new", timeout=20)
        action = re.search(r'action="([^"]+)"', choice.text)
        assert action, choice.text
        url = self.issuer + action[1].replace("&amp;", "&")
        return self.browser.post(url, data={"person": person(ADA).subject}, timeout=20)

    def open(self, path: str) -> requests.Response:
        return self.browser.get(self.address + path, timeout=20)

    def press(self, path: str, page: requests.Response, **form: str) -> requests.Response:
        fields = dict(re.findall(r'name="([^"]+)"[^>]*?value="([^"]*)"', page.text))
        kept = {name: fields[name] for name in ("csrf_token", "idempotency_key") if name in fields}
        url = self.address + path
        return self.browser.post(url, data={**kept, **form}, allow_redirects=False, timeout=20)

    def signs_as(self, webhook: dict[str, Any]) -> bool:
        """Tell whether a test event is signed with the secret that was shown once."""
        event = {"event_type": "rfp.created"}
        answer = self.call("POST", f"/webhooks/{webhook['id']}/test-deliveries", event)
        assert answer.status_code < 300, answer.text
        body, headers = self.received.pop()
        return bool(Verifier(webhook["signing_secret"]).verify(body, headers) is not None)


@pytest.fixture
def town(own_database: Database, tmp_path: Path) -> Iterator[Town]:
    add_tenants(own_database)
    port = free_port()
    client = ProviderClient.portal(f"http://localhost:{port}", "portal", "a secret of the drill")
    received: list[tuple[bytes, dict[str, str]]] = []
    with (
        served(lambda issuer: create_provider(issuer, [client], data_dir=tmp_path)) as issuer,
        served(lambda _: _receiver(received)) as receiver,
    ):
        settings = {
            "PORTAL_DATA_DIR": str(tmp_path / "var"),
            "PORTAL_DATABASE_URL": own_database.app_url,
            "PORTAL_MIGRATION_DATABASE_URL": own_database.owner_url,
            "PORTAL_BASE_URL": f"http://localhost:{port}",
            "PORTAL_OIDC_ISSUER": issuer,
            "PORTAL_OIDC_CLIENT_ID": "portal",
            "PORTAL_OIDC_CLIENT_SECRET": "a secret of the drill",
        }
        yield Town(settings, port, tmp_path, issuer, receiver, received)


def _receiver(received: list[tuple[bytes, dict[str, str]]]) -> Flask:
    app = Flask("receiver")

    @app.post("/")
    def take() -> Response:
        received.append((request.get_data(), dict(request.headers)))
        return Response(status=204)

    return app


def webhook_of(town: Town, email: str) -> dict[str, Any]:
    token = issue_token(town.data_dir, town.issuer, email)
    made = town.call("POST", "/webhooks", {"url": f"{town.receiver}/"}, token)
    assert made.status_code == 201, made.text
    return dict(made.json())


def kill_in_the_midst(town: Town, database: Database, keys: tuple[str, ...]) -> None:
    """Start a rotation, wait until it blocks on the last tenant's data key, and kill it there."""
    look = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'portal'"
        " AND wait_event_type = 'Lock' AND datname = current_database()"
    )
    with psycopg.connect(libpq_url(database.superuser_url)) as holder:
        holder.execute(HELD)
        for _ in range(10):  # the rotation may have timed out before: try again
            process = subprocess.Popen(
                [sys.executable, "-m", "portal.ops.cli", "secret-key", "rotate"],
                env={**os.environ, **town.with_keys(*keys)},
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            until(lambda process=process: database.sql(look) > 0 or process.poll() is not None)
            process.send_signal(signal.SIGKILL)
            if process.wait(20) == -signal.SIGKILL:
                return
        pytest.fail("it never waited for the last data key")


@pytest.mark.proof(only=True)
@pytest.mark.timeout(300)
def test_the_drill(town: Town, own_database: Database) -> None:
    once = {"Idempotency-Key": "made once"}
    with town.serving(OLD):
        form = town.sign_in()
        assert "Register" in form.text
        hook, _other = webhook_of(town, ADA), webhook_of(town, GUS)
        key = dict(town.call("POST", "/api-keys", {"scopes": ["keys:read"]}).json())
        first = town.exchange(key).json()["access_token"]
        made = town.call("POST", "/applications", {"display_name": "Once"}, **once).json()

        early = town.portal("secret-key", "rotate", keys=(NEW, OLD))
        assert early.exit_code == 1
        assert f"a web process at this machine uses {OLD_ID}" in early.stderr
        assert "Traceback" not in early.stderr

    with town.serving(NEW, OLD):
        assert town.press("/applications/new", form, display_name="Old form").status_code == 303
        assert town.call("GET", "/api-keys", token=first).status_code == 200
        second = town.exchange(key).json()["access_token"]
        again = town.call("POST", "/applications", {"display_name": "Once"}, **once)
        assert again.json()["id"] == made["id"]
        assert town.signs_as(hook)

        kill_in_the_midst(town, own_database, keys=(NEW, OLD))
        between = town.portal("doctor", keys=(NEW, OLD)).stdout
        assert f"1 keys that sign tokens under {NEW_ID}" in between
        assert f"1 data keys of the secret store under {OLD_ID}" in between
        assert town.signs_as(hook)

        done = town.portal("secret-key", "rotate", keys=(NEW, OLD))
        assert done.exit_code == 0, done.stderr
        assert f"2 data keys of the secret store under {NEW_ID}, 1 wrapped anew" in done.stdout
        assert f"1 ID tokens of sessions under {NEW_ID}, 1 wrapped anew" in done.stdout
        assert f"Nothing stored needs the older {OLD_ID} any more" in done.stdout
        idle = town.portal("secret-key", "rotate", keys=(NEW, OLD))
        assert ", 0 wrapped anew" in idle.stdout
        assert not re.search(r", [1-9]\d* wrapped anew", idle.stdout)
        form = town.open("/applications/new")

    with town.serving(NEW):
        assert town.press("/applications/new", form, display_name="New form").status_code == 303
        for token in (first, second, town.exchange(key).json()["access_token"]):
            assert town.call("GET", "/api-keys", token=token).status_code == 200
            published = requests.get(f"{town.address}/.well-known/jwks.json", timeout=20).json()
            keys = KeySet.import_key_set(published)
            assert jwt.decode(token, keys, algorithms=["ES256"]).claims["sub"] == key["id"]
        assert town.signs_as(hook)
        out = town.press("/auth/logout", town.open("/account/sessions"))
        assert "id_token_hint=ey" in out.headers["Location"], "the kept ID token opens"
        found = town.portal("doctor", keys=(NEW,)).stdout
    assert OLD_ID not in found
    assert f"2 data keys of the secret store under {NEW_ID}" in found


@dataclass(frozen=True)
class LivedIn:
    """A town, and what its portal made under the old key: a webhook, and a key of Ada's tenant."""

    town: Town
    hook: dict[str, Any]
    key: dict[str, Any]


@pytest.fixture
def lived_in(town: Town, another_app: Callable[..., Flask]) -> LivedIn:
    """Return a town whose portal kept secrets of two tenants under the old key, and was stopped."""
    app = another_app(**town.with_keys(OLD))
    made = []
    for email in (ADA, GUS):
        api = Api(app.test_client(), issue_token(town.data_dir, town.issuer, email))
        hook = api.create("webhooks", url=f"{town.receiver}/")
        made.append((hook, api.create("api-keys", scopes=["keys:read"])))
        assert exchanged(app, made[-1][1]).status_code == 200  # makes the key that signs tokens
    app.extensions["keys"].end()
    with app.app_context():
        db.engine.dispose()
    return LivedIn(town, *made[0])


def test_a_rotation_of_a_served_portal_is_killed_and_goes_on(
    lived_in: LivedIn, own_database: Database
) -> None:
    """Check the middle of the drill: what was made before works at each moment."""
    town, hook, key = lived_in.town, lived_in.hook, lived_in.key

    def all_works() -> None:
        assert town.signs_as(hook)
        assert town.exchange(key).status_code == 200

    with town.serving(NEW, OLD):
        first = town.exchange(key).json()["access_token"]
        kill_in_the_midst(town, own_database, keys=(NEW, OLD))
        between = town.portal("doctor", keys=(NEW, OLD)).stdout
        assert f"1 keys that sign tokens under {NEW_ID}" in between
        assert f"1 data keys of the secret store under {OLD_ID}" in between
        all_works()
        done = town.portal("secret-key", "rotate", keys=(NEW, OLD))
        assert done.exit_code == 0, done.stderr
        assert f"2 data keys of the secret store under {NEW_ID}, 1 wrapped anew" in done.stdout
        assert f"Nothing stored needs the older {OLD_ID} any more" in done.stdout
        all_works()
        assert town.call("GET", "/api-keys", token=first).status_code == 200
    found = town.portal("doctor", keys=(NEW,)).stdout
    assert f"2 data keys of the secret store under {NEW_ID}" in found
    assert OLD_ID not in found


@pytest.fixture
def portal_with(another_app: Callable[..., Flask]) -> Callable[..., Flask]:
    """Return `portal_with(NEW, OLD)`, which creates a portal with these keys on the database."""
    return lambda *keys: another_app(PORTAL_SECRET_KEY=",".join(keys))


def test_looking_at_a_page_is_enough_to_outlive_the_old_key(
    portal_with: Callable[..., Flask], tenants: tuple[str, str]
) -> None:
    browser = sign_in(portal_with(OLD), ADA)
    browser.get("/applications/new")
    browser.client.application = portal_with(NEW, OLD)
    assert browser.csrf_token()
    browser.client.application = portal_with(NEW)
    assert browser.post("/applications/new", {"display_name": "CRM 360"}).status_code == 303


# ---------------------------------------------------------------- when the old key is missing


def test_a_database_that_makes_it_wait_is_told_and_not_thrown(
    lived_in: LivedIn, own_database: Database
) -> None:
    with psycopg.connect(libpq_url(own_database.superuser_url)) as holder:
        holder.execute(HELD)
        early = lived_in.town.portal("secret-key", "rotate", keys=(NEW, OLD))
    assert early.exit_code == 1
    assert "What was done is done; run this again." in early.stderr
    assert "Traceback" not in early.stderr


def test_a_backup_names_the_keys_of_its_moment_and_not_of_a_later_one(
    lived_in: LivedIn, own_database: Database, tmp_path: Path
) -> None:
    """The backup takes its snapshot and waits for a lock; everything is wrapped anew meanwhile."""
    town, file = lived_in.town, tmp_path / "portal.backup"
    town.settings["PORTAL_BACKUP_DATABASE_URL"] = own_database.superuser_url
    with psycopg.connect(libpq_url(own_database.superuser_url)) as holder:
        holder.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        backup = subprocess.Popen(
            [sys.executable, "-m", "portal.ops.cli", "backup", str(file)],
            env={**os.environ, **town.with_keys(NEW, OLD)},
            cwd=ROOT,
        )
        until(lambda: own_database.waiting("%alembic_version%") > 0)
        backup.send_signal(signal.SIGSTOP)
    done = town.portal("secret-key", "rotate", keys=(NEW, OLD))
    backup.send_signal(signal.SIGCONT)
    assert done.exit_code == 0, done.stderr
    assert backup.wait(60) == 0
    assert archive.read(file)["needs_keys"] == [RootKey(OLD).id]

    later = tmp_path / "later.backup"
    assert town.portal("backup", str(later), keys=(NEW, OLD)).exit_code == 0
    assert archive.read(later)["needs_keys"] == [RootKey(NEW).id]


def test_a_worker_with_another_key_is_waited_for(town: Town, own_database: Database) -> None:
    with asyncio.Runner() as runner:
        worker = runner.run(queue.connect(libpq_url(own_database.app_url), OLD_ID))
        early = town.portal("secret-key", "rotate", keys=(NEW, OLD))
        runner.run(worker.close())
    assert early.exit_code == 1
    assert f"a worker at this machine uses {OLD_ID}" in early.stderr
    assert town.portal("secret-key", "rotate", keys=(NEW, OLD)).exit_code == 0


def exchanged(app: Flask, issued: dict[str, Any]) -> Any:
    grant = {"grant_type": "client_credentials"}
    auth = (issued["id"], issued["key"])
    return app.test_client().post("/oauth/token", data=grant, auth=auth)


def test_a_key_that_cannot_be_opened_is_said_in_the_standards_words(
    portal_with: Callable[..., Flask], ada: Api, capfd: pytest.CaptureFixture[str]
) -> None:
    issued = ada.create("api-keys", scopes=["keys:read"])
    assert exchanged(portal_with(OLD), issued).status_code == 200
    closed = portal_with(NEW)
    capfd.readouterr()
    answer = exchanged(closed, issued)
    assert (answer.status_code, answer.mimetype) == (503, "application/json")
    assert answer.json["error"] == "temporarily_unavailable"
    assert answer.headers["Retry-After"]
    assert "Add the earlier PORTAL_SECRET_KEY behind the new one" in capfd.readouterr().out
    assert closed.test_client().get("/.well-known/jwks.json").json["keys"]
    assert exchanged(portal_with(NEW, OLD), issued).status_code == 200


def test_the_doctor_and_the_rotation_say_which_key_is_missing(lived_in: LivedIn) -> None:
    wrong = lived_in.town.portal("secret-key", "rotate", keys=(NEW,))
    assert wrong.exit_code == 1
    assert OLD_ID in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert "Nothing was changed" in wrong.stderr
    found = lived_in.town.portal("doctor", keys=(NEW,)).stdout
    assert f"none of {NEW_ID} opens " in found
    assert f"2 data keys of the secret store under {OLD_ID}" in found
    assert NEW not in found
    assert OLD not in found
