"""Find secrets that no record refers to, which a crash between two writes left in a Vault.

A feature calls `sweep` for its own kind, from its housekeeping:

    sweep(store(), tenant_id, "webhooks", existing=service.existing_ids)
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import structlog

from portal.database.session import database_now
from portal.secretstore import RECORD_ID, SecretMeta, SecretRef, SecretStore

log = structlog.get_logger(__name__)

GRACE = timedelta(hours=1)
"""Far longer than any request: a secret whose row is not committed yet is left alone."""


def sweep(
    store: SecretStore,
    tenant_id: str,
    kind: str,
    existing: Callable[[Collection[str]], Collection[str]],
) -> list[SecretRef]:
    """Delete, restorably, the secrets of a kind whose record does not exist, and return them.

    `existing` receives ids and returns those that have a row, including deleted rows: a record that
    can be restored still needs its secret. This costs one request per tenant and kind, and a few
    more for each orphan. Raises any error of the store.
    """
    owners = [owner for owner in store.owners(tenant_id, kind) if RECORD_ID.fullmatch(owner)]
    known = set(existing(owners)) if owners else set()
    now = database_now()
    swept = []
    for owner_id in owners:
        if owner_id not in known:
            swept += _sweep_owner(store, tenant_id, kind, owner_id, now)
    return swept


def _sweep_owner(
    store: SecretStore, tenant_id: str, kind: str, owner_id: str, now: datetime
) -> list[SecretRef]:
    swept = []
    for slot in store.slots(tenant_id, kind, owner_id):
        ref = SecretRef(tenant_id, kind, owner_id, slot)
        if _is_over(store.head(ref), now):
            store.delete(ref)
            log.warning("secret_without_record_deleted", ref=ref.key)
            swept.append(ref)
    return swept


def _is_over(meta: SecretMeta, now: datetime) -> bool:
    """Tell whether the secret can be deleted: it is live, and older than any running write."""
    newest = max((version.created_at for version in meta.versions), default=now)
    return meta.is_live and newest < now - GRACE
