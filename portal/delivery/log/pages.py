"""Pages of deliveries: the log of all webhooks or of one, and each delivery with its attempts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.core.errors import NotFound
from portal.database.actor import Actor
from portal.database.session import database_now
from portal.delivery.log import attempt_view, resend, search, story, today
from portal.delivery.log.table import OF_WEBHOOK, TABLE
from portal.events import service as events
from portal.events import settings
from portal.rest.findable import Find, SearchQuery
from portal.web import lists
from portal.webhooks import service
from portal.webhooks.models import Delivery, DeliveryAttempt, Webhook

bp = Blueprint("deliveries", __name__, url_prefix="/deliveries")
STATE_CHOICES = [(name, attempt_view.state_text(name)) for name in search.SHOWN_STATES]
BECAUSE = {
    "event": "an event was published",
    "redelivery": "somebody sent it again",
    "replay": "of a replay",
    "lab": "somebody tried it in the lab",
    "probe": "to see whether the receiver works again",
}
FEW_FOUND = 3


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the log of all webhooks."""
    is_part = web.portal_request().wants_fragment or "seen" in request.args
    said = None if is_part else today.summary(web.actor())
    return log_page("deliveries/index.html", "deliveries/_listing.html", said=said)


def log_page(
    template: str, fragment: str, webhook: Webhook | None = None, **context: Any
) -> ResponseReturnValue:
    """Show the log, only its listing for a filter, or only its rows for the live tail (304 if
    unchanged)."""
    table = OF_WEBHOOK if webhook else TABLE
    if (better := lists.better_address(table)) is not None:
        return better
    asked = lists.list_request(table)
    query, seen = asked.query, request.args.get("seen")
    if webhook is not None:
        query = replace(query, filters={**query.filters, "webhook_id": webhook.id})
    page = search.find_page(web.actor(), query, upto=seen)
    receivers = search.receivers(web.actor(), page.items)
    new = search.count_newer(web.actor(), query, seen) if seen else 0
    tag = search.print_of(page.items, receivers, new)
    if seen and request.headers.get("HX-PTag") == tag:
        return "", 304
    answer = lists.render(
        template,
        "deliveries/_rows.html" if seen else fragment,
        asked,
        page,
        beside=receivers,
        offered={
            "state": lists.Offer(lambda _: STATE_CHOICES),
            "webhook_id": lists.Offer(partial(_receivers_of, receivers)),
        },
        new=new,
        most=search.COUNTED_NEW,
        webhook=webhook,
        **context,
    )
    answer.headers["HX-PTag"] = tag
    return answer


def _receivers_of(
    known: Mapping[str, search.Receiver], ids: Collection[str]
) -> Sequence[tuple[str, str]]:
    """Return webhooks to choose from. The names in a filter chip usually come from the rows."""
    if ids and known.keys() >= set(ids) and "filter" not in request.args:
        return [(one.id, one.name) for one in known.values()]
    return search.choices(web.actor(), ids)


# ---------------------------------------------------------------- one delivery


@bp.get("/<record_id>")
def show(record_id: str) -> ResponseReturnValue:
    """Show one delivery: its state, its attempts, and one of them in detail.

    The id of an attempt redirects to that attempt, because people paste any id that they have.
    """
    try:
        delivery, webhook = search.one(web.actor(), record_id)
    except NotFound:
        if (named := search.attempt_named(web.actor(), record_id)) is None:
            raise
        return web.see_other(_place_of(named))
    attempts = search.attempts_of(web.actor(), delivery)
    state, tab = search.state_of(delivery, webhook), request.args.get("tab")
    next_at = search.next_attempt(delivery, search.receiver_of(web.actor(), delivery))
    chosen = _chosen(attempts)
    tag = f"{delivery.id}.{state}.{delivery.attempts}.{len(attempts)}.{next_at}"
    if web.portal_request().wants_fragment and request.headers.get("HX-PTag") == tag:
        return "", 304
    answer = web.render(
        "deliveries/show.html",
        "deliveries/_delivery.html",
        delivery=delivery,
        webhook=webhook,
        state=state,
        because=BECAUSE.get(delivery.origin),
        moves=state in ("pending", "in_flight", "retrying", "held"),
        said=story.headline(delivery, webhook, state, next_at, database_now()),
        story=story.story(
            delivery,
            webhook,
            state,
            next_at,
            attempts,
            chosen,
            lambda number: _place(delivery, number, tab),
        ),
        **_detail(delivery, chosen),
    )
    answer.headers["HX-PTag"] = tag
    return answer


def _place_of(attempt: DeliveryAttempt) -> str:
    if attempt.delivery_id is None:
        ids = {"record_id": attempt.webhook_id, "attempt_id": attempt.id}
        return url_for("tests.attempt", **ids)  # type: ignore[arg-type]
    return url_for("deliveries.show", record_id=attempt.delivery_id, attempt=attempt.number)


def _chosen(attempts: Any) -> DeliveryAttempt | None:
    wanted = request.args.get("attempt", "")
    named = [one for one in attempts if str(one.number) == wanted]
    found = (named or list(attempts) or [None])[0]
    return search.whole_attempt(web.actor(), found) if found else None


def _place(delivery: Delivery, number: int | None = None, tab: str | None = None) -> str:
    place: dict[str, Any] = {"record_id": delivery.id, "attempt": number, "tab": tab}
    return url_for("deliveries.show", **{k: v for k, v in place.items() if v is not None})


def _detail(delivery: Delivery, attempt: DeliveryAttempt | None) -> dict[str, Any]:
    if attempt is None:
        return {"detail": None}
    hidden = settings.hidden_from(web.actor())
    tab = request.args.get("tab", "")
    return {
        "detail": attempt_view.detail(
            attempt, hidden, tab, lambda name: _place(delivery, attempt.number, name)
        )
    }


@bp.post("/<record_id>/redeliveries")
def redeliver(record_id: str) -> ResponseReturnValue:
    """Send the event of a delivery once more, and show the new delivery."""
    again = resend.redeliver(web.actor(), record_id)
    web.toast("The event is sent once more.")
    return web.see_other(url_for("deliveries.show", record_id=again.id))


@bp.post("/<record_id>/attempts")
def hurry(record_id: str) -> ResponseReturnValue:
    """Make the next attempt of a delivery now."""
    resend.retry_now(web.actor(), record_id)
    web.toast("It is tried now.")
    return web.see_other(url_for("deliveries.show", record_id=record_id))


# ---------------------------------------------------------------- found by the search


def find_deliveries(actor: Actor, asked: SearchQuery) -> list[Find]:
    """Return the newest deliveries of an event's id, or of the newest events of this type or
    subject."""
    found = search.newest_of(actor, _event_ids(actor, asked), FEW_FOUND)
    receivers = search.receivers(actor, found)
    lines = [
        _line(delivery, receivers[delivery.webhook_id])
        for delivery in found
        if delivery.webhook_id in receivers
    ]
    if lines and found[0].event_type == asked.text:
        url = url_for("deliveries.index", event_type=asked.text)
        lines.append(Find(f"All deliveries of {asked.text}", url, icon="send"))
    return lines


def _event_ids(actor: Actor, asked: SearchQuery) -> list[str]:
    if search.AN_ID.fullmatch(asked.text):
        return [asked.text] if asked.text.startswith("evt") else []
    if not actor.can("events:read"):
        return []
    return [event.id for event in asked.once(actor, events.newest_named)]


def find_delivery(actor: Actor, some_id: str) -> Find | None:
    """Return the line of a delivery or of an attempt, if the actor may see it."""
    try:
        delivery, webhook = search.one(actor, some_id)
    except NotFound:
        named = search.attempt_named(actor, some_id)
        return Find(f"Attempt of {named.event_type}", _place_of(named), "Attempt", "send",
                    attempt_view.outcome_text(named.outcome), at=named.created_at,
                    ) if named else None  # fmt: skip
    return _line(delivery, webhook)


def _line(delivery: Delivery, receiver: search.Receiver | Webhook) -> Find:
    return Find(
        f"{delivery.event_type} to {receiver.name}",
        _place(delivery),
        "Delivery",
        "send",
        delivery.subject or "",
        search.state_of(delivery, receiver),
        delivery.created_at,
    )


# ---------------------------------------------------------------- a webhook's own log

of_webhook = Blueprint("webhook_deliveries", __name__, url_prefix="/webhooks")


@of_webhook.get("/<record_id>/deliveries")
def index_of_webhook(record_id: str) -> ResponseReturnValue:
    """Show the log of one webhook, on its page."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    return log_page("webhooks/deliveries.html", "deliveries/_listing.html", record, record=record)
