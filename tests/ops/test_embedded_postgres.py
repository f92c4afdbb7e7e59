"""The embedded PostgreSQL has one owner and no TCP port, and is never left running."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from portal.core import embedded_urls
from portal.core.config import libpq_url
from portal.ops import embedded_postgres


@pytest.fixture
def place(places: Callable[[], Path]) -> Path:
    return places()


OWNER = """
import sys, time
from pathlib import Path
from portal.ops import embedded_postgres
server = embedded_postgres.start(Path(sys.argv[1]), throwaway=True)
print(server.pid, flush=True)
{then}
"""


def hear_all_signals() -> None:
    """Undo what `&` and `nohup` do to a process: it ignores Ctrl-C, and the end of a terminal."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def own(data_dir: Path, then: str) -> "tuple[subprocess.Popen[str], int]":
    """Start another process that owns the server; return the process and the server's pid."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER.format(then=then), str(data_dir)],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=hear_all_signals,
    )
    assert owner.stdout is not None
    with owner.stdout:
        return owner, int(owner.stdout.readline())


def gone(pid: int, seconds: float = 30) -> bool:
    """Tell whether the process ends in time. A zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def who(url: str) -> tuple:
    with psycopg.connect(libpq_url(url)) as connection:
        query = "SELECT current_user::text, current_database()::text, inet_server_port()"
        return connection.execute(query).fetchone()


def test_roles_and_database_are_made_and_stay(place):
    with embedded_postgres.start(place / "var", throwaway=True) as server:
        assert who(server.owner_url) == ("portal_owner", "portal", None)
        assert who(server.app_url) == ("portal_app", "portal", None)
        with psycopg.connect(libpq_url(server.owner_url)) as connection:
            connection.execute("CREATE TABLE kept (id int)")
    with (
        embedded_postgres.start(place / "var", throwaway=True) as server,
        psycopg.connect(libpq_url(server.owner_url)) as connection,
    ):
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert not embedded_postgres.is_running(place / "var")


def test_only_its_user_may_enter(place):
    with embedded_postgres.start(place / "var", throwaway=True) as server:
        for path in (embedded_urls.socket_directory(place / "var"), place / "var" / "postgres"):
            assert path.stat().st_mode & 0o077 == 0
        listening = Path(f"/proc/{server.pid}/net/tcp").read_text()
        assert ":1538 00000000:0000 0A" not in listening  # 5432, listening


def test_a_second_owner_is_told_of_the_first(place):
    with embedded_postgres.start(place / "var", throwaway=True):
        assert embedded_postgres.is_running(place / "var")
        with pytest.raises(embedded_postgres.AlreadyRunning, match=f"process {os.getpid()}"):
            embedded_postgres.start(place / "var", throwaway=True)


def test_two_checkouts_side_by_side(place):
    first, second = place / "one" / "var", place / "two" / "var"
    with (
        embedded_postgres.start(first, throwaway=True) as one,
        embedded_postgres.start(second, throwaway=True) as two,
    ):
        assert one.app_url != two.app_url
        assert who(one.app_url) == who(two.app_url)


@pytest.mark.parametrize("name", ["a" * 60 + "/" + "b" * 60, 'my "data", here', "mine and yours"])
def test_a_path_that_no_socket_could_have(place, name: str):
    (place / name).mkdir(parents=True)
    data_dir = place / name / "var"
    with embedded_postgres.start(data_dir, throwaway=True) as server:
        assert who(server.app_url)[0] == "portal_app"
    if not (directory := embedded_urls.socket_directory(data_dir)).is_relative_to(place):
        directory.rmdir()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans on Linux alone")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_never_outlives_its_owner(place, number: signal.Signals):
    # Short sleeps: Python misses a signal that arrives just before a sleep begins.
    owner, server = own(place / "var", then="while True: time.sleep(0.1)")
    owner.send_signal(number)
    owner.wait()
    assert gone(server)
    with embedded_postgres.start(place / "var", throwaway=True) as again:  # recovers at once
        assert who(again.app_url)[0] == "portal_app"


def test_it_ends_with_an_owner_that_forgets_it(place):
    owner, server = own(place / "var", then="")
    assert owner.wait() == 0
    assert gone(server)


@contextmanager
def still_ending(place: Path) -> Iterator[None]:
    """Kill a server of which one process goes on for a second."""
    killed = embedded_postgres.start(place / "var", throwaway=True)
    with psycopg.connect(libpq_url(killed.superuser_url)) as connection:
        lingering = connection.info.backend_pid
        os.kill(lingering, signal.SIGSTOP)
        os.kill(killed.pid, signal.SIGKILL)
        killed.process.wait(30)
        killed.stop()
        threading.Timer(1, os.kill, (lingering, signal.SIGCONT)).start()
        yield


def test_it_waits_until_the_processes_of_a_killed_server_are_gone(place):
    with still_ending(place), embedded_postgres.start(place / "var", throwaway=True) as server:
        assert who(server.app_url)[0] == "portal_app"


def test_it_waits_for_them_whatever_they_write_before_they_end(place):
    ended, line = threading.Event(), b"FATAL:  terminating connection due to unexpected exit\n"

    def write() -> None:
        with (place / "var" / "postgres.log").open("ab") as log:
            while not ended.wait(0.001):
                log.write(line * 40)
                log.flush()

    with still_ending(place):
        writer = threading.Thread(target=write)
        writer.start()
        try:
            with embedded_postgres.start(place / "var", throwaway=True) as server:
                assert who(server.app_url)[0] == "portal_app"
        finally:
            ended.set()
            writer.join()


def test_a_pid_file_of_somebody_else_is_no_obstacle(place):
    with embedded_postgres.start(place / "var", throwaway=True):
        pass
    cluster = place / "var" / "postgres"
    (cluster / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster}\n")
    with embedded_postgres.start(place / "var", throwaway=True) as server:
        assert who(server.app_url)[0] == "portal_app"


def test_a_half_made_cluster_is_made_again(place):
    half = place / "var" / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with embedded_postgres.start(place / "var", throwaway=True) as server:
        assert who(server.app_url)[0] == "portal_app"


def test_a_server_that_cannot_start_says_why(place):
    with embedded_postgres.start(place / "var", throwaway=True):
        pass
    configuration = place / "var" / "postgres" / "postgresql.conf"
    configuration.write_text("no_such_setting = 1\n")
    with pytest.raises(embedded_postgres.EmbeddedPostgresError, match="no_such_setting"):
        embedded_postgres.start(place / "var", throwaway=True)
    assert not embedded_postgres.is_running(place / "var")


def test_a_socket_directory_of_somebody_else_is_refused(place):
    (place / "var").mkdir()
    (place / "var" / "socket").symlink_to(place)
    with pytest.raises(embedded_postgres.EmbeddedPostgresError, match="somebody else"):
        embedded_postgres.start(place / "var", throwaway=True)
