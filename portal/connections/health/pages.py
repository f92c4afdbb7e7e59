"""Pages of connections, below /connectors/<id>: check, go back to older credentials, timeline.

Connectors' own pages know nothing of this module; it registers what they show of a connection.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Flask, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select

from portal import web
from portal.connections import requests
from portal.connections.health import judgement, panel, sentences, timeline, users
from portal.connectors import pages as connector_pages
from portal.connectors import service as connectors
from portal.connectors.models import CLOSED_HEALTH, Connector
from portal.connectors.schemas import ConnectorInput
from portal.core.errors import Invalid
from portal.database.actor import Actor
from portal.database.together import read_together
from portal.identity.sessions.login import recent_sign_in_required
from portal.records import health
from portal.records.health import Health
from portal.records.listing import moment_of, refused
from portal.web.drawing import ranges
from portal.web.drawing.template_functions import with_args

bp = Blueprint("connections", __name__, url_prefix="/connectors")


def init_app(app: Flask) -> None:
    """Register the pages, and what connectors' pages show of connections."""
    app.register_blueprint(bp)
    users.init_app(app)
    timeline.init_app(app)
    connector_pages.add_panel(app, show)
    connector_pages.explain(app, explained)
    app.jinja_env.globals["connector_health"] = _health
    app.jinja_env.globals["connector_users"] = lambda record: users.of(web.actor(), record).all


def show(record: Connector) -> Mapping[str, Any]:
    """Return what a connector's own page shows of its connection."""
    chart_range = ranges.range_in_address("30d")
    connection = panel.read(web.actor(), record, chart_range.in_days)
    return {
        "connection": connection,
        "range": chart_range.in_days,
        "series": panel.SERIES,
        "timeline": connection.timeline,
    }


def _health(record: Connector, is_open: bool) -> Health:
    """Return the health of a connector; for somebody to whom it is not open, only how it is."""
    found = health.of(record)
    if is_open:
        return found
    return Health(found.status, CLOSED_HEALTH["reason"] or "")


def explained(
    actor: Actor, records: Sequence[Connector], needing: Select[Any]
) -> tuple[Mapping[str, Any], int]:
    """Return a sentence, the standing and the health for each connector of a list, and how many
    connectors `needing` finds, in one statement."""
    ids = [one.id for one in records]
    found, number, now = requests.standings_and_count(actor, ids, needing)
    lines = {}
    for record in records:
        standing, is_open = found.get(record.id), record.is_open_to(actor)
        known = sentences.known_of(record, standing, now, is_open=is_open)
        said = sentences.say(known)
        lines[record.id] = (said, standing, judgement.of_sentence(known, said))
    return lines, number


# ---------------------------------------------------------------- check


@bp.post("/<record_id>/checks")
def check(record_id: str) -> ResponseReturnValue:
    """Ask for a check. Reuse one that is already queued or running."""
    web.actor().require(requests.WRITE)
    record = connectors.get(web.actor(), record_id)
    if requests.open_check(web.actor(), record.id) is None:
        requests.ask(web.actor(), record.id)
    if not web.portal_request().wants_fragment:
        return web.see_other(url_for("connectors.show", record_id=record.id))
    return _state(record)


@bp.get("/<record_id>/checks/latest")
def latest(record_id: str) -> ResponseReturnValue:
    """Show how the connection is now; for htmx, only the part that a check changes."""
    record = connectors.get(web.actor(), record_id, include_deleted=True)
    requests.check_open(web.actor(), record)
    return _state(record)


def _state(record: Connector) -> ResponseReturnValue:
    connection = panel.read(web.actor(), record)
    return web.render(
        "connections/state.html", "connections/_state.html", record=record, connection=connection
    )


@bp.post("/draft-checks")
def draft() -> ResponseReturnValue:
    """Check what is typed in the form of a connector. Nothing is stored."""
    web.actor().require(requests.WRITE)
    form = connector_pages.sent_form()
    found: dict[str, Any] = {"form": form, "report": None, "untyped": [], "bars": []}
    if (command := form.command()) is not None:
        found["untyped"] = untyped(command)
        if not found["untyped"]:
            report = requests.check_draft(web.actor(), command)
            tone, title = panel.headline(report)
            bars = panel.bars([asdict(step) for step in report.steps])
            found |= {"report": report, "bars": bars, "tone": tone, "title": title}
    return web.render(
        "connections/draft.html", "connections/_draft.html", status=form.answer_status, **found
    )


def untyped(command: ConnectorInput) -> list[str]:
    """Return the labels of what a draft needs for its check and does not have."""
    given = {name for name, value in command.credentials.items() if value is not None}
    draft = Connector(
        provider=command.provider,
        auth_type=command.auth_type,
        config=command.config,
        credential_fields=sorted(given),
    )
    return connectors.missing(draft)


# ---------------------------------------------------------------- credentials and timeline


@bp.post("/<record_id>/credential-restorations")
@recent_sign_in_required
def go_back(record_id: str) -> ResponseReturnValue:
    """Use an older version of the credentials again, and check it."""
    web.actor().require(requests.WRITE)
    connectors.get(web.actor(), record_id)
    text = request.form.get("version", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid.field("version", "Choose one of the versions.")
    requests.ask(web.actor(), record_id, restores_version=int(text))
    web.toast(f"Version {text} of the credentials is put back and checked.")
    return web.see_other(url_for("connectors.show", record_id=record_id))


@bp.get("/<record_id>/timeline")
def events(record_id: str) -> ResponseReturnValue:
    """Show what happened to a connector, the newest first."""
    actor = web.actor()
    record = connectors.get(actor, record_id, include_deleted=True)
    requests.check_open(actor, record)
    period = _period()
    asked = timeline.page_request(request.args.get("cursor"), period=period)
    rows = read_together(timeline.queries(actor, record, asked))
    newest, page = timeline.changes_and_page(record, asked, rows)
    stands = panel.stands_of(record)
    return web.render(
        "connections/timeline.html",
        record=record,
        timeline=page,
        change=timeline.change_before_failure(record, stands.standing, newest, stands.entered),
        next_url=page.next_cursor and with_args(cursor=page.next_cursor),
        first_url=with_args(cursor=None),
        period=period,
    )


def _period() -> timeline.Period | None:
    """Return the time that the address narrows the timeline to, as a bar of a chart does."""
    since, until = (moment_of(request.args, name) for name in ("since", "until"))
    if since is None or until is None:
        return None
    if until < timeline.EARLIEST:
        raise refused("until", "Give a time after 1970.")
    return timeline.Period(since, until)
