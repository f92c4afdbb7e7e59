"""Pages of webhooks: /webhooks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Flask, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import DateTime, Select, exists, func, null, outerjoin, select, true, union_all
from sqlalchemy.orm import aliased

from portal import web
from portal.applications import service as applications
from portal.applications.models import Application
from portal.applications.pages import Item, Part, show_on_application
from portal.audit import pages as audit_pages
from portal.connectors import service as connectors
from portal.core.errors import StaleVersion
from portal.database.session import Actor, find, session
from portal.delivery import pause_notices
from portal.delivery.health import endpoint_figures
from portal.events import settings
from portal.identity.sessions.login import recent_sign_in_required
from portal.inbound import pages as inbound
from portal.inbound.forms import InboundForm
from portal.lab import test_deliveries
from portal.records import listing
from portal.records.audit import trail as audit
from portal.records.verbs import Revealed
from portal.web import notices as all_notices
from portal.web import overview
from portal.web.overview import Concern, Figure, Step, Told
from portal.webhooks import attempt_view, service
from portal.webhooks.forms import PressForm, TestForm, WebhookForm, suggestions
from portal.webhooks.models import FAILING, OUTCOMES, PAUSED, DeliveryAttempt, Endpoint, Webhook

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")
SHOWN = 5  # webhooks on an application's page and on the overview
TOLD_FOR = timedelta(days=1)  # that a webhook has recovered


def init_app(app: Flask) -> None:
    """Register the pages, the templates' words, and what other pages show of webhooks."""
    app.register_blueprint(bp)
    app.jinja_env.globals.update(
        outcome_text=attempt_view.outcome_text, outcome_tone=attempt_view.tone_word
    )
    show_on_application(app, part)
    overview.tell(app, tell)
    all_notices.tell(app, pause_notices.tell)


@bp.get("")
def index() -> ResponseReturnValue:
    """The list, or for htmx the listing alone."""
    web.actor().require("webhooks:read")
    query = listing.parse(service.LISTING, request.args)
    page = listing.page(web.actor(), service.LISTING, query)
    owners = {record.application_id for record in page.items if record.application_id}
    return web.render(
        "webhooks/index.html",
        "webhooks/_listing.html",
        view=web.list_view(page, query),
        owners=applications.of(web.actor(), owners),
    )


@bp.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Create a webhook; the answer itself shows its signing secret, this once."""
    web.actor().require("webhooks:write")
    form = _with_choices(WebhookForm.of(application_id=request.args.get("application_id")))
    if (command := form.command()) is not None:
        with form.catching():
            if (done := web.already_done(form)) is not None:
                return _revealed(service.get(web.actor(), done, include_deleted=True), None)
            made = service.create(web.actor(), command)
            web.note_done(form, made.record.id)
            return _revealed(made.record, made)
    return web.render("webhooks/new.html", form=form, status=form.answer_status)


def _revealed(record: Webhook, made: Revealed[Webhook] | None) -> ResponseReturnValue:
    """The one answer with the secret in it, or, for a form sent twice, the same without."""
    secret = made.once.get("signing_secret") if made else None
    return web.render("webhooks/revealed.html", record=record, secret=secret)


def _with_choices(form: WebhookForm) -> WebhookForm:
    none = [("", "None")]
    form.application_id.choices = none + applications.extendable_choices(
        web.actor(), also=[form.application_id.data]
    )
    form.connector_id.choices = none + connectors.choices(
        web.actor(), also=[form.connector_id.data]
    )
    return form


@bp.get("/<record_id>")
def show(record_id: str) -> ResponseReturnValue:
    """One webhook: what it is set to, and the panel to try it."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    if record.direction == "inbound":
        return inbound.show(record)
    return web.render(
        "webhooks/show.html",
        record=record,
        rotation=PressForm(),
        application=applications.names(web.actor(), _known(record.application_id)),
        connector=connectors.names(web.actor(), _known(record.connector_id)),
        **_test_panel(record, TestForm.of(record)),
    )


def _known(record_id: str | None) -> set[str]:
    return {record_id} if record_id else set()


def _test_panel(record: Webhook, form: TestForm) -> dict[str, Any]:
    return {
        "form": form,
        "events": suggestions(record),
        "both_sign": attempt_view.both_sign(record),
        "detail": None,
    }


@bp.route("/<record_id>/edit", methods=["GET", "POST"])
def edit(record_id: str) -> ResponseReturnValue:
    """Change a webhook."""
    web.actor().require("webhooks:write")
    record = find(Webhook, web.actor(), record_id, lock=request.method == "POST")
    if record.direction == "inbound":
        form: WebhookForm | InboundForm = inbound.with_choices(InboundForm.of(record))
    else:
        form = _with_choices(WebhookForm.of(record))
    if (command := form.command(stored=record)) is not None:
        with form.catching():
            form.check_version(record)
            service.update(web.actor(), record, command)
            web.toast("The webhook is saved.")
            return web.see_other(url_for("webhooks.show", record_id=record_id))
    return web.render("webhooks/edit.html", form=form, record=record, status=form.answer_status)


@bp.post("/<record_id>/switch")
def switch(record_id: str) -> ResponseReturnValue:
    """Turn a webhook on or off: undone by the same button, so nobody is asked."""
    record = service.switch(web.actor(), record_id, on=request.form.get("on") == "1")
    web.toast(f"{record.name} is {'on' if record.enabled else 'off'}.")
    return web.see_other(url_for("webhooks.show", record_id=record_id))


@bp.post("/<record_id>/delete")
@recent_sign_in_required
def delete(record_id: str) -> ResponseReturnValue:
    """Delete a webhook, if it still is what the person saw."""
    web.actor().require("webhooks:write")
    record = find(Webhook, web.actor(), record_id, lock=True)
    if request.form.get("version", "") != str(record.version):
        raise StaleVersion("This webhook was changed since the page was loaded. Look at it again.")
    service.delete(web.actor(), record)
    web.toast(f"{record.name} is deleted. It can be restored for 30 days.")
    return web.see_other(url_for("webhooks.index"))


@bp.post("/<record_id>/restore")
def restore(record_id: str) -> ResponseReturnValue:
    """Bring a deleted webhook back."""
    record = service.restore(web.actor(), record_id)
    web.toast(f"{record.name} is back.")
    return web.see_other(url_for("webhooks.show", record_id=record_id))


@bp.post("/<record_id>/secret-rotations")
@recent_sign_in_required
def rotate(record_id: str) -> ResponseReturnValue:
    """A new signing secret, shown in this answer and never again."""
    form = PressForm()
    if web.already_done(form) is not None:
        return _revealed(service.get(web.actor(), record_id), None)
    made = service.rotate_secret(web.actor(), record_id)
    web.note_done(form, record_id)
    if made.record.direction == "inbound":
        return inbound.reveal(made)
    return _revealed(made.record, made)


@bp.post("/<record_id>/secret-retirements")
@recent_sign_in_required
def retire(record_id: str) -> ResponseReturnValue:
    """Let the secret before the current one sign no more."""
    record = service.retire_secret(web.actor(), record_id)
    web.toast("Only the current secret signs now.")
    return web.see_other(url_for("webhooks.show", record_id=record.id))


@bp.get("/<record_id>/history")
def history(record_id: str) -> ResponseReturnValue:
    """What happened to a webhook."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    entries = audit_pages.lines(audit.history(web.actor(), record_id))
    return web.render("webhooks/history.html", record=record, entries=entries)


# ---------------------------------------------------------------- attempts


@bp.post("/<record_id>/test-deliveries")
def test(record_id: str) -> ResponseReturnValue:
    """Send a test. htmx gets the panel with what came of it; without, the attempt's page."""
    web.actor().require("webhooks:write")
    record = service.get(web.actor(), record_id)
    form, attempt = TestForm(), None
    if (command := form.command()) is not None:
        attempt = test_deliveries.fire(web.actor(), record_id, command)
        if not web.portal_request().wants_fragment:
            return web.see_other(_place(attempt))
    panel = _test_panel(record, form) | _shown(attempt)
    status = form.answer_status
    return web.render(
        "webhooks/test.html", "webhooks/_test.html", status=status, record=record, **panel
    )


def _place(attempt: DeliveryAttempt, tab: str | None = None) -> str:
    ids: dict[str, Any] = {"record_id": attempt.webhook_id, "attempt_id": attempt.id}
    return url_for("webhooks.attempt", **ids, tab=tab)


def _shown(attempt: DeliveryAttempt | None) -> dict[str, Any]:
    """What the partial of an attempt needs; on its own page its tabs are in the address."""
    if attempt is None:
        return {"detail": None}
    hidden = settings.hidden_from(web.actor())
    tab = request.args.get("tab", "")
    return {
        "detail": attempt_view.detail(attempt, hidden, tab, lambda name: _place(attempt, tab=name)),
        "alone": web.here().partition("?")[0] == _place(attempt),
    }


@bp.get("/<record_id>/attempts")
def attempts(record_id: str) -> ResponseReturnValue:
    """The attempts of a webhook, newest first."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    query = listing.parse(test_deliveries.ATTEMPTS, request.args)
    page = test_deliveries.attempts(web.actor(), record, query)
    return web.render(
        "webhooks/attempts.html",
        "webhooks/_attempts.html",
        record=record,
        view=web.list_view(page, query),
        outcomes=[(name, attempt_view.outcome_text(name)) for name in OUTCOMES],
    )


@bp.get("/<record_id>/attempts/<attempt_id>")
def attempt(record_id: str, attempt_id: str) -> ResponseReturnValue:
    """One attempt, at an address to send to a colleague."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    found = test_deliveries.attempt(web.actor(), record_id, attempt_id)
    return web.render(
        "webhooks/attempt.html", "webhooks/_attempt.html", record=record, **_shown(found)
    )


# ---------------------------------------------------------------- what other pages show


def part(actor: Actor, application: Application) -> Part:
    """An application's webhooks, on its page."""
    own = listing.Query(filters={"application_id": application.id}, limit=SHOWN)
    page = listing.page(actor, service.LISTING, own)
    new = url_for("webhooks.create", application_id=application.id)
    return Part(
        title="Webhooks",
        items=[
            Item(r.name, url_for("webhooks.show", record_id=r.id), r.state, r.url or "")
            for r in page.items
        ],
        all_url=url_for("webhooks.index", application_id=application.id),
        new_url=new if actor.can("webhooks:write") and not application.is_stopped else None,
        new_label="Add a webhook",
        empty="No webhook: this application hears of nothing yet.",
        stopped="Nothing is sent and nothing is let in. Events wait as long as events are kept, and"
        " go out when the application is reopened. None can be added.",
    )


def tell(actor: Actor) -> Told:
    """Two steps of the first run, today's deliveries, and the webhooks that fail, are paused, or
    have recovered today."""
    known = select(
        exists().where(Webhook.tenant_id == actor.tenant_id).label("some"),
        exists().where(DeliveryAttempt.tenant_id == actor.tenant_id).label("tested"),
        endpoint_figures.today(actor.tenant_id),
    ).subquery()
    newest_first = Webhook.seen_by(actor).order_by(Webhook.last_delivery_at.desc()).limit(SHOWN)
    bad = [newest_first.where(state) for state in (FAILING, PAUSED)]
    never = null().cast(DateTime(timezone=True)).label("recovered_at")
    concerning = union_all(
        *(query.add_columns(never) for query in bad), _recovered(newest_first)
    ).subquery()
    # One statement: the two answers, beside every webhook that concerns, or beside nothing.
    one = aliased(Webhook, concerning)
    rows = session.execute(
        select(known.c.some, known.c.tested, known.c.today, one, concerning.c.recovered_at)
        .select_from(outerjoin(known, one, true()))
        .order_by(one.last_delivery_at.desc())
    ).all()
    some, tested, today, *_ = rows[0]
    concerns = [_concern(record, again) for *_, record, again in rows if record is not None]
    return Told(steps=_steps(some, tested), figures=_figures(today), concerns=concerns)


def _recovered(webhooks: Select[Webhook]) -> Select[Webhook, datetime | None]:
    """Those that were paused by themselves, resumed by themselves lately, and work."""
    return (
        webhooks.join(Endpoint)
        .where(Webhook.is_active, Endpoint.recovered_at > func.now() - TOLD_FOR)
        .where(Webhook.last_delivery_status == "delivered")
        .add_columns(Endpoint.recovered_at)
    )


def _figures(today: Sequence[int]) -> list[Figure]:
    """How today went; nothing is said where no delivery was."""
    count, good, bad = today
    if not count:
        return []
    ended = good + bad
    note = f"{good / ended:.1%} of those that ended arrived" if ended else "none has ended yet"
    return [Figure("Deliveries today", count, url_for("deliveries.index", since="24h"), note)]


def _steps(some: bool, tested: bool) -> list[Step]:
    return [
        Step(
            order=4,
            title="Add a webhook",
            text="Events of the platform go to an address of yours, signed.",
            url=url_for("webhooks.create"),
            action="Add a webhook",
            done=some,
        ),
        Step(
            order=5,
            title="Send a test event",
            text="On the webhook's page: one real signed request, and what came of it.",
            url=url_for("webhooks.index"),
            action="Choose a webhook",
            done=tested,
        ),
    ]


def _concern(record: Webhook, recovered_at: datetime | None) -> Concern:
    outcome = record.last_delivery_status or ""
    if recovered_at is not None:
        return Concern(
            status="recovered",
            title=record.name,
            text="It was paused because it failed, and works again. What was held has been sent"
            " or is on its way.",
            url=url_for("endpoints.health", record_id=record.id),
            since=recovered_at,
        )
    if record.paused_at is not None:
        return Concern(
            status="paused",
            title=record.name,
            text=f"{attempt_view.pause_title(record)}. What is published is held.",
            url=url_for("endpoints.health", record_id=record.id),
            since=record.paused_at,
        )
    return Concern(
        status="failing",
        title=record.name,
        text=f"Its last delivery failed: {attempt_view.outcome_text(outcome)}.",
        url=url_for("endpoints.health", record_id=record.id),
        since=record.last_delivery_at,
    )
