"""Show the health of records on pages: at the head of each, and where the next step is done."""

from typing import Any

from flask import Flask, url_for

from portal.records import health
from portal.records.health import Health
from portal.web.drawing.template_functions import can


def init_app(app: Flask) -> None:
    """Make the functions available to every template."""
    app.jinja_env.globals.update(health_of=health.of, next_url=next_url, number_of=health.counted)


def next_url(found: Health, record_id: str) -> str | None:
    """Return the address where the next step for a record is done; None if there is none, or the
    person may not do it."""
    if not found.page or (found.needs and not can(found.needs)):
        return None
    named: dict[str, Any] = {found.names: record_id}
    return url_for(found.page, **named)
