"""Store secrets in the portal's own PostgreSQL, envelope-encrypted, for installs without Vault.

The store works in the caller's session: a secret and the row that refers to it commit together or
not at all, and row-level security shows only the tenant that the session has entered. A dump of the
database contains only ciphertext. The keys come from the configuration and are never stored.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    ScalarSelect,
    String,
    and_,
    any_,
    bindparam,
    delete,
    func,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from portal.core.config import Config
from portal.core.errors import PortalError
from portal.core.root_keys import SHORT
from portal.database.session import send, session
from portal.fast.statements import Statement
from portal.secretstore import (
    Secret,
    SecretConflict,
    SecretDamaged,
    SecretMeta,
    SecretNotFound,
    SecretRef,
    StoreHealth,
    StoreState,
    Version,
    check,
    check_changes,
    last_forgotten,
)
from portal.secretstore.crypto import KeyRing, Place, seal, unseal
from portal.secretstore.datakeys import DataKeys, ring_of
from portal.secretstore.models import DataKey, SecretVersion, StoredSecret

log = structlog.get_logger(__name__)

ONE_KEY = (
    "The embedded store has one key, which web processes and workers share, so every process of "
    "the portal can read credentials."
)


@dataclass(frozen=True, slots=True)
class _Found:
    """The row of one version, with the wrapped key that decrypts it."""

    number: int
    created_at: datetime
    deleted_at: datetime | None
    data_key_id: str
    nonce: bytes
    ciphertext: bytes
    store_key_id: str
    wrapped: bytes


class EmbeddedStore:
    """Implement `SecretStore` with the tables of `portal.secretstore.models`."""

    writes_in_transaction = True

    def __init__(self, keys: KeyRing) -> None:
        self._keys = DataKeys(keys)

    @classmethod
    def from_config(cls, config: Config) -> "EmbeddedStore":
        """Build the store with the configured keys."""
        return cls(ring_of(config))

    def put(self, ref: SecretRef, data: Mapping[str, str], *, cas: int | None) -> Version:
        """See `SecretStore.put`."""
        check(data)
        return self._write(ref, data, cas)

    def patch(self, ref: SecretRef, changes: Mapping[str, str | None], *, cas: int) -> Version:
        """See `SecretStore.patch`."""
        check_changes(changes)
        current = self._open(ref, None)
        if current.version != cas:
            raise SecretConflict(current.version)
        merged = {**current, **changes}
        values = {name: value for name, value in merged.items() if value is not None}
        check_changes(values)
        return self._write(ref, values, cas)

    def get(self, ref: SecretRef, *, version: int | None = None, reason: str) -> Secret:
        """See `SecretStore.get`."""
        secret = self._open(ref, version)
        log.info("secret_read", ref=ref.key, version=secret.version, reason=reason)
        return secret

    def get_many(
        self, refs: Sequence[SecretRef], *, reason: str
    ) -> dict[SecretRef, Secret | PortalError]:
        """See `SecretStore.get_many`. It is one statement for each kind and slot."""
        secrets: dict[SecretRef, Secret | PortalError] = {}
        for some in _alike(refs):
            found = _find_current(some)
            secrets |= {ref: self._opened(ref, found.get(ref.owner_id)) for ref in some}
        for ref, secret in secrets.items():
            if isinstance(secret, Secret):
                log.info("secret_read", ref=ref.key, version=secret.version, reason=reason)
        return secrets

    def put_many(self, data: Mapping[SecretRef, Mapping[str, str]]) -> dict[SecretRef, int]:
        """See `SecretStore.put_many`. It is three statements for each kind and slot."""
        for values in data.values():
            check(values)
        numbers: dict[SecretRef, int] = {}
        for some in _alike(data):
            key_id, data_key = self._keys.of(some[0].tenant_id)
            new = _next_versions(some)
            sealed = [seal(data[ref], data_key, Place(ref, new[ref], key_id)) for ref in some]
            versions = {
                "data_key_id": key_id,
                "owners": [ref.owner_id for ref in some],
                "versions": [new[ref] for ref in some],
                "nonces": [nonce for nonce, _ in sealed],
                "ciphertexts": [ciphertext for _, ciphertext in sealed],
            }
            send(ADD_VERSIONS, _alike_columns(some[0]) | versions)
            _forget_old_versions(new)
            numbers |= new
        return numbers

    def head(self, ref: SecretRef) -> SecretMeta:
        """See `SecretStore.head`."""
        current = session.scalar(select(StoredSecret.current_version).where(*_of(ref)))
        if current is None:
            raise SecretNotFound
        rows = session.execute(
            select(SecretVersion.version, SecretVersion.created_at, SecretVersion.deleted_at)
            .where(*_versions_of(ref))
            .order_by(SecretVersion.version)
        )
        return SecretMeta(ref, current, tuple(Version(*row) for row in rows))

    def delete(self, ref: SecretRef) -> None:
        """See `SecretStore.delete`."""
        session.execute(
            update(SecretVersion)
            .where(*_versions_of(ref), SecretVersion.deleted_at.is_(None))
            .values(deleted_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def delete_many(self, refs: Collection[SecretRef]) -> None:
        """See `SecretStore.delete_many`."""
        for ref in refs:
            self.delete(ref)

    def undelete(self, ref: SecretRef) -> SecretMeta:
        """See `SecretStore.undelete`."""
        session.execute(
            update(SecretVersion)
            .where(*_versions_of(ref), SecretVersion.version == _current_version(ref))
            .values(deleted_at=None)
            .execution_options(synchronize_session=False)
        )
        return self.head(ref)

    def purge(self, ref: SecretRef) -> None:
        """See `SecretStore.purge`. The versions are deleted with their secret."""
        session.execute(
            delete(StoredSecret).where(*_of(ref)).execution_options(synchronize_session=False)
        )

    def kinds(self, tenant_id: str) -> list[str]:
        """See `SecretStore.kinds`."""
        query = select(StoredSecret.kind).where(StoredSecret.tenant_id == tenant_id)
        return list(session.scalars(query.distinct().order_by(StoredSecret.kind)))

    def owners(self, tenant_id: str, kind: str) -> list[str]:
        """See `SecretStore.owners`."""
        query = select(StoredSecret.owner_id).where(
            StoredSecret.tenant_id == tenant_id, StoredSecret.kind == kind
        )
        return list(session.scalars(query.distinct().order_by(StoredSecret.owner_id)))

    def slots(self, tenant_id: str, kind: str, owner_id: str) -> list[str]:
        """See `SecretStore.slots`."""
        query = select(StoredSecret.slot).where(
            StoredSecret.tenant_id == tenant_id,
            StoredSecret.kind == kind,
            StoredSecret.owner_id == owner_id,
        )
        return list(session.scalars(query.order_by(StoredSecret.slot)))

    def health(self) -> StoreHealth:
        """See `SecretStore.health`. Check that no key that stored secrets may need is missing."""
        try:
            missing = self._keys.missing()
        except SQLAlchemyError:
            return StoreHealth(StoreState.UNAVAILABLE, "The database does not answer.")
        if missing:
            return StoreHealth(
                StoreState.SEALED,
                f"Stored secrets need the key {', '.join(key_id[:SHORT] for key_id in missing)}, "
                "which is not configured. Set the earlier PORTAL_SECRET_STORE_KEY or "
                "PORTAL_SECRET_KEY again, or add it after the new one.",
            )
        return StoreHealth(StoreState.OK, "The embedded secret store is open.", ONE_KEY)

    def recent_health(self) -> StoreHealth:
        """See `SecretStore.recent_health`. It is one short statement, so nothing is remembered."""
        return self.health()

    def _open(self, ref: SecretRef, version: int | None) -> Secret:
        secret = self._opened(ref, _find(ref, version))
        if isinstance(secret, PortalError):
            raise secret
        return secret

    def _opened(self, ref: SecretRef, found: _Found | None) -> Secret | PortalError:
        """Return the values of a row, or why there are none. Raises StoreSealed."""
        if found is None:
            return SecretNotFound()
        if found.deleted_at is not None:
            return SecretNotFound(deleted=True)
        data_key = self._keys.unwrap(found.store_key_id, found.wrapped)
        place = Place(ref, found.number, found.data_key_id)
        try:
            values = unseal(found.nonce, found.ciphertext, data_key, place)
        except SecretDamaged as damage:
            return damage
        return Secret(values, found.number, found.created_at)

    def _write(self, ref: SecretRef, values: Mapping[str, str], cas: int | None) -> Version:
        # Get the key first: an error must come before any change, because the caller may catch it
        # and still commit.
        key_id, data_key = self._keys.of(ref.tenant_id)
        number = _next_version(ref, cas)
        nonce, ciphertext = seal(values, data_key, Place(ref, number, key_id))
        created_at = session.scalars(
            insert(SecretVersion)
            .values(
                **_columns(ref),
                version=number,
                data_key_id=key_id,
                nonce=nonce,
                ciphertext=ciphertext,
            )
            .returning(SecretVersion.created_at)
        ).one()
        session.execute(
            delete(SecretVersion)
            .where(*_versions_of(ref), SecretVersion.version <= last_forgotten(number))
            .execution_options(synchronize_session=False)
        )
        return Version(number, created_at)


def _columns(ref: SecretRef) -> dict[str, str]:
    return {
        "tenant_id": ref.tenant_id,
        "kind": ref.kind,
        "owner_id": ref.owner_id,
        "slot": ref.slot,
    }


def _of(ref: SecretRef) -> list[ColumnElement[bool]]:
    return [getattr(StoredSecret, name) == value for name, value in _columns(ref).items()]


def _versions_of(ref: SecretRef) -> list[ColumnElement[bool]]:
    return [getattr(SecretVersion, name) == value for name, value in _columns(ref).items()]


def _current_version(ref: SecretRef) -> ScalarSelect[int]:
    return select(StoredSecret.current_version).where(*_of(ref)).scalar_subquery()


def _next_version(ref: SecretRef, cas: int | None) -> int:
    """Increment the secret's version and lock its row. Raise SecretConflict if it is not `cas`."""
    statement: Any
    if cas:
        statement = (
            update(StoredSecret)
            .where(*_of(ref), StoredSecret.current_version == cas)
            .values(current_version=StoredSecret.current_version + 1)
            .execution_options(synchronize_session=False)
        )
    else:
        statement = insert(StoredSecret).values(**_columns(ref), current_version=1)
        statement = (
            statement.on_conflict_do_nothing()
            if cas == 0
            else statement.on_conflict_do_update(
                index_elements=list(_columns(ref)),
                set_={"current_version": StoredSecret.current_version + 1},
            )
        )
    number: int | None = session.scalar(statement.returning(StoredSecret.current_version))
    if number is None:
        current = session.scalar(select(StoredSecret.current_version).where(*_of(ref)))
        raise SecretConflict(current or 0)
    return number


FOUND = (
    SecretVersion.version,
    SecretVersion.created_at,
    SecretVersion.deleted_at,
    SecretVersion.data_key_id,
    SecretVersion.nonce,
    SecretVersion.ciphertext,
    DataKey.store_key_id,
    DataKey.wrapped,
)
WITH_KEY = and_(
    DataKey.tenant_id == SecretVersion.tenant_id, DataKey.id == SecretVersion.data_key_id
)


def _reading(version: ColumnElement[Any]) -> Statement:
    own = [
        getattr(SecretVersion, name) == bindparam(name)
        for name in ("tenant_id", "kind", "owner_id", "slot")
    ]
    query = select(*FOUND).join(DataKey, WITH_KEY).where(*own, SecretVersion.version == version)
    return Statement(query)


ONE_VERSION = _reading(bindparam("version", type_=Integer))
NEWEST = _reading(
    select(StoredSecret.current_version)
    .where(
        *(
            getattr(StoredSecret, name) == bindparam(name)
            for name in ("tenant_id", "kind", "owner_id", "slot")
        )
    )
    .scalar_subquery()
)


def _find(ref: SecretRef, version: int | None) -> _Found | None:
    key = _columns(ref)
    rows = send(NEWEST, key) if version is None else send(ONE_VERSION, {**key, "version": version})
    return next((_Found(*row) for row in rows), None)


# ---------------------------------------------------------------- several at once


def _alike(refs: Iterable[SecretRef]) -> list[list[SecretRef]]:
    """Return these references in groups that differ in their owner alone."""
    groups: dict[tuple[str, str, str], list[SecretRef]] = {}
    for ref in refs:
        groups.setdefault((ref.tenant_id, ref.kind, ref.slot), []).append(ref)
    return list(groups.values())


def _all_of(refs: Sequence[SecretRef]) -> list[ColumnElement[bool]]:
    """Return the condition for the secrets of references that differ in their owner alone."""
    owners = [ref.owner_id for ref in refs]
    return [
        StoredSecret.tenant_id == refs[0].tenant_id,
        StoredSecret.kind == refs[0].kind,
        StoredSecret.slot == refs[0].slot,
        StoredSecret.owner_id == any_(type_coerce(owners, ARRAY(String))),
    ]


OF_SECRET = and_(
    SecretVersion.tenant_id == StoredSecret.tenant_id,
    SecretVersion.kind == StoredSecret.kind,
    SecretVersion.owner_id == StoredSecret.owner_id,
    SecretVersion.slot == StoredSecret.slot,
)


def _find_current(refs: Sequence[SecretRef]) -> dict[str, _Found]:
    """Return owner → the row of the current version."""
    query = (
        select(StoredSecret.owner_id, *FOUND)
        .join(SecretVersion, and_(OF_SECRET, SecretVersion.version == StoredSecret.current_version))
        .join(DataKey, WITH_KEY)
        .where(*_all_of(refs))
    )
    return {row[0]: _Found(*row[1:]) for row in session.execute(query)}


NEXT_VERSIONS = Statement(
    text("""
    INSERT INTO secret (tenant_id, kind, owner_id, slot, current_version)
    SELECT :tenant_id, :kind, owner_id, :slot, 1
    FROM unnest(CAST(:owners AS text[])) AS given (owner_id)
    ON CONFLICT (tenant_id, kind, owner_id, slot)
    DO UPDATE SET current_version = secret.current_version + 1
    RETURNING owner_id, current_version
    """)
)
ADD_VERSIONS = Statement(
    text("""
    INSERT INTO secret_version
        (tenant_id, kind, owner_id, slot, version, data_key_id, nonce, ciphertext)
    SELECT :tenant_id, :kind, owner_id, :slot, version, :data_key_id, nonce, ciphertext
    FROM unnest(CAST(:owners AS text[]), CAST(:versions AS integer[]), CAST(:nonces AS bytea[]),
        CAST(:ciphertexts AS bytea[])) AS given (owner_id, version, nonce, ciphertext)
    """)
)


def _next_versions(refs: Sequence[SecretRef]) -> dict[SecretRef, int]:
    """Increment the versions of these secrets and lock their rows, in the order of their ids."""
    by_owner = {ref.owner_id: ref for ref in refs}
    values = _alike_columns(refs[0]) | {"owners": sorted(by_owner)}
    return {by_owner[id]: number for id, number in send(NEXT_VERSIONS, values)}


def _alike_columns(ref: SecretRef) -> dict[str, Any]:
    return {"tenant_id": ref.tenant_id, "kind": ref.kind, "slot": ref.slot}


def _forget_old_versions(new: Mapping[SecretRef, int]) -> None:
    old = [
        {**{f"of_{name}": value for name, value in _columns(ref).items()}, "last": last}
        for ref, number in new.items()
        if (last := last_forgotten(number)) > 0
    ]
    if old:
        # One row after the other by its key: a join would have to guess how many rows there are.
        session.connection().execute(OLD_VERSIONS, old)


OLD_VERSIONS = delete(SecretVersion).where(
    SecretVersion.tenant_id == bindparam("of_tenant_id"),
    SecretVersion.kind == bindparam("of_kind"),
    SecretVersion.owner_id == bindparam("of_owner_id"),
    SecretVersion.slot == bindparam("of_slot"),
    SecretVersion.version <= bindparam("last"),
)
