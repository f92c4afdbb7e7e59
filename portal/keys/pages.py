"""Pages of keys: /keys."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial

from flask import request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.applications import service as applications
from portal.audit import pages as audit_pages
from portal.core.errors import Conflict
from portal.identity import people
from portal.identity.scope_grid import may
from portal.identity.sessions.login import recent_sign_in_required
from portal.keys import service
from portal.keys.listing import filters, table
from portal.keys.models import ApiKey
from portal.keys.page_kit import about, bp, overtaken
from portal.keys.schemas import KeyDocument, StopKey
from portal.keys.usage import figures, insight
from portal.records import listing
from portal.web import lists
from portal.web.drawing import facts, ranges
from portal.web.drawing.charts import Column, Series
from portal.web.drawing.template_functions import iso

LIMITS = "div#limits"  # a part that looks again by itself
SERIES = (Series("let through", "ok"), Series("refused", "bad"))
UNSAID = {
    "oauth:introspect": "A service asked about the key, and did not say which of these it needs.",
    "oauth:token": "The key was exchanged for tokens. Services that verify them offline are not"
    " counted.",
}
"""The uses of a key that do not say which of its scopes was needed."""
SHOWN_OTHERWISE = (
    "prefix", "rotated_from_key_id", "rotation_family_id",
)  # fmt: skip


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the list of keys; return only its table to htmx."""
    if (better := lists.better_address(table.TABLE)) is not None:
        return better
    asked, caller = lists.list_request(table.TABLE), web.actor()
    page = listing.page(caller, filters.CONSOLE, asked.query, table.COLUMNS)
    items = [table.Line(*row[: len(table.Line._fields)]) for row in page.items]
    persons = partial(people.choices, caller)
    return lists.render(
        "keys/index.html",
        "keys/_listing.html",
        asked,
        replace(page, items=items),
        tick=table.may_be_selected,
        offered={
            "application_id": lists.Offer(partial(applications.choices, caller)),
            "created_by_user_id": lists.Offer(persons),
            "issued_to_user_id": lists.Offer(persons),
            "rotated_from_key_id": lists.Offer(partial(service.names, caller), is_whole=False),
        },
        questions=filters.views(),
    )


@bp.get("/<record_id>")
def show(record_id: str) -> ResponseReturnValue:
    """Show one key without the raw key: its settings, its use, and the state of its limits."""
    caller = web.actor()
    record = service.get(caller, record_id)
    if web.portal_request().wants_fragment:
        return _refreshed(record)
    asked = ranges.range_in_address("7d")
    use = figures.use(caller, record_id, asked.step * asked.bars)
    used = {seen.what: seen for seen in use.scopes}
    unsaid = [(scope, words, used[scope]) for scope, words in UNSAID.items() if scope in used]
    return about(
        "keys/show.html",
        record,
        rights=[(scope, may(scope), used.get(scope)) for scope in record.scopes],
        unsaid=unsaid,
        spare=0 if unsaid else _spare(record, used),
        use=use,
        range=asked,
        columns=_columns(record_id, asked, use),
        series=SERIES,
        standing=figures.standing(caller, record),
        others=facts.others("keys/show.html", KeyDocument, record, SHOWN_OTHERWISE),
    )


def _spare(record: ApiKey, used: Collection[str]) -> int:
    """Return how many scopes of a key were not used; 0 if none was, which says nothing of any."""
    spare = len([scope for scope in record.scopes if scope not in used])
    return spare if spare < len(record.scopes) else 0


def _refreshed(record: ApiKey) -> ResponseReturnValue:
    """Return the part of a key's page that looks again by itself, and read only what it shows."""
    if web.portal_request().source == LIMITS:
        standing = figures.standing(web.actor(), record)
        return web.render("keys/_limits.html", record=record, standing=standing)
    return web.render("keys/_heard.html", record=record, heard=insight.of_stop(record))


def _columns(record_id: str, asked: ranges.Range, use: figures.Use) -> list[Column]:
    """Return the calls of a key. A bar with refused calls leads to them: only those are kept."""

    def values(span: ranges.Span) -> tuple[int, int]:
        calls, refused = (
            sum(n for hour, n in counted.items() if span.begins <= hour < span.ends)
            for counted in (use.calls, use.denials)
        )
        return calls, refused

    def url(span: ranges.Span) -> str | None:
        if not values(span)[1]:
            return None
        since, until = iso(span.begins), iso(span.ends)
        return url_for("keys.explain", key_id=record_id, since=since, until=until, _anchor="recent")

    return ranges.columns(asked.spans(use.until), values, url)


@bp.get("/<record_id>/history")
def history(record_id: str) -> ResponseReturnValue:
    """Show the history of a key."""
    record = service.get(web.actor(), record_id)
    entries = audit_pages.of_record(record_id)
    return about("keys/history.html", record, entries=entries)


@bp.post("/<record_id>/revoke")
@recent_sign_in_required
def revoke(record_id: str) -> ResponseReturnValue:
    """Revoke a key permanently."""
    service.revoke(web.actor(), record_id, _stop())
    return _changed(record_id, "The key is revoked. Its next request is refused.")


@bp.post("/<record_id>/block")
def block(record_id: str) -> ResponseReturnValue:
    """Block a key. Needs no recent sign-in, because it may be an emergency."""
    try:
        service.block(web.actor(), record_id, _stop())
    except Conflict:
        return overtaken(record_id)
    return _changed(record_id, "The key is blocked. Its next request is refused.")


@bp.post("/<record_id>/unblock")
@recent_sign_in_required
def unblock(record_id: str) -> ResponseReturnValue:
    """Unblock a key."""
    record = service.unblock(web.actor(), record_id)
    return _changed(record_id, _unblocked(record))


def _unblocked(record: ApiKey) -> str:
    """Return what follows for an unblocked key: something else may still refuse its calls."""
    if record.state == "stopped":
        return f"The key is unblocked. Its application is still {record.application_status}."
    if record.state == "active" and record.brownout_from is None and record.parent_key_id is None:
        return "The key works again."
    return "The key is unblocked."


def _stop() -> StopKey:
    return StopKey.read({"reason": request.form.get("reason") or None})


def _changed(record_id: str, words: str) -> ResponseReturnValue:
    web.toast(words)
    return web.see_other(url_for("keys.show", record_id=record_id))
