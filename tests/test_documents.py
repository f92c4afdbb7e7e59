"""Hold the documents to what is there, and the map in README to all of it."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.migrate import ROOT

DOCUMENTS = sorted(
    path
    for folder in (ROOT, ROOT / "docs", ROOT / "docs" / "decisions", ROOT / "migrations/functions")
    for path in folder.glob("*.md")
)
FOLDERS = ("portal", "tests", "migrations", "templates", "static", "docs", ".ci", ".github")
QUOTED = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
DOTTED = re.compile(r"portal(\.[A-Za-z_]\w*)+")
A_PATH = re.compile(rf"(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*")


def prose(path: Path) -> str:
    """Return the text without blocks of code."""
    return re.sub(r"(?ms)^```.*?^```", "", path.read_text())


def quoted(path: Path) -> Iterator[str]:
    yield from QUOTED.findall(prose(path))


def is_there(name: str) -> bool:
    """Tell whether a dotted name is a module, or something in one."""
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


def test_the_documents_are_found():
    assert {"README.md", "architecture.md", "glossary.md"} <= {path.name for path in DOCUMENTS}


def test_the_map_in_readme_names_every_module_of_the_portal():
    [drawn] = re.findall(
        r"(?ms)^## A map of the code\n\n```\n(.*?)^```", (ROOT / "README.md").read_text()
    )
    [inside] = re.findall(r"(?ms)^portal/(.*?)^templates/", drawn)
    named = set(re.findall(r"\b(\w+)(?:\.py|/)", inside))
    there = {
        path.stem
        for path in (ROOT / "portal").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    in_features = {"models", "schemas", "service", "resource", "pages"}
    assert there <= named
    assert named <= there | in_features
