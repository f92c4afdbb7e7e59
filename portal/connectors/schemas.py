"""The commands and documents of connectors in REST."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)

from portal.connectors.models import AUTH_TYPES, TYPES
from portal.core.asymmetric_keys import private_key_problem
from portal.core.errors import FieldError, Invalid, did_you_mean, one_of
from portal.core.secret_scan import findings
from portal.providers import PROVIDERS, Provider
from portal.records.health import RecordHealth
from portal.records.schemas import (
    CONTROL,
    CONTROLS,
    Command,
    Document,
    Filled,
    JsonObject,
    Moment,
    Name,
    RecordId,
    Tags,
)

Scope = Literal["org", "user", "group"]
SyncStatus = Literal[
    "disabled",
    "pending",
    "action_required",
    "failing",
    "degraded",
    "rate_limited",
    "stale",
    "healthy",
]
CREDENTIAL_FIELDS = 64
CREDENTIAL_LENGTH = 32 * 1024


def _one_of(values: Sequence[str]) -> tuple[AfterValidator, WithJsonSchema]:
    def known(value: str) -> str:
        if value not in values:
            raise ValueError(one_of(value, values))
        return value

    return AfterValidator(known), WithJsonSchema({"type": "string", "enum": list(values)})


Type = Annotated[str, *_one_of(TYPES)]
AuthType = Annotated[str, *_one_of(AUTH_TYPES)]
ProviderKey = Annotated[str, *_one_of(tuple(PROVIDERS))]
Reference = Annotated[Filled, StringConstraints(max_length=80)]
EventType = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$"),
]
CredentialName = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")
]


def _secret_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("This must be text.")
    if not 0 < len(value) <= CREDENTIAL_LENGTH:
        raise ValueError(
            f"Use 1 to {CREDENTIAL_LENGTH} characters; give null to remove what is stored."
        )
    if CONTROL.search(value):
        raise ValueError("This has an invisible control character.")
    return value


# Not trimmed, unlike all other text: a blank at the end of a password belongs to it.
CredentialValue = Annotated[
    str,
    PlainValidator(_secret_text),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": CREDENTIAL_LENGTH,
            "pattern": f"^[^{CONTROLS}]*$",
        }
    ),
]


class ConnectorInput(Command):
    """The fields that a client may write. All are optional: `{}` creates a draft."""

    server_managed: ClassVar[frozenset[str]] = frozenset(
        {
            "health",
            "vault_path",
            "application_status",
            "is_restricted",
            "credential_fields",
            "credential_last_rotated_at",
            "oauth_refresh_needed",
            "oauth_token_expires_at",
            "sync_status",
            "last_sync_at",
            "last_check_at",
            "consecutive_errors",
            "last_error",
            "metrics",
        }
    )
    write_only: ClassVar[frozenset[str]] = frozenset({"credentials"})

    type: Type | None = Field(
        None, description="Integration type category. It is the provider's own when left out."
    )
    provider: ProviderKey | None = Field(
        None,
        description="Vendor, e.g. defender_for_endpoint, splunk, jira, okta. http is for any"
        " REST service, custom for the rest. Without one the connector is a draft."
        " It is fixed while credentials are stored, since they belong to it.",
    )
    name: Name | None = Field(
        None, description="Human-readable connector name. It is the provider's name when left out."
    )
    scope: Scope = Field(
        "org", description="org = tenant-wide; user = personal; group = group-scoped."
    )
    owner_id: Reference | None = Field(
        None,
        description="usr-<uuid> of the owning user. It is the creator when left out of a create.",
    )
    group_id: Reference | None = Field(
        None, description="Group ID if scope=group. It is needed then, and dropped otherwise."
    )
    user_id: Reference | None = Field(
        None,
        description="User ID if scope=user. It is the creator when left out, and dropped with"
        " any other scope.",
    )
    config: JsonObject = Field(
        default={},
        description="Non-secret configuration: baseUrl, region, accountId, etc. What looks like a"
        " credential is refused: it belongs under `credentials`.",
    )
    auth_type: AuthType | None = Field(
        None,
        description="Authentication mechanism. One that the provider offers; its first when"
        " left out.",
    )
    enabled: bool = Field(True, description="Whether the connector is active.")
    event_types: list[EventType] = Field(
        default=[], max_length=200, description="Event types this connector emits."
    )
    webhook_endpoint_id: RecordId | None = Field(
        None,
        description="ID of the outbound Webhook endpoint, if applicable. It gets the"
        " connector's events.",
    )
    next_rotation_due: Moment | None = Field(
        None, description="When credentials are next due for rotation."
    )
    tags: Tags = Field(default=[], description="Free-form tags.")
    application_id: RecordId | None = Field(
        None,
        description="Owning application id (FK to Application). It is the caller's own when an"
        " application's credential creates the connector, and only people change it. If its keys"
        " could then read credentials that are stored, an admin changes it, or the same change has"
        " the credentials again.",
    )
    credentials: dict[CredentialName, CredentialValue | None] = Field(
        default={},
        max_length=CREDENTIAL_FIELDS,
        repr=False,
        description="Write-only: kept in the secret store and never returned. A field that is left"
        " out stays as it is, a text replaces it, null removes it.",
        json_schema_extra={"writeOnly": True, "additionalProperties": False},
    )

    @classmethod
    def _validated(cls, data: Any) -> Self:
        """Return the validated command. Raises Invalid if it breaks the provider's rules."""
        command = super()._validated(data)
        if problems := list(_problems(command)):
            raise Invalid(problems)
        return command

    @classmethod
    def patched(cls, record: Any, patch: Mapping[str, Any]) -> Self:
        """Return the patch merged into the stored document.

        Another provider resets `type` and `auth_type` unless the patch names them.
        """
        provider = patch.get("provider", record.provider)
        if provider != record.provider:
            patch = {"type": None, "auth_type": None, **patch}
        return super().patched(record, _cleaned(provider, patch))

    @classmethod
    def read(cls, data: Any) -> Self:
        if isinstance(data, Mapping):
            data = _cleaned(data.get("provider"), data)
        return super().read(data)


class Metrics(BaseModel):
    """Counters of synced records; the latency is null before the first run."""

    totalSynced: int = Field(  # noqa: N815 - the specification's spelling
        description="Number of records that were synced in total."
    )
    last24h: int = Field(description="Number of records that were synced in the last 24 hours.")
    avgLatencyMs: float | None = Field(  # noqa: N815 - the specification's spelling
        description="Average latency in milliseconds; null before the first run."
    )


class ConnectorDocument(Document):
    """A connector as it is read (specification: Connector)."""

    type: Type | None = Field(description="Integration type category.")
    provider: str | None = Field(
        description="Vendor, e.g. defender_for_endpoint, splunk, jira, okta."
    )
    name: str = Field(description="Human-readable connector name.")
    scope: Scope = Field(description="org = tenant-wide; user = personal; group = group-scoped.")
    owner_id: str | None = Field(description="usr-<uuid> of the owning user.")
    group_id: str | None = Field(description="Group ID if scope=group.")
    user_id: str | None = Field(description="User ID if scope=user.")
    config: dict[str, Any] = Field(
        description="Non-secret configuration: baseUrl, region, accountId, etc."
    )
    vault_path: str = Field(
        description="KV v2 Vault path to secrets, e.g."
        " secret/data/tnt-.../connectors/cnn-.../credentials. The server derives it"
        " from the ids."
    )
    auth_type: AuthType | None = Field(description="Authentication mechanism.")
    oauth_refresh_needed: bool = Field(
        title="OAuth refresh needed", description="Whether the OAuth token needs refreshing."
    )
    oauth_token_expires_at: datetime | None = Field(
        title="OAuth token expires", description="When the OAuth access token expires."
    )
    enabled: bool = Field(description="Whether the connector is active.")
    sync_status: SyncStatus = Field(
        description="Current sync health. disabled = switched off; pending = not set up or not"
        " yet run; action_required = a person must act; failing, degraded,"
        " rate_limited = the last runs; stale = silent for too long; healthy."
    )
    last_sync_at: datetime | None = Field(description="Timestamp of the last successful sync.")
    last_check_at: datetime | None = Field(
        description="Time when the last check ended that is not `is_outdated`. A change of the"
        " connection does not empty it: until that is checked, sync_status is pending."
    )
    consecutive_errors: int = Field(description="Count of consecutive sync errors.")
    last_error: str | None = Field(description="Last error message.")
    metrics: Metrics = Field(description="{ totalSynced, last24h, avgLatencyMs }")
    event_types: list[str] = Field(description="Event types this connector emits.")
    webhook_endpoint_id: str | None = Field(
        description="ID of the outbound Webhook endpoint, if applicable."
    )
    credential_fields: list[str] = Field(
        description="Names of the credential fields that are set; their values are never shown."
    )
    credential_last_rotated_at: datetime | None = Field(
        description="When credentials were last rotated."
    )
    next_rotation_due: datetime | None = Field(
        description="When credentials are next due for rotation."
    )
    tags: list[str] = Field(description="Free-form tags.")
    application_id: str | None = Field(description="Owning application id (FK to Application).")
    application_status: str | None = Field(
        description="Status of the owning application: suspended and retired stop what belongs"
        " to it."
    )
    is_restricted: bool = Field(
        description="True for an admin to whom the connector's scope does not open it. All that is"
        " read then is that it is there, whose it is, and its state; all else stands empty. An"
        " admin may disable, enable, delete and restore it."
    )
    health: RecordHealth = Field(description="Health of the connector, by its last check.")


# ---------------------------------------------------------------- the provider's rules


def _problems(command: ConnectorInput) -> Iterator[FieldError]:
    """Yield what the types alone cannot check: misplaced secrets and the provider's own rules."""
    for path, kind in findings({"config": command.config, "tags": command.tags}, ""):
        yield FieldError(path[1:], f"This looks like {kind}; put it under credentials.")
    provider = PROVIDERS.get(command.provider or "")
    if provider is None or provider.is_open:
        return
    yield from _problems_of_config(provider, command.config)
    yield from _problems_of_auth(provider, command)


def _cleaned(provider_key: Any, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the data with the addresses in its config as they are used."""
    config = data.get("config")
    provider = PROVIDERS.get(provider_key) if isinstance(provider_key, str) else None
    if provider is None or not isinstance(config, Mapping):
        return data
    cleaned = {s.key: s.cleaned(config[s.key]) for s in provider.config if s.key in config}
    return {**data, "config": {**config, **cleaned}}


def _problems_of_config(provider: Provider, config: Mapping[str, Any]) -> Iterator[FieldError]:
    # A required setting may still be missing, because a connector can be an incomplete draft.
    for setting in provider.config:
        if setting.key in config and (problem := setting.problem(config[setting.key])):
            yield FieldError(f"config.{setting.key}", problem)


def _problems_of_auth(provider: Provider, command: ConnectorInput) -> Iterator[FieldError]:
    variant = provider.variant(command.auth_type)
    if variant is None:
        offered = [each.type for each in provider.auth]
        near = did_you_mean(command.auth_type or "", offered)
        yield FieldError("auth_type", f"{provider.name} takes one of {', '.join(offered)}.{near}")
        return
    given = {name for name, value in command.credentials.items() if value is not None}
    takes = ", ".join(sorted(variant.names)) or "no credentials"
    for name in sorted(given - variant.names):
        near = did_you_mean(name, sorted(variant.names))
        message = f"{provider.name} with {variant.type} takes {takes}.{near}"
        yield FieldError(f"credentials.{name}", message)
    for setting in variant.credentials:
        value = command.credentials.get(setting.key)
        if value is None:
            continue
        problem = setting.problem_of_secret(value)
        if problem is None and setting.key in variant.private_keys:
            problem = private_key_problem(value)
        if problem:
            yield FieldError(f"credentials.{setting.key}", problem)
