"""Manage the tenants' data keys, which are wrapped by a store key.

A data key is created for a tenant's first secret, and wrapped again when the store key is replaced.
`store_key_use` lists the store keys that wrap something, and is written in the same transaction. So
a process that lacks one of them does not start a second set of keys, and it is visible when a
replaced key is no longer used.
"""

from collections import Counter
from collections.abc import Collection

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.core.config import Config
from portal.database.base import new_id
from portal.database.session import session, transaction
from portal.secretstore import StoreSealed
from portal.secretstore.crypto import KeyRing, new_data_key
from portal.secretstore.models import DataKey, StoreKeyUse

KEYS_IN_USE = select(StoreKeyUse.store_key_id)
UNSYNCED = {"synchronize_session": False}


def ring_of(config: Config) -> KeyRing:
    """Return the dedicated store keys first, then the portal's own keys, which stay readable."""
    return KeyRing.derive([*config.secret_store_key, *config.secret_key.texts])


class DataKeys:
    """Manage the data keys under these store keys.

    All methods but `finish_change` work in the entered tenant.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    @property
    def active(self) -> str:
        """Return the id of the store key that wraps."""
        return self._ring.active

    def missing(self) -> list[str]:
        """Return the ids of store keys that wrap something here but are not configured."""
        return [key_id for key_id in session.scalars(KEYS_IN_USE) if key_id not in self._ring]

    def unwrap(self, store_key_id: str, wrapped: bytes) -> bytes:
        """Return a data key. Raises StoreSealed if its store key is not configured."""
        return self._ring.unwrap(store_key_id, wrapped)

    def of(self, tenant_id: str) -> tuple[str, bytes]:
        """Return the id and clear text of the tenant's active data key.

        Create it if there is none. Wrap it with the active store key if another one wraps it.
        """
        row = _active(tenant_id)
        if row is None:
            return self._make(tenant_id)
        key_id, store_key_id, wrapped = row
        data_key = self.unwrap(store_key_id, wrapped)
        if store_key_id != self._ring.active:
            self._rewrap(tenant_id, key_id, data_key)
        return key_id, data_key

    def under(self, reader: Session, tenant_id: str) -> Counter[str]:
        """Return store key id → the number of the tenant's data keys that it wraps."""
        count = select(DataKey.store_key_id, func.count()).where(DataKey.tenant_id == tenant_id)
        found = reader.execute(count.group_by(DataKey.store_key_id))
        return Counter({str(key_id): int(number) for key_id, number in found})

    def finish_change(self, tenant_ids: Collection[str]) -> int:
        """Wrap all tenants' data keys with the active store key, so that older ones can be removed.

        Each write already does this for its own tenant. This method does the rest online, in a
        short transaction for each tenant, and can be interrupted and run again. Call it outside of
        a transaction, with all tenants. Return how many data keys changed. Raises StoreSealed if
        one needs a key that is not configured.
        """
        changed = 0
        for tenant_id in tenant_ids:
            with transaction(tenant_id):
                changed += self._rewrap_all(tenant_id)
        with transaction():
            unused = delete(StoreKeyUse).where(StoreKeyUse.store_key_id != self._ring.active)
            session.execute(unused, execution_options=UNSYNCED)
        return changed

    def _rewrap_all(self, tenant_id: str) -> int:
        older = session.execute(
            select(DataKey.id, DataKey.store_key_id, DataKey.wrapped).where(
                DataKey.tenant_id == tenant_id, DataKey.store_key_id != self._ring.active
            )
        ).all()
        for key_id, store_key_id, wrapped in older:
            self._rewrap(tenant_id, key_id, self.unwrap(store_key_id, wrapped))
        return len(older)

    def _make(self, tenant_id: str) -> tuple[str, bytes]:
        self._use_active()
        session.execute(
            insert(DataKey)
            .values(
                tenant_id=tenant_id,
                id=new_id("dky"),
                store_key_id=self._ring.active,
                wrapped=self._ring.wrap(new_data_key()),
                active=True,
            )
            .on_conflict_do_nothing()
        )
        # Another transaction may have made the tenant's key first: use the one that is stored.
        row = _active(tenant_id)
        if row is None:
            raise RuntimeError("the tenant's data key is not visible: was its tenant entered?")
        key_id, store_key_id, wrapped = row
        return key_id, self.unwrap(store_key_id, wrapped)

    def _rewrap(self, tenant_id: str, key_id: str, data_key: bytes) -> None:
        self._use_active()
        session.execute(
            update(DataKey)
            .where(DataKey.tenant_id == tenant_id, DataKey.id == key_id)
            .values(store_key_id=self._ring.active, wrapped=self._ring.wrap(data_key)),
            execution_options=UNSYNCED,
        )

    def _use_active(self) -> None:
        """Record that the active key wraps from now on. Raises StoreSealed when a key is missing.

        A portal with the wrong configuration must not start a second set of secrets.
        """
        if self.missing():
            raise StoreSealed
        used = insert(StoreKeyUse).values(store_key_id=self._ring.active)
        session.execute(used.on_conflict_do_nothing())


def _active(tenant_id: str) -> tuple[str, str, bytes] | None:
    row = session.execute(
        select(DataKey.id, DataKey.store_key_id, DataKey.wrapped).where(
            DataKey.tenant_id == tenant_id, DataKey.active
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1], row[2])
