"""Install npm packages for tests, once for each version of their lock file."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.machine import NPM

# A registry that drops a connection is asked again soon: a test has two minutes in all.
RETRIES = ("--fetch-retries=6", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=4000")


def installed(source: Path, *programs: str) -> Path:
    """Return a directory with the packages that `source` locks, and its programs.

    No script of a package is run.
    """
    files = ("package.json", "package-lock.json", *programs)
    digest = hashlib.sha256(b"".join((source / name).read_bytes() for name in files)).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = source.name.replace("_", "-")
    place = cache / "cpod-integration-portal" / f"{name}-{digest[:16]}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / ".complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            for each in files:
                shutil.copy(source / each, place)
            command = [*NPM, "ci", "--no-audit", "--no-fund", "--ignore-scripts", *RETRIES]
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=110)
            assert done.returncode == 0, done.stderr
            (place / ".complete").touch()
    return place
