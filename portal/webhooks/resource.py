"""REST API of webhooks: /api/v1/integration/webhooks."""

from portal.rest.findable import Act, Findable, Place
from portal.rest.resources import Action, Resource
from portal.webhooks import service
from portal.webhooks.models import Webhook
from portal.webhooks.schemas import WebhookDocument, WebhookInput

OF = Webhook.noun


def _is_sent_to(webhook: Webhook) -> bool:
    return webhook.direction == "outbound"


FOUND = Findable(
    acts=(
        Act("New webhook", "webhooks.create", "webhooks:write", "plus", also="create add outbound"),
        Act("New inbound webhook", "inbound.create", "webhooks:write", "plus",
            also="create add receive"),
        Act("Edit {}", "webhooks.edit", "webhooks:write", "pencil", OF, also="change"),
        Act("Pause {}", "endpoints.health", "webhooks:write", "player-pause", OF,
            when=lambda webhook: _is_sent_to(webhook) and webhook.paused_at is None,
            also="stop hold", note="holds its events, loses none"),
        Act("Resume {}", "endpoints.resume", "webhooks:write", "player-play", OF,
            when=lambda webhook: _is_sent_to(webhook) and webhook.paused_at is not None,
            also="start"),
        Act("Send {} a test", "lab.show", "webhooks:write", "send", OF, when=_is_sent_to,
            also="try event lab"),
        Act("Replay events to {}", "endpoints.replay", "webhooks:write", "refresh", OF,
            when=_is_sent_to, also="resend again deliveries"),
        Act("Rotate the secret of {}", "webhooks.show", "webhooks:write", "refresh", OF,
            also="signing", note="both secrets sign for 24 hours", anchor="secret"),
        Act("Add a webhook to {}", "webhooks.create", "webhooks:write", "plus", "application",
            when=lambda application: not application.is_stopped, also="new create for",
            argument="application_id"),
    ),
    places=(
        Place("Webhooks", "webhooks.index", "webhooks:read", "webhook", "endpoints hooks"),
        Place("Signature doctor", "inbound.doctor", "webhooks:read", "webhook",
              "verify debug webhook"),
        Place("Inbox", "inbound.show_inbox", "webhooks:read", "webhook",
              "received requests try webhook"),
    ),
    note=lambda webhook: webhook.url or webhook.direction,
    among={"webhooks": {}},
)  # fmt: skip

SECRET = {"signing_secret": "The signing secret, whsec_…, in this answer only."}

resource = Resource(
    name="webhooks",
    singular="webhook",
    about="An outbound webhook endpoint. Inbound endpoints are webhooks, too.",
    opened="webhooks and their deliveries",
    scope="webhooks",
    model=Webhook,
    command=WebhookInput,
    document=WebhookDocument,
    listing=service.LISTING,
    create=service.create,
    create_all=service.create_all,
    update=service.update,
    found=FOUND,
    delete=service.delete,
    restore=service.restore,
    once=SECRET,
    secrets="webhooks",
    actions=(
        Action(
            name="secret-rotations",
            verb="rotate_secret",
            summary="Rotate the signing secret of a webhook",
            description="Make a new signing secret and return it. The previous one signs"
            " beside it for 24 hours, so that the receiver can change over. Up to"
            " three previous secrets sign; while they do, another rotation is a 409."
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
            description="Stop signing with the previous secrets now, when every receiver"
            " knows the current one. If no previous secret signs, it is a 409.",
            run=lambda who, id, _: service.retire_secret(who, id),
            scope="webhooks:write",
        ),
    ),
)
