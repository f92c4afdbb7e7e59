"""The types of bodies and answers. Made by `make sdk`; not changed by hand."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from cpod_integration.secret import Secret


class ApplicationBatch(TypedDict):
    """Up to 500 records to create with one request."""

    items: list[ApplicationInput]
    """The new records."""
    atomic: NotRequired[bool]
    """true: all are created, or none, and the error names every item that is refused. false:
    each is created on its own, and its result says what became of it.
    """


class ApplicationBatchAnswer(TypedDict):
    """The results of a batch."""

    results: list[ApplicationBatchResult]
    """One result for each item, in the order of the request."""


class ApplicationBatchResult(TypedDict):
    """Result of one item."""

    status: int
    """201, or the status of the problem."""
    item: NotRequired[ApplicationDocument | None]
    """The new record."""
    problem: NotRequired[Problem | None]
    """Reason for which the item was refused."""


class ApplicationDocument(TypedDict):
    """An application as it is read (specification: Application)."""

    id: str
    """Server-assigned ULID with type prefix (e.g. per_…)."""
    tenant_id: str
    """Tenant scope — auto-stamped from the caller's JWT."""
    app_id: str | None
    """App scope. Stamped ONLY when the caller's JWT was minted for a specific Application
    (integration API keys). Absent for human-user sessions. Filters reads when present.
    """
    created_at: str
    """Server stamp."""
    updated_at: str
    """Server stamp; updated on every patch."""
    created_by: str | None
    """Person id from the caller's JWT (sub)."""
    updated_by: str | None
    """Person id from the last writer's JWT (sub)."""
    source: str
    """Provenance tag — defaults to 'edm'."""
    source_type: str
    """Where the write originated. Defaults to 'api'."""
    is_deleted: bool
    """Soft-delete flag. Excluded from default list queries."""
    deleted_at: str | None
    """Stamped when soft-deleted; null otherwise."""
    deleted_by: str | None
    """Person id who soft-deleted; null otherwise."""
    schema_version: int
    """Document schema version. Bumped on incompatible writes."""
    version: int
    """Optimistic concurrency version counter."""
    display_name: str
    """Human-readable name, e.g. CRM 360."""
    slug: str
    """Stable lowercase app slug; the value stamped into app_id."""
    kind: Literal["app", "platform-service", "library"]
    """app = user-facing; platform-service = cpod-backend/cpod-arai/coreiq/core-sdk; library = no
    runtime identity.
    """
    primary_domain: str | None
    """Model domain primarily served."""
    description: str | None
    """Purpose of the app."""
    oauth_client_id: str | None
    """Registered OAuth client id. core-sdk maps a validated token's client_id to this id to
    stamp appId on every write.
    """
    status: Literal["draft", "active", "deprecated", "suspended", "retired"]
    """Lifecycle status of the application."""
    status_reason: str | None
    """Reason for which it was suspended, retired or reopened last."""
    canonical_owner_of: list[str]
    """Entity types this app is the canonical owner of; empty for pure consumers."""
    api_base_path: str | None
    """Base path the app serves or is reached at, e.g. /v1/deals."""
    repository: str | None
    """Source repository."""
    allowed_scopes: list[str]
    """Scopes that its keys may have at most; empty for no limit."""
    health: RecordHealth
    """Health of the application: the worst of what belongs to it."""


class ApplicationInput(TypedDict):
    """The fields that a client may write. All are optional: `{}` registers a working draft."""

    display_name: NotRequired[str | None]
    """Human-readable name, e.g. CRM 360."""
    slug: NotRequired[str | None]
    """Stable lowercase app slug; the value stamped into app_id. Made from the name when left
    out, and fixed once it is there.
    """
    kind: NotRequired[Literal["app", "platform-service", "library"]]
    """app = user-facing; platform-service = cpod-backend/cpod-arai/coreiq/core-sdk; library = no
    runtime identity. A library has no keys.
    """
    primary_domain: NotRequired[str | None]
    """Model domain primarily served."""
    description: NotRequired[str | None]
    """Purpose of the app."""
    oauth_client_id: NotRequired[str | None]
    """Registered OAuth client id. core-sdk maps a validated token's client_id to this id to
    stamp appId on every write. Set by admins in person only, never by a key or a program.
    """
    status: NotRequired[Literal["draft", "active", "deprecated", "suspended", "retired"]]
    """Lifecycle status of the application. suspended and retired are entered and left through
    the actions suspend, retire and reopen only.
    """
    canonical_owner_of: NotRequired[list[str]]
    """Entity types this app is the canonical owner of; empty for pure consumers."""
    api_base_path: NotRequired[str | None]
    """Base path the app serves or is reached at, e.g. /v1/deals."""
    repository: NotRequired[str | None]
    """Source repository."""
    allowed_scopes: NotRequired[
        list[
            Literal[
                "applications:read",
                "applications:reopen",
                "applications:retire",
                "applications:suspend",
                "applications:write",
                "audit:read",
                "connectors:read",
                "connectors:use",
                "connectors:write",
                "event-types:read",
                "event-types:write",
                "events:publish",
                "events:read",
                "keys:read",
                "keys:reopen",
                "keys:verify",
                "keys:write",
                "webhooks:read",
                "webhooks:write",
            ]
        ]
    ]
    """Scopes that its keys may have at most. A change affects keys that exist at once. Empty:
    all that their creators may give.
    """


class AttemptDocument(TypedDict):
    """One attempt to deliver an event, as the API returns it."""

    id: str
    """Id of the attempt."""
    webhook_id: str
    """Id of the webhook."""
    event_type: str
    """Type of the event."""
    created_at: str
    """Time when it began."""
    completed_at: str | None
    """Time when it ended."""
    actor_id: str
    """Id of who caused it."""
    actor_name: str
    """Name of who caused it."""
    outcome: Literal[
        "sending",
        "delivered",
        "http_error",
        "redirect",
        "forbidden_address",
        "invalid_request",
        "dns",
        "refused",
        "unreachable",
        "reset",
        "tls",
        "timeout",
        "too_large",
        "protocol_error",
        "cancelled",
    ]
    """Outcome of the attempt."""
    explanation: str
    """Result, as a sentence."""
    remedy: str
    """Next step to take, as a sentence; may be empty."""
    status: int | None
    """The receiver's HTTP status."""
    url: str
    """Address that was called."""
    request_headers: list[list[Any]]
    """Headers that were sent: name and value."""
    request_body: str
    """Body that was sent."""
    signed_with: str
    """Fingerprint of the secret of the first signature."""
    signed_content: str
    """The exact text under the signature."""
    response_headers: list[list[Any]]
    """Headers that were received: name and value."""
    response_body: str
    """Body that was received."""
    response_truncated: bool
    """Only the first 16 KiB were kept."""
    timings: dict[str, Any]
    """Milliseconds: dns_ms, connect_ms, tls_ms, wait_ms, read_ms, total_ms."""
    address: str | None
    """The IP address that was dialled."""
    tls_version: str | None
    """Version of TLS; null without TLS."""
    certificate_days: int | None
    """Days until the certificate expires."""


class BacklogDocument(TypedDict):
    """The deliveries that are held for a paused webhook, or that wait for an active one."""

    held: int
    """Number of deliveries that wait."""
    is_more: bool
    """There are more than were counted."""
    oldest: str | None
    """Time of the oldest of them."""
    seconds: float
    """About how long sending all of it takes."""


class BudgetDocument(TypedDict):
    """The budget that a key shares with its predecessors, successors and children, in US
    dollars.
    """

    max_usd: float | None
    """Maximum spend; null for no limit."""
    spent_usd: float
    """Amount that was spent in this period."""
    reserved_usd: float
    """Amount that is reserved: for calls in progress and, for at most half a minute, for the
    next calls of a key that is called often.
    """
    available_usd: float | None
    """Amount that is left; null for no limit."""
    period_end: str | None
    """Time when the period ends; null if it never does."""


class BulkJobDocument(TypedDict):
    """A bulk job and its progress."""

    id: str
    """Id of the job."""
    resource: Literal["api-keys", "webhooks", "connectors", "applications"]
    """Kind of the records."""
    verb: Literal[
        "revoke",
        "block",
        "unblock",
        "edit",
        "pause",
        "resume",
        "enable",
        "disable",
        "delete",
        "check",
    ]
    """Name of the operation on each of them."""
    state: Literal["preview", "running", "done", "cancelled"]
    """preview = it waits to be confirmed. running = the worker does it. done = each record had
    its turn. cancelled = the records that were left are not touched.
    """
    filter: dict[str, str]
    """Query parameters that chose the records; empty if they were named by id, and for an admin
    if a record is for others.
    """
    arguments: dict[str, Any]
    """Fields that the verb takes; empty for an admin if a record is for others."""
    total: int
    """Number of records."""
    waiting: int
    """Number of records that are left to do; of a cancelled job, that were left."""
    done: int
    """Number of records to which it was done."""
    failed: int
    """Number of records that were refused when their turn came."""
    skipped: int
    """Number of records that could not be done at the preview, or that were changed since."""
    asked_by: str
    """Id of the person or the credential that asked for it."""
    asked_by_name: str
    """Name of who asked for it."""
    created_at: str
    """Time of the preview."""
    confirmed_at: str | None
    """Time when it was confirmed."""
    ended_at: str | None
    """Time when it was done or cancelled."""


class BulkJobInput(TypedDict):
    """The change to make, and its records: those of these ids, or all that a filter matches."""

    resource: Literal["api-keys", "webhooks", "connectors", "applications"]
    """Kind of the records."""
    verb: Literal[
        "revoke",
        "block",
        "unblock",
        "edit",
        "pause",
        "resume",
        "enable",
        "disable",
        "delete",
        "check",
    ]
    """Name of the operation on each of them."""
    ids: NotRequired[list[str] | None]
    """Ids of the records. Give these or a filter."""
    filter: NotRequired[dict[str, Any] | None]
    """Query parameters of the list of these records, such as {"status": "active"}, without those
    that sort and page. An empty object matches all records.
    """
    arguments: NotRequired[dict[str, Any]]
    """Fields that the verb takes: see the description of the operation."""


class BulkRowDocument(TypedDict):
    """One record of a bulk job."""

    record_id: str
    """Id of the record."""
    record_name: str
    """Name of the record at the preview."""
    version: int
    """Version of the record at the preview."""
    state: Literal["waiting", "done", "failed", "skipped", "cancelled"]
    """waiting = its turn comes. done = it was done. failed = it was refused. skipped = it could
    not be done at the preview, or was changed since. cancelled = the job was cancelled
    before.
    """
    reason: str
    """Reason why it failed or was skipped; empty otherwise."""
    changes: dict[str, list[Any]]
    """Changed field → the value before and after it, as far as they are known at the preview."""
    done_at: str | None
    """Time of its turn."""


class CallerDocument(TypedDict):
    """The caller of this request: who it is, for which tenant, and what it may do."""

    kind: Literal["person", "application"]
    """A person, or a program."""
    credential: Literal["api_key", "access_token"]
    """The kind of the credential: an API key or a token made from one, or an access token of the
    identity provider.
    """
    id: str
    """Id of the person, the API key, or the application that the token was issued to."""
    name: str
    """Name of the person, the API key, or the application."""
    tenant: TenantDocument
    """The tenant in which the caller acts."""
    application: OwnApplication | None
    """The application of the credential; null for a person, and for a key of no application."""
    roles: list[str]
    """Roles of a person: viewer, editor or admin. Empty for a program."""
    groups: list[str]
    """Groups of a person at the identity provider. Empty for a program."""
    scopes: list[str]
    """Permissions of the credential, in alphabetical order."""
    expires_at: str | None
    """Time when the credential ends, also by a planned revocation of its key; null if it does
    not end by itself.
    """
    limits: KeyLimits | None
    """Limits of the API key; null for an access token of the identity provider."""


class ChangedView(TypedDict):
    """A change of a view. A field that is left out stays as it is."""

    name: NotRequired[str | None]
    """Name of the view, which its tab shows."""
    parameters: NotRequired[dict[str, str] | None]
    """Query parameters of the list, which replace those of the view."""
    is_shared: NotRequired[bool | None]
    """Whole tenant sees it."""
    is_default: NotRequired[bool | None]
    """The list opens with it."""
    position: NotRequired[int | None]
    """Place among the tabs, from 0."""


class CheckDocument(TypedDict):
    """One check of a connector."""

    outcome: (
        Literal[
            "passed",
            "unproven",
            "auth_invalid",
            "auth_scope",
            "auth_expired",
            "config",
            "rate_limited",
            "transient",
            "secret_store",
            "internal",
        ]
        | None
    )
    """passed; unproven = nothing failed, and nothing shows that the credentials are good;
    auth_invalid, auth_scope, auth_expired and config need a person; rate_limited and
    transient pass by themselves; secret_store and internal are faults of the portal. Null
    until the check has ended.
    """
    said: str
    """Result, as a sentence."""
    remedy: str
    """Next step to take, as a sentence; may be empty."""
    steps: list[StepDocument]
    """The steps of the check, in their order."""
    took_ms: float | None
    """Milliseconds that the check took."""
    account: str | None
    """Account that the credentials belong to, as the provider says."""
    is_person: bool | None
    """True if they belong to a person, false if to a service; null if unknown."""
    granted: list[str] | None
    """Scopes of the credentials; null if the provider does not tell."""
    missing: list[str]
    """Scopes that the connector needs and has not."""
    too_much: list[str]
    """Scopes that it has and does not need."""
    expires_at: str | None
    """Time when the credentials expire, as the provider says."""
    id: str
    """Id of the check."""
    connector_id: str
    """Id of the connector."""
    state: Literal["queued", "running", "done"]
    """Progress of the check."""
    reason: Literal["asked", "saved", "daily", "retry", "expiry"]
    """Cause of the check."""
    asked_by: str | None
    """Id of who asked for it."""
    asked_by_name: str | None
    """Name of who asked for it."""
    restores_version: int | None
    """The version of the credentials that the check puts back first."""
    record_version: int | None
    """The connector's version that was checked."""
    credential_version: int | None
    """Version of the credentials that was checked; 0 if there were none."""
    is_outdated: bool
    """The result says nothing about the connector as it is now: it was changed while the check
    ran, or nothing was sent, for the reason in `said`.
    """
    created_at: str
    """Time when it was asked for."""
    started_at: str | None
    """Time when it began."""
    finished_at: str | None
    """Time when it ended."""


class CheckInput(TypedDict):
    """Nothing is to be said: a check runs with what is saved."""


class ChildKey(TypedDict):
    """The settings of a short-lived key with a part of its parent's rights."""

    name: NotRequired[str | None]
    """Human-readable label of the child."""
    scopes: NotRequired[
        list[
            Literal[
                "applications:read",
                "applications:reopen",
                "applications:retire",
                "applications:suspend",
                "applications:write",
                "audit:read",
                "connectors:read",
                "connectors:use",
                "connectors:write",
                "event-types:read",
                "event-types:write",
                "events:publish",
                "events:read",
                "keys:read",
                "keys:reopen",
                "keys:verify",
                "keys:write",
                "webhooks:read",
                "webhooks:write",
            ]
        ]
        | None
    ]
    """At most its parent's, which it gets when left out."""
    lifetime_seconds: NotRequired[int]
    """Lifetime in seconds. It ends no later than its parent expires or, as planned, is revoked."""
    max_uses: NotRequired[int | None]
    """Maximum number of uses; null for no limit."""
    allowed_ips: NotRequired[list[str]]
    """Part of its parent's networks, or all of them."""


class ConnectorBatch(TypedDict):
    """Up to 500 records to create with one request."""

    items: list[ConnectorInput]
    """The new records."""
    atomic: NotRequired[bool]
    """true: all are created, or none, and the error names every item that is refused. false:
    each is created on its own, and its result says what became of it.
    """


class ConnectorBatchAnswer(TypedDict):
    """The results of a batch."""

    results: list[ConnectorBatchResult]
    """One result for each item, in the order of the request."""


class ConnectorBatchResult(TypedDict):
    """Result of one item."""

    status: int
    """201, or the status of the problem."""
    item: NotRequired[ConnectorDocument | None]
    """The new record."""
    problem: NotRequired[Problem | None]
    """Reason for which the item was refused."""


class ConnectorDocument(TypedDict):
    """A connector as it is read (specification: Connector)."""

    id: str
    """Server-assigned ULID with type prefix (e.g. per_…)."""
    tenant_id: str
    """Tenant scope — auto-stamped from the caller's JWT."""
    app_id: str | None
    """App scope. Stamped ONLY when the caller's JWT was minted for a specific Application
    (integration API keys). Absent for human-user sessions. Filters reads when present.
    """
    created_at: str
    """Server stamp."""
    updated_at: str
    """Server stamp; updated on every patch."""
    created_by: str | None
    """Person id from the caller's JWT (sub)."""
    updated_by: str | None
    """Person id from the last writer's JWT (sub)."""
    source: str
    """Provenance tag — defaults to 'edm'."""
    source_type: str
    """Where the write originated. Defaults to 'api'."""
    is_deleted: bool
    """Soft-delete flag. Excluded from default list queries."""
    deleted_at: str | None
    """Stamped when soft-deleted; null otherwise."""
    deleted_by: str | None
    """Person id who soft-deleted; null otherwise."""
    schema_version: int
    """Document schema version. Bumped on incompatible writes."""
    version: int
    """Optimistic concurrency version counter."""
    type: (
        Literal[
            "edr",
            "siem",
            "ticketing",
            "knowledge",
            "identity",
            "source_control",
            "messaging",
            "itsm",
            "crm",
            "support",
            "incident",
            "observability",
            "cloud_security",
            "storage",
            "warehouse",
            "database",
            "payments",
            "custom",
        ]
        | None
    )
    """Integration type category."""
    provider: str | None
    """Vendor, e.g. defender_for_endpoint, splunk, jira, okta."""
    name: str
    """Human-readable connector name."""
    scope: Literal["org", "user", "group"]
    """org = tenant-wide; user = personal; group = group-scoped."""
    owner_id: str | None
    """usr-<uuid> of the owning user."""
    group_id: str | None
    """Group ID if scope=group."""
    user_id: str | None
    """User ID if scope=user."""
    config: dict[str, Any]
    """Non-secret configuration: baseUrl, region, accountId, etc."""
    vault_path: str
    """KV v2 Vault path to secrets, e.g. secret/data/tnt-.../connectors/cnn-.../credentials. The
    server derives it from the ids.
    """
    auth_type: (
        Literal[
            "none",
            "api_key",
            "api_key_pair",
            "bearer",
            "basic",
            "oauth2_code",
            "oauth2_client_credentials",
            "oauth2_private_key_jwt",
            "oauth2_jwt_bearer",
            "service_account_jwt",
            "key_pair_jwt",
            "github_app",
            "aws_assume_role",
            "aws_keys",
            "mtls",
            "hmac",
        ]
        | None
    )
    """Authentication mechanism."""
    oauth_refresh_needed: bool
    """True if the OAuth token needs refreshing."""
    oauth_token_expires_at: str | None
    """Time when the OAuth access token expires."""
    enabled: bool
    """True if the connector is active."""
    sync_status: Literal[
        "disabled",
        "pending",
        "action_required",
        "failing",
        "degraded",
        "rate_limited",
        "stale",
        "healthy",
    ]
    """Current sync health. disabled = switched off; pending = not set up or not yet run;
    action_required = a person must act; failing, degraded, rate_limited = the last runs;
    stale = silent for too long; healthy.
    """
    last_sync_at: str | None
    """Timestamp of the last successful sync."""
    last_check_at: str | None
    """Time when the last check ended that is not `is_outdated`. A change of the connection does
    not empty it: until that is checked, sync_status is pending.
    """
    consecutive_errors: int
    """Count of consecutive sync errors."""
    last_error: str | None
    """Last error message."""
    metrics: Metrics
    """{ totalSynced, last24h, avgLatencyMs }"""
    event_types: list[str]
    """Event types this connector emits."""
    webhook_endpoint_id: str | None
    """ID of the outbound Webhook endpoint, if applicable."""
    credential_fields: list[str]
    """Names of the credential fields that are set; their values are never shown."""
    credential_last_rotated_at: str | None
    """Time when credentials were last rotated."""
    next_rotation_due: str | None
    """Time when credentials are next due for rotation."""
    tags: list[str]
    """Free-form tags."""
    application_id: str | None
    """Owning application id (FK to Application)."""
    application_status: str | None
    """Status of the owning application: suspended and retired stop what belongs to it."""
    is_restricted: bool
    """True for an admin to whom the connector's scope does not open it. All that is read then is
    that it is there, whose it is, and its state; all else stands empty. An admin may disable,
    enable, delete and restore it.
    """
    health: RecordHealth
    """Health of the connector, by its last check."""


class ConnectorInput(TypedDict):
    """The fields that a client may write. All are optional: `{}` creates a draft."""

    type: NotRequired[
        Literal[
            "edr",
            "siem",
            "ticketing",
            "knowledge",
            "identity",
            "source_control",
            "messaging",
            "itsm",
            "crm",
            "support",
            "incident",
            "observability",
            "cloud_security",
            "storage",
            "warehouse",
            "database",
            "payments",
            "custom",
        ]
        | None
    ]
    """Integration type category. It is the provider's own when left out."""
    provider: NotRequired[
        Literal[
            "aws_s3",
            "aws_security_hub",
            "confluence",
            "crowdstrike",
            "datadog",
            "http",
            "github",
            "gitlab",
            "google_workspace",
            "hubspot",
            "jira",
            "mcp",
            "defender_for_endpoint",
            "entra_id",
            "notion",
            "oauth2_issuer",
            "okta",
            "pagerduty",
            "postgres",
            "s3_compatible",
            "salesforce",
            "sentinelone",
            "servicenow",
            "slack",
            "smtp",
            "snowflake",
            "splunk",
            "splunk_hec",
            "stripe",
            "zendesk",
            "custom",
        ]
        | None
    ]
    """Vendor, e.g. defender_for_endpoint, splunk, jira, okta. http is for any REST service,
    custom for the rest. Without one the connector is a draft. It is fixed while credentials
    are stored, since they belong to it.
    """
    name: NotRequired[str | None]
    """Human-readable connector name. It is the provider's name when left out."""
    scope: NotRequired[Literal["org", "user", "group"]]
    """org = tenant-wide; user = personal; group = group-scoped."""
    owner_id: NotRequired[str | None]
    """usr-<uuid> of the owning user. It is the creator when left out of a create."""
    group_id: NotRequired[str | None]
    """Group ID if scope=group. It is needed then, and dropped otherwise."""
    user_id: NotRequired[str | None]
    """User ID if scope=user. It is the creator when left out, and dropped with any other scope."""
    config: NotRequired[dict[str, Any]]
    """Non-secret configuration: baseUrl, region, accountId, etc. What looks like a credential is
    refused: it belongs under `credentials`.
    """
    auth_type: NotRequired[
        Literal[
            "none",
            "api_key",
            "api_key_pair",
            "bearer",
            "basic",
            "oauth2_code",
            "oauth2_client_credentials",
            "oauth2_private_key_jwt",
            "oauth2_jwt_bearer",
            "service_account_jwt",
            "key_pair_jwt",
            "github_app",
            "aws_assume_role",
            "aws_keys",
            "mtls",
            "hmac",
        ]
        | None
    ]
    """Authentication mechanism. One that the provider offers; its first when left out."""
    enabled: NotRequired[bool]
    """True if the connector is active."""
    event_types: NotRequired[list[str]]
    """Event types this connector emits."""
    webhook_endpoint_id: NotRequired[str | None]
    """ID of the outbound Webhook endpoint, if applicable. It gets the connector's events."""
    next_rotation_due: NotRequired[str | None]
    """Time when credentials are next due for rotation."""
    tags: NotRequired[list[str]]
    """Free-form tags."""
    application_id: NotRequired[str | None]
    """Owning application id (FK to Application). It is the caller's own when an application's
    credential creates the connector, and only people change it. If its keys could then read
    credentials that are stored, an admin changes it, or the same change has the credentials
    again.
    """
    credentials: NotRequired[dict[str, Any]]
    """Write-only: kept in the secret store and never returned. A field that is left out stays as
    it is, a text replaces it, null removes it.
    """


class CountedDocument(TypedDict):
    """The number of calls with one value, such as a source or a scope, and the last of them."""

    what: str
    """The source or the scope."""
    calls: int
    """Number of calls in the last 24 hours."""
    last_at: str
    """Time of the last call."""


class CredentialVersionDocument(TypedDict):
    """One version of a connector's credentials. Values are never shown."""

    version: int
    """Number of the version."""
    fields: list[str]
    """The fields that are set in it."""
    changed: list[str]
    """Fields that were entered or removed in it."""
    set_by: str | None
    """Id of who saved it."""
    set_by_name: str | None
    """Name of who saved it."""
    set_at: str
    """Time when it was saved."""
    restored_from: int | None
    """Number of the version that it repeats; null if it was entered."""


class DeletedDocument(TypedDict):
    """A deleted record that is not purged yet."""

    resource: str
    """Resource of the record, as paths name it, such as webhooks. Its `restore` restores the
    record.
    """
    id: str
    """Id of the record."""
    name: str
    """Name of the record."""
    deleted_at: str
    """Time when it was deleted."""
    deleted_by: str | None
    """Id of the person or credential that deleted it."""
    deleted_by_name: str | None
    """Name of who deleted it, at that time."""
    restorable_until: str
    """Time after which it is purged and cannot be restored."""
    obstacle: str | None
    """Reason for which the caller cannot restore it now. null: it can be restored."""


class DeliveryDocument(TypedDict):
    """The delivery of one event to one webhook, as the API returns it."""

    id: str
    """Id of the delivery."""
    webhook_id: str
    """Id of the webhook."""
    event_id: str
    """Also the header webhook-id of every attempt."""
    event_type: str
    """Type of the event."""
    subject: str | None
    """Subject of the event."""
    state: Literal[
        "pending", "in_flight", "retrying", "held", "delivered", "failed", "expired", "cancelled"
    ]
    """Progress of the delivery."""
    attempts: int
    """Number of attempts so far."""
    next_attempt_at: str | None
    """Time of the next attempt; null if there is none."""
    sequence: int | None
    """Its place in the order of first attempts, without gaps: header cpod-sequence."""
    created_at: str
    """Time when it was queued."""
    completed_at: str | None
    """Time when it ended; null while it goes on."""
    outcome: (
        Literal[
            "sending",
            "delivered",
            "http_error",
            "redirect",
            "forbidden_address",
            "invalid_request",
            "dns",
            "refused",
            "unreachable",
            "reset",
            "tls",
            "timeout",
            "too_large",
            "protocol_error",
            "cancelled",
        ]
        | None
    )
    """Outcome of the last attempt."""
    status: int | None
    """The receiver's HTTP status in the last attempt."""
    origin: Literal["event", "redelivery", "replay", "probe", "lab"]
    """Cause of the delivery."""
    replay_id: str | None
    """Id of the replay that made it; null otherwise."""


class DeliveryWithAttempts(TypedDict):
    """A delivery and its attempts, the newest first, at most 50."""

    id: str
    """Id of the delivery."""
    webhook_id: str
    """Id of the webhook."""
    event_id: str
    """Also the header webhook-id of every attempt."""
    event_type: str
    """Type of the event."""
    subject: str | None
    """Subject of the event."""
    state: Literal[
        "pending", "in_flight", "retrying", "held", "delivered", "failed", "expired", "cancelled"
    ]
    """Progress of the delivery."""
    attempts: int
    """Number of attempts so far."""
    next_attempt_at: str | None
    """Time of the next attempt; null if there is none."""
    sequence: int | None
    """Its place in the order of first attempts, without gaps: header cpod-sequence."""
    created_at: str
    """Time when it was queued."""
    completed_at: str | None
    """Time when it ended; null while it goes on."""
    outcome: (
        Literal[
            "sending",
            "delivered",
            "http_error",
            "redirect",
            "forbidden_address",
            "invalid_request",
            "dns",
            "refused",
            "unreachable",
            "reset",
            "tls",
            "timeout",
            "too_large",
            "protocol_error",
            "cancelled",
        ]
        | None
    )
    """Outcome of the last attempt."""
    status: int | None
    """The receiver's HTTP status in the last attempt."""
    origin: Literal["event", "redelivery", "replay", "probe", "lab"]
    """Cause of the delivery."""
    replay_id: str | None
    """Id of the replay that made it; null otherwise."""
    attempt_list: list[AttemptDocument]
    """The attempts, the newest first, at most 50."""


class EditKey(TypedDict):
    """The settings of a key that can be changed after it was issued."""

    name: NotRequired[str | None]
    """Human-readable label for this key."""
    tags: NotRequired[list[str]]
    """Free-form tags."""
    expires_at: NotRequired[str | None]
    """Expiry timestamp; null for non-expiring keys. A time in the past ends the key at once, and
    for good.
    """
    rpm_limit: NotRequired[int | None]
    """Requests per minute rate limit."""
    tpm_limit: NotRequired[int | None]
    """Tokens per minute rate limit."""
    max_uses: NotRequired[int | None]
    """Maximum number of uses, counted while the key has one; null for no limit. A parent key has
    none.
    """
    max_budget_usd: NotRequired[float | None]
    """Maximum spend cap in USD. Below what was spent in this period, calls are refused until the
    budget is reset.
    """
    budget_period: NotRequired[Literal["none", "day", "week", "month"]]
    """Period after which the budget is reset; none = never. It is changed for all keys that
    share the budget, and what was spent stays counted.
    """


class EndedDocument(TypedDict):
    """The result of ending sessions."""

    ended: int
    """Number of sessions that were live."""


class Erased(TypedDict):
    """The number of erased events, and whether to repeat the call: it erases at most 10,000."""

    events: int
    """Number of events that were erased."""
    more: bool
    """True if the subject has more events: then send this again."""


class Erasure(TypedDict):
    """The subject whose events to erase."""

    subject: str
    """The subject of the events."""


class EventBatch(TypedDict):
    """Up to 500 events, stored together or not at all."""

    events: list[EventInput]
    """The events. One event alone may be sent as the body itself, several as an array."""


class EventDocument(TypedDict):
    """An event as it is read."""

    id: str
    """Id of the event."""
    client_id: str | None
    """The publisher's own id."""
    type: str
    """Type of the event."""
    subject: str | None
    """Thing or person that it is about."""
    data: dict[str, Any]
    """Data of the event."""
    occurred_at: str
    """Time when it happened."""
    received_at: str
    """Time when it was published."""
    application_id: str | None
    """Id of the application that published it."""
    app_id: str | None
    """Slug of the application that published it."""
    actor_id: str
    """Id of who published it."""
    actor_name: str
    """Name of who published it."""
    only_for: str | None
    """The one webhook that it was made for, in the lab; no other gets it."""


class EventInput(TypedDict):
    """One event to publish. See `key_material` for API keys in its data."""

    type: str
    """Name of the event type, such as rfp.created."""
    data: NotRequired[dict[str, Any]]
    """Data of the event, up to 64 KiB of JSON."""
    id: NotRequired[str | None]
    """Your own id, unique in your tenant: the same id again publishes nothing and is no error.
    If an event of another application has it, this is a 409.
    """
    occurred_at: NotRequired[str | None]
    """Time when it happened; now when left out."""
    subject: NotRequired[str | None]
    """Thing or person that it is about; events are found and erased by it."""


class EventTypeBatch(TypedDict):
    """Up to 500 records to create with one request."""

    items: list[EventTypeInput]
    """The new records."""
    atomic: NotRequired[bool]
    """true: all are created, or none, and the error names every item that is refused. false:
    each is created on its own, and its result says what became of it.
    """


class EventTypeBatchAnswer(TypedDict):
    """The results of a batch."""

    results: list[EventTypeBatchResult]
    """One result for each item, in the order of the request."""


class EventTypeBatchResult(TypedDict):
    """Result of one item."""

    status: int
    """201, or the status of the problem."""
    item: NotRequired[EventTypeDocument | None]
    """The new record."""
    problem: NotRequired[Problem | None]
    """Reason for which the item was refused."""


class EventTypeDocument(TypedDict):
    """One type of event as it is read."""

    id: str
    """Server-assigned ULID with type prefix (e.g. per_…)."""
    tenant_id: str
    """Tenant scope — auto-stamped from the caller's JWT."""
    app_id: str | None
    """App scope. Stamped ONLY when the caller's JWT was minted for a specific Application
    (integration API keys). Absent for human-user sessions. Filters reads when present.
    """
    created_at: str
    """Server stamp."""
    updated_at: str
    """Server stamp; updated on every patch."""
    created_by: str | None
    """Person id from the caller's JWT (sub)."""
    updated_by: str | None
    """Person id from the last writer's JWT (sub)."""
    source: str
    """Provenance tag — defaults to 'edm'."""
    source_type: str
    """Where the write originated. Defaults to 'api'."""
    is_deleted: bool
    """Soft-delete flag. Excluded from default list queries."""
    deleted_at: str | None
    """Stamped when soft-deleted; null otherwise."""
    deleted_by: str | None
    """Person id who soft-deleted; null otherwise."""
    schema_version: int
    """Document schema version. Bumped on incompatible writes."""
    version: int
    """Optimistic concurrency version counter."""
    name: str
    """Name of the type, such as rfp.created."""
    display_name: str
    """Human-readable name."""
    description: str | None
    """Description of the occasion on which it is published."""
    json_schema: dict[str, Any] | None
    """JSON Schema (2020-12) of the event's data."""
    example: dict[str, Any] | None
    """Example of the event's data."""
    deprecated: bool
    """True if it is still sent, but better not subscribed to."""
    validation: Literal["off", "reject"]
    """reject = a publication that does not fit the schema is refused. The type of an application
    (app_id) is held only against what that application's credentials publish, and inbound
    webhooks that they made; a type without one against all.
    """
    tags: list[str]
    """Free-form tags."""


class EventTypeInput(TypedDict):
    """The fields of an event type that a client may write."""

    name: NotRequired[str | None]
    """The type's name, such as rfp.created. Fixed once it is there."""
    display_name: NotRequired[str]
    """Human-readable name."""
    description: NotRequired[str | None]
    """Description of the occasion on which it is published."""
    json_schema: NotRequired[dict[str, Any] | None]
    """JSON Schema (2020-12) of the event's data. Patterns are those of RE2: a dot is any
    character but \\n, and \\s only a space, \\t, \\n, \\f or \\r.
    """
    example: NotRequired[dict[str, Any] | None]
    """An example of the event's data."""
    deprecated: NotRequired[bool]
    """Still sent, and better not subscribed to."""
    validation: NotRequired[Literal["off", "reject"]]
    """reject = a publication that does not fit the schema is refused. The type of an application
    (app_id) is held only against what that application's credentials publish, and inbound
    webhooks that they made; a type without one against all.
    """
    tags: NotRequired[list[str]]
    """Free-form tags."""


class EventWithMatches(TypedDict):
    """An event, and its match with every webhook of the tenant."""

    id: str
    """Id of the event."""
    client_id: str | None
    """The publisher's own id."""
    type: str
    """Type of the event."""
    subject: str | None
    """Thing or person that it is about."""
    data: dict[str, Any]
    """Data of the event."""
    occurred_at: str
    """Time when it happened."""
    received_at: str
    """Time when it was published."""
    application_id: str | None
    """Id of the application that published it."""
    app_id: str | None
    """Slug of the application that published it."""
    actor_id: str
    """Id of who published it."""
    actor_name: str
    """Name of who published it."""
    only_for: str | None
    """The one webhook that it was made for, in the lab; no other gets it."""
    matches: list[MatchDocument]
    """Match with each webhook by today's settings; at most 200 webhooks."""


class ExplainRequest(TypedDict):
    """The id of a refused request."""

    request_id: NotRequired[str]
    """The X-Request-Id of the answer that refused."""


class ExplanationDocument(TypedDict):
    """The reason why a request was refused: its checks in their order."""

    request_id: str
    """Id of the refused request."""
    denied_at: str
    """Time of the refusal."""
    key_id: str | None
    """Id of the key; null if none was found."""
    code: str
    """Code of the refusal."""
    source: str | None
    """Address of the caller."""
    trace: list[VerdictCheck]
    """The checks, in their order."""


class FilterTest(TypedDict):
    """Event types and a filter to test with recent events."""

    webhook_id: NotRequired[str | None]
    """Compare with what this webhook gets today."""
    event_types: NotRequired[list[str]]
    """Event type filters to test."""
    filter: NotRequired[dict[str, list[str | float | bool | None] | str | float | bool | None]]
    """Filter of the data to test."""


class FilterTestResult(TypedDict):
    """The number of recent events that the tested settings would have matched."""

    events: int
    """Number of events that were looked at: the last 200."""
    matched: int
    """Number of them that match."""
    new: int | None
    """Matched now, and not sent to the webhook as it is."""
    lost: int | None
    """Sent to the webhook as it is, and not matched now."""
    examples: list[str]
    """Ids of up to 5 that matched, newest first."""


class FindingDocument(TypedDict):
    """One reason why a signature fails, as the API returns it."""

    code: str
    """Stable name of the reason."""
    what: str
    """The fault, as a sentence."""
    remedy: str
    """Next step to take, as a sentence."""


class FoundDocument(TypedDict):
    """One record that was found."""

    resource: str
    """Resource of the record, as paths name it, such as api-keys."""
    id: str
    """Id of the record."""
    label: str
    """Name of the record."""
    status: str | None
    """Status of the record, if it has one."""


class GivenDocument(TypedDict):
    """A lease with its values, which are in this answer only."""

    id: str
    """Id of the lease."""
    connector_id: str
    """Id of the connector."""
    key_id: str
    """The API key that took the lease."""
    application_id: str
    """The application of that key."""
    kind: Literal["token", "credentials"]
    """token: an access token that the portal got; credentials: fields as stored."""
    credential_version: int
    """The version of the credentials that it is of."""
    expires_at: str | None
    """Time when the token expires, as the provider said; null if it did not."""
    created_at: str
    """Time when it was taken."""
    lease_seconds: int
    """Use the values so long, then take a new lease: so a change of the credentials or a
    disabled connector reaches you.
    """
    access_token: Secret | None
    """The access token, if the kind is token."""
    credentials: dict[str, Secret] | None
    """The credentials, if the kind is credentials."""


class HealthDocument(TypedDict):
    """The health of a webhook: the last 24 hours, what waits, and why it is paused."""

    webhook_id: str
    """Id of the webhook."""
    is_active: bool
    """True if the webhook sends: it is enabled, not paused and not deleted."""
    paused_at: str | None
    """Time since which it is paused."""
    pause_reason: str | None
    """Reason of the pause: by hand, or what failed."""
    failing_since: str | None
    """Time since which every attempt has failed."""
    next_probe_at: str | None
    """Time of the next trial request while it is paused because of failures."""
    held: int
    """Deliveries that wait."""
    is_more: bool
    """True if more wait than were counted."""
    oldest: str | None
    """Time of the oldest delivery that waits."""
    seconds: float
    """Seconds that sending all of them takes, about."""
    next_attempt_at: str | None
    """Time of the next attempt."""
    expired: int
    """Deliveries that were given up because they waited for too long."""
    last_day: SpanDocument
    """Attempts of the last 24 hours, the sum of those in `hours`."""
    hours: list[SpanDocument]
    """Attempts of each of these hours, the oldest first; of more than 1,000 the newest 1,000."""


class HistoryEntry(TypedDict):
    """One change of a record: who, what, before → after, from where."""

    id: str
    """Id of the entry."""
    occurred_at: str
    """Time of the change."""
    action: str
    """Name of the change, such as connector.updated."""
    actor_kind: str
    """Kind of who made it: person, application or system."""
    actor_id: str
    """Id of who made it."""
    actor_name: str
    """Name of who made it."""
    changes: dict[str, list[Any]]
    """Changed field → the value before and after it."""
    ip: str | None
    """Address of the caller."""
    user_agent: str | None
    """Program of the caller."""
    request_id: str | None
    """Id of the request."""


class ImpactDocument(TypedDict):
    """The use of a key in the last 24 hours, which shows what would break without it."""

    key_id: str
    """Id of the key."""
    calls: int
    """Number of calls in the last 24 hours. A verification that is valid and an introspection
    that is active are calls, too.
    """
    sources: list[CountedDocument]
    """Addresses that it was called from, as far as they are known: an introspection does not
    name one.
    """
    scopes: list[CountedDocument]
    """Scopes that were used; `oauth:introspect` for introspections, which do not name one, and
    `oauth:token` for exchanges.
    """
    children: int
    """Number of its child keys that work; none while the key itself is stopped."""


class Import(TypedDict):
    """An OpenAPI 3.1 document whose webhooks become event types."""

    document: dict[str, Any]
    """The document, as JSON."""
    dry_run: NotRequired[bool]
    """Only tell what would be done."""


class ImportedType(TypedDict):
    """The result of importing one webhook of the document."""

    name: str
    """Name of the event type."""
    fate: Literal["created", "updated", "unchanged", "skipped"]
    """Result for this type."""
    reason: str
    """Reason, as a sentence; may be empty."""


class ImportedTypes(TypedDict):
    """The results of importing the document's webhooks."""

    types: list[ImportedType]
    """One result for each webhook of the document."""
    dry_run: bool
    """True if nothing was stored."""


class InboundRequestDocument(TypedDict):
    """One received request, as lists return it."""

    id: str
    """Id of the request."""
    webhook_id: str
    """Id of the webhook."""
    received_at: str
    """Time when it arrived."""
    state: str
    """accepted, or quarantined."""
    code: str
    """verified, or why not."""
    reason: str
    """The same as a sentence."""
    method: str
    """HTTP method."""
    url: str
    """Address that was called."""
    body_bytes: int
    """Size of the body in bytes."""
    source_ip: str | None
    """Address of the sender."""
    delivery_key: str | None
    """Key by which a repetition is recognised."""
    repeats: int
    """Number of times that the same delivery came again."""
    verified_with: str | None
    """Fingerprint of the secret."""
    verified_at: str | None
    """Time when it was verified."""
    verified_by: str | None
    """Id of who had it verified again."""
    event_id: str | None
    """Id of the event that was published for it."""
    event_type: str | None
    """Type of that event."""


class InboxDocument(TypedDict):
    """The tenant's own receiver for tests."""

    receiver_id: str
    """Id of the inbound webhook that receives."""
    receiver_url: str
    """Address of the receiver."""
    sender_id: str | None
    """Id of the webhook that sends to it; null if it was deleted."""
    is_complete: bool
    """True if the sender signs with a secret that the receiver knows."""


class IssueKey(TypedDict):
    """The fields of a new key. All are optional: `{}` issues a service key without scopes."""

    name: NotRequired[str | None]
    """Human-readable label for this key."""
    application_id: NotRequired[str | None]
    """Owning application id. It must be one that runs: no library, neither suspended nor
    retired. A key without one sees the whole tenant.
    """
    kind: NotRequired[Literal["user", "service", "virtual_llm"]]
    """Key classification. user = a person's; service = a program's; virtual_llm = for language
    models.
    """
    issued_to_user_id: NotRequired[str | None]
    """User this key was issued to, if kind=user. It is the creator when left out."""
    issued_to_service: NotRequired[str | None]
    """Service name this key was issued to, if kind=service."""
    scopes: NotRequired[
        list[
            Literal[
                "applications:read",
                "applications:reopen",
                "applications:retire",
                "applications:suspend",
                "applications:write",
                "audit:read",
                "connectors:read",
                "connectors:use",
                "connectors:write",
                "event-types:read",
                "event-types:write",
                "events:publish",
                "events:read",
                "keys:read",
                "keys:reopen",
                "keys:verify",
                "keys:write",
                "webhooks:read",
                "webhooks:write",
            ]
        ]
    ]
    """Permission scopes granted to this key. At most those of the key's creator."""
    allowed_models: NotRequired[list[str]]
    """If kind=virtual_llm, allowlist of model identifiers."""
    tpm_limit: NotRequired[int | None]
    """Tokens per minute rate limit."""
    rpm_limit: NotRequired[int | None]
    """Requests per minute rate limit."""
    max_budget_usd: NotRequired[float | None]
    """Maximum spend cap in USD."""
    expires_at: NotRequired[str | None]
    """Expiry timestamp; null for non-expiring keys. It must lie in the future."""
    blocked: NotRequired[bool]
    """True if this key is blocked from making requests."""
    blocked_reason: NotRequired[str | None]
    """Reason the key was blocked."""
    rotated_from_key_id: NotRequired[str | None]
    """ID of the key this was rotated from."""
    tags: NotRequired[list[str]]
    """Free-form tags."""
    budget_period: NotRequired[Literal["none", "day", "week", "month"]]
    """Period after which the budget is reset, by the calendar of the tenant's time zone. none =
    never.
    """
    allowed_ips: NotRequired[list[str]]
    """Networks that it, and a token made from it, may be used from; empty for all. A service
    that checks tokens with the key set does not see these networks.
    """
    max_uses: NotRequired[int | None]
    """Maximum number of uses, counted while the key has one; null for no limit. A key that has
    one issues no keys.
    """
    delivery: NotRequired[Literal["shown", "link", "store"]]
    """shown: the answer has the key. link: the answer has a link that shows the key once to
    whoever opens it first, within 72 hours. store: the key goes to the secret store, and
    nobody sees it.
    """


class IssueKeyBatch(TypedDict):
    """Up to 500 records to create with one request."""

    items: list[IssueKey]
    """The new records."""
    atomic: NotRequired[bool]
    """true: all are created, or none, and the error names every item that is refused. false:
    each is created on its own, and its result says what became of it.
    """


class KeyBatchAnswer(TypedDict):
    """The results of a batch."""

    results: list[KeyBatchResult]
    """One result for each item, in the order of the request."""


class KeyBatchResult(TypedDict):
    """Result of one item."""

    status: int
    """201, or the status of the problem."""
    item: NotRequired[KeyCreated | None]
    """The new record."""
    problem: NotRequired[Problem | None]
    """Reason for which the item was refused."""


class KeyCreated(TypedDict):
    """A new record."""

    id: str
    """Server-assigned ULID with type prefix (e.g. per_…)."""
    tenant_id: str
    """Tenant scope — auto-stamped from the caller's JWT."""
    app_id: str | None
    """App scope. Stamped ONLY when the caller's JWT was minted for a specific Application
    (integration API keys). Absent for human-user sessions. Filters reads when present.
    """
    created_at: str
    """Server stamp."""
    updated_at: str
    """Server stamp; updated on every patch."""
    created_by: str | None
    """Person id from the caller's JWT (sub)."""
    updated_by: str | None
    """Person id from the last writer's JWT (sub)."""
    source: str
    """Provenance tag — defaults to 'edm'."""
    source_type: str
    """Where the write originated. Defaults to 'api'."""
    is_deleted: bool
    """Soft-delete flag. Excluded from default list queries."""
    deleted_at: str | None
    """Stamped when soft-deleted; null otherwise."""
    deleted_by: str | None
    """Person id who soft-deleted; null otherwise."""
    schema_version: int
    """Document schema version. Bumped on incompatible writes."""
    version: int
    """Optimistic concurrency version counter."""
    name: str
    """Human-readable label for this key."""
    application_id: str | None
    """Owning application id."""
    kind: Literal["user", "service", "virtual_llm"]
    """Key classification."""
    prefix: str
    """First 8 chars of raw key for UI display, e.g. sk-acme-."""
    key_prefix: str
    """First chars of the raw key for UI display only."""
    last4: str
    """Last 4 characters of the raw key, for display only."""
    key_fingerprint: str
    """SHA-256 hash of the raw key. Raw key is never stored."""
    issued_to_user_id: str | None
    """User this key was issued to, if kind=user."""
    issued_to_service: str | None
    """Service name this key was issued to, if kind=service."""
    scopes: list[str]
    """Permission scopes granted to this key."""
    allowed_models: list[str]
    """If kind=virtual_llm, allowlist of model identifiers."""
    tpm_limit: int | None
    """Tokens per minute rate limit."""
    rpm_limit: int | None
    """Requests per minute rate limit."""
    max_budget_usd: float | None
    """Maximum spend cap in USD."""
    spend_usd: float
    """Cached spend counter in USD."""
    status: Literal["active", "revoked", "expired"]
    """Operational status of the key."""
    blocked: bool
    """True if this key is blocked from making requests."""
    blocked_reason: str | None
    """Reason the key was blocked."""
    last_used_at: str | None
    """Timestamp of the last successful use of this key. A use is a call with it or with a token
    of it, a verification that is valid, or an introspection that is active.
    """
    expires_at: str | None
    """Expiry timestamp; null for non-expiring keys."""
    revoked_at: str | None
    """Time when it was revoked; null if it was not."""
    revoked_reason: str | None
    """Reason the key was revoked."""
    rotated_from_key_id: str | None
    """ID of the key this was rotated from."""
    created_by_user_id: str | None
    """ID of the user who created this key."""
    tags: list[str]
    """Free-form tags."""
    budget_period: Literal["none", "day", "week", "month"]
    """Period after which the budget is reset."""
    allowed_ips: list[str]
    """Networks that it, and a token made from it, may be used from; empty for all."""
    max_uses: int | None
    """Maximum number of uses; null for no limit."""
    parent_key_id: str | None
    """Id of the key that this one is a child of."""
    rotation_family_id: str | None
    """Id of the first key of its family, which are its predecessors, successors and children:
    they share one budget. null for that first key itself.
    """
    revoke_at: str | None
    """Time at which it will be revoked; null if nothing is planned."""
    brownout_from: str | None
    """Time from which it is denied for short periods before it is revoked."""
    application_status: str | None
    """Status of the owning application: suspended and retired stop what belongs to it."""
    health: RecordHealth
    """Health of the key: its state, end, budget, use, rotation and leaks."""
    key: NotRequired[Secret | None]
    """The raw key, in this answer only."""
    key_hash: NotRequired[Secret | None]
    """SHA-256 hash of the raw key (unique). Never returned after initial creation."""
    link: NotRequired[Secret | None]
    """Address that shows the key once, if the delivery is link."""
    vault_path: NotRequired[str | None]
    """Path of the key in the secret store, if the delivery is store."""


class KeyDocument(TypedDict):
    """A key as a client reads it (specification: IntegrationApiKey), without the raw key."""

    id: str
    """Server-assigned ULID with type prefix (e.g. per_…)."""
    tenant_id: str
    """Tenant scope — auto-stamped from the caller's JWT."""
    app_id: str | None
    """App scope. Stamped ONLY when the caller's JWT was minted for a specific Application
    (integration API keys). Absent for human-user sessions. Filters reads when present.
    """
    created_at: str
    """Server stamp."""
    updated_at: str
    """Server stamp; updated on every patch."""
    created_by: str | None
    """Person id from the caller's JWT (sub)."""
    updated_by: str | None
    """Person id from the last writer's JWT (sub)."""
    source: str
    """Provenance tag — defaults to 'edm'."""
    source_type: str
    """Where the write originated. Defaults to 'api'."""
    is_deleted: bool
    """Soft-delete flag. Excluded from default list queries."""
    deleted_at: str | None
    """Stamped when soft-deleted; null otherwise."""
    deleted_by: str | None
    """Person id who soft-deleted; null otherwise."""
    schema_version: int
    """Document schema version. Bumped on incompatible writes."""
    version: int
    """Optimistic concurrency version counter."""
    name: str
    """Human-readable label for this key."""
    application_id: str | None
    """Owning application id."""
    kind: Literal["user", "service", "virtual_llm"]
    """Key classification."""
    prefix: str
    """First 8 chars of raw key for UI display, e.g. sk-acme-."""
    key_prefix: str
    """First chars of the raw key for UI display only."""
    last4: str
    """Last 4 characters of the raw key, for display only."""
    key_fingerprint: str
    """SHA-256 hash of the raw key. Raw key is never stored."""
    issued_to_user_id: str | None
    """User this key was issued to, if kind=user."""
    issued_to_service: str | None
    """Service name this key was issued to, if kind=service."""
    scopes: list[str]
    """Permission scopes granted to this key."""
    allowed_models: list[str]
    """If kind=virtual_llm, allowlist of model identifiers."""
    tpm_limit: int | None
    """Tokens per minute rate limit."""
    rpm_limit: int | None
    """Requests per minute rate limit."""
    max_budget_usd: float | None
    """Maximum spend cap in USD."""
    spend_usd: float
    """Cached spend counter in USD."""
    status: Literal["active", "revoked", "expired"]
    """Operational status of the key."""
    blocked: bool
    """True if this key is blocked from making requests."""
    blocked_reason: str | None
    """Reason the key was blocked."""
    last_used_at: str | None
    """Timestamp of the last successful use of this key. A use is a call with it or with a token
    of it, a verification that is valid, or an introspection that is active.
    """
    expires_at: str | None
    """Expiry timestamp; null for non-expiring keys."""
    revoked_at: str | None
    """Time when it was revoked; null if it was not."""
    revoked_reason: str | None
    """Reason the key was revoked."""
    rotated_from_key_id: str | None
    """ID of the key this was rotated from."""
    created_by_user_id: str | None
    """ID of the user who created this key."""
    tags: list[str]
    """Free-form tags."""
    budget_period: Literal["none", "day", "week", "month"]
    """Period after which the budget is reset."""
    allowed_ips: list[str]
    """Networks that it, and a token made from it, may be used from; empty for all."""
    max_uses: int | None
    """Maximum number of uses; null for no limit."""
    parent_key_id: str | None
    """Id of the key that this one is a child of."""
    rotation_family_id: str | None
    """Id of the first key of its family, which are its predecessors, successors and children:
    they share one budget. null for that first key itself.
    """
    revoke_at: str | None
    """Time at which it will be revoked; null if nothing is planned."""
    brownout_from: str | None
    """Time from which it is denied for short periods before it is revoked."""
    application_status: str | None
    """Status of the owning application: suspended and retired stop what belongs to it."""
    health: RecordHealth
    """Health of the key: its state, end, budget, use, rotation and leaks."""


class KeyLimits(TypedDict):
    """The limits of the API key that was sent; null where the key has none."""

    rpm_limit: int | None
    """Requests per minute."""
    tpm_limit: int | None
    """Tokens per minute."""
    max_uses: int | None
    """Number of uses in total."""
    max_budget_usd: float | None
    """Budget in US dollars."""


class LabInput(TypedDict):
    """An event that is sent through the queue to a single webhook."""

    event_type: str
    """One event's name, such as rfp.created."""
    data: NotRequired[dict[str, Any]]
    """The event's data, up to 16 KiB."""
    failure: NotRequired[Literal["500", "503", "429", "404", "410"] | None]
    """Failure that the inbox answers with first, if the webhook sends to the inbox."""
    times: NotRequired[int]
    """Number of requests that the inbox answers so."""


class LeakDocument(TypedDict):
    """A place where a key was found in public."""

    key_id: str
    """Id of the key."""
    key_name: str
    """Name of the key."""
    reporter: str
    """Reporter: github, or scanner for a program of yours."""
    place: str | None
    """Kind of the place, in the reporter's word, such as commit."""
    url: str | None
    """Address of the place, without the key."""
    response: Literal["notify", "block", "revoke"]
    """Action that was taken."""
    reported_at: str
    """Time of the report."""
    settled_at: str | None
    """Time when a person settled it; null while it is open."""


class LeakPolicyDocument(TypedDict):
    """The action that follows when a key is found in public. The stricter of two cases wins."""

    default: Literal["notify", "block", "revoke"]
    """Any report for which no other case is decided."""
    github: Literal["notify", "block", "revoke"] | None
    """Reports of GitHub's secret scanning; null if not decided."""
    scanner: Literal["notify", "block", "revoke"] | None
    """Reports of a scanner of yours; null if not decided."""
    user: Literal["notify", "block", "revoke"] | None
    """Keys of people; null if not decided."""
    service: Literal["notify", "block", "revoke"] | None
    """Keys of services; null if not decided."""
    virtual_llm: Literal["notify", "block", "revoke"] | None
    """Keys for language models; null if not decided."""


class LeakPolicyInput(TypedDict):
    """The cases of the policy to change. What is left out stays; null takes a case away."""

    default: NotRequired[Literal["notify", "block", "revoke"] | None]
    """Any report for which no other case is decided; null means block."""
    github: NotRequired[Literal["notify", "block", "revoke"] | None]
    """Reports of GitHub's secret scanning."""
    scanner: NotRequired[Literal["notify", "block", "revoke"] | None]
    """Reports of a scanner of yours."""
    user: NotRequired[Literal["notify", "block", "revoke"] | None]
    """Keys of people."""
    service: NotRequired[Literal["notify", "block", "revoke"] | None]
    """Keys of services."""
    virtual_llm: NotRequired[Literal["notify", "block", "revoke"] | None]
    """Keys for language models."""


class LeakRuleDocument(TypedDict):
    """A rule by which a scanner finds the tenant's keys in repositories."""

    gitleaks_toml: str
    """Configuration for gitleaks, in TOML."""


class LeaseDocument(TypedDict):
    """One lease: who got which version, when. Values are never shown again."""

    id: str
    """Id of the lease."""
    connector_id: str
    """Id of the connector."""
    key_id: str
    """The API key that took the lease."""
    application_id: str
    """The application of that key."""
    kind: Literal["token", "credentials"]
    """token: an access token that the portal got; credentials: fields as stored."""
    credential_version: int
    """The version of the credentials that it is of."""
    expires_at: str | None
    """Time when the token expires, as the provider said; null if it did not."""
    created_at: str
    """Time when it was taken."""


class LeaseInput(TypedDict):
    """Nothing is to be said: a lease has what the connector hands out."""


class LimitDocument(TypedDict):
    """One limit of a key. `remaining` is null if it is not known."""

    name: str
    """Name of the limit, such as rpm."""
    limit: int
    """Number that is allowed in one window."""
    remaining: int | None
    """Number that is left; null if it is not known."""
    reset_at: str | None
    """For a refused call, the time when it fits; otherwise, when this call no longer counts."""


class LogEntry(TypedDict):
    """One entry of the audit log: a change of any record, a sign-in, and the like."""

    id: str
    """Id of the entry."""
    occurred_at: str
    """Time of the change."""
    action: str
    """Name of the change, such as connector.updated."""
    actor_kind: str
    """Kind of who made it: person, application or system."""
    actor_id: str
    """Id of who made it."""
    actor_name: str
    """Name of who made it."""
    changes: dict[str, list[Any]]
    """Changed field → the value before and after it."""
    ip: str | None
    """Address of the caller."""
    user_agent: str | None
    """Program of the caller."""
    request_id: str | None
    """Id of the request."""
    record_kind: str
    """Kind of the record, such as connector."""
    record_id: str
    """Id of the record."""
    record_name: str
    """Name of the record at the time of the entry."""


class MatchDocument(TypedDict):
    """The match of one webhook with an event, and the reason."""

    id: str
    """Id of the webhook."""
    name: str
    """Name of the webhook."""
    matched: bool
    """True if the event is sent to it."""
    reason: str
    """Reason, as a sentence."""


class Metrics(TypedDict):
    """Counters of synced records; the latency is null before the first run."""

    totalSynced: int
    """Number of records that were synced in total."""
    last24h: int
    """Number of records that were synced in the last 24 hours."""
    avgLatencyMs: float | None
    """Average latency in milliseconds; null before the first run."""


class NamedDocument(TypedDict):
    """The id and the name of a key."""

    id: str
    """Id of the key."""
    name: str
    """Name of the key."""


class NewView(TypedDict):
    """A view to save."""

    list: Literal[
        "api-keys",
        "applications",
        "audit",
        "connectors",
        "deliveries",
        "event-types",
        "events",
        "webhooks",
    ]
    """The list that the view shows."""
    name: str
    """Name of the view, which its tab shows."""
    parameters: NotRequired[dict[str, str]]
    """Query parameters of the list, such as status, sort or either, and those of its page:
    columns and density. Values are as in an address.
    """
    is_shared: NotRequired[bool]
    """Whole tenant sees it. Needs the right to change the list's records; for a log (deliveries,
    events, audit), the role admin.
    """
    is_default: NotRequired[bool]
    """The list opens with it: for oneself or, if it is shared, for everybody who has no default.
    Only admins set a shared default.
    """
    position: NotRequired[int]
    """Place among the tabs, from 0."""


class NoticeDocument(TypedDict):
    """Something that is about to stop, has stopped, or works again."""

    at: str
    """Time of the notice."""
    title: str
    """Name of what it is about."""
    text: str
    """Sentence that says what happened."""
    url: str
    """Path of the page on which to act."""
    status: str
    """Status in one word."""
    lasts: bool
    """True while somebody has to act; false for what has passed by itself."""


class OverviewChange(TypedDict):
    """Something that was changed today (UTC), and who did it."""

    at: str
    """Time of the newest change."""
    who: str
    """Name of the person or program; empty for the portal itself."""
    text: str
    """Action, in words."""
    name: str
    """Name of the record."""
    more: int
    """Number of further records that were changed in the same way."""
    url: str
    """Path of the record's page."""


class OverviewDocument(TypedDict):
    """The state of the tenant at one look, as far as the caller may read it."""

    at: str
    """Time of the answer."""
    sentence: OverviewSentence
    """Sentence that the page begins with."""
    figures: list[OverviewFigure]
    """Figures of what the caller may read."""
    needs: list[OverviewNeed]
    """Records that need a person, the worst first: a few of each kind."""
    changes: list[OverviewChange]
    """Changes of today (UTC), the newest first."""
    steps: list[OverviewStep]
    """Steps of the first run."""


class OverviewFigure(TypedDict):
    """One number of the last 24 hours, of now, or of the next 14 days."""

    name: str
    """Name of the figure: held, delivered, p95, calls, refused or ending."""
    label: str
    """Name of the figure for people."""
    value: float | None
    """The number; null if it is not known, and `note` says why."""
    is_more: bool
    """True if there are more than were counted."""
    unit: str
    """Unit of the value: ms, or empty for a count."""
    status: Literal["failing", "attention", "held", "works", "not_tried", "off"]
    """One word: failing and attention are trouble."""
    note: str
    """Explanation beside the number, for people."""
    url: str
    """Path of the page with the list of exactly what was counted."""
    values: list[float | None]
    """Values over time, from the oldest; null where nothing is known."""
    begins_at: str | None
    """Time at which the first of the values begins; null without values."""
    step_seconds: int | None
    """Seconds that each of the values stands for; null without values."""


class OverviewNeed(TypedDict):
    """A record, or a group of them, that needs a person."""

    id: str
    """Id of the record, or a name for a group."""
    status: Literal["failing", "attention", "held", "works", "not_tried", "off"]
    """Its health, in one word."""
    title: str
    """Its name."""
    text: str
    """Reason, as a sentence for people."""
    since: str | None
    """Time since which it is so; null if nobody noted it."""
    url: str
    """Path of its page."""
    act: str | None
    """The next step, for people; null if there is none."""
    act_url: str | None
    """Path of the page where the next step is done."""


class OverviewSentence(TypedDict):
    """The most important thing that there is to say."""

    status: Literal["failing", "attention", "held", "works", "not_tried", "off"]
    """Worst status of anything in the tenant that the caller may read."""
    text: str
    """Sentence for people about what matters most. Do not parse it."""
    rest: str
    """Anything else there is to say; empty if nothing."""


class OverviewStep(TypedDict):
    """One step of the first run."""

    title: str
    """Name of the step, for people."""
    done: bool
    """True once it has been done."""
    url: str
    """Path of the page where it is done."""


class OwnApplication(TypedDict):
    """The application that a credential belongs to."""

    id: str
    """Id of the application."""
    slug: str | None
    """Slug of the application, which is the `app_id` of everything that it writes."""


class OwnTypeDocument(TypedDict):
    """One type of event that the portal itself publishes."""

    name: str
    """Name of the type."""
    description: str
    """Description of the occasion on which it is published."""
    json_schema: dict[str, Any]
    """JSON Schema (2020-12) of the event's data."""
    example: dict[str, Any]
    """Example of the event's data."""


class PersonDocument(TypedDict):
    """A person who has signed in to the tenant. The identity provider decides about the role."""

    id: str
    """Id of the person."""
    name: str
    """Name, as the identity provider gives it."""
    email: str | None
    """Verified e-mail address."""
    role: str
    """Role at the last sign-in: viewer, editor or admin."""
    groups: list[str]
    """Groups at the last sign-in."""
    last_seen_at: str
    """Time of the last sign-in, or of a call with a token of their own, to the day."""
    live_sessions: int
    """Number of sessions in browsers that have not ended."""


class PostureDocument(TypedDict):
    """The number of active keys with each weakness. A key can have several."""

    expiring: int
    """Keys that expire within 14 days."""
    owner_gone: int
    """Keys of a person who has not been here for 90 days."""
    many_sources: int
    """Keys called from more than 10 addresses in a week."""
    idle: int
    """Keys that were used once, but not for 90 days."""
    never_used: int
    """Keys that were issued more than a day ago and never used."""
    never_expires: int
    """Keys without an expiry."""
    unrestricted: int
    """Keys without a limit, a budget or a network."""
    no_budget: int
    """Keys without a budget."""


class Problem(TypedDict):
    """Problem details (RFC 9457) of one item that was refused."""

    type: str
    """Address of the kind of problem."""
    title: str
    """Short summary of the kind of problem."""
    status: int
    """HTTP status that a single create request would have had."""
    detail: str
    """Explanation of this problem."""
    code: str
    """Stable code of the kind of problem."""
    request_id: str
    """Id of the request, for support."""


class PropagationDocument(TypedDict):
    """The number of verifying processes that have received a key's newest change."""

    verifiers: int
    """Processes that may answer from memory."""
    heard: int
    """Those of them that have heard."""
    milliseconds: float | None
    """Milliseconds from the writing of the change until the last of them had heard, so with the
    time of saving it and all that was changed with it. Without those that began later; null
    if that is not known of all of them.
    """
    cut_off: list[str]
    """Hosts that have not said that they heard and are silent, with all their processes. They do
    not answer VALID any more: those that are cut off answer 503.
    """


class ProviderDocument(TypedDict):
    """A provider with everything that a connector to it can set."""

    id: str
    """Value of `provider` of a connector."""
    name: str
    """Name of the provider."""
    category: str
    """Category, which is the usual `type` of a connector."""
    docs: str | None
    """Address of the documentation of its API."""
    evidence: Literal["live", "docs", "peer", "memory"]
    """Source of the entry: tried at the provider, read in its documentation, taken from another
    catalogue, or from memory.
    """
    auth_types: list[str]
    """Ways to sign in, the usual one first."""
    settings: list[SettingDocument]
    """Settings of a connector."""
    sign_ins: list[SignInDocument]
    """Ways to sign in, the usual one first."""
    event_types: list[str]
    """Event types that a connector to it usually has."""
    allows_other_settings: bool
    """True if a connector may have settings that are not listed here."""


class ProviderSummary(TypedDict):
    """A provider, as lists show it."""

    id: str
    """Value of `provider` of a connector."""
    name: str
    """Name of the provider."""
    category: str
    """Category, which is the usual `type` of a connector."""
    docs: str | None
    """Address of the documentation of its API."""
    evidence: Literal["live", "docs", "peer", "memory"]
    """Source of the entry: tried at the provider, read in its documentation, taken from another
    catalogue, or from memory.
    """
    auth_types: list[str]
    """Ways to sign in, the usual one first."""


class PublishedEvent(TypedDict):
    """The result of one published event."""

    id: str
    """Id of the event."""
    client_id: str | None
    """The publisher's own id."""
    type: str
    """Type of the event."""
    deliveries: int
    """Number of webhooks that it goes to."""
    duplicate: bool
    """It was published before; nothing was done now."""


class PublishedEvents(TypedDict):
    """The response to a publication, in the order of the request."""

    events: list[PublishedEvent]
    """The results, in the order of the request."""


class QuotaDocument(TypedDict):
    """One quota and the tenant's use of it."""

    name: str
    """Name of the quota."""
    used: int | None
    """Rates: the average of the last full minute. null: nobody has counted yet."""
    limit: int
    """Number that the tenant may have or do."""
    state: Literal["room", "near", "reached", "unknown"]
    """near: from 80 % on. reached: full, or refused in the last five minutes."""
    counted_at: str | None
    """null: the count is exact now."""


class QuotasDocument(TypedDict):
    """All quotas of the tenant."""

    items: list[QuotaDocument]
    """All quotas."""


class RecordHealth(TypedDict):
    """Health of a record, derived from its state and its last results. Read-only."""

    status: Literal["failing", "attention", "held", "works", "not_tried", "off"]
    """One word. works = its last use or check was good, and nothing is left to do. attention =
    it works, or may work, and somebody should look. failing = it does not work. held =
    stopped on purpose or by its application, and can go on. not_tried = not used or checked
    yet. off = disabled, ended or deleted.
    """
    since: str | None
    """Time since which it is so; null if nobody noted it."""
    reason: str
    """Reason of the status, as a sentence for people. Do not parse it."""
    next: str | None
    """Next step, as a sentence for people; null if there is nothing to do."""


class RehearseKey(TypedDict):
    """The requirements of a rehearsed call. A scope or a model left out is not checked."""

    scope: NotRequired[str | None]
    """Permission that the call needs."""
    model: NotRequired[str | None]
    """Model that the call is for."""
    cost_tokens: NotRequired[int | None]
    """Tokens that the call will need, estimated."""
    estimated_usd: NotRequired[float | None]
    """Highest cost of the call in US dollars, reserved until settled. Under a budget that is
    used up, a call of 0 is refused too.
    """
    ip: NotRequired[str | None]
    """Address that the holder calls from."""


class RepairKeys(TypedDict):
    """The keys to repair, by their weakness, and the remedy. A value that a key has stays."""

    weakness: Literal[
        "expiring",
        "owner_gone",
        "many_sources",
        "idle",
        "never_used",
        "never_expires",
        "unrestricted",
        "no_budget",
    ]
    """Weakness that the keys have, as in the posture."""
    remedy: Literal["expire", "limit", "budget"]
    """expire: let them end in 90 days. limit: 600 requests per minute. budget: 100 US dollars a
    month.
    """
    application_id: NotRequired[str | None]
    """Only keys of this application."""
    dry_run: NotRequired[bool]
    """Only say how many keys these are; false repairs up to 1,000 of them."""


class ReplayDocument(TypedDict):
    """A replay: the events of a period, sent again."""

    id: str | None
    """Id of the replay; null on a dry run."""
    webhook_id: str
    """Id of the webhook."""
    since: str
    """Start of the period."""
    until: str
    """End of the period."""
    what: Literal["failed", "missing", "all"]
    """The events that were chosen."""
    rate: int | None
    """Deliveries a second, as they were spread over time; null if they were not."""
    total: int
    """Number of events."""
    created_at: str | None
    """Time when it was started; null on a dry run."""
    created_by: str | None
    """Id of who started it."""
    cancelled_at: str | None
    """Time when it was cancelled; null if it was not."""


ReplayInput = TypedDict(
    "ReplayInput",
    {
        "from": "str",
        "to": "str",
        "what": 'NotRequired[Literal["failed", "missing", "all"]]',
        "rate": "NotRequired[int | None]",
        "dry_run": "NotRequired[bool]",
    },
)


class ReplayProgress(TypedDict):
    """A replay, and the number of its deliveries in each state."""

    id: str | None
    """Id of the replay; null on a dry run."""
    webhook_id: str
    """Id of the webhook."""
    since: str
    """Start of the period."""
    until: str
    """End of the period."""
    what: Literal["failed", "missing", "all"]
    """The events that were chosen."""
    rate: int | None
    """Deliveries a second, as they were spread over time; null if they were not."""
    total: int
    """Number of events."""
    created_at: str | None
    """Time when it was started; null on a dry run."""
    created_by: str | None
    """Id of who started it."""
    cancelled_at: str | None
    """Time when it was cancelled; null if it was not."""
    counts: dict[str, int]
    """Number of deliveries in each state. `held` are those of a webhook that sends nothing now."""


class ReportLeak(TypedDict):
    """A key that a scanner found, identified by its fingerprint only."""

    fingerprint: str
    """Hex SHA-256 of the key. Never send the key itself."""
    url: NotRequired[str | None]
    """Web address of the place where the key was found."""


class ReportedDocument(TypedDict):
    """The key that has the reported fingerprint, if any, and the response to the leak."""

    key_id: str | None
    """Id of the key with this fingerprint; null if there is none."""
    response: Literal["notify", "block", "revoke"] | None
    """Action that the tenant's policy took. Of a place that was reported before, what holds for
    the key now: notify means that it works. Null if there is no such key.
    """


class RestoreInput(TypedDict):
    """The version of the credentials to use again."""

    version: int
    """One of the connector's credential versions."""


class ResultDocument(TypedDict):
    """The result of a check."""

    outcome: (
        Literal[
            "passed",
            "unproven",
            "auth_invalid",
            "auth_scope",
            "auth_expired",
            "config",
            "rate_limited",
            "transient",
            "secret_store",
            "internal",
        ]
        | None
    )
    """passed; unproven = nothing failed, and nothing shows that the credentials are good;
    auth_invalid, auth_scope, auth_expired and config need a person; rate_limited and
    transient pass by themselves; secret_store and internal are faults of the portal. Null
    until the check has ended.
    """
    said: str
    """Result, as a sentence."""
    remedy: str
    """Next step to take, as a sentence; may be empty."""
    steps: list[StepDocument]
    """The steps of the check, in their order."""
    took_ms: float | None
    """Milliseconds that the check took."""
    account: str | None
    """Account that the credentials belong to, as the provider says."""
    is_person: bool | None
    """True if they belong to a person, false if to a service; null if unknown."""
    granted: list[str] | None
    """Scopes of the credentials; null if the provider does not tell."""
    missing: list[str]
    """Scopes that the connector needs and has not."""
    too_much: list[str]
    """Scopes that it has and does not need."""
    expires_at: str | None
    """Time when the credentials expire, as the provider says."""


class ResumeInput(TypedDict):
    """The choice of what happens to the events that were held while a webhook was paused."""

    choice: NotRequired[Literal["all", "newest_per_subject", "skip_before"]]
    """all = send everything; newest_per_subject = of each subject the newest event alone;
    skip_before = only what was published, or sent again, from `before` on.
    """
    before: NotRequired[str | None]
    """For skip_before; left out, now."""


class RetryPolicy(TypedDict):
    """The number of attempts for one event, the backoff between them, and the timeout."""

    maxAttempts: NotRequired[int]
    """Attempts for one event, the first too."""
    backoff: NotRequired[Literal["exponential", "linear", "fixed"]]
    """Growth of the waits between attempts."""
    timeoutMs: NotRequired[int]
    """Milliseconds that the receiver has until its answer begins."""


class ReviewedDocument(TypedDict):
    """The result of verifying a quarantine again."""

    verified: int
    """Number of requests that are genuine and were published."""
    refused: int
    """Number of requests that remain in quarantine."""
    duplicates: int
    """Came again meanwhile, and were accepted then."""
    is_more: bool
    """There is more to verify in this round: ask again."""


class RevokeKey(TypedDict):
    """The time when a key ends; immediately if nothing is given."""

    reason: NotRequired[str | None]
    """Reason, in a sentence for people."""
    at: NotRequired[str | None]
    """Time at which it ends, in the future; immediately when left out."""
    brownout: NotRequired[bool]
    """Deny for a minute now, longer each hour, until it ends after six."""


class RevokeKeys(TypedDict):
    """The keys to revoke or block: those that meet every condition that is given."""

    application_id: NotRequired[str | None]
    """Only keys of this application."""
    owner: NotRequired[str | None]
    """Created by or issued to this person's id."""
    tag: NotRequired[str | None]
    """Only keys with this tag."""
    created_before: NotRequired[str | None]
    """Only keys that were created before this time."""
    weakness: NotRequired[
        Literal[
            "expiring",
            "owner_gone",
            "many_sources",
            "idle",
            "never_used",
            "never_expires",
            "unrestricted",
            "no_budget",
        ]
        | None
    ]
    """Only active keys with this weakness, as in the posture."""
    verb: NotRequired[Literal["revoke", "block"]]
    """Action: block can be undone, revoke cannot."""
    reason: NotRequired[str | None]
    """Reason, in a sentence for people."""
    dry_run: NotRequired[bool]
    """Only count the keys; false carries it out."""


class RevokedDocument(TypedDict):
    """The number of keys that a change of many selects or has changed, and some of them."""

    count: int
    """Number of keys that meet the conditions; without `dry_run`, of those that were changed."""
    left: int
    """Number of these keys that are not changed yet. Repeat the call until it is 0."""
    dry_run: bool
    """True if nothing was changed."""
    sample: list[NamedDocument]
    """Some of the keys."""


class RotateKey(TypedDict):
    """The overlap of a rotation, and what its successor may do."""

    overlap: NotRequired[Literal["now", "1h", "24h", "7d", "until_quiet"]]
    """until_quiet: until nobody used the old key for a day, 30 days at most."""
    scopes: NotRequired[
        list[
            Literal[
                "applications:read",
                "applications:reopen",
                "applications:retire",
                "applications:suspend",
                "applications:write",
                "audit:read",
                "connectors:read",
                "connectors:use",
                "connectors:write",
                "event-types:read",
                "event-types:write",
                "events:publish",
                "events:read",
                "keys:read",
                "keys:reopen",
                "keys:verify",
                "keys:write",
                "webhooks:read",
                "webhooks:write",
            ]
        ]
        | None
    ]
    """Scopes of the successor: at most those that the caller may grant and the application
    allows. Those of the old key when left out.
    """
    delivery: NotRequired[Literal["shown", "link", "store"]]
    """shown: the answer has the key. link: the answer has a link that shows the key once to
    whoever opens it first, within 72 hours. store: the key goes to the secret store, and
    nobody sees it.
    """


class RotationDocument(TypedDict):
    """The newest rotation that a key is part of, as the old key or as its successor."""

    id: str
    """Id of the rotation."""
    old_key_id: str
    """Id of the key that is replaced."""
    new_key_id: str
    """Id of its successor."""
    state: Literal["created", "seen", "quiet", "done", "failed", "kept"]
    """created: the successor is not used yet. seen: both may be used. quiet: the old key was not
    used for a day. done: the old key has ended. failed: the successor does not work. kept:
    the old key stays.
    """
    overlap: Literal["now", "1h", "24h", "7d", "until_quiet"]
    """Overlap that was chosen."""
    started_at: str
    """Time when the rotation began."""
    ends_at: str
    """Time when the old key ends at the latest; if the rotation was taken back, when it would
    have ended by it.
    """
    latest_end: str
    """Time beyond which the old key cannot be extended."""
    finished_at: str | None
    """Time when the rotation was over; null while it runs."""
    new_key_share_percent: int | None
    """Share of the calls of the last day that used the successor; null without calls."""
    old_key_calls: int
    """Calls with the old key in the last two days."""
    new_key_calls: int
    """Calls with the successor in the last two days."""


class SessionDocument(TypedDict):
    """A session of the caller in a browser."""

    id: str
    """Id of the session."""
    created_at: str
    """Time of the sign-in."""
    last_seen_at: str
    """Time of the last request, to the minute."""
    ip: str | None
    """Address that the sign-in came from."""
    user_agent: str | None
    """Browser that signed in, as it names itself."""


class SettingDocument(TypedDict):
    """One setting, or one field of the credentials."""

    key: str
    """Name of the field in `config` or `credentials` of a connector."""
    label: str
    """Name for people."""
    kind: Literal["string", "host", "url", "uuid", "email", "enum", "int", "bool"]
    """Form of the value."""
    required: bool
    """True if a connector works only with it."""
    secret: bool
    """True if its value is hidden while it is typed."""
    default: Any
    """Value that is used if none is given; null if there is none."""
    options: list[str]
    """Allowed values of an enum."""
    example: str | None
    """Example of a value."""
    pattern: str | None
    """Regular expression that the value matches."""


class SettingsDocument(TypedDict):
    """A tenant's event settings as they are read."""

    retention_days: int
    """Days after which events and deliveries are deleted."""
    redacted_fields: list[str]
    """Names of fields whose values are hidden from readers who may not change webhooks."""
    key_material: Literal["mask", "refuse"]
    """Treatment of an API key in an event's data: mask or refuse."""


class SettingsInput(TypedDict):
    """A tenant's retention, hidden fields and treatment of API keys in events."""

    retention_days: NotRequired[int]
    """Days after which events and deliveries are forgotten."""
    redacted_fields: NotRequired[list[str]]
    """Names of fields whose values only those see who may change webhooks, in small or capital
    letters, however deep, and as parts of a form's names: ssn hides person[SSN], too. A path,
    such as person.ssn, hides every ssn. Of the texts in an event that look like JSON with
    escapes or with such a name, the first 100 are looked into; the others are hidden
    completely, and so is data that is a text alone, as of a received body without fields.
    """
    key_material: NotRequired[Literal["mask", "refuse"]]
    """Treatment of an API key in an event's data. mask = only its beginning and its last four
    characters are kept; refuse = the event is not taken.
    """


class SettleReservation(TypedDict):
    """The actual cost of a reserved call."""

    cost_usd: NotRequired[float | None]
    """US dollars; what was reserved when left out, 0 for a call that failed."""
    tokens: NotRequired[int | None]
    """Tokens that it used."""
    model: NotRequired[str | None]
    """The model that it was for."""


class SettledDocument(TypedDict):
    """The result of settling the leaks of a key."""

    leaks: int
    """Number of leaks that were open."""


class SignInDocument(TypedDict):
    """One way to sign in to a provider."""

    type: str
    """Value of `auth_type` of a connector."""
    label: str
    """Name for people."""
    when: dict[str, str]
    """Settings that this way needs, with their values."""
    credentials: list[SettingDocument]
    """Fields of the credentials."""
    scopes: list[str]
    """OAuth scopes that the portal asks the provider for."""
    gives_token: bool
    """True if a lease has an access token that the portal gets, and not the stored credentials."""
    needs_person: bool
    """True if a person has to give consent in a browser."""
    remarks: list[str]
    """Sentences that people read before they choose this way."""


class SignatureCheck(TypedDict):
    """A request to diagnose, and the scheme and secret to check it with."""

    webhook_id: NotRequired[str | None]
    """Check with this webhook's secrets, and by its scheme."""
    scheme: NotRequired[
        Literal[
            "standard-webhooks",
            "inbox",
            "github",
            "stripe",
            "slack",
            "shopify",
            "twilio",
            "sendgrid",
            "hubspot",
            "square",
            "zoom",
            "gitlab",
            "jira",
            "linear",
            "pagerduty",
            "sentry",
            "zendesk",
            "intercom",
            "meta",
            "twitter",
            "paddle",
            "discord",
            "docusign",
            "mailgun",
            "typeform",
            "calendly",
            "dropbox",
            "box",
            "vercel",
            "woocommerce",
            "webflow",
            "elevenlabs",
            "gitea",
            "okta",
            "microsoft-graph",
            "contentful",
            "azure-event-grid",
            "aws-sns",
            "fusionauth",
            "plaid",
            "hmac-sha256-hex",
            "hmac-sha256-base64",
            "hmac-sha512-hex",
            "hmac-sha1-hex",
            "timestamped-hmac",
            "bearer",
            "jwt",
            "api-key",
            "basic",
        ]
        | None
    ]
    """Scheme of the signature; the webhook's when left out."""
    options: NotRequired[dict[str, str]]
    """As a webhook's inbound_options."""
    secret: NotRequired[str | None]
    """Check with this secret. It is neither kept nor written to a log."""
    headers: NotRequired[dict[str, str]]
    """The request's headers."""
    body: NotRequired[str]
    """The raw body as text."""
    body_base64: NotRequired[str | None]
    """The raw body in base64, in place of `body`."""
    method: NotRequired[str]
    """HTTP method of the request."""
    url: NotRequired[str]
    """The address as the sender was told it; left out, the webhook's."""
    at: NotRequired[str | None]
    """Time when the request arrived; now when left out."""


class SignatureCheckResult(TypedDict):
    """The result of a check: whether the signature is right, and why not."""

    verified: bool
    """True if the signature is right."""
    code: str
    """verified, or the reason of the refusal."""
    reason: str
    """The result, as a sentence."""
    scheme: str
    """Scheme that was checked."""
    fingerprint: str | None
    """Fingerprint of the secret that matched."""
    findings: list[FindingDocument]
    """The reasons that were found."""
    signed_text: str
    """The text that should be signed, its beginning."""
    expected: str | None
    """The signature that the given secret makes; none for a stored secret."""


class SpanDocument(TypedDict):
    """The attempts of one hour, or of all 24."""

    hour: str | None
    """Start of the hour; null for the whole day."""
    attempts: int
    """Attempts that have ended; test deliveries are not counted."""
    delivered: int
    """Attempts that succeeded."""
    failed: int
    """Attempts that failed."""
    p50_ms: float | None
    """Time within which half of the attempts were answered, in milliseconds."""
    p95_ms: float | None
    """Time within which 95 % of the attempts were answered, in milliseconds."""


class SpendOnKey(TypedDict):
    """A cost that is recorded on a key after the call."""

    usage_id: NotRequired[str | None]
    """Your id of this line: the same id is written once. One of another key, or of a
    reservation, is a 409.
    """
    cost_usd: NotRequired[float]
    """US dollars."""
    tokens: NotRequired[int | None]
    """Tokens that were used."""
    model: NotRequired[str | None]
    """The model that it was for."""


class SpentDocument(TypedDict):
    """A line of the ledger and the budget after it. `repeated`: the line existed already."""

    id: str
    """Id of the line."""
    key_id: str
    """Id of the key that pays."""
    cost_usd: float
    """Cost in US dollars."""
    repeated: bool
    """True if the line existed before."""
    budget: BudgetDocument
    """The budget after it."""


class StateReason(TypedDict):
    """The reason for suspending, retiring or reopening an application, shown to people later."""

    reason: str
    """Reason, in a sentence for people. It is kept in the history."""


class StepDocument(TypedDict):
    """One step of a check, in the order in which they are taken."""

    name: str
    """address, connect, tls, sign_in, who, or scope: and the scope."""
    title: str
    """Name of the step for people."""
    state: Literal["passed", "warned", "failed", "not_tried"]
    """Result of the step."""
    began_ms: float | None
    """Milliseconds after the begin of the check."""
    took_ms: float | None
    """Milliseconds that it took; null if it was not tried."""
    verdict: (
        Literal[
            "passed",
            "unproven",
            "auth_invalid",
            "auth_scope",
            "auth_expired",
            "config",
            "rate_limited",
            "transient",
            "secret_store",
            "internal",
        ]
        | None
    )
    """Outcome that this step led to; null if it led to none."""
    status: int | None
    """The HTTP status of the answer, if there was one."""
    said: str
    """Result, as a sentence."""
    remedy: str
    """Next step to take, as a sentence; may be empty."""


class StopKey(TypedDict):
    """The reason why a key is revoked or blocked, for people who ask later."""

    reason: NotRequired[str | None]
    """Reason, in a sentence for people."""


class TenantDocument(TypedDict):
    """The tenant that a credential belongs to."""

    id: str
    """Id of the tenant."""
    slug: str
    """Short name of the tenant in addresses."""
    name: str
    """Name of the tenant."""


class TestInput(TypedDict):
    """The event of one test request, and how to sign it."""

    event_type: str
    """One event's name, such as rfp.created."""
    data: NotRequired[dict[str, Any]]
    """The event's data, up to 16 KiB."""
    newest_secret_only: NotRequired[bool]
    """Sign with the current secret alone, to see that the receiver knows it before the previous
    one is retired.
    """


class Verdict(TypedDict):
    """The answer to the verification of a key."""

    valid: bool
    """True if the call may be made."""
    code: str
    """VALID, or the reason of the refusal."""
    key_id: str | None
    """Id of the key; null if none was found."""
    name: str | None
    """Name of the key."""
    kind: str | None
    """Kind of the key."""
    tenant_id: str | None
    """Tenant of the key."""
    application_id: str | None
    """Id of the owning application."""
    app_id: str | None
    """Slug of the owning application."""
    scopes: list[str]
    """Scopes of the key."""
    expires_at: str | None
    """Time when the key expires, or is revoked as planned; null for never."""
    limits: list[LimitDocument]
    """The limits of the key, after this call."""
    budget: BudgetDocument | None
    """The budget of the key, after this call. For a key that is called often, what was settled
    or spent elsewhere may be missing for up to half a minute.
    """
    reservation_id: str | None
    """Id to settle the reserved cost with; null if nothing was reserved."""
    trace: NotRequired[list[VerdictCheck] | None]
    """Every check, on a dry run."""


class VerdictCheck(TypedDict):
    """One check of a decision."""

    code: str
    """Code with which this check refuses."""
    passed: bool
    """True if the check was passed."""
    detail: str
    """The check, as a sentence."""


class VerifyKey(TypedDict):
    """A request to verify a key for a call."""

    scope: NotRequired[str | None]
    """Permission that the call needs."""
    model: NotRequired[str | None]
    """Model that the call is for."""
    cost_tokens: NotRequired[int | None]
    """Tokens that the call will need, estimated."""
    estimated_usd: NotRequired[float | None]
    """Highest cost of the call in US dollars, reserved until settled. Under a budget that is
    used up, a call of 0 is refused too.
    """
    ip: NotRequired[str | None]
    """Address that the holder calls from."""
    key: str
    """The raw key, as its holder sent it."""
    dry_run: NotRequired[bool]
    """Consume nothing, and give the trace of checks."""
    reservation_id: NotRequired[str | None]
    """Your own id for the reservation of `estimated_usd`: a call that repeats it takes nothing
    again, until it expires unsettled. With another key or amount it is a 409.
    """


class ViewDocument(TypedDict):
    """A saved view of a list."""

    id: str
    """Id of the view."""
    list: str
    """The list that the view shows."""
    name: str
    """Name of the view."""
    parameters: dict[str, Any]
    """Query parameters of the list and of its page."""
    is_shared: bool
    """Whole tenant sees it."""
    is_default: bool
    """The list opens with it."""
    position: int
    """Place among the tabs."""
    owner_id: str
    """Id of the person who made it."""
    version: int
    """Number of its changes."""
    created_at: str
    """Time when it was made."""
    updated_at: str
    """Time of its last change."""


class WebhookBatch(TypedDict):
    """Up to 500 records to create with one request."""

    items: list[WebhookInput]
    """The new records."""
    atomic: NotRequired[bool]
    """true: all are created, or none, and the error names every item that is refused. false:
    each is created on its own, and its result says what became of it.
    """


class WebhookBatchAnswer(TypedDict):
    """The results of a batch."""

    results: list[WebhookBatchResult]
    """One result for each item, in the order of the request."""


class WebhookBatchResult(TypedDict):
    """Result of one item."""

    status: int
    """201, or the status of the problem."""
    item: NotRequired[WebhookCreated | None]
    """The new record."""
    problem: NotRequired[Problem | None]
    """Reason for which the item was refused."""


class WebhookCreated(TypedDict):
    """A new record."""

    id: str
    """Server-assigned ULID with type prefix (e.g. per_…)."""
    tenant_id: str
    """Tenant scope — auto-stamped from the caller's JWT."""
    app_id: str | None
    """App scope. Stamped ONLY when the caller's JWT was minted for a specific Application
    (integration API keys). Absent for human-user sessions. Filters reads when present.
    """
    created_at: str
    """Server stamp."""
    updated_at: str
    """Server stamp; updated on every patch."""
    created_by: str | None
    """Person id from the caller's JWT (sub)."""
    updated_by: str | None
    """Person id from the last writer's JWT (sub)."""
    source: str
    """Provenance tag — defaults to 'edm'."""
    source_type: str
    """Where the write originated. Defaults to 'api'."""
    is_deleted: bool
    """Soft-delete flag. Excluded from default list queries."""
    deleted_at: str | None
    """Stamped when soft-deleted; null otherwise."""
    deleted_by: str | None
    """Person id who soft-deleted; null otherwise."""
    schema_version: int
    """Document schema version. Bumped on incompatible writes."""
    version: int
    """Optimistic concurrency version counter."""
    name: str
    """Human-readable webhook name."""
    direction: Literal["outbound", "inbound"]
    """outbound = cPod pushes to url; inbound = external system calls cPod."""
    url: str | None
    """Target URL (outbound) or callback URL (inbound)."""
    event_types: list[str]
    """Event type filters, e.g. rfp.created, rfp.status_changed."""
    signature_scheme: Literal[
        "standard-webhooks",
        "standard-webhooks-ed25519",
        "github",
        "stripe",
        "hmac-sha256-hex",
        "hmac-sha256-base64",
    ]
    """Payload signing scheme."""
    inbound_url: str | None
    """Inbound only: the address to give to the sender."""
    inbound_scheme: (
        Literal[
            "standard-webhooks",
            "inbox",
            "github",
            "stripe",
            "slack",
            "shopify",
            "twilio",
            "sendgrid",
            "hubspot",
            "square",
            "zoom",
            "gitlab",
            "jira",
            "linear",
            "pagerduty",
            "sentry",
            "zendesk",
            "intercom",
            "meta",
            "twitter",
            "paddle",
            "discord",
            "docusign",
            "mailgun",
            "typeform",
            "calendly",
            "dropbox",
            "box",
            "vercel",
            "woocommerce",
            "webflow",
            "elevenlabs",
            "gitea",
            "okta",
            "microsoft-graph",
            "contentful",
            "azure-event-grid",
            "aws-sns",
            "fusionauth",
            "plaid",
            "hmac-sha256-hex",
            "hmac-sha256-base64",
            "hmac-sha512-hex",
            "hmac-sha1-hex",
            "timestamped-hmac",
            "bearer",
            "jwt",
            "api-key",
            "basic",
        ]
        | None
    )
    """Inbound only: scheme by which the sender signs."""
    inbound_options: dict[str, str]
    """Inbound only: options of a generic scheme."""
    vault_path: str
    """Vault KV v2 path where the HMAC secret lives; never stored inline. The server derives it."""
    headers: dict[str, str]
    """Static custom headers (non-secret) sent with every delivery."""
    enabled: bool
    """True if this webhook is active."""
    retry_policy: RetryPolicy
    """{ maxAttempts, backoff: 'exponential', timeoutMs }"""
    last_delivery_at: str | None
    """Timestamp of the last delivery attempt. While many follow each other, it is up to a second
    behind; if they are received, up to a minute.
    """
    last_delivery_status: (
        Literal[
            "sending",
            "delivered",
            "http_error",
            "redirect",
            "forbidden_address",
            "invalid_request",
            "dns",
            "refused",
            "unreachable",
            "reset",
            "tls",
            "timeout",
            "too_large",
            "protocol_error",
            "cancelled",
        ]
        | None
    )
    """Outcome of the last delivery attempt."""
    consecutive_failures: int
    """Count of consecutive delivery failures. Tests do not count."""
    paused_at: str | None
    """Timestamp when the webhook was auto-paused after N consecutive failures."""
    pause_reason: Literal["failing", "gone", "by_hand"] | None
    """Cause of the pause; null if it is not paused."""
    filter: dict[str, list[Any]]
    """Field of the data → values of which it must have one."""
    rate_limit: int | None
    """Most deliveries a second, over all workers; null for no limit."""
    ordered: bool
    """True if deliveries are sent one at a time, in order."""
    connector_id: str | None
    """ID of the owning Connector, if this webhook is connector-owned."""
    tags: list[str]
    """Free-form tags."""
    application_id: str | None
    """Owning application id."""
    application_status: str | None
    """Status of the owning application: suspended and retired stop what belongs to it."""
    secret_fingerprint: str | None
    """Hash of the signing secret; raw secret is never stored. It has 12 hex digits: of a
    Standard Webhooks secret the first of the SHA-256 of its bytes, of any other one a keyed
    hash that only this webhook has.
    """
    is_active: bool
    """True if this webhook is active. It is enabled, and neither paused nor deleted."""
    health: RecordHealth
    """Health of the webhook: its deliveries, its queue and its pause."""
    signing_secret: NotRequired[Secret | None]
    """The signing secret, whsec_…, in this answer only."""


class WebhookDocument(TypedDict):
    """A webhook as the API returns it (specification: Webhook)."""

    id: str
    """Server-assigned ULID with type prefix (e.g. per_…)."""
    tenant_id: str
    """Tenant scope — auto-stamped from the caller's JWT."""
    app_id: str | None
    """App scope. Stamped ONLY when the caller's JWT was minted for a specific Application
    (integration API keys). Absent for human-user sessions. Filters reads when present.
    """
    created_at: str
    """Server stamp."""
    updated_at: str
    """Server stamp; updated on every patch."""
    created_by: str | None
    """Person id from the caller's JWT (sub)."""
    updated_by: str | None
    """Person id from the last writer's JWT (sub)."""
    source: str
    """Provenance tag — defaults to 'edm'."""
    source_type: str
    """Where the write originated. Defaults to 'api'."""
    is_deleted: bool
    """Soft-delete flag. Excluded from default list queries."""
    deleted_at: str | None
    """Stamped when soft-deleted; null otherwise."""
    deleted_by: str | None
    """Person id who soft-deleted; null otherwise."""
    schema_version: int
    """Document schema version. Bumped on incompatible writes."""
    version: int
    """Optimistic concurrency version counter."""
    name: str
    """Human-readable webhook name."""
    direction: Literal["outbound", "inbound"]
    """outbound = cPod pushes to url; inbound = external system calls cPod."""
    url: str | None
    """Target URL (outbound) or callback URL (inbound)."""
    event_types: list[str]
    """Event type filters, e.g. rfp.created, rfp.status_changed."""
    signature_scheme: Literal[
        "standard-webhooks",
        "standard-webhooks-ed25519",
        "github",
        "stripe",
        "hmac-sha256-hex",
        "hmac-sha256-base64",
    ]
    """Payload signing scheme."""
    inbound_url: str | None
    """Inbound only: the address to give to the sender."""
    inbound_scheme: (
        Literal[
            "standard-webhooks",
            "inbox",
            "github",
            "stripe",
            "slack",
            "shopify",
            "twilio",
            "sendgrid",
            "hubspot",
            "square",
            "zoom",
            "gitlab",
            "jira",
            "linear",
            "pagerduty",
            "sentry",
            "zendesk",
            "intercom",
            "meta",
            "twitter",
            "paddle",
            "discord",
            "docusign",
            "mailgun",
            "typeform",
            "calendly",
            "dropbox",
            "box",
            "vercel",
            "woocommerce",
            "webflow",
            "elevenlabs",
            "gitea",
            "okta",
            "microsoft-graph",
            "contentful",
            "azure-event-grid",
            "aws-sns",
            "fusionauth",
            "plaid",
            "hmac-sha256-hex",
            "hmac-sha256-base64",
            "hmac-sha512-hex",
            "hmac-sha1-hex",
            "timestamped-hmac",
            "bearer",
            "jwt",
            "api-key",
            "basic",
        ]
        | None
    )
    """Inbound only: scheme by which the sender signs."""
    inbound_options: dict[str, str]
    """Inbound only: options of a generic scheme."""
    vault_path: str
    """Vault KV v2 path where the HMAC secret lives; never stored inline. The server derives it."""
    headers: dict[str, str]
    """Static custom headers (non-secret) sent with every delivery."""
    enabled: bool
    """True if this webhook is active."""
    retry_policy: RetryPolicy
    """{ maxAttempts, backoff: 'exponential', timeoutMs }"""
    last_delivery_at: str | None
    """Timestamp of the last delivery attempt. While many follow each other, it is up to a second
    behind; if they are received, up to a minute.
    """
    last_delivery_status: (
        Literal[
            "sending",
            "delivered",
            "http_error",
            "redirect",
            "forbidden_address",
            "invalid_request",
            "dns",
            "refused",
            "unreachable",
            "reset",
            "tls",
            "timeout",
            "too_large",
            "protocol_error",
            "cancelled",
        ]
        | None
    )
    """Outcome of the last delivery attempt."""
    consecutive_failures: int
    """Count of consecutive delivery failures. Tests do not count."""
    paused_at: str | None
    """Timestamp when the webhook was auto-paused after N consecutive failures."""
    pause_reason: Literal["failing", "gone", "by_hand"] | None
    """Cause of the pause; null if it is not paused."""
    filter: dict[str, list[Any]]
    """Field of the data → values of which it must have one."""
    rate_limit: int | None
    """Most deliveries a second, over all workers; null for no limit."""
    ordered: bool
    """True if deliveries are sent one at a time, in order."""
    connector_id: str | None
    """ID of the owning Connector, if this webhook is connector-owned."""
    tags: list[str]
    """Free-form tags."""
    application_id: str | None
    """Owning application id."""
    application_status: str | None
    """Status of the owning application: suspended and retired stop what belongs to it."""
    secret_fingerprint: str | None
    """Hash of the signing secret; raw secret is never stored. It has 12 hex digits: of a
    Standard Webhooks secret the first of the SHA-256 of its bytes, of any other one a keyed
    hash that only this webhook has.
    """
    is_active: bool
    """True if this webhook is active. It is enabled, and neither paused nor deleted."""
    health: RecordHealth
    """Health of the webhook: its deliveries, its queue and its pause."""


class WebhookInput(TypedDict):
    """The fields of a webhook that a client can set. All are optional: `{}` creates a webhook
    that is disabled.
    """

    name: NotRequired[str | None]
    """Human-readable webhook name."""
    direction: NotRequired[Literal["outbound", "inbound"]]
    """outbound = cPod pushes to url; inbound = external system calls cPod. Fixed once the
    webhook is there.
    """
    url: NotRequired[str | None]
    """Target URL (outbound) or callback URL (inbound). A public address."""
    event_types: NotRequired[list[str]]
    """Event type filters, e.g. rfp.created, rfp.status_changed. rfp.* is a group, * is
    everything. A webhook gets the events of the whole tenant, whichever application published
    them.
    """
    signature_scheme: NotRequired[
        Literal[
            "standard-webhooks",
            "standard-webhooks-ed25519",
            "github",
            "stripe",
            "hmac-sha256-hex",
            "hmac-sha256-base64",
        ]
    ]
    """Payload signing scheme. standard-webhooks = headers webhook-id, webhook-timestamp and
    webhook-signature (v1, HMAC-SHA256), see standardwebhooks.com; -ed25519 = the same with a
    key pair (v1a). github, stripe, hmac-sha256-hex and hmac-sha256-base64 are for receivers
    that verify those styles already. Rotate the secret after a change to or from ed25519.
    """
    inbound_scheme: NotRequired[
        Literal[
            "standard-webhooks",
            "inbox",
            "github",
            "stripe",
            "slack",
            "shopify",
            "twilio",
            "sendgrid",
            "hubspot",
            "square",
            "zoom",
            "gitlab",
            "jira",
            "linear",
            "pagerduty",
            "sentry",
            "zendesk",
            "intercom",
            "meta",
            "twitter",
            "paddle",
            "discord",
            "docusign",
            "mailgun",
            "typeform",
            "calendly",
            "dropbox",
            "box",
            "vercel",
            "woocommerce",
            "webflow",
            "elevenlabs",
            "gitea",
            "okta",
            "microsoft-graph",
            "contentful",
            "azure-event-grid",
            "aws-sns",
            "fusionauth",
            "plaid",
            "hmac-sha256-hex",
            "hmac-sha256-base64",
            "hmac-sha512-hex",
            "hmac-sha1-hex",
            "timestamped-hmac",
            "bearer",
            "jwt",
            "api-key",
            "basic",
        ]
        | None
    ]
    """Inbound only: how the sender proves who it is. Left out, standard-webhooks."""
    inbound_options: NotRequired[dict[str, str]]
    """Inbound only, with a generic scheme: header and prefix of the signature, and delivery_id
    and event_type, the places (header:… or body:…) of these two. With a scheme that signs the
    body alone, equal_bodies: one = the same body again is a repetition (the usual), each = it
    is another event, unless a header, or the place of delivery_id, has the same delivery id
    again. With jwt, audience, issuer and subject: the aud, iss and sub that a token must
    have. An inbound_secret that is the address of a key set needs an audience.
    """
    inbound_secret: NotRequired[str | None]
    """Inbound only: the sender's secret, where it is the sender who makes it. Never shown again;
    the one before is accepted beside it for 24 hours, unless inbound_scheme changes with it.
    While three previous ones are accepted, another one is a 409.
    """
    headers: NotRequired[dict[str, str]]
    """Static custom headers (non-secret) sent with every delivery."""
    enabled: NotRequired[bool | None]
    """True if this webhook is active. It is true when left out if there are a url and at least
    one event type.
    """
    retry_policy: NotRequired[RetryPolicy]
    """{ maxAttempts, backoff: 'exponential', timeoutMs } Parts that are left out get their
    defaults; in a PATCH they stay.
    """
    filter: NotRequired[dict[str, list[str | float | bool | None] | str | float | bool | None]]
    """Top-level field of an event's data → the value, or the list of values, of which it must
    have one. Only events that pass all of it are sent. Those of more than 1 KiB may be 8 MiB
    together in a tenant.
    """
    rate_limit: NotRequired[int | None]
    """At most so many deliveries a second, over all workers."""
    ordered: NotRequired[bool]
    """One at a time, in the order of publication: a delivery that fails holds up those after it
    until it is delivered or has failed for good.
    """
    connector_id: NotRequired[str | None]
    """ID of the owning Connector, if this webhook is connector-owned."""
    application_id: NotRequired[str | None]
    """Owning application id. It is the caller's own when an application's credential creates the
    webhook, and only people change it.
    """
    tags: NotRequired[list[str]]
    """Free-form tags."""


class WholeInboundRequest(TypedDict):
    """One received request with its headers and its raw body; API keys in it are masked."""

    id: str
    """Id of the request."""
    webhook_id: str
    """Id of the webhook."""
    received_at: str
    """Time when it arrived."""
    state: str
    """accepted, or quarantined."""
    code: str
    """verified, or why not."""
    reason: str
    """The same as a sentence."""
    method: str
    """HTTP method."""
    url: str
    """Address that was called."""
    body_bytes: int
    """Size of the body in bytes."""
    source_ip: str | None
    """Address of the sender."""
    delivery_key: str | None
    """Key by which a repetition is recognised."""
    repeats: int
    """Number of times that the same delivery came again."""
    verified_with: str | None
    """Fingerprint of the secret."""
    verified_at: str | None
    """Time when it was verified."""
    verified_by: str | None
    """Id of who had it verified again."""
    event_id: str | None
    """Id of the event that was published for it."""
    event_type: str | None
    """Type of that event."""
    headers: list[list[Any]]
    """Headers of the request: name and value."""
    body_base64: str
    """Raw body in base64."""


class ApiKeysCreateAnswer(KeyDocument):
    """The answer of api_keys.create, with what is shown once only."""

    key: Secret | None
    """The raw key, in this answer only."""
    key_hash: Secret | None
    """SHA-256 hash of the raw key (unique). Never returned after initial creation."""
    link: Secret | None
    """Address that shows the key once, if the delivery is link."""
    vault_path: str | None
    """Path of the key in the secret store, if the delivery is store."""


class ApiKeysRotateAnswer(KeyDocument):
    """The answer of api_keys.rotate, with what is shown once only."""

    key: Secret | None
    """The raw key, in this answer only."""
    key_hash: Secret | None
    """SHA-256 hash of the raw key (unique). Never returned after initial creation."""
    link: Secret | None
    """Address that shows the key once, if the delivery is link."""
    vault_path: str | None
    """Path of the key in the secret store, if the delivery is store."""


class ApiKeysCreateChildAnswer(KeyDocument):
    """The answer of api_keys.create_child, with what is shown once only."""

    key: Secret | None
    """The raw key, in this answer only."""
    key_hash: Secret | None
    """SHA-256 hash of the raw key (unique). Never returned after initial creation."""
    link: Secret | None
    """Address that shows the key once, if the delivery is link."""
    vault_path: str | None
    """Path of the key in the secret store, if the delivery is store."""


class WebhooksCreateAnswer(WebhookDocument):
    """The answer of webhooks.create, with what is shown once only."""

    signing_secret: Secret | None
    """The signing secret, whsec_…, in this answer only."""


class WebhooksRotateSecretAnswer(WebhookDocument):
    """The answer of webhooks.rotate_secret, with what is shown once only."""

    signing_secret: Secret | None
    """The signing secret, whsec_…, in this answer only."""
    previous_secret_expires_at: str | None
    """Time until which the previous secret signs, too."""
