"""Ask for checks, read them, and check a draft that is not saved."""

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.dialects.postgresql import insert

from portal.applications import service as applications
from portal.connections.checks.report import Report, Subject
from portal.connections.checks.run import run
from portal.connections.models import (
    OUTCOMES,
    REASONS,
    STATES,
    ConnectorCheck,
    ConnectorCredentials,
    ConnectorStanding,
)
from portal.connectors.models import Connector
from portal.connectors.schemas import ConnectorInput
from portal.core.config import running
from portal.core.errors import Conflict, Invalid, NotFound, RateLimited
from portal.core.key_shape import shown
from portal.database import dry_run
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.record import find
from portal.database.session import database_now, let_go, session
from portal.keys.tokens import askers
from portal.outbound import OutboundClient, turn
from portal.providers import PROVIDERS
from portal.records.listing import Listing, Page, Query, page_below
from portal.secretstore import last_forgotten

WRITE = "connectors:write"
PER_MINUTE = 60  # checks that people and programs of one tenant ask for
PER_MINUTE_OF_JOBS = 45  # of these, so that a long job leaves some to a person
WINDOW = timedelta(minutes=1)

LISTING: Listing[Any] = Listing(
    ConnectorCheck,
    filters={
        "state": ConnectorCheck.state,
        "reason": ConnectorCheck.reason,
        "outcome": ConnectorCheck.outcome,
    },
    choices={"state": STATES, "reason": REASONS, "outcome": OUTCOMES},
    ranges={"created_at": ConnectorCheck.created_at},
    sorts={"created_at": ConnectorCheck.id},
)


def ask(
    actor: Actor,
    connector_id: str,
    *,
    restores_version: int | None = None,
    per_minute: int = PER_MINUTE,
) -> ConnectorCheck:
    """Queue a check of a connector; with `restores_version`, put those credentials back first.

    Raises Conflict while another check of it is open, or when nothing can be checked; RateLimited
    when the tenant has asked for `per_minute` in this minute.
    """
    actor.require(WRITE)
    record = _checkable(actor, connector_id)
    if restores_version is not None:
        _check_restorable(record, restores_version)
    _take_turn(actor, per_minute)
    queued = (
        insert(ConnectorCheck)
        .values(
            tenant_id=actor.tenant_id,
            id=new_id(ConnectorCheck.id_prefix),
            connector_id=record.id,
            reason="asked",
            asked_by=actor.person_id or actor.id,
            asked_by_name=actor.name[:200],
            restores_version=restores_version,
            replaces_version=None if restores_version is None else record.used_version,
            asked_group=None if restores_version is None else record.group_id,
            asker=None if restores_version is None else askers.kept(actor),
        )
        .on_conflict_do_nothing()
        .returning(ConnectorCheck)
    )
    check = session.scalar(queued)
    if check is None:
        raise Conflict("A check of this connector is running. Its result comes in a moment.")
    return check


def _checkable(actor: Actor, connector_id: str) -> Connector:
    """Return a connector, locked. Raises Conflict when nothing can be checked."""
    record = find(Connector, actor, connector_id, lock=True)
    record.permit(actor, {"config"})
    if record.entry is None:
        raise Conflict("This connector is a draft. Choose its provider first, then check it.")
    if record.is_stopped:
        raise Conflict(
            f"Its application is {record.application_status}, so nothing is sent for it. Reopen the"
            " application first."
        )
    return record


def open_check(actor: Actor, connector_id: str) -> ConnectorCheck | None:
    """Return the check of a connector that waits or runs, or None."""
    query = ConnectorCheck.seen_by(actor).where(
        ConnectorCheck.connector_id == connector_id,
        ConnectorCheck.state.in_(("queued", "running")),
    )
    return session.scalar(query)


def checks(actor: Actor, record: Connector, query: Query) -> Page[Any]:
    """Return one page of a connector's checks."""
    check_open(actor, record)
    return page_below(actor, LISTING, query, ConnectorCheck.connector_id, record.id)


def check(actor: Actor, record: Connector, check_id: str) -> ConnectorCheck:
    """Return one check of a connector. Raises NotFound."""
    check_open(actor, record)
    query = ConnectorCheck.seen_by(actor).where(
        ConnectorCheck.connector_id == record.id, ConnectorCheck.id == check_id
    )
    found = session.scalar(query)
    if found is None:
        raise NotFound(f"There is no check {shown(check_id)} of this connector.")
    return found


def check_open(actor: Actor, record: Connector) -> None:
    """Raise Forbidden if the connector is not open to the actor, who then knows its state alone."""
    if not record.is_open_to(actor):
        record.permit(actor, {"config"})


def versions(actor: Actor, record: Connector) -> list[ConnectorCredentials]:
    """Return the versions of a connector's credentials that the store keeps, the newest first."""
    check_open(actor, record)
    query = (
        ConnectorCredentials.seen_by(actor)
        .where(ConnectorCredentials.connector_id == record.id)
        .where(ConnectorCredentials.version > last_forgotten(record.credential_version))
        .order_by(ConnectorCredentials.version.desc())
    )
    return list(session.scalars(query))


def standings_and_count(
    actor: Actor, ids: list[str], counted: Select[Any]
) -> tuple[dict[str, ConnectorStanding], int, datetime]:
    """Return what is known of some connectors, by their ids, how many rows `counted` has, and the
    database's time, in one statement."""
    number = select(func.count().label("number")).select_from(counted.subquery()).subquery()
    own = and_(
        ConnectorStanding.tenant_id == actor.tenant_id, ConnectorStanding.connector_id.in_(ids)
    )
    both = select(number.c.number, ConnectorStanding, func.now()).select_from(
        number.outerjoin(ConnectorStanding, own)
    )
    rows = session.execute(both).all()  # one row even if nothing is known of any
    found = {one.connector_id: one for _, one, _ in rows if one is not None}
    return found, rows[0][0], rows[0][2]


def check_draft(actor: Actor, command: ConnectorInput) -> Report:
    """Run a check of what was typed, at once. Nothing is stored, and no stored secret is used.

    It ends the running transaction before it sends, so call it only from a request handler. Raises
    Invalid for a draft without a provider, RateLimited while many requests wait for other systems,
    and for its application what creating the connector raises.
    """
    actor.require(WRITE)
    provider = PROVIDERS.get(command.provider or "")
    if provider is None:
        raise Invalid.field("provider", "Choose the provider, then the check knows what to ask.")
    variant = provider.variant(command.auth_type)
    if variant is None:
        raise Invalid.field("auth_type", "Choose how to sign in, then the check can try it.")
    applications.check_owner(actor, None, command.application_id or actor.application_id)
    given = {name: value for name, value in command.credentials.items() if value is not None}
    subject = Subject(provider, variant, dict(command.config), given)
    with turn(actor.tenant_id):
        let_go()
        return _run_now(subject)


def _run_now(subject: Subject) -> Report:
    dry_run.forbid()
    allow = running().outbound_allow

    async def once() -> Report:
        async with OutboundClient(allow, keep_alive=False) as client:
            return await run(subject, client, _unwatched)

    # A thread of its own, because the caller's may have an event loop already.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="draft-check") as thread:
        return thread.submit(copy_context().run, asyncio.run, once()).result()


async def _unwatched(_: Any) -> None:
    """Do nothing with a step: the whole report is returned at the end."""


def _check_restorable(record: Connector, version: int) -> None:
    known = session.get(ConnectorCredentials, (record.tenant_id, record.id, version))
    if known is None or version <= last_forgotten(record.credential_version):
        raise Invalid.field("version", "There is no such version of these credentials.")
    if version == record.used_version:
        raise Conflict("This is the version that is used now.")
    if said := known.why_not_for(record):
        raise Invalid.field("version", said)


def _take_turn(actor: Actor, most: int) -> None:
    """Raise RateLimited if the tenant has asked for `most` checks in this minute."""
    now = database_now()
    recent = (
        select(ConnectorCheck.created_at)
        .where(ConnectorCheck.tenant_id == actor.tenant_id, ConnectorCheck.reason == "asked")
        .where(ConnectorCheck.created_at > now - WINDOW)
        .order_by(ConnectorCheck.created_at.desc())
    )
    if oldest := session.scalar(recent.offset(most - 1).limit(1)):
        raise RateLimited(
            f"At most {most} checks a minute can be asked for. Wait a moment.",
            retry_after=max(1, math.ceil((oldest + WINDOW - now).total_seconds())),
        )
