"""Tell in which state the secret store is, from the answers of the server."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from portal.secretstore import Side, StoreHealth, StoreState
from portal.secretstore.permissions import CREDENTIALS
from portal.secretstore.vault.transport import Answer

SEALED = StoreHealth(StoreState.SEALED, "The secret store is sealed. Unseal it.")
SILENT = StoreHealth(
    StoreState.UNAVAILABLE,
    "The secret store does not answer. Check PORTAL_VAULT_ADDR and the server.",
)
WALL = (
    "Web processes write credentials but cannot read them: only the role of the workers can. They "
    "read what connectors hand out to their applications."
)
NO_WALL = (
    "The role of the web processes can read credentials, too. Give them a role of their own with "
    "portal/secretstore/policies/web.hcl."
)


def unhealthy(seal: Answer) -> StoreHealth:
    """Return the state that an unhealthy response of sys/health means."""
    if seal.is_sealed:
        return SEALED
    if seal.status == HTTPStatus.NOT_IMPLEMENTED:
        return StoreHealth(StoreState.SEALED, "The secret store is not initialised. Set it up.")
    return StoreHealth(
        StoreState.UNAVAILABLE,
        f"The secret store reports an error of its own (HTTP {seal.status}).",
    )


def lacking(permissions: Sequence[str]) -> StoreHealth | None:
    """Return the state of a store that refuses these permissions; None if there are none."""
    if not permissions:
        return None
    sentence = f"The policy of the portal's role lacks {'; '.join(permissions)}. Add it."
    return StoreHealth(StoreState.LACKING, sentence)


def opened(mount: Answer, granted: Mapping[str, frozenset[str]], side: Side) -> StoreHealth:
    """Return the state of a store in which the portal has every permission."""
    options = mount.data.get("options")
    if not isinstance(options, dict) or options.get("version") != "2":
        return StoreHealth(
            StoreState.DENIED, "PORTAL_VAULT_MOUNT does not name a KV version 2 secrets engine."
        )
    sentence = "The secret store is open and accepts the portal."
    if side is not Side.WEB:
        return StoreHealth(StoreState.OK, sentence)
    is_walled = not granted[CREDENTIALS] & {"read", "root"}
    return StoreHealth(StoreState.OK, sentence, WALL if is_walled else NO_WALL, is_walled)
