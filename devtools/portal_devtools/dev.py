"""`portal dev`: run the whole portal on one machine, with one command and one log.

This supervisor starts PostgreSQL, migrates it, starts the processes side by side, waits until each
responds, and prints their output. If one of them ends, or a signal arrives, it stops all. It loads
Flask and SQLAlchemy only to migrate or seed the database, so that later starts are fast.
"""

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from types import FrameType
from typing import IO

from portal import migrations
from portal.core.config import Config, libpq_url
from portal.ops import embedded_postgres, migrate
from portal.ops.embedded_postgres import (
    STOPPING,
    EmbeddedPostgres,
    die_with_parent,
    holding_signals,
)
from portal_devtools import ports
from portal_devtools.demo import MAIN_TENANT

START_SECONDS = 300.0  # for a busy machine: a process that cannot start ends by itself
STOP_SECONDS = 15.0  # longer than the web server waits for running requests
COLORS = {"portal": "1", "web": "36", "worker": "35", "idp": "33", "receiver": "32", "demo": "34"}

ACCOUNTS = (
    ("ada@acme.example", "admin of Acme"),
    ("ed@acme.example", "editor of Acme"),
    ("vic@acme.example", "viewer of Acme"),
    ("gus@globex.example", "admin of Globex"),
    ("nora@nowhere.example", "signs in, but has no role"),
)


class DevError(Exception):
    """The portal cannot run, or one of its processes ended; the message names it and the reason."""


class Stopped(Exception):
    """A signal asked the supervisor to stop."""


@dataclass
class Child:
    """A process of the supervisor. `ready` is the port and path that respond once it works."""

    name: str
    command: str
    ready: tuple[int, str] | None = None
    options: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None
    answered: bool = False
    rest: bytes = field(default=b"", repr=False)  # an incomplete line

    def start(self, environ: Mapping[str, str]) -> None:
        with holding_signals():
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "portal.ops.cli", self.command, *self.options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                start_new_session=True,  # Ctrl-C reaches only us: we stop the others in order
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        os.set_blocking(self.output.fileno(), False)

    @property
    def output(self) -> IO[bytes]:
        assert self.process is not None  # noqa: S101  started
        assert self.process.stdout is not None  # noqa: S101  a pipe
        return self.process.stdout

    def ended(self) -> int | None:
        """Return the exit status if the process has ended (negative: a signal); else None."""
        return self.process.poll() if self.process else None

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the process and to all processes that it started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)


def run(config: Config) -> int:
    """Run everything until a signal (return 0), or until a process fails or ends (return 1)."""
    logging.getLogger().addHandler(_Words())
    _signals.clear()
    # Signals that the shell ignores (nohup, a background job) stay ignored.
    wanted = [n for n in STOPPING if signal.getsignal(n) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, _stop) for number in wanted}
    try:
        _refuse_production(config)
        _require_free_ports(config)
        with _database(config) as server:
            _supervise(config, server)
    except Stopped:
        return 0
    except (DevError, embedded_postgres.EmbeddedPostgresError, migrate.MigrationError) as error:
        _say("portal", f"{error}")
        return 1
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return 0


_signals: set[int] = set()
"""The signals so far. Python drops what a handler raises while an object is being finalized."""


def _stop(number: int, frame: FrameType | None) -> None:
    _signals.add(number)
    # Only once: a second Ctrl-C must not interrupt the stopping.
    for wanted in STOPPING:
        signal.signal(wanted, signal.SIG_IGN)
    raise Stopped


# --- before the start -----------------------------------------------------------------------------


def _refuse_production(config: Config) -> None:
    if config.is_production:
        raise DevError(
            "portal dev is for development: it lets anybody sign in. In production run portal "
            "migrate once, then portal serve and portal worker."
        )


def _require_free_ports(config: Config) -> None:
    wanted = {
        "PORTAL_PORT": config.port,
        "PORTAL_IDP_PORT": config.idp_port,
        "PORTAL_RECEIVER_PORT": config.receiver_port,
    }
    if not config.uses_dev_provider:
        del wanted["PORTAL_IDP_PORT"]
    taken = [
        f"Port {port} is taken by {ports.holder(port) or 'another program'}. "
        f"Stop that one, or choose another port: {variable}={_next_free(port)} make run"
        for variable, port in wanted.items()
        if not ports.is_free(port)
    ]
    if taken:
        raise DevError("\n".join(taken))


def _next_free(port: int) -> int:
    return next((p for p in range(port + 10, min(port + 500, 65535)) if ports.is_free(p)), port)


@contextlib.contextmanager
def _database(config: Config) -> Iterator[EmbeddedPostgres | None]:
    """Run a migrated PostgreSQL inside the context; yield None if it is an external one."""
    server = embedded_postgres.start(config.data_dir) if config.uses_embedded_database else None
    try:
        if config.migration_database_url:
            _bring_up_to_date(config.migration_database_url)
        yield server
    finally:
        if server:
            server.stop()


def _bring_up_to_date(url: str) -> None:
    before, newest = migrate.current(url), migrations.head()
    if before != newest and not migrate.is_newer(before):
        _say("portal", f"Migrating the database from {before or 'nothing'} to {newest}.")
    migrate.upgrade(url)


def _seed_once(config: Config) -> bool:
    """Fill an empty database with demo data, in a separate process, which loads the application.

    Return whether the demo can live in it: the data is there, now or from before, and its times can
    be moved, which takes the owner of the tables.
    """
    import psycopg

    with psycopg.connect(libpq_url(config.database_url)) as connection:
        query = "SELECT bool_or(id = %s) FROM tenant"
        [has_demo] = connection.execute(query, [MAIN_TENANT]).fetchone() or [None]
    if has_demo is not None:
        return has_demo and config.migration_database_url is not None
    _say("portal", "Filling the empty database with two demo tenants.")
    seeding = subprocess.run(
        [sys.executable, "-m", "portal.ops.cli", "seed"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    _say("seed", (seeding.stdout + seeding.stderr).strip())
    if seeding.returncode != 0:
        raise DevError("The demo data could not be written; the reason is above.")
    return True


# --- while it runs --------------------------------------------------------------------------------


def _waves(config: Config, *, has_demo: bool) -> list[list[Child]]:
    """Return the processes in groups that start together.

    The processes that the first page needs start first, without competition for the machine.
    """
    first = [Child("web", "serve", (config.port, "/healthz"))]
    if config.uses_dev_provider:
        discovery = "/.well-known/openid-configuration"
        first.append(Child("idp", "provider", (config.idp_port, discovery)))
    receiver = Child("receiver", "receiver", (config.receiver_port, "/"))
    demo = [Child("demo", "seed", options=("--live",))] if has_demo else []
    return [first, [receiver, Child("worker", "worker")], demo]


def _supervise(config: Config, server: EmbeddedPostgres | None) -> None:
    has_demo = _seed_once(config)
    environ = os.environ | {"PYTHONUNBUFFERED": "1"}
    if _in_color():
        environ["FORCE_COLOR"] = "1"
    running: list[Child] = []
    try:
        with selectors.DefaultSelector() as selector:
            for wave in _waves(config, has_demo=has_demo):
                for child in wave:
                    running.append(child)  # before the start, so that it is always stopped
                    child.start(environ)
                    selector.register(child.output, selectors.EVENT_READ, child)
                _wait_for_answers(running, server, selector)
            _announce(config)
            while True:
                _attend(running, server, selector, seconds=1.0)
    finally:
        _stop_all(running)


def _wait_for_answers(
    running: list[Child], server: EmbeddedPostgres | None, selector: selectors.BaseSelector
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while silent := [child.name for child in running if not _answers(child)]:
        _attend(running, server, selector, seconds=0.03)
        if time.monotonic() > deadline:
            raise DevError(f"No answer from {', '.join(silent)} after {START_SECONDS:.0f} s.")


def _attend(
    running: list[Child],
    server: EmbeddedPostgres | None,
    selector: selectors.BaseSelector,
    seconds: float,
) -> None:
    """Print the output of the processes for some seconds.

    Raises DevError if one has ended, and Stopped if a signal has come.
    """
    if _signals:
        raise Stopped
    for key, _ in selector.select(timeout=seconds):
        if not _pass_on(key.data):
            selector.unregister(key.fileobj)
    _require_alive(running, server)


def _require_alive(children: list[Child], server: EmbeddedPostgres | None) -> None:
    for child in children:
        if (status := child.ended()) is not None:
            while _pass_on(child):  # its last output
                pass
            how = f"signal {-status}" if status < 0 else f"exit status {status}"
            raise DevError(f"{child.name} ended by itself ({how}); stopping the others.")
    if server and server.process.poll() is not None:
        log = server.data_dir / "postgres.log"
        raise DevError(f"PostgreSQL ended by itself; stopping the others. Its log is {log}.")


def _answers(child: Child) -> bool:
    if child.ready is None:
        return True
    if not child.answered:
        port, path = child.ready
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        with contextlib.suppress(OSError, HTTPException):
            connection.request("GET", path)
            child.answered = connection.getresponse().status < 500
        connection.close()
    return child.answered


def _pass_on(child: Child) -> bool:
    """Print the complete lines that the process wrote; tell whether there may be more."""
    try:
        chunk = os.read(child.output.fileno(), 65536)
    except BlockingIOError:
        return child.ended() is None
    *lines, child.rest = (child.rest + chunk).split(b"\n")
    if not chunk and child.rest:
        lines, child.rest = [child.rest], b""
    for line in lines:
        _say(child.name, line.decode(errors="replace"))
    return bool(chunk)


def _stop_all(children: list[Child]) -> None:
    """Send SIGTERM to all processes at once, then SIGKILL. PostgreSQL is stopped after them."""
    children = [child for child in children if child.process]
    for child in children:
        child.tell(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            if child.process:
                child.process.wait(max(0.1, deadline - time.monotonic()))
    for child in children:
        child.tell(signal.SIGKILL)  # including processes that it left in its group
        if child.process:
            child.process.wait()
            while _pass_on(child):
                pass
            child.output.close()


# --- what people see ------------------------------------------------------------------------------


def _in_color() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def _say(name: str, words: str) -> None:
    prefix = f"{name:>8} |"
    if _in_color():
        prefix = f"\033[{COLORS.get(name, '0')}m{prefix}\033[0m"
    with contextlib.suppress(OSError):  # the terminal may be closed
        for line in words.splitlines() or [""]:
            print(prefix, line, flush=True)


class _Words(logging.Handler):
    """Print the supervisor's own log messages in the format of the processes' output."""

    def emit(self, record: logging.LogRecord) -> None:
        _say("portal", self.format(record))


def _announce(config: Config) -> None:
    rows = [("Portal", config.base_url), ("API", f"{config.base_url}/api/v1/integration")]
    if config.uses_dev_provider:
        rows.append(("Identity provider", config.oidc_issuer))
    rows.append(("Webhook receiver", f"http://127.0.0.1:{config.receiver_port}"))
    rows.append(("Data", _short(str(config.data_dir))))
    lines = [f"{label:<18} {value}" for label, value in rows]
    if config.uses_dev_provider:
        lines += ["", "Sign in as (no password):"]
        lines += [f"  {email:<22} {what}" for email, what in ACCOUNTS]
    lines += ["", "Ctrl-C stops everything."]
    width = max(map(len, lines))
    box = [f"┌─{'─' * width}─┐", *(f"│ {line:<{width}} │" for line in lines), f"└─{'─' * width}─┘"]
    with contextlib.suppress(OSError):
        print("\n".join(["", *box, ""]), flush=True)


def _short(path: str) -> str:
    here = os.getcwd() + os.sep
    return path.removeprefix(here) if path.startswith(here) else path
