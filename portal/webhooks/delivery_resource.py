"""REST of deliveries: below a webhook, and each by its own id; pause, resume and trials."""

from typing import Any

from flask import Response, request

from portal import listing
from portal.api import Outcome, actor, answer, body, no_parameters, once
from portal.db import Actor, find
from portal.openapi import Operation, Parameter
from portal.resources import RETRY, Action
from portal.webhooks import deliveries, safety, service
from portal.webhooks.models import Delivery, DeliveryAttempt, Webhook
from portal.webhooks.schemas import (
    AttemptDocument,
    BacklogDocument,
    DeliveryDocument,
    DeliveryWithAttempts,
    FilterTest,
    FilterTestResult,
    ResumeInput,
)

TEXT = {"type": "string"}
MOMENT = {"type": "string", "format": "date-time"}


def represent(delivery: Delivery, webhook: Webhook) -> dict[str, Any]:
    """A delivery as programs read it."""
    derived = {
        "state": deliveries.shown_state(delivery, webhook),
        "next_attempt_at": deliveries.next_attempt(delivery, webhook),
    }
    return {
        name: derived[name] if name in derived else getattr(delivery, name)
        for name in DeliveryDocument.model_fields
    }


def represent_attempt(attempt: DeliveryAttempt) -> dict[str, Any]:
    """An attempt as programs read it."""
    return {name: getattr(attempt, name) for name in AttemptDocument.model_fields}


def _list(id: str) -> Response:
    webhook = find(Webhook, actor(), id, include_deleted=True)
    if "after" in request.args:
        return _after(webhook)
    query = listing.parse(deliveries.LISTING, request.args)
    for name in ("q", "tag", "include_deleted", "webhook_id"):
        if name in request.args:
            raise listing.refused(name, "There is no parameter of this name.")
    page = deliveries.find_page(actor(), webhook, query)
    items = [represent(delivery, webhook) for delivery in page.items]
    return answer({"items": items, "next_cursor": page.next_cursor})


def _after(webhook: Webhook) -> Response:
    for name in request.args:
        if name not in ("after", "limit"):
            raise listing.refused(name, "With after, only limit may be given.")
    given = request.args["after"]
    if not (given.isascii() and given.isdigit() and len(given) < 16):
        raise listing.refused("after", "Give the sequence number of the last delivery you have.")
    limit = request.args.get("limit", "50")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:4]) <= listing.MAX_LIMIT):
        raise listing.refused("limit", f"Give a whole number from 1 to {listing.MAX_LIMIT}.")
    found = deliveries.after(actor(), webhook, int(given), int(limit))
    return answer({"items": [represent(one, webhook) for one in found], "next_cursor": None})


def _get(id: str) -> Response:
    no_parameters()
    delivery, webhook = deliveries.get(actor(), id)
    attempts = deliveries.attempts_of(actor(), delivery)
    tried = [represent_attempt(attempt) for attempt in attempts]
    return answer({**represent(delivery, webhook), "attempt_list": tried})


def _redeliver(id: str) -> Response:
    no_parameters()

    def work() -> Outcome:
        again = deliveries.redeliver(actor(), id)
        _, webhook = deliveries.get(actor(), again.id)
        return Outcome(represent(again, webhook), 201)

    return once(work)


def _backlog(id: str) -> Response:
    no_parameters()
    held = safety.backlog(actor(), find(Webhook, actor(), id))
    return answer({name: getattr(held, name) for name in BacklogDocument.model_fields})


def _try() -> Response:
    no_parameters()
    command = FilterTest.read(body())
    trial = deliveries.try_settings(
        actor(), command.event_types, command.filter, command.webhook_id
    )
    return answer({name: getattr(trial, name) for name in FilterTestResult.model_fields})


def _resume(who: Actor, id: str, command: ResumeInput) -> Webhook:
    return safety.resume(who, id, command.choice, command.before)


ACTIONS: tuple[Action[Webhook], ...] = (
    Action(
        name="pause",
        summary="Pause: events are held until the webhook is resumed",
        run=lambda who, id, _: safety.pause(who, id),
        scope="webhooks:write",
    ),
    Action(
        name="resume",
        summary="Resume, and say what becomes of what was held",
        run=_resume,
        scope="webhooks:write",
        command=ResumeInput,
    ),
    Action(
        name="secret-retirements",
        summary="Let the previous signing secret sign no more",
        run=lambda who, id, _: service.retire_secret(who, id),
        scope="webhooks:write",
    ),
)
BELOW = (
    Operation(
        resource="webhooks",
        name="deliveries",
        method="GET",
        path="/webhooks/{id}/deliveries",
        summary="List a webhook's deliveries, newest first; with after, in sequence to fill a gap",
        scope="webhooks:read",
        view=_list,
        answer=DeliveryDocument,
        is_list=True,
        parameters=(
            Parameter("after", {"type": "integer"}, "The last sequence number that you have"),
            Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 200}),
            Parameter("cursor", TEXT, "The next_cursor of the page before"),
            Parameter("sort", {"type": "string", "enum": ["created_at", "-created_at"]}),
            *(Parameter(name, TEXT) for name in deliveries.LISTING.filters if name != "webhook_id"),
            Parameter("created_after", MOMENT),
            Parameter("created_before", MOMENT),
        ),
    ),
    Operation(
        resource="webhooks",
        name="backlog",
        method="GET",
        path="/webhooks/{id}/backlog",
        summary="How much is held, since when, and how long sending it takes",
        scope="webhooks:read",
        view=_backlog,
        answer=BacklogDocument,
    ),
)
OPERATIONS = (
    Operation(
        resource="webhooks",
        name="try_filter",
        method="POST",
        path="/webhooks/filter-tests",
        summary="How many of the last 200 events these settings would have matched",
        scope="events:read",
        view=_try,
        command=FilterTest,
        answer=FilterTestResult,
    ),
    Operation(
        resource="deliveries",
        name="get",
        method="GET",
        path="/deliveries/{id}",
        summary="Get one delivery with its attempts",
        scope="webhooks:read",
        view=_get,
        answer=DeliveryWithAttempts,
    ),
    Operation(
        resource="deliveries",
        name="redeliver",
        method="POST",
        path="/deliveries/{id}/redeliveries",
        summary="Send its event once more",
        scope="webhooks:write",
        view=_redeliver,
        answer=DeliveryDocument,
        status=201,
        parameters=(RETRY,),
    ),
)
