"""The permissions that each side of the portal needs in a Vault, as its code uses them.

A path is below the mount; `+` stands for a tenant or a record. `policies/` has a file for each
side, which an operator gives to its role. `tests/secretstore/test_policies.py` compares them.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from portal.secretstore import Side

SLOTS = MappingProxyType(
    {
        "connectors": ("credentials", "lease"),
        "webhooks": ("signing",),
        "keys": ("key",),
    }
)
"""The kinds of secrets that the portal stores, and the slots of each."""

CREDENTIALS = "data/+/connectors/+/credentials"
LEASE = "data/+/connectors/+/lease"
MADE_UP = "0" * 26
"""A policy has to name tenants by a wildcard: we ask for one that does not exist."""

_WEB = {
    CREDENTIALS: "create patch update",
    LEASE: "read",
    "metadata/+/connectors/+/credentials": "read",
    "delete/+/connectors/+/credentials": "update",
    "undelete/+/connectors/+/credentials": "update",
    "data/+/webhooks/+/signing": "create read update",
    "metadata/+/webhooks/+/signing": "read",
    "data/+/keys/+/key": "create update",
    "metadata/+/keys/+/key": "read",
}


def _worker() -> Iterator[tuple[str, str]]:
    for kind, slots in SLOTS.items():
        yield f"metadata/+/{kind}/", "list"
        yield f"metadata/+/{kind}/+/", "list"
        for slot in slots:
            yield f"metadata/+/{kind}/+/{slot}", "delete read"
            yield f"delete/+/{kind}/+/{slot}", "update"
    yield LEASE, "create update"
    yield CREDENTIALS, "read update"
    yield "data/+/webhooks/+/signing", "read"


_MOVE = {
    "data/+/+/+/+": "create read update",
    "metadata/+/": "list",
    "metadata/+/+/": "list",
    "metadata/+/+/+/": "list",
    "metadata/+/+/+/+": "delete read",
    "delete/+/+/+/+": "update",
    "undelete/+/+/+/+": "update",
}

_BY_SIDE = {Side.WEB: _WEB, Side.WORKER: dict(_worker()), Side.MOVE: _MOVE}
NEEDS: Mapping[Side, Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        side: MappingProxyType({path: frozenset(names.split()) for path, names in needed.items()})
        for side, needed in _BY_SIDE.items()
    }
)


def example(path: str) -> str:
    """Return the path of a tenant and a record that do not exist."""
    return path.replace("+", f"tnt-{MADE_UP}", 1).replace("+", f"x-{MADE_UP}")


def missing(side: Side, granted: Mapping[str, frozenset[str]], mount: str) -> list[str]:
    """Return what a side lacks, as “patch on secret/data/+/connectors/+/credentials”."""
    return [
        f"{', '.join(lacking)} on {mount}/{path}"
        for path, needed in NEEDS[side].items()
        if "root" not in granted[path] and (lacking := sorted(needed - granted[path]))
    ]
