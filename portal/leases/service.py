"""Give a lease to a key of the application that owns the connector, and tell who took one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import func, select

from portal.connections.moves import OWN_FAULTS
from portal.connectors import service as connectors
from portal.connectors.models import Connector
from portal.core.errors import Conflict, Forbidden, Locked, Unavailable
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.record import find
from portal.database.session import database_now, let_go, session
from portal.leases.models import KINDS, ConnectorAccess, ConnectorLease, slot_of
from portal.leases.saves import look_again, variant_of
from portal.records.listing import Listing, Page, Query, page
from portal.secretstore import Secret, SecretNotFound, store

USE = "connectors:use"
LONGEST = 300
"""Seconds to use a lease. Then its holder takes the next one, and so hears of a change."""
RECENT = timedelta(days=1)

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
    """What the connector hands out is on its way. `retry_after` is in seconds."""

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

    lease: ConnectorLease
    seconds: int
    values: Mapping[str, Any] = field(repr=False)


def take(actor: Actor, connector_id: str) -> Given:
    """Give a lease, and note who took it.

    Raises Forbidden for a caller that is no key of the connector's application, Locked for a
    disabled connector, NotReady while a worker fetches, NotGiven when only a person can help, and
    any error of the secret store.
    """
    actor.require(USE)
    record = find(Connector, actor, connector_id)
    _check_owner(actor, record)
    _check_usable(record)
    now = database_now()
    access = session.get(ConnectorAccess, (record.tenant_id, record.id))
    if access is None or not _is_good(access, record, now):
        raise _not_given(record, access, now)
    secret = _open(record, access)
    lease = ConnectorLease(
        tenant_id=record.tenant_id,
        id=new_id(ConnectorLease.id_prefix),
        connector_id=record.id,
        key_id=actor.id,
        application_id=actor.application_id,
        kind=access.kind,
        credential_version=access.credential_version,
        expires_at=access.token_expires_at,
        created_at=now,
    )
    session.add(lease)
    session.flush()
    return Given(lease, _seconds(access, now), _values(access, secret))


def leases(actor: Actor, record: Connector, query: Query) -> Page[Any]:
    """Return one page of a connector's leases."""
    actor.require("connectors:read")
    if not record.is_open_to(actor):
        record.permit(actor, {"config"})
    of_one = replace(LISTING, filters={**LISTING.filters, "of": ConnectorLease.connector_id})
    filters = {**query.filters, "of": record.id}
    return page(actor, of_one, replace(query, filters=filters, include_deleted=True))


@dataclass(frozen=True, slots=True)
class Use:
    """One key that took leases of a connector in the last day: how many, and the last one."""

    key_id: str
    application_id: str
    times: int
    last_at: datetime
    credential_version: int


def uses(actor: Actor, record: Connector) -> list[Use]:
    """Return the keys that took leases of a connector in the last day, the last one first."""
    lease = ConnectorLease
    last = func.max(lease.created_at)
    query = (
        select(
            lease.key_id, lease.application_id, func.count(), last,
            func.max(lease.credential_version),
        )
        .where(
            lease.tenant_id == actor.tenant_id,
            lease.connector_id == record.id,
            lease.created_at > func.now() - RECENT,
        )
        .group_by(lease.key_id, lease.application_id)
        .order_by(last.desc())
    )  # fmt: skip
    return [Use(*row) for row in session.execute(query)] if record.is_open_to(actor) else []


# ---------------------------------------------------------------- may it be given


def _check_owner(actor: Actor, record: Connector) -> None:
    owns = actor.application_id is not None and (
        record.application_id == actor.application_id or record.app_id == actor.app_id
    )
    if not owns:
        raise Forbidden(
            "Only an API key of the application that owns this connector takes leases of it. Give"
            " the connector an application, and use a key of that application."
        )


def _check_usable(record: Connector) -> None:
    if not record.enabled:
        raise Locked(
            "This connector is disabled. Ask an editor or admin of its tenant to enable it."
        )
    if record.is_stopped:
        raise Conflict(f"Its application is {record.application_status}: reopen that first.")


def _is_good(access: ConnectorAccess, record: Connector, now: datetime) -> bool:
    return (
        access.slot_version is not None
        and access.credential_version == record.credential_version
        and (access.token_expires_at is None or access.token_expires_at > now)
    )


def _not_given(record: Connector, access: ConnectorAccess | None, now: datetime) -> Exception:
    """Return the error that tells the caller what to do."""
    if absent := connectors.missing(record):
        return NotGiven(f"This connector is not set up yet. It lacks {', '.join(absent)}.")
    variant = variant_of(record)
    if variant is None or not (variant.gives_token or variant.leased):
        return NotGiven("This connector's way to sign in has nothing that may be handed out.")
    if access is None or access.state in ("off", "ready"):
        return _on_its_way(record)
    if access.state != "failed":
        return NotReady("A worker is fetching this. Try again in a moment.", retry_after=1)
    if access.due_at is None:
        return NotGiven(access.said)
    wait = max(1, math.ceil((access.due_at - now).total_seconds()))
    if access.outcome in OWN_FAULTS:
        return Unavailable(access.said, retry_after=wait)
    return NotReady(access.said, retry_after=wait)


def _on_its_way(record: Connector) -> NotReady:
    """Make a worker look at a connector whose slot is not as its row says, and return the error."""
    look_again(record)
    let_go()  # the error itself keeps nothing
    return NotReady("A worker is fetching this. Try again in a moment.", retry_after=1)


def _open(record: Connector, access: ConnectorAccess) -> Secret:
    slot = slot_of(record.tenant_id, record.id)
    try:
        return store().get(slot, version=access.slot_version, reason="lease")
    except SecretNotFound as lost:
        raise _on_its_way(record) from lost


def _seconds(access: ConnectorAccess, now: datetime) -> int:
    if access.token_expires_at is None:
        return LONGEST
    return max(0, min(LONGEST, int((access.token_expires_at - now).total_seconds())))


def _values(access: ConnectorAccess, secret: Secret) -> dict[str, Any]:
    if access.kind == "token":
        return {"access_token": secret["access_token"], "credentials": None}
    return {"access_token": None, "credentials": dict(secret)}
