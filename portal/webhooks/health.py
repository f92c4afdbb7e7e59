"""Tell how a webhook is, from its own row, the engine's state of its receiver, and its queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, literal_column, not_, text

from portal.applications.health import Source
from portal.applications.models import STOPPED
from portal.database.actor import Actor
from portal.records.health import (
    FEW,
    Health,
    Judge,
    Tally,
    clock,
    counted,
    moment,
    sql,
    summary,
    up_to,
)
from portal.webhooks.models import TROUBLED, Webhook

WRITE = "webhooks:write"
MOST = 1000  # deliveries that are counted
FAILING_FROM = 3  # failures in a row
SLOW = timedelta(minutes=10)
DAY = timedelta(days=1)
GOOD = ("delivered", "sending")
FACTS = sql("portal.webhooks", "health.sql")
OUTCOMES = {
    "http_error": "the receiver answers with an error",
    "redirect": "the receiver redirects, which is not followed",
    "forbidden_address": "its address may not be called",
    "invalid_request": "its address or a header is malformed",
    "dns": "the name of the receiver is not found",
    "refused": "the receiver refuses the connection",
    "unreachable": "the receiver cannot be reached",
    "reset": "the receiver breaks the connection",
    "tls": "TLS with the receiver fails",
    "timeout": "the receiver does not answer in time",
    "too_large": "the answer of the receiver is too large",
    "protocol_error": "what the receiver answers is not HTTP",
    "cancelled": "the request was cut off",
}
UNSIGNED = {
    "secret_gone": (
        "Nothing is sent: its signing secret is gone or damaged.",
        "Rotate the secret. What waits is then sent by itself.",
    ),
    "secret_unavailable": (
        "Nothing is sent: its signing secret cannot be read.",
        "What waits is sent by itself once the secret store answers. If this lasts, ask the"
        " operator.",
    ),
}


@dataclass(frozen=True, slots=True)
class Known:
    """All that the health of a webhook is made of. `gave_up` counts the deliveries that failed for
    good in the last 24 hours."""

    webhook: Mapping[str, Any]
    now: datetime
    failing_since: datetime | None = None
    expired_at: datetime | None = None
    cannot_sign: str | None = None
    waiting: int = 0
    retrying: int = 0
    oldest: datetime | None = None
    answer: int | None = None
    gave_up: int = 0

    @classmethod
    def of(cls, webhook: Mapping[str, Any], facts: Sequence[Any]) -> "Known":
        """Return what the facts of `health.sql` say."""
        now, endpoint, queue, gave_up = facts
        failing_since, expired_at, cannot_sign = endpoint or (None, None, None)
        waiting, retrying, oldest, answer = queue
        return cls(
            webhook=webhook,
            now=datetime.fromisoformat(now),
            failing_since=moment(failing_since),
            expired_at=moment(expired_at),
            cannot_sign=cannot_sign,
            waiting=waiting,
            retrying=retrying,
            oldest=moment(oldest),
            answer=answer,
            gave_up=gave_up,
        )

    @property
    def outcome(self) -> str:
        """Return why the last request failed; empty if it did not."""
        word: str | None = self.webhook["last_delivery_status"]
        if word is None or word in GOOD:
            return ""
        if word == "http_error" and self.answer is not None and self.answer >= 300:
            return f"the receiver answers {self.answer}"
        return OUTCOMES.get(word, word)

    def deliveries(self, number: int) -> str:
        """Return a number of deliveries in words."""
        return counted(number, "delivery", MOST, "deliveries")

    def since(self, at: datetime | None) -> str:
        """Return “ since 14:02 UTC”, or nothing if nobody noted when."""
        return f" since {clock(at, self.now)}" if at else ""


def health(webhook: Mapping[str, Any], facts: Sequence[Any] | None) -> Health:
    """Return the health of a webhook. `facts` are those of `health.sql`."""
    known = Known.of(webhook, facts) if facts else Known(webhook, webhook["created_at"])
    if webhook["is_deleted"]:
        return Health("off", "Deleted: nothing is sent.", webhook["deleted_at"], short="deleted")
    if webhook["application_status"] in STOPPED:
        return _stopped(known)
    if webhook["paused_at"] is not None:
        return _paused(known)
    if not webhook["enabled"]:
        return _disabled(known)
    return _inbound(known) if webhook["direction"] == "inbound" else _outbound(known)


def _stopped(known: Known) -> Health:
    status = known.webhook["application_status"]
    return Health(
        "held",
        f"Stopped: its application is {status}.{_held(known)}",
        next="Reopen the application.",
        short="stopped",
    )


def _held(known: Known) -> str:
    if not known.waiting:
        return ""
    return f" {known.deliveries(known.waiting)} {'is' if known.waiting == 1 else 'are'} held."


def _paused(known: Known) -> Health:
    paused_at, failures = known.webhook["paused_at"], known.webhook["consecutive_failures"]
    when = clock(paused_at, known.now)
    if known.webhook["pause_reason"] == "by_hand":
        return Health(
            "held",
            f"Paused by hand since {when}.{_held(known)}",
            paused_at,
            "Resume it when the receiver is ready.",
            "endpoints.resume",
            "Resume…",
            short="paused",
            needs=WRITE,
        )
    why = f": {known.outcome}" if known.outcome else ""
    if known.webhook["pause_reason"] == "gone":
        why = ": the receiver says that it is gone for good"
    after = f" after {counted(failures, 'failure')} in a row" if failures else ""
    return Health(
        "failing",
        f"Paused since {when}{after}{why}.{_held(known)}",
        paused_at,
        "Mend the receiver, then resume the webhook.",
        "endpoints.health",
        "See what is held",
        short="paused",
    )


def _disabled(known: Known) -> Health:
    if known.webhook["direction"] == "outbound" and not known.webhook["url"]:
        said = "Not set up: it has no target URL."
        return Health(
            "off",
            said,
            None,
            "Enter the target URL.",
            "webhooks.edit",
            "Finish set-up",
            short="not set up",
            needs=WRITE,
        )
    said = "Disabled: only test events are sent."
    return Health("off", said, None, "Enable it to use it.", short="disabled")


def _outbound(known: Known) -> Health:
    webhook = known.webhook
    if webhook["last_delivery_status"] == "cancelled" and known.cannot_sign in UNSIGNED:
        said, step = UNSIGNED[known.cannot_sign]
        return Health(
            "attention",
            said,
            None,
            step,
            "webhooks.show",
            "See the secret",
            short="cannot sign",
        )
    if failures := webhook["consecutive_failures"]:
        return _failing(known, failures)
    if known.outcome:
        return Health(
            "attention",
            f"The last request failed: {known.outcome}.",
            webhook["last_delivery_at"],
            "Send a test event.",
            "webhooks.show",
            "Test it",
            short="last request failed",
        )
    if queue := _queue(known):
        return queue
    if webhook["last_delivery_at"] is None:
        next_step = "Send a test event."
        return Health(
            "not_tried", "Nothing has been sent yet.", None, next_step, "webhooks.show", "Test it"
        )
    return Health("works", "Works: the last delivery arrived.")


def _queue(known: Known) -> Health | None:
    """Return what is wrong with the deliveries of a webhook whose last request succeeded."""
    if known.gave_up:
        return Health(
            "attention",
            f"Works now, but {known.deliveries(known.gave_up)} failed for good in the last"
            " 24 hours.",
            None,
            "Send it again." if known.gave_up == 1 else "Send them again.",
            "endpoints.replay",
            "Replay…",
            short="gave up",
            needs=WRITE,
        )
    if known.expired_at is not None and known.now - known.expired_at < DAY:
        said = f"Held deliveries expired, the last at {clock(known.expired_at, known.now)}."
        step = "Ask the publisher to send them again."
        return Health("attention", said, known.expired_at, step, short="expired")
    if known.retrying:
        return Health(
            "attention",
            f"Works, but {known.deliveries(known.retrying)} failed and will be sent again.",
            known.oldest,
            "Look at the answers of the receiver.",
            "webhook_deliveries.index_of_webhook",
            "See them",
            short="retrying",
        )
    if known.oldest is not None and known.now - known.oldest > SLOW:
        return Health(
            "attention",
            f"{known.deliveries(known.waiting)} waiting, the oldest{known.since(known.oldest)}.",
            known.oldest,
            "Wait, or raise the rate limit. Ask the operator whether a worker runs.",
            "endpoints.health",
            "See the queue",
            short="waiting",
        )
    return None


def _failing(known: Known, failures: int) -> Health:
    why = f"; {known.outcome}" if known.outcome else ""
    waits = f" – {known.deliveries(known.waiting)} waiting" if known.waiting else ""  # noqa: RUF001
    step = "Mend the receiver. Deliveries are tried again by themselves."
    if failures < FAILING_FROM:
        last = "The last attempt" if failures == 1 else f"The last {failures} attempts"
        said = f"{last} failed{waits}{why}."
        return Health(
            "attention",
            said,
            known.failing_since,
            step,
            "endpoints.health",
            "See why",
            short="retrying",
        )
    said = f"Failing{known.since(known.failing_since)}, {failures:,} times in a row{waits}{why}."
    return Health("failing", said, known.failing_since, step, "endpoints.health", "See why")


def _inbound(known: Known) -> Health:
    if known.outcome:
        said = f"The last request was not accepted: {known.outcome}."
        return Health("attention", said, known.webhook["last_delivery_at"])
    accepted_at = known.webhook["last_delivery_at"]
    if accepted_at is None:
        return Health(
            "not_tried",
            "No request has been accepted yet.",
            None,
            "Give its address and secret to the sender. A request that could not be verified is"
            " under Received.",
            "webhooks.show",
            "See the address",
        )
    at = clock(accepted_at, known.now)
    return Health("works", f"Works: the last accepted request is that of {at}.")


_FAILS = f"pause_reason IN ('failing', 'gone') OR consecutive_failures >= {FAILING_FROM}"
_BY_HAND = "pause_reason = 'by_hand'"
IN_TROUBLE = {
    "failing": text(f"{TROUBLED.text} AND ({_FAILS}) AND {_BY_HAND} IS NOT TRUE"),
    "caring": text(f"{TROUBLED.text} AND ({_FAILS}) IS NOT TRUE AND {_BY_HAND} IS NOT TRUE"),
    "held": text(f"{TROUBLED.text} AND {_BY_HAND}"),
}
"""The conditions for webhooks that fail, that failed at the last attempt, or are paused by hand."""


def _tallied(_actor: Actor) -> dict[str, Any]:
    goes = not_(Webhook.is_stopped)
    in_trouble = {name: and_(condition, goes) for name, condition in IN_TROUBLE.items()}
    return {"all": None, **in_trouble}


def _summary(found: Mapping[str, int]) -> Health | None:
    also = []
    if caring := found["caring"]:
        also.append(f"{up_to(FEW, caring)} failed at the last attempt")
    if held := found["held"]:
        also.append(f"{up_to(FEW, held)} {'is' if held == 1 else 'are'} paused by hand")
    return summary("webhook", found, also)


TALLY = Tally(Webhook, _tallied, _summary)


def _facts() -> ColumnElement[Any]:
    return literal_column(FACTS)


JUDGE = Judge(
    fields=(
        "direction", "url", "enabled", "is_deleted", "deleted_at", "created_at",
        "application_status", "paused_at", "pause_reason", "consecutive_failures",
        "last_delivery_at", "last_delivery_status",
    ),
    facts=_facts,
    health=health,
    of_new=None,
)  # fmt: skip
SOURCE = Source(
    "webhook",
    "webhooks.index",
    sql("portal.webhooks", "application_health.sql"),
    "need attention",
    "needs attention",
)
