"""REST API of webhooks: /api/v1/integration/webhooks."""

from portal.rest.resources import Action, Resource
from portal.webhooks import service
from portal.webhooks.models import Webhook
from portal.webhooks.schemas import WebhookDocument, WebhookInput

SECRET = {"signing_secret": "The signing secret, whsec_…, for this one time."}

resource = Resource(
    name="webhooks",
    singular="webhook",
    scope="webhooks",
    model=Webhook,
    command=WebhookInput,
    document=WebhookDocument,
    listing=service.LISTING,
    create=service.create,
    most_at_once=100,
    update=service.update,
    delete=service.delete,
    once=SECRET,
    secrets="webhooks",
    actions=(
        Action(
            name="secret-rotations",
            verb="rotate_secret",
            summary="Make a new signing secret; the one before signs beside it for 24 hours",
            run=lambda actor, id, _: service.rotate_secret(actor, id),
            scope="webhooks:write",
            once={
                **SECRET,
                "previous_secret_expires_at": "Until then the one before signs too.",
            },
        ),
        Action(
            name="secret-retirements",
            verb="retire_secret",
            summary="Let the previous signing secret sign no more",
            run=lambda who, id, _: service.retire_secret(who, id),
            scope="webhooks:write",
        ),
    ),
)
