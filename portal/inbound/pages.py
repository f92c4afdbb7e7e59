"""Pages of inbound webhooks: settings, received requests, the signature doctor, the inbox."""

from typing import Any

from flask import Blueprint, Flask, request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.applications import service as applications
from portal.core.key_shape import masked
from portal.database.actor import Actor
from portal.database.record import find
from portal.database.session import session
from portal.delivery.log import attempt_view
from portal.events import settings
from portal.inbound import doctor_questions, inbox, late_secrets, review
from portal.inbound.forms import DoctorForm, InboundForm
from portal.inbound.table import TABLE
from portal.records import listing
from portal.records.verbs import Revealed
from portal.web import lists
from portal.web.drawing import facts
from portal.webhooks import keyring, service
from portal.webhooks.forms import ButtonForm
from portal.webhooks.models import Webhook
from portal.webhooks.pages import DirectionPages, add_direction
from portal.webhooks.schemas import WebhookDocument
from portal.webhooks.signing import receiver_code
from portal.webhooks.verification import inbound_secrets
from portal.webhooks.verification.signature_check import MAYBE_ANY_AUDIENCE

bp = Blueprint("inbound", __name__)
SHOWN_OTHERWISE = ("inbound_scheme", "is_active")
OF_OUTBOUND = ("filter", "ordered", "paused_at", "rate_limit")  # its template does not name them
OFFERED = 200  # webhooks in the doctor's list
SHOWN_BODY = 64 * 1024


def init_app(app: Flask) -> None:
    """Register the pages, and show inbound webhooks on the pages of webhooks."""
    app.register_blueprint(bp)
    add_direction(app, "inbound", DirectionPages(show, _form, reveal))


def _form(record: Webhook) -> InboundForm:
    return with_choices(InboundForm.of(record))


# ---------------------------------------------------------------- settings


@bp.route("/webhooks/inbound/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Create an inbound webhook; if the portal generates the secret, the response shows it."""
    web.actor().require("webhooks:write")
    form = with_choices(InboundForm.of(application_id=request.args.get("application_id")))
    if (command := form.command()) is not None:
        with form.catching():
            if (done := web.already_done(form)) is not None:
                return web.see_other(_place(done))
            made = service.create(web.actor(), command)
            web.note_done(form, made.record.id)
            return reveal(made)
    return web.render(
        "inbound/new.html", "forms/_sentence.html", form=form, status=form.answer_status
    )


def with_choices(form: InboundForm) -> InboundForm:
    """Return the form with the applications of the tenant to choose from."""
    owners = applications.extendable_choices(web.actor(), also=[form.application_id.data])
    form.application_id.offer([("", "None"), *owners])
    return form


def reveal(made: Revealed[Webhook]) -> ResponseReturnValue:
    """Show the page with the new secret, only this once; if there is none, redirect to the
    webhook."""
    secret = made.once.get("signing_secret")
    if secret is None:
        web.toast("The webhook is there. Give its address to the sender.")
        return web.see_other(_place(made.record.id))
    scheme = inbound_secrets.scheme_of(made.record)
    return web.render("inbound/revealed.html", record=made.record, secret=secret, scheme=scheme)


def _place(record_id: str) -> str:
    return url_for("webhooks.show", record_id=record_id)


def show(record: Webhook) -> ResponseReturnValue:
    """Show the page of an inbound webhook, for the pages of webhooks."""
    recent = listing.Query(sort="-received_at", limit=10)
    return web.render(
        "inbound/show.html",
        record=record,
        scheme=inbound_secrets.scheme_of(record),
        any_audience=MAYBE_ANY_AUDIENCE,
        previous_signs=keyring.previous_signs(record),
        rotation=ButtonForm(),
        application=applications.names(web.actor(), _known(record.application_id)),
        heads=TABLE.heads(TABLE.usual, tick=False),
        lines=TABLE.rows(review.requests(web.actor(), record, recent).items, None, TABLE.usual),
        waiting=review.in_quarantine(web.actor(), record),
        newest=review.newest_in_quarantine(web.actor(), record),
        others=facts.others("inbound/show.html", WebhookDocument, record, _left_out()),
    )


def _left_out() -> frozenset[str]:
    """Return the fields that the page shows under another name, or only that of an outbound one."""
    return facts.mentioned("webhooks/show.html").union(SHOWN_OTHERWISE, OF_OUTBOUND)


def _known(record_id: str | None) -> set[str]:
    return {record_id} if record_id else set()


# ---------------------------------------------------------------- received requests


@bp.get("/webhooks/<record_id>/received")
def received(record_id: str) -> ResponseReturnValue:
    """Show the requests that a webhook received, newest first; with `?state=quarantined` the
    quarantine."""
    if (better := lists.better_address(TABLE)) is not None:
        return better
    record = service.get(web.actor(), record_id, include_deleted=True)
    asked = lists.list_request(TABLE)
    return lists.render(
        "inbound/received.html",
        _part("inbound/_received.html"),
        asked,
        review.requests(web.actor(), record, asked.query),
        record=record,
        waiting=review.in_quarantine(web.actor(), record),
        newest=review.newest_in_quarantine(web.actor(), record),
    )


def _part(fragment: str) -> str:
    """Return what htmx gets of a list: only its rows, if they look again by themselves."""
    return "inbound/_live.html" if "live" in request.args else fragment


@bp.get("/webhooks/<record_id>/received/<request_id>")
def show_request(record_id: str, request_id: str) -> ResponseReturnValue:
    """Show one request: its content, its result, and why it was refused."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    found = review.get(web.actor(), record_id, request_id)
    hidden = settings.hidden_from(web.actor())
    is_examined = found.state == "quarantined" and web.actor().can("webhooks:write")
    diagnosis = None
    if is_examined:
        diagnosis = doctor_questions.check_kept(web.actor(), record, found)
    else:
        late_secrets.hide(record, [found])
    return web.render(
        "inbound/request.html",
        record=record,
        received=found,
        address=settings.redact_address(found.shown_url, hidden),
        headers=settings.redact_headers(found.shown_headers, hidden),
        body=_laid_out(settings.redact_text(found.text, hidden)),
        is_redacted=bool(hidden),
        diagnosis=diagnosis,
    )


def _laid_out(text: str) -> str:
    """Return the body for people: JSON indented, anything else unchanged. A long body is cut, and
    not indented."""
    return text[:SHOWN_BODY] if len(text) > SHOWN_BODY else masked(attempt_view.as_pretty(text))


@bp.post("/webhooks/<record_id>/received/<request_id>/reverify")
def reverify(record_id: str, request_id: str) -> ResponseReturnValue:
    """Verify one request again."""
    found = review.reverify(web.actor(), record_id, request_id)
    if found.state == "accepted":
        web.toast("It is genuine: accepted and published.")
    else:
        web.toast(f"Still refused. {found.reason}", "warn")
    return web.see_other(
        url_for("inbound.show_request", record_id=record_id, request_id=request_id)
    )


@bp.post("/webhooks/<record_id>/quarantine/reverify")
def reverify_all(record_id: str) -> ResponseReturnValue:
    """Verify the quarantined requests again."""
    done = review.reverify_all(web.actor(), record_id)
    said = f"{done.verified} accepted, {done.refused} still refused."
    if done.duplicates:
        said += f" {done.duplicates} had come again and were accepted then."
    if done.is_more:
        said += " There is more: press again."
    web.toast(said, "warn" if done.refused else "ok")
    return web.see_other(url_for("inbound.received", record_id=record_id))


@bp.post("/webhooks/<record_id>/quarantine/clear")
def clear(record_id: str) -> ResponseReturnValue:
    """Delete the quarantined requests that the page has shown or counted."""
    gone = review.clear(web.actor(), record_id, request.args.get("newest"))
    web.toast(f"{gone} requests were thrown away.")
    return web.see_other(url_for("inbound.received", record_id=record_id))


# ---------------------------------------------------------------- the doctor


@bp.route("/doctor", methods=["GET", "POST"])
def doctor() -> ResponseReturnValue:
    """Diagnose a pasted request: why its signature is right or wrong. Nothing of it is stored."""
    web.actor().require("webhooks:read" if request.method == "GET" else "webhooks:write")
    chosen = request.args.get("webhook_id", "")
    form = DoctorForm.of(_webhooks(web.actor()), webhook_id=chosen)
    found, scheme = None, None
    if (command := form.command()) is not None:
        with form.catching():
            found = doctor_questions.check(web.actor(), command, is_pasted=True)
            webhook = None
            if command.webhook_id:
                webhook = find(Webhook, web.actor(), command.webhook_id)
            scheme = doctor_questions.scheme_of(command, webhook)
    return web.render(
        "inbound/doctor.html", form=form, diagnosis=found, scheme=scheme, status=form.answer_status
    )


def _webhooks(actor: Actor) -> list[tuple[str, str]]:
    query = Webhook.seen_by(actor).where(Webhook.is_deleted.is_(False))
    rows = session.execute(
        query.with_only_columns(Webhook.id, Webhook.name, Webhook.direction)
        .order_by(Webhook.name_key, Webhook.id)
        .limit(OFFERED)
    )
    return [(row.id, f"{row.name} ({row.direction})") for row in rows]


# ---------------------------------------------------------------- the inbox


@bp.get("/inbox")
def show_inbox() -> ResponseReturnValue:
    """Show the requests that the tenant's inbox received."""
    found = inbox.find_inbox(web.actor())
    context: dict[str, Any] = {"inbox": found, "press": ButtonForm()}
    if found is None:
        return web.render("inbound/inbox.html", **context)
    if (better := lists.better_address(TABLE)) is not None:
        return better
    asked = lists.list_request(TABLE)
    page = review.requests(web.actor(), found.receiver, asked.query)
    part = _part("inbound/_received.html")
    return lists.render(
        "inbound/inbox.html", part, asked, page, record=found.receiver, waiting=0, **context
    )


@bp.post("/inbox")
def open_inbox() -> ResponseReturnValue:
    """Create the inbox, and the webhook that sends to it."""
    found = inbox.open_inbox(web.actor())
    web.toast("Every event goes to the inbox now.")
    assert found.sender is not None  # noqa: S101  just made
    return web.see_other(url_for("inbound.show_inbox"))


# ---------------------------------------------------------------- code for receivers


@bp.get("/webhooks/<record_id>/verification")
def verification(record_id: str) -> ResponseReturnValue:
    """Show code with which a receiver verifies our deliveries, in eight languages."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    language = request.args.get("language", "")
    chosen = receiver_code.BY_NAME.get(language, receiver_code.SNIPPETS[0])
    return web.render(
        "inbound/verification.html", record=record, chosen=chosen, snippets=receiver_code.SNIPPETS
    )
