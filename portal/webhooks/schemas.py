"""Schemas of a webhook: the input that a client sends, and the document that the API returns."""

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from portal.core.errors import one_of
from portal.core.key_shape import shown
from portal.events import type_names
from portal.outbound import HEADER_NAME, HEADER_VALUE, header_problems
from portal.records.health import RecordHealth
from portal.records.schemas import (
    UNSEEN,
    Command,
    Document,
    EntryErrors,
    FromJson,
    JsonName,
    Line,
    Name,
    RecordId,
    Rules,
    Tags,
    quoted,
    small,
)
from portal.webhooks.models import Backoff, Direction, OutcomeWord, PauseReason
from portal.webhooks.signing.signature_schemes import Scheme
from portal.webhooks.verification.provider_schemes import OPTIONS, SCHEMES

EVENT_LENGTH = type_names.LENGTH

# These headers are stored and shown in clear text, so a name or value that looks like a secret is
# refused.
SECRET_NAMES = re.compile(
    r"authorization|(?:.*-)?(?:api-?key|auth-token|access-token|secret|password|credentials?)",
    re.IGNORECASE,
)
SECRET_VALUES = re.compile(
    r"(?:Bearer|Basic)\s|sk-|sk_live|rk_live|whsec_|whsk_|gh[pousr]_|github_pat_|glpat-|xox[abprs]-"
    r"|AKIA[0-9A-Z]{16}|AIza[\w-]{30}|eyJ[\w-]+\.eyJ|-----BEGIN",
)


def _event_filter(name: str) -> str:
    if not type_names.PATTERN.fullmatch(name):
        raise ValueError(
            f"{quoted(name, 40)} is no pattern of event types. Use a name such as rfp.created, a"
            " group such as rfp.*, or * for everything."
        )
    return name


def _filter(wanted: Any) -> Any:
    """Return the filter with the values of each field as a list. Raises ValueError for a wrong
    number of values, and for a value that is not text, a number, a boolean or null."""
    if not isinstance(wanted, dict):
        return wanted
    found = {}
    for name, given in wanted.items():
        values = given if isinstance(given, list) else [given]
        if not 1 <= len(name) <= 100 or not 1 <= len(values) <= 50:
            words = "Give each field 1 to 50 values; its name has 1 to 100 characters."
            raise EntryErrors({name: words})
        if not all(value is None or isinstance(value, str | int | float) for value in values):
            words = f"The values of {shown(name)} are text, numbers, true, false or null."
            raise EntryErrors({name: words})
        found[name] = values
    return found


def _headers(headers: dict[str, str]) -> dict[str, str]:
    problems = header_problems(headers)
    for name, value in headers.items():
        if name.lower().startswith("cpod-"):
            problems.setdefault(name, f"{shown(name)} is set by the sender and cannot be changed.")
        if SECRET_NAMES.fullmatch(name) or SECRET_VALUES.match(value):
            problems[name] = (
                f"{shown(name)} looks like a secret, and headers are kept in clear text. Let the"
                " receiver check the signature instead."
            )
    if problems:
        raise EntryErrors(problems)
    return headers


TARGET = rf"^[Hh][Tt][Tt][Pp][Ss]?://[^\s\\#\x7f-\x9f{UNSEEN}]+$"
# The service says what is wrong with it: it knows the networks that may be reached.
Url = Annotated[Line, StringConstraints(min_length=1, max_length=2048), Rules(pattern=TARGET)]
Patterns = Annotated[
    list[
        Annotated[
            str,
            StringConstraints(max_length=EVENT_LENGTH + 2),
            AfterValidator(_event_filter),
            Rules(pattern=type_names.SHOWN_PATTERN),
        ]
    ],
    AfterValidator(lambda patterns: sorted(set(patterns))),
]
SCALAR = {"type": ["string", "number", "boolean", "null"]}
Filter = Annotated[
    dict[JsonName, list[Any]],
    BeforeValidator(_filter),
    AfterValidator(small),
    Rules(
        propertyNames={"minLength": 1, "maxLength": 100},
        additionalProperties={
            "anyOf": [{"type": "array", "items": SCALAR, "minItems": 1, "maxItems": 50}, SCALAR]
        },
    ),
]


def _scheme(name: str) -> str:
    if name not in SCHEMES:
        raise ValueError(one_of(name, SCHEMES))
    return name


def _options(options: dict[str, str]) -> dict[str, str]:
    for name, value in options.items():
        if name not in OPTIONS:
            raise EntryErrors({name: one_of(name, OPTIONS)})
        if not OPTIONS[name].fullmatch(value):
            raise EntryErrors({name: f"The {name} is not of the form that it must have."})
    return options


InboundScheme = Annotated[
    str,
    AfterValidator(_scheme),
    WithJsonSchema({"type": "string", "enum": list(SCHEMES)}),
]
OPTION_WORDS = {
    "header": "Header that has the signature.",
    "prefix": "Text before the signature in its header.",
    "delivery_id": "Place of the delivery's id: header:… or body:….",
    "event_type": "Place of the event's type: header:… or body:….",
    "equal_bodies": "one = the same body again is a repetition; each = it is another event, unless"
    " it has the same delivery id.",
    "audience": "Audience (aud) that a token must name. Needed with the address of a key set.",
    "issuer": "Issuer (iss) that a token must have.",
    "subject": "Subject (sub) that a token must have.",
}
InboundOptions = Annotated[
    dict[str, str],
    AfterValidator(_options),
    Rules(
        properties={
            name: {
                "type": "string",
                "pattern": f"^({pattern.pattern})$",
                "description": OPTION_WORDS[name],
            }
            for name, pattern in OPTIONS.items()
        },
        propertyNames={"enum": list(OPTIONS)},
    ),
]
Headers = Annotated[
    dict[str, str],
    AfterValidator(_headers),
    Rules(
        propertyNames={"pattern": f"^{HEADER_NAME}$"},
        additionalProperties={"type": "string", "pattern": f"^{HEADER_VALUE}$"},
    ),
]
InboundSecret = Annotated[Line, StringConstraints(min_length=8, max_length=4096)]


class RetryPolicy(FromJson):
    """The number of attempts for one event, the backoff between them, and the timeout."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    max_attempts: int = Field(
        10, alias="maxAttempts", ge=1, le=20, description="Attempts for one event, the first too."
    )
    backoff: Backoff = Field("exponential", description="Growth of the waits between attempts.")
    timeout_ms: int = Field(
        15_000,
        alias="timeoutMs",
        ge=1_000,
        le=30_000,
        description="Milliseconds that the receiver has until its answer begins.",
    )


DEFAULT_POLICY = RetryPolicy.model_validate({})


class WebhookInput(Command):
    """The fields of a webhook that a client can set. All are optional: `{}` creates a webhook that
    is disabled."""

    server_managed: ClassVar[frozenset[str]] = frozenset(
        {
            "health",
            "vault_path",
            "application_status",
            "last_delivery_at",
            "last_delivery_status",
            "consecutive_failures",
            "paused_at",
            "pause_reason",
            "secret_fingerprint",
            "is_active",
            "signing_secret",
            "inbound_url",
        }
    )
    write_only: ClassVar[frozenset[str]] = frozenset({"inbound_secret"})

    name: Name | None = Field(None, description="Human-readable webhook name.")
    direction: Direction = Field(
        "outbound",
        description="outbound = cPod pushes to url; inbound = external system calls cPod. Fixed"
        " once the webhook is there.",
    )
    url: Url | None = Field(
        None, description="Target URL (outbound) or callback URL (inbound). A public address."
    )
    event_types: Patterns = Field(
        default=[],
        max_length=100,
        description="Event type filters, e.g. rfp.created, rfp.status_changed. rfp.* is a"
        " group, * is everything. A webhook gets the events of the whole tenant, whichever"
        " application published them.",
    )
    signature_scheme: Scheme = Field(
        "standard-webhooks",
        description="Payload signing scheme. standard-webhooks = headers webhook-id,"
        " webhook-timestamp and webhook-signature (v1, HMAC-SHA256), see"
        " standardwebhooks.com; -ed25519 = the same with a key pair (v1a). github,"
        " stripe, hmac-sha256-hex and hmac-sha256-base64 are for receivers that"
        " verify those styles already. Rotate the secret after a change to or from"
        " ed25519.",
    )
    inbound_scheme: InboundScheme | None = Field(
        None,
        description="Inbound only: how the sender proves who it is. Left out, standard-webhooks.",
    )
    inbound_options: InboundOptions = Field(
        default={},
        description="Inbound only, with a generic scheme: header and prefix of the signature, and"
        " delivery_id and event_type, the places (header:… or body:…) of these two. With a scheme"
        " that signs the body alone, equal_bodies: one = the same body again is a repetition (the"
        " usual), each = it is another event, unless a header, or the place of delivery_id, has the"
        " same delivery id again. With jwt, audience, issuer and subject: the aud, iss and sub that"
        " a token must have. An inbound_secret that is the address of a key set needs an audience.",
    )
    inbound_secret: InboundSecret | None = Field(
        None,
        description="Inbound only: the sender's secret, where it is the sender who makes it. Never"
        " shown again; the one before is accepted beside it for 24 hours, unless inbound_scheme"
        " changes with it. While three previous ones are accepted, another one is a 409.",
        json_schema_extra={"writeOnly": True},
    )
    headers: Headers = Field(
        default={},
        max_length=30,
        description="Static custom headers (non-secret) sent with every delivery.",
    )
    enabled: bool | None = Field(
        None,
        description="Whether this webhook is active. It is true when left out if there are a"
        " url and at least one event type.",
    )
    retry_policy: RetryPolicy = Field(
        default=DEFAULT_POLICY,
        description="{ maxAttempts, backoff: 'exponential', timeoutMs } Parts that are left out"
        " get their defaults; in a PATCH they stay.",
    )
    filter: Filter = Field(
        default={},
        max_length=10,
        description="Top-level field of an event's data → the value, or the list of values, of"
        " which it must have one. Only events that pass all of it are sent. Those of more than"
        " 1 KiB may be 8 MiB together in a tenant.",
    )
    rate_limit: int | None = Field(
        None, ge=1, le=1000, description="At most so many deliveries a second, over all workers."
    )
    ordered: bool = Field(
        False,
        description="One at a time, in the order of publication: a delivery that fails holds up"
        " those after it until it is delivered or has failed for good.",
    )
    connector_id: RecordId | None = Field(
        None, description="ID of the owning Connector, if this webhook is connector-owned."
    )
    application_id: RecordId | None = Field(
        None,
        description="Owning application id. It is the caller's own when an application's"
        " credential creates the webhook, and only people change it.",
    )
    tags: Tags = Field(default=[], description="Free-form tags.")


class WebhookDocument(Document):
    """A webhook as the API returns it (specification: Webhook)."""

    name: str = Field(description="Human-readable webhook name.")
    direction: Direction = Field(
        description="outbound = cPod pushes to url; inbound = external system calls cPod."
    )
    url: str | None = Field(description="Target URL (outbound) or callback URL (inbound).")
    event_types: list[str] = Field(
        description="Event type filters, e.g. rfp.created, rfp.status_changed."
    )
    signature_scheme: Scheme = Field(description="Payload signing scheme.")
    inbound_url: str | None = Field(description="Inbound only: the address to give to the sender.")
    inbound_scheme: InboundScheme | None = Field(
        description="Inbound only: scheme by which the sender signs."
    )
    inbound_options: dict[str, str] = Field(
        description="Inbound only: options of a generic scheme."
    )
    vault_path: str = Field(
        description="Vault KV v2 path where the HMAC secret lives; never stored inline. The"
        " server derives it."
    )
    headers: dict[str, str] = Field(
        description="Static custom headers (non-secret) sent with every delivery."
    )
    enabled: bool = Field(description="Whether this webhook is active.")
    retry_policy: RetryPolicy = Field(
        description="{ maxAttempts, backoff: 'exponential', timeoutMs }"
    )
    last_delivery_at: datetime | None = Field(
        description="Timestamp of the last delivery attempt. While many follow each other, it is up"
        " to a second behind; if they are received, up to a minute."
    )
    last_delivery_status: OutcomeWord | None = Field(
        description="Outcome of the last delivery attempt."
    )
    consecutive_failures: int = Field(
        description="Count of consecutive delivery failures. Tests do not count."
    )
    paused_at: datetime | None = Field(
        description="Timestamp when the webhook was auto-paused after N consecutive failures."
    )
    pause_reason: PauseReason | None = Field(
        description="Cause of the pause; null if it is not paused."
    )
    filter: dict[str, list[Any]] = Field(
        description="Field of the data → values of which it must have one."
    )
    rate_limit: int | None = Field(
        description="Most deliveries a second, over all workers; null for no limit."
    )
    ordered: bool = Field(description="True if deliveries are sent one at a time, in order.")
    connector_id: str | None = Field(
        description="ID of the owning Connector, if this webhook is connector-owned."
    )
    tags: list[str] = Field(description="Free-form tags.")
    application_id: str | None = Field(description="Owning application id.")
    application_status: str | None = Field(
        description="Status of the owning application: suspended and retired stop what belongs"
        " to it."
    )
    secret_fingerprint: str | None = Field(
        description="Hash of the signing secret; raw secret is never stored. It has 12 hex digits:"
        " of a Standard Webhooks secret the first of the SHA-256 of its bytes, of any other one a"
        " keyed hash that only this webhook has."
    )
    is_active: bool = Field(
        description="Whether this webhook is active. It is enabled, and neither paused nor deleted."
    )
    health: RecordHealth = Field(
        description="Health of the webhook: its deliveries, its queue and its pause."
    )
