// Generated from the portal's OpenAPI document by `make sdk`. Do not edit.
import type { Held, List, Nothing, Options, Revealed } from "./index.js";

/** An application as it is read (specification: Application). */
export interface ApplicationDocument {
  id: string;
  tenant_id: string;
  app_id: string | null;
  created_at: string;
  updated_at: string;
  created_by: string | null;
  updated_by: string | null;
  source: string;
  source_type: string;
  is_deleted: boolean;
  deleted_at: string | null;
  deleted_by: string | null;
  schema_version: number;
  version: number;
  display_name: string;
  slug: string;
  kind: "app" | "platform-service" | "library";
  primary_domain: string | null;
  description: string | null;
  oauth_client_id: string | null;
  status: "draft" | "active" | "deprecated" | "suspended" | "retired";
  /** Reason for the last time it was suspended, retired or reopened. */
  status_reason: string | null;
  canonical_owner_of: string[];
  api_base_path: string | null;
  repository: string | null;
  allowed_scopes: string[];
}

/** The fields that a client may write. All are optional: `{}` registers a working draft. */
export interface ApplicationInput {
  /** Human-readable name, e.g. CRM 360. */
  display_name?: string | null;
  /** Stable lowercase app slug; the value stamped into app_id. Made from the name when left out, and fixed once it is there. */
  slug?: string | null;
  /** app = user-facing; platform-service = backend of the platform; library = no runtime identity, so no keys. */
  kind?: "app" | "platform-service" | "library";
  /** Model domain primarily served. */
  primary_domain?: string | null;
  /** What the app does. */
  description?: string | null;
  /** A program's token with this client_id acts as this application; set by admins only. */
  oauth_client_id?: string | null;
  /** Lifecycle. suspended and retired are entered and left through the actions suspend, retire and reopen only. */
  status?: "draft" | "active" | "deprecated" | "suspended" | "retired";
  /** Entity types this app is the canonical owner of. */
  canonical_owner_of?: string[];
  /** Base path the app serves or is reached at, e.g. /v1/deals. */
  api_base_path?: string | null;
  /** Source repository. */
  repository?: string | null;
  /** Scopes that its keys may have at most, at once and also those that were issued before. Empty: all that their creators may give. */
  allowed_scopes?: ("applications:read" | "applications:reopen" | "applications:retire" | "applications:suspend" | "applications:write" | "audit:read" | "connectors:read" | "connectors:use" | "connectors:write" | "event-types:read" | "event-types:write" | "events:publish" | "events:read" | "keys:read" | "keys:reopen" | "keys:verify" | "keys:write" | "webhooks:read" | "webhooks:write")[];
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** One attempt to deliver an event, as the API returns it. */
export interface AttemptDocument {
  id: string;
  webhook_id: string;
  event_type: string;
  created_at: string;
  completed_at: string | null;
  actor_id: string;
  actor_name: string;
  outcome: "sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled";
  /** Result, as a sentence. */
  explanation: string;
  /** Next step for a person; may be empty. */
  remedy: string;
  /** The receiver's HTTP status. */
  status: number | null;
  url: string;
  request_headers: [string, string][];
  request_body: string;
  /** Fingerprint of the secret of the first signature. */
  signed_with: string;
  /** The exact text under the signature. */
  signed_content: string;
  response_headers: [string, string][];
  response_body: string;
  /** Only the first 16 KiB were kept. */
  response_truncated: boolean;
  /** Milliseconds: dns_ms, connect_ms, tls_ms, wait_ms, read_ms, total_ms. */
  timings: Record<string, unknown>;
  /** The IP address that was dialled. */
  address: string | null;
  tls_version: string | null;
  /** Days until the certificate expires. */
  certificate_days: number | null;
}

/** The deliveries that are held for a paused webhook, or that wait for an active one. */
export interface BacklogDocument {
  held: number;
  /** There are more than were counted. */
  is_more: boolean;
  oldest: string | null;
  /** About how long sending all of it takes. */
  seconds: number;
}

/**
 * The budget that a key shares with its predecessors, successors and children, in US
 * dollars.
 */
export interface BudgetDocument {
  max_usd: number | null;
  spent_usd: number;
  reserved_usd: number;
  available_usd: number | null;
  period_end: string | null;
}

/** The caller of this request: who it is, for which tenant, and what it may do. */
export interface CallerDocument {
  /** A person, or a program. */
  kind: "person" | "application";
  /**
   * The kind of the credential: an API key or a token made from one, or an access token of the
   * identity provider.
   */
  credential: "api_key" | "access_token";
  /** Id of the person, the API key, or the application that the token was issued to. */
  id: string;
  /** Name of the person, the API key, or the application. */
  name: string;
  /** The tenant in which the caller acts. */
  tenant: TenantDocument;
  /** The application of the credential; null for a person, and for a key of no application. */
  application: OwnApplication | null;
  /** Roles of a person: viewer, editor or admin. Empty for a program. */
  roles: string[];
  /** Groups of a person at the identity provider. Empty for a program. */
  groups: string[];
  /** Permissions of the credential, in alphabetical order. */
  scopes: string[];
  /** Time when the credential ends; null if it does not end by itself. */
  expires_at: string | null;
  /** Limits of the API key; null for an access token of the identity provider. */
  limits: KeyLimits | null;
}

/** One check of a connector. */
export interface CheckDocument {
  /** passed; unproven = nothing failed, and nothing shows that the credentials are good; auth_invalid, auth_scope, auth_expired and config need a person; rate_limited and transient pass by themselves; secret_store and internal are faults of the portal. Null until the check has ended. */
  outcome: "passed" | "unproven" | "auth_invalid" | "auth_scope" | "auth_expired" | "config" | "rate_limited" | "transient" | "secret_store" | "internal" | null;
  /** Result, as a sentence. */
  said: string;
  /** Next step for a person; may be empty. */
  remedy: string;
  steps: StepDocument[];
  took_ms: number | null;
  /** Account that the credentials belong to, as the provider says. */
  account: string | null;
  /** True if they belong to a person and not to a service; null if unknown. */
  is_person: boolean | null;
  /** Scopes of the credentials; null where the provider does not tell. */
  granted: string[] | null;
  /** Scopes that the connector needs and has not. */
  missing: string[];
  /** Scopes that it has and does not need. */
  too_much: string[];
  /** Time when the credentials end, as the provider says. */
  expires_at: string | null;
  id: string;
  connector_id: string;
  state: "queued" | "running" | "done";
  reason: "asked" | "saved" | "daily" | "retry" | "expiry";
  asked_by: string | null;
  asked_by_name: string | null;
  /** The version of the credentials that the check puts back first. */
  restores_version: number | null;
  /** The connector's version that was checked. */
  record_version: number | null;
  credential_version: number | null;
  /** The connector was changed while the check ran, so the result says nothing about it as it is now. */
  is_outdated: boolean;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}

/** Nothing is to be said: a check runs with what is saved. */
export interface CheckInput {
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/**
 * The settings of a short-lived key with a part of its parent's rights.
 *
 * It spends its parent's budget. It has the same limits per minute as its parent, but its calls
 * are counted separately.
 */
export interface ChildKey {
  /** Name shown to people. */
  name?: string | null;
  /** At most its parent's, which it gets when left out. */
  scopes?: ("applications:read" | "applications:reopen" | "applications:retire" | "applications:suspend" | "applications:write" | "audit:read" | "connectors:read" | "connectors:use" | "connectors:write" | "event-types:read" | "event-types:write" | "events:publish" | "events:read" | "keys:read" | "keys:reopen" | "keys:verify" | "keys:write" | "webhooks:read" | "webhooks:write")[] | null;
  /** Seconds for which it opens; never longer than its parent. */
  lifetime_seconds?: number;
  /** Number of times it may be used at all. */
  max_uses?: number | null;
  /** Part of its parent's networks, or all of them. */
  allowed_ips?: string[];
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** A connector as it is read (specification: Connector). */
export interface ConnectorDocument {
  id: string;
  tenant_id: string;
  app_id: string | null;
  created_at: string;
  updated_at: string;
  created_by: string | null;
  updated_by: string | null;
  source: string;
  source_type: string;
  is_deleted: boolean;
  deleted_at: string | null;
  deleted_by: string | null;
  schema_version: number;
  version: number;
  type: "edr" | "siem" | "ticketing" | "knowledge" | "identity" | "source_control" | "messaging" | "itsm" | "crm" | "support" | "incident" | "observability" | "cloud_security" | "storage" | "warehouse" | "database" | "payments" | "custom" | null;
  provider: string | null;
  name: string;
  scope: "org" | "user" | "group";
  owner_id: string | null;
  group_id: string | null;
  user_id: string | null;
  config: Record<string, unknown>;
  /** KV v2 path of the credentials, derived from the ids by the server. */
  vault_path: string;
  auth_type: "none" | "api_key" | "api_key_pair" | "bearer" | "basic" | "oauth2_code" | "oauth2_client_credentials" | "oauth2_private_key_jwt" | "oauth2_jwt_bearer" | "service_account_jwt" | "key_pair_jwt" | "github_app" | "aws_assume_role" | "aws_keys" | "mtls" | "hmac" | null;
  oauth_refresh_needed: boolean;
  oauth_token_expires_at: string | null;
  enabled: boolean;
  /** Health, kept by the server: disabled = switched off; pending = not set up or not yet run; action_required = a person must act; failing, degraded, rate_limited = the last runs; stale = silent for too long; healthy. */
  sync_status: "disabled" | "pending" | "action_required" | "failing" | "degraded" | "rate_limited" | "stale" | "healthy";
  last_sync_at: string | null;
  consecutive_errors: number;
  last_error: string | null;
  metrics: Metrics;
  event_types: string[];
  webhook_endpoint_id: string | null;
  /** Names of the credential fields that are set; their values are never shown. */
  credential_fields: string[];
  credential_last_rotated_at: string | null;
  next_rotation_due: string | null;
  tags: string[];
  application_id: string | null;
  /** Of the owning application: suspended and retired stop what belongs to it. */
  application_status: string | null;
  /** True for an admin to whom the connector's scope does not open it. All that is read then is that it is there, whose it is, and its state; all else stands empty. An admin may disable, enable, delete and restore it. */
  is_restricted: boolean;
}

/** The fields that a client may write. All are optional: `{}` creates a draft. */
export interface ConnectorInput {
  /** Integration type category; the provider's own when left out. */
  type?: "edr" | "siem" | "ticketing" | "knowledge" | "identity" | "source_control" | "messaging" | "itsm" | "crm" | "support" | "incident" | "observability" | "cloud_security" | "storage" | "warehouse" | "database" | "payments" | "custom" | null;
  /** Vendor, e.g. defender_for_endpoint, splunk, jira, okta; http for any REST service, custom for the rest. Without one the connector is a draft. It is fixed while credentials are stored, since they belong to it. */
  provider?: "aws_s3" | "aws_security_hub" | "confluence" | "crowdstrike" | "datadog" | "http" | "github" | "gitlab" | "google_workspace" | "hubspot" | "jira" | "mcp" | "defender_for_endpoint" | "entra_id" | "notion" | "oauth2_issuer" | "okta" | "pagerduty" | "postgres" | "s3_compatible" | "salesforce" | "sentinelone" | "servicenow" | "slack" | "smtp" | "snowflake" | "splunk" | "splunk_hec" | "stripe" | "zendesk" | "custom" | null;
  /** Human-readable connector name; the provider's name when left out. */
  name?: string | null;
  /** org = tenant-wide; user = personal; group = group-scoped. */
  scope?: "org" | "user" | "group";
  /** Person id of the owner; the creator when left out of a create. */
  owner_id?: string | null;
  /** Group id: needed when scope is group, dropped otherwise. */
  group_id?: string | null;
  /** Person id when scope is user (the creator when left out), dropped otherwise. */
  user_id?: string | null;
  /** Non-secret configuration: baseUrl, region, accountId, etc. What looks like a credential is refused: it belongs under `credentials`. */
  config?: Record<string, unknown>;
  /** Authentication mechanism, one that the provider offers; its first when left out. */
  auth_type?: "none" | "api_key" | "api_key_pair" | "bearer" | "basic" | "oauth2_code" | "oauth2_client_credentials" | "oauth2_private_key_jwt" | "oauth2_jwt_bearer" | "service_account_jwt" | "key_pair_jwt" | "github_app" | "aws_assume_role" | "aws_keys" | "mtls" | "hmac" | null;
  /** Whether the connector is active. */
  enabled?: boolean;
  /** Event types this connector emits. */
  event_types?: string[];
  /** A webhook of this tenant that gets the connector's events. */
  webhook_endpoint_id?: string | null;
  /** Time when the credentials are next due for rotation. */
  next_rotation_due?: string | null;
  /** Free-form tags. */
  tags?: string[];
  /** Owning application; the caller's own when an application's credential creates the connector. */
  application_id?: string | null;
  /** Write-only: kept in the secret store and never returned. A field that is left out stays as it is, a text replaces it, null removes it. */
  credentials?: Record<string, string | null>;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The number of calls with one value, such as a source or a scope, and the last of them. */
export interface CountedDocument {
  what: string;
  calls: number;
  last_at: string;
}

/** One version of a connector's credentials. Values are never shown. */
export interface CredentialVersionDocument {
  version: number;
  /** The fields that are set in it. */
  fields: string[];
  /** Fields that were entered or removed in it. */
  changed: string[];
  set_by: string | null;
  set_by_name: string | null;
  set_at: string;
  restored_from: number | null;
}

/** The delivery of one event to one webhook, as the API returns it. */
export interface DeliveryDocument {
  id: string;
  webhook_id: string;
  /** Also the header webhook-id of every attempt. */
  event_id: string;
  event_type: string;
  subject: string | null;
  state: "pending" | "in_flight" | "retrying" | "held" | "delivered" | "failed" | "expired" | "cancelled";
  attempts: number;
  next_attempt_at: string | null;
  /** Its place in the order of first attempts, without gaps: header cpod-sequence. */
  sequence: number | null;
  created_at: string;
  completed_at: string | null;
  /** Of the last attempt. */
  outcome: "sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled" | null;
  /** The receiver's HTTP status in the last attempt. */
  status: number | null;
  origin: "event" | "redelivery" | "replay" | "probe" | "lab";
  replay_id: string | null;
}

/** A delivery and its attempts, the newest first, at most 50. */
export interface DeliveryWithAttempts {
  id: string;
  webhook_id: string;
  /** Also the header webhook-id of every attempt. */
  event_id: string;
  event_type: string;
  subject: string | null;
  state: "pending" | "in_flight" | "retrying" | "held" | "delivered" | "failed" | "expired" | "cancelled";
  attempts: number;
  next_attempt_at: string | null;
  /** Its place in the order of first attempts, without gaps: header cpod-sequence. */
  sequence: number | null;
  created_at: string;
  completed_at: string | null;
  /** Of the last attempt. */
  outcome: "sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled" | null;
  /** The receiver's HTTP status in the last attempt. */
  status: number | null;
  origin: "event" | "redelivery" | "replay" | "probe" | "lab";
  replay_id: string | null;
  attempt_list: AttemptDocument[];
}

/** The result of ending sessions. */
export interface EndedDocument {
  /** Number of sessions that were live. */
  ended: number;
}

/** The number of erased events, and whether to repeat the call: it erases at most 10,000. */
export interface Erased {
  events: number;
  /** True if the subject has more events: then send this again. */
  more: boolean;
}

/**
 * The subject whose events to erase.
 *
 * It may contain a key, which can be the reason to erase it.
 */
export interface Erasure {
  /** The subject of the events. */
  subject: string;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** Up to 500 events, stored together or not at all. */
export interface EventBatch {
  /** The events. One event alone may be sent as the body itself, several as an array. */
  events: EventInput[];
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** An event as it is read. */
export interface EventDocument {
  id: string;
  client_id: string | null;
  type: string;
  subject: string | null;
  data: Record<string, unknown>;
  occurred_at: string;
  received_at: string;
  application_id: string | null;
  app_id: string | null;
  actor_id: string;
  actor_name: string;
  /** The one webhook that it was made for, in the lab; no other gets it. */
  only_for: string | null;
}

/** One event to publish. See `key_material` for API keys in its data. */
export interface EventInput {
  /** Type of the event, such as rfp.created. */
  type: string;
  /** Content of the event, up to 64 KiB of JSON. */
  data?: Record<string, unknown>;
  /** Your own id: the same id again publishes nothing and is no error. */
  id?: string | null;
  /** Time when it happened; left out, now. */
  occurred_at?: string | null;
  /** Thing or person that it is about; events are found and erased by it. */
  subject?: string | null;
}

/** One type of event as it is read. */
export interface EventTypeDocument {
  id: string;
  tenant_id: string;
  app_id: string | null;
  created_at: string;
  updated_at: string;
  created_by: string | null;
  updated_by: string | null;
  source: string;
  source_type: string;
  is_deleted: boolean;
  deleted_at: string | null;
  deleted_by: string | null;
  schema_version: number;
  version: number;
  name: string;
  display_name: string;
  description: string | null;
  json_schema: Record<string, unknown> | null;
  example: Record<string, unknown> | null;
  deprecated: boolean;
  validation: "off" | "reject";
  tags: string[];
}

/** The fields of an event type that a client may write. */
export interface EventTypeInput {
  /** The type's name, such as rfp.created. Fixed once it is there. */
  name?: string | null;
  /** Name shown to people. */
  display_name?: string;
  /** Occasion on which it happens. */
  description?: string | null;
  /** JSON Schema (2020-12) of the event's data. */
  json_schema?: Record<string, unknown> | null;
  /** An example of the event's data. */
  example?: Record<string, unknown> | null;
  /** Still sent, and better not subscribed to. */
  deprecated?: boolean;
  /** reject = a publication that does not fit the schema is refused. */
  validation?: "off" | "reject";
  /** Free-form tags. */
  tags?: string[];
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** An event, and its match with every webhook of the tenant. */
export interface EventWithMatches {
  id: string;
  client_id: string | null;
  type: string;
  subject: string | null;
  data: Record<string, unknown>;
  occurred_at: string;
  received_at: string;
  application_id: string | null;
  app_id: string | null;
  actor_id: string;
  actor_name: string;
  /** The one webhook that it was made for, in the lab; no other gets it. */
  only_for: string | null;
  /** By today's settings; at most 200 webhooks. */
  matches: MatchDocument[];
}

/** The id of a refused request. */
export interface ExplainRequest {
  /** The X-Request-Id of the answer that refused. */
  request_id?: string;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The reason why a request was refused: its checks in their order. */
export interface ExplanationDocument {
  request_id: string;
  denied_at: string;
  key_id: string | null;
  code: string;
  source: string | null;
  trace: VerdictCheck[];
}

/** Event types and a filter to test with recent events. */
export interface FilterTest {
  /** Compare with what this webhook gets today. */
  webhook_id?: string | null;
  event_types?: string[];
  filter?: Record<string, unknown[]>;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The number of recent events that the tested settings would have matched. */
export interface FilterTestResult {
  /** Number of events that were looked at: the last 200. */
  events: number;
  matched: number;
  /** Matched now and not by the webhook as it is. */
  new: number | null;
  /** Matched by the webhook as it is and not now. */
  lost: number | null;
  /** Ids of up to 5 that matched, newest first. */
  examples: string[];
}

/** One reason why a signature fails, as the API returns it. */
export interface FindingDocument {
  code: string;
  /** Problem, as a sentence. */
  what: string;
  /** Next step for a person. */
  remedy: string;
}

/** One record that was found. */
export interface FoundDocument {
  /** Resource of the record, as paths name it, such as api-keys. */
  resource: string;
  /** Id of the record. */
  id: string;
  /** Name of the record. */
  label: string;
  /** Status of the record, if it has one. */
  status: string | null;
}

/** A lease with its values, which are in this answer only. */
export interface GivenDocument {
  id: string;
  connector_id: string;
  /** The API key that took the lease. */
  key_id: string;
  /** The application of that key. */
  application_id: string;
  /** token: an access token that the portal got; credentials: fields as stored. */
  kind: "token" | "credentials";
  /** The version of the credentials that it is of. */
  credential_version: number;
  /** Time when the token ends, as the provider said; null if nobody said so. */
  expires_at: string | null;
  created_at: string;
  /** Use the values so long, then take a new lease: so a change of the credentials or a disabled connector reaches you. */
  lease_seconds: number;
  /** The access token, if the kind is token. */
  access_token: string | null;
  /** The credentials, if the kind is credentials. */
  credentials: Record<string, string> | null;
}

/** The health of a webhook: the last 24 hours, what waits, and why it is paused. */
export interface HealthDocument {
  /** Id of the webhook. */
  webhook_id: string;
  /** True if the webhook sends: it is enabled, not paused and not deleted. */
  is_active: boolean;
  /** Time since which it is paused. */
  paused_at: string | null;
  /** Reason of the pause: by hand, or what failed. */
  pause_reason: string | null;
  /** Time since which every attempt has failed. */
  failing_since: string | null;
  /** Time of the next trial request while it is paused because of failures. */
  next_probe_at: string | null;
  /** Deliveries that wait. */
  held: number;
  /** True if more wait than were counted. */
  is_more: boolean;
  /** Time of the oldest delivery that waits. */
  oldest: string | null;
  /** Seconds that sending all of them takes, about. */
  seconds: number;
  /** Time of the next attempt. */
  next_attempt_at: string | null;
  /** Deliveries that were given up because they waited for too long. */
  expired: number;
  /** Attempts of the last 24 hours. */
  last_day: SpanDocument;
  /** Attempts of each of these hours, the oldest first. */
  hours: SpanDocument[];
}

/** One change of a record: who, what, before → after, from where. */
export interface HistoryEntry {
  id: string;
  occurred_at: string;
  action: string;
  actor_kind: string;
  actor_id: string;
  actor_name: string;
  changes: Record<string, unknown[]>;
  ip: string | null;
  user_agent: string | null;
  request_id: string | null;
}

/** The use of a key in the last 24 hours, which shows what would break without it. */
export interface ImpactDocument {
  key_id: string;
  calls: number;
  sources: CountedDocument[];
  scopes: CountedDocument[];
  children: number;
}

/** An OpenAPI 3.1 document whose webhooks become event types. */
export interface Import {
  /** The document, as JSON. */
  document: Record<string, unknown>;
  /** Only tell what would be done. */
  dry_run?: boolean;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The result of importing one webhook of the document. */
export interface ImportedType {
  name: string;
  fate: "created" | "updated" | "unchanged" | "skipped";
  reason: string;
}

/** The results of importing the document's webhooks. */
export interface ImportedTypes {
  types: ImportedType[];
  dry_run: boolean;
}

/** One received request, as lists return it. */
export interface InboundRequestDocument {
  id: string;
  webhook_id: string;
  received_at: string;
  /** accepted, or quarantined. */
  state: string;
  /** verified, or why not. */
  code: string;
  /** The same as a sentence. */
  reason: string;
  method: string;
  url: string;
  body_bytes: number;
  source_ip: string | null;
  /** By this a repetition is known. */
  delivery_key: string | null;
  /** Number of times the same delivery came again. */
  repeats: number;
  /** Fingerprint of the secret. */
  verified_with: string | null;
  verified_at: string | null;
  /** Person who verified it again. */
  verified_by: string | null;
  event_id: string | null;
  event_type: string | null;
}

/** The tenant's own receiver for tests. */
export interface InboxDocument {
  /** Id of the inbound webhook that receives. */
  receiver_id: string;
  /** Address of the receiver. */
  receiver_url: string;
  /** Id of the webhook that sends to it; null if it was deleted. */
  sender_id: string | null;
  /** True if the sender signs with a secret that the receiver knows. */
  is_complete: boolean;
}

/**
 * The fields of a new key. All are optional: `{}` issues a service key without scopes.
 *
 * A key without scopes authenticates, but may do nothing: every right is granted by name.
 */
export interface IssueKey {
  /** Human-readable label for this key. */
  name?: string | null;
  /** Owning application. It must be one that runs: no library, neither suspended nor retired. A key without one sees the whole tenant. */
  application_id?: string | null;
  /** user = a person's; service = a program's; virtual_llm = for language models. */
  kind?: "user" | "service" | "virtual_llm";
  /** User this key was issued to, if kind=user; the creator when left out. */
  issued_to_user_id?: string | null;
  /** Service name this key was issued to, if kind=service. */
  issued_to_service?: string | null;
  /** Permissions, at most those of the key's creator. */
  scopes?: ("applications:read" | "applications:reopen" | "applications:retire" | "applications:suspend" | "applications:write" | "audit:read" | "connectors:read" | "connectors:use" | "connectors:write" | "event-types:read" | "event-types:write" | "events:publish" | "events:read" | "keys:read" | "keys:reopen" | "keys:verify" | "keys:write" | "webhooks:read" | "webhooks:write")[];
  /** If kind=virtual_llm, the models it may call. */
  allowed_models?: string[];
  /** Tokens per minute. */
  tpm_limit?: number | null;
  /** Requests per minute. */
  rpm_limit?: number | null;
  /** Maximum spend, US dollars. */
  max_budget_usd?: number | null;
  /** Time when it stops by itself, in the future; null for never. */
  expires_at?: string | null;
  /** True if it begins blocked. */
  blocked?: boolean;
  /** Reason for the block. */
  blocked_reason?: string | null;
  /** The key that this one follows. */
  rotated_from_key_id?: string | null;
  /** Free-form tags. */
  tags?: string[];
  /** Period after which it begins anew, by the calendar of the tenant's time zone. */
  budget_period?: "none" | "day" | "week" | "month";
  /** Networks it may be used from; empty for all. */
  allowed_ips?: string[];
  /** Number of times it may be used at all. */
  max_uses?: number | null;
  /** shown: the answer has the key. link: the answer has a link that shows the key once to whoever opens it first, within 72 hours. store: the key goes to the secret store, and nobody sees it. */
  delivery?: "shown" | "link" | "store";
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** A key as a client reads it (specification: IntegrationApiKey), without the raw key. */
export interface KeyDocument {
  id: string;
  tenant_id: string;
  app_id: string | null;
  created_at: string;
  updated_at: string;
  created_by: string | null;
  updated_by: string | null;
  source: string;
  source_type: string;
  is_deleted: boolean;
  deleted_at: string | null;
  deleted_by: string | null;
  schema_version: number;
  version: number;
  name: string;
  application_id: string | null;
  kind: "user" | "service" | "virtual_llm";
  prefix: string;
  key_prefix: string;
  last4: string;
  key_fingerprint: string;
  issued_to_user_id: string | null;
  issued_to_service: string | null;
  scopes: string[];
  allowed_models: string[];
  tpm_limit: number | null;
  rpm_limit: number | null;
  max_budget_usd: number | null;
  spend_usd: number;
  status: "active" | "revoked" | "expired";
  blocked: boolean;
  blocked_reason: string | null;
  last_used_at: string | null;
  expires_at: string | null;
  revoked_at: string | null;
  revoked_reason: string | null;
  rotated_from_key_id: string | null;
  created_by_user_id: string | null;
  tags: string[];
  budget_period: "none" | "day" | "week" | "month";
  allowed_ips: string[];
  max_uses: number | null;
  parent_key_id: string | null;
  rotation_family_id: string | null;
  revoke_at: string | null;
  brownout_from: string | null;
  /** Of the owning application: suspended and retired stop what belongs to it. */
  application_status: string | null;
}

/** The limits of the API key that was sent; null where the key has none. */
export interface KeyLimits {
  /** Requests per minute. */
  rpm_limit: number | null;
  /** Tokens per minute. */
  tpm_limit: number | null;
  /** Number of uses in total. */
  max_uses: number | null;
  /** Budget in US dollars. */
  max_budget_usd: number | null;
}

/** An event that is sent through the queue to a single webhook. */
export interface LabInput {
  /** One event's name, such as rfp.created. */
  event_type: string;
  /** The event's data, up to 16 KiB. */
  data?: Record<string, unknown>;
  /** Status that the inbox answers first, if the webhook sends to it. */
  failure?: "500" | "503" | "429" | "404" | "410" | null;
  /** Number of requests that the inbox answers so. */
  times?: number;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** A place where a key was found in public. */
export interface LeakDocument {
  /** Id of the key. */
  key_id: string;
  /** Name of the key. */
  key_name: string;
  /** Reporter: github, or scanner for a program of yours. */
  reporter: string;
  /** Kind of the place, in the reporter's word, such as commit. */
  place: string | null;
  /** Address of the place, without the key. */
  url: string | null;
  /** Action that was taken. */
  response: "notify" | "block" | "revoke";
  /** Time of the report. */
  reported_at: string;
  /** Time when a person settled it; null while it is open. */
  settled_at: string | null;
}

/** The action that follows when a key is found in public. The stricter of two cases wins. */
export interface LeakPolicyDocument {
  /** Any report for which no other case is decided. */
  default: "notify" | "block" | "revoke";
  /** Reports of GitHub's secret scanning; null if not decided. */
  github: "notify" | "block" | "revoke" | null;
  /** Reports of a scanner of yours; null if not decided. */
  scanner: "notify" | "block" | "revoke" | null;
  /** Keys of people; null if not decided. */
  user: "notify" | "block" | "revoke" | null;
  /** Keys of services; null if not decided. */
  service: "notify" | "block" | "revoke" | null;
  /** Keys for language models; null if not decided. */
  virtual_llm: "notify" | "block" | "revoke" | null;
}

/** The cases of the policy to change. What is left out stays; null takes a case away. */
export interface LeakPolicyInput {
  /** Any report for which no other case is decided; null means block. */
  default?: "notify" | "block" | "revoke" | null;
  /** Reports of GitHub's secret scanning. */
  github?: "notify" | "block" | "revoke" | null;
  /** Reports of a scanner of yours. */
  scanner?: "notify" | "block" | "revoke" | null;
  /** Keys of people. */
  user?: "notify" | "block" | "revoke" | null;
  /** Keys of services. */
  service?: "notify" | "block" | "revoke" | null;
  /** Keys for language models. */
  virtual_llm?: "notify" | "block" | "revoke" | null;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** A rule by which a scanner finds the tenant's keys in repositories. */
export interface LeakRuleDocument {
  /** Configuration for gitleaks, in TOML. */
  gitleaks_toml: string;
}

/** One lease: who got which version, when. Values are never shown again. */
export interface LeaseDocument {
  id: string;
  connector_id: string;
  /** The API key that took the lease. */
  key_id: string;
  /** The application of that key. */
  application_id: string;
  /** token: an access token that the portal got; credentials: fields as stored. */
  kind: "token" | "credentials";
  /** The version of the credentials that it is of. */
  credential_version: number;
  /** Time when the token ends, as the provider said; null if nobody said so. */
  expires_at: string | null;
  created_at: string;
}

/** Nothing is to be said: a lease has what the connector hands out. */
export interface LeaseInput {
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** One limit of a key. `remaining` is null if it is not known. */
export interface LimitDocument {
  name: string;
  limit: number;
  remaining: number | null;
  reset_at: string | null;
}

/** The match of one webhook with an event, and the reason. */
export interface MatchDocument {
  id: string;
  name: string;
  matched: boolean;
  reason: string;
}

/** Counters of synced records; the latency is null before the first run. */
export interface Metrics {
  totalSynced: number;
  last24h: number;
  avgLatencyMs: number | null;
}

/** The id and the name of a key. */
export interface NamedDocument {
  id: string;
  name: string;
}

/** Something that is about to stop, has stopped, or works again. */
export interface NoticeDocument {
  /** Time of the notice. */
  at: string;
  /** Name of what it is about. */
  title: string;
  /** Sentence that says what happened. */
  text: string;
  /** Path of the page on which to act. */
  url: string;
  /** Status in one word. */
  status: string;
  /** True while somebody has to act; false for what has passed by itself. */
  lasts: boolean;
}

/** The application that a credential belongs to. */
export interface OwnApplication {
  /** Id of the application. */
  id: string;
  /** Slug of the application, which is the `app_id` of everything that it writes. */
  slug: string | null;
}

/** One type of event that the portal itself publishes. */
export interface OwnTypeDocument {
  name: string;
  description: string;
  json_schema: Record<string, unknown>;
  example: Record<string, unknown>;
}

/** A person who has signed in to the tenant. The identity provider decides about the role. */
export interface PersonDocument {
  /** Id of the person. */
  id: string;
  /** Name, as the identity provider gives it. */
  name: string;
  /** Verified e-mail address. */
  email: string | null;
  /** Role at the last sign-in: viewer, editor or admin. */
  role: string;
  /** Groups at the last sign-in. */
  groups: string[];
  /** Time of the last sign-in. */
  last_seen_at: string;
  /** Number of sessions in browsers that have not ended. */
  live_sessions: number;
}

/** The number of active keys with each weakness. A key can have several. */
export interface PostureDocument {
  /** Within 14 days. */
  expiring: number;
  /** Its person has not been here for 90 days. */
  owner_gone: number;
  /** Called from more than 10 addresses in a week. */
  many_sources: number;
  /** Used once, but not for 90 days. */
  idle: number;
  /** Issued more than a day ago. */
  never_used: number;
  never_expires: number;
  /** No limit, no budget, no network. */
  unrestricted: number;
  no_budget: number;
}

/** The number of verifying processes that have received a key's newest change. */
export interface PropagationDocument {
  /** Processes that may answer from memory. */
  verifiers: number;
  /** Those of them that have heard. */
  heard: number;
  /** Until the last of them had heard. */
  milliseconds: number | null;
  /** Hosts that have not heard and are silent: they answer 503, not VALID. */
  cut_off: string[];
}

/** A provider with everything that a connector to it can set. */
export interface ProviderDocument {
  /** Value of `provider` of a connector. */
  id: string;
  /** Name of the provider. */
  name: string;
  /** Category, which is the usual `type` of a connector. */
  category: string;
  /** Address of the documentation of its API. */
  docs: string | null;
  /**
   * Source of the entry: tried at the provider, read in its documentation, taken from another
   * catalogue, or from memory.
   */
  evidence: "live" | "docs" | "peer" | "memory";
  /** Ways to sign in, the usual one first. */
  auth_types: string[];
  /** Settings of a connector. */
  settings: SettingDocument[];
  /** Ways to sign in, the usual one first. */
  sign_ins: SignInDocument[];
  /** Event types that a connector to it usually has. */
  event_types: string[];
  /** True if a connector may have settings that are not listed here. */
  allows_other_settings: boolean;
}

/** A provider, as lists show it. */
export interface ProviderSummary {
  /** Value of `provider` of a connector. */
  id: string;
  /** Name of the provider. */
  name: string;
  /** Category, which is the usual `type` of a connector. */
  category: string;
  /** Address of the documentation of its API. */
  docs: string | null;
  /**
   * Source of the entry: tried at the provider, read in its documentation, taken from another
   * catalogue, or from memory.
   */
  evidence: "live" | "docs" | "peer" | "memory";
  /** Ways to sign in, the usual one first. */
  auth_types: string[];
}

/** The result of one published event. */
export interface PublishedEvent {
  id: string;
  /** The publisher's own id. */
  client_id: string | null;
  type: string;
  /** To how many webhooks it goes. */
  deliveries: number;
  /** It was published before; nothing was done now. */
  duplicate: boolean;
}

/** The response to a publication, in the order of the request. */
export interface PublishedEvents {
  events: PublishedEvent[];
}

/** One quota and the tenant's use of it. */
export interface QuotaDocument {
  name: string;
  /** Rates: the average of the last full minute. null: nobody has counted yet. */
  used: number | null;
  limit: number;
  /** near: from 80 % on. reached: full, or refused in the last five minutes. */
  state: "room" | "near" | "reached" | "unknown";
  /** null: the count is exact now. */
  counted_at: string | null;
}

/** All quotas of the tenant. */
export interface QuotasDocument {
  items: QuotaDocument[];
}

/**
 * The requirements of a rehearsed call. A scope or a model left out is not checked.
 *
 * A key with allowed networks is refused if `ip` is left out.
 */
export interface RehearseKey {
  /** The permission that the call needs. */
  scope?: string | null;
  /** The model that the call is for. */
  model?: string | null;
  /** Tokens that the call will need, estimated. */
  cost_tokens?: number | null;
  /** Highest cost of the call, US dollars: reserved until settled. */
  estimated_usd?: number | null;
  /** The address that the holder calls from. */
  ip?: string | null;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The keys to repair, by their weakness, and the remedy. A value that a key has stays. */
export interface RepairKeys {
  /** Weakness that the keys have, as in the posture. */
  weakness: "expiring" | "owner_gone" | "many_sources" | "idle" | "never_used" | "never_expires" | "unrestricted" | "no_budget";
  /**
   * expire: let them end in 90 days. limit: 600 requests a minute. budget: 100 US dollars a
   * month.
   */
  remedy: "expire" | "limit" | "budget";
  /** Only keys of this application. */
  application_id?: string | null;
  /** Only say how many keys these are; false repairs up to 1,000 of them. */
  dry_run?: boolean;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** A replay: the events of a period, sent again. */
export interface ReplayDocument {
  id: string | null;
  webhook_id: string;
  since: string;
  until: string;
  what: "failed" | "missing" | "all";
  rate: number | null;
  total: number;
  created_at: string | null;
  created_by: string | null;
  cancelled_at: string | null;
}

/** The selection of the events to send again. */
export interface ReplayInput {
  /** Events received from then on. */
  from: string;
  /** And before then. */
  to: string;
  /** failed = whose delivery failed for good; missing = that were never sent to this webhook and match it today; all = every one that matches it today. */
  what?: "failed" | "missing" | "all";
  /** At most so many a second. */
  rate?: number | null;
  /** Only count. */
  dry_run?: boolean;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** A replay, and the number of its deliveries in each state. */
export interface ReplayProgress {
  id: string | null;
  webhook_id: string;
  since: string;
  until: string;
  what: "failed" | "missing" | "all";
  rate: number | null;
  total: number;
  created_at: string | null;
  created_by: string | null;
  cancelled_at: string | null;
  counts: Record<string, number>;
}

/** A key that a scanner found, identified by its fingerprint only. */
export interface ReportLeak {
  /** Hex SHA-256 of the key. Never send the key itself. */
  fingerprint: string;
  /** Address on the web at which it was found. */
  url?: string | null;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The key that has the reported fingerprint, if any, and the response to the leak. */
export interface ReportedDocument {
  key_id: string | null;
  response: "notify" | "block" | "revoke" | null;
}

/** The version of the credentials to use again. */
export interface RestoreInput {
  /** One of the connector's credential versions. */
  version: number;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
}

/** The result of a check. */
export interface ResultDocument {
  /** passed; unproven = nothing failed, and nothing shows that the credentials are good; auth_invalid, auth_scope, auth_expired and config need a person; rate_limited and transient pass by themselves; secret_store and internal are faults of the portal. Null until the check has ended. */
  outcome: "passed" | "unproven" | "auth_invalid" | "auth_scope" | "auth_expired" | "config" | "rate_limited" | "transient" | "secret_store" | "internal" | null;
  /** Result, as a sentence. */
  said: string;
  /** Next step for a person; may be empty. */
  remedy: string;
  steps: StepDocument[];
  took_ms: number | null;
  /** Account that the credentials belong to, as the provider says. */
  account: string | null;
  /** True if they belong to a person and not to a service; null if unknown. */
  is_person: boolean | null;
  /** Scopes of the credentials; null where the provider does not tell. */
  granted: string[] | null;
  /** Scopes that the connector needs and has not. */
  missing: string[];
  /** Scopes that it has and does not need. */
  too_much: string[];
  /** Time when the credentials end, as the provider says. */
  expires_at: string | null;
}

/** The choice of what happens to the events that were held while a webhook was paused. */
export interface ResumeInput {
  /** all = send everything; newest_per_subject = of each subject the newest event alone; skip_before = only what was published from `before` on. */
  choice?: "all" | "newest_per_subject" | "skip_before";
  /** For skip_before; left out, now. */
  before?: string | null;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The number of attempts for one event, the backoff between them, and the timeout. */
export interface RetryPolicy {
  /** Attempts for one event, the first too. */
  maxAttempts?: number;
  /** Growth of the waits between attempts. */
  backoff?: "exponential" | "linear" | "fixed";
  /** Milliseconds that the receiver has until its answer begins. */
  timeoutMs?: number;
}

/** The result of verifying a quarantine again. */
export interface ReviewedDocument {
  verified: number;
  refused: number;
  /** Came again meanwhile, and were accepted then. */
  duplicates: number;
  /** There is more in quarantine: ask again. */
  is_more: boolean;
}

/** The time when a key ends; immediately if nothing is given. */
export interface RevokeKey {
  /** Reason, in a sentence for people. */
  reason?: string | null;
  /** Time when it ends, in the future. */
  at?: string | null;
  /** Deny for a minute now, longer each hour, until it ends after six. */
  brownout?: boolean;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The keys to revoke or block: those that meet every condition that is given. */
export interface RevokeKeys {
  /** Of this application. */
  application_id?: string | null;
  /** Created by or issued to this person's id. */
  owner?: string | null;
  /** With this tag. */
  tag?: string | null;
  /** Older than this. */
  created_before?: string | null;
  /** block can be undone. */
  verb?: "revoke" | "block";
  /** Reason, in a sentence for people. */
  reason?: string | null;
  /** Only say how many; false does it. */
  dry_run?: boolean;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The number of keys that a bulk revocation selects, and some of them. */
export interface RevokedDocument {
  count: number;
  dry_run: boolean;
  sample: NamedDocument[];
}

/** The overlap of a rotation: how long the old key still works beside its successor. */
export interface RotateKey {
  /** until_quiet: until nobody used the old key for a day, 30 days at most. */
  overlap?: "now" | "1h" | "24h" | "7d" | "until_quiet";
  /** shown: the answer has the key. link: the answer has a link that shows the key once to whoever opens it first, within 72 hours. store: the key goes to the secret store, and nobody sees it. */
  delivery?: "shown" | "link" | "store";
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The newest rotation that a key is part of, as the old key or as its successor. */
export interface RotationDocument {
  /** Id of the rotation. */
  id: string;
  /** Id of the key that is replaced. */
  old_key_id: string;
  /** Id of its successor. */
  new_key_id: string;
  /**
   * created: the successor is not used yet. seen: both may be used. quiet: the old key was not
   * used for a day. done: the old key has ended. failed: the successor does not work. kept: the old
   * key stays.
   */
  state: "created" | "seen" | "quiet" | "done" | "failed" | "kept";
  /** Overlap that was chosen. */
  overlap: "now" | "1h" | "24h" | "7d" | "until_quiet";
  /** Time when the rotation began. */
  started_at: string;
  /** Time when the old key ends at the latest. */
  ends_at: string;
  /** Time beyond which the old key cannot be extended. */
  latest_end: string;
  /** Time when the rotation was over; null while it runs. */
  finished_at: string | null;
  /** Share of the calls of the last day that used the successor; null without calls. */
  new_key_share_percent: number | null;
  /** Calls with the old key in the last two days. */
  old_key_calls: number;
  /** Calls with the successor in the last two days. */
  new_key_calls: number;
}

/** A session of the caller in a browser. */
export interface SessionDocument {
  /** Id of the session. */
  id: string;
  /** Time of the sign-in. */
  created_at: string;
  /** Time of the last request, to the minute. */
  last_seen_at: string;
  /** Address that the sign-in came from. */
  ip: string | null;
  /** Browser that signed in, as it names itself. */
  user_agent: string | null;
}

/** One setting, or one field of the credentials. */
export interface SettingDocument {
  /** Name of the field in `config` or `credentials` of a connector. */
  key: string;
  /** Name for people. */
  label: string;
  /** Form of the value. */
  kind: "string" | "host" | "url" | "uuid" | "email" | "enum" | "int" | "bool";
  /** True if a connector works only with it. */
  required: boolean;
  /** True if its value is hidden while it is typed. */
  secret: boolean;
  /** Value that is used if none is given; null if there is none. */
  default: unknown;
  /** Allowed values of an enum. */
  options: string[];
  /** Example of a value. */
  example: string | null;
  /** Regular expression that the value matches. */
  pattern: string | null;
}

/** A tenant's event settings as they are read. */
export interface SettingsDocument {
  retention_days: number;
  redacted_fields: string[];
  key_material: "mask" | "refuse";
}

/** A tenant's retention, hidden fields and treatment of API keys in events. */
export interface SettingsInput {
  /** Days after which events and deliveries are forgotten. */
  retention_days?: number;
  /** Names of fields whose values only those see who may change webhooks. */
  redacted_fields?: string[];
  /** Treatment of an API key in an event's data. mask = only its beginning and its last four characters are kept; refuse = the event is not taken. */
  key_material?: "mask" | "refuse";
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The actual cost of a reserved call. */
export interface SettleReservation {
  /** US dollars; what was reserved when left out, 0 for a call that failed. */
  cost_usd?: number | null;
  /** Tokens that it used. */
  tokens?: number | null;
  /** The model that it was for. */
  model?: string | null;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The result of settling the leaks of a key. */
export interface SettledDocument {
  /** Number of leaks that were open. */
  leaks: number;
}

/** One way to sign in to a provider. */
export interface SignInDocument {
  /** Value of `auth_type` of a connector. */
  type: string;
  /** Name for people. */
  label: string;
  /** Settings that this way needs, with their values. */
  when: Record<string, string>;
  /** Fields of the credentials. */
  credentials: SettingDocument[];
  /** OAuth scopes that the portal asks the provider for. */
  scopes: string[];
  /** True if a lease has an access token that the portal gets, and not the stored credentials. */
  gives_token: boolean;
  /** True if a person has to give consent in a browser. */
  needs_person: boolean;
  /** Sentences that people read before they choose this way. */
  remarks: string[];
}

/** A request to diagnose, and the scheme and secret to check it with. */
export interface SignatureCheck {
  /** Check with this webhook's secrets, and by its scheme. */
  webhook_id?: string | null;
  /** Scheme by which it should be signed; left out, as the webhook says. */
  scheme?: "standard-webhooks" | "inbox" | "github" | "stripe" | "slack" | "shopify" | "twilio" | "sendgrid" | "hubspot" | "square" | "zoom" | "gitlab" | "jira" | "linear" | "pagerduty" | "sentry" | "zendesk" | "intercom" | "meta" | "twitter" | "paddle" | "discord" | "docusign" | "mailgun" | "typeform" | "calendly" | "dropbox" | "box" | "vercel" | "woocommerce" | "webflow" | "elevenlabs" | "gitea" | "okta" | "microsoft-graph" | "contentful" | "azure-event-grid" | "aws-sns" | "fusionauth" | "plaid" | "hmac-sha256-hex" | "hmac-sha256-base64" | "hmac-sha512-hex" | "hmac-sha1-hex" | "timestamped-hmac" | "bearer" | "jwt" | "api-key" | "basic" | null;
  /** As a webhook's inbound_options. */
  options?: Record<string, string>;
  /** Check with this secret. It is neither kept nor written to a log. */
  secret?: string | null;
  /** The request's headers. */
  headers?: Record<string, string>;
  /** The raw body as text. */
  body?: string;
  /** The raw body in base64, in place of `body`. */
  body_base64?: string | null;
  method?: string;
  /** The address as the sender was told it; left out, the webhook's. */
  url?: string;
  /** Time when it came; left out, now. */
  at?: string | null;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The result of a check: whether the signature is right, and why not. */
export interface SignatureCheckResult {
  verified: boolean;
  code: string;
  reason: string;
  scheme: string;
  /** Of the secret that matched. */
  fingerprint: string | null;
  findings: FindingDocument[];
  /** The text that should be signed, its beginning. */
  signed_text: string;
  /** The signature that the given secret makes; none for a stored secret. */
  expected: string | null;
}

/** The attempts of one hour, or of all 24. */
export interface SpanDocument {
  /** Begin of the hour; null for the whole day. */
  hour: string | null;
  /** Attempts that have ended; test deliveries are not counted. */
  attempts: number;
  /** Attempts that succeeded. */
  delivered: number;
  /** Attempts that failed. */
  failed: number;
  /** Time within which half of the attempts were answered, in milliseconds. */
  p50_ms: number | null;
  /** Time within which 95 % of the attempts were answered, in milliseconds. */
  p95_ms: number | null;
}

/** A cost that is recorded on a key after the call. */
export interface SpendOnKey {
  /** Your id of this line: the same id is written once. */
  usage_id?: string | null;
  /** US dollars. */
  cost_usd?: number;
  /** Tokens that were used. */
  tokens?: number | null;
  /** The model that it was for. */
  model?: string | null;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** A line of the ledger and the budget after it. `repeated`: the line existed already. */
export interface SpentDocument {
  id: string;
  key_id: string;
  cost_usd: number;
  repeated: boolean;
  budget: BudgetDocument;
}

/** The reason for suspending, retiring or reopening an application, shown to people later. */
export interface StateReason {
  /** Reason, in a sentence for people. It is kept in the history. */
  reason: string;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** One step of a check, in the order in which they are taken. */
export interface StepDocument {
  /** address, connect, tls, sign_in, who, or scope: and the scope. */
  name: string;
  title: string;
  state: "passed" | "warned" | "failed" | "not_tried";
  /** Milliseconds after the begin of the check. */
  began_ms: number | null;
  took_ms: number | null;
  verdict: "passed" | "unproven" | "auth_invalid" | "auth_scope" | "auth_expired" | "config" | "rate_limited" | "transient" | "secret_store" | "internal" | null;
  /** The HTTP status of the answer, if there was one. */
  status: number | null;
  /** Result, as a sentence. */
  said: string;
  /** Next step for a person; may be empty. */
  remedy: string;
}

/** The reason why a key is revoked or blocked, for people who ask later. */
export interface StopKey {
  /** Reason, in a sentence for people. */
  reason?: string | null;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The tenant that a credential belongs to. */
export interface TenantDocument {
  /** Id of the tenant. */
  id: string;
  /** Short name of the tenant in addresses. */
  slug: string;
  /** Name of the tenant. */
  name: string;
}

/** The event of one test request, and how to sign it. */
export interface TestInput {
  /** One event's name, such as rfp.created. */
  event_type: string;
  /** The event's data, up to 16 KiB. */
  data?: Record<string, unknown>;
  /** Sign with the current secret alone, to see that the receiver knows it before the previous one is retired. */
  newest_secret_only?: boolean;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** The answer to the verification of a key. */
export interface Verdict {
  valid: boolean;
  code: string;
  key_id: string | null;
  name: string | null;
  kind: string | null;
  tenant_id: string | null;
  application_id: string | null;
  app_id: string | null;
  scopes: string[];
  expires_at: string | null;
  limits: LimitDocument[];
  budget: BudgetDocument | null;
  reservation_id: string | null;
  /** Every check, on a dry run. */
  trace?: VerdictCheck[] | null;
}

/** One check of a decision. */
export interface VerdictCheck {
  code: string;
  passed: boolean;
  detail: string;
}

/** A request to verify a key for a call. */
export interface VerifyKey {
  /** The permission that the call needs. */
  scope?: string | null;
  /** The model that the call is for. */
  model?: string | null;
  /** Tokens that the call will need, estimated. */
  cost_tokens?: number | null;
  /** Highest cost of the call, US dollars: reserved until settled. */
  estimated_usd?: number | null;
  /** The address that the holder calls from. */
  ip?: string | null;
  /** The raw key, as its holder sent it. */
  key: string;
  /** Consume nothing, and give the trace of checks. */
  dry_run?: boolean;
  /** Your own id for the reservation of `estimated_usd`: a call that repeats it takes nothing again. */
  reservation_id?: string | null;
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** A webhook as the API returns it (specification: Webhook). */
export interface WebhookDocument {
  id: string;
  tenant_id: string;
  app_id: string | null;
  created_at: string;
  updated_at: string;
  created_by: string | null;
  updated_by: string | null;
  source: string;
  source_type: string;
  is_deleted: boolean;
  deleted_at: string | null;
  deleted_by: string | null;
  schema_version: number;
  version: number;
  name: string;
  direction: "outbound" | "inbound";
  url: string | null;
  event_types: string[];
  signature_scheme: "standard-webhooks" | "standard-webhooks-ed25519" | "github" | "stripe" | "hmac-sha256-hex" | "hmac-sha256-base64";
  /** Inbound only: the address to give to the sender. */
  inbound_url: string | null;
  inbound_scheme: "standard-webhooks" | "inbox" | "github" | "stripe" | "slack" | "shopify" | "twilio" | "sendgrid" | "hubspot" | "square" | "zoom" | "gitlab" | "jira" | "linear" | "pagerduty" | "sentry" | "zendesk" | "intercom" | "meta" | "twitter" | "paddle" | "discord" | "docusign" | "mailgun" | "typeform" | "calendly" | "dropbox" | "box" | "vercel" | "woocommerce" | "webflow" | "elevenlabs" | "gitea" | "okta" | "microsoft-graph" | "contentful" | "azure-event-grid" | "aws-sns" | "fusionauth" | "plaid" | "hmac-sha256-hex" | "hmac-sha256-base64" | "hmac-sha512-hex" | "hmac-sha1-hex" | "timestamped-hmac" | "bearer" | "jwt" | "api-key" | "basic" | null;
  inbound_options: Record<string, string>;
  /** Path of the signing secret; the server derives it. */
  vault_path: string;
  headers: Record<string, string>;
  enabled: boolean;
  retry_policy: RetryPolicy;
  last_delivery_at: string | null;
  last_delivery_status: "sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled" | null;
  /** Tests do not count. */
  consecutive_failures: number;
  paused_at: string | null;
  pause_reason: "failing" | "gone" | "by_hand" | null;
  filter: Record<string, unknown[]>;
  rate_limit: number | null;
  ordered: boolean;
  connector_id: string | null;
  tags: string[];
  application_id: string | null;
  /** Of the owning application: suspended and retired stop what belongs to it. */
  application_status: string | null;
  /** First 12 hex digits of the SHA-256 of the current signing secret's bytes. */
  secret_fingerprint: string | null;
  /** enabled, and neither paused nor deleted. */
  is_active: boolean;
}

/**
 * The fields of a webhook that a client can set. All are optional: `{}` creates a webhook that
 * is disabled.
 */
export interface WebhookInput {
  /** Human-readable webhook name. */
  name?: string | null;
  /** outbound = cPod pushes to url; inbound = an external system calls cPod. Fixed once the webhook is there. */
  direction?: "outbound" | "inbound";
  /** Target URL (outbound) or callback URL (inbound). A public address. */
  url?: string | null;
  /** Event type filters: rfp.created, rfp.*, or * for everything. */
  event_types?: string[];
  /** standard-webhooks = headers webhook-id, webhook-timestamp and webhook-signature (v1, HMAC-SHA256), see standardwebhooks.com; -ed25519 = the same with a key pair (v1a). github, stripe, hmac-sha256-hex and hmac-sha256-base64 are for receivers that verify those styles already. Rotate the secret after a change to or from ed25519. */
  signature_scheme?: "standard-webhooks" | "standard-webhooks-ed25519" | "github" | "stripe" | "hmac-sha256-hex" | "hmac-sha256-base64";
  /** Inbound only: how the sender proves who it is. Left out, standard-webhooks. */
  inbound_scheme?: "standard-webhooks" | "inbox" | "github" | "stripe" | "slack" | "shopify" | "twilio" | "sendgrid" | "hubspot" | "square" | "zoom" | "gitlab" | "jira" | "linear" | "pagerduty" | "sentry" | "zendesk" | "intercom" | "meta" | "twitter" | "paddle" | "discord" | "docusign" | "mailgun" | "typeform" | "calendly" | "dropbox" | "box" | "vercel" | "woocommerce" | "webflow" | "elevenlabs" | "gitea" | "okta" | "microsoft-graph" | "contentful" | "azure-event-grid" | "aws-sns" | "fusionauth" | "plaid" | "hmac-sha256-hex" | "hmac-sha256-base64" | "hmac-sha512-hex" | "hmac-sha1-hex" | "timestamped-hmac" | "bearer" | "jwt" | "api-key" | "basic" | null;
  /** Inbound only, with a generic scheme: header and prefix of the signature, and delivery_id and event_type, the places (header:… or body:…) of these two. With a scheme that signs the body alone, equal_bodies: one = the same body again is a repetition (the usual), each = it is another event. */
  inbound_options?: Record<string, string>;
  /** Inbound only: the sender's secret, where it is the sender who makes it. Never shown again; the one before is accepted beside it for 24 hours. */
  inbound_secret?: string | null;
  /** Static custom headers (non-secret) sent with every delivery. */
  headers?: Record<string, string>;
  /** True if events are sent. Left out, it is on if there are a url and at least one event type. */
  enabled?: boolean | null;
  /** Parts that are left out get their defaults; in a PATCH they stay. */
  retry_policy?: RetryPolicy;
  /** Top-level field of an event's data → the value, or the list of values, of which it must have one. Only events that pass all of it are sent. */
  filter?: Record<string, unknown[]>;
  /** At most so many deliveries a second, from each worker. */
  rate_limit?: number | null;
  /** One at a time, in the order of publication: a delivery that fails holds up those after it until it is delivered or has failed for good. */
  ordered?: boolean;
  /** The owning connector, if any. */
  connector_id?: string | null;
  /** The owning application. */
  application_id?: string | null;
  /** Free-form tags. */
  tags?: string[];
  /** Written by the server; ignored. */
  app_id?: unknown;
  /** Written by the server; ignored. */
  created_at?: unknown;
  /** Written by the server; ignored. */
  created_by?: unknown;
  /** Written by the server; ignored. */
  deleted_at?: unknown;
  /** Written by the server; ignored. */
  deleted_by?: unknown;
  /** Written by the server; ignored. */
  id?: unknown;
  /** Written by the server; ignored. */
  is_deleted?: unknown;
  /** Written by the server; ignored. */
  schema_version?: unknown;
  /** Written by the server; ignored. */
  source?: unknown;
  /** Written by the server; ignored. */
  source_type?: unknown;
  /** Written by the server; ignored. */
  tenant_id?: unknown;
  /** Written by the server; ignored. */
  updated_at?: unknown;
  /** Written by the server; ignored. */
  updated_by?: unknown;
  /** Written by the server; ignored. */
  version?: unknown;
}

/** One received request with its headers and its raw body; API keys in it are masked. */
export interface WholeInboundRequest {
  id: string;
  webhook_id: string;
  received_at: string;
  /** accepted, or quarantined. */
  state: string;
  /** verified, or why not. */
  code: string;
  /** The same as a sentence. */
  reason: string;
  method: string;
  url: string;
  body_bytes: number;
  source_ip: string | null;
  /** By this a repetition is known. */
  delivery_key: string | null;
  /** Number of times the same delivery came again. */
  repeats: number;
  /** Fingerprint of the secret. */
  verified_with: string | null;
  verified_at: string | null;
  /** Person who verified it again. */
  verified_by: string | null;
  event_id: string | null;
  event_type: string | null;
  headers: [string, string][];
  body_base64: string;
}

/** RFC 9457 problem details */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  request_id: string;
  errors?: {
    field: string;
    message: string;
  }[];
  /** The stored record, on a conflict */
  current?: Record<string, unknown>;
}

export interface PeopleCalls {
  /** List the people who have signed in to the tenant; for admins */
  list(parameters?: Nothing, options?: Options): List<PersonDocument, {
    items: PersonDocument[];
    next_cursor: string | null;
  }>;
  /** Get one person; for admins */
  get(id: Held, parameters?: Nothing, options?: Options): Promise<PersonDocument>;
  /** End all sessions of a person; for admins */
  endSessions(id: Held, body?: Nothing, options?: Options<"idempotencyKey" | "validateOnly">): Promise<EndedDocument>;
}

export interface SessionsCalls {
  /** List your own sessions in browsers */
  list(parameters?: Nothing, options?: Options): List<SessionDocument, {
    items: SessionDocument[];
    next_cursor: string | null;
  }>;
  /** End one of your own sessions */
  end(id: Held, parameters?: Nothing, options?: Options<"validateOnly">): Promise<void>;
  /** End all of your own sessions */
  endAll(parameters?: Nothing, options?: Options<"validateOnly">): Promise<EndedDocument>;
}

export interface ApplicationsCalls {
  /** List applications */
  list(parameters?: {
    limit?: number;
    /** The next_cursor of the page before */
    cursor?: string;
    sort?: "created_at" | "display_name" | "updated_at" | "-created_at" | "-display_name" | "-updated_at";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor */
    q?: string;
    /** Only what has this tag */
    tag?: string;
    include_deleted?: boolean;
    kind?: "app" | "platform-service" | "library";
    status?: "draft" | "active" | "deprecated" | "suspended" | "retired";
    slug?: string;
    oauth_client_id?: string;
    primary_domain?: string;
    app_id?: string;
    created_by?: string;
    created_after?: string;
    created_before?: string;
    updated_after?: string;
    updated_before?: string;
  }, options?: Options): List<ApplicationDocument, {
    items: ApplicationDocument[];
    next_cursor: string | null;
  }>;
  /** Get one application */
  get(id: Held, parameters?: {
    include_deleted?: boolean;
  }, options?: Options): Promise<ApplicationDocument>;
  /** Create an application */
  create(body: ApplicationInput, options?: Options<"idempotencyKey" | "validateOnly">): Promise<ApplicationDocument>;
  /** Change an application */
  update(id: Held, body: ApplicationInput, options?: Options<"ifMatch" | "validateOnly">): Promise<ApplicationDocument>;
  /** List what happened to it, newest first */
  history(id: Held, parameters?: Nothing, options?: Options): List<HistoryEntry, {
    items: HistoryEntry[];
    next_cursor: string | null;
  }>;
  /** Stop an application and all that belongs to it, until it is reopened */
  suspend(id: Held, body: StateReason, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<ApplicationDocument>;
  /** Stop an application that is not to come back, and all that belongs to it */
  retire(id: Held, body: StateReason, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<ApplicationDocument>;
  /** Let a suspended or retired application work again */
  reopen(id: Held, body: StateReason, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<ApplicationDocument>;
}

export interface ApiKeysCalls {
  /** List api-keys */
  list(parameters?: {
    limit?: number;
    /** The next_cursor of the page before */
    cursor?: string;
    sort?: "created_at" | "expires_at" | "name" | "updated_at" | "-created_at" | "-expires_at" | "-name" | "-updated_at";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor */
    q?: string;
    /** Only what has this tag */
    tag?: string;
    include_deleted?: boolean;
    status?: "active" | "revoked" | "expired";
    kind?: "user" | "service" | "virtual_llm";
    blocked?: boolean;
    application_id?: string;
    issued_to_user_id?: string;
    issued_to_service?: string;
    created_by_user_id?: string;
    rotated_from_key_id?: string;
    key_prefix?: string;
    key_fingerprint?: string;
    app_id?: string;
    created_after?: string;
    created_before?: string;
    expires_after?: string;
    expires_before?: string;
    updated_after?: string;
    updated_before?: string;
  }, options?: Options): List<KeyDocument, {
    items: KeyDocument[];
    next_cursor: string | null;
  }>;
  /** Get one API key */
  get(id: Held, parameters?: {
    include_deleted?: boolean;
  }, options?: Options): Promise<KeyDocument>;
  /** Create an API key */
  create(body: IssueKey, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Revealed<KeyDocument & ({
    /** The key itself, in this answer only. */
    key?: string | null;
    /** SHA-256 of the key, in this answer only; later it is key_fingerprint. */
    key_hash?: string | null;
    /** Address that shows the key once, if the delivery is link. */
    link?: string | null;
    /** Path of the key in the secret store, if the delivery is store. */
    vault_path?: string | null;
  }), "key" | "key_hash" | "link" | "vault_path">>;
  /** List what happened to it, newest first */
  history(id: Held, parameters?: Nothing, options?: Options): List<HistoryEntry, {
    items: HistoryEntry[];
    next_cursor: string | null;
  }>;
  /** Stop a key for ever, from its next request on */
  revoke(id: Held, body?: RevokeKey, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<KeyDocument>;
  /** Stop a key until it is unblocked */
  block(id: Held, body?: StopKey, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<KeyDocument>;
  /** A successor with the same settings; the old key ends after the overlap */
  rotate(id: Held, body?: RotateKey, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Revealed<KeyDocument & ({
    /** The key itself, in this answer only. */
    key?: string | null;
    /** SHA-256 of the key, in this answer only; later it is key_fingerprint. */
    key_hash?: string | null;
    /** Address that shows the key once, if the delivery is link. */
    link?: string | null;
    /** Path of the key in the secret store, if the delivery is store. */
    vault_path?: string | null;
  }), "key" | "key_hash" | "link" | "vault_path">>;
  /** A short-lived key with a part of this one's rights */
  createChild(id: Held, body?: ChildKey, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Revealed<KeyDocument & ({
    /** The key itself, in this answer only. */
    key?: string | null;
    /** SHA-256 of the key, in this answer only; later it is key_fingerprint. */
    key_hash?: string | null;
    /** Address that shows the key once, if the delivery is link. */
    link?: string | null;
    /** Path of the key in the secret store, if the delivery is store. */
    vault_path?: string | null;
  }), "key" | "key_hash" | "link" | "vault_path">>;
  /** Take back a planned revocation */
  cancelRevocation(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<KeyDocument>;
  /** Let a blocked key work again */
  unblock(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<KeyDocument>;
  /** Verify a key, and take what the call costs of its limits */
  verify(body: VerifyKey, options?: Options<"validateOnly">): Promise<Verdict>;
  /** Settle what a reserved call really cost; a second time changes nothing */
  settleReservation(id: Held, body?: SettleReservation, options?: Options<"validateOnly">): Promise<SpentDocument>;
  /** Bill a key after the fact, once for each usage_id */
  recordUsage(id: Held, body: SpendOnKey, options?: Options<"ifMatch" | "validateOnly">): Promise<SpentDocument>;
  /** Stop all keys that fit, or say how many they are */
  revokeMany(body: RevokeKeys, options?: Options<"idempotencyKey" | "validateOnly">): Promise<RevokedDocument>;
  /** Report a key that was found where it should not be; the tenant's policy decides */
  reportLeak(body: ReportLeak, options?: Options<"validateOnly">): Promise<ReportedDocument>;
  /** Explain why a call by key was refused, by its request id */
  explain(body: ExplainRequest, options?: Options<"validateOnly">): Promise<ExplanationDocument>;
  /** Rehearse a call by this key; consumes nothing */
  rehearse(id: Held, body?: RehearseKey, options?: Options<"validateOnly">): Promise<Verdict>;
  /** Count the keys with each weakness, up to 10,001; the page of keys lists them */
  getPosture(parameters?: Nothing, options?: Options): Promise<PostureDocument>;
  /** List who used the key in the last 24 hours */
  getImpact(id: Held, parameters?: Nothing, options?: Options): Promise<ImpactDocument>;
  /** List the verifiers that have its newest change */
  getPropagation(id: Held, parameters?: Nothing, options?: Options): Promise<PropagationDocument>;
  /** Get the newest rotation of a key, and how far its calls have moved */
  getRotation(id: Held, parameters?: Nothing, options?: Options): Promise<RotationDocument>;
  /** Let the old key of a rotation work one day longer */
  extendRotation(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<RotationDocument>;
  /** Revoke the old key of a rotation now */
  finishRotation(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<RotationDocument>;
  /** Let the old key stay, because its successor has ended */
  takeBackRotation(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<RotationDocument>;
  /** List the newest places where keys were found in public */
  listLeaks(parameters?: Nothing, options?: Options): List<LeakDocument, {
    items: LeakDocument[];
    next_cursor: string | null;
  }>;
  /** Settle the leaks of a key that a person has dealt with */
  settleLeaks(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<SettledDocument>;
  /** Get the action that follows when a key is found in public */
  getLeakPolicy(parameters?: Nothing, options?: Options): Promise<LeakPolicyDocument>;
  /** Change the action that follows when a key is found in public */
  updateLeakPolicy(body: LeakPolicyInput, options?: Options<"validateOnly">): Promise<LeakPolicyDocument>;
  /** Get a rule by which a scanner finds your keys */
  getLeakRule(parameters?: Nothing, options?: Options): Promise<LeakRuleDocument>;
  /** List the keys that have a weakness */
  listWeak(weakness: Held, parameters?: {
    limit?: number;
    /** The next_cursor of the page before */
    cursor?: string;
    sort?: "created_at" | "expires_at" | "name" | "updated_at" | "-created_at" | "-expires_at" | "-name" | "-updated_at";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor */
    q?: string;
    /** Only what has this tag */
    tag?: string;
    include_deleted?: boolean;
    status?: "active" | "revoked" | "expired";
    kind?: "user" | "service" | "virtual_llm";
    blocked?: boolean;
    application_id?: string;
    issued_to_user_id?: string;
    issued_to_service?: string;
    created_by_user_id?: string;
    rotated_from_key_id?: string;
    key_prefix?: string;
    key_fingerprint?: string;
    app_id?: string;
    created_after?: string;
    created_before?: string;
    expires_after?: string;
    expires_before?: string;
    updated_after?: string;
    updated_before?: string;
  }, options?: Options): List<KeyDocument, {
    items: KeyDocument[];
    next_cursor: string | null;
  }>;
  /** Give all keys with a weakness the expiry, limit or budget that they lack */
  repairMany(body: RepairKeys, options?: Options<"idempotencyKey" | "validateOnly">): Promise<RevokedDocument>;
}

export interface MeCalls {
  /** Get the caller: who this credential belongs to, and what it may do */
  get(parameters?: Nothing, options?: Options): Promise<CallerDocument>;
}

export interface ConnectorsCalls {
  /** List connectors */
  list(parameters?: {
    limit?: number;
    /** The next_cursor of the page before */
    cursor?: string;
    sort?: "created_at" | "name" | "updated_at" | "urgency" | "-created_at" | "-name" | "-updated_at" | "-urgency";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor */
    q?: string;
    /** Only what has this tag */
    tag?: string;
    include_deleted?: boolean;
    type?: "edr" | "siem" | "ticketing" | "knowledge" | "identity" | "source_control" | "messaging" | "itsm" | "crm" | "support" | "incident" | "observability" | "cloud_security" | "storage" | "warehouse" | "database" | "payments" | "custom";
    provider?: "aws_s3" | "aws_security_hub" | "confluence" | "crowdstrike" | "datadog" | "http" | "github" | "gitlab" | "google_workspace" | "hubspot" | "jira" | "mcp" | "defender_for_endpoint" | "entra_id" | "notion" | "oauth2_issuer" | "okta" | "pagerduty" | "postgres" | "s3_compatible" | "salesforce" | "sentinelone" | "servicenow" | "slack" | "smtp" | "snowflake" | "splunk" | "splunk_hec" | "stripe" | "zendesk" | "custom";
    scope?: "org" | "user" | "group";
    enabled?: boolean;
    sync_status?: "disabled" | "pending" | "action_required" | "failing" | "degraded" | "rate_limited" | "stale" | "healthy";
    auth_type?: "none" | "api_key" | "api_key_pair" | "bearer" | "basic" | "oauth2_code" | "oauth2_client_credentials" | "oauth2_private_key_jwt" | "oauth2_jwt_bearer" | "service_account_jwt" | "key_pair_jwt" | "github_app" | "aws_assume_role" | "aws_keys" | "mtls" | "hmac";
    application_id?: string;
    webhook_endpoint_id?: string;
    owner_id?: string;
    user_id?: string;
    group_id?: string;
    app_id?: string;
    created_by?: string;
    created_after?: string;
    created_before?: string;
    last_sync_after?: string;
    last_sync_before?: string;
    next_rotation_due_after?: string;
    next_rotation_due_before?: string;
    show?: string;
    updated_after?: string;
    updated_before?: string;
  }, options?: Options): List<ConnectorDocument, {
    items: ConnectorDocument[];
    next_cursor: string | null;
  }>;
  /** Get one connector */
  get(id: Held, parameters?: {
    include_deleted?: boolean;
  }, options?: Options): Promise<ConnectorDocument>;
  /** Create a connector */
  create(body: ConnectorInput, options?: Options<"idempotencyKey" | "validateOnly">): Promise<ConnectorDocument>;
  /** Change a connector */
  update(id: Held, body: ConnectorInput, options?: Options<"ifMatch" | "validateOnly">): Promise<ConnectorDocument>;
  /** Delete a connector; it can be restored for 30 days */
  delete(id: Held, parameters?: Nothing, options?: Options<"ifMatch" | "validateOnly">): Promise<void>;
  /** Restore a deleted connector */
  restore(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<ConnectorDocument>;
  /** List what happened to it, newest first */
  history(id: Held, parameters?: Nothing, options?: Options): List<HistoryEntry, {
    items: HistoryEntry[];
    next_cursor: string | null;
  }>;
  /** Remove all credentials of a connector */
  removeCredentials(id: Held, parameters?: Nothing, options?: Options<"ifMatch" | "validateOnly">): Promise<ConnectorDocument>;
  /** Check whether a connector works: ask now, read the result a moment later */
  check(id: Held, body?: CheckInput, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<CheckDocument>;
  /** List the checks of a connector */
  listChecks(id: Held, parameters?: {
    limit?: number;
    /** The next_cursor of the page before */
    cursor?: string;
    sort?: "created_at" | "-created_at";
    state?: "queued" | "running" | "done";
    reason?: "asked" | "saved" | "daily" | "retry" | "expiry";
    outcome?: "passed" | "unproven" | "auth_invalid" | "auth_scope" | "auth_expired" | "config" | "rate_limited" | "transient" | "secret_store" | "internal";
    created_after?: string;
    created_before?: string;
  }, options?: Options): List<CheckDocument, {
    items: CheckDocument[];
    next_cursor: string | null;
  }>;
  /** Get one check, with its steps */
  getCheck(id: Held, checkId: Held, parameters?: Nothing, options?: Options): Promise<CheckDocument>;
  /** Check settings and credentials that are not saved; nothing is stored */
  checkDraft(body: ConnectorInput, options?: Options<"validateOnly">): Promise<ResultDocument>;
  /** List the versions of a connector's credentials, without their values */
  listCredentialVersions(id: Held, parameters?: Nothing, options?: Options): List<CredentialVersionDocument, {
    items: CredentialVersionDocument[];
    next_cursor: string | null;
  }>;
  /** Use an older version of the credentials again, and check it */
  restoreCredentials(id: Held, body: RestoreInput, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<CheckDocument>;
  /** Get what a connector's secret is for: an access token, or credentials. For keys of the connector's application only */
  takeLease(id: Held, body?: LeaseInput, options?: Options<"ifMatch" | "validateOnly">): Promise<Revealed<GivenDocument, "access_token" | "credentials">>;
  /** List who took a lease of a connector, and when, without values */
  listLeases(id: Held, parameters?: {
    limit?: number;
    /** The next_cursor of the page before */
    cursor?: string;
    sort?: "created_at" | "-created_at";
    key_id?: string;
    application_id?: string;
    kind?: "token" | "credentials";
    created_after?: string;
    created_before?: string;
  }, options?: Options): List<LeaseDocument, {
    items: LeaseDocument[];
    next_cursor: string | null;
  }>;
}

export interface ProvidersCalls {
  /** List the providers that connectors know */
  list(parameters?: Nothing, options?: Options): List<ProviderSummary, {
    items: ProviderSummary[];
    next_cursor: string | null;
  }>;
  /** Get one provider with its settings and its ways to sign in */
  get(id: Held, parameters?: Nothing, options?: Options): Promise<ProviderDocument>;
}

export interface WebhooksCalls {
  /** List webhooks */
  list(parameters?: {
    limit?: number;
    /** The next_cursor of the page before */
    cursor?: string;
    sort?: "created_at" | "name" | "updated_at" | "-created_at" | "-name" | "-updated_at";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor */
    q?: string;
    /** Only what has this tag */
    tag?: string;
    include_deleted?: boolean;
    direction?: "outbound" | "inbound";
    url?: string;
    enabled?: boolean;
    is_active?: boolean;
    signature_scheme?: "standard-webhooks" | "standard-webhooks-ed25519" | "github" | "stripe" | "hmac-sha256-hex" | "hmac-sha256-base64";
    inbound_scheme?: "standard-webhooks" | "inbox" | "github" | "stripe" | "slack" | "shopify" | "twilio" | "sendgrid" | "hubspot" | "square" | "zoom" | "gitlab" | "jira" | "linear" | "pagerduty" | "sentry" | "zendesk" | "intercom" | "meta" | "twitter" | "paddle" | "discord" | "docusign" | "mailgun" | "typeform" | "calendly" | "dropbox" | "box" | "vercel" | "woocommerce" | "webflow" | "elevenlabs" | "gitea" | "okta" | "microsoft-graph" | "contentful" | "azure-event-grid" | "aws-sns" | "fusionauth" | "plaid" | "hmac-sha256-hex" | "hmac-sha256-base64" | "hmac-sha512-hex" | "hmac-sha1-hex" | "timestamped-hmac" | "bearer" | "jwt" | "api-key" | "basic";
    last_delivery_status?: "sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled";
    application_id?: string;
    connector_id?: string;
    app_id?: string;
    created_by?: string;
    created_after?: string;
    created_before?: string;
    updated_after?: string;
    updated_before?: string;
  }, options?: Options): List<WebhookDocument, {
    items: WebhookDocument[];
    next_cursor: string | null;
  }>;
  /** Get one webhook */
  get(id: Held, parameters?: {
    include_deleted?: boolean;
  }, options?: Options): Promise<WebhookDocument>;
  /** Create a webhook */
  create(body: WebhookInput, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Revealed<WebhookDocument & ({
    /** The signing secret, whsec_…, for this one time. */
    signing_secret?: string | null;
  }), "signing_secret">>;
  /** Change a webhook */
  update(id: Held, body: WebhookInput, options?: Options<"ifMatch" | "validateOnly">): Promise<WebhookDocument>;
  /** Delete a webhook; it can be restored for 30 days */
  delete(id: Held, parameters?: Nothing, options?: Options<"ifMatch" | "validateOnly">): Promise<void>;
  /** Restore a deleted webhook */
  restore(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<WebhookDocument>;
  /** List what happened to it, newest first */
  history(id: Held, parameters?: Nothing, options?: Options): List<HistoryEntry, {
    items: HistoryEntry[];
    next_cursor: string | null;
  }>;
  /** Make a new signing secret; the one before signs beside it for 24 hours */
  rotateSecret(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Revealed<WebhookDocument & ({
    /** The signing secret, whsec_…, for this one time. */
    signing_secret?: string | null;
    /** Until then the one before signs too. */
    previous_secret_expires_at?: string | null;
  }), "signing_secret">>;
  /** Let the previous signing secret sign no more */
  retireSecret(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<WebhookDocument>;
  /** Pause: events are held until the webhook is resumed */
  pause(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<WebhookDocument>;
  /** Resume, and say what becomes of what was held */
  resume(id: Held, body?: ResumeInput, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<WebhookDocument>;
  /** List a webhook's deliveries, newest first; with after, in sequence to fill a gap */
  listDeliveries(id: Held, parameters?: {
    /** The last sequence number that you have */
    after?: number;
    limit?: number;
    /** The next_cursor of the page before */
    cursor?: string;
    sort?: "created_at" | "-created_at";
    state?: "pending" | "held" | "in_flight" | "retrying" | "delivered" | "failed" | "expired" | "cancelled";
    event_type?: string;
    event_id?: string;
    subject?: string;
    replay_id?: string;
    origin?: "event" | "redelivery" | "replay" | "probe" | "lab";
    created_after?: string;
    created_before?: string;
  }, options?: Options): List<DeliveryDocument, {
    items: DeliveryDocument[];
    next_cursor: string | null;
  }>;
  /** Send the events of a window again, or see how many that would be */
  replay(id: Held, body: ReplayInput, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<ReplayProgress>;
  /** List the last replays of a webhook */
  listReplays(id: Held, parameters?: Nothing, options?: Options): List<ReplayDocument, {
    items: ReplayDocument[];
    next_cursor: string | null;
  }>;
  /** Count what is held, with its age and the time that sending it takes */
  getBacklog(id: Held, parameters?: Nothing, options?: Options): Promise<BacklogDocument>;
  /** Count how many of the last 200 events these settings would have matched */
  tryFilter(body: FilterTest, options?: Options<"validateOnly">): Promise<FilterTestResult>;
  /** Get the health of a webhook: the attempts of the last 24 hours, and what waits */
  getHealth(id: Held, parameters?: Nothing, options?: Options): Promise<HealthDocument>;
  /** List what an inbound webhook received, in quarantine too, newest first */
  listReceived(id: Held, parameters?: {
    limit?: number;
    /** The next_cursor of the page before */
    cursor?: string;
    sort?: "received_at" | "-received_at";
    state?: "accepted" | "quarantined";
    code?: string;
    event_type?: string;
    received_after?: string;
    received_before?: string;
  }, options?: Options): List<InboundRequestDocument, {
    items: InboundRequestDocument[];
    next_cursor: string | null;
  }>;
  /** Get one received request with its headers and its raw body */
  getReceived(id: Held, requestId: Held, parameters?: Nothing, options?: Options): Promise<WholeInboundRequest>;
  /** Verify one request in quarantine anew, as of when it came; publish it if it is genuine */
  reverify(id: Held, requestId: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<InboundRequestDocument>;
  /** Verify up to 200 requests in quarantine anew, the oldest first */
  reverifyAll(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<ReviewedDocument>;
  /** Throw away what is in quarantine */
  clearQuarantine(id: Held, parameters?: Nothing, options?: Options<"ifMatch" | "validateOnly">): Promise<void>;
  /** Send one signed test request now, and read what came of it */
  test(id: Held, body: TestInput, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<AttemptDocument>;
  /** Send an event to this webhook alone, tried and tried again like any other */
  sendFromLab(id: Held, body: LabInput, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<DeliveryDocument>;
  /** List the test deliveries of a webhook */
  listTests(id: Held, parameters?: {
    limit?: number;
    /** The next_cursor of the page before */
    cursor?: string;
    sort?: "created_at" | "-created_at";
    outcome?: "sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled";
    event_type?: string;
    created_after?: string;
    created_before?: string;
  }, options?: Options): List<AttemptDocument, {
    items: AttemptDocument[];
    next_cursor: string | null;
  }>;
  /** Get one test delivery */
  getTest(id: Held, deliveryId: Held, parameters?: Nothing, options?: Options): Promise<AttemptDocument>;
}

export interface ReplaysCalls {
  /** Read the progress of a replay */
  get(id: Held, parameters?: Nothing, options?: Options): Promise<ReplayProgress>;
  /** Send nothing more of a replay */
  cancel(id: Held, body?: Nothing, options?: Options<"idempotencyKey" | "validateOnly">): Promise<ReplayProgress>;
}

export interface DeliveriesCalls {
  /** List the deliveries of all webhooks, newest first */
  list(parameters?: {
    limit?: number;
    /** The next_cursor of the page before */
    cursor?: string;
    sort?: "created_at" | "-created_at";
    state?: "pending" | "held" | "in_flight" | "retrying" | "delivered" | "failed" | "expired" | "cancelled";
    event_type?: string;
    event_id?: string;
    subject?: string;
    webhook_id?: string;
    replay_id?: string;
    origin?: "event" | "redelivery" | "replay" | "probe" | "lab";
    created_after?: string;
    created_before?: string;
  }, options?: Options): List<DeliveryDocument, {
    items: DeliveryDocument[];
    next_cursor: string | null;
  }>;
  /** Get one delivery with its attempts */
  get(id: Held, parameters?: Nothing, options?: Options): Promise<DeliveryWithAttempts>;
  /** Send its event once more */
  redeliver(id: Held, body?: Nothing, options?: Options<"idempotencyKey" | "validateOnly">): Promise<DeliveryDocument>;
  /** Make its next attempt now, not when its turn comes */
  hurry(id: Held, body?: Nothing, options?: Options<"idempotencyKey" | "validateOnly">): Promise<DeliveryDocument>;
}

export interface InboxCalls {
  /** Get the tenant's inbox, its own receiver for tests */
  get(parameters?: Nothing, options?: Options): Promise<InboxDocument>;
  /** Create the inbox and the webhook that sends to it, or repair them */
  open(body?: Nothing, options?: Options<"idempotencyKey" | "validateOnly">): Promise<InboxDocument>;
  /** Let the inbox answer as usual again, after failures that were ordered */
  heal(parameters?: Nothing, options?: Options<"validateOnly">): Promise<void>;
}

export interface SignatureChecksCalls {
  /** Find out why a request's signature is right or wrong; nothing of it is kept */
  create(body: SignatureCheck, options?: Options<"validateOnly">): Promise<SignatureCheckResult>;
}

export interface EventTypesCalls {
  /** List event-types */
  list(parameters?: {
    limit?: number;
    /** The next_cursor of the page before */
    cursor?: string;
    sort?: "created_at" | "name" | "updated_at" | "-created_at" | "-name" | "-updated_at";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor */
    q?: string;
    /** Only what has this tag */
    tag?: string;
    include_deleted?: boolean;
    name?: string;
    deprecated?: boolean;
    validation?: "off" | "reject";
    app_id?: string;
    created_by?: string;
    created_after?: string;
    created_before?: string;
    updated_after?: string;
    updated_before?: string;
  }, options?: Options): List<EventTypeDocument, {
    items: EventTypeDocument[];
    next_cursor: string | null;
  }>;
  /** Get one event type */
  get(id: Held, parameters?: {
    include_deleted?: boolean;
  }, options?: Options): Promise<EventTypeDocument>;
  /** Create an event type */
  create(body: EventTypeInput, options?: Options<"idempotencyKey" | "validateOnly">): Promise<EventTypeDocument>;
  /** Change an event type */
  update(id: Held, body: EventTypeInput, options?: Options<"ifMatch" | "validateOnly">): Promise<EventTypeDocument>;
  /** Delete an event type; it can be restored for 30 days */
  delete(id: Held, parameters?: Nothing, options?: Options<"ifMatch" | "validateOnly">): Promise<void>;
  /** Restore a deleted event type */
  restore(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<EventTypeDocument>;
  /** List what happened to it, newest first */
  history(id: Held, parameters?: Nothing, options?: Options): List<HistoryEntry, {
    items: HistoryEntry[];
    next_cursor: string | null;
  }>;
  /** List the events that the portal publishes itself */
  listOwn(parameters?: Nothing, options?: Options): List<OwnTypeDocument, {
    items: OwnTypeDocument[];
    next_cursor: string | null;
  }>;
  /** Describe the webhooks of an OpenAPI 3.1 document, or see what that would do */
  importTypes(body: Import, options?: Options<"idempotencyKey" | "validateOnly">): Promise<ImportedTypes>;
}

export interface EventSettingsCalls {
  /** Read how long events and deliveries are kept, and which fields not everybody sees */
  get(parameters?: Nothing, options?: Options): Promise<SettingsDocument>;
  /** Change those that are sent; the others stay as they are */
  update(body: SettingsInput, options?: Options<"validateOnly">): Promise<SettingsDocument>;
}

export interface EventsCalls {
  /** Publish one event, or up to 500: accepted when they and their deliveries are kept */
  publish(body: EventBatch, options?: Options<"idempotencyKey" | "validateOnly">): Promise<PublishedEvents>;
  /** List events, newest first */
  list(parameters?: {
    limit?: number;
    /** The next_cursor of the page before */
    cursor?: string;
    sort?: "received_at" | "-received_at";
    id?: string;
    type?: string;
    subject?: string;
    client_id?: string;
    app_id?: string;
    application_id?: string;
    occurred_after?: string;
    occurred_before?: string;
    received_after?: string;
    received_before?: string;
  }, options?: Options): List<EventDocument, {
    items: EventDocument[];
    next_cursor: string | null;
  }>;
  /** Get one event, with why it matched or did not match each webhook */
  get(id: Held, parameters?: Nothing, options?: Options): Promise<EventWithMatches>;
  /** Erase the events of a subject, with their deliveries; says whether there are more */
  erase(body: Erasure, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Erased>;
}

export interface QuotasCalls {
  /** Read the tenant's limits and what it uses of them */
  get(parameters?: Nothing, options?: Options): Promise<QuotasDocument>;
}

export interface SearchCalls {
  /** Find records of every kind by words or by an id, up to 8 of each kind */
  find(parameters?: {
    /** Words, matched by prefix, or a whole id; without it, nothing is found */
    q?: string;
  }, options?: Options): List<FoundDocument, {
    items: FoundDocument[];
    next_cursor: string | null;
  }>;
}

export interface NoticesCalls {
  /** List what needs attention now, and what passed in the last day */
  list(parameters?: Nothing, options?: Options): List<NoticeDocument, {
    items: NoticeDocument[];
    next_cursor: string | null;
  }>;
}

export interface Integration {
  readonly people: PeopleCalls;
  readonly sessions: SessionsCalls;
  readonly applications: ApplicationsCalls;
  readonly apiKeys: ApiKeysCalls;
  readonly me: MeCalls;
  readonly connectors: ConnectorsCalls;
  readonly providers: ProvidersCalls;
  readonly webhooks: WebhooksCalls;
  readonly replays: ReplaysCalls;
  readonly deliveries: DeliveriesCalls;
  readonly inbox: InboxCalls;
  readonly signatureChecks: SignatureChecksCalls;
  readonly eventTypes: EventTypesCalls;
  readonly eventSettings: EventSettingsCalls;
  readonly events: EventsCalls;
  readonly quotas: QuotasCalls;
  readonly search: SearchCalls;
  readonly notices: NoticesCalls;
}
