"""The resource in examples/contacts, added to a copy of this repository as README says, is whole.

There the linters judge it, the check at the start, its own tests and all that run over everything.
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

LONGEST = 1500  # seconds; on a machine with nothing else to do, a sixth of it
# A name that nobody gives a resource: a copy that has a `supplier` already has its tests, too.
NAMES = {"supplier": "quokka", "Supplier": "Quokka", "spl": "qkk"}
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "var", "build", "dist", "node_modules", "bench-results", "*.egg-info",
    "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache",
)  # fmt: skip
BLOCK = re.compile(r"^## Add a resource$.*?^   ```sh\n(.*?)^   ```$", re.MULTILINE | re.DOTALL)
# A test over everything that is declared names one of these.
DECLARED = re.compile(r"\b(RESOURCES|OPERATIONS|FEATURES|QUOTAS|ALL_SCOPES|url_map)\b")
# These see a resource by what it leads to: its table, its operations, its texts, its templates.
BY_EFFECT = {
    "tests/database/test_tenancy.py",
    "tests/migrations/test_migrations.py",
    "tests/rest/test_committed_document.py",
    "tests/rest/test_document_words.py",
    "tests/rest/test_linters.py",
    "tests/rest/test_openapi.py",
    "tests/test_documents.py",
    "tests/test_plain_words.py",
    "tests/web/test_first_sentence.py",
    "tests/web/test_markup.py",
}
# These measure at a size that takes minutes, or look at the resources of the specification alone.
LEFT_OUT = re.compile(r"scale|tests/(bench|devtools)/|javascript/test_specification")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the repository with the example in it, called as in README."""
    place = tmp_path_factory.mktemp("added") / "portal"
    shutil.copytree(ROOT, place, ignore=NOT_COPIED)
    found = BLOCK.search((ROOT / "README.md").read_text())
    assert found, "README says how in a block of sh"
    run(place, "sh", "-ec", re.sub("|".join(NAMES), lambda name: NAMES[name[0]], found[1]))
    number = f"{int(migrations.head() or 0) + 1:04d}"
    [draft] = (place / "portal/migrations/versions").glob("NNNN_*.py")
    text = draft.read_text().replace("NNNN", number)
    draft.rename(draft.with_name(f"{number}_quokkas.py")).write_text(text)
    run(place, tool("ruff"), "check", "--fix", "--exit-zero")  # as `make format`
    run(place, tool("ruff"), "format")
    return place


@pytest.fixture(scope="module")
def finished(place: Path) -> Path:
    """Return the copy with its examples recorded, its document written and its SDKs made."""
    tried(place, "tests/rest/examples", RECORD_EXAMPLES="1")
    for made in ("document", "python_sdk", "javascript_sdk"):  # as `make document`, `make sdk`
        run(place, sys.executable, "-m", f"portal_devtools.{made}")
    return place


def over_everything(place: Path) -> set[str]:
    """Return the files with tests that a new resource may break."""
    files = {str(path.relative_to(place)): path for path in (place / "tests").rglob("test_*.py")}
    walking = {name for name, path in files.items() if DECLARED.search(path.read_text())}
    return {name for name in walking | BY_EFFECT if not LEFT_OUT.search(name)}


def run(place: Path, *command: str, **variables: str) -> str:
    """Run a command in the copy, whose code comes before the installed one; return its output.

    As in CI, a skipped test is a failed one. In a proof, tests are tried no more often than else.
    """
    ours = ("PORTAL_", "PYTEST_", "PROOF_", "CPOD_", "GIT_")
    rest = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    own = {"PYTHONPATH": f"{place}{os.pathsep}{place / 'devtools'}", "CI": "true"}
    done = subprocess.run(
        command,
        cwd=place,
        env=rest | own | variables,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def tried(place: Path, *chosen: str, **variables: str) -> str:
    """Run tests in the copy; return a line about each."""
    return run(place, tool("pytest"), "-v", "-p", "no:cacheprovider", *chosen, **variables)


def tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def test_its_style_and_its_templates_are_ours(place: Path) -> None:
    run(place, tool("ruff"), "check")
    run(place, tool("djlint"), "portal/web/templates/quokkas", "--lint", "--quiet")


def test_its_imports_point_one_way(place: Path) -> None:
    run(place, tool("lint-imports"), "--no-cache")


@pytest.mark.proof(only=True)
@pytest.mark.timeout(LONGEST)
def test_its_types_hold(place: Path) -> None:
    run(place, tool("mypy"), "-p", "portal.quokkas")


@pytest.mark.proof(only=True)
@pytest.mark.timeout(LONGEST)
def test_it_keeps_what_every_resource_promises(finished: Path) -> None:
    chosen = over_everything(finished)
    assert len(chosen) > 40
    told = tried(finished, "-n", "auto", "tests/quokkas", *sorted(chosen))
    passed = set(re.findall(r"PASSED (\S+?)::", told))
    assert passed >= chosen | {"tests/quokkas/test_pages.py", "tests/quokkas/test_quokkas.py"}
