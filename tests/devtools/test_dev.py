"""`portal dev` as people use it: one command starts everything, one signal stops it all."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from portal_devtools import ports

from portal.ops import embedded_postgres
from tests.keeper import free_port
from tests.ops.test_embedded_postgres import gone, hear_all_signals
from tests.thorough import some

START_SECONDS = 90  # enough on a machine that also runs other tests


@pytest.fixture(scope="module")
def data_dir(places: Callable[[], Path]) -> Path:
    """Return a shared directory, so that only the first start creates and seeds a database."""
    return places() / "var"


@pytest.fixture
def settings(data_dir: Path) -> dict[str, str]:
    names = ("PORTAL_PORT", "PORTAL_IDP_PORT", "PORTAL_RECEIVER_PORT")
    return {name: str(free_port()) for name in names} | {"PORTAL_DATA_DIR": str(data_dir)}


class Dev:
    """A running `portal dev`, its output, and every process that it started."""

    def __init__(self, process: "subprocess.Popen[bytes]", output: Path) -> None:
        self.process, self.output = process, output
        self.family: set[int] = set()

    @property
    def said(self) -> str:
        return self.output.read_text()

    def wait_for(self, words: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while words not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)
        self.family = descendants(self.process.pid)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def portal_dev(settings: dict[str, str], output: Path) -> Iterator[Dev]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PORTAL_")} | settings
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.ops.cli", "dev"], env=environ, stdout=log, stderr=log,
            preexec_fn=hear_all_signals,
        )  # fmt: skip
    dev = Dev(process, output)
    try:
        yield dev
    finally:
        if process.poll() is None:
            dev.end(signal.SIGTERM)


@pytest.fixture
def start(settings: dict[str, str], tmp_path: Path) -> Iterator[Callable[[], Dev]]:
    with portal_dev(settings, tmp_path / "output") as dev:
        yield lambda: dev


def descendants(pid: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(path.parent.name))
    found, open_ends = set(), [pid]
    while open_ends:
        for child in children.get(open_ends.pop(), []):
            found.add(child)
            open_ends.append(child)
    return found


def named(dev: Dev, command: str) -> int:
    [pid] = [
        p
        for p in dev.family
        if Path(f"/proc/{p}/cmdline").read_bytes().split(b"\0")[-2:-1] == [command.encode()]
        and Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split()[1]
        == str(dev.process.pid)
    ]
    return pid


def get(port: str, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", int(port), timeout=20)
    try:
        connection.request("GET", path, headers={"Host": f"{host}:{port}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@linux_only
def test_everything_answers_says_who_speaks_and_ends_with_sigterm(settings, start, data_dir):
    dev = start()
    dev.wait_for("Ctrl-C stops everything.")
    assert get(settings["PORTAL_PORT"], "/readyz", "localhost") == (200, "ok\n")
    discovery = "/.well-known/openid-configuration"
    assert get(settings["PORTAL_IDP_PORT"], discovery)[0] == 200
    assert get(settings["PORTAL_RECEIVER_PORT"], "/")[0] == 200
    assert f"http://localhost:{settings['PORTAL_PORT']} " in dev.said
    assert "ada@acme.example" in dev.said
    assert embedded_postgres.is_running(data_dir)
    every_line_says_who_speaks(dev, settings["PORTAL_PORT"])
    family = dev.family
    assert len(family) > 8  # web and its worker, worker, provider, receiver, PostgreSQL's
    assert dev.end(signal.SIGTERM) == 0
    assert all(gone(pid) for pid in family)
    assert not embedded_postgres.is_running(data_dir)
    assert "Traceback" not in dev.said


def every_line_says_who_speaks(dev: Dev, port: str) -> None:
    get(port, "/applications?code=s3cr3t-code", "localhost")
    dev.wait_for("GET /applications")
    assert "s3cr3t-code" not in dev.said
    outside_the_box = [line for line in dev.said.splitlines() if line and line[0] not in "┌│└"]
    speaker = re.compile(r" *(portal|seed|web|worker|idp|receiver|demo) \|")
    assert [line for line in outside_the_box if not speaker.match(line)] == []


@linux_only
def test_nothing_outlives_a_supervisor_that_is_killed(start):
    dev = start()
    dev.wait_for("Ctrl-C stops everything.")
    dev.end(signal.SIGKILL)
    assert all(gone(pid) for pid in dev.family)


@linux_only
@pytest.mark.proof
@pytest.mark.parametrize("command", some(["worker", "serve"], 2))
def test_a_process_that_ends_is_named_and_ends_the_others(start, command: str):
    dev = start()
    dev.wait_for("Ctrl-C stops everything.")
    os.kill(named(dev, command), signal.SIGKILL)
    assert dev.process.wait(60) == 1
    name = {"serve": "web"}.get(command, command)
    assert f"{name} ended by itself (signal 9); stopping the others." in dev.said
    assert all(gone(pid) for pid in dev.family)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_stop_while_it_starts(start, number: signal.Signals):
    dev = start()
    deadline = time.monotonic() + START_SECONDS
    while not (Path(dev.output).parent.exists() and descendants(dev.process.pid)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    family = descendants(dev.process.pid)
    assert dev.end(number) == 0
    assert all(gone(pid) for pid in family)
    assert "Traceback" not in dev.said


@pytest.mark.proof(only=True)
def test_a_stop_while_a_process_is_being_forked(settings):
    stop = "os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))"
    program = f"import os, signal; {stop}; from portal.ops.cli import main; main(['dev'])"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PORTAL_")} | settings
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environ, check=False, timeout=110, capture_output=True)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr


@pytest.mark.proof
@pytest.mark.parametrize("variable", some(["PORTAL_RECEIVER_PORT", "PORTAL_PORT"], 2))
def test_a_taken_port_is_named_with_its_variable_and_holder(settings, tmp_path, variable):
    with (
        socket.create_server(("127.0.0.1", int(settings[variable]))),
        portal_dev(settings, tmp_path / "output") as dev,
    ):
        assert dev.process.wait(60) == 1
    assert f"Port {settings[variable]} is taken by" in dev.said
    assert f"{variable}=" in dev.said
    if sys.platform == "linux":
        assert f"(process {os.getpid()})" in dev.said
    assert "Traceback" not in dev.said


def test_it_is_for_development_only(tmp_path):
    from tests.core.test_config import PRODUCTION

    with portal_dev(PRODUCTION | {"PORTAL_DATA_DIR": str(tmp_path)}, tmp_path / "output") as dev:
        assert dev.process.wait(60) == 1
    assert "portal dev is for development" in dev.said


def test_one_data_directory_has_one_portal(settings, data_dir, tmp_path):
    data_dir.mkdir(exist_ok=True)
    with embedded_postgres.start(data_dir), portal_dev(settings, tmp_path / "output") as dev:
        assert dev.process.wait(60) == 1
    assert f"already in use by process {os.getpid()}" in dev.said
    assert "PORTAL_DATA_DIR" in dev.said


class TestPorts:
    def test_a_free_one_has_no_holder(self):
        port = free_port()
        assert ports.is_free(port)
        assert ports.holder(port) is None

    def test_a_taken_one_has(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            assert not ports.is_free(port)
            if sys.platform == "linux":
                assert f"(process {os.getpid()})" in str(ports.holder(port))

    def test_connections_that_linger_are_no_obstacle(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)):
                server.accept()[0].close()  # the server closes first, so its port is in TIME_WAIT
        assert ports.is_free(port)
