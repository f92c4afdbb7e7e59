"""The secret store in the portal's own PostgreSQL, envelope-encrypted, for installs without Vault.

It works in the caller's session: a secret and the row that refers to it commit together or not at
all, and row-level security shows only the tenant that the session has entered. What a dump of the
database holds is ciphertext; the keys come from the configuration and are never stored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, ScalarSelect, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from portal.config import Config
from portal.db import new_id, session, transaction
from portal.secretstore import (
    KEPT_VERSIONS,
    Secret,
    SecretConflict,
    SecretMeta,
    SecretNotFound,
    SecretRef,
    StoreHealth,
    StoreSealed,
    StoreState,
    Version,
    check,
    check_changes,
)
from portal.secretstore.crypto import KeyRing, Place, new_data_key, seal, unseal
from portal.secretstore.models import DataKey, SecretVersion, StoredSecret, StoreKeyUse

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Found:
    """One version's row beside the wrapped key that opens it."""

    number: int
    created_at: datetime
    deleted_at: datetime | None
    data_key_id: str
    nonce: bytes
    ciphertext: bytes
    store_key_id: str
    wrapped: bytes


class EmbeddedStore:
    """`SecretStore` over the tables of `portal.secretstore.models`."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    @classmethod
    def from_config(cls, config: Config) -> "EmbeddedStore":
        """The dedicated keys if there are any; the portal's own key stays readable beside them."""
        return cls(KeyRing.derive([*config.secret_store_key, config.secret_key]))

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
        """See `SecretStore.purge`. The versions go with their secret."""
        session.execute(
            delete(StoredSecret).where(*_of(ref)).execution_options(synchronize_session=False)
        )

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
        """See `SecretStore.health`: do we hold every key that stored secrets may need?"""
        try:
            readable = self._holds_all_keys()
        except SQLAlchemyError:
            return StoreHealth(StoreState.UNAVAILABLE, "The database does not answer.")
        if not readable:
            return StoreHealth(
                StoreState.SEALED,
                "The stored secrets need another key than the configured one. Set the earlier "
                "PORTAL_SECRET_STORE_KEY or PORTAL_SECRET_KEY again, or add it after the new one.",
            )
        return StoreHealth(StoreState.OK, "The embedded secret store is open.")

    def finish_key_change(self, tenant_ids: Iterable[str]) -> int:
        """Wrap all tenants' data keys with the active store key, so that older ones may go.

        Writing does it for one tenant at a time; this does the rest, online, a short transaction
        each. Call it as an edge (command line, worker) with every tenant there is. How many data
        keys changed; StoreSealed if one needs a key that is not configured.
        """
        changed = 0
        for tenant_id in tenant_ids:
            with transaction(tenant_id):
                changed += self._rewrap_tenant(tenant_id)
        with transaction():
            session.execute(
                delete(StoreKeyUse)
                .where(StoreKeyUse.store_key_id != self._keys.active)
                .execution_options(synchronize_session=False)
            )
        return changed

    def _rewrap_tenant(self, tenant_id: str) -> int:
        older = session.execute(
            select(DataKey.id, DataKey.store_key_id, DataKey.wrapped).where(
                DataKey.tenant_id == tenant_id, DataKey.store_key_id != self._keys.active
            )
        ).all()
        for key_id, store_key_id, wrapped in older:
            self._rewrap(tenant_id, key_id, self._keys.unwrap(store_key_id, wrapped))
        return len(older)

    def _open(self, ref: SecretRef, version: int | None) -> Secret:
        found = _find(ref, version)
        if found is None:
            raise SecretNotFound
        if found.deleted_at is not None:
            raise SecretNotFound(deleted=True)
        data_key = self._keys.unwrap(found.store_key_id, found.wrapped)
        place = Place(ref, found.number, found.data_key_id)
        values = unseal(found.nonce, found.ciphertext, data_key, place)
        return Secret(values, found.number, found.created_at)

    def _write(self, ref: SecretRef, values: Mapping[str, str], cas: int | None) -> Version:
        # The key first: what can be refused is refused before anything is changed, because the
        # caller may catch the error and still commit.
        key_id, data_key = self._data_key(ref.tenant_id)
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
            .where(*_versions_of(ref), SecretVersion.version <= number - KEPT_VERSIONS)
            .execution_options(synchronize_session=False)
        )
        return Version(number, created_at)

    def _data_key(self, tenant_id: str) -> tuple[str, bytes]:
        """The tenant's active data key, made at its first secret, wrapped by the active key."""
        row = _active_data_key(tenant_id)
        if row is None:
            return self._new_data_key(tenant_id)
        key_id, store_key_id, wrapped = row
        data_key = self._keys.unwrap(store_key_id, wrapped)
        if store_key_id != self._keys.active:
            self._rewrap(tenant_id, key_id, data_key)
        return key_id, data_key

    def _new_data_key(self, tenant_id: str) -> tuple[str, bytes]:
        self._use_active_key()
        session.execute(
            insert(DataKey)
            .values(
                tenant_id=tenant_id,
                id=new_id("dky"),
                store_key_id=self._keys.active,
                wrapped=self._keys.wrap(new_data_key()),
                active=True,
            )
            .on_conflict_do_nothing()
        )
        # Another transaction may have been first: whoever was, its key is the tenant's.
        row = _active_data_key(tenant_id)
        if row is None:
            raise RuntimeError("the tenant's data key is not visible: was its tenant entered?")
        key_id, store_key_id, wrapped = row
        return key_id, self._keys.unwrap(store_key_id, wrapped)

    def _rewrap(self, tenant_id: str, key_id: str, data_key: bytes) -> None:
        self._use_active_key()
        session.execute(
            update(DataKey)
            .where(DataKey.tenant_id == tenant_id, DataKey.id == key_id)
            .values(store_key_id=self._keys.active, wrapped=self._keys.wrap(data_key))
            .execution_options(synchronize_session=False)
        )

    def _use_active_key(self) -> None:
        """Note that the active key wraps from now on. StoreSealed under a foreign configuration:
        a portal started with a wrong key must not begin a second set of secrets."""
        if not self._holds_all_keys():
            raise StoreSealed
        session.execute(
            insert(StoreKeyUse).values(store_key_id=self._keys.active).on_conflict_do_nothing()
        )

    def _holds_all_keys(self) -> bool:
        return all(key_id in self._keys for key_id in session.scalars(_KEYS_IN_USE))


_KEYS_IN_USE = select(StoreKeyUse.store_key_id)


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
    """Count the secret's version up and hold its row. SecretConflict if it is not at `cas`."""
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


def _find(ref: SecretRef, version: int | None) -> _Found | None:
    query = (
        select(
            SecretVersion.version,
            SecretVersion.created_at,
            SecretVersion.deleted_at,
            SecretVersion.data_key_id,
            SecretVersion.nonce,
            SecretVersion.ciphertext,
            DataKey.store_key_id,
            DataKey.wrapped,
        )
        .join(
            DataKey,
            (DataKey.tenant_id == SecretVersion.tenant_id)
            & (DataKey.id == SecretVersion.data_key_id),
        )
        .where(*_versions_of(ref))
    )
    if version is None:
        query = query.where(SecretVersion.version == _current_version(ref))
    else:
        query = query.where(SecretVersion.version == version)
    row = session.execute(query).one_or_none()
    return None if row is None else _Found(*row)


def _active_data_key(tenant_id: str) -> tuple[str, str, bytes] | None:
    row = session.execute(
        select(DataKey.id, DataKey.store_key_id, DataKey.wrapped).where(
            DataKey.tenant_id == tenant_id, DataKey.active
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1], row[2])
