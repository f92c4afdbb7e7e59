"""Test that the documents name only what exists, and that the map in README is complete."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.ops import migrate
from tests import ROOT

DOCUMENTS = sorted(
    path
    for folder in (
        ROOT,
        ROOT / "docs",
        ROOT / "docs" / "decisions",
        ROOT / "portal/migrations/functions",
    )
    for path in folder.glob("*.md")
)
FOLDERS = ("portal", "devtools", "sdk", "tests", "examples", "docs", ".ci", ".github")
QUOTED = re.compile(r"`([^`\n]+)`")
NAME_IN_FILE = re.compile(r"`(\w+)` (?:in|of) `(portal/[\w/]+\.py)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
DOTTED = re.compile(r"portal(\.[A-Za-z_]\w*)+")
A_PATH = re.compile(rf"(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*")


def prose(path: Path) -> str:
    """Return the text of a document without its blocks of code."""
    return re.sub(r"(?ms)^```.*?^```", "", path.read_text())


def quoted(path: Path) -> Iterator[str]:
    yield from QUOTED.findall(prose(path))


def is_there(name: str) -> bool:
    """Tell whether a dotted name is a module, or something in a module."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_is_there(path):
    names = set(quoted(path))
    files = {name for name in names if A_PATH.fullmatch(name)}
    missing = {name for name in files if not (ROOT / name).exists()}
    missing |= {name for name in names if DOTTED.fullmatch(name) and not is_there(name)}
    links = {link for link in LINK.findall(prose(path)) if "://" not in link}
    missing |= {link for link in links if not (path.parent / link).exists()}
    assert not missing


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_name_is_in_the_file_that_a_document_says(path):
    missing = [
        (name, file)
        for name, file in NAME_IN_FILE.findall(prose(path))
        if not re.search(
            rf"(?m)^ *((async )?def |class )?{name}\b *[(:=\[]", (ROOT / file).read_text()
        )
    ]
    assert not missing


def test_the_documents_are_found():
    assert {"README.md", "architecture.md", "glossary.md"} <= {path.name for path in DOCUMENTS}


def test_the_map_in_readme_shows_every_room():
    [drawn] = re.findall(
        r"(?ms)^## A map of the code\n\n```\n(.*?)^```", (ROOT / "README.md").read_text()
    )
    assert set(folders_in(drawn)) == set(rooms())


def test_the_architecture_says_where_each_table_belongs():
    text = (ROOT / "docs" / "architecture.md").read_text()
    [listed] = re.findall(r"(?ms)^\| feature \| tables \|\n(.*?)^$", text)
    named = re.findall(r"`(\w+)`", listed)
    assert sorted(named) == sorted(migrate.all_models().tables)


def folders_in(drawn: str) -> Iterator[str]:
    """Yield the path of each folder in a drawing with two spaces of indentation per level."""
    way: list[str] = []
    for indent, name in re.findall(r"(?m)^( *)(\w+)/", drawn):
        way[len(indent) // 2 :] = [name]
        yield "/".join(way)


def rooms() -> Iterator[str]:
    """Yield every package, and each folder that contains packages, pages or documents."""
    yield from (
        "devtools",
        "sdk",
        "sdk/python",
        "tests",
        "examples",
        "docs",
        "portal/web/templates",
        "portal/web/static",
    )
    yield from ("portal/migrations/versions", "portal/providers/data")
    yield from ("sdk", "sdk/javascript")
    for top in ("portal", "devtools"):
        for package in (ROOT / top).rglob("__init__.py"):
            yield str(package.parent.relative_to(ROOT))


def test_no_room_is_crowded():
    """Count modules. A folder with more of them is to be divided."""
    for room in rooms():
        modules = [path for path in (ROOT / room).glob("*.py") if path.name != "__init__.py"]
        if room.startswith(("portal/", "devtools/")) and not room.endswith("/versions"):
            assert len(modules) <= 12, room
    top = [path for path in (ROOT / "portal").iterdir() if path.name[0] not in "_."]
    features = {path.parent.name for path in (ROOT / "portal").glob("*/feature.py")}
    others = {path.name for path in top} - (features - {"rest"})  # rest says what a feature is
    assert len(others - {"migrations"}) <= 12, "decision 0011 counts like this"


def test_docstrings_tell_and_do_not_ask():
    """Hold docstrings to a verb or a noun: a question in front makes a reader search for both."""
    asked = re.compile(r"(What|Who|Whose|Whether|How|Why|When|Which)\b")
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("portal", "devtools", "tests", "examples")
        for path in (ROOT / folder).rglob("*.py")
        if "versions" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node.value.value, str) and asked.match(node.value.value)
    ]
    assert found == []
