"""The servers under load: granian, one process each, on one PostgreSQL."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from portal.front.application import SLOTS
from portal.ops.embedded_postgres import die_with_parent
from tests import ROOT

START_SECONDS = 90
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server: its port, its serving process `pid`, and the process that started it."""

    port: int
    pid: int
    parent: int = 0

    @property
    def memory_mb(self) -> float:
        """Return the memory of the serving process (resident set), in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def computed_by_all(*pids: int) -> float:
    """Return the processor seconds of processes and all their descendants, also of ended ones."""
    return sum(map(_computed_by, pids))


def _computed_by(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # it ended just now
    own = sum(map(int, fields[11:15])) / TICKS
    return own + computed_by_all(*map(int, children))


def serving(
    target: str, environment: Mapping[str, str], workers: int = 1, interface: str = "wsgi"
) -> contextlib.AbstractContextManager[Server]:
    """Serve an application (`module:name`) with granian inside the context.

    Every WSGI server has as many threads as the portal. RSGI has only its event loop.
    """
    port = free_port()
    command = ["granian", "--interface", interface, "--workers", str(workers), "--port", str(port)]
    threads = ["--blocking-threads", str(SLOTS)] if interface == "wsgi" else []
    command += [*threads, "--log-level", "error", target]
    return _running(command, environment, port)


def portal_serving(
    environment: Mapping[str, str], port: int = 0, workers: int = 1
) -> contextlib.AbstractContextManager[Server]:
    """Serve the portal with `portal serve` inside the context."""
    return _portal_running("portal.ops.cli", environment, port, workers)


def impatient_portal_serving(
    environment: Mapping[str, str],
) -> contextlib.AbstractContextManager[Server]:
    """Serve the portal inside the context, and cut who takes nothing after a few seconds."""
    return _portal_running("tests.front.impatient_portal", environment, 0, 1)


def _portal_running(
    program: str, environment: Mapping[str, str], port: int, workers: int
) -> contextlib.AbstractContextManager[Server]:
    port = port or free_port()
    own = {"PORTAL_PORT": str(port), "PORTAL_WEB_WORKERS": str(workers)}
    return _running([program, "serve"], {**environment, **own}, port)


@contextlib.contextmanager
def _running(command: list[str], environment: Mapping[str, str], port: int) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,  # it logs every request
        preexec_fn=die_with_parent(signal.SIGTERM),
    )
    try:
        _wait_for(port, process)
        yield Server(port, _worker_of(process.pid), process.pid)
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def free_port() -> int:
    """Return a port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"{process.args!r} did not answer in {START_SECONDS} s")


def _worker_of(pid: int) -> int:
    """Return granian's serving child process; its main process only supervises."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return max(map(int, children), key=lambda child: Server(0, child).memory_mb, default=pid)
