"""REST of keys: /api/v1/integration/api-keys."""

from portal.keys import service
from portal.keys.models import ApiKey
from portal.keys.operations import OPERATIONS
from portal.keys.revocation import revocation
from portal.keys.rotation import rotation
from portal.keys.schemas import ChildKey, IssueKey, KeyDocument, RevokeKey, RotateKey, StopKey
from portal.rest.resources import Action, Resource

ONCE = {
    "key": "The key itself, in this answer only.",
    "key_hash": "SHA-256 of the key, in this answer only; later it is key_fingerprint.",
}

resource = Resource(
    name="api-keys",
    singular="API key",
    secrets="keys",
    scope="keys",
    model=ApiKey,
    command=IssueKey,
    document=KeyDocument,
    listing=service.LISTING,
    create=service.issue,
    once=ONCE,
    actions=(
        Action(
            "revoke",
            "Stop a key for ever, from its next request on",
            revocation.revoke,
            "keys:write",
            RevokeKey,
        ),
        Action(
            "block",
            "Stop a key until it is unblocked",
            service.block,
            "keys:write",
            StopKey,
        ),
        Action(
            "rotations",
            "A successor with the same settings; the old key ends after the overlap",
            rotation.rotate,
            "keys:write",
            RotateKey,
            status=201,
            verb="rotate",
            once=ONCE,
        ),
        Action(
            "children",
            "A short-lived key with a part of this one's rights",
            rotation.make_child,
            "keys:write",
            ChildKey,
            status=201,
            verb="create_child",
            once=ONCE,
        ),
        Action("unblock", "Let a blocked key work again", service.unblock, "keys:reopen"),
    ),
    more=OPERATIONS,
)
