"""Pages of events: /events, with the published events, their matches, and publishing by hand."""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from flask import Blueprint, Flask, request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.core.errors import BadRequest, NotFound
from portal.database.actor import Actor
from portal.database.session import database_now
from portal.events import service, settings
from portal.events.catalogue import examples, pages
from portal.events.forms import ErasureForm, EventForm, SettingsForm
from portal.events.listeners import Match
from portal.events.models import Event
from portal.events.publishing.publication import Accepted
from portal.events.schemas import Erasure
from portal.events.table import TABLE
from portal.identity.sessions.login import recent_sign_in_required
from portal.records.health import clock, counted
from portal.records.listing import Clause, Query
from portal.rest.findable import Find, SearchQuery
from portal.web import lists

bp = Blueprint("events", __name__, url_prefix="/events")
AN_ID = re.compile(r"evt_[0-9A-HJKMNP-TV-Z]{26}")
FEW_FOUND = 3


def init_app(app: Flask) -> None:
    """Register the pages of events and of their catalogue."""
    app.register_blueprint(bp)
    app.register_blueprint(pages.bp)


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the published events, newest first."""
    if (better := lists.better_address(TABLE)) is not None:
        return better
    asked = lists.list_request(TABLE)
    page = service.find_page(web.actor(), _question(asked.query))
    said = None if web.portal_request().wants_fragment else service.today(web.actor())
    return lists.render("events/index.html", "events/_listing.html", asked, page, said=said)


def _question(query: Query) -> Query:
    """Return the query with its words as the filter that they mean: an event id or a subject."""
    words = query.q.strip()
    if not words:
        return query
    name = "id" if AN_ID.fullmatch(words) else "subject"
    also = query.filters.get(name)
    clauses = query.clauses if also is None else (*query.clauses, Clause(name, name, "is", also))
    return replace(query, q="", filters={**query.filters, name: words}, clauses=clauses)


# ---------------------------------------------------------------- found by the search


def find_published(actor: Actor, asked: SearchQuery) -> list[Find]:
    """Return the newest events of a type, or with a subject or a publisher's id."""
    found = [_line(event) for event in asked.once(actor, service.newest_named)[:FEW_FOUND]]
    if found and found[0].title == asked.text:
        url = url_for("events.index", type=asked.text)
        found.append(Find(f"All events of {asked.text}", url, icon="bolt"))
    return found


def find_event(actor: Actor, event_id: str) -> Find | None:
    """Return the line of one event, if the actor may see it."""
    try:
        return _line(service.get(actor, event_id))
    except NotFound:
        return None


def _line(event: Event) -> Find:
    url = url_for("events.show", record_id=event.id)
    return Find(event.type, url, "Event", "bolt", event.subject or "", None, event.received_at)


@bp.get("/<record_id>")
def show(record_id: str) -> ResponseReturnValue:
    """Show one event, and for every webhook whether it matched and why."""
    event = service.get(web.actor(), record_id)
    matches = service.matches(web.actor(), event)
    hidden = settings.hidden_from(web.actor())
    return web.render(
        "events/show.html",
        event=event,
        said=_received(event, matches),
        data=settings.redact_data(event.data, hidden),
        is_redacted=bool(hidden),
        matches=sorted(matches, key=lambda match: (not match.matched, match.name.lower())),
        most=service.EXPLAINED,
    )


def _received(event: Event, matches: Collection[Match]) -> str:
    matched = sum(match.matched for match in matches)
    first = "the first " if len(matches) >= service.EXPLAINED else ""
    of = f"{first}{counted(len(matches), 'webhook')}"
    which = f"; {matched:,} of {of} would match it now" if matches else ""
    return f"Published at {clock(event.received_at, database_now())}{which}."


@bp.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Publish one event by hand."""
    web.actor().require("events:publish")
    wanted = request.args.get("type", "")[:128]
    form = EventForm(data=_suggested(wanted) if request.method == "GET" else None)
    if (command := form.command()) is not None:
        with form.catching():
            if (done := web.already_done(form)) is None:
                [accepted] = service.publish(web.actor(), [command])
                web.note_done(form, done := accepted.id)
                _say(accepted)
            return web.see_other(url_for("events.show", record_id=done))
    names = examples.names(web.actor())
    return web.render(
        "events/new.html",
        "events/_new.html",
        form=form,
        names=names,
        choices=[("", "no type"), *((name, name) for name in names)],
        status=form.answer_status,
    )


def _suggested(name: str) -> dict[str, Any]:
    if not name:
        return {"data": dict(examples.PLAIN)}
    return {"type": name, "data": examples.of_type(web.actor(), name)}


def _say(accepted: Accepted) -> None:
    if accepted.duplicate:
        web.toast("An event with this id was published before; nothing was done now.", "warn")
    elif accepted.deliveries:
        many = "1 webhook" if accepted.deliveries == 1 else f"{accepted.deliveries} webhooks"
        web.toast(f"The event is published and goes to {many}.")
    else:
        web.toast("The event is published. No webhook wants it.", "warn")


@bp.post("/erasures")
def erase() -> ResponseReturnValue:
    """Show how many events a subject has; erase them once its name was typed to confirm."""
    web.actor().require("events:publish")
    web.actor().require("webhooks:write")
    form = ErasureForm()
    command = form.command()
    if command is None or "confirm" not in request.form:
        kept = service.kept_of(web.actor(), command.subject) if command else None
        return _settings_page(_stored_settings(), form, kept)
    if request.form["confirm"].strip() != command.subject:
        raise BadRequest("Type the subject as it is written, then everything of it is erased.")
    return _erase(command)


@recent_sign_in_required
def _erase(command: Erasure) -> ResponseReturnValue:
    erased = service.erase(web.actor(), command.subject)
    done = "1 event is erased" if erased.events == 1 else f"{erased.events:,} events are erased"
    if erased.more:
        web.toast(f"{done}, and there are more: erase again.", "warn")
    else:
        web.toast(f"{done}, none is left.")
    return web.see_other(url_for("events.change_settings"))


@bp.route("/settings", methods=["GET", "POST"])
def change_settings() -> ResponseReturnValue:
    """Show and change the retention and hidden fields, with the form to erase a subject."""
    web.actor().require("events:read")
    form = _stored_settings()
    if request.method == "POST":
        web.actor().require("webhooks:write")
    if (command := form.command()) is not None:
        with form.catching():
            form.check_values(settings.of(web.actor().tenant_id, is_locked=True))
            settings.change(web.actor(), command)
            web.toast("The settings are saved.")
            return web.see_other(url_for("events.change_settings"))
    return _settings_page(form, ErasureForm(formdata=None))


def _stored_settings() -> SettingsForm:
    stored = settings.of(web.actor().tenant_id)
    form = SettingsForm(obj=stored)
    form.note_values(stored)
    return form


def _settings_page(
    form: SettingsForm, erasure: ErasureForm, kept: service.Kept | None = None
) -> ResponseReturnValue:
    return web.render(
        "events/settings.html",
        form=form,
        erasure=erasure,
        kept=kept,
        status=max(form.answer_status, erasure.answer_status),
    )
