"""Pages that stop keys: one key, many keys after a dry run, or all keys of an application."""

from collections.abc import Sequence
from datetime import UTC, datetime

from flask import request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from portal import web
from portal.applications import service as applications
from portal.core.errors import BadRequest, Conflict, Invalid
from portal.identity import people
from portal.identity.sessions.login import recent_sign_in_required
from portal.keys import service
from portal.keys.listing import filters
from portal.keys.page_kit import KEPT, about, bp, overtaken
from portal.keys.revocation import blast_radius, revocation
from portal.keys.revocation.blast_radius import MOST, REPAIRS, Selection, Shown
from portal.keys.revocation.in_parts import Stopped
from portal.keys.revocation.revocation import Past
from portal.keys.schemas import RevokeKey, StopKey
from portal.records import listing

WAYS = [
    ("now", "Now", "Its next request is refused, everywhere."),
    ("at", "At a time", "It works until then; you can take it back."),
    (
        "brownout",
        "As a brown-out",
        "Refused for 1 minute in the first hour, then 2, 4, 8 … and for good after 6 hours: "
        "whoever still uses it notices while you can take it back.",
    ),
]
SAID = {
    "now": "The key is revoked. Its next request is refused.",
    "at": "The key will be revoked at that time. You can take it back until then.",
    "brownout": "The brown-out has begun. You can take it back for 6 hours.",
}
SAMPLE = 10
MOST_NAMED = 3  # values of one filter that its choice names
VERBS = {
    "revoke": "Revoke",
    "block": "Block",
    "expire": "Let end in 90 days",
    "limit": "Limit to 600 requests per minute",
    "budget": "Give 100 US dollars a month",
}
DONE = {
    "revoke": "revoked",
    "block": "blocked",
    "expire": "going to end in 90 days",
    "limit": "limited",
    "budget": "given a budget",
}


@bp.route("/<record_id>/stop", methods=["GET", "POST"])
@recent_sign_in_required
def stop(record_id: str) -> ResponseReturnValue:
    """Revoke one key: show what that would break, then revoke it now, at a time or by a
    brown-out."""
    caller = web.actor()
    record = service.get(caller, record_id)
    caller.require("keys:write")
    problem, wrong = "", ""
    if request.method == "POST":
        if record.status == "revoked":
            return overtaken(record_id)
        try:
            words = _stop_one(record_id)
        except Invalid as error:
            problem = error.errors[0].message if error.errors else error.detail
            wrong = error.errors[0].field if error.errors else ""
        except Conflict:
            return overtaken(record_id)
        else:
            web.toast(words)
            return web.see_other(url_for("keys.show", record_id=record_id))
    return about(
        "keys/stop.html",
        record,
        blast=blast_radius.blast(caller, record),
        ways=WAYS,
        chosen=request.form.get("way", "now"),
        problem=problem,
        wrong=wrong,
        status=422 if problem else 200,
    )


def _stop_one(record_id: str) -> str:
    way = request.form.get("way", "now")
    asked: dict[str, object] = {"reason": _reason()}
    if way != "at" and request.form.get("at", "").strip():
        raise Invalid.field("at", "A time is given. Choose “At a time”, or leave the time empty.")
    if way == "at":
        asked["at"] = _moment(request.form.get("at", ""))
    elif way == "brownout":
        asked["brownout"] = True
    revocation.revoke(web.actor(), record_id, RevokeKey.read(asked))
    return SAID.get(way, SAID["now"])


def _reason() -> str | None:
    """Return the reason that was typed; None for an empty one. Raises Invalid for one that may not
    be kept, such as a text with a key."""
    return StopKey.read({"reason": request.form.get("reason", "").strip() or None}).reason


def _moment(text: str) -> str:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid.field("at", "Give a date and a time, in UTC.") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


@bp.post("/<record_id>/keep")
@recent_sign_in_required
def keep(record_id: str) -> ResponseReturnValue:
    """Cancel a planned revocation."""
    blast_radius.keep(web.actor(), record_id)
    web.toast("The key stays.")
    return web.see_other(url_for("keys.show", record_id=record_id))


# ---------------------------------------------------------------- many at once


@bp.get("/bulk")
def preview() -> ResponseReturnValue:
    """Show the dry run of an action on many keys, selected by a query."""
    web.actor().require("keys:write")
    return _dry_run(_selection())


@bp.post("/bulk")
@recent_sign_in_required
def bulk() -> ResponseReturnValue:
    """Revoke, block or limit many keys."""
    web.actor().require("keys:write")
    return _stop_many(_selection())


def _selection() -> Selection:
    asked = request.form if request.method == "POST" else request.args
    question = MultiDict([(n, v) for n, v in asked.items(multi=True) if n in KEPT and v])
    return Selection(filters.CONSOLE, listing.parse(filters.CONSOLE, question))


def _dry_run(chosen: Selection, problem: str = "", wrong: str = "") -> ResponseReturnValue:
    caller = web.actor()
    asked = request.form if request.method == "POST" else request.args
    says_which = chosen.is_narrowed
    verb = asked["verb"] if asked.get("verb") in VERBS else "revoke"
    ids = blast_radius.selected(caller, chosen, verb) if says_which else ()
    count = len(ids)
    is_too_many = count > MOST and verb not in REPAIRS
    return web.render(
        "keys/bulk.html",
        says_which=says_which,
        count=min(count, MOST),
        is_more=count > MOST,
        is_too_many=is_too_many,
        is_offered=count > 0 and not is_too_many,
        sample=blast_radius.sample(caller, chosen, verb, SAMPLE) if says_which else [],
        reason=asked.get("reason", ""),
        hidden=[(n, v) for n, v in asked.items(multi=True) if v and n in KEPT],
        query=chosen.query,
        verb=verb,
        verbs=VERBS,
        shown=blast_radius.fingerprint(ids),
        application_id=_filter_value(chosen, "application_id"),
        applications=_offered(applications.choices(caller), chosen, "application_id"),
        created_by_user_id=_filter_value(chosen, "created_by_user_id"),
        people=_offered(people.choices(caller), chosen, "created_by_user_id"),
        problem=problem,
        wrong=wrong,
        status=422 if problem else 200,
    )


def _filter_value(chosen: Selection, name: str) -> str:
    """Return the value of a filter as it stands in an address; empty without one."""
    given = chosen.query.filters.get(name) or ""
    return ",".join(given) if isinstance(given, tuple) else str(given)


def _offered(choices: list[tuple[str, str]], chosen: Selection, name: str) -> list[tuple[str, str]]:
    """Return the choices of a filter with what is chosen, which may be several or an older one."""
    value = _filter_value(chosen, name)
    if not value or value in dict(choices):
        return choices
    ids, known = value.split(","), dict(choices)
    names = " or ".join(known.get(one, one) for one in ids)
    return [*choices, (value, names if len(ids) <= MOST_NAMED else f"{len(ids)} of these")]


def _stop_many(chosen: Selection) -> ResponseReturnValue:
    verb = request.form.get("verb", "revoke")
    if verb not in VERBS:
        raise BadRequest(f"Choose one of {', '.join(VERBS)}.")
    if not chosen.is_narrowed:
        return _dry_run(chosen, "Say which keys: by application, who made them, tag or age.")
    try:
        reason = _reason()
    except Invalid as error:
        return _dry_run(chosen, error.errors[0].message, "reason")
    typed = request.form.get("confirm", "").strip().replace(",", "")
    try:
        shown = Shown(request.form.get("shown", ""), request.form.get("shown_for", ""))
        ids = blast_radius.confirmed(web.actor(), chosen, verb, typed, shown)
    except Conflict as error:
        return _dry_run(chosen, error.detail, "confirm")
    done = _act(verb, chosen, ids, reason)
    count = len(ids)
    of_how_many = f"{done.count:,} of {count:,}" if done.count < count else f"{done.count:,}"
    words = f"{of_how_many} {'key is' if count == 1 else 'keys are'} {DONE[verb]}."
    if done.left:
        words += " Do it again for the others."
    elif done.count < count:
        words += " Somebody else changed the others meanwhile."
    web.toast(words, "warn" if done.count < count else "ok")
    return web.see_other(url_for("keys.index"))


def _act(verb: str, chosen: Selection, ids: Sequence[str], reason: str | None) -> Stopped:
    if verb in REPAIRS:
        return blast_radius.repair_many(web.actor(), ids, verb)
    past: Past = "blocked" if verb == "block" else "revoked"
    return blast_radius.stop_many(web.actor(), chosen, ids, past, reason)


# ---------------------------------------------------------------- the panic button


@bp.route("/panic", methods=["GET", "POST"])
@recent_sign_in_required
def panic() -> ResponseReturnValue:
    """Revoke every key of an application at once, after its slug was typed."""
    caller = web.actor()
    caller.require("keys:write")
    asked = request.form if request.method == "POST" else request.args
    application_id = asked.get("application_id", "")
    if not application_id:
        return web.render("keys/panic.html", application=None, choices=applications.choices(caller))
    application = applications.get(caller, application_id)
    problem, wrong = "", ""
    if request.method == "POST":
        typed = request.form.get("confirm", "").strip()
        try:
            done = blast_radius.panic(caller, application, typed, _reason(), filters.CONSOLE)
        except Invalid as error:
            problem = error.errors[0].message if error.errors else error.detail
            wrong = error.errors[0].field if error.errors else ""
        else:
            return _after_panic(application.id, done)
    every = blast_radius.of_application(application, filters.CONSOLE)
    count = blast_radius.how_many(caller, every, "revoke")
    return web.render(
        "keys/panic.html",
        application=application,
        count=min(count, MOST),
        is_more=count > MOST,
        choices=[],
        reason=asked.get("reason", ""),
        problem=problem,
        wrong=wrong,
        status=422 if problem else 200,
    )


def _after_panic(application_id: str, done: Stopped) -> ResponseReturnValue:
    """Say what was revoked; if keys are left, lead back to where the rest is revoked."""
    words = f"{done.count:,} {'key is' if done.count == 1 else 'keys are'} revoked."
    if not done.left:
        web.toast(words)
        return web.see_other(url_for("keys.index", application_id=application_id))
    left = f"More than {MOST:,} are" if done.left > MOST else f"{done.left:,} are"
    left = "One is" if done.left == 1 else left
    again = "not revoked yet: do it again for them, or suspend the application."
    web.toast(f"{words} {left} {again}", "warn")
    return web.see_other(url_for("keys.panic", application_id=application_id))
