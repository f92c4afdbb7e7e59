"""`portal secret-key rotate`: wrap what is stored with the active keys, so that older ones may go.

Three things are stored under the keys of the configuration: what signs tokens, the data keys of the
embedded secret store, the ID tokens of sessions. Each is wrapped anew in short transactions, on a
live system; what is done is done, so a run that was killed is simply begun again. The rest that
hangs on a key (cookies, forms that are open, digests by which repeated requests are recognised) is
made anew under the first key by itself.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from portal import idempotency
from portal.config import Config
from portal.db import database_now, session, transaction
from portal.identity import idtokens
from portal.identity.models import Tenant
from portal.keys import watch
from portal.keys.signing import SigningKeys
from portal.rootkeys import SHORT
from portal.secretstore.datakeys import DataKeys, ring_of
from portal.webhooks import queue
from portal.webhooks.inbound.models import KEEP_QUARANTINED

BATCH = 200
SIGNING, DATA, SESSIONS = (
    "keys that sign tokens", "data keys of the secret store", "ID tokens of sessions"
)  # fmt: skip
# Every web process and every worker has one of these connections all the time.
ELSEWHERE = text("""
SELECT DISTINCT split_part(application_name, ' ', 1), split_part(application_name, ' ', 2),
    coalesce(host(client_addr), 'this machine')
FROM pg_stat_activity
WHERE datname = current_database() AND split_part(application_name, ' ', 1) = ANY (:names)
AND split_part(application_name, ' ', 2) <> :mark ORDER BY 1, 3
""")
PROCESSES = {watch.CONNECTION: "a web process", queue.CONNECTION: "a worker"}


class RotationError(Exception):
    """Nothing may be wrapped anew now; the message says what to do first."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of each thing is under which key, by its id; what cannot be told is under ""."""

    signing: Counter[str]
    data: Counter[str]
    sessions: Counter[str]

    def each(self) -> Iterator[tuple[str, Counter[str]]]:
        """The things by their names."""
        yield from ((SIGNING, self.signing), (DATA, self.data), (SESSIONS, self.sessions))

    def closed(self, config: Config) -> dict[str, Counter[str]]:
        """What no configured key opens."""
        known = {key.id for key in config.secret_key} | set(ring_of(config))
        return {
            what: lost
            for what, under in self.each()
            if (lost := Counter({key: n for key, n in under.items() if key not in known}))
        }


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a run did, how things stand after it, and from when on older keys are not needed."""

    changed: dict[str, int]
    standing: Standing
    needed_until: datetime


def standing(config: Config) -> Standing:
    """Look at everything that is stored under a key. Call it as an edge."""
    signing, sealer = SigningKeys(config.secret_key), idtokens.sealer_of(config)
    data_keys = DataKeys(ring_of(config))
    with transaction():
        found = Standing(signing.under(), Counter(), Counter())
    for tenant_id in tenants():
        with transaction(tenant_id):
            found.data.update(data_keys.under(tenant_id))
            found.sessions.update(idtokens.under(sealer, tenant_id))
    return found


def rotate(config: Config) -> Rotated:
    """Wrap everything anew. Raises RotationError while some process goes on making new things under
    another key, when a key is missing, or when the database does not answer in time. Call it as an
    edge."""
    try:
        return _rotate(config)
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise RotationError(
            f"The database did not let it end: {reason}. What was done is done; run this again."
        ) from error


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
    sealer, active = idtokens.sealer_of(config), config.secret_key.active.id
    changed, after = 0, ""
    while True:
        with transaction(tenant_id):
            some, after = idtokens.rewrap(sealer, active, tenant_id, after, BATCH)
        changed += some
        if not after:
            return changed


def _require_the_same_everywhere(config: Config) -> None:
    names, mark = list(PROCESSES), config.key_mark
    with transaction():
        others = session.execute(ELSEWHERE, {"names": names, "mark": mark}).all()
    if others:
        lines = "".join(
            f"  - {PROCESSES[name]} at {address} uses {theirs or 'what an older release does'}\n"
            for name, theirs, address in others
        )
        raise RotationError(
            f"These processes do not make new things under {mark} yet:\n{lines}"
            "Give all of them the same PORTAL_SECRET_KEY, restart them, and run this again."
        )


def tenants() -> list[str]:
    """The ids of all tenants. Call it as an edge."""
    with transaction():
        return list(session.scalars(select(Tenant.id).order_by(Tenant.id)))


# --- in words -------------------------------------------------------------------------------------


def in_words(found: Mapping[str, Counter[str]]) -> str:
    """Such as “2 keys that sign tokens under 3f2a91bc”."""
    return ", ".join(
        f"{number} {what} under {key_id[:SHORT] or 'an unknown key'}"
        for what, under in found.items()
        for key_id, number in under.most_common()
    )


def report(config: Config, done: Rotated) -> Iterator[str]:
    """What was done, and what is next."""
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
