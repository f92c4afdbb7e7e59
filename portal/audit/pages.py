"""The page of the audit log, and the rows that every record's History tab shows."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from typing import Any

from flask import Blueprint, current_app, url_for
from werkzeug.wrappers import Response

from portal import web
from portal.audit.table import TABLE
from portal.database.actor import Actor
from portal.overview import parts as overview
from portal.overview.parts import Change, OverviewPart
from portal.records.audit import log, trail
from portal.records.audit.models import AuditEntry
from portal.records.listing import Query
from portal.rest.findable import Find, SearchQuery
from portal.web import lists
from portal.web.drawing.template_functions import record_url

bp = Blueprint("audit", __name__, url_prefix="/audit")
# Actions whose names do not read as "verb the noun".
SAID = {
    "key.link_made": "made a one-time link to the key",
    "key.link_opened": "read the key",
    "key.reservations_released": "released the reservations of the key",
    "key.revocation_cancelled": "cancelled the revocation of the key",
    "key.revocation_planned": "planned the revocation of the key",
    "key.rotation_taken_back": "took back the rotation of the key",
    "export.begun": "exported",
    "connector.credentials_lost": "found the credentials of the connector lost",
    "connector.credentials_removed": "removed the credentials of the connector",
    "connector.health_changed": "noted the health of the connector",
    "person.sessions_ended": "ended all sessions of",
    "session.began": "signed in as",
    "session.ended": "ended the session of",
    "session.renewed": "signed in again as",
    "sign_in.refused": "was refused to sign in as",
    "webhook.hurried": "sent a waiting delivery of the webhook at once",
    "webhook.quarantine_cleared": "cleared the quarantine of the webhook",
    "webhook.replay_cancelled": "cancelled a replay of the webhook",
    "webhook.secret_retired": "retired the previous secret of the webhook",
    "webhook.secret_rotated": "rotated the secret of the webhook",
    "webhook.tried": "tried settings on the webhook",
}
COMING_AND_GOING = ("session.", "sign_in.")
TODAY = 60  # entries that the overview looks at
AN_ACTION = re.compile(r"[a-z_]{1,40}\.[a-z_]{1,40}")
AN_ID = re.compile(r"[a-z]{3}_[0-9A-Z]{26}")
FEW_FOUND = 3
SHOWN_LENGTH = 300  # characters of one value; REST returns all of it


@bp.get("")
def index() -> Response:
    """Show everything that happened in the tenant, newest first."""
    if (better := lists.better_address(TABLE)) is not None:
        return better
    asked = lists.list_request(TABLE)
    found = log.page(web.actor(), asked.query)
    return lists.render(
        "audit/index.html",
        "audit/_log.html",
        asked,
        found,
        offered={
            "actor_id": lists.Offer(partial(_named, log.names_of_actors), is_whole=False),
            "record_id": lists.Offer(partial(_named, log.names_of_records), is_whole=False),
        },
        entries=lines(found.items, named=True),
        said=None if web.portal_request().wants_fragment else log.today(web.actor()),
    )


def _named(
    names: Callable[[Actor, Collection[str]], Mapping[str, str]], ids: Collection[str]
) -> Sequence[tuple[str, str]]:
    return list(names(web.actor(), ids).items())


# ---------------------------------------------------------------- on the overview


def overview_part(actor: Actor, found: Mapping[str, Any], now: datetime) -> OverviewPart:
    """Return what people and programs changed today (UTC), the newest first. Several changes of the
    same kind by the same actor, one after the other, are one line."""
    if not actor.can("audit:read"):
        return OverviewPart()
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    entries = log.newest_of(actor, {"occurred_after": midnight}, TODAY)
    changes = [one for one in entries if not one.action.startswith(COMING_AND_GOING)]
    groups = groupby(changes, key=lambda one: (one.actor_id, one.action))
    return OverviewPart(changes=[_change(list(group)) for _, group in groups])


def _change(entries: Sequence[AuditEntry]) -> Change:
    newest = entries[0]
    return Change(
        at=newest.occurred_at.astimezone(UTC),
        who=newest.actor_name,
        who_url=url_for("audit.index", actor_id=newest.actor_id),
        text=_in_words(newest),
        name=newest.record_name or newest.record_id,
        url=_page_of(newest),
        more=len({one.record_id for one in entries}) - 1,
    )


def _page_of(entry: AuditEntry) -> str:
    """Return the page of the record of an entry, or else its history."""
    page = f"{entry.record_kind.replace(' ', '_')}s.show"
    if page in current_app.view_functions:
        return record_url(page, entry.record_id)
    return url_for("audit.index", record_id=entry.record_id)


OVERVIEW = overview.Source(overview_part)


# ---------------------------------------------------------------- found by the search


def find_entries(actor: Actor, asked: SearchQuery) -> list[Find]:
    """Return the newest entries of an action, of what has or had this id, and of the records that
    were found."""
    if AN_ACTION.fullmatch(asked.text):
        asked_for = {"action": asked.text}
    elif asked.record_ids:
        asked_for = {"record_id": asked.record_ids[0]}
    elif AN_ID.fullmatch(asked.text):
        asked_for = {"record_id": asked.text}
    else:
        return []
    entries = log.newest_of(actor, asked_for, FEW_FOUND + 1)
    found = [
        _line(entry, url_for("audit.index", record_id=entry.record_id))
        for entry in entries[:FEW_FOUND]
    ]
    if len(entries) > FEW_FOUND:
        url = url_for("audit.index", **asked_for)  # type: ignore[arg-type]
        found.append(Find("All changes in the audit log", url, icon="history"))
    return found


def find_request(actor: Actor, request_id: str) -> Find | None:
    """Return the line of what one request changed, or None if it changed nothing that the actor
    may know of."""
    found = log.page(
        actor, Query(filters={"request_id": request_id}, sort=log.LISTING.default_sort, limit=1)
    )
    url = url_for("audit.index", request_id=request_id)
    return next((_line(entry, url) for entry in found.items), None)


def find_entry(actor: Actor, entry_id: str) -> Find | None:
    """Return the line of one entry."""
    entry = log.one(actor, entry_id)
    if entry is None:
        return None
    return _line(entry, url_for("audit.index", record_id=entry.record_id))


def _line(entry: AuditEntry, url: str) -> Find:
    title = f"{entry.actor_name} {_in_words(entry)} {_name(entry)}"
    return Find(title, url, "Audit entry", "history", at=entry.occurred_at)


def of_record(record_id: str) -> list[dict[str, Any]]:
    """Return the newest entries of one record, for its History tab."""
    return lines(trail.history(web.actor(), record_id))


def lines(entries: Iterable[AuditEntry], *, named: bool = False) -> list[dict[str, Any]]:
    """Return audit entries for the macro `history`; `named` adds the record's name to each."""
    return [
        {
            "who": entry.actor_name,
            "who_url": None,
            "action": f"{_in_words(entry)} {_name(entry)}" if named else _in_words(entry),
            "at": entry.occurred_at,
            "changes": [(name, *_texts(old, new)) for name, (old, new) in _seen(entry)],
            "where": entry.ip,
            "request_id": entry.request_id,
        }
        for entry in entries
    ]


def _seen(entry: AuditEntry) -> list[tuple[str, Any]]:
    return [(name, change) for name, change in sorted(entry.changes.items()) if name != "version"]


def _in_words(entry: AuditEntry) -> str:
    """Return the action in words: `connector.created` → "created the connector"."""
    if entry.action in SAID:
        return SAID[entry.action]
    noun, _, verb = entry.action.rpartition(".")
    return f"{verb} the {noun}".replace("_", " ") if noun else entry.action


def _name(entry: AuditEntry) -> str:
    return f"“{entry.record_name}”" if entry.record_name else entry.record_id


def _texts(old: Any, new: Any) -> tuple[str | None, str | None]:
    """Return a change as texts; a reason that was given again is shown once."""
    return (None if old == new else _text(old)), _text(new)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        shown = value
    else:
        shown = json.dumps(value, ensure_ascii=False)
    if shown is not None and len(shown) > SHOWN_LENGTH:
        return shown[:SHOWN_LENGTH] + "…"
    return shown
