"""Tell the history of one delivery in sentences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.delivery.log import attempt_view
from portal.records.health import clock, counted
from portal.webhooks.models import Delivery, DeliveryAttempt, Webhook

CANNOT_SIGN = "The first attempt could not be made: the health of its webhook says why"
BEGUN = {
    "redelivery": ("Sent again by hand", ""),
    "replay": ("Sent again by a replay", ""),
    "lab": ("Sent from the lab", "To this webhook alone."),
    "probe": ("To see whether the receiver works again", "Nothing else was held for it."),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One line in the history of a delivery."""

    word: str
    text: str
    at: datetime | None
    title: str
    note: str = ""
    url: str | None = None
    current: bool = False


def headline(
    delivery: Delivery, webhook: Webhook, state: str, next_at: datetime | None, now: datetime
) -> str:
    """Return the sentence that begins the page of a delivery. `next_at` is its next attempt."""
    if state == "held":
        return attempt_view.held_because(webhook)
    ended = clock(delivery.completed_at, now) if delivery.completed_at else ""
    tried = counted(delivery.attempts, "attempt")
    # None was made if our side could not sign it.
    why = f"{tried} failed" if delivery.attempts else CANNOT_SIGN
    sentences = {
        "pending": "In the queue for its first attempt.",
        "in_flight": f"Attempt {delivery.attempts} is on its way.",
        "retrying": f"{why}. The next is due at {clock(next_at or now, now)}.",
        "delivered": f"Delivered at {ended}, after {tried}.",
        "failed": f"Failed at {ended}, after {tried}.",
        "expired": f"Ended at {ended}, as your tenant keeps no delivery for longer.",
        "cancelled": f"Cancelled at {ended}: somebody chose not to send it.",
    }
    return sentences[state]


def story(
    delivery: Delivery,
    webhook: Webhook,
    state: str,
    next_at: datetime | None,
    attempts: Sequence[DeliveryAttempt],
    chosen: DeliveryAttempt | None,
    place: Callable[[int | None], str],
) -> list[Moment]:
    """Return the history, newest first: the next step, every attempt, and the beginning.

    `place` returns the URL of an attempt, by its number.
    """
    tried = [
        Moment(
            attempt_view.tone_word(one.outcome),
            attempt_view.outcome_text(one.outcome),
            one.created_at,
            f"Attempt {one.number}",
            f"{one.explanation} {one.remedy}".strip(),
            place(one.number),
            current=chosen is not None and one.id == chosen.id,
        )
        for one in attempts
    ]
    title, note = BEGUN.get(delivery.origin, ("Published", _matched(webhook)))
    first = Moment("done", "accepted", delivery.created_at, title, note)
    newest = chosen if chosen is not None and chosen.number == delivery.attempts else None
    now = _now(delivery, webhook, state, next_at, newest)
    return [line for line in (now, *tried, first) if line is not None]


def _matched(webhook: Webhook) -> str:
    return f"{webhook.name} subscribes to {', '.join(webhook.event_types[:3]) or 'nothing'}."


def _now(
    delivery: Delivery,
    webhook: Webhook,
    state: str,
    next_at: datetime | None,
    newest: DeliveryAttempt | None,
) -> Moment | None:
    most = webhook.retry_policy["maxAttempts"]
    if state == "held":
        return Moment("held", "held", None, "Waits", attempt_view.held_because(webhook))
    if state == "pending":
        return Moment("pending", "pending", next_at, "First attempt", "In the queue.")
    if state == "in_flight":
        return Moment("sending", "on its way", None, f"Attempt {delivery.attempts}", "")
    if state == "retrying":
        text = f"Attempt {delivery.attempts + 1} of {most}; waits are {_waits(webhook)}."
        if newest is not None and (asked := attempt_view.retry_after(newest)):
            text += f" The receiver asked for patience (Retry-After: {asked})."
        return Moment("retrying", "retrying", next_at, "Next attempt", text)
    endings = {
        "failed": f"All {delivery.attempts} attempts failed. Nothing is sent any more by itself.",
        "expired": "It waited longer than your tenant keeps deliveries.",
        "cancelled": "Somebody chose not to send it.",
    }
    if state in endings:
        return Moment(state, state, delivery.completed_at, "The end", endings[state])
    return None


def _waits(webhook: Webhook) -> str:
    words = {"exponential": "ever longer", "linear": "evenly longer", "fixed": "always the same"}
    return words.get(webhook.retry_policy["backoff"], "ever longer")
