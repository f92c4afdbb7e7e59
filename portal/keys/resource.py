"""REST of keys: /api/v1/integration/api-keys."""

from portal.database.actor import Actor
from portal.keys import service
from portal.keys.issuing import delivery
from portal.keys.leaks import operations as leaks
from portal.keys.models import ApiKey
from portal.keys.operations import OPERATIONS
from portal.keys.posture import operations as posture
from portal.keys.revocation import blast_radius, revocation
from portal.keys.rotation import operations as rotations
from portal.keys.rotation import rotation
from portal.keys.schemas import ChildKey, IssueKey, KeyDocument, RevokeKey, RotateKey, StopKey
from portal.records.verbs import Revealed
from portal.rest.resources import Action, Resource

ONCE = {
    "key": "The key itself, in this answer only.",
    "key_hash": "SHA-256 of the key, in this answer only; later it is key_fingerprint.",
    "link": "Address that shows the key once, if the delivery is link.",
    "vault_path": "Path of the key in the secret store, if the delivery is store.",
}


def _rotate(actor: Actor, key_id: str, command: RotateKey) -> Revealed[ApiKey]:
    return delivery.delivered(actor, rotation.rotate(actor, key_id, command), command.delivery)


resource = Resource(
    name="api-keys",
    singular="API key",
    secrets="keys",
    scope="keys",
    model=ApiKey,
    command=IssueKey,
    document=KeyDocument,
    listing=service.LISTING,
    create=delivery.issue,
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
            _rotate,
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
        Action(
            "revocation-cancellations",
            "Take back a planned revocation",
            lambda actor, id, _: blast_radius.keep(actor, id),
            "keys:reopen",
            verb="cancel_revocation",
        ),
        Action("unblock", "Let a blocked key work again", service.unblock, "keys:reopen"),
    ),
    more=(*OPERATIONS, *rotations.OPERATIONS, *leaks.OPERATIONS, *posture.OPERATIONS),
)
