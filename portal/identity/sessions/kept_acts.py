"""Keep what a person asked for while they sign in again, and do it once they are back.

The act is a form that our own page sent, so its token was checked. It waits in the row of the
person's session, and only the sign-in that it began can take it from there: the browser holds a
ticket for it, in its sealed cookies. It is done once, with the rights and the records as they are
then. Nothing secret is kept: without it, the form is shown again.
"""

import secrets
from collections.abc import Mapping, Sequence
from contextvars import Context
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Response, current_app, request
from sqlalchemy import func, select, update
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from portal.core.key_shape import holds_key
from portal.database.session import let_go, session, transaction
from portal.identity.models import WebSession
from portal.identity.sessions.sessions import UNSYNCED, SessionFacts
from portal.web import form_token

KEPT = timedelta(minutes=10)
LARGEST = 64 * 1024  # characters of a form
NOT_KEPT = frozenset({form_token.FIELD, "form_secret"})
PASSED_ON = ("Content-Type", "Location", "Set-Cookie", "Content-Security-Policy", "Cache-Control")

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Act:
    """A form to send: its address, its fields, and the page that it was on.

    `asks_again` means that a secret was left out, and that the address shows the form again.
    """

    address: str
    fields: Fields
    place: str
    asks_again: bool = False


def of_request(place: str) -> Act | None:
    """Return the form of the current request; None if it cannot be kept.

    One with an API key in it is not kept, nor one with files, nor a very large one.
    """
    fields = [pair for pair in request.form.items(multi=True) if pair[0] not in NOT_KEPT]
    query = request.query_string.decode("latin-1")
    address = f"{request.path}?{query}" if query else request.path
    size = sum(len(name) + len(text) for name, text in fields) + len(address)
    if request.files or size > LARGEST or any(holds_key(text) for pair in fields for text in pair):
        return None
    return Act(address, fields, place)


def keep(row: SessionFacts, act: Act) -> str:
    """Keep an act with a session, instead of an earlier one, and return the ticket for it."""
    ticket = secrets.token_urlsafe(16)
    _store(row.tenant_id, row.id, act, ticket)
    return ticket


def give_up(row: SessionFacts, ticket: str, place: str) -> Act | None:
    """Take the act of this ticket out of the session that is about to end, if it is still new."""
    act, kept_ticket = _take(row)
    return act if act and kept_ticket == ticket and ticket and act.place == place else None


def hold_ready(row: WebSession, act: Act) -> None:
    """Give an act to the session that the person has just begun."""
    _store(row.tenant_id, row.id, act, "")


def take_ready(row: SessionFacts) -> Act | None:
    """Take the act that the person has signed in for. It is gone then, whatever becomes of it."""
    with transaction():
        act, ticket = _take(row)
    return act if ticket == "" else None


def perform(act: Act) -> Response:
    """Send the form as the person's browser would, and return the answer."""
    environ = _environment(act)
    let_go()  # the act needs a connection of its own
    # In an empty context it gets its own request and session, as one from outside.
    body, status, headers = Context().run(run_wsgi_app, current_app.wsgi_app, environ, True)
    passed = [(name, value) for name, value in headers if name in PASSED_ON]
    return Response(b"".join(body), status, passed)


def _environment(act: Act) -> dict[str, Any]:
    fields = [*act.fields, (form_token.FIELD, form_token.masked())]
    path, _, query = act.address.partition("?")
    headers = {
        "Cookie": request.headers.get("Cookie", ""),
        "Sec-Fetch-Site": "same-origin",
        "Referer": request.host_url.rstrip("/") + act.place,
        "User-Agent": request.headers.get("User-Agent", ""),
        "Accept-Language": request.headers.get("Accept-Language", ""),
    }
    builder = EnvironBuilder(
        path=path,
        query_string=query,
        base_url=request.host_url,
        method="POST",
        headers=Headers(headers),
        data=urlencode(fields),
        content_type="application/x-www-form-urlencoded",
        environ_base={"REMOTE_ADDR": request.remote_addr or ""},
    )
    return dict(builder.get_environ())


# ---------------------------------------------------------------- the session's row


def _store(tenant_id: str, session_id: str, act: Act, ticket: str) -> None:
    kept = {**asdict(act), "ticket": ticket}
    _write(tenant_id, session_id, kept_act=kept, act_kept_at=func.now())


def _take(row: SessionFacts) -> tuple[Act | None, str]:
    """Remove and return the newest act of a session with its ticket; None if it is too old."""
    kept: Mapping[str, Any] | None = session.scalar(
        select(WebSession.kept_act)
        .where(WebSession.tenant_id == row.tenant_id, WebSession.id == row.id)
        .where(WebSession.revoked_at.is_(None), WebSession.act_kept_at > func.now() - KEPT)
        .with_for_update()
    )
    _write(row.tenant_id, row.id, kept_act=None, act_kept_at=None)
    if kept is None:
        return None, ""
    fields = [(name, text) for name, text in kept["fields"]]
    return Act(kept["address"], fields, kept["place"], kept["asks_again"]), kept["ticket"]


def _write(tenant_id: str, session_id: str, **values: Any) -> None:
    statement = update(WebSession).where(
        WebSession.tenant_id == tenant_id, WebSession.id == session_id
    )
    session.execute(statement.values(**values), execution_options=UNSYNCED)
