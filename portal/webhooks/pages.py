"""Pages of webhooks: /webhooks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Blueprint, Flask, current_app, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, case, or_

from portal import web
from portal.applications import service as applications
from portal.applications.models import Application
from portal.applications.pages import Item, Part, show_on_application
from portal.audit import pages as audit_pages
from portal.connections.health import users
from portal.connectors import service as connectors
from portal.connectors.models import Connector
from portal.connectors.pages import offer_webhooks
from portal.database.actor import Actor
from portal.database.record import find
from portal.identity import people
from portal.identity.sessions.login import recent_sign_in_required
from portal.records import health as record_health
from portal.records import listing
from portal.records.verbs import Revealed
from portal.web import lists
from portal.web.drawing import facts
from portal.web.forms import CommandForm, as_seen
from portal.webhooks import service
from portal.webhooks.forms import ButtonForm, WebhookForm
from portal.webhooks.models import Webhook
from portal.webhooks.schemas import WebhookDocument, WebhookInput
from portal.webhooks.signing import receiver_code
from portal.webhooks.table import TABLE, Beside

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")
SHOWN_OTHERWISE = (
    "inbound_url", "inbound_scheme", "inbound_options", "is_active",
)  # fmt: skip
SHOWN_LANGUAGES = ("python", "javascript")  # beside a new secret
SHOWN = 5  # webhooks on an application's page and on the overview


@dataclass(frozen=True, slots=True)
class DirectionPages:
    """The page functions of one direction of webhooks: show it, edit it, reveal its new secret."""

    show: Callable[[Webhook], ResponseReturnValue]
    form: Callable[[Webhook], CommandForm[WebhookInput]]
    reveal: Callable[[Revealed[Webhook]], ResponseReturnValue]


Panel = Callable[[Webhook], Mapping[str, Any]]


def init_app(app: Flask) -> None:
    """Register the pages, and the list of webhooks on an application's page."""
    app.register_blueprint(bp)
    add_direction(app, "outbound", DirectionPages(_show, _form, _shown_once))
    show_on_application(app, part)
    offer_webhooks(app, service.choices)
    users.add_source(app, naming)


def add_direction(app: Flask, direction: str, pages: DirectionPages) -> None:
    """Register the page functions for one direction of webhooks."""
    app.extensions.setdefault("portal.webhook_directions", {})[direction] = pages


def add_panel(app: Flask, panel: Panel) -> None:
    """Register a function that returns the template variables of a panel on a webhook's page."""
    app.extensions.setdefault("portal.webhook_panels", []).append(panel)


def _pages_of(record: Webhook) -> DirectionPages:
    found: DirectionPages = current_app.extensions["portal.webhook_directions"][record.direction]
    return found


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the list of webhooks; for htmx, only the listing."""
    web.actor().require("webhooks:read")
    if (better := lists.better_address(TABLE)) is not None:
        return better
    asked = lists.list_request(TABLE)
    page = listing.page(web.actor(), service.LISTING, asked.query)
    # Before the health, which reads the status of each record's application.
    owners = applications.of(
        web.actor(), {record.application_id for record in page.items if record.application_id}
    )
    return lists.render(
        "webhooks/index.html",
        "webhooks/_listing.html",
        asked,
        page,
        beside=Beside(record_health.of_all(page.items), owners, _outcome),
        tick=lists.is_live,
        offered={
            "application_id": lists.Offer(partial(applications.choices, web.actor())),
            "connector_id": lists.Offer(partial(connectors.choices, web.actor())),
            "created_by": lists.Offer(partial(people.makers, web.actor()), is_whole=False),
        },
    )


def _outcome(word: str) -> tuple[str, str]:
    """Return the tone and the words for the outcome of a delivery, which `delivery` knows."""
    known: Mapping[str, Any] = current_app.jinja_env.globals
    return known["outcome_tone"](word), known["outcome_text"](word)


@bp.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Create a webhook; the response itself shows its signing secret, only this once."""
    web.actor().require("webhooks:write")
    form = _with_choices(WebhookForm.of(application_id=request.args.get("application_id")))
    if (command := form.command()) is not None:
        with form.catching():
            if (done := web.already_done(form)) is not None:
                return _revealed(service.get(web.actor(), done, include_deleted=True), None)
            made = service.create(web.actor(), command)
            web.note_done(form, made.record.id)
            return _shown_once(made)
    return web.render(
        "webhooks/new.html", "forms/_sentence.html", form=form, status=form.answer_status
    )


def _shown_once(made: Revealed[Webhook]) -> ResponseReturnValue:
    return _revealed(made.record, made)


def _revealed(record: Webhook, made: Revealed[Webhook] | None) -> ResponseReturnValue:
    """Show the page with the new secret, or, if the form was sent twice, the same page without
    it."""
    secret = made.once.get("signing_secret") if made else None
    is_standard = record.signature_scheme == "standard-webhooks"
    snippets = [receiver_code.BY_NAME[name] for name in SHOWN_LANGUAGES] if is_standard else []
    return web.render("webhooks/revealed.html", record=record, secret=secret, snippets=snippets)


def _form(record: Webhook) -> WebhookForm:
    return _with_choices(WebhookForm.of(record))


def _with_choices(form: WebhookForm) -> WebhookForm:
    none = [("", "None")]
    form.application_id.offer(
        none + applications.extendable_choices(web.actor(), also=[form.application_id.data])
    )
    form.connector_id.offer(none + connectors.choices(web.actor(), also=[form.connector_id.data]))
    return form


@bp.get("/<record_id>")
def show(record_id: str) -> ResponseReturnValue:
    """Show one webhook: its settings, and the panels that test it."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    return _pages_of(record).show(record)


def _show(record: Webhook) -> ResponseReturnValue:
    panels = current_app.extensions.get("portal.webhook_panels", ())
    return web.render(
        "webhooks/show.html",
        record=record,
        rotation=ButtonForm(),
        others=facts.others("webhooks/show.html", WebhookDocument, record, SHOWN_OTHERWISE),
        application=applications.names(web.actor(), _known(record.application_id)),
        connector=connectors.names(web.actor(), _known(record.connector_id)),
        **{name: value for panel in panels for name, value in panel(record).items()},
    )


def _known(record_id: str | None) -> set[str]:
    return {record_id} if record_id else set()


@bp.route("/<record_id>/edit", methods=["GET", "POST"])
def edit(record_id: str) -> ResponseReturnValue:
    """Change a webhook."""
    web.actor().require("webhooks:write")
    record = find(Webhook, web.actor(), record_id, lock=request.method == "POST")
    form = _pages_of(record).form(record)
    if (command := form.command(stored=record)) is not None:
        with form.catching():
            form.check_version(record)
            service.update(web.actor(), record, command)
            web.toast("The webhook is saved.")
            return web.see_other(url_for("webhooks.show", record_id=record_id))
    return web.render("webhooks/edit.html", form=form, record=record, status=form.answer_status)


@bp.post("/<record_id>/switch")
def switch(record_id: str) -> ResponseReturnValue:
    """Turn a webhook on or off. The same button undoes it, so no confirmation is needed."""
    record = service.switch(web.actor(), record_id, on=request.form.get("on") == "1")
    web.toast(f"{record.name} is {'enabled' if record.enabled else 'disabled'}.")
    return web.see_other(url_for("webhooks.show", record_id=record_id))


@bp.post("/<record_id>/delete")
@recent_sign_in_required
def delete(record_id: str) -> ResponseReturnValue:
    """Delete a webhook, unless it was changed since the page was loaded."""
    web.actor().require("webhooks:write")
    record = as_seen(Webhook, record_id)
    service.delete(web.actor(), record)
    web.toast(f"{record.name} is deleted.", link=("Restore…", url_for("deleted.index")))
    return web.see_other(url_for("webhooks.index"))


@bp.post("/<record_id>/restore")
def restore(record_id: str) -> ResponseReturnValue:
    """Restore a deleted webhook."""
    record = service.restore(web.actor(), record_id)
    web.toast(f"{record.name} is back.")
    return web.see_other(url_for("webhooks.show", record_id=record_id))


@bp.post("/<record_id>/secret-rotations")
@recent_sign_in_required
def rotate(record_id: str) -> ResponseReturnValue:
    """Rotate the signing secret; this response shows the new one, only this once."""
    form = ButtonForm()
    if web.already_done(form) is not None:
        return _revealed(service.get(web.actor(), record_id), None)
    made = service.rotate_secret(web.actor(), record_id)
    web.note_done(form, record_id)
    return _pages_of(made.record).reveal(made)


@bp.post("/<record_id>/secret-retirements")
@recent_sign_in_required
def retire(record_id: str) -> ResponseReturnValue:
    """Retire the previous secret, so that only the current one signs."""
    record = service.retire_secret(web.actor(), record_id)
    web.toast("Only the current secret signs now.")
    return web.see_other(url_for("webhooks.show", record_id=record.id))


@bp.get("/<record_id>/history")
def history(record_id: str) -> ResponseReturnValue:
    """Show the history of a webhook."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    entries = audit_pages.of_record(record_id)
    return web.render("webhooks/history.html", record=record, entries=entries)


# ---------------------------------------------------------------- what other pages show


def naming(actor: Actor, record: Connector) -> Select[Any] | None:
    """Select the webhooks that name a connector, and the one that it names itself."""
    if not actor.can("webhooks:read"):
        return None
    names_it = Webhook.connector_id == record.id
    named = or_(names_it, Webhook.id == record.webhook_endpoint_id)
    found = Webhook.seen_by(actor).where(named, Webhook.is_deleted.is_(False))
    why = case((names_it, "it names the connector"), else_="the connector names it for its events")
    return found.with_only_columns(*users.columns("webhook", Webhook.id, Webhook.name, why))


def part(actor: Actor, application: Application) -> Part:
    """Return the section of an application's page that lists its webhooks."""
    own = listing.Query(filters={"application_id": application.id}, limit=SHOWN)
    page = listing.page(actor, service.LISTING, own)
    new = url_for("webhooks.create", application_id=application.id)
    return Part(
        title="Webhooks",
        items=[Item(r, url_for("webhooks.show", record_id=r.id), r.url or "") for r in page.items],
        all_url=url_for("webhooks.index", application_id=application.id),
        new_url=new if actor.can("webhooks:write") and not application.is_stopped else None,
        new_label="Add a webhook",
        empty="No webhooks yet.",
        stopped="Nothing is sent and nothing is let in. Events wait as long as events are kept, and"
        " go out when the application is reopened. None can be added.",
    )
