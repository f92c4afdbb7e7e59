"""Give a lease to a key of the application that owns the connector, and tell who took one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, ClassVar

from sqlalchemy import Select, and_, bindparam, func, select

from portal.applications.models import STOPPED
from portal.connections.check_results import OWN_FAULTS
from portal.connections.requests import check_open
from portal.connectors import service as connectors
from portal.connectors.models import Connector
from portal.core.errors import Conflict, Forbidden, Locked, Unavailable
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.record import find
from portal.database.session import database_now, let_go, send, session
from portal.fast.statements import Statement
from portal.leases.models import KINDS, ConnectorAccess, ConnectorLease, slot_of
from portal.leases.saves import look_again
from portal.records.listing import Listing, Page, Query, page_below
from portal.secretstore import Secret, SecretNotFound, store

USE = "connectors:use"
LONGEST = 300
"""Seconds to use a lease. Then its holder takes the next one, and so hears of a change."""
RECENT = timedelta(days=1)
LOOKED = 2000  # of the newest leases, for the keys that took them
ON_ITS_WAY = "A worker is fetching this. Try again in a moment."
NOT_OWNER = (
    "Only an API key of the application that owns this connector takes leases of it. Give the"
    " connector an application, and use a key of that application."
)

LISTING: Listing[Any] = Listing(
    ConnectorLease,
    filters={
        "key_id": ConnectorLease.key_id,
        "application_id": ConnectorLease.application_id,
        "kind": ConnectorLease.kind,
    },
    choices={"kind": KINDS},
    ranges={"created_at": ConnectorLease.created_at},
    sorts={"created_at": ConnectorLease.id},
)


class NotReady(Conflict):
    """There will be something to hand out in `retry_after` seconds."""

    code: ClassVar[str] = "lease_not_ready"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """Return the seconds to wait before a retry (RFC 9110, 10.2.3)."""
        return {"Retry-After": str(self.retry_after)}


class NotGiven(Conflict):
    """The connector hands out nothing until a person has changed something."""

    code: ClassVar[str] = "lease_refused"


@dataclass(frozen=True, slots=True)
class Given:
    """A lease with its values, for this one answer."""

    lease: Mapping[str, Any]
    seconds: int
    values: Mapping[str, Any] = field(repr=False)


def take(actor: Actor, connector_id: str) -> Given:
    """Give a lease, and note who took it.

    Raises NotFound for a connector that the caller does not see, Forbidden for a caller that is no
    key of the connector's application, Locked for a disabled connector, NotReady while a worker
    fetches, NotGiven when only a person can help, and any error of the secret store.
    """
    actor.require(USE)
    _check_owner(actor)
    names = {"tenant_id": actor.tenant_id, "id": connector_id, **Connector.compares(actor)}
    for row in send(_question(), names):
        held = _Held(*row)
        break
    else:
        find(Connector, actor, connector_id)
        raise Forbidden(NOT_OWNER)
    if not held.is_good:
        raise _not_given(find(Connector, actor, connector_id))
    secret = _open(actor, connector_id, held)
    lease = {
        "tenant_id": actor.tenant_id,
        "id": new_id(ConnectorLease.id_prefix),
        "connector_id": connector_id,
        "key_id": actor.id,
        "application_id": actor.application_id,
        "kind": held.kind,
        "credential_version": held.credential_version,
        "expires_at": held.token_expires_at,
        "created_at": held.now,
    }
    if not send(NOTE, lease):
        raise _stopped_meanwhile(actor, connector_id, names)
    return Given(lease, held.seconds, _values(held, secret))


def leases(actor: Actor, record: Connector, query: Query) -> Page[Any]:
    """Return one page of a connector's leases."""
    actor.require("connectors:read")
    check_open(actor, record)
    return page_below(actor, LISTING, query, ConnectorLease.connector_id, record.id)


@dataclass(frozen=True, slots=True)
class Use:
    """The keys that took leases of a connector in the last day.

    `last_leases` are the keys with the time of their last lease, the newest first; `applications`
    is how many they belong to. There may be more applications if not `is_all`.
    """

    last_leases: Mapping[str, datetime]
    applications: int
    is_all: bool


def uses(actor: Actor, record: Connector, at_most: int) -> Select[Any]:
    """Select `at_most` keys that took leases of a connector in the last day, for `use_of`.

    Of a connector with very many leases, only the newest are looked at.
    """
    newest = (
        ConnectorLease.seen_by(actor)
        .where(ConnectorLease.connector_id == record.id)
        .where(ConnectorLease.id > func.ulid_floor("lse", func.now() - RECENT))
        .with_only_columns(
            ConnectorLease.key_id, ConnectorLease.application_id, ConnectorLease.created_at
        )
        .order_by(ConnectorLease.id.desc())
        .limit(LOOKED)
        .cte("newest")
    )
    last = func.max(newest.c.created_at).label("last_at")
    applications = select(func.count(newest.c.application_id.distinct())).scalar_subquery()
    looked = select(func.count()).select_from(newest).scalar_subquery()
    query = select(
        newest.c.key_id, last, applications.label("applications"), looked.label("looked")
    )
    return query.group_by(newest.c.key_id).order_by(last.desc()).limit(at_most)


def use_of(rows: Sequence[Sequence[Any]]) -> Use:
    """Return who took leases, from the rows of `uses`."""
    if not rows:
        return Use({}, 0, is_all=True)
    last_leases = {key_id: last_at for key_id, last_at, _, _ in rows}
    return Use(last_leases, rows[0][2], is_all=rows[0][3] < LOOKED)


# ---------------------------------------------------------------- may it be given


@dataclass(frozen=True, slots=True)
class _Held:
    """The connector and its slot, as one statement reads them for every lease."""

    enabled: bool
    known_version: int
    application_status: str | None
    kind: str
    credential_version: int
    slot_version: int | None
    token_expires_at: datetime | None
    now: datetime

    @property
    def is_good(self) -> bool:
        """Tell whether what is in the slot may be handed out."""
        return (
            self.enabled
            and self.application_status not in STOPPED
            and self.slot_version is not None
            and self.credential_version == self.known_version
            and (self.token_expires_at is None or self.token_expires_at > self.now)
        )

    @property
    def seconds(self) -> int:
        """Return how long a lease of it is used."""
        if self.token_expires_at is None:
            return LONGEST
        return min(LONGEST, int((self.token_expires_at - self.now).total_seconds()))


@cache
def _question() -> Statement:
    """Return the statement that reads a connector of the caller's application, and its slot.

    An application also sees what it made and another one owns: of that it gets nothing.
    """
    names = ("tenant_id", "app_id", "application_id")
    caller: Any = {name: bindparam(name) for name in names}
    seen = Connector.seen_by(Actor(kind="application", id="", name="", **caller))
    access = and_(
        ConnectorAccess.tenant_id == Connector.tenant_id,
        ConnectorAccess.connector_id == Connector.id,
    )
    return Statement(
        seen.outerjoin(ConnectorAccess, access)
        .with_only_columns(
            Connector.enabled,
            Connector.credential_version,
            Connector.application_status,
            ConnectorAccess.kind,
            ConnectorAccess.credential_version,
            ConnectorAccess.slot_version,
            ConnectorAccess.token_expires_at,
            func.now(),
        )
        .where(
            Connector.id == bindparam("id"),
            Connector.application_id == bindparam("application_id"),
            Connector.is_deleted.is_(False),
        )
    )


NOTE = Statement.of_file("portal.leases", "note.sql")


def _check_owner(actor: Actor) -> None:
    if actor.application_id is None:
        raise Forbidden(NOT_OWNER)


def _not_given(record: Connector) -> Exception:
    """Return the error that tells the caller what to do."""
    if not record.enabled:
        return Locked("This connector is disabled. Ask an editor or admin to enable it.")
    if record.is_stopped:
        return Conflict(f"Its application is {record.application_status}: reopen that first.")
    if absent := connectors.missing(record):
        return NotGiven(f"This connector is not set up yet. It lacks {', '.join(absent)}.")
    variant = record.variant
    if variant is None or not (variant.gives_token or variant.leased):
        return NotGiven("This connector's way to sign in has nothing that may be handed out.")
    access = session.get(ConnectorAccess, (record.tenant_id, record.id))
    if access is None or access.state in ("off", "ready"):
        return _on_its_way(record.tenant_id, record.id)
    if access.state != "failed":
        return NotReady(ON_ITS_WAY, retry_after=1)
    return _failed(access)


def _stopped_meanwhile(actor: Actor, connector_id: str, names: Mapping[str, Any]) -> Exception:
    """Return the error for a stop that came while the secret was read."""
    if any(_Held(*row).is_good for row in send(_question(), names)):
        return Conflict(
            "Your key or this connector was changed meanwhile, so no lease was given. Ask again."
        )
    return _not_given(find(Connector, actor, connector_id))


def _failed(access: ConnectorAccess) -> Exception:
    if access.due_at is None:
        return NotGiven(access.said)
    wait = max(1, math.ceil((access.due_at - database_now()).total_seconds()))
    if access.outcome in OWN_FAULTS:
        return Unavailable(access.said, retry_after=wait)
    return NotReady(access.said, retry_after=wait)


def _on_its_way(tenant_id: str, connector_id: str) -> NotReady:
    """Make a worker look at a connector whose slot is not as its row says, and return the error."""
    look_again(tenant_id, connector_id)
    let_go()  # the error itself keeps nothing
    return NotReady(ON_ITS_WAY, retry_after=1)


def _open(actor: Actor, connector_id: str, held: _Held) -> Secret:
    slot = slot_of(actor.tenant_id, connector_id)
    try:
        return store().get(slot, version=held.slot_version, reason="lease")
    except SecretNotFound as lost:
        raise _on_its_way(actor.tenant_id, connector_id) from lost


def _values(held: _Held, secret: Secret) -> dict[str, Any]:
    if held.kind == "token":
        return {"access_token": secret["access_token"], "credentials": None}
    return {"access_token": None, "credentials": dict(secret)}
