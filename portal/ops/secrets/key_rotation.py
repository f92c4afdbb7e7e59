"""`portal secret-key rotate`: re-encrypt stored secrets with the active keys, to retire older keys.

Three kinds of secrets are stored under the configured keys: token signing keys, the data keys of
the embedded secret store, and the ID tokens of sessions. Each is wrapped again in short
transactions while the portal runs; a run that was killed can be started again. Everything else that
depends on a key (cookies, open forms, digests that recognise repeated requests) uses the first key
when it is renewed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core.config import Config
from portal.core.root_keys import SHORT
from portal.database import app_role
from portal.database.session import database_now, session, transaction
from portal.identity.models import Tenant
from portal.identity.sessions import id_tokens
from portal.inbound.models import KEEP_QUARANTINED
from portal.keys.tokens.signing_keys import SigningKeys
from portal.ops.connections import running
from portal.records import idempotency
from portal.secretstore.datakeys import DataKeys, ring_of

BATCH = 200
SIGNING, DATA, SESSIONS = (
    "keys that sign tokens", "data keys of the secret store", "ID tokens of sessions"
)  # fmt: skip


class RotationError(Exception):
    """Secrets cannot be wrapped again now; the message says what to do first."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The number of stored secrets under each key id; "" counts those under an unknown key."""

    signing: Counter[str]
    data: Counter[str]
    sessions: Counter[str]

    def each(self) -> Iterator[tuple[str, Counter[str]]]:
        """Yield the name and the counts of each kind of secret."""
        yield from ((SIGNING, self.signing), (DATA, self.data), (SESSIONS, self.sessions))

    def closed(self, config: Config) -> dict[str, Counter[str]]:
        """Return the counts of the secrets that no configured key opens, by kind."""
        known = {key.id for key in config.secret_key} | set(ring_of(config))
        return {
            what: lost
            for what, under in self.each()
            if (lost := Counter({key: n for key, n in under.items() if key not in known}))
        }


@dataclass(frozen=True, slots=True)
class Rotated:
    """The result of a run: what changed, the counts after it, and how long old keys are needed."""

    changed: dict[str, int]
    standing: Standing
    needed_until: datetime


def standing(config: Config, reader: Session | None = None) -> Standing:
    """Count the secrets stored under each key.

    A `reader` may read every tenant's rows, and all are counted in its transaction. Without one,
    call this outside a transaction: each tenant is counted in a transaction of its own.
    """

    def reading(tenant_id: str | None = None) -> AbstractContextManager[Session]:
        return nullcontext(reader) if reader else _entered(tenant_id)

    signing, sealer = SigningKeys(config.secret_key), id_tokens.sealer_of(config)
    data_keys = DataKeys(ring_of(config))
    with reading() as one:
        found, everyone = Standing(signing.under(one), Counter(), Counter()), _tenants(one)
    for tenant_id in everyone:
        with reading(tenant_id) as one:
            found.data.update(data_keys.under(one, tenant_id))
            found.sessions.update(id_tokens.under(one, sealer, tenant_id))
    return found


@contextmanager
def _entered(tenant_id: str | None) -> Iterator[Session]:
    with transaction(tenant_id):
        yield session()


def rotate(config: Config) -> Rotated:
    """Wrap all secrets again with the active keys. Call it outside a transaction.

    Raises RotationError while some process still uses another first key, when a key is missing, or
    when the database does not respond in time.
    """
    with app_role.refusals_as(RotationError, "What was done is done; run this again."):
        return _rotate(config)


def _rotate(config: Config) -> Rotated:
    _require_the_same_everywhere(config)
    if lost := standing(config).closed(config):
        raise RotationError(
            f"No configured key opens {in_words(lost)}. Nothing was changed: add the key that is "
            "missing behind the others, and run this again."
        )
    everyone = tenants()
    with transaction():
        changed = {SIGNING: SigningKeys(config.secret_key).rewrap()}
    changed[DATA] = DataKeys(ring_of(config)).finish_change(everyone)
    changed[SESSIONS] = sum(_rewrap_sessions(config, tenant_id) for tenant_id in everyone)
    _require_the_same_everywhere(config)
    with transaction():
        until = database_now() + idempotency.KEEP
    return Rotated(changed, standing(config), until)


def _rewrap_sessions(config: Config, tenant_id: str) -> int:
    sealer, active = id_tokens.sealer_of(config), config.secret_key.active.id
    changed, after = 0, ""
    while True:
        with transaction(tenant_id):
            some, after = id_tokens.rewrap(sealer, active, tenant_id, after, BATCH)
        changed += some
        if not after:
            return changed


def _require_the_same_everywhere(config: Config) -> None:
    mark = config.key_mark
    others = sorted({(p.what, p.address, p.keys) for p in running() if p.keys != mark})
    if others:
        lines = "".join(
            f"  - {what} at {address} uses {theirs or 'what an older release does'}\n"
            for what, address, theirs in others
        )
        raise RotationError(
            f"These processes do not make new things under {mark} yet:\n{lines}"
            "Give all of them the same PORTAL_SECRET_KEY, restart them, and run this again."
        )


def tenants() -> list[str]:
    """Return the ids of all tenants. Call it outside a transaction."""
    with transaction():
        return _tenants(session())


def _tenants(reader: Session) -> list[str]:
    return list(reader.scalars(select(Tenant.id).order_by(Tenant.id)))


# --- in words -------------------------------------------------------------------------------------


def in_words(found: Mapping[str, Counter[str]]) -> str:
    """Return a text such as “2 keys that sign tokens under 3f2a91bc”."""
    return ", ".join(
        f"{number} {what} under {key_id[:SHORT] or 'an unknown key'}"
        for what, under in found.items()
        for key_id, number in under.most_common()
    )


def report(config: Config, done: Rotated) -> Iterator[str]:
    """Yield sentences about the completed work and the next step."""
    active = {SIGNING: config.secret_key.active.id, SESSIONS: config.secret_key.active.id,
              DATA: ring_of(config).active}  # fmt: skip
    for what, under in done.standing.each():
        current = active[what]
        yield f"{under[current]} {what} under {current[:SHORT]}, {done.changed[what]} wrapped anew"
    if not config.secret_key.older:
        yield "There is no older key. To replace this one: PORTAL_SECRET_KEY=new,old everywhere."
        return
    older = ", ".join(key.id[:SHORT] for key in config.secret_key.older)
    yield (
        f"Nothing stored needs the older {older} any more. Take it out of PORTAL_SECRET_KEY and "
        f"restart, best after {done.needed_until:%Y-%m-%d %H:%M} UTC: until then it recognises "
        f"requests that are repeated, and for {KEEP_QUARANTINED / timedelta(days=1):.0f} days "
        "credentials in quarantine that are verified again. If it leaked, take it out now."
    )
