"""The operations on keys: issue, block, unblock and revoke. `editing` changes their settings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, literal, select, union_all
from sqlalchemy.orm import aliased
from sqlalchemy.orm.attributes import set_committed_value

from portal.applications import service as applications
from portal.applications.models import Application
from portal.core.deadlines import LOCK_SECONDS
from portal.core.errors import Conflict, Invalid
from portal.database.actor import Actor
from portal.database.record import find
from portal.database.session import database_now, session, wait_for_locks
from portal.events import service as events
from portal.identity.models import Tenant
from portal.keys.decision import format as key_format
from portal.keys.limits.inheritance import inherit
from portal.keys.models import KINDS, STATUSES, ApiKey, ApiKeyRuntime, has_open_leak, not_revoked
from portal.keys.schemas import IssueKey, StopKey
from portal.keys.tables import KeyLeak, KeyScope
from portal.records import verbs
from portal.records.listing import Beside, Listing, Side
from portal.records.verbs import Revealed

UNNAMED = "Untitled key"
SOON = timedelta(days=14)
STOP_SECONDS = 2 * LOCK_SECONDS
UNUSED = {"status": "active", "last_used_at": None, "spend_usd": Decimal(0)}
PRESSING = 5  # keys of each kind in the notices

FILTERS = {
    "status": ApiKey.status,
    "kind": ApiKey.kind,
    "blocked": ApiKey.blocked,
    "application_id": ApiKey.application_id,
    "issued_to_user_id": ApiKey.issued_to_user_id,
    "issued_to_service": ApiKey.issued_to_service,
    "created_by_user_id": ApiKey.created_by_user_id,
    "rotated_from_key_id": ApiKey.rotated_from_key_id,
    "key_prefix": ApiKey.key_prefix,
    # To look up a leak: `printf %s "$KEY" | sha256sum`. So no key has to be sent.
    "key_fingerprint": ApiKey.key_hash,
    "app_id": ApiKey.app_id,
}
LISTING = Listing(
    ApiKey,
    filters=FILTERS,
    quick=(*FILTERS, "updated_at", "expires_at", "show"),
    choices={"status": STATUSES, "kind": KINDS},
    several=(
        "status",
        "kind",
        "application_id",
        "created_by_user_id",
        "rotated_from_key_id",
        "key_prefix",
        "key_fingerprint",
        "app_id",
    ),
    apart=("status",),
    sides={
        "scope": Side(KeyScope, KeyScope.scope, KeyScope.key_id, lambda scope: (scope,)),
    },
    fingerprint="key_fingerprint",
    combines=True,
    texts={"name": ApiKey.name},
    optional={
        "application_id": ApiKey.application_id,
        "issued_to_user_id": ApiKey.issued_to_user_id,
        "issued_to_service": ApiKey.issued_to_service,
        "created_by_user_id": ApiKey.created_by_user_id,
        "rotated_from_key_id": ApiKey.rotated_from_key_id,
        "app_id": ApiKey.app_id,
        "expires_at": ApiKey.expires_at,
        "last_used_at": ApiKey.last_used_at,
        "revoked_at": ApiKey.revoked_at,
        "revoke_at": ApiKey.revoke_at,
        "brownout_from": ApiKey.brownout_from,
    },
    ranges={
        "created_at": ApiKey.created_at,
        "updated_at": ApiKey.updated_at,
        "expires_at": ApiKey.expires_key,
        "last_used_at": ApiKeyRuntime.last_used_at,
        "revoked_at": ApiKey.revoked_at,
        "revoke_at": ApiKey.revoke_at,
        "brownout_from": ApiKey.brownout_from,
    },
    days={"last_used_at": ApiKeyRuntime.used_on},
    sorts={
        "created_at": ApiKey.id,
        "updated_at": ApiKey.updated_at,
        "name": ApiKey.name_key,
        "expires_at": ApiKey.expires_key,
    },
    beside=Beside(
        ApiKeyRuntime,
        and_(ApiKeyRuntime.tenant_id == ApiKey.tenant_id, ApiKeyRuntime.key_id == ApiKey.id),
        ApiKeyRuntime.key_id,
    ),
    beside_sorts={"last_used_at": ApiKeyRuntime.used_on, "spend_usd": ApiKeyRuntime.spend_whole},
)


def issue(actor: Actor, command: IssueKey) -> Revealed[ApiKey]:
    """Issue a key, and return the raw key for the only time.

    Raises Invalid if the key would have more rights than its creator or its application, if it
    would expire in the past, and if the actor does not see the application or the predecessor.
    """
    actor.require("keys:write")
    values = command.values()
    values["name"] = command.name or UNNAMED
    application = _owner(actor, command.application_id)
    values["application_id"] = application and application.id
    values["issued_to_user_id"] = _user(actor, command)
    check_scopes(actor, command.scopes, application)
    _check_expiry(command)
    _check_predecessor(actor, command.rotated_from_key_id)
    return mint(actor, command.kind, values)


def mint(actor: Actor, kind: str, values: Mapping[str, Any]) -> Revealed[ApiKey]:
    """Create a key from values that were checked, and its runtime row.

    Raises Invalid if the new key would exceed the key that issues it, Conflict if that one issues
    no keys.
    """
    values = inherit(actor, values)
    raw = key_format.generate(key_code(actor), kind)
    record = ApiKey(
        key_hash=raw.digest,
        prefix=raw.prefix,
        key_prefix=raw.key_prefix,
        last4=raw.last4,
        created_by_user_id=actor.person_id,
    )
    verbs.create(actor, record, values)
    for name, value in UNUSED.items():  # known for a new key, so no query is needed
        set_committed_value(record, name, value)
    return Revealed(record, {"key": raw.text, "key_hash": raw.digest})


def get(actor: Actor, key_id: str) -> ApiKey:
    """Return one key that the actor sees. Raises NotFound."""
    actor.require("keys:read")
    return find(ApiKey, actor, key_id)


def revoke(actor: Actor, key_id: str, command: StopKey) -> ApiKey:
    """Revoke a key permanently. A key that is revoked already stays unchanged."""
    actor.require("keys:write")
    record = to_stop(actor, key_id)
    if record.status == "revoked":
        return record
    end(actor, record, command.reason, database_now())
    return record


def end(actor: Actor, record: ApiKey, reason: str | None, now: datetime) -> None:
    """Revoke a key that is not revoked yet. Without a reason, that of a planned revocation stays.

    The caller must have checked that the actor may do this.
    """
    values = {"revoked_at": now, "revoked_reason": reason or record.revoked_reason}
    verbs.change(actor, record, values, action="revoked", why="revoked_reason")
    session.expire(record, ["status"])


def block(actor: Actor, key_id: str, command: StopKey) -> ApiKey:
    """Block a key until it is unblocked. Without a reason, that of an earlier block stays.

    Raises Conflict for a revoked key.
    """
    actor.require("keys:write")
    record = _not_revoked(to_stop(actor, key_id))
    values = {"blocked": True, "blocked_reason": command.reason or record.blocked_reason}
    return verbs.change(actor, record, values, action="blocked", why="blocked_reason")


def unblock(actor: Actor, key_id: str, command: None = None) -> ApiKey:
    """Unblock a key. Raises Conflict for a revoked key, and for one with an open leak.

    Needs the scope `keys:reopen`, which blocking does not.
    """
    record = to_reopen(actor, key_id)
    if session.scalar(select(has_open_leak(record.tenant_id, record.id))):
        raise Conflict(
            "This key was found in public, so it cannot be unblocked. Rotate and revoke it, or mark"
            " the leak as dealt with first."
        )
    values = {"blocked": False, "blocked_reason": None}
    return verbs.change(actor, record, values, action="unblocked")


def names(actor: Actor, ids: Iterable[str]) -> list[tuple[str, str]]:
    """Return (id, name) of some keys, in one statement, for lists that refer to them."""
    own = ApiKey.seen_by(actor).where(ApiKey.id.in_(list(ids)))
    return [
        (id, name) for id, name in session.execute(own.with_only_columns(ApiKey.id, ApiKey.name))
    ]


def announce(actor: Actor, record: ApiKey, name: str, more: Mapping[str, Any]) -> None:
    """Publish the event `api_key.<name>` with the key's id, name, prefix and application, and
    `more`."""
    about = {
        "id": record.id,
        "name": record.name,
        "key_prefix": record.key_prefix,
        "application_id": record.application_id,
    }
    events.announce(actor, f"api_key.{name}", {**about, **more}, subject=record.id)


def of_application(actor: Actor, application_id: str, limit: int = 20) -> Sequence[ApiKey]:
    """Return the newest keys of an application, for its page."""
    actor.require("keys:read")
    query = ApiKey.seen_by(actor).where(ApiKey.application_id == application_id)
    return session.scalars(query.order_by(ApiKey.id.desc()).limit(limit)).all()


def may_issue(actor: Actor, application: Application) -> bool:
    """Tell whether the actor may issue a key for this application."""
    runs = application.kind != "library" and not application.is_stopped
    return runs and actor.can("keys:write")


@dataclass(frozen=True, slots=True)
class Pressing:
    """A key that needs a person's attention, since or until `at`."""

    key_id: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Outlook:
    """The keys for the notices of an actor: a few that need attention."""

    expiring: Sequence[Pressing]
    leaked: Sequence[Pressing]


def outlook(actor: Actor) -> Outlook:
    """Return which keys that the actor sees expire within SOON, and which are leaked.

    A leaked key was found in public, and is neither revoked nor settled. One statement finds all of
    them.
    """
    soon = (
        ApiKey.seen_by(actor)
        .with_only_columns(literal("expiring"), ApiKey.id, ApiKey.name, ApiKey.expires_key)
        .where(ApiKey.status == "active")
        .where(*unfollowed_soon())
        .order_by(ApiKey.expires_key)
        .limit(PRESSING)
    )
    first = func.min(KeyLeak.reported_at)
    leaked = (
        ApiKey.seen_by(actor)
        .with_only_columns(literal("leaked"), ApiKey.id, ApiKey.name, first)
        .join(KeyLeak, (KeyLeak.tenant_id == ApiKey.tenant_id) & (KeyLeak.key_id == ApiKey.id))
        .where(KeyLeak.tenant_id == actor.tenant_id, KeyLeak.settled_at.is_(None))
        .where(not_revoked(ApiKey))
        .group_by(ApiKey.id, ApiKey.name)
        .order_by(first)
        .limit(PRESSING)
    )
    rows = session.execute(union_all(soon, leaked)).all()
    found = [(row[0], Pressing(row[1], row[2], row[3])) for row in rows]
    return Outlook(
        expiring=[one for kind, one in found if kind == "expiring"],
        leaked=[one for kind, one in found if kind == "leaked"],
    )


def unfollowed_soon() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for a key that expires within SOON and needs a successor.

    A key that has one that works needs none, nor does a child, which is short-lived on purpose.
    """
    successor = aliased(ApiKey)
    followed = exists().where(
        successor.tenant_id == ApiKey.tenant_id,
        successor.rotated_from_key_id == ApiKey.id,
        not_revoked(successor),
        successor.expires_key > func.now(),
    )
    return ApiKey.expires_key < func.now() + SOON, ApiKey.parent_key_id.is_(None), ~followed


def to_stop(actor: Actor, key_id: str) -> ApiKey:
    """Return a key, locked, that is to be stopped.

    It waits for longer than any other change does: those that are before it in the line for the key
    have given up by then. The caller checks that the actor may do this.
    """
    wait_for_locks(STOP_SECONDS)
    return find(ApiKey, actor, key_id, lock=True)


def to_reopen(actor: Actor, key_id: str) -> ApiKey:
    """Return a key, locked, whose block or planned revocation is to be undone.

    Raises Conflict for a revoked key.
    """
    actor.require("keys:reopen")
    return _not_revoked(find(ApiKey, actor, key_id, lock=True))


def _not_revoked(record: ApiKey) -> ApiKey:
    if record.status == "revoked":
        raise Conflict("This key is revoked. That is final: issue a new key instead.")
    return record


# ---------------------------------------------------------------- checks of a new key


def _owner(actor: Actor, application_id: str | None) -> Application | None:
    """Return the new key's application.

    A program issues keys for its own application only: a key for another one, or for none, would
    see more than the program itself.
    """
    if actor.application_id is not None:
        if application_id not in (None, actor.application_id):
            raise Invalid.field("application_id", "You can issue keys for your application only.")
        application_id = actor.application_id
    if application_id is None:
        return None
    return applications.running(actor, application_id)


def _user(actor: Actor, command: IssueKey) -> str | None:
    if command.kind != "user":
        return None
    user = command.issued_to_user_id or actor.person_id
    if user is None:
        raise Invalid.field("issued_to_user_id", "Say which user this key is issued to.")
    return user


def check_within(scopes: Sequence[str], those: Sequence[str]) -> None:
    """Raise Invalid for a scope that the parent key does not have."""
    if beyond := sorted(set(scopes) - set(those)):
        raise Invalid.field("scopes", f"Its parent does not have: {', '.join(beyond)}.")


def check_scopes(actor: Actor, scopes: Sequence[str], application: Application | None) -> None:
    """Raise Invalid for a scope that the actor lacks, or that the key's application does not
    allow."""
    if beyond := sorted(set(scopes) - actor.grantable):
        message = f"You cannot grant what you do not have: {', '.join(beyond)}."
        raise Invalid.field("scopes", message)
    if application and (beyond := [scope for scope in scopes if not application.allows(scope)]):
        message = f"{application.display_name} does not allow its keys: {', '.join(beyond)}."
        raise Invalid.field("scopes", message)


def _check_expiry(command: IssueKey) -> None:
    if command.expires_at is not None and command.expires_at <= database_now():
        raise Invalid.field("expires_at", "Choose a moment in the future.")


def _check_predecessor(actor: Actor, key_id: str | None) -> None:
    if key_id is None:
        return
    seen = ApiKey.seen_by(actor).where(ApiKey.id == key_id).with_only_columns(ApiKey.id)
    if session.scalar(seen) is None:
        raise Invalid.field("rotated_from_key_id", "There is no key of this id.")


def key_code(actor: Actor) -> str:
    """Return the tenant's key code: four characters in each of its keys.

    It never changes.
    """
    known = _codes.get(actor.tenant_id)
    if known is None:
        code = select(Tenant.key_code).where(Tenant.id == actor.tenant_id)
        known = _codes[actor.tenant_id] = session.execute(code).scalar_one()
    return known


_codes: dict[str, str] = {}
