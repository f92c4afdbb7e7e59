"""The snapshot of a key: all that decides about it. Immutable, so that threads may share it."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_network
from typing import Any

from portal.keys.decision.clock import Clock
from portal.keys.decision.lookup_connections import LookupConnections
from portal.outbound.networks import Network

# The last column is read after `load_key` has entered the tenant: it needs the key's parent.
LOAD = """
SELECT clock_timestamp(), found.*, (
    SELECT parent.brownout_from FROM api_key AS parent
    WHERE parent.tenant_id = found.tenant_id AND parent.id = found.parent_key_id)
FROM load_key(%s) AS found
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A key, and the fields of the other records that decide about it.

    Counters are not included, and times are compared at each call. `revoked_at` may be in the
    future (a planned revocation). `is_ended` means that it was revoked or deleted, whatever the
    clock says: it may have gone back since. `family_id` names the keys that share a budget. Amounts
    are US dollars. A child has its own brown-out and that of its parent.
    """

    tenant_id: str
    id: str
    name: str
    kind: str
    scopes: frozenset[str]
    allowed_models: frozenset[str]
    allowed_ips: tuple[Network, ...]
    rpm_limit: int | None
    tpm_limit: int | None
    max_uses: int | None
    max_budget_usd: Decimal | None
    budget_period: str
    family_id: str
    blocked: bool
    blocked_reason: str | None
    revoked_at: datetime | None
    expires_at: datetime | None
    brownout_from: datetime | None
    is_ended: bool
    application_id: str | None
    application_slug: str | None
    application_status: str | None
    parent_key_id: str | None
    time_zone: str
    parent_brownout_from: datetime | None

    @property
    def depends_on(self) -> tuple[str, ...]:
        """Return the ids of all records whose change makes this snapshot invalid."""
        records = (self.id, self.application_id, self.parent_key_id)
        return tuple(record for record in records if record is not None)

    @property
    def ends_at(self) -> datetime | None:
        """Return when the key expires or is revoked, whichever is first; None for never."""
        if self.expires_at is None or self.revoked_at is None:
            return self.expires_at or self.revoked_at
        return min(self.expires_at, self.revoked_at)

    @property
    def is_metered(self) -> bool:
        """Tell whether the key has a limit or a budget, so that its calls must be counted."""
        limits = (self.rpm_limit, self.tpm_limit, self.max_uses, self.max_budget_usd)
        return any(limit is not None for limit in limits)

    @property
    def counts_calls(self) -> bool:
        """Tell whether even a call without cost has to be counted."""
        return self.rpm_limit is not None or self.max_uses is not None

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> "Snapshot":
        """Return the snapshot for a row of LOAD, without the time at its beginning."""
        values = dict(zip(cls.__slots__, row, strict=True))
        values["scopes"] = frozenset(values["scopes"])
        values["allowed_models"] = frozenset(values["allowed_models"])
        values["allowed_ips"] = tuple(ip_network(cidr) for cidr in values["allowed_ips"])
        return cls(**values)


def load(wire: LookupConnections, digest: str, clock: Clock) -> Snapshot | None:
    """Return the key of this hash (hex SHA-256) as it is now; None if there is none.

    The same query corrects `clock`.
    """
    asked = clock.system()
    row = wire.one(LOAD, (digest,))
    if row is None:
        return None
    clock.learn(row[0], asked)
    return Snapshot.of_row(row[1:])


def gone(key: Snapshot) -> Snapshot:
    """Return a key as it is after it was deleted for good."""
    return replace(key, is_ended=True)
