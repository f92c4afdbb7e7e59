"""Take due rows, open what they need, and store what is handed out.

Each function is one step of a worker, for several connectors of one tenant, in a transaction of its
own. No transaction is open while a token is fetched.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import load_only

from portal.connections.check_results import OWN_FAULTS
from portal.connections.checks.report import Failure, Fetched, Subject
from portal.connections.models import portal_itself
from portal.connections.queue import token_origins
from portal.connections.saves import check_soon
from portal.connectors.models import Connector
from portal.core.errors import PortalError
from portal.database.session import database_now, send, session
from portal.fast.statements import Statement
from portal.leases.models import ConnectorAccess, slot_of
from portal.leases.saves import hands_out
from portal.leases.timing import renew_at, try_again_at
from portal.providers import Variant
from portal.providers.sign_in import Token
from portal.secretstore import Secret, SecretNotFound, SecretRef, check, store

TAKEN_SECONDS = 60.0
"""A worker has so long for a connector; then another one takes it."""

DUE_TENANTS = text("SELECT due_accesses(:at_most, :busy)")
REASON = "lease of a connector"


@dataclass(frozen=True, slots=True)
class Taken:
    """A connector in the hands of a worker. `attempt` is its fence: a later one makes it void."""

    tenant_id: str
    connector_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The reason why nothing could be fetched. `outcome` is an outcome of a check."""

    outcome: str
    said: str
    retry_at: datetime | None = None

    @classmethod
    def of(cls, failure: Failure) -> "Failed":
        """Return what a sign-in failed with."""
        return cls(failure.verdict, failure.said, failure.retry_at)


@dataclass(frozen=True, slots=True)
class Found:
    """The `values` that a connector hands out, with the token that is in them, if one is."""

    kind: str
    credential_version: int
    values: Mapping[str, str] = field(repr=False)
    token: Fetched | None = None

    def ends(self, now: datetime) -> datetime | None:
        """Return when the token expires, by the clock that says `now`; None without a token."""
        return self.token.ends(now) if self.token else None


@dataclass(frozen=True, slots=True)
class ToFetch:
    """The connection whose token has to be fetched."""

    subject: Subject
    credential_version: int


NEEDED = load_only(
    Connector.provider,
    Connector.auth_type,
    Connector.config,
    Connector.enabled,
    Connector.is_deleted,
    Connector.application_id,
    Connector.scope,
    Connector.credential_fields,
    Connector.credential_version,
)
NOTHING = "nothing"  # to hand out: the slot has to be emptied
Opened = Found | ToFetch | Failed | str
Result = Found | Failed | str


def due_tenants(busy: Sequence[str] = (), at_most: int = 50) -> list[str]:
    """Return the tenants that have a connector for a worker to look at, other than those."""
    return list(session.scalars(DUE_TENANTS, {"at_most": at_most, "busy": list(busy)}))


def take(tenant_id: str, at_most: int) -> list[Taken]:
    """Take some due connectors of one tenant, the longest due first."""
    due = (
        select(ConnectorAccess.connector_id)
        .where(ConnectorAccess.tenant_id == tenant_id, ConnectorAccess.due_at <= func.now())
        .order_by(ConnectorAccess.due_at)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(ConnectorAccess)
        .where(
            ConnectorAccess.tenant_id == tenant_id,
            ConnectorAccess.connector_id.in_(due.scalar_subquery()),
        )
        .values(
            state="fetching",
            attempt=ConnectorAccess.attempt + 1,
            due_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, TAKEN_SECONDS),
        )
        .returning(ConnectorAccess.connector_id, ConnectorAccess.attempt)
        .execution_options(synchronize_session=False)
    )
    return [Taken(tenant_id, *row) for row in session.execute(taken)]


def open_all(tenant_id: str, taken: Sequence[Taken]) -> list[Opened]:
    """Return what each connector needs, in this order, with its credentials."""
    ids = [one.connector_id for one in taken]
    query = Connector.seen_by(portal_itself(tenant_id)).where(Connector.id.in_(ids))
    found = [(record, hands_out(record)) for record in session.scalars(query.options(NEEDED))]
    usable = {record.id: (record, variant) for record, variant in found if variant}
    try:
        refs = [record.secret_ref for record, _ in usable.values()]
        secrets = store().get_many(refs, reason=REASON)
        for record, _ in usable.values():
            secrets[record.secret_ref] = _as_known(record, secrets[record.secret_ref])
    except PortalError as error:
        failed = Failed("secret_store", error.detail)
        return [failed if id in usable else NOTHING for id in ids]
    named = {
        id: record.credential_version
        for id, (record, variant) in usable.items()
        if isinstance(variant.sign_in, Token) and variant.sign_in.token_url is None
    }
    origins = token_origins(tenant_id, named) if named else {}
    opened = {
        id: _opened(record, variant, secrets[record.secret_ref], origins.get(id))
        for id, (record, variant) in usable.items()
    }
    return [opened.get(id, NOTHING) for id in ids]


def record_all(tenant_id: str, results: Mapping[Taken, Result]) -> int:
    """Store what came of several connectors; return for how many it was not too late.

    A void result is not stored: another worker has the connector, or it was changed. A row
    that somebody is changing now is left alone: it is taken again.
    """
    now = database_now()
    failures = _held(tenant_id, results)
    found = {one: result for one, result in results.items() if one in failures}
    withdrawn = [one for one, result in found.items() if result == NOTHING]
    given = {one: result for one, result in found.items() if isinstance(result, Found)}
    failed = {one: result for one, result in found.items() if isinstance(result, Failed)}
    try:
        store().delete_many([slot_of(tenant_id, one.connector_id) for one in withdrawn])
        slots = {slot_of(tenant_id, one.connector_id): g.values for one, g in given.items()}
        versions = store().put_many(slots) if slots else {}
    except PortalError as error:
        problem = Failed("secret_store", error.detail)
        failed |= dict.fromkeys([*withdrawn, *given], problem)
        withdrawn, given, versions = [], {}, {}
    _turn_off(tenant_id, withdrawn)
    _note_found(tenant_id, given, versions, now)
    for one, reason in failed.items():
        _note_failed(one, reason, failures[one] + 1, now)
    theirs = [one.connector_id for one, r in failed.items() if r.outcome not in OWN_FAULTS]
    check_soon(tenant_id, theirs)
    return len(found)


# ---------------------------------------------------------------- what a connector needs


def _as_known(record: Connector, current: Secret | PortalError) -> Secret | PortalError:
    """Return the version that the row knows, as a check does: another one may be of a save that
    never committed, or of a store that was set back."""
    if not isinstance(current, Secret) or current.version == record.credential_version:
        return current
    try:
        return store().get(record.secret_ref, version=record.credential_version, reason=REASON)
    except SecretNotFound as lost:
        return lost


def _opened(
    record: Connector, variant: Variant, secret: Secret | PortalError, token_origin: str | None
) -> Opened:
    version = record.credential_version
    if isinstance(secret, SecretNotFound):
        said = "The secret store has no credentials of this connector any more. Enter them again."
        return Failed("config", said)
    if isinstance(secret, PortalError):
        return Failed("config", secret.detail)
    values = dict(secret)
    if variant.gives_token and record.entry:
        subject = Subject(record.entry, variant, dict(record.config), values, token_origin)
        return ToFetch(subject, version)
    handed = {name: value for name, value in values.items() if name in variant.leased}
    return fitting(Found("credentials", version, handed)) if handed else NOTHING


def fitting(found: Found) -> Found | Failed:
    """Return what was found, or that the store cannot keep it."""
    try:
        check(found.values)
    except PortalError:
        return Failed(
            "config", "What it would hand out cannot be kept: it is too large, or no text."
        )
    return found


# ---------------------------------------------------------------- the rows


NO_FAILURE: dict[str, Any] = {"failures": 0, "outcome": None, "said": ""}
EMPTY: dict[str, Any] = {
    "state": "off",
    "kind": None,
    "credential_version": None,
    "slot_version": None,
    "token_expires_at": None,
    "due_at": None,
    **NO_FAILURE,
}
READY = Statement(
    text("""
    UPDATE connector_access AS access
    SET state = 'ready', kind = given.kind, credential_version = given.credential_version,
        slot_version = given.slot_version, token_expires_at = given.expires_at,
        due_at = given.due_at, fetched_at = :now, failures = 0, outcome = NULL, said = ''
    FROM unnest(CAST(:ids AS text[]), CAST(:kinds AS text[]), CAST(:versions AS integer[]),
        CAST(:slots AS integer[]), CAST(:ends AS timestamptz[]), CAST(:dues AS timestamptz[])
    ) AS given (connector_id, kind, credential_version, slot_version, expires_at, due_at)
    WHERE access.tenant_id = :tenant_id AND access.connector_id = given.connector_id
    """)
)


def _held(tenant_id: str, results: Collection[Taken]) -> dict[Taken, int]:
    """Lock the rows that are still in the hands of this worker; return their failures so far."""
    # Whoever has locked a row changes it, so its result would be void. Not to wait for it also
    # means that no deadlock is possible.
    query = (
        select(ConnectorAccess.connector_id, ConnectorAccess.attempt, ConnectorAccess.failures)
        .where(
            ConnectorAccess.tenant_id == tenant_id,
            ConnectorAccess.connector_id.in_([one.connector_id for one in results]),
            ConnectorAccess.state == "fetching",
        )
        .with_for_update(skip_locked=True)
    )
    rows = session.execute(query)
    found = {Taken(tenant_id, id, attempt): failures for id, attempt, failures in rows}
    return {one: failures for one, failures in found.items() if one in results}


def _turn_off(tenant_id: str, taken: Sequence[Taken]) -> None:
    if taken:
        _set(tenant_id, [one.connector_id for one in taken], EMPTY)


def _note_found(
    tenant_id: str, given: Mapping[Taken, Found], versions: Mapping[SecretRef, int], now: datetime
) -> None:
    if not given:
        return
    ids = [one.connector_id for one in given]
    found = list(given.values())
    ends = [each.ends(now) for each in found]
    values = {
        "tenant_id": tenant_id,
        "now": now,
        "ids": ids,
        "kinds": [each.kind for each in found],
        "versions": [each.credential_version for each in found],
        "slots": [versions[slot_of(tenant_id, id)] for id in ids],
        "ends": ends,
        "dues": [
            renew_at(now, end) if each.kind == "token" else None
            for each, end in zip(found, ends, strict=True)
        ],
    }
    send(READY, values)


def _note_failed(one: Taken, reason: Failed, failures: int, now: datetime) -> None:
    values = {
        "state": "failed",
        "failures": failures,
        "outcome": reason.outcome,
        "said": reason.said,
        "due_at": try_again_at(reason.outcome, now, failures, reason.retry_at),
    }
    _set(one.tenant_id, [one.connector_id], values)


def _set(tenant_id: str, ids: Sequence[str], values: Mapping[str, Any]) -> None:
    session.execute(
        update(ConnectorAccess)
        .where(ConnectorAccess.tenant_id == tenant_id, ConnectorAccess.connector_id.in_(ids))
        .values(values)
        .execution_options(synchronize_session=False)
    )
