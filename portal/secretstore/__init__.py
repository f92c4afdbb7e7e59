"""Store secrets through one interface with two implementations.

A feature names a secret by what it belongs to (`SecretRef`), never by a path, and calls `store()`.
Behind it is either a Vault or OpenBao KV v2 mount (`portal.secretstore.vault`) or the portal's own
encrypted tables (`portal.secretstore.embedded_store`). Both make the same guarantees, which
`tests/secretstore/test_contract.py` tests.

The order of writes for a feature: flush its own row (so that the ids exist and its rules hold),
`put` the secret, store the version in the row; the edge commits. With the embedded store, the
secret is part of the same transaction. With Vault, a crash before the commit leaves an unused
secret behind, which is harmless, and never a row without its secret.

Each feature decides what to store about a secret in its own row (version, names of the fields,
fingerprint, when and by whom it was set): nothing here lists fields without opening the secret.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, NoReturn, Protocol

from portal.core.config import Config
from portal.core.errors import (
    Conflict,
    FieldError,
    Invalid,
    NotFound,
    PortalError,
    TooLarge,
    Unavailable,
)
from portal.database import dry_run

MAX_BYTES = 64 * 1024
"""Limit of a secret's names and values together, in UTF-8. Vault fails at 1 MiB, with a 500."""

MAX_FIELDS = 64
KEPT_VERSIONS = 10
"""Vault's own default for a mount. The embedded store keeps as many versions."""

RECORD_ID = re.compile(r"[a-z]+_[0-9A-Z]{26}")
"""The form of our records' ids. What else an operator stores in a Vault is left alone."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,63}")
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_FIELD_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Identify a secret: the `slot` of the record `owner_id`, of a `kind`, in a tenant.

    Ids consist of letters, digits and underscores; kind and slot of lower-case letters, digits and
    dashes. So no part can leave its place in a path, and no two references share a path.
    """

    tenant_id: str
    kind: str
    owner_id: str
    slot: str

    def __post_init__(self) -> None:
        """Raise ValueError for a part outside the alphabet: an error in the calling code."""
        for name, pattern in (
            ("tenant_id", _ID),
            ("kind", _WORD),
            ("owner_id", _ID),
            ("slot", _WORD),
        ):
            if not pattern.fullmatch(getattr(self, name)):
                raise ValueError(f"SecretRef.{name} has characters that a reference may not have")

    @property
    def key(self) -> str:
        """Return the path below the mount, `tnt-…/connectors/cnn-…/credentials`."""
        parts = (dashed(self.tenant_id), self.kind, dashed(self.owner_id), self.slot)
        return "/".join(parts)

    def path(self, mount: str) -> str:
        """Return the specification's `vault_path`,
        `secret/data/tnt-…/connectors/cnn-…/credentials`."""
        return f"{mount}/data/{self.key}"


class Secret(Mapping[str, str]):
    """Hold the values of one version of a secret, hidden from repr, str, format and pickle.

    Read a field as `secret["password"]`. Keep the object only as long as the work takes.
    """

    __slots__ = ("_values", "created_at", "version")

    def __init__(self, values: Mapping[str, str], version: int, created_at: datetime) -> None:
        self._values = dict(values)
        self.version = version
        self.created_at = created_at

    def __getitem__(self, field: str) -> str:
        return self._values[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Secret version {self.version}, values hidden>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is neither pickled nor copied to another process")


@dataclass(frozen=True, slots=True)
class Version:
    """One version in the store. A deleted version can be restored, a destroyed one cannot."""

    number: int
    created_at: datetime
    deleted_at: datetime | None = None
    destroyed: bool = False

    @property
    def is_live(self) -> bool:
        """Tell whether its values can be read."""
        return self.deleted_at is None and not self.destroyed


@dataclass(frozen=True, slots=True)
class SecretMeta:
    """Describe a secret without opening it. `versions` go from the oldest to the newest."""

    ref: SecretRef
    current_version: int
    versions: tuple[Version, ...]

    @property
    def is_live(self) -> bool:
        """Tell whether the current version can be read."""
        return any(v.is_live for v in self.versions if v.number == self.current_version)


class Side(StrEnum):
    """The parts of the portal that use the store. In a Vault each has a role of its own.

    `MOVE` is `portal secrets`, which an operator runs.
    """

    WEB = "web"
    WORKER = "worker"
    MOVE = "move"


class StoreState(StrEnum):
    """The state of the store for the portal."""

    OK = "ok"
    SEALED = "sealed"
    UNAVAILABLE = "unavailable"
    DENIED = "denied"
    LACKING = "lacking"


TITLES = {
    StoreState.OK: "The secret store works",
    StoreState.SEALED: "The secret store is locked",
    StoreState.UNAVAILABLE: "The secret store does not answer",
    StoreState.DENIED: "The secret store refuses the portal",
    StoreState.LACKING: "The portal lacks a permission in the secret store",
}


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """The state, and one sentence for operators about what it means and what to do.

    `wall` says who can read the credentials of connectors, `is_walled` whether only workers can.
    """

    state: StoreState
    sentence: str
    wall: str = ""
    is_walled: bool = False

    @property
    def is_ok(self) -> bool:
        """Tell whether secrets can be read and written now."""
        return self.state is StoreState.OK

    @property
    def title(self) -> str:
        """Return the state in a few words, for everybody."""
        return TITLES[self.state]

    @property
    def consequence(self) -> str:
        """Return what does not work in this state."""
        if self.state is StoreState.LACKING:
            return "What needs it fails. Everything else works."
        return (
            "Credentials cannot be saved or removed, secrets cannot be rotated or tested, and "
            "requests to inbound webhooks are answered with 503. Everything else works; deliveries "
            "are retried."
        )

    @property
    def takes_secrets(self) -> bool:
        """Tell whether it makes sense to type a secret now."""
        return self.state in (StoreState.OK, StoreState.LACKING)


class SecretNotFound(NotFound):
    """There is no such secret or version. It can be restored if `deleted`, not if `destroyed`."""

    code: ClassVar[str] = "secret_not_found"

    def __init__(self, *, deleted: bool = False, destroyed: bool = False) -> None:
        self.deleted = deleted
        self.destroyed = destroyed
        if destroyed:
            detail = "This secret was destroyed and cannot be restored. Enter it again."
        elif deleted:
            detail = "This secret was deleted. It can still be restored."
        else:
            detail = "No secret is stored here."
        super().__init__(detail)


class SecretConflict(Conflict):
    """The secret is no longer at the version that the caller saw; `version` is the current one."""

    code: ClassVar[str] = "secret_conflict"

    def __init__(self, version: int) -> None:
        self.version = version
        detail = "Somebody else saved this secret in the meantime"
        if version:
            detail += f" (it is at version {version} now)"
        super().__init__(f"{detail}. Reload, review and save again.", current=None)

    @property
    def extra(self) -> dict[str, Any]:
        """Return the version on which to build the next attempt."""
        return {"current_secret_version": self.version}


class PatchUnsupported(Conflict):
    """The server cannot change a part of a secret."""

    code: ClassVar[str] = "secret_patch_unsupported"

    def __init__(self) -> None:
        super().__init__(
            "This secret store cannot change a part of a secret: that takes Vault 1.9 or any "
            "OpenBao. Enter all fields again."
        )


class SecretDenied(PortalError):
    """The store refuses the request, or does not accept the portal's own credentials."""

    status, code, title = 502, "secret_store_denied", "The secret store refused the portal"

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            detail
            or "The secret store refuses the portal. An operator must check its policy: "
            "portal doctor names what is missing."
        )


class SecretDamaged(PortalError):
    """The stored bytes do not belong to this secret: altered, or moved from another place."""

    status, code, title = 500, "secret_damaged", "A stored secret is damaged"

    def __init__(self) -> None:
        super().__init__("The stored secret is damaged and was not used. Enter it again.")


class SecretTooLarge(TooLarge):
    """The secret exceeds `MAX_BYTES` or `MAX_FIELDS`."""

    code: ClassVar[str] = "secret_too_large"


class StoreUnavailable(Unavailable):
    """The store does not answer, or answers with an error of its own."""

    code: ClassVar[str] = "secret_store_unavailable"
    title: ClassVar[str] = "The secret store does not answer"

    def __init__(self, detail: str = "", *, retry_after: int = 5) -> None:
        super().__init__(
            detail or "The secret store does not answer. Everything that needs no secret works on.",
            retry_after=retry_after,
        )


class StoreSealed(StoreUnavailable):
    """The store answers but is locked: Vault is sealed, or the embedded store lacks its key."""

    code: ClassVar[str] = "secret_store_sealed"
    title: ClassVar[str] = "The secret store is locked"

    def __init__(self) -> None:
        super().__init__(
            "The secret store is locked. Lists, search and pages work; saving and testing of "
            "credentials is paused until an operator unlocks it.",
            retry_after=30,
        )


class SecretStore(Protocol):
    """Define what both implementations guarantee.

    Versions count from 1, and a deleted version keeps its number. Any method may raise StoreSealed,
    StoreUnavailable or SecretDenied. `cas` is the version that the caller saw: 0 means that there
    is none yet, None accepts any version. If the current version is another one, the method raises
    SecretConflict.
    """

    @property
    def writes_in_transaction(self) -> bool:
        """Tell whether a rollback of the database takes its writes back."""
        ...

    def put(self, ref: SecretRef, data: Mapping[str, str], *, cas: int | None) -> Version:
        """Store a complete new version. Raises Invalid or SecretTooLarge for data out of bounds."""
        ...

    def patch(self, ref: SecretRef, changes: Mapping[str, str | None], *, cas: int) -> Version:
        """Store a new version with some fields set, and those given as None removed.

        Raises SecretNotFound if there is no live current version to change.
        """
        ...

    def get(self, ref: SecretRef, *, version: int | None = None, reason: str) -> Secret:
        """Return the values of a version, by default of the current one.

        Raises SecretNotFound and SecretDamaged. `reason` says in a few words what the values are
        needed for. It is written to the log.
        """
        ...

    def get_many(
        self, refs: Sequence[SecretRef], *, reason: str
    ) -> dict[SecretRef, Secret | PortalError]:
        """Return the current values of several secrets of one tenant; SecretNotFound or
        SecretDamaged in the place of one that cannot be read."""
        ...

    def put_many(self, data: Mapping[SecretRef, Mapping[str, str]]) -> dict[SecretRef, int]:
        """Store a complete new version of several secrets of one tenant, whatever the current one
        is, and return their numbers. An error may leave some of them stored."""
        ...

    def head(self, ref: SecretRef) -> SecretMeta:
        """Return the versions without values. Raises SecretNotFound if there never was one."""
        ...

    def delete(self, ref: SecretRef) -> None:
        """Make every version unreadable, but restorable. Do nothing if there is no secret."""
        ...

    def delete_many(self, refs: Collection[SecretRef]) -> None:
        """Delete several secrets of one tenant. An error may leave some of them."""
        ...

    def undelete(self, ref: SecretRef) -> SecretMeta:
        """Restore the current version, and return what is stored now. Raises SecretNotFound.

        Earlier versions stay deleted: one of them may have been removed on purpose before.
        """
        ...

    def purge(self, ref: SecretRef) -> None:
        """Delete all versions for good; numbers start again. Do nothing if there is no secret."""
        ...

    def kinds(self, tenant_id: str) -> list[str]:
        """Return the kinds of secrets that a tenant has, deleted ones included."""
        ...

    def owners(self, tenant_id: str, kind: str) -> list[str]:
        """Return the ids of all records of a kind that have a secret, deleted ones included."""
        ...

    def slots(self, tenant_id: str, kind: str, owner_id: str) -> list[str]:
        """Return the slots that a record has, deleted ones included."""
        ...

    def health(self) -> StoreHealth:
        """Ask for the state of the store, for `portal doctor`. Never raises."""
        ...

    def recent_health(self) -> StoreHealth:
        """Return the state as it was a few seconds ago, for pages. Never raises."""
        ...


def last_forgotten(newest: int) -> int:
    """Return the version up to which a store has forgotten a secret with this newest version."""
    return newest - KEPT_VERSIONS


def check(data: Mapping[str, str]) -> None:
    """Refuse data that no store should accept. Raises Invalid or SecretTooLarge, names only."""
    if not data:
        raise Invalid.field("credentials", "A secret needs at least one field.")
    check_changes(data)


def check_changes(changes: Mapping[str, str | None]) -> None:
    """Check a part of a secret. Raises Invalid or SecretTooLarge, never with a value in it."""
    if len(changes) > MAX_FIELDS:
        raise SecretTooLarge(f"A secret has at most {MAX_FIELDS} fields.")
    if problems := [p for name, value in changes.items() if (p := _problem(name, value))]:
        raise Invalid(problems)
    if sum(len(name) + len((value or "").encode()) for name, value in changes.items()) > MAX_BYTES:
        raise SecretTooLarge(f"A secret has at most {MAX_BYTES // 1024} KiB.")


def _problem(name: str, value: str | None) -> FieldError | None:
    if not _FIELD_NAME.fullmatch(name):
        return FieldError("credentials", "Names of fields are letters, digits, '_', '-' and '.'.")
    if value and not value.isascii() and any("\ud800" <= one <= "\udfff" for one in value):
        return FieldError(name, "This text is not valid Unicode.")
    return None


def current_version(store: "SecretStore", ref: SecretRef) -> int:
    """Return the number of the current version of a secret, 0 if there is none."""
    try:
        return store.head(ref).current_version
    except SecretNotFound:
        return 0


def all_refs(store: "SecretStore", tenant_id: str) -> list[SecretRef]:
    """Return all secrets of a tenant's records, deleted ones included; not what others keep."""
    return [
        SecretRef(tenant_id, kind, owner_id, slot)
        for kind in store.kinds(tenant_id)
        for owner_id in store.owners(tenant_id, kind)
        if RECORD_ID.fullmatch(owner_id)
        for slot in store.slots(tenant_id, kind, owner_id)
        if _WORD.fullmatch(slot)
    ]


def dashed(record_id: str) -> str:
    """Return an id as the specification writes it in a path: `tnt_01K…` is `tnt-01K…` there."""
    return record_id.replace("_", "-")


_configured: SecretStore | None = None


def configure(config: Config, side: Side = Side.WEB) -> SecretStore:
    """Build the store that the configuration selects, and set it for this process."""
    global _configured
    _configured = build(config, side)
    return _configured


def build(config: Config, side: Side = Side.WEB) -> SecretStore:
    """Return the store that the configuration selects. It does not connect yet.

    Raises ConfigError if the configuration has no role for this side in the Vault.
    """
    if config.secret_store == "vault":  # noqa: S105 - the name of a kind of store
        from portal.secretstore.vault import VaultStore

        return VaultStore.from_config(config, side)
    from portal.secretstore.embedded_store import EmbeddedStore

    return EmbeddedStore.from_config(config)


def store() -> SecretStore:
    """Return the configured store, which writes nothing outside of the database in a dry run.

    Raises RuntimeError before `configure`.
    """
    if _configured is None:
        raise RuntimeError("portal.secretstore.configure(config) was not called")
    if dry_run.is_on() and not _configured.writes_in_transaction:
        from portal.secretstore.unwritten import UnwrittenStore

        return UnwrittenStore(_configured)
    return _configured
