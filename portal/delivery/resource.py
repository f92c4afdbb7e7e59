"""REST API of deliveries: below a webhook, and each by its own id; pause, resume, replays and
filter tests."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import Response, request

from portal.database.actor import Actor
from portal.database.record import find
from portal.delivery.health import endpoint_figures, manual_pause, safe_pause
from portal.delivery.log import replays, resend, search
from portal.delivery.schemas import (
    AttemptDocument,
    BacklogDocument,
    DeliveryDocument,
    DeliveryWithAttempts,
    FilterTest,
    FilterTestResult,
    HealthDocument,
    ReplayDocument,
    ReplayInput,
    ReplayProgress,
    ResumeInput,
)
from portal.events import settings
from portal.records import listing
from portal.rest.api import Outcome, actor, answer, body, fields_of, listed, no_parameters, once
from portal.rest.openapi import Operation, Parameter
from portal.rest.resources import RETRY, Action, list_parameters
from portal.webhooks.models import Delivery, DeliveryAttempt, Replay, Webhook
from portal.webhooks.resource import resource as webhooks


def represent(delivery: Delivery, receiver: search.Receiver | None) -> dict[str, Any]:
    """Return a delivery as a document of the API."""
    derived = {
        "state": search.state_of(delivery, receiver),
        "next_attempt_at": search.next_attempt(delivery, receiver),
    }
    return {
        name: derived[name] if name in derived else getattr(delivery, name)
        for name in DeliveryDocument.model_fields
    }


def represent_attempt(attempt: DeliveryAttempt, hidden: frozenset[str]) -> dict[str, Any]:
    """Return an attempt as a document of the API, without the values that are hidden from this
    reader."""
    document = fields_of(AttemptDocument, attempt)
    bodies = ("request_body", "response_body", "signed_content")
    headers = ("request_headers", "response_headers")
    if hidden:
        document |= {name: settings.redact_text(document[name], hidden) for name in bodies}
        document |= {name: settings.redact_headers(document[name], hidden) for name in headers}
    return document


def _list(id: str) -> Response:
    webhook = find(Webhook, actor(), id, include_deleted=True)
    if "after" in request.args:
        return _after(webhook)
    query = listing.parse(search.OF_WEBHOOK, request.args, listing.OF_RECORDS)
    of_one = replace(query, filters={**query.filters, "webhook_id": webhook.id})
    page = search.find_page(actor(), of_one)
    return listed(_represent_all(page.items), page.next_cursor)


def _represent_all(deliveries: Sequence[Delivery]) -> list[dict[str, Any]]:
    receivers = search.receivers(actor(), deliveries)
    return [represent(one, receivers.get(one.webhook_id)) for one in deliveries]


def _list_all() -> Response:
    query = listing.parse(search.LISTING, request.args, listing.OF_RECORDS)
    page = search.find_page(actor(), query)
    return listed(_represent_all(page.items), page.next_cursor)


def _health(id: str) -> Response:
    no_parameters()
    webhook = find(Webhook, actor(), id, include_deleted=True)
    standing = endpoint_figures.standing(actor(), webhook)
    hours = endpoint_figures.last_day(standing.now)
    lately = endpoint_figures.lately(actor(), webhook, hours, endpoint_figures.HOUR)
    return answer(represent_health(webhook, standing, lately))


def represent_health(
    webhook: Webhook, standing: endpoint_figures.Standing, lately: endpoint_figures.Lately
) -> dict[str, Any]:
    """Return the health of an endpoint as a document of the API."""
    shown = ("held", "is_more", "oldest", "seconds", "failing_since", "next_probe_at", "expired")
    return {
        "webhook_id": webhook.id,
        "is_active": webhook.is_active,
        "paused_at": webhook.paused_at,
        "pause_reason": webhook.pause_reason,
        **{name: getattr(standing, name) for name in shown},
        "next_attempt_at": standing.next_at,
        "last_day": _span(lately.whole),
        "hours": [_span(one) for one in lately.spans],
    }


def _span(span: endpoint_figures.Tried) -> dict[str, Any]:
    return {
        "hour": span.begins,
        "attempts": span.tried,
        "delivered": span.good,
        "failed": span.bad,
        "p50_ms": span.p50,
        "p95_ms": span.p95,
    }


def _after(webhook: Webhook) -> Response:
    for name in request.args:
        if name not in ("after", "limit", "cursor"):
            raise listing.refused(name, "With after, only limit and cursor may be given.")
    last = request.args["after"]
    if not (last.isascii() and last.isdigit() and len(last) < 16):
        raise listing.refused("after", "Give the sequence number of the last delivery you have.")
    limit, cursor = listing.limit_of(request.args), request.args.get("cursor")
    found, next_cursor = search.after(actor(), webhook, int(last), limit, cursor)
    return listed(_represent_all(found), next_cursor)


def _get(id: str) -> Response:
    no_parameters()
    delivery, _ = search.one(actor(), id)
    attempts = search.attempts_of(actor(), delivery, whole=True)
    hidden = settings.hidden_from(actor())
    tried = [represent_attempt(attempt, hidden) for attempt in attempts]
    document = represent(delivery, search.receiver_of(actor(), delivery))
    return answer({**document, "attempt_list": tried})


def _redeliver(id: str) -> Response:
    no_parameters()

    def work() -> Outcome:
        again = resend.redeliver(actor(), id)
        return Outcome(represent(again, search.receiver_of(actor(), again)), 201)

    return once(work)


def _hurry(id: str) -> Response:
    no_parameters()

    def work() -> Outcome:
        delivery = resend.retry_now(actor(), id)
        return Outcome(represent(delivery, search.receiver_of(actor(), delivery)), 202)

    return once(work)


def _backlog(id: str) -> Response:
    no_parameters()
    held = safe_pause.backlog(actor(), find(Webhook, actor(), id))
    return answer(fields_of(BacklogDocument, held))


def _try() -> Response:
    no_parameters()
    command = FilterTest.read(body())
    trial = resend.try_settings(actor(), command.event_types, command.filter, command.webhook_id)
    return answer(fields_of(FilterTestResult, trial))


def _replay(id: str) -> Response:
    no_parameters()
    find(Webhook, actor(), id)
    command = ReplayInput.read(body())
    window = (actor(), id, command.since, command.until, command.what)

    def work() -> Outcome:
        if command.dry_run:
            total = replays.preview(*window)
            asked = {name: getattr(command, name) for name in ("since", "until", "what", "rate")}
            nothing = dict.fromkeys(ReplayProgress.model_fields)
            seen = {**nothing, **asked, "webhook_id": id, "total": total, "counts": {}}
            return Outcome(seen, 200)
        replay = replays.begin(*window, command.rate)
        return Outcome(_progress(replays.standing(actor(), replay)), 201)

    return once(work)


def _replays(id: str) -> Response:
    no_parameters()
    webhook = find(Webhook, actor(), id, include_deleted=True)
    items = [_replay_document(one) for one in replays.of_webhook(actor(), webhook)]
    return listed(items, None)


def _replay_document(replay: Replay) -> dict[str, Any]:
    return fields_of(ReplayDocument, replay)


def _progress(found: replays.Progress) -> dict[str, Any]:
    return {**_replay_document(found.replay), "counts": dict(found.counts)}


def _replay_progress(id: str) -> Response:
    no_parameters()
    return answer(_progress(replays.progress(actor(), id)))


def _cancel_replay(id: str) -> Response:
    no_parameters()
    return once(lambda: Outcome(_progress(replays.cancel(actor(), id)), 200))


def _resume(who: Actor, id: str, command: ResumeInput) -> Webhook:
    return safe_pause.resume(who, id, command.choice, command.before)


OPERATIONS = (
    webhooks.operation_of(
        Action(
            name="pause",
            summary="Pause a webhook and hold its events",
            description="Hold the events of a webhook until it is resumed. They are kept"
            " in the meantime and nothing is sent. A webhook that is paused"
            " already is a 409.",
            run=lambda who, id, _: manual_pause.pause(who, id),
            scope="webhooks:write",
        )
    ),
    webhooks.operation_of(
        Action(
            name="resume",
            summary="Resume a webhook",
            description="Send again, and choose what happens to the events that were held:"
            " all of them, the newest of each subject, or those since a time."
            " Sending ramps up slowly. A webhook that is not paused is a 409.",
            run=_resume,
            scope="webhooks:write",
            command=ResumeInput,
        )
    ),
    Operation(
        resource="webhooks",
        name="list_deliveries",
        method="GET",
        path="/webhooks/{id}/deliveries",
        summary="List the deliveries of a webhook",
        description="Return one page of the deliveries of a webhook, newest first."
        " With `after`, return those that follow a sequence number, in"
        " order, to fill a gap; only `limit` and `cursor` may then be given"
        " beside it.",
        scope="webhooks:read",
        view=_list,
        answer=DeliveryDocument,
        is_list=True,
        parameters=(
            Parameter("after", {"type": "integer"}, "The last sequence number that you have"),
            *list_parameters(search.OF_WEBHOOK, listing.OF_RECORDS),
        ),
    ),
    Operation(
        resource="webhooks",
        name="replay",
        method="POST",
        path="/webhooks/{id}/replays",
        summary="Replay the events of a period, or count them",
        description="Send the events of a period to a webhook again, beside what it"
        " gets now. With `dry_run` it only counts them. Events that are no"
        " longer kept cannot be sent.",
        scope="webhooks:write",
        record=Webhook,
        view=_replay,
        command=ReplayInput,
        answer=ReplayProgress,
        status=201,
        other_status=200,
        parameters=(RETRY,),
    ),
    Operation(
        resource="webhooks",
        name="list_replays",
        method="GET",
        path="/webhooks/{id}/replays",
        summary="List the latest replays of a webhook",
        description="Return the latest replays of a webhook, newest first.",
        scope="webhooks:read",
        view=_replays,
        answer=ReplayDocument,
        is_list=True,
    ),
    Operation(
        resource="webhooks",
        name="get_backlog",
        method="GET",
        path="/webhooks/{id}/backlog",
        summary="Get the backlog of a webhook",
        description="Return how many deliveries wait for a webhook, since when, and"
        " about how long it takes to send them.",
        scope="webhooks:read",
        view=_backlog,
        answer=BacklogDocument,
    ),
    Operation(
        resource="replays",
        name="get",
        method="GET",
        path="/replays/{id}",
        summary="Get one replay and its progress",
        description="Return one replay with the number of its deliveries in each state.",
        scope="webhooks:read",
        view=_replay_progress,
        answer=ReplayProgress,
    ),
    Operation(
        resource="replays",
        name="cancel",
        method="POST",
        path="/replays/{id}/cancellations",
        summary="Cancel a replay",
        description="Send nothing more of a replay. Requests in flight still arrive,"
        " and what was sent stays sent. It can be repeated safely.",
        scope="webhooks:write",
        view=_cancel_replay,
        answer=ReplayProgress,
        parameters=(RETRY,),
    ),
    Operation(
        resource="webhooks",
        name="try_filter",
        method="POST",
        path="/webhooks/filter-tests",
        summary="Test event types and a filter with recent events",
        description="Count how many of the last 200 events these settings match. With"
        " `webhook_id`, also tell how that differs from what the webhook"
        " gets today. Nothing is sent or stored.",
        scope="events:read",
        view=_try,
        command=FilterTest,
        answer=FilterTestResult,
        body_required=True,
    ),
    Operation(
        resource="webhooks",
        name="get_health",
        method="GET",
        path="/webhooks/{id}/health",
        summary="Get the health of a webhook: the attempts of the last 24 hours, and what waits",
        description="Return the attempts of the last 24 hours, their latency and their"
        " errors, and the number of deliveries that wait.",
        scope="webhooks:read",
        view=_health,
        answer=HealthDocument,
    ),
    Operation(
        resource="deliveries",
        name="list",
        method="GET",
        path="/deliveries",
        summary="List the deliveries of all webhooks, newest first",
        description="Return one page of the deliveries of all webhooks, newest first."
        " The parameters filter by state, event or time.",
        scope="webhooks:read",
        view=_list_all,
        answer=DeliveryDocument,
        is_list=True,
        parameters=list_parameters(search.LISTING, listing.OF_RECORDS),
    ),
    Operation(
        resource="deliveries",
        name="get",
        method="GET",
        path="/deliveries/{id}",
        summary="Get one delivery with its attempts",
        description="Return one delivery with its latest attempts: what was sent, what"
        " was received, and how long it took.",
        scope="webhooks:read",
        view=_get,
        answer=DeliveryWithAttempts,
    ),
    Operation(
        resource="deliveries",
        name="redeliver",
        method="POST",
        path="/deliveries/{id}/redeliveries",
        summary="Send the event of a delivery once more",
        description="Send the event of a delivery once more to the same webhook, with"
        " the same `webhook-id`. The answer is the new delivery. If the"
        " webhook is deleted, or the event is no longer kept, it is a 409.",
        scope="webhooks:write",
        view=_redeliver,
        answer=DeliveryDocument,
        status=201,
        parameters=(RETRY,),
    ),
    Operation(
        resource="deliveries",
        name="hurry",
        method="POST",
        path="/deliveries/{id}/attempts",
        summary="Make the next attempt of a delivery now",
        description="Make the next attempt of a delivery now, not at its planned time."
        " If the receiver asked to slow down, the attempt still waits for"
        " that. A delivery that does not wait for an attempt is a 409.",
        scope="webhooks:write",
        view=_hurry,
        answer=DeliveryDocument,
        status=202,
        parameters=(RETRY,),
    ),
)
