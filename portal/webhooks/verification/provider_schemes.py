"""Describe how providers sign their requests: a data record for each, read by `signature_check`.

A place tells where a value is found:

    header:X-GitHub-Delivery    a header, without regard to case
    header:X-DocuSign-Signature-*   every header that begins so, followed by a number
    body:event.id               a field of the JSON body, `items.*.id` of each entry of a list
    part:t                      a part of the signature header, of `t=…,v1=…`

A template of the signed bytes is literal text with `{body}`, `{timestamp}`, `{id}`, `{method}`,
`{url}` (with the query), `{path}` (the same without scheme and host), `{form}` (the sorted names
and values of a form), `{listed}` (the headers that the request lists) and places such as
`{body:signature.token}`.

Sources: the providers' own documentation. The vectors that they publish are in the tests.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Method = Literal["hmac", "standard", "ed25519", "ecdsa", "equal", "basic", "jwt", "sns"]
Hash = Literal["sha1", "sha256", "sha512"]
Encoding = Literal["hex", "base64"]
Unit = Literal["s", "ms", "iso"]
EqualBodies = Literal["one", "one_a_type", "each"]
Challenge = Literal[
    "slack",
    "zoom",
    "discord",
    "meta",
    "twitter",
    "dropbox",
    "okta",
    "microsoft-graph",
    "azure-event-grid",
    "sns",
]

FIVE_MINUTES = 300


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way of signing.

    `signature` is the place of the signature, or of the credential if that is compared directly.
    `parts` names the parts of a header `t=…,v1=…` that are signatures, `separator` the text between
    them; `prefix` is the text before a signature. `tolerance` is in seconds, None if the provider
    signs no time. `made_here`: we make the secret and give it to the provider; otherwise the
    provider makes it. `equal_bodies`: whether the same signed text again is the same delivery
    (`one`), the same one unless its type differs (`one_a_type`), or a delivery of its own (`each`).
    """

    name: str
    title: str
    method: Method = "hmac"
    signature: str = ""
    prefix: str = ""
    parts: tuple[str, ...] = ()
    separator: str = ","
    content: str = "{body}"
    hash: Hash = "sha256"
    encoding: Encoding = "hex"
    timestamp: str = ""
    unit: Unit = "s"
    tolerance: int | None = None
    id: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    challenge: Challenge | None = None
    made_here: bool = False
    # Where the body's SHA-256 is: an argument of the address, or a claim of the token.
    body_hash: str = ""
    equal_bodies: EqualBodies = "one"
    publishes: str = ""
    note: str = ""
    # The id may come again with another event. This field counts the attempts to send an event.
    attempts: str = ""
    # The webhook itself says where the delivery id is.
    id_is_chosen: bool = False
    # The claims that a token must have, where the webhook says them: aud, iss and sub.
    audience: str = ""
    issuer: str = ""
    subject: str = ""

    @property
    def is_generic(self) -> bool:
        """Tell whether the webhook may set the scheme's header, prefix, delivery id and event
        type."""
        return self.name in GENERIC

    @property
    def may_repeat(self) -> bool:
        """Tell whether a webhook may count equal bodies as separate deliveries.

        If only the body is signed, a repetition by the sender looks the same as a copied request.
        """
        return self.is_generic and self.method == "hmac" and not self.timestamp

    def takes(self, option: str) -> bool:
        """Tell whether a webhook may set this option for the scheme."""
        if option in CLAIMS:
            return self.is_generic and self.method == "jwt"
        return self.may_repeat if option == "equal_bodies" else self.is_generic

    def has_sure_id(self, place: str) -> bool:
        """Tell whether equal ids at this place are one delivery, whatever the bodies are.

        Not if the id is not signed, or only guessed to be one, or may come again.
        """
        if self.id_is_chosen:
            return True
        is_signed = self.method == "standard" or not place.startswith("header:")
        return is_signed and not (self.is_generic or self.hides_credential or self.attempts)

    @property
    def has_handshake(self) -> bool:
        """Tell whether a sender of CloudEvents asks for permission before it sends."""
        return self.name in CLOUD_EVENTS

    @property
    def event_prefix(self) -> str:
        """Return the first part of the type of each event that is published."""
        return self.publishes or self.name

    @property
    def hides_credential(self) -> bool:
        """Tell whether a request contains something that would let others in, and so must not be
        stored: the secret, or a token that is bound to no body."""
        return self.method in ("equal", "basic") or self.is_loose_token

    @property
    def is_loose_token(self) -> bool:
        """Tell whether requests carry a token that would be valid with any other body, too."""
        return self.method == "jwt" and not self.body_hash

    @property
    def fetches(self) -> bool:
        """Tell whether a key or a certificate may have to be fetched before the check."""
        return self.method in ("jwt", "sns")

    @property
    def signs_url(self) -> bool:
        """Tell whether the URL is part of the signed text."""
        return "{url}" in self.content


_TABLE = (
    Scheme(
        "standard-webhooks",
        "Standard Webhooks",
        method="standard",
        signature="header:webhook-signature",
        content="{id}.{timestamp}.{body}",
        encoding="base64",
        timestamp="header:webhook-timestamp",
        tolerance=FIVE_MINUTES,
        id=("header:webhook-id", "header:svix-id"),
        type=("body:type", "body:event_type"),
        made_here=True,
        publishes="inbound",
        note="OpenAI, Clerk, Resend, Svix, Replicate and every cPod portal sign so.",
    ),
    Scheme(
        "inbox",
        "Inbox of this portal",
        method="standard",
        signature="header:webhook-signature",
        content="{id}.{timestamp}.{body}",
        encoding="base64",
        timestamp="header:webhook-timestamp",
        tolerance=FIVE_MINUTES,
        type=("body:type",),
        made_here=True,
        publishes="inbox",
        note="Everything that arrives is kept to be looked at, and published nowhere.",
    ),
    Scheme(
        "github",
        "GitHub",
        signature="header:X-Hub-Signature-256",
        prefix="sha256=",
        id=("header:X-GitHub-Delivery",),
        type=("header:X-GitHub-Event",),
        made_here=True,
        note="Give our secret to GitHub as the webhook's secret, content type application/json.",
    ),
    Scheme(
        "stripe",
        "Stripe",
        signature="header:Stripe-Signature",
        parts=("v1",),
        content="{timestamp}.{body}",
        timestamp="part:t",
        tolerance=FIVE_MINUTES,
        id=("body:id",),
        type=("body:type",),
        note="The key is the whole whsec_… text as Stripe shows it, not decoded.",
    ),
    Scheme(
        "slack",
        "Slack",
        signature="header:X-Slack-Signature",
        prefix="v0=",
        content="v0:{timestamp}:{body}",
        timestamp="header:X-Slack-Request-Timestamp",
        tolerance=FIVE_MINUTES,
        id=("body:event_id",),
        type=("body:event.type", "body:type"),
        challenge="slack",
        note="Paste the signing secret of the Slack app.",
    ),
    Scheme(
        "shopify",
        "Shopify",
        signature="header:X-Shopify-Hmac-SHA256",
        encoding="base64",
        id=("header:X-Shopify-Event-Id", "header:X-Shopify-Webhook-Id"),
        type=("header:X-Shopify-Topic",),
        equal_bodies="one_a_type",
        note="Paste the client secret of the Shopify app. Shopify does not sign the topic: take"
        " only the events that you want.",
    ),
    Scheme(
        "twilio",
        "Twilio",
        signature="header:X-Twilio-Signature",
        content="{url}{form}",
        hash="sha1",
        encoding="base64",
        # No MessageSid or CallSid: every status of a message or call has the same.
        id=("header:I-Twilio-Idempotency-Token",),
        body_hash="bodySHA256",
        note="Paste the auth token. The address given to Twilio must be exactly the one above.",
    ),
    Scheme(
        "sendgrid",
        "SendGrid",
        method="ecdsa",
        signature="header:X-Twilio-Email-Event-Webhook-Signature",
        content="{timestamp}{body}",
        encoding="base64",
        timestamp="header:X-Twilio-Email-Event-Webhook-Timestamp",
        tolerance=FIVE_MINUTES,
        id=("body:*.sg_event_id",),
        type=("body:*.event",),
        note="Paste the verification key of the signed event webhook (a public key in base64).",
    ),
    Scheme(
        "hubspot",
        "HubSpot",
        signature="header:X-HubSpot-Signature-v3",
        content="{method}{url}{body}{timestamp}",
        encoding="base64",
        timestamp="header:X-HubSpot-Request-Timestamp",
        unit="ms",
        tolerance=FIVE_MINUTES,
        id=("body:*.eventId",),
        attempts="attemptNumber",
        type=("body:*.subscriptionType",),
        note="Paste the client secret of the HubSpot app.",
    ),
    Scheme(
        "square",
        "Square",
        signature="header:x-square-hmacsha256-signature",
        content="{url}{body}",
        encoding="base64",
        id=("body:event_id",),
        type=("body:type",),
        note="Paste the signature key of the subscription.",
    ),
    Scheme(
        "zoom",
        "Zoom",
        signature="header:x-zm-signature",
        prefix="v0=",
        content="v0:{timestamp}:{body}",
        timestamp="header:x-zm-request-timestamp",
        tolerance=FIVE_MINUTES,
        type=("body:event",),
        challenge="zoom",
        note="Paste the secret token of the Zoom app before its address is validated.",
    ),
    Scheme(
        "gitlab",
        "GitLab (secret token)",
        method="equal",
        signature="header:X-Gitlab-Token",
        id=("header:X-Gitlab-Event-UUID",),
        type=("header:X-Gitlab-Event",),
        made_here=True,
        note="Give our secret to GitLab as the secret token. From GitLab 19.1 on prefer its signing"
        " token with Standard Webhooks.",
    ),
    Scheme(
        "jira",
        "Jira and Bitbucket",
        signature="header:X-Hub-Signature",
        prefix="sha256=",
        id=("header:X-Atlassian-Webhook-Identifier", "header:X-Request-UUID"),
        type=("header:X-Event-Key", "body:webhookEvent"),
        made_here=True,
        note="Give our secret to Jira or Bitbucket as the webhook's secret.",
    ),
    Scheme(
        "linear",
        "Linear",
        signature="header:Linear-Signature",
        timestamp="body:webhookTimestamp",
        unit="ms",
        tolerance=60,
        id=("header:Linear-Delivery",),
        type=("header:Linear-Event", "body:type"),
        note="Paste the signing secret of the webhook.",
    ),
    Scheme(
        "pagerduty",
        "PagerDuty",
        signature="header:X-PagerDuty-Signature",
        parts=("v1",),
        id=("body:event.id",),
        type=("body:event.event_type",),
        note="Paste the secret of the v3 webhook subscription.",
    ),
    Scheme(
        "sentry",
        "Sentry",
        signature="header:Sentry-Hook-Signature",
        id=("header:Request-ID",),
        type=("header:Sentry-Hook-Resource",),
        note="Paste the client secret of the Sentry integration.",
    ),
    Scheme(
        "zendesk",
        "Zendesk",
        signature="header:X-Zendesk-Webhook-Signature",
        content="{timestamp}{body}",
        encoding="base64",
        timestamp="header:X-Zendesk-Webhook-Signature-Timestamp",
        unit="iso",
        tolerance=FIVE_MINUTES,
        id=("header:X-Zendesk-Webhook-Invocation-Id",),
        type=("body:type",),
        note="Paste the signing secret of the Zendesk webhook.",
    ),
    Scheme(
        "intercom",
        "Intercom",
        signature="header:X-Hub-Signature",
        prefix="sha1=",
        hash="sha1",
        id=("body:id",),
        type=("body:topic",),
        note="Paste the client secret of the Intercom app.",
    ),
    Scheme(
        "meta",
        "Meta (WhatsApp, Instagram, Facebook)",
        signature="header:X-Hub-Signature-256",
        prefix="sha256=",
        type=("body:object",),
        challenge="meta",
        note="Paste the app secret; the verify token to give to Meta is this webhook's id.",
    ),
    Scheme(
        "twitter",
        "X (Twitter)",
        signature="header:X-Twitter-Webhooks-Signature",
        prefix="sha256=",
        encoding="base64",
        challenge="twitter",
        note="Paste the consumer secret of the app.",
    ),
    Scheme(
        "paddle",
        "Paddle",
        signature="header:Paddle-Signature",
        parts=("h1",),
        separator=";",
        content="{timestamp}:{body}",
        timestamp="part:ts",
        tolerance=FIVE_MINUTES,
        id=("body:event_id",),
        type=("body:event_type",),
        note="Paste the secret key of the notification destination.",
    ),
    Scheme(
        "discord",
        "Discord",
        method="ed25519",
        signature="header:X-Signature-Ed25519",
        content="{timestamp}{body}",
        timestamp="header:X-Signature-Timestamp",
        tolerance=FIVE_MINUTES,
        id=("body:id",),
        type=("body:event.type",),
        challenge="discord",
        note="Paste the public key of the Discord app.",
    ),
    Scheme(
        "docusign",
        "DocuSign Connect",
        signature="header:X-DocuSign-Signature-*",
        encoding="base64",
        type=("body:event",),
        note="Paste one of the Connect keys of the account.",
    ),
    Scheme(
        "mailgun",
        "Mailgun",
        signature="body:signature.signature",
        content="{timestamp}{body:signature.token}",
        timestamp="body:signature.timestamp",
        tolerance=FIVE_MINUTES,
        id=("body:signature.token",),
        type=("body:event-data.event",),
        note="Paste the HTTP webhook signing key. Mailgun signs a time and a token, not the event:"
        " what the event says is as trustworthy as the connection.",
    ),
    Scheme(
        "typeform",
        "Typeform",
        signature="header:Typeform-Signature",
        prefix="sha256=",
        encoding="base64",
        id=("body:event_id",),
        type=("body:event_type",),
        made_here=True,
        note="Give our secret to Typeform as the webhook's secret.",
    ),
    Scheme(
        "calendly",
        "Calendly",
        signature="header:Calendly-Webhook-Signature",
        parts=("v1",),
        content="{timestamp}.{body}",
        timestamp="part:t",
        tolerance=FIVE_MINUTES,
        type=("body:event",),
        made_here=True,
        note="Give our secret as signing_key when the subscription is created.",
    ),
    Scheme(
        "dropbox",
        "Dropbox",
        signature="header:X-Dropbox-Signature",
        challenge="dropbox",
        equal_bodies="each",  # every notification has the same text
        note="Paste the app secret.",
    ),
    Scheme(
        "box",
        "Box",
        signature="header:BOX-SIGNATURE-PRIMARY",
        content="{body}{timestamp}",
        encoding="base64",
        timestamp="header:BOX-DELIVERY-TIMESTAMP",
        unit="iso",
        tolerance=600,
        id=("header:BOX-DELIVERY-ID",),
        type=("body:trigger",),
        note="Paste the primary signature key.",
    ),
    Scheme(
        "vercel",
        "Vercel",
        signature="header:x-vercel-signature",
        hash="sha1",
        id=("body:id",),
        type=("body:type",),
        note="Paste the secret of the Vercel webhook.",
    ),
    Scheme(
        "woocommerce",
        "WooCommerce",
        signature="header:X-WC-Webhook-Signature",
        encoding="base64",
        id=("header:X-WC-Webhook-Delivery-ID",),
        type=("header:X-WC-Webhook-Topic",),
        equal_bodies="one_a_type",
        made_here=True,
        note="Give our secret to WooCommerce as the webhook's secret. WooCommerce does not sign the"
        " topic: take only the events that you want.",
    ),
    Scheme(
        "webflow",
        "Webflow",
        signature="header:x-webflow-signature",
        content="{timestamp}:{body}",
        timestamp="header:x-webflow-timestamp",
        unit="ms",
        tolerance=FIVE_MINUTES,
        type=("body:triggerType",),
        note="Paste the secret key of the webhook.",
    ),
    Scheme(
        "elevenlabs",
        "ElevenLabs",
        signature="header:ElevenLabs-Signature",
        parts=("v0",),
        content="{timestamp}.{body}",
        timestamp="part:t",
        tolerance=FIVE_MINUTES,
        type=("body:type",),
        note="Paste the shared secret of the webhook.",
    ),
    Scheme(
        "gitea",
        "Gitea and Forgejo",
        signature="header:X-Gitea-Signature",
        id=("header:X-Gitea-Delivery",),
        type=("header:X-Gitea-Event",),
        made_here=True,
        note="Give our secret to Gitea as the webhook's secret.",
    ),
    Scheme(
        "okta",
        "Okta event hooks",
        method="equal",
        signature="header:Authorization",
        id=("body:eventId",),
        type=("body:eventType",),
        challenge="okta",
        made_here=True,
        note="Give our secret to Okta as the value of the authentication field Authorization.",
    ),
    Scheme(
        "microsoft-graph",
        "Microsoft Graph",
        method="equal",
        signature="body:value.*.clientState",
        type=("body:value.*.changeType",),
        challenge="microsoft-graph",
        made_here=True,
        note="Give our secret as clientState when the subscription is created.",
    ),
    Scheme(
        "contentful",
        "Contentful",
        signature="header:x-contentful-signature",
        content="{method}\n{path}\n{listed}\n{body}",
        timestamp="header:x-contentful-timestamp",
        unit="ms",
        tolerance=FIVE_MINUTES,
        type=("header:X-Contentful-Topic",),
        made_here=True,
        note="Give our secret to Contentful as the secret of its request verification.",
    ),
    Scheme(
        "azure-event-grid",
        "Azure Event Grid",
        method="equal",
        signature="header:X-Webhook-Secret",
        id=("body:*.id", "body:id"),
        type=("body:*.eventType", "body:*.type", "body:type"),
        challenge="azure-event-grid",
        made_here=True,
        note="Give our secret as the delivery property X-Webhook-Secret of the subscription. Its"
        " own schema and that of CloudEvents are taken, and the questions of both are answered. The"
        " event is not signed: whoever knows the secret can send anything.",
    ),
    Scheme(
        "aws-sns",
        "Amazon SNS",
        method="sns",
        signature="body:Signature",
        encoding="base64",
        id=("body:MessageId",),
        type=("body:Type",),
        challenge="sns",
        publishes="sns",
        note="Paste the topic's ARN as the secret: Amazon signs for all topics, so it alone says"
        " whose messages are taken. A subscription is confirmed by itself.",
    ),
    Scheme(
        "fusionauth",
        "FusionAuth",
        method="jwt",
        signature="header:X-FusionAuth-Signature-JWT",
        body_hash="request_body_sha256",
        id=("body:event.id",),
        type=("body:event.type",),
        note="Paste the public key that signs webhooks, the address of the key set, or the shared"
        " secret.",
    ),
    Scheme(
        "plaid",
        "Plaid",
        method="jwt",
        signature="header:Plaid-Verification",
        body_hash="request_body_sha256",
        type=("body:webhook_code", "body:webhook_type"),
        note="Paste the key of /webhook_verification_key/get, a JWK, or several as a set.",
    ),
    Scheme(
        "hmac-sha256-hex",
        "HMAC-SHA256, hexadecimal",
        signature="header:X-Signature",
        made_here=True,
        publishes="inbound",
    ),
    Scheme(
        "hmac-sha256-base64",
        "HMAC-SHA256, base64",
        signature="header:X-Signature",
        encoding="base64",
        made_here=True,
        publishes="inbound",
    ),
    Scheme(
        "hmac-sha512-hex",
        "HMAC-SHA512, hexadecimal",
        signature="header:X-Signature",
        hash="sha512",
        made_here=True,
        publishes="inbound",
    ),
    Scheme(
        "hmac-sha1-hex",
        "HMAC-SHA1, hexadecimal",
        signature="header:X-Signature",
        hash="sha1",
        made_here=True,
        publishes="inbound",
        note="For senders that know no better.",
    ),
    Scheme(
        "timestamped-hmac",
        "HMAC-SHA256 with a time (t=…,v1=…)",
        signature="header:X-Signature",
        parts=("v1",),
        content="{timestamp}.{body}",
        timestamp="part:t",
        tolerance=FIVE_MINUTES,
        made_here=True,
        publishes="inbound",
    ),
    Scheme(
        "bearer",
        "Bearer token",
        method="equal",
        signature="header:Authorization",
        prefix="Bearer ",
        made_here=True,
        publishes="inbound",
        note="The request is not signed: whoever knows the token can send anything.",
    ),
    Scheme(
        "jwt",
        "JSON Web Token (Bearer)",
        method="jwt",
        signature="header:Authorization",
        prefix="Bearer ",
        made_here=True,
        publishes="inbound",
        note="HS256 with our secret; or give the sender's public key in PEM, its key set as JSON,"
        " or the https address of the set and the audience of its tokens: RS256, PS256, ES256,"
        " EdDSA. A token with the claim request_body_sha256 is held to its body, any other may come"
        " with another body until it runs out.",
    ),
    Scheme(
        "api-key",
        "API key in a header",
        method="equal",
        signature="header:X-API-Key",
        made_here=True,
        publishes="inbound",
        note="The request is not signed: whoever knows the key can send anything.",
    ),
    Scheme(
        "basic",
        "User and password (Basic)",
        method="basic",
        signature="header:Authorization",
        publishes="inbound",
        note="For senders that sign nothing, such as Splunk alerts and Postmark. The secret is"
        " user:password; whoever knows it can send anything.",
    ),
)
SCHEMES: Mapping[str, Scheme] = {scheme.name: scheme for scheme in _TABLE}
GENERIC = frozenset(
    {
        "hmac-sha256-hex",
        "hmac-sha256-base64",
        "hmac-sha512-hex",
        "hmac-sha1-hex",
        "timestamped-hmac",
        "jwt",
        "api-key",
    }
)
"""The schemes whose header, prefix, delivery id and event type a webhook can set."""

CLOUD_EVENTS = GENERIC | {"azure-event-grid", "bearer", "basic"}
"""The schemes for CloudEvents, whose senders ask for permission first."""

ANY_ID = ("header:webhook-id", "header:X-Delivery-Id", "header:X-Request-Id", "body:id")
ANY_TYPE = ("header:X-Event-Type", "body:type", "body:event_type", "body:event")
DEFAULT = "standard-webhooks"

_PLACE = r"(?:header:[A-Za-z0-9-]{1,60}|body:[A-Za-z0-9_*-]+(?:\.[A-Za-z0-9_*-]+){0,5})"
_CLAIM = "[!-~](?:[ -~]{0,253}[!-~])?"
OPTIONS: Mapping[str, re.Pattern[str]] = {
    "header": re.compile(r"[A-Za-z0-9-]{1,60}"),
    "prefix": re.compile(r"[A-Za-z0-9_=:-]{1,20} ?"),
    "delivery_id": re.compile(_PLACE),
    "event_type": re.compile(_PLACE),
    "equal_bodies": re.compile("one|each"),
    "audience": re.compile(_CLAIM),
    "issuer": re.compile(_CLAIM),
    "subject": re.compile(_CLAIM),
}
"""The options that a webhook can set for a generic scheme → the pattern of their values."""
CLAIMS: Mapping[str, str] = {"audience": "aud", "issuer": "iss", "subject": "sub"}
"""The options for tokens → the claim that must have this value (RFC 7519, 4.1)."""


def of_webhook(name: str, options: Mapping[str, str]) -> Scheme:
    """Return the scheme as one webhook uses it: a generic one with the webhook's options."""
    scheme = SCHEMES[name]
    if not scheme.is_generic:
        return scheme
    header = options.get("header")
    is_each = options.get("equal_bodies") == "each"
    return replace(
        scheme,
        signature=f"header:{header}" if header else scheme.signature,
        prefix=options.get("prefix", scheme.prefix),
        id=(options["delivery_id"],) if "delivery_id" in options else _guessed(is_each),
        id_is_chosen="delivery_id" in options,
        type=(options["event_type"],) if "event_type" in options else ANY_TYPE,
        equal_bodies="each" if is_each else scheme.equal_bodies,
        audience=options.get("audience", ""),
        issuer=options.get("issuer", ""),
        subject=options.get("subject", ""),
    )


def _guessed(is_each: bool) -> tuple[str, ...]:
    """Return where most senders put an id. Where equal bodies are separate deliveries, an id in the
    body does not tell them apart."""
    return tuple(one for one in ANY_ID if not (is_each and one.startswith("body:")))
