"""Compute the specification's `vault_path` in SQL, for lists that create no objects."""

from sqlalchemy import ColumnElement, String, bindparam, func

from portal.core.config import running


def path_in_sql(tenant_id: object, kind: str, owner_id: object, slot: str) -> ColumnElement[str]:
    """Return `SecretRef(…).path(mount)` as SQL, from the columns of a row."""
    mount = bindparam(None, callable_=lambda: running().vault_mount, type_=String)
    tenant, owner = func.replace(tenant_id, "_", "-"), func.replace(owner_id, "_", "-")
    return func.concat(mount, "/data/", tenant, f"/{kind}/", owner, f"/{slot}")
