"""REST of keys: /api/v1/integration/api-keys."""

from portal.database.actor import Actor
from portal.keys import service
from portal.keys.editing import editing
from portal.keys.issuing import delivery
from portal.keys.leaks import operations as leaks
from portal.keys.models import ApiKey
from portal.keys.operations import OPERATIONS
from portal.keys.posture import operations as posture
from portal.keys.revocation import blast_radius, revocation
from portal.keys.rotation import operations as rotations
from portal.keys.rotation import rotation
from portal.keys.schemas import (
    ChildKey,
    EditKey,
    IssueKey,
    KeyDocument,
    RevokeKey,
    RotateKey,
    StopKey,
)
from portal.records.verbs import Revealed
from portal.rest.findable import Act, Findable, Place
from portal.rest.resources import Action, Resource

OF = ApiKey.noun


def _works(key: ApiKey) -> bool:
    return key.state == "active"


FOUND = Findable(
    acts=(
        Act("Issue key", "keys.issue", "keys:write", "plus", also="new create add api a"),
        Act("Rotate {}", "keys.rotate", "keys:write", "refresh", OF,
            when=lambda key: _works(key) and key.parent_key_id is None, also="renew key",
            note="issues its successor"),
        Act(
            "Edit {}",
            "keys.edit",
            "keys:write",
            "pencil",
            OF,
            when=lambda key: key.status == "active",
            also="change limit budget expiry",
        ),
        Act("Block {}", "keys.show", "keys:write", "ban", OF, when=_works,
            also="pause stop disable key", note="keeps the key, refuses its calls"),
        Act("Unblock {}", "keys.show", "keys:reopen", "player-play", OF,
            when=lambda key: key.state == "blocked", also="resume enable key"),
        Act("Revoke {}", "keys.stop", "keys:write", "x", OF,
            when=lambda key: key.status == "active", also="stop end delete key",
            note="for ever"),
        Act("Create a child key of {}", "keys.create_child", "keys:write", "plus", OF,
            when=lambda key: _works(key) and key.parent_key_id is None, also="new issue"),
        Act("Stop many keys", "keys.preview", "keys:write", "ban", also="bulk revoke block"),
        Act("Issue a key for {}", "keys.issue", "keys:write", "key", "application",
            when=lambda application: not application.is_stopped, also="new create add api",
            argument="application_id"),
    ),
    places=(
        Place("API keys", "keys.index", "keys:read", "key", "tokens"),
        Place("Key posture", "keys.posture", "keys:read", "key",
              "unused stale expiring weak security"),
        Place("Leak desk", "keys.leaks", "keys:read", "key", "leaked keys find"),
        Place("Reported leaks", "keys.reported", "keys:read", "key", "leaked keys github"),
        Place("Explain a refused call", "keys.explain", "keys:read", "key",
              "why denied key verification"),
    ),
    note=lambda key: f"{key.key_prefix}…{key.last4}",
)  # fmt: skip

ONCE = {
    "key": "The raw key, in this answer only.",
    "key_hash": "SHA-256 hash of the raw key (unique). Never returned after initial creation.",
    "link": "Address that shows the key once, if the delivery is link.",
    "vault_path": "Path of the key in the secret store, if the delivery is store.",
}


def _rotate(actor: Actor, key_id: str, command: RotateKey) -> Revealed[ApiKey]:
    return delivery.delivered(actor, rotation.rotate(actor, key_id, command), command.delivery)


resource = Resource(
    name="api-keys",
    singular="API key",
    about="An API key issued to an Application.",
    secrets="keys",
    scope="keys",
    model=ApiKey,
    command=IssueKey,
    document=KeyDocument,
    listing=service.LISTING,
    create=delivery.issue,
    update=editing.edit,
    update_command=EditKey,
    once=ONCE,
    found=FOUND,
    actions=(
        Action(
            "revoke",
            "Revoke a key",
            revocation.revoke,
            "keys:write",
            RevokeKey,
            description="Stop a key for ever: from its next request on, or at the time in"
            " `at`. With `brownout` it is denied for longer and longer periods"
            " first, so that its users notice. A key that is revoked already"
            " stays as it is; with `at` or `brownout` it is a 409.",
        ),
        Action(
            "block",
            "Block a key until it is unblocked",
            service.block,
            "keys:write",
            StopKey,
            description="Stop a key until it is unblocked; its next request is refused."
            " The reason is shown to people. A revoked key is a 409.",
        ),
        Action(
            "rotations",
            "Rotate a key: issue a successor",
            _rotate,
            "keys:write",
            RotateKey,
            status=201,
            verb="rotate",
            once=ONCE,
            description="Issue a successor with the same settings, and with other scopes if"
            " some are given. Both keys work until the overlap ends, then the old one is"
            " revoked. A key that does not work, that has two live keys in its family, or"
            " that has more than the key that calls, is a 409. Only this answer has `key` and"
            " `key_hash`.",
        ),
        Action(
            "children",
            "Create a short-lived child key",
            rotation.make_child,
            "keys:write",
            ChildKey,
            status=201,
            verb="create_child",
            once=ONCE,
            description="Issue a short-lived key with a part of the parent's scopes and"
            " networks. It spends its parent's budget and ends with its parent."
            " A parent that does not work, is a child itself, has 1,000 children that work, or"
            " has more than the key that calls, is a 409. Only this answer has `key` and"
            " `key_hash`.",
        ),
        Action(
            "unblock",
            "Unblock a key",
            service.unblock,
            "keys:reopen",
            description="Let a blocked key work again from its next request on. It needs"
            " the scope `keys:reopen`, which blocking does not. A revoked key, and one"
            " with a leak that nobody has settled, is a 409.",
        ),
        Action(
            "revocation-cancellations",
            "Take back a planned revocation",
            lambda actor, id, _: blast_radius.keep(actor, id),
            "keys:reopen",
            verb="cancel_revocation",
            description="Take back a revocation that is planned for later, or a brown-out."
            " The key goes on working. If nothing is planned, it is a 409.",
        ),
    ),
    more=(*OPERATIONS, *rotations.OPERATIONS, *leaks.OPERATIONS, *posture.OPERATIONS),
)
