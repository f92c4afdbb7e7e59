"""A secret store that checks each write and does not make it, for a dry run.

A store inside the database needs none of this: its writes are rolled back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from portal.core.errors import PortalError
from portal.database.session import database_now
from portal.secretstore import (
    Secret,
    SecretConflict,
    SecretMeta,
    SecretNotFound,
    SecretRef,
    SecretStore,
    StoreHealth,
    Version,
    check,
    check_changes,
)


class UnwrittenStore:
    """Read from `store`, and only check what would be written to it."""

    writes_in_transaction = False

    def __init__(self, store: SecretStore) -> None:
        self._store = store

    def put(self, ref: SecretRef, data: Mapping[str, str], *, cas: int | None) -> Version:
        """See `SecretStore.put`."""
        check(data)
        return self._next(ref, cas)

    def patch(self, ref: SecretRef, changes: Mapping[str, str | None], *, cas: int) -> Version:
        """See `SecretStore.patch`."""
        check_changes(changes)
        if not self._store.head(ref).is_live:
            raise SecretNotFound(deleted=True)
        return self._next(ref, cas)

    def put_many(self, data: Mapping[SecretRef, Mapping[str, str]]) -> dict[SecretRef, int]:
        """See `SecretStore.put_many`."""
        return {ref: self.put(ref, values, cas=None).number for ref, values in data.items()}

    def delete(self, ref: SecretRef) -> None:
        """See `SecretStore.delete`."""
        self._current(ref)

    def delete_many(self, refs: Collection[SecretRef]) -> None:
        """See `SecretStore.delete_many`."""
        for ref in refs:
            self.delete(ref)

    def undelete(self, ref: SecretRef) -> SecretMeta:
        """See `SecretStore.undelete`."""
        meta = self._store.head(ref)
        versions = (
            replace(one, deleted_at=None) if one.number == meta.current_version else one
            for one in meta.versions
        )
        return replace(meta, versions=tuple(versions))

    def purge(self, ref: SecretRef) -> None:
        """See `SecretStore.purge`."""
        self._current(ref)

    def _next(self, ref: SecretRef, cas: int | None) -> Version:
        current = self._current(ref)
        if cas is not None and cas != current:
            raise SecretConflict(current)
        return Version(current + 1, database_now())

    def _current(self, ref: SecretRef) -> int:
        try:
            return self._store.head(ref).current_version
        except SecretNotFound:
            return 0

    # ------------------------------------------------------------ reads

    def get(self, ref: SecretRef, *, version: int | None = None, reason: str) -> Secret:
        """See `SecretStore.get`."""
        return self._store.get(ref, version=version, reason=reason)

    def get_many(
        self, refs: Sequence[SecretRef], *, reason: str
    ) -> dict[SecretRef, Secret | PortalError]:
        """See `SecretStore.get_many`."""
        return self._store.get_many(refs, reason=reason)

    def head(self, ref: SecretRef) -> SecretMeta:
        """See `SecretStore.head`."""
        return self._store.head(ref)

    def kinds(self, tenant_id: str) -> list[str]:
        """See `SecretStore.kinds`."""
        return self._store.kinds(tenant_id)

    def owners(self, tenant_id: str, kind: str) -> list[str]:
        """See `SecretStore.owners`."""
        return self._store.owners(tenant_id, kind)

    def slots(self, tenant_id: str, kind: str, owner_id: str) -> list[str]:
        """See `SecretStore.slots`."""
        return self._store.slots(tenant_id, kind, owner_id)

    def health(self) -> StoreHealth:
        """See `SecretStore.health`."""
        return self._store.health()

    def recent_health(self) -> StoreHealth:
        """See `SecretStore.recent_health`."""
        return self._store.recent_health()
