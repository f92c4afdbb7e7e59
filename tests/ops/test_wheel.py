"""The wheel, installed alone, can migrate a database and serve the portal."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
import requests

from tests import ROOT
from tests.bench.servers import free_port
from tests.databases import Database

UV = str(Path(sys.executable).with_name("uv"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of the wheel."""
    place = tmp_path_factory.mktemp("wheel")
    shutil.rmtree(ROOT / "build", ignore_errors=True)  # may have modules that are gone by now
    run(UV, "build", "--wheel", "--out-dir", str(place), str(ROOT))
    [wheel] = place.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def alone(wheel: Path) -> Path:
    """Return the `bin` of an environment with only the wheel and its dependencies."""
    environment = wheel.parent / "environment"
    run(UV, "venv", "--python", sys.executable, str(environment))
    install = [UV, "pip", "install", "--python", str(environment / "bin" / "python")]
    run(*install, "--require-hashes", "-r", str(ROOT / "requirements.txt"))
    run(*install, "--no-deps", str(wheel))
    return environment / "bin"


def run(*command: str, **settings: str) -> str:
    """Run a command outside the checkout, and return its output."""
    done = subprocess.run(
        command, cwd="/", env={**os.environ, **settings}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def settings(empty_database: Database, tmp_path: Path) -> dict[str, str]:
    port = str(free_port())
    return {
        "PORTAL_DATA_DIR": str(tmp_path / "var"),
        "PORTAL_DATABASE_URL": empty_database.app_url,
        "PORTAL_MIGRATION_DATABASE_URL": empty_database.owner_url,
        "PORTAL_PORT": port,
        "PORTAL_BASE_URL": f"http://localhost:{port}",
    }


@pytest.fixture
def address(alone: Path, settings: dict[str, str]) -> Iterator[str]:
    run(str(alone / "portal"), "migrate", **settings)
    server = subprocess.Popen(
        [alone / "portal", "serve"], cwd="/", env={**os.environ, **settings}, text=True
    )
    try:
        yield answering(settings["PORTAL_BASE_URL"], server)
    finally:
        server.terminate()
        server.wait(60)


def answering(address: str, server: subprocess.Popen[str]) -> str:
    """Return the address once the server responds at it."""
    while server.poll() is None:
        try:
            requests.get(f"{address}/healthz", timeout=30)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return address
    raise AssertionError(f"portal serve ended with {server.returncode}")


@pytest.mark.proof(only=True)
@pytest.mark.timeout(300)
def test_the_wheel_alone_migrates_and_serves(address: str):
    ready = requests.get(f"{address}/readyz", timeout=30)
    page = requests.get(f"{address}/auth/logged-out", timeout=30)
    [style] = re.findall(r'href="(/static/css/portal\.css[^"]*)"', page.text)
    document = requests.get(f"{address}/api/v1/integration/openapi.json", timeout=30)
    assert (ready.status_code, ready.text, page.status_code) == (200, "ok\n", 200)
    assert requests.get(address + style, timeout=30).status_code == 200
    assert document.json()["openapi"].startswith("3.1")


@pytest.mark.proof(only=True)
@pytest.mark.timeout(300)
def test_the_wheel_has_no_command_of_development(alone: Path):
    listed = run(str(alone / "portal"), "--help")
    assert "migrate" in listed
    assert not re.search(r"(?m)^  (dev|seed|token) ", listed)


def test_it_holds_the_whole_portal_and_nothing_else(wheel: Path) -> None:
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = (path for path in (ROOT / "portal").rglob("*") if path.is_file())
    others = (".pyc", ".md", ".gitkeep")
    ours = {str(path.relative_to(ROOT)) for path in files if not path.name.endswith(others)}
    assert held == ours
