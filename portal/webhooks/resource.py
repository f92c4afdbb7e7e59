"""REST API of webhooks: /api/v1/integration/webhooks."""

from portal.rest.resources import Action, Resource
from portal.webhooks import service
from portal.webhooks.models import Webhook
from portal.webhooks.schemas import WebhookDocument, WebhookInput

SECRET = {"signing_secret": "The signing secret, whsec_…, in this answer only."}

resource = Resource(
    name="webhooks",
    singular="webhook",
    scope="webhooks",
    model=Webhook,
    command=WebhookInput,
    document=WebhookDocument,
    listing=service.LISTING,
    create=service.create,
    most_at_once=100,  # each stores its secret by itself, in a vault by a request of its own
    update=service.update,
    delete=service.delete,
    once=SECRET,
    secrets="webhooks",
    actions=(
        Action(
            name="secret-rotations",
            verb="rotate_secret",
            summary="Rotate the signing secret of a webhook",
            description="Make a new signing secret and return it. The previous one signs"
            " beside it for 24 hours, so that the receiver can change over."
            " Only this answer has `signing_secret`.",
            run=lambda actor, id, _: service.rotate_secret(actor, id),
            scope="webhooks:write",
            once={
                **SECRET,
                "previous_secret_expires_at": "Time until which the previous secret signs, too.",
            },
        ),
        Action(
            name="secret-retirements",
            verb="retire_secret",
            summary="Retire the previous signing secret of a webhook",
            description="Stop signing with the previous secret now, when every receiver"
            " knows the current one. If no previous secret signs, it is a 409.",
            run=lambda who, id, _: service.retire_secret(who, id),
            scope="webhooks:write",
        ),
    ),
)
