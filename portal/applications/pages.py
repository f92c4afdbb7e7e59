"""Pages of applications: /applications."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, cast

from flask import Blueprint, Flask, current_app, request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.applications import health, service, states
from portal.applications.forms import ApplicationForm, StateForm
from portal.applications.models import Application
from portal.applications.schemas import ApplicationDocument, StateReason
from portal.applications.table import TABLE
from portal.audit import pages as audit_pages
from portal.database.actor import Actor
from portal.database.record import Record, find
from portal.identity import people
from portal.identity.sessions.login import recent_sign_in_required
from portal.overview.parts import Columns, OverviewPart, Source, Step
from portal.records import health as record_health
from portal.records import listing
from portal.web import lists
from portal.web.drawing import facts

bp = Blueprint("applications", __name__, url_prefix="/applications")


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a list: a record that belongs to an application."""

    record: Record
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """The section that another feature adds to an application's page."""

    title: str
    items: Sequence[Item]
    all_url: str
    new_url: str | None
    new_label: str
    empty: str
    stopped: str
    """The sentence about these records that is shown while the application is suspended or
    retired."""


PartSource = Callable[[Actor, Application], Part]
Verb = Callable[[Actor, str, StateReason], Application]


def show_on_application(app: Flask, source: PartSource) -> None:
    """Show a feature's records on the page of the application that they belong to."""
    app.extensions.setdefault("portal.application_parts", []).append(source)


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the list of applications; for htmx, only the rows."""
    if (better := lists.better_address(TABLE)) is not None:
        return better
    asked = lists.list_request(TABLE)
    page = listing.page(web.actor(), service.LISTING, asked.query)
    healths = record_health.of_all(page.items)
    return lists.render(
        "applications/index.html",
        "applications/_listing.html",
        asked,
        page,
        beside=healths,
        offered={
            "created_by": lists.Offer(partial(people.makers, web.actor()), is_whole=False),
        },
        tick=lists.is_live,
        said=health.of_page(list(healths.values())),
    )


@bp.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Register an application; its page then shows the next step."""
    web.actor().require("applications:write")
    form = ApplicationForm()
    form.offer(web.actor())
    if (command := form.command()) is not None:
        with form.catching():
            record_id = web.already_done(form)
            if record_id is None:
                record_id = service.create(web.actor(), command).id
                web.note_done(form, record_id)
            web.toast("The application is registered.")
            return web.see_other(url_for("applications.show", record_id=record_id, registered=1))
    return web.render(
        "applications/new.html", "forms/_sentence.html", form=form, status=form.answer_status
    )


@bp.get("/<record_id>")
def show(record_id: str) -> ResponseReturnValue:
    """Show one application with the records that belong to it."""
    record = service.get(web.actor(), record_id)
    sources = cast("list[PartSource]", current_app.extensions.get("portal.application_parts", []))
    parts = [source(web.actor(), record) for source in sources]
    others = facts.others("applications/show.html", ApplicationDocument, record)
    healths = record_health.of_all([item.record for part in parts for item in part.items])
    return web.render(
        "applications/show.html", record=record, parts=parts, healths=healths, others=others
    )


# ---------------------------------------------------------------- states


@bp.route("/<record_id>/suspend", methods=["GET", "POST"])
@recent_sign_in_required
def suspend(record_id: str) -> ResponseReturnValue:
    """Suspend an application for a while."""
    return _change_state(record_id, "suspend", states.suspend)


@bp.route("/<record_id>/retire", methods=["GET", "POST"])
@recent_sign_in_required
def retire(record_id: str) -> ResponseReturnValue:
    """Retire an application for good."""
    return _change_state(record_id, "retire", states.retire)


@bp.route("/<record_id>/reopen", methods=["GET", "POST"])
@recent_sign_in_required
def reopen(record_id: str) -> ResponseReturnValue:
    """Reopen a suspended or retired application."""
    return _change_state(record_id, "reopen", states.reopen)


def _change_state(record_id: str, verb: str, run: Verb) -> ResponseReturnValue:
    """Show the consequences first; change the state once a reason is given."""
    record = service.get(web.actor(), record_id)
    web.actor().require(f"applications:{verb}")
    form = StateForm()
    if (command := form.command()) is not None:
        with form.catching():
            changed = run(web.actor(), record_id, command)
            web.toast(f"{changed.display_name} is {changed.status}.")
            return web.see_other(url_for("applications.show", record_id=record_id))
    return web.render(
        "applications/state.html",
        form=form,
        record=record,
        verb=verb,
        status=form.answer_status,
    )


@bp.route("/<record_id>/edit", methods=["GET", "POST"])
def edit(record_id: str) -> ResponseReturnValue:
    """Change an application."""
    web.actor().require("applications:write")
    record = find(Application, web.actor(), record_id, lock=request.method == "POST")
    form = ApplicationForm(obj=record)
    form.offer(web.actor(), record)
    if (command := form.command(stored=record)) is not None:
        with form.catching():
            form.check_version(record)
            service.update(web.actor(), record, command)
            web.toast("The application is saved.")
            return web.see_other(url_for("applications.show", record_id=record_id))
    return web.render("applications/edit.html", form=form, record=record, status=form.answer_status)


@bp.get("/<record_id>/history")
def history(record_id: str) -> ResponseReturnValue:
    """Show the history of an application."""
    record = service.get(web.actor(), record_id)
    entries = audit_pages.of_record(record_id)
    return web.render("applications/history.html", record=record, entries=entries)


def ask_for_overview(actor: Actor) -> Columns:
    """Ask whether there is an application."""
    if not actor.can("applications:read"):
        return {}
    some = Application.seen_by(actor).with_only_columns(Application.id).limit(1)
    return {"some": some.scalar_subquery()}


def overview_part(actor: Actor, found: Mapping[str, Any], now: datetime) -> OverviewPart:
    """Return the first step of the first run."""
    if not found:
        return OverviewPart()
    step = Step(
        order=1,
        title="Register an application",
        text="Keys, connectors and webhooks belong to one.",
        url=url_for("applications.create"),
        action="Register an application",
        needs="applications:write",
        done=bool(found["some"]),
    )
    return OverviewPart(steps=[step], is_used=bool(found["some"]))


OVERVIEW = Source(overview_part, ask_for_overview)
