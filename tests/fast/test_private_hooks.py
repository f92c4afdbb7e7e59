"""The parts of libraries that are private and used all the same: named, there, and bounded.

A library may change them in any release. So each has an upper bound in pyproject.toml, and whoever
raises it reads the new release first.
"""

import inspect
import re
import tomllib
from importlib.metadata import version
from typing import Any

import jinja2.compiler
import markupsafe
import psycopg
import pytest
from packaging.requirements import Requirement
from sqlalchemy.sql.compiler import SQLCompiler

from tests import ROOT

HOOKS = [
    ("jinja2", jinja2.Template, "_get_default_module"),
    ("jinja2", jinja2.compiler.CodeGenerator, "_output_child_pre"),
    ("markupsafe", markupsafe, "_escape_inner"),
    ("psycopg", psycopg, "_preparing"),
    ("psycopg", psycopg.BaseConnection, "_prepared"),
    ("sqlalchemy", SQLCompiler, "_bind_processors"),
]
PUBLIC = {
    "_asdict", "_fields", "_replace",  # of named tuples
    "_get_current_object",  # documented by Werkzeug
}  # fmt: skip
USED = re.compile(r"import [^\n]*\b(_[a-z]\w+)|(?<!self)(?<!cls)(?<!os)\.(_[a-z]\w+)")
OURS = {  # of another object, but of a class here
    "_keys", "_say_what_is_not_set", "_say_what_is_stored", "_validated",
}  # fmt: skip


@pytest.mark.parametrize(("library", "owner", "name"), HOOKS)
def test_a_private_hook_is_there_and_its_library_is_bounded(
    library: str, owner: Any, name: str
) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    [bound] = [one for one in map(Requirement, declared) if one.name == library]
    assert hasattr(owner, name) or f"self.{name}" in inspect.getsource(owner)
    assert any(one.operator == "<" for one in bound.specifier), f"{library} has no upper bound"
    assert version(library) in bound.specifier


def test_no_other_private_part_of_a_library_is_used() -> None:
    texts = [path.read_text() for path in (ROOT / "portal").rglob("*.py")]
    used = {name for text in texts for found in USED.findall(text) for name in found if name}
    assert used - OURS - PUBLIC == {name for _, _, name in HOOKS}
