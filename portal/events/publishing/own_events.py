"""Bound what the portal's own events cost: those about records, keys and webhooks.

A single act, such as the revocation of a key, is never refused because of the events about it. They
are always kept. Where their deliveries would be too many, or the tenant's stored bytes are at the
limit, there are no deliveries, and a replay of what is missing makes them later. A batch of new
records is refused instead, because it can be repeated in smaller parts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from portal.core.errors import Invalid, QuotaExceeded, QuotaReached
from portal.database import dry_run
from portal.database.actor import Actor
from portal.database.session import session
from portal.events.listeners import Listener, Rows, Work
from portal.events.publishing.publication import owed_for
from portal.events.schemas import EventInput
from portal.fast.statements import Bound
from portal.records import batches
from portal.records.quotas import rates, stored_bytes
from portal.records.quotas.limits import EVENTS

log = structlog.stdlib.get_logger(__name__)

TOO_MUCH = (
    "Webhooks want the events about these records, and together that is more than one request may"
    " owe them: deliveries, or work to match filters. Create fewer at once."
)
WORK = "work for own events"  # in a session's `info`


@dataclass
class _OwnWork(Work):
    """The work of one transaction, and whether it was too much once."""

    is_too_much: bool = False


def are_too_many() -> bool:
    """Tell whether no more deliveries of own events are made in this transaction."""
    return _work().is_too_much


def count(actor: Actor, many: int) -> None:
    """Count own events towards the tenant's events a second.

    Raises QuotaExceeded in a batch of new records.
    """
    known = rates.known()
    try:
        known.take(actor.tenant_id, EVENTS, many)
    except QuotaExceeded:
        if batches.is_running():
            raise
        return
    if dry_run.is_on():
        known.give_back(actor.tenant_id, EVENTS, many=many)


def owed(
    actor: Actor,
    events: Sequence[tuple[str, EventInput]],
    listeners: Sequence[Listener],
    wanting: Sequence[Rows],
) -> Iterable[Bound]:
    """Return the statements that create the deliveries of own events; none if there may be none.

    Raises Invalid in a batch of new records with too many deliveries or too much to match.
    """
    if not _has_room(actor.tenant_id):
        return ()
    work = _work()
    if not work.is_too_much:
        try:
            return owed_for(actor, events, listeners, wanting, work).writes
        except Invalid:
            work.is_too_much = True
            log.warning("own events are too many deliveries", tenant=actor.tenant_id)
    if batches.is_running():
        raise Invalid([], TOO_MUCH)
    return ()


def _has_room(tenant_id: str) -> bool:
    try:
        stored_bytes.known().check(tenant_id)
    except QuotaReached:
        return False
    return True


def _work() -> _OwnWork:
    """Return the work of the session's transaction."""
    current = session()
    transaction = current.get_transaction()
    kept = current.info.get(WORK)
    if kept is None or kept[0] is not transaction:
        kept = (transaction, _OwnWork())
        if transaction is not None:
            current.info[WORK] = kept
    work: _OwnWork = kept[1]
    return work
