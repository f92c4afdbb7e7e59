"""Draw the fields of a record that its page does not place itself, so that none is forgotten."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from flask import current_app
from jinja2 import Environment, meta, nodes

from portal.records.schemas import ENVELOPE, Document
from portal.web.drawing import cells
from portal.web.drawing.template_functions import pretty, web_link


def others(
    template: str, document: type[Document], record: object, besides: Collection[str] = ()
) -> list[tuple[str, object]]:
    """Return label and value of each field of the document that the template does not mention.

    The label is the field's title or its name in words. `besides` are fields that the page shows
    under another name. The envelope's fields are on every page, and the health begins it.
    """
    known: dict[str, frozenset[str]] = current_app.extensions.setdefault("portal.facts", {})
    if template not in known:
        known[template] = _mentioned(current_app.jinja_env, template)
    placed = known[template] | ENVELOPE | {"health"} | set(besides)
    return [
        (field.title or name.replace("_", " ").capitalize(), _drawn(getattr(record, name)))
        for name, field in document.model_fields.items()
        if name not in placed
    ]


def _mentioned(env: Environment, template: str) -> frozenset[str]:
    """Return each NAME of a `record.NAME` in a template or in a template that it includes."""
    assert env.loader is not None  # noqa: S101 - Flask sets it
    tree = env.parse(env.loader.get_source(env, template)[0])
    own = {
        node.attr
        for node in tree.find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name) and node.node.name == "record"
    }
    parts = [part for part in meta.find_referenced_templates(tree) if part]
    return frozenset(own.union(*(_mentioned(env, part) for part in parts)))


def _drawn(value: Any) -> object:
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
