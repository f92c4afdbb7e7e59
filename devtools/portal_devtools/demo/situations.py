"""The situations of Acme. Each is made once, and not again if somebody undid or deleted it."""

import contextlib
import secrets
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import select

from portal.connections.models import ConnectorCheck
from portal.connectors import service as connectors
from portal.connectors.models import Connector
from portal.connectors.schemas import ConnectorInput
from portal.core.errors import Conflict
from portal.database.actor import FOR_KEYS, Actor
from portal.database.record import Record
from portal.database.session import database_now, session
from portal.delivery.log import replays
from portal.keys.leaks import reports
from portal.keys.limits import ledger
from portal.keys.models import ApiKey
from portal.keys.rotation import rotation
from portal.keys.schemas import ReportLeak, RotateKey, SpendOnKey
from portal.keys.tables import KeyLeak, KeyRotation, SpendLedger
from portal.keys.verification.use_counts import usage
from portal.leases import service as leases
from portal.leases.models import ConnectorLease
from portal.webhooks.models import Replay, Webhook
from portal_devtools.demo.cast import system, who
from portal_devtools.demo.tenants import (
    ADMIN,
    BROKEN,
    BUDGET,
    DRAFTS,
    EDITOR,
    FLAKY,
    LEAKED,
    LEASED,
    ROTATING,
    RUNTIME,
)
from portal_devtools.identity_provider.people import ACME

R = TypeVar("R", bound=Record)
SPENT_PERCENT, LINES = 83, 20
FOUND_AT = "https://git.partner.example/feed/commit/4f2a91c"
REPLAYED = timedelta(days=3)


# ---------------------------------------------------------------- before the first page


def at_once() -> None:
    """Rotate a key, report a leaked one, and spend most of a budget."""
    if not _any(KeyRotation) and (key := _named(ApiKey, ROTATING)):
        rotation.rotate(who(ADMIN), key.id, RotateKey.read({"overlap": "7d"}))
    if not _any(KeyLeak) and (key := _named(ApiKey, LEAKED)):
        reports.by_scanner(system(), ReportLeak(fingerprint=key.key_hash, url=FOUND_AT))
    if not _any(SpendLedger) and (key := _named(ApiKey, DRAFTS)):
        _spend(key.id)


def _spend(key_id: str) -> None:
    cents = BUDGET * SPENT_PERCENT // LINES  # per cent of dollars
    for number in range(LINES):
        rest = BUDGET * SPENT_PERCENT - cents * LINES if number == 0 else 0
        ledger.record_usage(
            system(),
            key_id,
            SpendOnKey(
                usage_id=f"demo-{number:02}",
                cost_usd=Decimal(cents + rest) / 100,
                tokens=(cents + rest) * 900,
                model="claude-sonnet",
            ),
        )


# ---------------------------------------------------------------- while the portal runs


def break_a_connector() -> bool:
    """Let the editor mistype a password after the connector has passed a check.

    Returns False while there was no check yet. Whoever changed the connector before has its say.
    """
    record = _named(Connector, BROKEN)
    if record is None or record.version > 1:
        return True
    passed = select(ConnectorCheck.id).where(
        ConnectorCheck.tenant_id == ACME,
        ConnectorCheck.connector_id == record.id,
        ConnectorCheck.outcome == "passed",
    )
    if session.scalar(passed.limit(1)) is None:
        return False
    wrong = {"credentials": {"password": f"mistyped-{secrets.token_urlsafe(12)}"}}
    connectors.update(who(EDITOR), record, ConnectorInput.patched(record, wrong))
    return True


def take_a_lease() -> bool:
    """Take a lease of a connector with its application's key; return False if it is not ready."""
    connector, key = _named(Connector, LEASED), _named(ApiKey, RUNTIME)
    if _any(ConnectorLease) or connector is None or key is None:
        return True
    owner = connector.owning_application
    if owner is None:
        return True
    runtime = Actor(ACME, "application", key.id, key.name, FOR_KEYS, owner.slug, owner.id)
    try:
        leases.take(runtime, connector.id)
    except Conflict:  # not fetched yet
        return False
    usage.note(ACME, key.id, database_now(), scope=leases.USE)
    return True


def replay() -> bool:
    """Send again what a webhook gave up in the last days."""
    webhook = _named(Webhook, FLAKY)
    if webhook is not None and not _any(Replay):
        now = database_now()
        with contextlib.suppress(Conflict):  # there is nothing to send again
            replays.begin(who(ADMIN), webhook.id, now - REPLAYED, now, "failed", rate=2)
    return True


def _named(model: type[R], name: str) -> R | None:
    """Return the oldest record of Acme with this name, if it is there."""
    columns: Any = model
    query = model.seen_by(system()).where(columns.name == name, ~columns.is_deleted)
    return session.scalars(query.order_by(columns.created_at).limit(1)).one_or_none()


def _any(model: Any) -> bool:
    """Tell whether Acme has a row of this table."""
    return (
        session.scalar(select(model.tenant_id).where(model.tenant_id == ACME).limit(1)) is not None
    )
