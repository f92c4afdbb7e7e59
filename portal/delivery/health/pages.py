"""Pages of an endpoint's health: figures, pause and resume, replays."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.core.errors import BadRequest, NotFound
from portal.core.key_shape import shown
from portal.database.record import find
from portal.database.session import database_now
from portal.delivery.forms import ReplayForm, ResumeForm, TrialForm
from portal.delivery.health import endpoint_figures, manual_pause, safe_pause
from portal.delivery.log import attempt_view, replays, resend
from portal.delivery.queue import policy
from portal.records import listing
from portal.web.drawing import ranges
from portal.web.drawing.charts import Series
from portal.web.drawing.template_functions import iso
from portal.webhooks import service
from portal.webhooks.models import Webhook

bp = Blueprint("endpoints", __name__, url_prefix="/webhooks")
SERIES = (Series("delivered", "ok"), Series("failed", "bad"))
SLOW = (Series("ms (95 % were faster)", "ok", adds=False),)
STATES = ("delivered", "pending", "held", "in_flight", "retrying", "failed", "expired", "cancelled")


@bp.get("/<record_id>/health")
def health(record_id: str) -> ResponseReturnValue:
    """Show the health of an endpoint: figures of the last day, waiting deliveries, and why it is
    paused."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    standing = endpoint_figures.standing(web.actor(), record)
    asked = ranges.range_in_address()
    spans = asked.spans(standing.now)
    begins = [span.begins for span in spans]
    lately = endpoint_figures.lately(web.actor(), record, begins, asked.step)
    return web.render(
        "webhooks/health.html",
        "webhooks/_health.html",
        record=record,
        standing=standing,
        lately=lately,
        takes=endpoint_figures.in_words(standing.seconds),
        target=f"{endpoint_figures.TARGET:.0%}",
        pause_title=attempt_view.pause_title(record),
        good_probes=policy.GOOD_PROBES,
        limits=(policy.PAUSE_FAILURES, int(policy.PAUSE_AFTER.total_seconds() // 60)),
        range=asked,
        most=endpoint_figures.LOOKED_AT,
        **_charts(record, lately, spans),
    )


def _charts(
    record: Webhook, lately: endpoint_figures.Lately, spans: Sequence[ranges.Span]
) -> dict[str, Any]:
    def url(span: ranges.Span) -> str:
        return url_for(
            "tests.attempts",
            record_id=record.id,
            created_after=iso(span.begins),
            created_before=iso(span.ends),
        )

    tried = dict(zip(spans, lately.spans, strict=True))
    return {
        "series": SERIES,
        "columns": ranges.columns(spans, lambda one: (tried[one].good, tried[one].bad), url),
        "slow": SLOW,
        "slow_columns": ranges.columns(spans, lambda one: (round(tried[one].p95 or 0),), url),
    }


@bp.post("/<record_id>/pause")
def pause(record_id: str) -> ResponseReturnValue:
    """Pause a webhook: its events are held until somebody resumes it. A button undoes that, so no
    confirmation is needed."""
    record = manual_pause.pause(web.actor(), record_id)
    web.toast(f"{record.name} is paused. Its events are held, none is lost.", "warn")
    return web.see_other(url_for("endpoints.health", record_id=record_id))


@bp.route("/<record_id>/resume", methods=["GET", "POST"])
def resume(record_id: str) -> ResponseReturnValue:
    """Resume a webhook, with a choice of what happens to the held events."""
    web.actor().require("webhooks:write")
    record = find(Webhook, web.actor(), record_id)
    form = ResumeForm()
    if (command := form.command()) is not None:
        with form.catching():
            safe_pause.resume(web.actor(), record_id, command.choice, command.before)
            web.toast(f"{record.name} is resumed. What was held is on its way.")
            return web.see_other(url_for("endpoints.health", record_id=record_id))
    standing = endpoint_figures.standing(web.actor(), record)
    rate = standing.held / standing.seconds if standing.seconds else safe_pause.USUAL_RATE
    return web.render(
        "webhooks/resume.html",
        record=record,
        form=form,
        standing=standing,
        takes=endpoint_figures.in_words(standing.seconds),
        newest_takes=endpoint_figures.in_words(standing.newest_only / rate),
        rate=f"{rate:,.0f}",
        pause_title=attempt_view.pause_title(record),
        status=form.answer_status,
    )


# ---------------------------------------------------------------- replays


@bp.route("/<record_id>/replays", methods=["GET", "POST"])
def replay(record_id: str) -> ResponseReturnValue:
    """Show the replays of a webhook, and a form for a new one: it first counts the events, then
    sends them."""
    record = service.get(web.actor(), record_id, include_deleted=request.method == "GET")
    if request.method == "POST":
        web.actor().require("webhooks:write")
    form = ReplayForm(data=_last_day() if request.method == "GET" else None)
    count = None
    if (command := form.command()) is not None:
        window = (web.actor(), record_id, command.since, command.until, command.what)
        with form.catching():
            if request.form.get("sure") == "1":
                if (done := web.already_done(form)) is None:
                    done = replays.begin(*window, command.rate).id
                    web.note_done(form, done)
                    web.toast("The replay has begun.")
                return web.see_other(_place(record_id, done))
            count = replays.preview(*window)
    return web.render(
        "webhooks/replays.html",
        record=record,
        form=form,
        count=count,
        takes=endpoint_figures.in_words(
            (count or 0) / (int(form.rate.sent() or 0) or safe_pause.USUAL_RATE)
        )
        if count
        else None,
        most=replays.MOST,
        past=replays.of_webhook(web.actor(), record),
        what=dict(ReplayForm.WHAT),
        status=form.answer_status,
    )


def _last_day() -> dict[str, Any]:
    now = database_now().astimezone(UTC).replace(second=0, microsecond=0)
    asked = request.args.get("what", "failed")
    return {
        "since": _moment("from") or now - timedelta(days=1),
        "until": _moment("to") or now + timedelta(minutes=1),
        "what": asked if asked in ("failed", "missing", "all") else "failed",
    }


def _moment(name: str) -> datetime | None:
    """Return a moment from the query string, so that a link can contain the period; None if it is
    none."""
    try:
        return listing.moment_of(request.args, name)
    except BadRequest:
        return None


def _place(record_id: str, replay_id: str) -> str:
    return url_for("endpoints.replay_progress", record_id=record_id, replay_id=replay_id)


@bp.get("/<record_id>/replays/<replay_id>")
def replay_progress(record_id: str, replay_id: str) -> ResponseReturnValue:
    """Show the progress of a replay; the page refreshes itself while it runs."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    found = replays.progress(web.actor(), replay_id)
    if found.replay.webhook_id != record.id:
        raise _no_such(replay_id)
    held = (found.held, record.state, record.pause_reason)
    seen = (found.waiting, *held, found.replay.cancelled_at)
    tag = ".".join(map(str, (replay_id[-8:], *seen))).replace(" ", "")
    if web.portal_request().wants_fragment and request.headers.get("HX-PTag") == tag:
        return "", 304
    answer = web.render(
        "webhooks/replay.html",
        "webhooks/_replay.html",
        record=record,
        replay=found.replay,
        counts=[
            (name, attempt_view.state_text(name), found.counts.get(name, 0)) for name in STATES
        ],
        standing=_standing(found),
        waiting=found.waiting,
        held=attempt_view.held_because(record) if found.held else "",
        done=found.replay.total - found.waiting,
        what=dict(ReplayForm.WHAT)[found.replay.what],
    )
    answer.headers["HX-PTag"] = tag
    return answer


def _standing(found: replays.Progress) -> tuple[str, str]:
    """Return how a replay stands, as a status and its text."""
    if found.replay.cancelled_at:
        return "cancelled", "cancelled"
    if found.held:
        return "held", "held"
    return ("running", "on its way") if found.waiting else ("done", "done")


def _no_such(replay_id: str) -> NotFound:
    return NotFound(f"There is no replay {shown(replay_id)} in this tenant.")


@bp.post("/<record_id>/replays/<replay_id>/cancellations")
def cancel_replay(record_id: str, replay_id: str) -> ResponseReturnValue:
    """Cancel a replay: nothing more of it is sent."""
    web.actor().require("webhooks:write")
    record = service.get(web.actor(), record_id, include_deleted=True)
    if replays.progress(web.actor(), replay_id).replay.webhook_id != record.id:
        raise _no_such(replay_id)
    replays.cancel(web.actor(), replay_id)
    web.toast("Nothing more of this replay is sent.", "warn")
    return web.see_other(_place(record_id, replay_id))


# ---------------------------------------------------------------- filter tests


@bp.post("/trials")
def try_settings() -> ResponseReturnValue:
    """Show which of the last events the settings in a form would have matched."""
    web.actor().require("webhooks:write")
    form, trial = TrialForm(), None
    if (command := form.command()) is not None:
        with form.catching():
            record_id = request.args.get("record_id") or None
            trial = resend.try_settings(web.actor(), command.event_types, command.filter, record_id)
    return web.render(
        "webhooks/trial.html",
        "webhooks/_trial.html",
        form=form,
        trial=trial,
        back=request.referrer and web.local_path(request.referrer),
    )
