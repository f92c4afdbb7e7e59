"""Hold docstrings and descriptions to one form: they tell, and begin with no question word."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from tests import ROOT
from tests.cast import PREFIX

FOLDERS = ("portal", "devtools", "examples", "sdk", "tests")
LEFT_OUT = ("node_modules", "vendor", "build")
MODULES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if not set(LEFT_OUT) & set(path.parts)
)
QUESTION = re.compile(r"(What|How|Who|Whom|Whose|Whether|Why|When|Where|Which)\b")
TOLD = ("description", "summary")
# Sentences of the specification, word for word; a sentence of ours may follow.
SPECIFICATION = tuple(
    sentence
    for resource in json.loads((ROOT / "tests/rest/specification.json").read_text()).values()
    for sentence in resource["fields"].values()
)


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and text of each docstring, each text below a field, and each description."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) or (isinstance(node, ast.keyword) and node.arg in TOLD):
            yield from as_text(node.value)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in TOLD:
                    yield from as_text(value)


def as_text(node: ast.expr) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value.strip()


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_docstring_and_no_description_begins_with_a_question_word(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text[:80]}"
        for path in MODULES
        if path.is_relative_to(ROOT / folder)
        for line, text in texts(ast.parse(path.read_text()))
        if QUESTION.match(text) and not text.startswith(SPECIFICATION)
    ]
    assert found == []


def test_no_text_of_the_published_document_begins_with_a_question_word(app: Flask) -> None:
    document = app.test_client().get(f"{PREFIX}/openapi.json").json
    found = {text for text in told(document) if QUESTION.match(text)}
    assert sorted(text for text in found if not text.startswith(SPECIFICATION)) == []


def told(node: Any) -> Iterator[str]:
    """Yield each summary and description in a part of the document."""
    if isinstance(node, dict):
        yield from (node[name] for name in TOLD if isinstance(node.get(name), str))
        for each in node.values():
            yield from told(each)
    elif isinstance(node, list):
        for each in node:
            yield from told(each)
