"""Summaries of keys for other pages: an application's page and the notices."""

from datetime import UTC, datetime, timedelta

from flask import url_for

from portal.applications.models import Application
from portal.applications.pages import Item, Part
from portal.database.actor import Actor
from portal.keys import service
from portal.keys.models import ApiKey
from portal.web.notices import Notice

LAST_DAY = timedelta(days=1)
LEAKED = "This key was found in public. Rotate or revoke it."


def part(actor: Actor, application: Application) -> Part:
    """Return the newest keys of an application, for its page."""
    new_url = url_for("keys.issue", application_id=application.id)
    return Part(
        title="API keys",
        items=[
            Item(
                record=key,
                url=url_for("keys.show", record_id=key.id),
                note=_note(key, application),
            )
            for key in service.of_application(actor, application.id)
        ],
        all_url=url_for("keys.index", application_id=application.id),
        new_url=new_url if service.may_issue(actor, application) else None,
        new_label="Issue a key",
        empty="No keys yet. Its programs need one to call the platform.",
        stopped="Every call with these keys, and with tokens made of them, is refused. No new key"
        " can be issued.",
    )


def _note(key: ApiKey, application: Application) -> str:
    shown = f"{key.key_prefix}…{key.last4}"
    withheld = [scope for scope in key.scopes if not application.allows(scope)]
    return f"{shown} · not allowed any more: {', '.join(withheld)}" if withheld else shown


def notices(actor: Actor, since: datetime) -> list[Notice]:
    """Return the notices about leaked keys and about keys that expire within a day.

    An actor who may not change keys gets none.
    """
    if not actor.can("keys:write"):
        return []
    outlook = service.outlook(actor)
    leaked = [_notice(one, one.at, LEAKED, "leaked") for one in outlook.leaked]
    ending = [
        _notice(one, one.at - LAST_DAY, "This key ends within a day. Rotate it now.", "expiring")
        for one in outlook.expiring
        if one.at - LAST_DAY <= datetime.now(UTC)
    ]
    return [*leaked, *ending]


def _notice(one: service.Pressing, at: datetime, text: str, status: str) -> Notice:
    return Notice(at, one.name, text, url_for("keys.show", record_id=one.key_id), status)
