"""The resource in examples/contacts, added to a copy of this repository as README says, is whole.

There the linters judge it, the check at the start, the tests over everything, and its own tests.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from portal import migrations
from tests import ROOT

LONGEST = 400  # seconds; on a machine with nothing else to do, a fifth of it
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "var", "build", "dist", "node_modules", "bench-results", "*.egg-info",
    "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache",
)  # fmt: skip
BLOCK = re.compile(r"^## Add a resource$.*?^   ```sh\n(.*?)^   ```$", re.MULTILINE | re.DOTALL)
# Its own tests, those over every resource as far as they name it, and those over everything.
SELECTED = (
    "supplier or test_every_route or test_tenancy or test_declarations or shows_every_room"
    " or where_the_models_are or searching_everything or what_is_committed"
)
FILES = {
    "tests/database/test_tenancy.py",
    "tests/migrations/test_migrations.py",
    "tests/ops/test_housekeeping.py",
    "tests/records/test_free_text.py",
    "tests/records/test_purge.py",
    "tests/rest/test_declarations.py",
    "tests/sdk/python/test_generated.py",
    "tests/suppliers/test_pages.py",
    "tests/suppliers/test_suppliers.py",
    "tests/test_documents.py",
    "tests/test_every_resource.py",
    "tests/test_every_route.py",
    "tests/web/test_every_page.py",
    "tests/web/test_finding.py",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the repository with the example in it, called as in README."""
    place = tmp_path_factory.mktemp("added") / "portal"
    shutil.copytree(ROOT, place, ignore=NOT_COPIED)
    found = BLOCK.search((ROOT / "README.md").read_text())
    assert found, "README says how in a block of sh"
    run(place, "sh", "-ec", found[1])
    number = f"{int(migrations.head() or 0) + 1:04d}"
    [draft] = (place / "portal/migrations/versions").glob("NNNN_*.py")
    text = draft.read_text().replace("NNNN", number)
    draft.rename(draft.with_name(f"{number}_suppliers.py")).write_text(text)
    run(place, tool("ruff"), "check", "--fix", "--exit-zero")  # as `make format`
    run(place, tool("ruff"), "format")
    run(place, sys.executable, "-m", "portal_devtools.python_sdk")  # as `make sdk`
    return place


def run(place: Path, *command: str) -> str:
    """Run a command in the copy, whose code comes before the installed one; return its output.

    As in CI, a skipped test is a failed one.
    """
    ours = ("PORTAL_", "PYTEST_", "CPOD_", "GIT_")
    rest = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    own = {"PYTHONPATH": f"{place}{os.pathsep}{place / 'devtools'}", "CI": "true"}
    done = subprocess.run(
        command, cwd=place, env=rest | own, capture_output=True, text=True, timeout=LONGEST
    )
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def test_its_style_and_its_templates_are_ours(place: Path) -> None:
    run(place, tool("ruff"), "check")
    run(place, tool("djlint"), "portal/web/templates/suppliers", "--lint", "--quiet")


def test_its_imports_point_one_way(place: Path) -> None:
    run(place, tool("lint-imports"), "--no-cache")


@pytest.mark.proof(only=True)
@pytest.mark.timeout(LONGEST)
def test_its_types_hold(place: Path) -> None:
    run(place, tool("mypy"), "-p", "portal.suppliers")


@pytest.mark.proof(only=True)
@pytest.mark.timeout(LONGEST)
def test_it_keeps_what_every_resource_promises(place: Path) -> None:
    told = run(place, tool("pytest"), "-v", "-p", "no:cacheprovider", "-k", SELECTED, *FILES)
    passed = set(re.findall(r"^(\S+?)::.* PASSED", told, re.MULTILINE))
    assert passed == FILES, "of the others, no test was selected"
