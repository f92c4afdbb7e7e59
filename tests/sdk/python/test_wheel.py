"""The wheel, installed alone, is small, quick to import and typed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests import ROOT

UV = str(Path(sys.executable).with_name("uv"))
IMPORT_MS = 150
SNIPPET = """
from typing import assert_type
from cpod_integration import AsyncClient, Client, Page, Pages, Secret, types

client = Client(base_url="https://portal.example", token=lambda: Secret("a"))
application = client.integration.applications.create({"display_name": "CRM"})
assert_type(application["slug"], str)
assert_type(client.integration.applications.list(limit=5), Pages[types.ApplicationDocument])
assert_type(client.integration.api_keys.create()["key"], Secret | None)
client.integration.applications.update(application, {"status": "draft"})
assert_type(client.integration.applications.list().first_page(), Page[types.ApplicationDocument])

async def names(client: AsyncClient) -> list[str]:
    return [each["display_name"] async for each in client.integration.applications.list()]
"""
WRONG = """
from cpod_integration import Client
client = Client(base_url="https://portal.example", token="a")
client.integration.applications.create({"display_nmae": "CRM"})
client.integration.applications.list(limti=1)
client.integration.applications.get("app_1")["nmae"]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    # Of a copy: what an earlier build left behind would be built again.
    source = shutil.copytree(
        ROOT / "sdk/python", place / "source",
        ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"),
    )  # fmt: skip
    run(UV, "build", "--wheel", "--out-dir", str(place), str(source))
    [built] = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path) -> Path:
    """Return the Python of an environment with only the wheel and what it needs."""
    environment = wheel.parent / "environment"
    run(UV, "venv", "--python", sys.executable, str(environment))
    run(UV, "pip", "install", "--python", str(environment / "bin/python"), str(wheel))
    return environment / "bin/python"


def run(*command: str) -> str:
    """Run a command outside the checkout, and return what it printed."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd="/", env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_wheel_has_all_of_the_package_and_nothing_else(wheel):
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = ROOT / "sdk/python/cpod_integration"
    files = {path for path in package.rglob("*") if path.suffix in (".py", ".typed")}
    assert names == {str(path.relative_to(package.parent)) for path in files}
    assert any(name.endswith("licenses/LICENSE") for name in ZipFile(wheel).namelist())


def test_it_brings_at_most_five_others(python):
    installed = run(UV, "pip", "list", "--python", str(python)).splitlines()[2:]
    assert len(installed) <= 6
    assert "cpod-integration" in "".join(installed)


def test_its_import_is_quick(python):
    """Compare processor time, the best of several: other work on the machine is not in it."""
    bare, ours = (
        min(float(run(str(python), "-c", CODE.format(code))) for _ in range(5))
        for code in ("pass", "import cpod_integration")
    )
    assert (ours - bare) * 1000 <= IMPORT_MS


CODE = "{}; import time; print(time.process_time())"


def test_its_import_leaves_out_asyncio(python):
    code = "import sys, cpod_integration; print('asyncio' in sys.modules, 'ssl' in sys.modules)"
    assert run(str(python), "-c", code).split() == ["False", "False"]


def test_both_clients_work_without_anything_else(python):
    code = "from cpod_integration import AsyncClient, Client, webhooks; print(Client, AsyncClient)"
    assert "AsyncClient" in run(str(python), "-W", "error", "-c", code)


def test_a_program_is_type_checked(python, tmp_path):
    checked = mypy(python, tmp_path / "right.py", SNIPPET)
    assert "Success" in checked.stdout, checked.stdout
    refused = mypy(python, tmp_path / "wrong.py", WRONG).stdout
    assert [int(line) for line in re.findall(r"wrong\.py:(\d+): error", refused)] == [4, 5, 6]


def mypy(python: Path, path: Path, text: str) -> subprocess.CompletedProcess[str]:
    path.write_text(text)
    checker = str(Path(sys.executable).with_name("mypy"))
    settings = ["--strict", "--config-file=", "--python-executable", str(python)]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [checker, *settings, str(path)], cwd=path.parent, env=environ, capture_output=True,
        text=True,
    )  # fmt: skip
