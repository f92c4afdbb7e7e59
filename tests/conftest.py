"""Define fixtures for all tests: a real database, a real application, the machine's browser.

A test commits for real, and its rows are deleted afterwards. Every pytest process has one database
and one application, made from a database that the run migrated once.
"""

import asyncio
import gc
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from portal.core import deadlines
from portal.core.config import Config
from tests import keeper
from tests.configs import config_of
from tests.databases import Database, fresh_database
from tests.machine import chromium_of_the_machine
from tests.thorough import IS_PROOF, times

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from playwright.sync_api import Browser

    from portal.secretstore import SecretStore
    from tests.cast import Provider

pytest_plugins = ["tests.cast", "tests.stores"]

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# --- the run --------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    # A busy machine is no error in the code: an example may take any time.
    settings.register_profile("portal", deadline=None, max_examples=times(40))
    settings.load_profile("portal")
    # Nor may a busy machine end a transaction, because it let the process stand still for 5 s.
    deadlines.IDLE_IN_TRANSACTION_SECONDS *= 10
    if not hasattr(config, "workerinput"):
        keeper.begin_run()


def pytest_collection_finish(session: pytest.Session) -> None:
    from tests import compiled_templates

    compiled_templates.share()
    # What was imported and collected stays: a garbage collection need not visit it again.
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and keeper.RUN_DIRECTORY in os.environ:
        keeper.stop_all()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name the skipped tests in CI: nothing may be missing there, so they make the run fail."""
    skipped = terminalreporter.stats.get("skipped", [])
    if os.environ.get("CI") and skipped:
        terminalreporter.section("Skipped, which is a failure in CI")
        for report in skipped:
            _, _, reason = report.longrepr
            terminalreporter.line(f"{report.nodeid}: {reason}")


def is_only_proof(item: pytest.Item) -> bool:
    """Tell whether a test takes too long for every `make test`."""
    marker = item.get_closest_marker("proof")
    return bool(marker and marker.kwargs.get("only"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what only a proof tries to one, and begin with the tests that may take longer than
    others: no process ends with one of them."""
    if not IS_PROOF:
        left = [one for one in items if is_only_proof(one)]
        items[:] = [one for one in items if not is_only_proof(one)]
        config.hook.pytest_deselected(items=left)
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if not os.environ.get("CI") or hasattr(session.config, "workerinput"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and reporter.stats.get("skipped") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="module", autouse=True)
def _no_key_engine_goes_on() -> Iterator[None]:
    """Fail if a test left an engine of keys running: it would write during later tests."""
    yield
    assert [one.name for one in threading.enumerate() if one.name == "key-writer"] == []


# --- database and application ---------------------------------------------------------------------


@pytest.fixture(scope="session")
def _database() -> Iterator[Database]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    with fresh_database(f"test_{worker}") as database:
        yield database


@pytest.fixture
def database(_database: Database) -> Iterator[Database]:
    """Yield this process's migrated database (`owner_url`, `app_url`, …), emptied after a test."""
    yield _database
    _database.wipe()


@pytest.fixture
def own_database() -> Iterator[Database]:
    """Yield a migrated database for this test alone, which may change the schema or the roles."""
    with fresh_database(f"test_own_{secrets.token_hex(4)}") as database:
        yield database


@pytest.fixture
def empty_database() -> Iterator[Database]:
    """Yield a database without any table, for this test alone."""
    with fresh_database(f"test_empty_{secrets.token_hex(4)}", migrated=False) as database:
        yield database


@pytest.fixture(scope="module")
def places() -> Iterator[Callable[[], Path]]:
    """Yield a function: `places()` makes a directory for a PostgreSQL of the test's own.

    It is not below `tmp_path`: as root, the server runs under another account, and each start of
    pytest closes its directory to all others, also while other tests are running.
    """
    made: list[Path] = []

    def place() -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="portal-place-")))
        return made[-1]

    yield place
    for path in made:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def _settings(
    _database: Database, tmp_path_factory: pytest.TempPathFactory, token_provider: "Provider"
) -> dict[str, str]:
    return {
        "PORTAL_OIDC_ISSUER": token_provider.issuer,
        "PORTAL_OIDC_CLIENT_ID": "cpod-portal",
        "PORTAL_OIDC_CLIENT_SECRET": "a secret between the tests and their provider",
        "PORTAL_DATA_DIR": str(tmp_path_factory.mktemp("var")),
        "PORTAL_DATABASE_URL": _database.app_url,
        "PORTAL_MIGRATION_DATABASE_URL": _database.owner_url,
    }


@pytest.fixture
def make_config(_settings: dict[str, str]) -> Callable[..., Config]:
    """Return `make_config(PORTAL_SECRET_STORE="vault", …)`: the tests' settings and others."""
    return lambda **settings: config_of(_settings | settings)


@pytest.fixture
def config(make_config: Callable[..., Config]) -> Config:
    """Return the settings of the tests' application."""
    return make_config()


@pytest.fixture(scope="session")
def _app(_settings: dict[str, str]) -> Iterator["Flask"]:
    from portal import create_app
    from portal.database.session import db

    app = create_app(config_of(_settings))
    app.testing = True
    yield app
    app.extensions["keys"].end()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="session")
def _store(_app: "Flask") -> "SecretStore":
    from portal import secretstore

    return secretstore.store()


@pytest.fixture
def app(_app: "Flask", _store: "SecretStore", database: Database) -> "Flask":
    """Return the application on the tests' database. Its errors reach the test as exceptions."""
    from portal import secretstore
    from portal.database import writability
    from portal.keys.verification.unknown_keys import FailedSources

    # A process has one store: that of the application that was created last.
    secretstore._configured = _store
    _app.extensions["keys"].sources = FailedSources()  # remembers guesses of keys for a minute
    writability.init_app(_app)  # remembers for seconds that writes failed
    return _app


@pytest.fixture
def another_app(
    make_config: Callable[..., Config], tenants: tuple[str, str]
) -> Iterator[Callable[..., "Flask"]]:
    """Yield `another_app(PORTAL_…="…")`, which makes a portal with other settings.

    It uses the tests' database.
    """
    from portal import create_app
    from portal.database.session import db

    made: list[Flask] = []

    def make(**settings: str) -> "Flask":
        made.append(create_app(make_config(**settings)))
        made[-1].testing = True
        return made[-1]

    yield make
    for app in made:
        app.extensions["keys"].end()
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def client(app: "Flask") -> "FlaskClient":
    """Return a browser without a window: it keeps cookies and runs no script."""
    return app.test_client()


# --- what may be on the machine -------------------------------------------------------------------


@pytest.fixture(scope="session")
def bao() -> dict[str, str]:
    """Return a real OpenBao for the run: its `address` and its root `token`. Use your own path."""
    return keeper.shared("bao")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a Chromium: the machine's, or Playwright's own."""
    if found := chromium_of_the_machine():
        return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    if not Path(own).exists():
        pytest.skip("no Chromium: neither on the machine nor from `playwright install chromium`")
    return own


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator["Browser"]:
    """Yield a running Chromium that Playwright controls. Give each test its own context.

    Its scope is a module: Playwright keeps an event loop running in this thread, in which no other
    module's test could run its own.
    """
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)  # on a busy machine a page may take longer than 5 seconds
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _no_loop_of_playwright(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a test without a browser run event loops of its own.

    Between its calls, Playwright leaves its loop marked as running in this thread for as long as
    the browser lives, and `asyncio.run` would fail.
    """
    running = asyncio._get_running_loop()
    apart = running is not None and "browser" not in request.fixturenames
    if apart:
        asyncio._set_running_loop(None)
    yield
    if apart:
        asyncio._set_running_loop(running)
