"""Draw the fields of a record that its page does not place itself, so that none is forgotten."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from flask import current_app
from jinja2 import Environment

from portal.records.schemas import ENVELOPE, Document
from portal.web.drawing import cells
from portal.web.drawing.template_functions import pretty, web_link

COMMENT = re.compile(r"{#.*?#}", re.DOTALL)
FIELD = re.compile(r"(?<![\w.])record\.(\w+)")
PART = re.compile(r'{%-? *(?:extends|include|import|from) +"([^"]+)"')


def others(
    template: str, document: type[Document], record: object, besides: Collection[str] = ()
) -> list[tuple[str, object]]:
    """Return label and value of each field of the document that the template does not mention.

    The label is the field's title or its name in words. `besides` are fields that the page shows
    under another name. The envelope's fields are on every page, and the health begins it.
    """
    placed = mentioned(template) | ENVELOPE | {"health"} | set(besides)
    return [
        (field.title or name.replace("_", " ").capitalize(), _shown(getattr(record, name)))
        for name, field in document.model_fields.items()
        if name not in placed
    ]


def mentioned(template: str) -> frozenset[str]:
    """Return the fields of `record` that a template mentions."""
    known: dict[str, frozenset[str]] = current_app.extensions.setdefault("portal.facts", {})
    if template not in known:
        known[template] = _mentioned(current_app.jinja_env, template)
    return known[template]


def _mentioned(env: Environment, template: str) -> frozenset[str]:
    """Return each NAME of a `record.NAME` in a template and in all that it includes or imports.

    The text is searched: Jinja's parser would take seconds for the first page of a process.
    """
    assert env.loader is not None  # noqa: S101 - Flask sets it
    names, read, unread = set[str](), set[str](), {template}
    while unread:
        read |= unread
        texts = [COMMENT.sub("", env.loader.get_source(env, one)[0]) for one in unread]
        names.update(name for text in texts for name in FIELD.findall(text))
        unread = {part for text in texts for part in PART.findall(text)} - read
    return frozenset(names)


def _shown(value: Any) -> object:
    """Return a value as a page shows it. `description_list` only counts None."""
    if value is None or value in ([], {}):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return cells.time(value, "full")
    if isinstance(value, int | float):
        return cells.number(value)
    if isinstance(value, list):
        return cells.tags([str(item) for item in value])
    return pretty(value) if isinstance(value, dict) else web_link(value)
