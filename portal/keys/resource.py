"""REST of keys: /api/v1/integration/api-keys."""

from portal.keys import service
from portal.keys.models import ApiKey
from portal.keys.operations import OPERATIONS
from portal.keys.schemas import IssueKey, KeyDocument, StopKey
from portal.resources import Action, Resource

resource = Resource(
    name="api-keys",
    singular="key",
    scope="keys",
    model=ApiKey,
    command=IssueKey,
    document=KeyDocument,
    listing=service.LISTING,
    create=service.issue,
    once={
        "key": "The key itself, in this answer only.",
        "key_hash": "SHA-256 of the key, in this answer only; later it is key_fingerprint.",
    },
    actions=(
        Action(
            "revoke",
            "Stop a key for ever, from its next request on",
            service.revoke,
            "keys:write",
            StopKey,
        ),
        Action(
            "block",
            "Stop a key until it is unblocked",
            service.block,
            "keys:write",
            StopKey,
        ),
        Action("unblock", "Let a blocked key work again", service.unblock, "keys:write"),
    ),
    more=OPERATIONS,
)
