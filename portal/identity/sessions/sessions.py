"""Begin, find and end the sessions of people.

All times are the database's. A session ends after IDLE without a request, ABSOLUTE after its start,
at once when it is revoked, or when the person's `auth_version` changes.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, bindparam, case, func, select, update
from sqlalchemy.dialects.postgresql import insert

from portal.core.errors import NotFound
from portal.database import writability
from portal.database.actor import Actor, Origin
from portal.database.base import new_id
from portal.database.session import (
    database_now,
    enter_tenant,
    present_credential,
    send_alone,
    session,
)
from portal.fast.statements import Statement
from portal.identity.models import Person, SeenLogoutToken, Tenant, WebSession
from portal.identity.openid.claims import ROLE_SCOPES
from portal.identity.openid.relying_party import Identity, LogoutNotice
from portal.records.audit import trail as audit

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
RECENT = timedelta(minutes=10)  # how old a sign-in may be for issuing and revoking
TOUCH = timedelta(minutes=1)  # last_seen_at is written at most this often

# The tenant id in the cookie allows one statement under row-level security to find the session.
# With a changed tenant id it finds nothing.
COOKIE = re.compile(r"([A-Za-z0-9_-]{1,40})\.([A-Za-z0-9_-]{43})")

UNSYNCED = {"synchronize_session": False}

State = Literal["live", "revoked", "idle", "old", "outdated"]


class SessionFacts(NamedTuple):
    """The columns of the session that every request needs."""

    tenant_id: str
    id: str
    role: str
    groups: list[str]
    auth_version: int
    auth_time: datetime | None
    created_at: datetime
    last_seen_at: datetime
    revoked_at: datetime | None
    id_token: str | None


class PersonFacts(NamedTuple):
    """The columns of the person that every request needs."""

    tenant_id: str
    id: str
    subject: str
    name: str
    email: str | None
    role: str
    groups: list[str]
    auth_version: int


@dataclass(frozen=True, slots=True)
class Live:
    """A live session with its person and the tenant's name, as of `now`."""

    session: SessionFacts
    person: PersonFacts
    tenant_name: str
    now: datetime

    @property
    def is_recent(self) -> bool:
        """Tell whether the person authenticated within RECENT."""
        auth_time = self.session.auth_time
        return auth_time is not None and self.now - auth_time <= RECENT

    def actor(self, origin: Origin) -> Actor:
        """Return the person as the actor of the current request."""
        return actor_of(self.person, self.session.role, origin)


FACTS = (
    select(
        *(getattr(WebSession, name) for name in SessionFacts._fields),
        *(getattr(Person, name) for name in PersonFacts._fields),
        Tenant.name,
        func.now(),
    )
    .join(Person, (Person.tenant_id == WebSession.tenant_id) & (Person.id == WebSession.person_id))
    .join(Tenant, Tenant.id == WebSession.tenant_id)
    .where(WebSession.tenant_id == bindparam("tenant_id"))
)
RESUME = Statement(FACTS.where(WebSession.token_hash == bindparam("digest")))
FIND = Statement(FACTS.where(WebSession.id == bindparam("session_id")))


def actor_of(person: Person | PersonFacts, role: str, origin: Origin) -> Actor:
    """Return a person as an actor with the scopes of a role, and the person's groups."""
    return Actor(
        tenant_id=person.tenant_id,
        kind="person",
        id=person.id,
        name=person.name,
        scopes=ROLE_SCOPES.get(role, frozenset()),  # type: ignore[call-overload]
        person_id=person.id,
        groups=frozenset(person.groups),
        role=role,
        is_admin=role == "admin",
        source_type="frontend",
        origin=origin,
    )


def state(row: SessionFacts, person: PersonFacts, now: datetime) -> State:
    """Return "live", or the reason why the session has ended."""
    if row.revoked_at is not None:
        return "revoked"
    if row.auth_version != person.auth_version:
        return "outdated"
    if (row.role, row.groups) != (person.role, person.groups):
        return "outdated"
    if now - row.last_seen_at >= IDLE:
        return "idle"
    if now - row.created_at >= ABSOLUTE:
        return "old"
    return "live"


# ---------------------------------------------------------------- begin and find


def begin(
    person: Person | PersonFacts,
    identity: Identity,
    origin: Origin,
    *,
    sealed_id_token: str | None = None,
    renews: bool = False,
) -> tuple[WebSession, str]:
    """Return a new session and the value of its cookie, which is stored nowhere else.

    `renews` means that the same browser had a session, which the caller has ended with `leave`: a
    sign-in never keeps an old token valid.
    """
    token = secrets.token_urlsafe(32)
    row = WebSession(
        tenant_id=person.tenant_id,
        id=new_id("ses"),
        person_id=person.id,
        token_hash=_digest(token),
        sid_key=_key("sid", identity.issuer, identity.sid) if identity.sid else None,
        subject_key=_key("sub", identity.issuer, identity.subject),
        role=person.role,
        groups=person.groups,
        auth_version=person.auth_version,
        auth_time=_moment(identity.auth_time),
        acr=identity.acr,
        ip=origin.ip,
        user_agent=origin.user_agent,
        id_token=sealed_id_token,
    )
    session.add(row)
    session.flush()
    action = "session.renewed" if renews else "session.began"
    _note(actor_of(person, person.role, origin), action, row.id, person.name)
    return row, f"{person.tenant_id}.{token}"


def resume(cookie: str | None) -> Live | None:
    """Return the live session of a cookie, or None. Enters the tenant and runs one statement."""
    parts = COOKIE.fullmatch(cookie or "")
    if parts is None:
        return None
    tenant_id, token = parts.groups()
    enter_tenant(tenant_id)
    for row in send_alone(RESUME, {"tenant_id": tenant_id, "digest": _digest(token)}):
        live = _live(row)
        if state(live.session, live.person, live.now) == "live":
            if live.now - live.session.last_seen_at >= TOUCH:
                _touch(live.session)
            return live
    enter_tenant("")  # no live session
    return None


def find_live(tenant_id: str, session_id: str) -> Live | None:
    """Return the live session of this id, or None. Enters the tenant and runs one statement."""
    enter_tenant(tenant_id)
    for row in send_alone(FIND, {"tenant_id": tenant_id, "session_id": session_id}):
        live = _live(row)
        if state(live.session, live.person, live.now) == "live":
            return live
    enter_tenant("")  # no live session
    return None


def _live(row: tuple[Any, ...]) -> Live:
    own = len(SessionFacts._fields)
    return Live(SessionFacts(*row[:own]), PersonFacts(*row[own:-2]), *row[-2:])


def _touch(row: SessionFacts) -> None:
    """Record that the session is in use, for the idle limit and for the session list.

    An act that was never signed in for is forgotten then.
    """
    is_old = WebSession.act_kept_at < func.now() - RECENT
    statement = (
        update(WebSession)
        .where(WebSession.tenant_id == row.tenant_id, WebSession.id == row.id)
        .values(
            last_seen_at=func.now(),
            kept_act=case((is_old, None), else_=WebSession.kept_act),
        )
    )
    with writability.if_possible():
        session.execute(statement, execution_options=UNSYNCED)


# ---------------------------------------------------------------- end


def end(actor: Actor, row: SessionFacts) -> None:
    """End a session because the person signs out."""
    _revoke(WebSession.tenant_id == row.tenant_id, WebSession.id == row.id)
    _note(actor, "session.ended", row.id, actor.name)


def leave(row: SessionFacts) -> None:
    """End a session because its browser signs in again."""
    _revoke(WebSession.tenant_id == row.tenant_id, WebSession.id == row.id)


def mine(actor: Actor) -> Sequence[WebSession]:
    """Return the actor's live sessions, most recently used first."""
    return _live_ones(actor.tenant_id, actor.id)


def end_mine(actor: Actor, session_id: str) -> None:
    """End one of the actor's own sessions. Raises NotFound for any other."""
    ended = _revoke(
        WebSession.tenant_id == actor.tenant_id,
        WebSession.person_id == actor.id,
        WebSession.id == session_id,
    )
    if not ended:
        raise NotFound("This session has ended already.")
    _note(actor, "session.ended", session_id, actor.name)


def end_my_others(actor: Actor, keep: str) -> int:
    """End all of the actor's sessions but one; return their number."""
    ended = _revoke(
        WebSession.tenant_id == actor.tenant_id,
        WebSession.person_id == actor.id,
        WebSession.id != keep,
    )
    for session_id in ended:
        _note(actor, "session.ended", session_id, actor.name)
    return len(ended)


def end_of_person(actor: Actor, person: Person) -> int:
    """End every session of a person of the tenant, with their access tokens; return the number of
    the sessions."""
    person.auth_version += 1  # also ends a session that begins at the same moment
    person.sessions_ended_at = database_now()
    ended = _revoke(WebSession.tenant_id == person.tenant_id, WebSession.person_id == person.id)
    audit.note(
        actor,
        "person.sessions_ended",
        record_kind="person",
        record_id=person.id,
        record_name=person.name,
        changes={"sessions": (len(ended), 0)},
    )
    return len(ended)


def counts(actor: Actor) -> dict[str, int]:
    """Return person id → number of live sessions in the tenant."""
    query = (
        select(WebSession.person_id, func.count().label("live"))
        .where(WebSession.tenant_id == actor.tenant_id, *_is_live())
        .group_by(WebSession.person_id)
    )
    return {row.person_id: row.live for row in session.execute(query)}


def take_away(tenant_id: str, issuer: str, subject: str) -> None:
    """End the sessions of a person whose role was taken away, with their access tokens and what
    they asked for that is not done yet; the tenant is entered already."""
    session.execute(
        update(Person)
        .where(Person.tenant_id == tenant_id, Person.issuer == issuer, Person.subject == subject)
        .values(auth_version=Person.auth_version + 1, sessions_ended_at=func.now())
    )
    _revoke(
        WebSession.tenant_id == tenant_id,
        WebSession.subject_key == _key("sub", issuer, subject),
    )


# ---------------------------------------------------------------- the provider ends them


def obey(notice: LogoutNotice, origin: Origin) -> int | None:
    """End the sessions that a back-channel logout names, in every tenant; None for a replay.

    A `sid` names one session at the provider and takes precedence over the subject. Returns the
    number of sessions found.
    """
    if not _first_time(notice):
        return None
    key = _key("sid", notice.issuer, notice.sid) if notice.sid else None
    column = WebSession.sid_key if notice.sid else WebSession.subject_key
    digest = key or _key("sub", notice.issuer, notice.subject or "")
    present_credential(digest)
    found = session.execute(
        select(WebSession.tenant_id, WebSession.id).where(
            column == digest, WebSession.revoked_at.is_(None)
        )
    ).all()
    for tenant_id, session_id in found:
        enter_tenant(tenant_id)
        _revoke(WebSession.tenant_id == tenant_id, WebSession.id == session_id)
        provider = Actor(tenant_id, "system", "system", "Identity provider", origin=origin)
        _note(provider, "session.ended", session_id, "")
        session.flush()
    return len(found)


def _first_time(notice: LogoutNotice) -> bool:
    digest = _digest(f"{notice.issuer} {notice.token_id}")
    noted = insert(SeenLogoutToken).values(digest=digest).on_conflict_do_nothing()
    return session.scalar(noted.returning(SeenLogoutToken.digest)) is not None


# ---------------------------------------------------------------- small parts


def _revoke(*which: ColumnElement[bool]) -> list[str]:
    """End the given sessions that have not ended yet; return their ids."""
    statement = (
        update(WebSession)
        .where(*which, WebSession.revoked_at.is_(None))
        .values(revoked_at=func.now(), kept_act=None, act_kept_at=None)
        .returning(WebSession.id)
    )
    return list(session.scalars(statement, execution_options=UNSYNCED))


def _is_live() -> tuple[ColumnElement[bool], ...]:
    return (
        WebSession.revoked_at.is_(None),
        WebSession.last_seen_at > func.now() - IDLE,
        WebSession.created_at > func.now() - ABSOLUTE,
    )


def _live_ones(tenant_id: str, person_id: str) -> Sequence[WebSession]:
    query = (
        select(WebSession)
        .where(
            WebSession.tenant_id == tenant_id,
            WebSession.person_id == person_id,
            *_is_live(),
        )
        .order_by(WebSession.last_seen_at.desc(), WebSession.id.desc())
        .limit(100)
    )
    return session.scalars(query).all()


def _note(actor: Actor, action: str, session_id: str, name: str) -> None:
    audit.note(actor, action, record_kind="session", record_id=session_id, record_name=name)


def _digest(text: str) -> str:
    """Return the SHA-256. It is enough: the input has 256 random bits or needs no protection."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _key(kind: str, issuer: str, name: str) -> str:
    return _digest(f"{kind} {issuer} {name}")


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
