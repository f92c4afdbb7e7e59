"""Pages of the catalogue of event types: /event-types."""

from functools import partial
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.audit import pages as audit_pages
from portal.core.errors import NotFound
from portal.core.key_shape import shown
from portal.database.record import find
from portal.events.catalogue import event_types, examples
from portal.events.catalogue.openapi_import import import_types
from portal.events.catalogue.portal_types import PORTAL_TYPES
from portal.events.catalogue.table import TABLE
from portal.events.forms import EventTypeForm, ImportForm
from portal.events.models import EventType
from portal.events.schemas import EventTypeDocument
from portal.identity import people
from portal.identity.sessions.login import recent_sign_in_required
from portal.records import listing, verbs
from portal.records.audit import trail as audit
from portal.web import lists
from portal.web.drawing import facts
from portal.web.forms import as_seen

bp = Blueprint("event_types", __name__, url_prefix="/event-types")
FATES = {
    "created": "new",
    "updated": "changed",
    "unchanged": "as it is",
    "skipped": "left out",
}


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the tenant's own types; a tab beside them shows the portal's."""
    web.actor().require("event-types:read")
    if (better := lists.better_address(TABLE)) is not None:
        return better
    asked = lists.list_request(TABLE)
    page = listing.page(web.actor(), event_types.LISTING, asked.query)
    return lists.render(
        "event_types/index.html",
        "event_types/_listing.html",
        asked,
        page,
        offered={
            "created_by": lists.Offer(partial(people.makers, web.actor()), is_whole=False),
        },
        said=None if web.portal_request().wants_fragment else event_types.summary(web.actor()),
    )


@bp.get("/portal")
def own() -> ResponseReturnValue:
    """Show the types that the portal itself publishes; with `name`, only that one."""
    types = event_types.own_types(web.actor())
    name = request.args.get("name")
    if not name:
        return web.render("event_types/own.html", types=types)
    if name not in PORTAL_TYPES:
        raise NotFound(f"The portal publishes no {shown(name)}.")
    return web.render("event_types/own_type.html", type=PORTAL_TYPES[name])


@bp.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Describe an event type."""
    web.actor().require("event-types:write")
    form = EventTypeForm.of()
    if (command := form.command()) is not None:
        with form.catching():
            if (done := web.already_done(form)) is None:
                done = event_types.create(web.actor(), command).id
                web.note_done(form, done)
                web.toast("The event type is described.")
            return web.see_other(url_for("event_types.show", record_id=done))
    return web.render("event_types/new.html", form=form, status=form.answer_status)


@bp.get("/<record_id>")
def show(record_id: str) -> ResponseReturnValue:
    """Show one type: its description, its schema and an example."""
    web.actor().require("event-types:read")
    record = find(EventType, web.actor(), record_id, include_deleted=True)
    made = record.example is None
    example = examples.from_schema(record.json_schema) if made else record.example
    entries = audit_pages.lines(audit.history(web.actor(), record_id, limit=10))
    return web.render(
        "event_types/show.html",
        record=record,
        said=event_types.how_taken(record),
        example=example,
        made=made,
        unchecked=event_types.unchecked(record),
        entries=entries,
        others=facts.others("event_types/show.html", EventTypeDocument, record),
    )


@bp.route("/<record_id>/edit", methods=["GET", "POST"])
def edit(record_id: str) -> ResponseReturnValue:
    """Change the description of a type."""
    web.actor().require("event-types:write")
    record = find(EventType, web.actor(), record_id, lock=request.method == "POST")
    form = EventTypeForm.of(record)
    if (command := form.command(stored=record)) is not None:
        with form.catching():
            form.check_version(record)
            event_types.update(web.actor(), record, command)
            web.toast("The event type is saved.")
            return web.see_other(url_for("event_types.show", record_id=record_id))
    return web.render("event_types/edit.html", form=form, record=record, status=form.answer_status)


@bp.post("/<record_id>/delete")
@recent_sign_in_required
def delete(record_id: str) -> ResponseReturnValue:
    """Delete a type, if its version is still the one that the person saw."""
    web.actor().require("event-types:write")
    record = as_seen(EventType, record_id)
    event_types.delete(web.actor(), record)
    web.toast(
        f"{record.name} is out of the catalogue. Its events and subscriptions stay.",
        link=("Restore…", url_for("deleted.index")),
    )
    return web.see_other(url_for("event_types.index"))


@bp.post("/<record_id>/restore")
def restore(record_id: str) -> ResponseReturnValue:
    """Restore a deleted type."""
    web.actor().require("event-types:write")
    record = verbs.restore(web.actor(), EventType, record_id)
    web.toast(f"{record.name} is back in the catalogue.")
    return web.see_other(url_for("event_types.show", record_id=record_id))


@bp.route("/import", methods=["GET", "POST"])
def import_() -> ResponseReturnValue:
    """Import types from an OpenAPI document: preview them first, then import."""
    web.actor().require("event-types:write")
    form, found = ImportForm(), None
    if (command := form.command()) is not None:
        sure = request.form.get("sure") == "1"
        with form.catching():
            found = import_types(web.actor(), command.document, dry_run=not sure)
            if sure:
                done = sum(one.fate in ("created", "updated") for one in found)
                web.toast(f"{done} event types are imported.")
                return web.see_other(url_for("event_types.index"))
    return web.render("event_types/import.html", status=form.answer_status, **_plan(form, found))


def _plan(form: ImportForm, found: Any) -> dict[str, Any]:
    doing = [one for one in found or () if one.fate in ("created", "updated")]
    return {"form": form, "found": found, "doing": len(doing), "fates": FATES}
