// Generated from the portal's OpenAPI document by `make sdk`. Do not edit.
import type { Held, Hidden, List, Nothing, Options, Revealed } from "./index.js";

/** An application as it is read (specification: Application). */
export interface Application {
  /** Server-assigned ULID with type prefix (e.g. per_…). */
  id: string;
  /** Tenant scope — auto-stamped from the caller's JWT. */
  tenant_id: string;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. */
  app_id: string | null;
  /** Server stamp. */
  created_at: string;
  /** Server stamp; updated on every patch. */
  updated_at: string;
  /** Person id from the caller's JWT (sub). */
  created_by: string | null;
  /** Person id from the last writer's JWT (sub). */
  updated_by: string | null;
  /** Provenance tag — defaults to 'edm'. */
  source: string;
  /** Where the write originated. Defaults to 'api'. */
  source_type: string;
  /** Soft-delete flag. Excluded from default list queries. */
  is_deleted: boolean;
  /** Stamped when soft-deleted; null otherwise. */
  deleted_at: string | null;
  /** Person id who soft-deleted; null otherwise. */
  deleted_by: string | null;
  /** Document schema version. Bumped on incompatible writes. */
  schema_version: number;
  /** Optimistic concurrency version counter. */
  version: number;
  /** Human-readable name, e.g. CRM 360. */
  display_name: string;
  /** Stable lowercase app slug; the value stamped into app_id. */
  slug: string;
  /** app = user-facing; platform-service = cpod-backend/cpod-arai/coreiq/core-sdk; library = no runtime identity. */
  kind: "app" | "platform-service" | "library";
  /** Model domain primarily served. */
  primary_domain: string | null;
  /** What the app does. */
  description: string | null;
  /** Registered OAuth client id. core-sdk maps a validated token's client_id to this id to stamp appId on every write. */
  oauth_client_id: string | null;
  /** Lifecycle status of the application. */
  status: "draft" | "active" | "deprecated" | "suspended" | "retired";
  /** Reason for which it was suspended, retired or reopened last. */
  status_reason: string | null;
  /** Entity types this app is the canonical owner of; empty for pure consumers. */
  canonical_owner_of: string[];
  /** Base path the app serves or is reached at, e.g. /v1/deals. */
  api_base_path: string | null;
  /** Source repository. */
  repository: string | null;
  /** Scopes that its keys may have at most; empty for no limit. */
  allowed_scopes: string[];
  /** Health of the application: the worst of what belongs to it. */
  health: RecordHealth;
}

/** Up to 500 records to create with one request. */
export interface ApplicationBatch {
  /** The new records. */
  items: ApplicationInput[];
  /** true: all are created, or none, and the error names every item that is refused. false: each is created on its own, and its result says what became of it. */
  atomic?: boolean;
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

/** The results of a batch. */
export interface ApplicationBatchAnswer {
  /** One result for each item, in the order of the request. */
  results: ApplicationBatchResult[];
}

/** Result of one item. */
export interface ApplicationBatchResult {
  /** 201, or the status of the problem. */
  status: number;
  /** The new record. */
  item?: Application | null;
  /** Reason for which the item was refused. */
  problem?: Problem | null;
}

/** The fields that a client may write. All are optional: `{}` registers a working draft. */
export interface ApplicationInput {
  /** Human-readable name, e.g. CRM 360. */
  display_name?: string | null;
  /** Stable lowercase app slug; the value stamped into app_id. Made from the name when left out, and fixed once it is there. */
  slug?: string | null;
  /** app = user-facing; platform-service = cpod-backend/cpod-arai/coreiq/core-sdk; library = no runtime identity. A library has no keys. */
  kind?: "app" | "platform-service" | "library";
  /** Model domain primarily served. */
  primary_domain?: string | null;
  /** What the app does. */
  description?: string | null;
  /** Registered OAuth client id. core-sdk maps a validated token's client_id to this id to stamp appId on every write. Set by admins in person only, never by a key or a program. */
  oauth_client_id?: string | null;
  /** Lifecycle status of the application. suspended and retired are entered and left through the actions suspend, retire and reopen only. */
  status?: "draft" | "active" | "deprecated" | "suspended" | "retired";
  /** Entity types this app is the canonical owner of; empty for pure consumers. */
  canonical_owner_of?: string[];
  /** Base path the app serves or is reached at, e.g. /v1/deals. */
  api_base_path?: string | null;
  /** Source repository. */
  repository?: string | null;
  /** Scopes that its keys may have at most. A change affects keys that exist at once. Empty: all that their creators may give. */
  allowed_scopes?: ("applications:read" | "applications:reopen" | "applications:retire" | "applications:suspend" | "applications:write" | "audit:read" | "connectors:read" | "connectors:use" | "connectors:write" | "event-types:read" | "event-types:write" | "events:publish" | "events:read" | "keys:read" | "keys:reopen" | "keys:verify" | "keys:write" | "webhooks:read" | "webhooks:write")[];
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Health of the application: the worst of what belongs to it. Ignored in a request. */
  health?: RecordHealth;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Reason for which it was suspended, retired or reopened last. Ignored in a request. */
  status_reason?: string | null;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** One page of a list. */
export interface ApplicationList {
  /** The entries of this page. */
  items: Application[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** One attempt to deliver an event, as the API returns it. */
export interface Attempt {
  /** Id of the attempt. */
  id: string;
  /** Id of the webhook. */
  webhook_id: string;
  /** Type of the event. */
  event_type: string;
  /** Time when it began. */
  created_at: string;
  /** Time when it ended. */
  completed_at: string | null;
  /** Id of who caused it. */
  actor_id: string;
  /** Name of who caused it. */
  actor_name: string;
  /** Outcome of the attempt. */
  outcome: "sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled";
  /** Result, as a sentence. */
  explanation: string;
  /** Next step to take, as a sentence; may be empty. */
  remedy: string;
  /** The receiver's HTTP status. */
  status: number | null;
  /** Address that was called. */
  url: string;
  /** Headers that were sent: name and value. */
  request_headers: [string, string][];
  /** Body that was sent. */
  request_body: string;
  /** Fingerprint of the secret of the first signature. */
  signed_with: string;
  /** The exact text under the signature. */
  signed_content: string;
  /** Headers that were received: name and value. */
  response_headers: [string, string][];
  /** Body that was received. */
  response_body: string;
  /** Only the first 16 KiB were kept. */
  response_truncated: boolean;
  /** Milliseconds: dns_ms, connect_ms, tls_ms, wait_ms, read_ms, total_ms. */
  timings: Record<string, unknown>;
  /** The IP address that was dialled. */
  address: string | null;
  /** Version of TLS; null without TLS. */
  tls_version: string | null;
  /** Days until the certificate expires. */
  certificate_days: number | null;
}

/** One page of a list. */
export interface AttemptList {
  /** The entries of this page. */
  items: Attempt[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** The deliveries that are held for a paused webhook, or that wait for an active one. */
export interface Backlog {
  /** Number of deliveries that wait. */
  held: number;
  /** There are more than were counted. */
  is_more: boolean;
  /** Time of the oldest of them. */
  oldest: string | null;
  /** About how long sending all of it takes. */
  seconds: number;
}

/** The budget that a key shares with its predecessors, successors and children, in US dollars. */
export interface Budget {
  /** Maximum spend; null for no limit. */
  max_usd: number | null;
  /** Amount that was spent in this period. */
  spent_usd: number;
  /** Amount that is reserved: for calls in progress and, for at most half a minute, for the next calls of a key that is called often. */
  reserved_usd: number;
  /** Amount that is left; null for no limit. */
  available_usd: number | null;
  /** Time when the period ends; null if it never does. */
  period_end: string | null;
}

/** A bulk job and its progress. */
export interface BulkJob {
  /** Id of the job. */
  id: string;
  /** Kind of the records. */
  resource: "api-keys" | "webhooks" | "connectors" | "applications";
  /** Name of the operation on each of them. */
  verb: "revoke" | "block" | "unblock" | "edit" | "pause" | "resume" | "enable" | "disable" | "delete" | "check";
  /** preview = it waits to be confirmed. running = the worker does it. done = each record had its turn. cancelled = the records that were left are not touched. */
  state: "preview" | "running" | "done" | "cancelled";
  /** Query parameters that chose the records; empty if they were named by id, and for an admin if a record is for others. */
  filter: Record<string, string>;
  /** Fields that the verb takes; empty for an admin if a record is for others. */
  arguments: Record<string, unknown>;
  /** Number of records. */
  total: number;
  /** Number of records that are left to do; of a cancelled job, that were left. */
  waiting: number;
  /** Number of records to which it was done. */
  done: number;
  /** Number of records that were refused when their turn came. */
  failed: number;
  /** Number of records that could not be done at the preview, or that were changed since. */
  skipped: number;
  /** Id of the person or the credential that asked for it. */
  asked_by: string;
  /** Name of who asked for it. */
  asked_by_name: string;
  /** Time of the preview. */
  created_at: string;
  /** Time when it was confirmed. */
  confirmed_at: string | null;
  /** Time when it was done or cancelled. */
  ended_at: string | null;
}

/** The change to make, and its records: those of these ids, or all that a filter matches. */
export interface BulkJobInput {
  /** Kind of the records. */
  resource: "api-keys" | "webhooks" | "connectors" | "applications";
  /** Name of the operation on each of them. */
  verb: "revoke" | "block" | "unblock" | "edit" | "pause" | "resume" | "enable" | "disable" | "delete" | "check";
  /** Ids of the records. Give these or a filter. */
  ids?: string[] | null;
  /** Query parameters of the list of these records, such as {"status": "active"}, without those that sort and page. An empty object matches all records. */
  filter?: Record<string, string> | null;
  /** Fields that the verb takes: see the description of the operation. */
  arguments?: Record<string, unknown>;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Time of the preview. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Id of the job. Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** One page of a list. */
export interface BulkJobList {
  /** The entries of this page. */
  items: BulkJob[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** One record of a bulk job. */
export interface BulkRow {
  /** Id of the record. */
  record_id: string;
  /** Name of the record at the preview. */
  record_name: string;
  /** Version of the record at the preview. */
  version: number;
  /** waiting = its turn comes. done = it was done. failed = it was refused. skipped = it could not be done at the preview, or was changed since. cancelled = the job was cancelled before. */
  state: "waiting" | "done" | "failed" | "skipped" | "cancelled";
  /** Reason why it failed or was skipped; empty otherwise. */
  reason: string;
  /** Changed field → the value before and after it, as far as they are known at the preview. */
  changes: Record<string, unknown[]>;
  /** Time of its turn. */
  done_at: string | null;
}

/** One page of a list. */
export interface BulkRowList {
  /** The entries of this page. */
  items: BulkRow[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** The caller of this request: who it is, for which tenant, and what it may do. */
export interface Caller {
  /** A person, or a program. */
  kind: "person" | "application";
  /** The kind of the credential: an API key or a token made from one, or an access token of the identity provider. */
  credential: "api_key" | "access_token";
  /** Id of the person, the API key, or the application that the token was issued to. */
  id: string;
  /** Name of the person, the API key, or the application. */
  name: string;
  /** The tenant in which the caller acts. */
  tenant: Tenant;
  /** The application of the credential; null for a person, and for a key of no application. */
  application: OwnApplication | null;
  /** Roles of a person: viewer, editor or admin. Empty for a program. */
  roles: string[];
  /** Groups of a person at the identity provider. Empty for a program. */
  groups: string[];
  /** Permissions of the credential, in alphabetical order. */
  scopes: string[];
  /** Time when the credential ends, also by a planned revocation of its key; null if it does not end by itself. */
  expires_at: string | null;
  /** Limits of the API key; null for an access token of the identity provider. */
  limits: KeyLimits | null;
}

/** A change of a view. A field that is left out stays as it is. */
export interface ChangedView {
  /** Name of the view, which its tab shows. */
  name?: string | null;
  /** Query parameters of the list, which replace those of the view. */
  parameters?: Record<string, string> | null;
  /** Whole tenant sees it. */
  is_shared?: boolean | null;
  /** The list opens with it. */
  is_default?: boolean | null;
  /** Place among the tabs, from 0. */
  position?: number | null;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Time when it was made. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Id of the view. Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Time of its last change. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Number of its changes. Ignored in a request. */
  version?: number;
}

/** One check of a connector. */
export interface Check {
  /** passed; unproven = nothing failed, and nothing shows that the credentials are good; auth_invalid, auth_scope, auth_expired and config need a person; rate_limited and transient pass by themselves; secret_store and internal are faults of the portal. Null until the check has ended. */
  outcome: "passed" | "unproven" | "auth_invalid" | "auth_scope" | "auth_expired" | "config" | "rate_limited" | "transient" | "secret_store" | "internal" | null;
  /** Result, as a sentence. */
  said: string;
  /** Next step to take, as a sentence; may be empty. */
  remedy: string;
  /** The steps of the check, in their order. */
  steps: Step[];
  /** Milliseconds that the check took. */
  took_ms: number | null;
  /** Account that the credentials belong to, as the provider says. */
  account: string | null;
  /** True if they belong to a person, false if to a service; null if unknown. */
  is_person: boolean | null;
  /** Scopes of the credentials; null if the provider does not tell. */
  granted: string[] | null;
  /** Scopes that the connector needs and has not. */
  missing: string[];
  /** Scopes that it has and does not need. */
  too_much: string[];
  /** Time when the credentials expire, as the provider says. */
  expires_at: string | null;
  /** Id of the check. */
  id: string;
  /** Id of the connector. */
  connector_id: string;
  /** Progress of the check. */
  state: "queued" | "running" | "done";
  /** Cause of the check. */
  reason: "asked" | "saved" | "daily" | "retry" | "expiry";
  /** Id of who asked for it. */
  asked_by: string | null;
  /** Name of who asked for it. */
  asked_by_name: string | null;
  /** The version of the credentials that the check puts back first. */
  restores_version: number | null;
  /** The connector's version that was checked. */
  record_version: number | null;
  /** Version of the credentials that was checked; 0 if there were none. */
  credential_version: number | null;
  /** The result says nothing about the connector as it is now: it was changed while the check ran, or nothing was sent, for the reason in `said`. */
  is_outdated: boolean;
  /** Time when it was asked for. */
  created_at: string;
  /** Time when it began. */
  started_at: string | null;
  /** Time when it ended. */
  finished_at: string | null;
}

/** Nothing is to be said: a check runs with what is saved. */
export interface CheckInput {
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Time when it was asked for. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Id of the check. Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** One page of a list. */
export interface CheckList {
  /** The entries of this page. */
  items: Check[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/**
 * The settings of a short-lived key with a part of its parent's rights.
 *
 * It spends its parent's budget. It has the same limits per minute as its parent, but its calls are counted separately.
 */
export interface ChildKey {
  /** Human-readable label of the child. */
  name?: string | null;
  /** At most its parent's, which it gets when left out. */
  scopes?: ("applications:read" | "applications:reopen" | "applications:retire" | "applications:suspend" | "applications:write" | "audit:read" | "connectors:read" | "connectors:use" | "connectors:write" | "event-types:read" | "event-types:write" | "events:publish" | "events:read" | "keys:read" | "keys:reopen" | "keys:verify" | "keys:write" | "webhooks:read" | "webhooks:write")[] | null;
  /** Lifetime in seconds. It ends no later than its parent expires or, as planned, is revoked. */
  lifetime_seconds?: number;
  /** Maximum number of uses; null for no limit. */
  max_uses?: number | null;
  /** Part of its parent's networks, or all of them. */
  allowed_ips?: string[];
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** A connector as it is read (specification: Connector). */
export interface Connector {
  /** Server-assigned ULID with type prefix (e.g. per_…). */
  id: string;
  /** Tenant scope — auto-stamped from the caller's JWT. */
  tenant_id: string;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. */
  app_id: string | null;
  /** Server stamp. */
  created_at: string;
  /** Server stamp; updated on every patch. */
  updated_at: string;
  /** Person id from the caller's JWT (sub). */
  created_by: string | null;
  /** Person id from the last writer's JWT (sub). */
  updated_by: string | null;
  /** Provenance tag — defaults to 'edm'. */
  source: string;
  /** Where the write originated. Defaults to 'api'. */
  source_type: string;
  /** Soft-delete flag. Excluded from default list queries. */
  is_deleted: boolean;
  /** Stamped when soft-deleted; null otherwise. */
  deleted_at: string | null;
  /** Person id who soft-deleted; null otherwise. */
  deleted_by: string | null;
  /** Document schema version. Bumped on incompatible writes. */
  schema_version: number;
  /** Optimistic concurrency version counter. */
  version: number;
  /** Integration type category. */
  type: "edr" | "siem" | "ticketing" | "knowledge" | "identity" | "source_control" | "messaging" | "itsm" | "crm" | "support" | "incident" | "observability" | "cloud_security" | "storage" | "warehouse" | "database" | "payments" | "custom" | null;
  /** Vendor, e.g. defender_for_endpoint, splunk, jira, okta. */
  provider: string | null;
  /** Human-readable connector name. */
  name: string;
  /** org = tenant-wide; user = personal; group = group-scoped. */
  scope: "org" | "user" | "group";
  /** usr-<uuid> of the owning user. */
  owner_id: string | null;
  /** Group ID if scope=group. */
  group_id: string | null;
  /** User ID if scope=user. */
  user_id: string | null;
  /** Non-secret configuration: baseUrl, region, accountId, etc. */
  config: Record<string, unknown>;
  /** KV v2 Vault path to secrets, e.g. secret/data/tnt-.../connectors/cnn-.../credentials. The server derives it from the ids. */
  vault_path: string;
  /** Authentication mechanism. */
  auth_type: "none" | "api_key" | "api_key_pair" | "bearer" | "basic" | "oauth2_code" | "oauth2_client_credentials" | "oauth2_private_key_jwt" | "oauth2_jwt_bearer" | "service_account_jwt" | "key_pair_jwt" | "github_app" | "aws_assume_role" | "aws_keys" | "mtls" | "hmac" | null;
  /** Whether the OAuth token needs refreshing. */
  oauth_refresh_needed: boolean;
  /** When the OAuth access token expires. */
  oauth_token_expires_at: string | null;
  /** Whether the connector is active. */
  enabled: boolean;
  /** Current sync health. disabled = switched off; pending = not set up or not yet run; action_required = a person must act; failing, degraded, rate_limited = the last runs; stale = silent for too long; healthy. */
  sync_status: "disabled" | "pending" | "action_required" | "failing" | "degraded" | "rate_limited" | "stale" | "healthy";
  /** Timestamp of the last successful sync. */
  last_sync_at: string | null;
  /** Time when the last check ended that is not `is_outdated`. A change of the connection does not empty it: until that is checked, sync_status is pending. */
  last_check_at: string | null;
  /** Count of consecutive sync errors. */
  consecutive_errors: number;
  /** Last error message. */
  last_error: string | null;
  /** { totalSynced, last24h, avgLatencyMs } */
  metrics: Metrics;
  /** Event types this connector emits. */
  event_types: string[];
  /** ID of the outbound Webhook endpoint, if applicable. */
  webhook_endpoint_id: string | null;
  /** Names of the credential fields that are set; their values are never shown. */
  credential_fields: string[];
  /** When credentials were last rotated. */
  credential_last_rotated_at: string | null;
  /** When credentials are next due for rotation. */
  next_rotation_due: string | null;
  /** Free-form tags. */
  tags: string[];
  /** Owning application id (FK to Application). */
  application_id: string | null;
  /** Status of the owning application: suspended and retired stop what belongs to it. */
  application_status: string | null;
  /** True for an admin to whom the connector's scope does not open it. All that is read then is that it is there, whose it is, and its state; all else stands empty. An admin may disable, enable, delete and restore it. */
  is_restricted: boolean;
  /** Health of the connector, by its last check. */
  health: RecordHealth;
}

/** Up to 500 records to create with one request. */
export interface ConnectorBatch {
  /** The new records. */
  items: ConnectorInput[];
  /** true: all are created, or none, and the error names every item that is refused. false: each is created on its own, and its result says what became of it. */
  atomic?: boolean;
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

/** The results of a batch. */
export interface ConnectorBatchAnswer {
  /** One result for each item, in the order of the request. */
  results: ConnectorBatchResult[];
}

/** Result of one item. */
export interface ConnectorBatchResult {
  /** 201, or the status of the problem. */
  status: number;
  /** The new record. */
  item?: Connector | null;
  /** Reason for which the item was refused. */
  problem?: Problem | null;
}

/** The fields that a client may write. All are optional: `{}` creates a draft. */
export interface ConnectorInput {
  /** Integration type category. It is the provider's own when left out. */
  type?: "edr" | "siem" | "ticketing" | "knowledge" | "identity" | "source_control" | "messaging" | "itsm" | "crm" | "support" | "incident" | "observability" | "cloud_security" | "storage" | "warehouse" | "database" | "payments" | "custom" | null;
  /** Vendor, e.g. defender_for_endpoint, splunk, jira, okta. http is for any REST service, custom for the rest. Without one the connector is a draft. It is fixed while credentials are stored, since they belong to it. */
  provider?: "aws_s3" | "aws_security_hub" | "confluence" | "crowdstrike" | "datadog" | "http" | "github" | "gitlab" | "google_workspace" | "hubspot" | "jira" | "mcp" | "defender_for_endpoint" | "entra_id" | "notion" | "oauth2_issuer" | "okta" | "pagerduty" | "postgres" | "s3_compatible" | "salesforce" | "sentinelone" | "servicenow" | "slack" | "smtp" | "snowflake" | "splunk" | "splunk_hec" | "stripe" | "zendesk" | "custom" | null;
  /** Human-readable connector name. It is the provider's name when left out. */
  name?: string | null;
  /** org = tenant-wide; user = personal; group = group-scoped. */
  scope?: "org" | "user" | "group";
  /** usr-<uuid> of the owning user. It is the creator when left out of a create. */
  owner_id?: string | null;
  /** Group ID if scope=group. It is needed then, and dropped otherwise. */
  group_id?: string | null;
  /** User ID if scope=user. It is the creator when left out, and dropped with any other scope. */
  user_id?: string | null;
  /** Non-secret configuration: baseUrl, region, accountId, etc. What looks like a credential is refused: it belongs under `credentials`. */
  config?: Record<string, unknown>;
  /** Authentication mechanism. One that the provider offers; its first when left out. */
  auth_type?: "none" | "api_key" | "api_key_pair" | "bearer" | "basic" | "oauth2_code" | "oauth2_client_credentials" | "oauth2_private_key_jwt" | "oauth2_jwt_bearer" | "service_account_jwt" | "key_pair_jwt" | "github_app" | "aws_assume_role" | "aws_keys" | "mtls" | "hmac" | null;
  /** Whether the connector is active. */
  enabled?: boolean;
  /** Event types this connector emits. */
  event_types?: string[];
  /** ID of the outbound Webhook endpoint, if applicable. It gets the connector's events. */
  webhook_endpoint_id?: string | null;
  /** When credentials are next due for rotation. */
  next_rotation_due?: string | null;
  /** Free-form tags. */
  tags?: string[];
  /** Owning application id (FK to Application). It is the caller's own when an application's credential creates the connector, and only people change it. If its keys could then read credentials that are stored, an admin changes it, or the same change has the credentials again. */
  application_id?: string | null;
  /** Write-only: kept in the secret store and never returned. A field that is left out stays as it is, a text replaces it, null removes it. */
  credentials?: Record<string, string | null>;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Status of the owning application: suspended and retired stop what belongs to it. Ignored in a request. */
  application_status?: string | null;
  /** Count of consecutive sync errors. Ignored in a request. */
  consecutive_errors?: number;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Names of the credential fields that are set; their values are never shown. Ignored in a request. */
  credential_fields?: string[];
  /** When credentials were last rotated. Ignored in a request. */
  credential_last_rotated_at?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Health of the connector, by its last check. Ignored in a request. */
  health?: RecordHealth;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** True for an admin to whom the connector's scope does not open it. All that is read then is that it is there, whose it is, and its state; all else stands empty. An admin may disable, enable, delete and restore it. Ignored in a request. */
  is_restricted?: boolean;
  /** Time when the last check ended that is not `is_outdated`. A change of the connection does not empty it: until that is checked, sync_status is pending. Ignored in a request. */
  last_check_at?: string | null;
  /** Last error message. Ignored in a request. */
  last_error?: string | null;
  /** Timestamp of the last successful sync. Ignored in a request. */
  last_sync_at?: string | null;
  /** { totalSynced, last24h, avgLatencyMs } Ignored in a request. */
  metrics?: Metrics;
  /** Whether the OAuth token needs refreshing. Ignored in a request. */
  oauth_refresh_needed?: boolean;
  /** When the OAuth access token expires. Ignored in a request. */
  oauth_token_expires_at?: string | null;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Current sync health. disabled = switched off; pending = not set up or not yet run; action_required = a person must act; failing, degraded, rate_limited = the last runs; stale = silent for too long; healthy. Ignored in a request. */
  sync_status?: "disabled" | "pending" | "action_required" | "failing" | "degraded" | "rate_limited" | "stale" | "healthy";
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** KV v2 Vault path to secrets, e.g. secret/data/tnt-.../connectors/cnn-.../credentials. The server derives it from the ids. Ignored in a request. */
  vault_path?: string;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** One page of a list. */
export interface ConnectorList {
  /** The entries of this page. */
  items: Connector[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** The number of calls with one value, such as a source or a scope, and the last of them. */
export interface Counted {
  /** The source or the scope. */
  what: string;
  /** Number of calls in the last 24 hours. */
  calls: number;
  /** Time of the last call. */
  last_at: string;
}

/** One version of a connector's credentials. Values are never shown. */
export interface CredentialVersion {
  /** Number of the version. */
  version: number;
  /** The fields that are set in it. */
  fields: string[];
  /** Fields that were entered or removed in it. */
  changed: string[];
  /** Id of who saved it. */
  set_by: string | null;
  /** Name of who saved it. */
  set_by_name: string | null;
  /** Time when it was saved. */
  set_at: string;
  /** Number of the version that it repeats; null if it was entered. */
  restored_from: number | null;
}

/** One page of a list. */
export interface CredentialVersionList {
  /** The entries of this page. */
  items: CredentialVersion[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** A deleted record that is not purged yet. */
export interface Deleted {
  /** Resource of the record, as paths name it, such as webhooks. Its `restore` restores the record. */
  resource: string;
  /** Id of the record. */
  id: string;
  /** Name of the record. */
  name: string;
  /** Time when it was deleted. */
  deleted_at: string;
  /** Id of the person or credential that deleted it. */
  deleted_by: string | null;
  /** Name of who deleted it, at that time. */
  deleted_by_name: string | null;
  /** Time after which it is purged and cannot be restored. */
  restorable_until: string;
  /** Reason for which the caller cannot restore it now. null: it can be restored. */
  obstacle: string | null;
}

/** One page of a list. */
export interface DeletedList {
  /** The entries of this page. */
  items: Deleted[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** The delivery of one event to one webhook, as the API returns it. */
export interface Delivery {
  /** Id of the delivery. */
  id: string;
  /** Id of the webhook. */
  webhook_id: string;
  /** Also the header webhook-id of every attempt. */
  event_id: string;
  /** Type of the event. */
  event_type: string;
  /** Subject of the event. */
  subject: string | null;
  /** Progress of the delivery. */
  state: "pending" | "in_flight" | "retrying" | "held" | "delivered" | "failed" | "expired" | "cancelled";
  /** Number of attempts so far. */
  attempts: number;
  /** Time of the next attempt; null if there is none. */
  next_attempt_at: string | null;
  /** Its place in the order of first attempts, without gaps: header cpod-sequence. */
  sequence: number | null;
  /** Time when it was queued. */
  created_at: string;
  /** Time when it ended; null while it goes on. */
  completed_at: string | null;
  /** Outcome of the last attempt. */
  outcome: "sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled" | null;
  /** The receiver's HTTP status in the last attempt. */
  status: number | null;
  /** Cause of the delivery. */
  origin: "event" | "redelivery" | "replay" | "probe" | "lab";
  /** Id of the replay that made it; null otherwise. */
  replay_id: string | null;
}

/** One page of a list. */
export interface DeliveryList {
  /** The entries of this page. */
  items: Delivery[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** A delivery and its attempts, the newest first, at most 50. */
export interface DeliveryWithAttempts {
  /** Id of the delivery. */
  id: string;
  /** Id of the webhook. */
  webhook_id: string;
  /** Also the header webhook-id of every attempt. */
  event_id: string;
  /** Type of the event. */
  event_type: string;
  /** Subject of the event. */
  subject: string | null;
  /** Progress of the delivery. */
  state: "pending" | "in_flight" | "retrying" | "held" | "delivered" | "failed" | "expired" | "cancelled";
  /** Number of attempts so far. */
  attempts: number;
  /** Time of the next attempt; null if there is none. */
  next_attempt_at: string | null;
  /** Its place in the order of first attempts, without gaps: header cpod-sequence. */
  sequence: number | null;
  /** Time when it was queued. */
  created_at: string;
  /** Time when it ended; null while it goes on. */
  completed_at: string | null;
  /** Outcome of the last attempt. */
  outcome: "sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled" | null;
  /** The receiver's HTTP status in the last attempt. */
  status: number | null;
  /** Cause of the delivery. */
  origin: "event" | "redelivery" | "replay" | "probe" | "lab";
  /** Id of the replay that made it; null otherwise. */
  replay_id: string | null;
  /** The attempts, the newest first, at most 50. */
  attempt_list: Attempt[];
}

/**
 * The settings of a key that can be changed after it was issued.
 *
 * The others are fixed; sent with the value that they have, they are ignored.
 */
export interface EditKey {
  /** Human-readable label for this key. */
  name?: string | null;
  /** Free-form tags. */
  tags?: string[];
  /** Expiry timestamp; null for non-expiring keys. A time in the past ends the key at once, and for good. */
  expires_at?: string | null;
  /** Requests per minute rate limit. */
  rpm_limit?: number | null;
  /** Tokens per minute rate limit. */
  tpm_limit?: number | null;
  /** Maximum number of uses, counted while the key has one; null for no limit. A parent key has none. */
  max_uses?: number | null;
  /** Maximum spend cap in USD. Below what was spent in this period, calls are refused until the budget is reset. */
  max_budget_usd?: number | null;
  /** Period after which the budget is reset; none = never. It is changed for all keys that share the budget, and what was spent stays counted. */
  budget_period?: "none" | "day" | "week" | "month";
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Status of the owning application: suspended and retired stop what belongs to it. Ignored in a request. */
  application_status?: string | null;
  /** Time from which it is denied for short periods before it is revoked. Ignored in a request. */
  brownout_from?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** ID of the user who created this key. Ignored in a request. */
  created_by_user_id?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Health of the key: its state, end, budget, use, rotation and leaks. Ignored in a request. */
  health?: RecordHealth;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Written by the server. Ignored in a request. */
  key?: string | null;
  /** SHA-256 hash of the raw key. Raw key is never stored. Ignored in a request. */
  key_fingerprint?: string;
  /** Written by the server. Ignored in a request. */
  key_hash?: string | null;
  /** First chars of the raw key for UI display only. Ignored in a request. */
  key_prefix?: string;
  /** Last 4 characters of the raw key, for display only. Ignored in a request. */
  last4?: string;
  /** Timestamp of the last successful use of this key. A use is a call with it or with a token of it, a verification that is valid, or an introspection that is active. Ignored in a request. */
  last_used_at?: string | null;
  /** Id of the key that this one is a child of. Ignored in a request. */
  parent_key_id?: string | null;
  /** First 8 chars of raw key for UI display, e.g. sk-acme-. Ignored in a request. */
  prefix?: string;
  /** Time at which it will be revoked; null if nothing is planned. Ignored in a request. */
  revoke_at?: string | null;
  /** Time when it was revoked; null if it was not. Ignored in a request. */
  revoked_at?: string | null;
  /** Reason the key was revoked. Ignored in a request. */
  revoked_reason?: string | null;
  /** Id of the first key of its family, which are its predecessors, successors and children: they share one budget. null for that first key itself. Ignored in a request. */
  rotation_family_id?: string | null;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Cached spend counter in USD. Ignored in a request. */
  spend_usd?: number;
  /** Operational status of the key. Ignored in a request. */
  status?: "active" | "revoked" | "expired";
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The result of ending sessions. */
export interface Ended {
  /** Number of sessions that were live. */
  ended: number;
}

/** The number of erased events, and whether to repeat the call: it erases at most 10,000. */
export interface Erased {
  /** Number of events that were erased. */
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
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** An event as it is read. */
export interface Event {
  /** Id of the event. */
  id: string;
  /** The publisher's own id. */
  client_id: string | null;
  /** Type of the event. */
  type: string;
  /** Thing or person that it is about. */
  subject: string | null;
  /** Data of the event. */
  data: Record<string, unknown>;
  /** Time when it happened. */
  occurred_at: string;
  /** Time when it was published. */
  received_at: string;
  /** Id of the application that published it. */
  application_id: string | null;
  /** Slug of the application that published it. */
  app_id: string | null;
  /** Id of who published it. */
  actor_id: string;
  /** Name of who published it. */
  actor_name: string;
  /** The one webhook that it was made for, in the lab; no other gets it. */
  only_for: string | null;
}

/** Up to 500 events, stored together or not at all. */
export interface EventBatch {
  /** The events. One event alone may be sent as the body itself, several as an array. */
  events: EventInput[];
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** One event to publish. See `key_material` for API keys in its data. */
export interface EventInput {
  /** Name of the event type, such as rfp.created. */
  type: string;
  /** Data of the event, up to 64 KiB of JSON. */
  data?: Record<string, unknown>;
  /** Your own id, unique in your tenant: the same id again publishes nothing and is no error. If an event of another application has it, this is a 409. */
  id?: string | null;
  /** Time when it happened; now when left out. */
  occurred_at?: string | null;
  /** Thing or person that it is about; events are found and erased by it. */
  subject?: string | null;
}

/** One page of a list. */
export interface EventList {
  /** The entries of this page. */
  items: Event[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** One type of event as it is read. */
export interface EventType {
  /** Server-assigned ULID with type prefix (e.g. per_…). */
  id: string;
  /** Tenant scope — auto-stamped from the caller's JWT. */
  tenant_id: string;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. */
  app_id: string | null;
  /** Server stamp. */
  created_at: string;
  /** Server stamp; updated on every patch. */
  updated_at: string;
  /** Person id from the caller's JWT (sub). */
  created_by: string | null;
  /** Person id from the last writer's JWT (sub). */
  updated_by: string | null;
  /** Provenance tag — defaults to 'edm'. */
  source: string;
  /** Where the write originated. Defaults to 'api'. */
  source_type: string;
  /** Soft-delete flag. Excluded from default list queries. */
  is_deleted: boolean;
  /** Stamped when soft-deleted; null otherwise. */
  deleted_at: string | null;
  /** Person id who soft-deleted; null otherwise. */
  deleted_by: string | null;
  /** Document schema version. Bumped on incompatible writes. */
  schema_version: number;
  /** Optimistic concurrency version counter. */
  version: number;
  /** Name of the type, such as rfp.created. */
  name: string;
  /** Human-readable name. */
  display_name: string;
  /** Description of the occasion on which it is published. */
  description: string | null;
  /** JSON Schema (2020-12) of the event's data. */
  json_schema: Record<string, unknown> | null;
  /** Example of the event's data. */
  example: Record<string, unknown> | null;
  /** True if it is still sent, but better not subscribed to. */
  deprecated: boolean;
  /** reject = a publication that does not fit the schema is refused. The type of an application (app_id) is held only against what that application's credentials publish, and inbound webhooks that they made; a type without one against all. */
  validation: "off" | "reject";
  /** Free-form tags. */
  tags: string[];
}

/** Up to 500 records to create with one request. */
export interface EventTypeBatch {
  /** The new records. */
  items: EventTypeInput[];
  /** true: all are created, or none, and the error names every item that is refused. false: each is created on its own, and its result says what became of it. */
  atomic?: boolean;
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

/** The results of a batch. */
export interface EventTypeBatchAnswer {
  /** One result for each item, in the order of the request. */
  results: EventTypeBatchResult[];
}

/** Result of one item. */
export interface EventTypeBatchResult {
  /** 201, or the status of the problem. */
  status: number;
  /** The new record. */
  item?: EventType | null;
  /** Reason for which the item was refused. */
  problem?: Problem | null;
}

/** The fields of an event type that a client may write. */
export interface EventTypeInput {
  /** The type's name, such as rfp.created. Fixed once it is there. */
  name?: string | null;
  /** Human-readable name. */
  display_name?: string;
  /** Description of the occasion on which it is published. */
  description?: string | null;
  /** JSON Schema (2020-12) of the event's data. Patterns are those of RE2: a dot is any character but \n, and \s only a space, \t, \n, \f or \r. */
  json_schema?: Record<string, unknown> | null;
  /** An example of the event's data. */
  example?: Record<string, unknown> | null;
  /** Still sent, and better not subscribed to. */
  deprecated?: boolean;
  /** reject = a publication that does not fit the schema is refused. The type of an application (app_id) is held only against what that application's credentials publish, and inbound webhooks that they made; a type without one against all. */
  validation?: "off" | "reject";
  /** Free-form tags. */
  tags?: string[];
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Written by the server. Ignored in a request. */
  builtin?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** One page of a list. */
export interface EventTypeList {
  /** The entries of this page. */
  items: EventType[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** An event, and its match with every webhook of the tenant. */
export interface EventWithMatches {
  /** Id of the event. */
  id: string;
  /** The publisher's own id. */
  client_id: string | null;
  /** Type of the event. */
  type: string;
  /** Thing or person that it is about. */
  subject: string | null;
  /** Data of the event. */
  data: Record<string, unknown>;
  /** Time when it happened. */
  occurred_at: string;
  /** Time when it was published. */
  received_at: string;
  /** Id of the application that published it. */
  application_id: string | null;
  /** Slug of the application that published it. */
  app_id: string | null;
  /** Id of who published it. */
  actor_id: string;
  /** Name of who published it. */
  actor_name: string;
  /** The one webhook that it was made for, in the lab; no other gets it. */
  only_for: string | null;
  /** Match with each webhook by today's settings; at most 200 webhooks. */
  matches: Match[];
}

/** The id of a refused request. */
export interface ExplainRequest {
  /** The X-Request-Id of the answer that refused. */
  request_id?: string;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Address of the caller. Ignored in a request. */
  source?: string | null;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The reason why a request was refused: its checks in their order. */
export interface Explanation {
  /** Id of the refused request. */
  request_id: string;
  /** Time of the refusal. */
  denied_at: string;
  /** Id of the key; null if none was found. */
  key_id: string | null;
  /** Code of the refusal. */
  code: string;
  /** Address of the caller. */
  source: string | null;
  /** The checks, in their order. */
  trace: VerdictCheck[];
}

/** The format of an export, and the records in it. */
export interface ExportInput {
  /** csv: RFC 4180 with the names of the fields in the first line; lists and objects are JSON, and what a spreadsheet would take as a formula has an apostrophe in front. jsonl: one JSON object a line. */
  format?: "csv" | "jsonl";
  /** Query parameters of the list of these records, such as {"status": "active"}, without those that page. An empty object matches all records. */
  filter?: Record<string, string>;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** Event types and a filter to test with recent events. */
export interface FilterTest {
  /** Compare with what this webhook gets today. */
  webhook_id?: string | null;
  /** Event type filters to test. */
  event_types?: string[];
  /** Filter of the data to test. */
  filter?: Record<string, (string | number | boolean | null)[] | string | number | boolean | null>;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The number of recent events that the tested settings would have matched. */
export interface FilterTestResult {
  /** Number of events that were looked at: the last 200. */
  events: number;
  /** Number of them that match. */
  matched: number;
  /** Matched now, and not sent to the webhook as it is. */
  new: number | null;
  /** Sent to the webhook as it is, and not matched now. */
  lost: number | null;
  /** Ids of up to 5 that matched, newest first. */
  examples: string[];
}

/** One reason why a signature fails, as the API returns it. */
export interface Finding {
  /** Stable name of the reason. */
  code: string;
  /** The fault, as a sentence. */
  what: string;
  /** Next step to take, as a sentence. */
  remedy: string;
}

/** One record that was found. */
export interface Found {
  /** Resource of the record, as paths name it, such as api-keys. */
  resource: string;
  /** Id of the record. */
  id: string;
  /** Name of the record. */
  label: string;
  /** Status of the record, if it has one. */
  status: string | null;
}

/** One page of a list. */
export interface FoundList {
  /** The entries of this page. */
  items: Found[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** A lease with its values, which are in this answer only. */
export interface Given {
  /** Id of the lease. */
  id: string;
  /** Id of the connector. */
  connector_id: string;
  /** The API key that took the lease. */
  key_id: string;
  /** The application of that key. */
  application_id: string;
  /** token: an access token that the portal got; credentials: fields as stored. */
  kind: "token" | "credentials";
  /** The version of the credentials that it is of. */
  credential_version: number;
  /** Time when the token expires, as the provider said; null if it did not. */
  expires_at: string | null;
  /** Time when it was taken. */
  created_at: string;
  /** Use the values so long, then take a new lease: so a change of the credentials or a disabled connector reaches you. */
  lease_seconds: number;
  /** The access token, if the kind is token. */
  access_token: Hidden<string | null>;
  /** The credentials, if the kind is credentials. */
  credentials: Hidden<Record<string, string> | null>;
}

/** The health of a webhook: the last 24 hours, what waits, and why it is paused. */
export interface Health {
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
  /** Attempts of the last 24 hours, the sum of those in `hours`. */
  last_day: Span;
  /** Attempts of each of these hours, the oldest first; of more than 1,000 the newest 1,000. */
  hours: Span[];
}

/** One change of a record: who, what, before → after, from where. */
export interface HistoryEntry {
  /** Id of the entry. */
  id: string;
  /** Time of the change. */
  occurred_at: string;
  /** Name of the change, such as connector.updated. */
  action: string;
  /** Kind of who made it: person, application or system. */
  actor_kind: string;
  /** Id of who made it. */
  actor_id: string;
  /** Name of who made it. */
  actor_name: string;
  /** Changed field → the value before and after it. */
  changes: Record<string, unknown[]>;
  /** Address of the caller. */
  ip: string | null;
  /** Program of the caller. */
  user_agent: string | null;
  /** Id of the request. */
  request_id: string | null;
}

/** One page of a list. */
export interface HistoryEntryList {
  /** The entries of this page. */
  items: HistoryEntry[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** The use of a key in the last 24 hours, which shows what would break without it. */
export interface Impact {
  /** Id of the key. */
  key_id: string;
  /** Number of calls in the last 24 hours. A verification that is valid and an introspection that is active are calls, too. */
  calls: number;
  /** Addresses that it was called from, as far as they are known: an introspection does not name one. */
  sources: Counted[];
  /** Scopes that were used; `oauth:introspect` for introspections, which do not name one, and `oauth:token` for exchanges. */
  scopes: Counted[];
  /** Number of its child keys that work; none while the key itself is stopped. */
  children: number;
}

/** An OpenAPI 3.1 document whose webhooks become event types. */
export interface Import {
  /** The document, as JSON. */
  document: {
    /** Version of OpenAPI: 3.1, or a patch of it. */
    openapi: string;
    /** The webhooks, one for each event type: name → path item. */
    webhooks: Record<string, unknown>;
  };
  /** Only tell what would be done. */
  dry_run?: boolean;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The result of importing one webhook of the document. */
export interface ImportedType {
  /** Name of the event type. */
  name: string;
  /** Result for this type. */
  fate: "created" | "updated" | "unchanged" | "skipped";
  /** Reason, as a sentence; may be empty. */
  reason: string;
}

/** The results of importing the document's webhooks. */
export interface ImportedTypes {
  /** One result for each webhook of the document. */
  types: ImportedType[];
  /** True if nothing was stored. */
  dry_run: boolean;
}

/** One received request, as lists return it. */
export interface InboundRequest {
  /** Id of the request. */
  id: string;
  /** Id of the webhook. */
  webhook_id: string;
  /** Time when it arrived. */
  received_at: string;
  /** accepted, or quarantined. */
  state: string;
  /** verified, or why not. */
  code: string;
  /** The same as a sentence. */
  reason: string;
  /** HTTP method. */
  method: string;
  /** Address that was called. */
  url: string;
  /** Size of the body in bytes. */
  body_bytes: number;
  /** Address of the sender. */
  source_ip: string | null;
  /** Key by which a repetition is recognised. */
  delivery_key: string | null;
  /** Number of times that the same delivery came again. */
  repeats: number;
  /** Fingerprint of the secret. */
  verified_with: string | null;
  /** Time when it was verified. */
  verified_at: string | null;
  /** Id of who had it verified again. */
  verified_by: string | null;
  /** Id of the event that was published for it. */
  event_id: string | null;
  /** Type of that event. */
  event_type: string | null;
}

/** One page of a list. */
export interface InboundRequestList {
  /** The entries of this page. */
  items: InboundRequest[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** The tenant's own receiver for tests. */
export interface Inbox {
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
  /** Owning application id. It must be one that runs: no library, neither suspended nor retired. A key without one sees the whole tenant. */
  application_id?: string | null;
  /** Key classification. user = a person's; service = a program's; virtual_llm = for language models. */
  kind?: "user" | "service" | "virtual_llm";
  /** User this key was issued to, if kind=user. It is the creator when left out. */
  issued_to_user_id?: string | null;
  /** Service name this key was issued to, if kind=service. */
  issued_to_service?: string | null;
  /** Permission scopes granted to this key. At most those of the key's creator. */
  scopes?: ("applications:read" | "applications:reopen" | "applications:retire" | "applications:suspend" | "applications:write" | "audit:read" | "connectors:read" | "connectors:use" | "connectors:write" | "event-types:read" | "event-types:write" | "events:publish" | "events:read" | "keys:read" | "keys:reopen" | "keys:verify" | "keys:write" | "webhooks:read" | "webhooks:write")[];
  /** If kind=virtual_llm, allowlist of model identifiers. */
  allowed_models?: string[];
  /** Tokens per minute rate limit. */
  tpm_limit?: number | null;
  /** Requests per minute rate limit. */
  rpm_limit?: number | null;
  /** Maximum spend cap in USD. */
  max_budget_usd?: number | null;
  /** Expiry timestamp; null for non-expiring keys. It must lie in the future. */
  expires_at?: string | null;
  /** Whether this key is blocked from making requests. */
  blocked?: boolean;
  /** Reason the key was blocked. */
  blocked_reason?: string | null;
  /** ID of the key this was rotated from. */
  rotated_from_key_id?: string | null;
  /** Free-form tags. */
  tags?: string[];
  /** Period after which the budget is reset, by the calendar of the tenant's time zone. none = never. */
  budget_period?: "none" | "day" | "week" | "month";
  /** Networks that it, and a token made from it, may be used from; empty for all. A service that checks tokens with the key set does not see these networks. */
  allowed_ips?: string[];
  /** Maximum number of uses, counted while the key has one; null for no limit. A key that has one issues no keys. */
  max_uses?: number | null;
  /** shown: the answer has the key. link: the answer has a link that shows the key once to whoever opens it first, within 72 hours. store: the key goes to the secret store, and nobody sees it. */
  delivery?: "shown" | "link" | "store";
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Status of the owning application: suspended and retired stop what belongs to it. Ignored in a request. */
  application_status?: string | null;
  /** Time from which it is denied for short periods before it is revoked. Ignored in a request. */
  brownout_from?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** ID of the user who created this key. Ignored in a request. */
  created_by_user_id?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Health of the key: its state, end, budget, use, rotation and leaks. Ignored in a request. */
  health?: RecordHealth;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** The raw key, in this answer only. Ignored in a request. */
  key?: string | null;
  /** SHA-256 hash of the raw key. Raw key is never stored. Ignored in a request. */
  key_fingerprint?: string;
  /** SHA-256 hash of the raw key (unique). Never returned after initial creation. Ignored in a request. */
  key_hash?: string | null;
  /** First chars of the raw key for UI display only. Ignored in a request. */
  key_prefix?: string;
  /** Last 4 characters of the raw key, for display only. Ignored in a request. */
  last4?: string;
  /** Timestamp of the last successful use of this key. A use is a call with it or with a token of it, a verification that is valid, or an introspection that is active. Ignored in a request. */
  last_used_at?: string | null;
  /** Id of the key that this one is a child of. Ignored in a request. */
  parent_key_id?: string | null;
  /** First 8 chars of raw key for UI display, e.g. sk-acme-. Ignored in a request. */
  prefix?: string;
  /** Time at which it will be revoked; null if nothing is planned. Ignored in a request. */
  revoke_at?: string | null;
  /** Time when it was revoked; null if it was not. Ignored in a request. */
  revoked_at?: string | null;
  /** Reason the key was revoked. Ignored in a request. */
  revoked_reason?: string | null;
  /** Id of the first key of its family, which are its predecessors, successors and children: they share one budget. null for that first key itself. Ignored in a request. */
  rotation_family_id?: string | null;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Cached spend counter in USD. Ignored in a request. */
  spend_usd?: number;
  /** Operational status of the key. Ignored in a request. */
  status?: "active" | "revoked" | "expired";
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** Up to 500 records to create with one request. */
export interface IssueKeyBatch {
  /** The new records. */
  items: IssueKey[];
  /** true: all are created, or none, and the error names every item that is refused. false: each is created on its own, and its result says what became of it. */
  atomic?: boolean;
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
export interface Key {
  /** Server-assigned ULID with type prefix (e.g. per_…). */
  id: string;
  /** Tenant scope — auto-stamped from the caller's JWT. */
  tenant_id: string;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. */
  app_id: string | null;
  /** Server stamp. */
  created_at: string;
  /** Server stamp; updated on every patch. */
  updated_at: string;
  /** Person id from the caller's JWT (sub). */
  created_by: string | null;
  /** Person id from the last writer's JWT (sub). */
  updated_by: string | null;
  /** Provenance tag — defaults to 'edm'. */
  source: string;
  /** Where the write originated. Defaults to 'api'. */
  source_type: string;
  /** Soft-delete flag. Excluded from default list queries. */
  is_deleted: boolean;
  /** Stamped when soft-deleted; null otherwise. */
  deleted_at: string | null;
  /** Person id who soft-deleted; null otherwise. */
  deleted_by: string | null;
  /** Document schema version. Bumped on incompatible writes. */
  schema_version: number;
  /** Optimistic concurrency version counter. */
  version: number;
  /** Human-readable label for this key. */
  name: string;
  /** Owning application id. */
  application_id: string | null;
  /** Key classification. */
  kind: "user" | "service" | "virtual_llm";
  /** First 8 chars of raw key for UI display, e.g. sk-acme-. */
  prefix: string;
  /** First chars of the raw key for UI display only. */
  key_prefix: string;
  /** Last 4 characters of the raw key, for display only. */
  last4: string;
  /** SHA-256 hash of the raw key. Raw key is never stored. */
  key_fingerprint: string;
  /** User this key was issued to, if kind=user. */
  issued_to_user_id: string | null;
  /** Service name this key was issued to, if kind=service. */
  issued_to_service: string | null;
  /** Permission scopes granted to this key. */
  scopes: string[];
  /** If kind=virtual_llm, allowlist of model identifiers. */
  allowed_models: string[];
  /** Tokens per minute rate limit. */
  tpm_limit: number | null;
  /** Requests per minute rate limit. */
  rpm_limit: number | null;
  /** Maximum spend cap in USD. */
  max_budget_usd: number | null;
  /** Cached spend counter in USD. */
  spend_usd: number;
  /** Operational status of the key. */
  status: "active" | "revoked" | "expired";
  /** Whether this key is blocked from making requests. */
  blocked: boolean;
  /** Reason the key was blocked. */
  blocked_reason: string | null;
  /** Timestamp of the last successful use of this key. A use is a call with it or with a token of it, a verification that is valid, or an introspection that is active. */
  last_used_at: string | null;
  /** Expiry timestamp; null for non-expiring keys. */
  expires_at: string | null;
  /** Time when it was revoked; null if it was not. */
  revoked_at: string | null;
  /** Reason the key was revoked. */
  revoked_reason: string | null;
  /** ID of the key this was rotated from. */
  rotated_from_key_id: string | null;
  /** ID of the user who created this key. */
  created_by_user_id: string | null;
  /** Free-form tags. */
  tags: string[];
  /** Period after which the budget is reset. */
  budget_period: "none" | "day" | "week" | "month";
  /** Networks that it, and a token made from it, may be used from; empty for all. */
  allowed_ips: string[];
  /** Maximum number of uses; null for no limit. */
  max_uses: number | null;
  /** Id of the key that this one is a child of. */
  parent_key_id: string | null;
  /** Id of the first key of its family, which are its predecessors, successors and children: they share one budget. null for that first key itself. */
  rotation_family_id: string | null;
  /** Time at which it will be revoked; null if nothing is planned. */
  revoke_at: string | null;
  /** Time from which it is denied for short periods before it is revoked. */
  brownout_from: string | null;
  /** Status of the owning application: suspended and retired stop what belongs to it. */
  application_status: string | null;
  /** Health of the key: its state, end, budget, use, rotation and leaks. */
  health: RecordHealth;
}

/** The results of a batch. */
export interface KeyBatchAnswer {
  /** One result for each item, in the order of the request. */
  results: KeyBatchResult[];
}

/** Result of one item. */
export interface KeyBatchResult {
  /** 201, or the status of the problem. */
  status: number;
  /** The new record. */
  item?: KeyCreated | null;
  /** Reason for which the item was refused. */
  problem?: Problem | null;
}

/** The record, and what only this answer shows. */
export type KeyCreateAnswer = Key & ({
    /** The raw key, in this answer only. */
    key?: string | null;
    /** SHA-256 hash of the raw key (unique). Never returned after initial creation. */
    key_hash?: string | null;
    /** Address that shows the key once, if the delivery is link. */
    link?: string | null;
    /** Path of the key in the secret store, if the delivery is store. */
    vault_path?: string | null;
  });

/** The record, and what only this answer shows. */
export type KeyCreateChildAnswer = Key & ({
    /** The raw key, in this answer only. */
    key?: string | null;
    /** SHA-256 hash of the raw key (unique). Never returned after initial creation. */
    key_hash?: string | null;
    /** Address that shows the key once, if the delivery is link. */
    link?: string | null;
    /** Path of the key in the secret store, if the delivery is store. */
    vault_path?: string | null;
  });

/** A new record. */
export interface KeyCreated {
  /** Server-assigned ULID with type prefix (e.g. per_…). */
  id: string;
  /** Tenant scope — auto-stamped from the caller's JWT. */
  tenant_id: string;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. */
  app_id: string | null;
  /** Server stamp. */
  created_at: string;
  /** Server stamp; updated on every patch. */
  updated_at: string;
  /** Person id from the caller's JWT (sub). */
  created_by: string | null;
  /** Person id from the last writer's JWT (sub). */
  updated_by: string | null;
  /** Provenance tag — defaults to 'edm'. */
  source: string;
  /** Where the write originated. Defaults to 'api'. */
  source_type: string;
  /** Soft-delete flag. Excluded from default list queries. */
  is_deleted: boolean;
  /** Stamped when soft-deleted; null otherwise. */
  deleted_at: string | null;
  /** Person id who soft-deleted; null otherwise. */
  deleted_by: string | null;
  /** Document schema version. Bumped on incompatible writes. */
  schema_version: number;
  /** Optimistic concurrency version counter. */
  version: number;
  /** Human-readable label for this key. */
  name: string;
  /** Owning application id. */
  application_id: string | null;
  /** Key classification. */
  kind: "user" | "service" | "virtual_llm";
  /** First 8 chars of raw key for UI display, e.g. sk-acme-. */
  prefix: string;
  /** First chars of the raw key for UI display only. */
  key_prefix: string;
  /** Last 4 characters of the raw key, for display only. */
  last4: string;
  /** SHA-256 hash of the raw key. Raw key is never stored. */
  key_fingerprint: string;
  /** User this key was issued to, if kind=user. */
  issued_to_user_id: string | null;
  /** Service name this key was issued to, if kind=service. */
  issued_to_service: string | null;
  /** Permission scopes granted to this key. */
  scopes: string[];
  /** If kind=virtual_llm, allowlist of model identifiers. */
  allowed_models: string[];
  /** Tokens per minute rate limit. */
  tpm_limit: number | null;
  /** Requests per minute rate limit. */
  rpm_limit: number | null;
  /** Maximum spend cap in USD. */
  max_budget_usd: number | null;
  /** Cached spend counter in USD. */
  spend_usd: number;
  /** Operational status of the key. */
  status: "active" | "revoked" | "expired";
  /** Whether this key is blocked from making requests. */
  blocked: boolean;
  /** Reason the key was blocked. */
  blocked_reason: string | null;
  /** Timestamp of the last successful use of this key. A use is a call with it or with a token of it, a verification that is valid, or an introspection that is active. */
  last_used_at: string | null;
  /** Expiry timestamp; null for non-expiring keys. */
  expires_at: string | null;
  /** Time when it was revoked; null if it was not. */
  revoked_at: string | null;
  /** Reason the key was revoked. */
  revoked_reason: string | null;
  /** ID of the key this was rotated from. */
  rotated_from_key_id: string | null;
  /** ID of the user who created this key. */
  created_by_user_id: string | null;
  /** Free-form tags. */
  tags: string[];
  /** Period after which the budget is reset. */
  budget_period: "none" | "day" | "week" | "month";
  /** Networks that it, and a token made from it, may be used from; empty for all. */
  allowed_ips: string[];
  /** Maximum number of uses; null for no limit. */
  max_uses: number | null;
  /** Id of the key that this one is a child of. */
  parent_key_id: string | null;
  /** Id of the first key of its family, which are its predecessors, successors and children: they share one budget. null for that first key itself. */
  rotation_family_id: string | null;
  /** Time at which it will be revoked; null if nothing is planned. */
  revoke_at: string | null;
  /** Time from which it is denied for short periods before it is revoked. */
  brownout_from: string | null;
  /** Status of the owning application: suspended and retired stop what belongs to it. */
  application_status: string | null;
  /** Health of the key: its state, end, budget, use, rotation and leaks. */
  health: RecordHealth;
  /** The raw key, in this answer only. */
  key?: Hidden<string | null>;
  /** SHA-256 hash of the raw key (unique). Never returned after initial creation. */
  key_hash?: Hidden<string | null>;
  /** Address that shows the key once, if the delivery is link. */
  link?: Hidden<string | null>;
  /** Path of the key in the secret store, if the delivery is store. */
  vault_path?: string | null;
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

/** One page of a list. */
export interface KeyList {
  /** The entries of this page. */
  items: Key[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** The record, and what only this answer shows. */
export type KeyRotateAnswer = Key & ({
    /** The raw key, in this answer only. */
    key?: string | null;
    /** SHA-256 hash of the raw key (unique). Never returned after initial creation. */
    key_hash?: string | null;
    /** Address that shows the key once, if the delivery is link. */
    link?: string | null;
    /** Path of the key in the secret store, if the delivery is store. */
    vault_path?: string | null;
  });

/** An event that is sent through the queue to a single webhook. */
export interface LabInput {
  /** One event's name, such as rfp.created. */
  event_type: string;
  /** The event's data, up to 16 KiB. */
  data?: Record<string, unknown>;
  /** Failure that the inbox answers with first, if the webhook sends to the inbox. */
  failure?: "500" | "503" | "429" | "404" | "410" | null;
  /** Number of requests that the inbox answers so. */
  times?: number;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Time when it was queued. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Id of the delivery. Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** A place where a key was found in public. */
export interface Leak {
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

/** One page of a list. */
export interface LeakList {
  /** The entries of this page. */
  items: Leak[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** The action that follows when a key is found in public. The stricter of two cases wins. */
export interface LeakPolicy {
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
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** A rule by which a scanner finds the tenant's keys in repositories. */
export interface LeakRule {
  /** Configuration for gitleaks, in TOML. */
  gitleaks_toml: string;
}

/** One lease: who got which version, when. Values are never shown again. */
export interface Lease {
  /** Id of the lease. */
  id: string;
  /** Id of the connector. */
  connector_id: string;
  /** The API key that took the lease. */
  key_id: string;
  /** The application of that key. */
  application_id: string;
  /** token: an access token that the portal got; credentials: fields as stored. */
  kind: "token" | "credentials";
  /** The version of the credentials that it is of. */
  credential_version: number;
  /** Time when the token expires, as the provider said; null if it did not. */
  expires_at: string | null;
  /** Time when it was taken. */
  created_at: string;
}

/** Nothing is to be said: a lease has what the connector hands out. */
export interface LeaseInput {
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Time when it was taken. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Id of the lease. Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** One page of a list. */
export interface LeaseList {
  /** The entries of this page. */
  items: Lease[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** One limit of a key. `remaining` is null if it is not known. */
export interface Limit {
  /** Name of the limit, such as rpm. */
  name: string;
  /** Number that is allowed in one window. */
  limit: number;
  /** Number that is left; null if it is not known. */
  remaining: number | null;
  /** For a refused call, the time when it fits; otherwise, when this call no longer counts. */
  reset_at: string | null;
}

/** One entry of the audit log: a change of any record, a sign-in, and the like. */
export interface LogEntry {
  /** Id of the entry. */
  id: string;
  /** Time of the change. */
  occurred_at: string;
  /** Name of the change, such as connector.updated. */
  action: string;
  /** Kind of who made it: person, application or system. */
  actor_kind: string;
  /** Id of who made it. */
  actor_id: string;
  /** Name of who made it. */
  actor_name: string;
  /** Changed field → the value before and after it. */
  changes: Record<string, unknown[]>;
  /** Address of the caller. */
  ip: string | null;
  /** Program of the caller. */
  user_agent: string | null;
  /** Id of the request. */
  request_id: string | null;
  /** Kind of the record, such as connector. */
  record_kind: string;
  /** Id of the record. */
  record_id: string;
  /** Name of the record at the time of the entry. */
  record_name: string;
}

/** One page of a list. */
export interface LogEntryList {
  /** The entries of this page. */
  items: LogEntry[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** The match of one webhook with an event, and the reason. */
export interface Match {
  /** Id of the webhook. */
  id: string;
  /** Name of the webhook. */
  name: string;
  /** True if the event is sent to it. */
  matched: boolean;
  /** Reason, as a sentence. */
  reason: string;
}

/** Counters of synced records; the latency is null before the first run. */
export interface Metrics {
  /** Number of records that were synced in total. */
  totalSynced: number;
  /** Number of records that were synced in the last 24 hours. */
  last24h: number;
  /** Average latency in milliseconds; null before the first run. */
  avgLatencyMs: number | null;
}

/** The id and the name of a key. */
export interface Named {
  /** Id of the key. */
  id: string;
  /** Name of the key. */
  name: string;
}

/** A view to save. */
export interface NewView {
  /** The list that the view shows. */
  list: "api-keys" | "applications" | "audit" | "connectors" | "deliveries" | "event-types" | "events" | "webhooks";
  /** Name of the view, which its tab shows. */
  name: string;
  /** Query parameters of the list, such as status, sort or either, and those of its page: columns and density. Values are as in an address. */
  parameters?: Record<string, string>;
  /** Whole tenant sees it. Needs the right to change the list's records; for a log (deliveries, events, audit), the role admin. */
  is_shared?: boolean;
  /** The list opens with it: for oneself or, if it is shared, for everybody who has no default. Only admins set a shared default. */
  is_default?: boolean;
  /** Place among the tabs, from 0. */
  position?: number;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Time when it was made. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Id of the view. Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Time of its last change. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Number of its changes. Ignored in a request. */
  version?: number;
}

/** Something that is about to stop, has stopped, or works again. */
export interface Notice {
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

/** One page of a list. */
export interface NoticeList {
  /** The entries of this page. */
  items: Notice[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** The state of the tenant at one look, as far as the caller may read it. */
export interface Overview {
  /** Time of the answer. */
  at: string;
  /** Sentence that the page begins with. */
  sentence: OverviewSentence;
  /** Figures of what the caller may read. */
  figures: OverviewFigure[];
  /** Records that need a person, the worst first: a few of each kind. */
  needs: OverviewNeed[];
  /** Changes of today (UTC), the newest first. */
  changes: OverviewChange[];
  /** Steps of the first run. */
  steps: OverviewStep[];
}

/** Something that was changed today (UTC), and who did it. */
export interface OverviewChange {
  /** Time of the newest change. */
  at: string;
  /** Name of the person or program; empty for the portal itself. */
  who: string;
  /** Action, in words. */
  text: string;
  /** Name of the record. */
  name: string;
  /** Number of further records that were changed in the same way. */
  more: number;
  /** Path of the record's page. */
  url: string;
}

/** One number of the last 24 hours, of now, or of the next 14 days. */
export interface OverviewFigure {
  /** Name of the figure: held, delivered, p95, calls, refused or ending. */
  name: string;
  /** Name of the figure for people. */
  label: string;
  /** The number; null if it is not known, and `note` says why. */
  value: number | null;
  /** True if there are more than were counted. */
  is_more: boolean;
  /** Unit of the value: ms, or empty for a count. */
  unit: string;
  /** One word: failing and attention are trouble. */
  status: "failing" | "attention" | "held" | "works" | "not_tried" | "off";
  /** Explanation beside the number, for people. */
  note: string;
  /** Path of the page with the list of exactly what was counted. */
  url: string;
  /** Values over time, from the oldest; null where nothing is known. */
  values: (number | null)[];
  /** Time at which the first of the values begins; null without values. */
  begins_at: string | null;
  /** Seconds that each of the values stands for; null without values. */
  step_seconds: number | null;
}

/** A record, or a group of them, that needs a person. */
export interface OverviewNeed {
  /** Id of the record, or a name for a group. */
  id: string;
  /** Its health, in one word. */
  status: "failing" | "attention" | "held" | "works" | "not_tried" | "off";
  /** Its name. */
  title: string;
  /** Reason, as a sentence for people. */
  text: string;
  /** Time since which it is so; null if nobody noted it. */
  since: string | null;
  /** Path of its page. */
  url: string;
  /** The next step, for people; null if there is none. */
  act: string | null;
  /** Path of the page where the next step is done. */
  act_url: string | null;
}

/** The most important thing that there is to say. */
export interface OverviewSentence {
  /** Worst status of anything in the tenant that the caller may read. */
  status: "failing" | "attention" | "held" | "works" | "not_tried" | "off";
  /** Sentence for people about what matters most. Do not parse it. */
  text: string;
  /** Anything else there is to say; empty if nothing. */
  rest: string;
}

/** One step of the first run. */
export interface OverviewStep {
  /** Name of the step, for people. */
  title: string;
  /** True once it has been done. */
  done: boolean;
  /** Path of the page where it is done. */
  url: string;
}

/** The application that a credential belongs to. */
export interface OwnApplication {
  /** Id of the application. */
  id: string;
  /** Slug of the application, which is the `app_id` of everything that it writes. */
  slug: string | null;
}

/** One type of event that the portal itself publishes. */
export interface OwnType {
  /** Name of the type. */
  name: string;
  /** Description of the occasion on which it is published. */
  description: string;
  /** JSON Schema (2020-12) of the event's data. */
  json_schema: Record<string, unknown>;
  /** Example of the event's data. */
  example: Record<string, unknown>;
}

/** One page of a list. */
export interface OwnTypeList {
  /** The entries of this page. */
  items: OwnType[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** A person who has signed in to the tenant. The identity provider decides about the role. */
export interface Person {
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
  /** Time of the last sign-in, or of a call with a token of their own, to the day. */
  last_seen_at: string;
  /** Number of sessions in browsers that have not ended. */
  live_sessions: number;
}

/** One page of a list. */
export interface PersonList {
  /** The entries of this page. */
  items: Person[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** The number of active keys with each weakness. A key can have several. */
export interface Posture {
  /** Keys that expire within 14 days. */
  expiring: number;
  /** Keys of a person who has not been here for 90 days. */
  owner_gone: number;
  /** Keys called from more than 10 addresses in a week. */
  many_sources: number;
  /** Keys that were used once, but not for 90 days. */
  idle: number;
  /** Keys that were issued more than a day ago and never used. */
  never_used: number;
  /** Keys without an expiry. */
  never_expires: number;
  /** Keys without a limit, a budget or a network. */
  unrestricted: number;
  /** Keys without a budget. */
  no_budget: number;
}

/** RFC 9457 problem details. */
export interface Problem {
  /** Address of the kind of problem. */
  type: string;
  /** The kind of problem, in a few words. */
  title: string;
  /** The HTTP status. */
  status: number;
  /** A sentence on this problem, for people. */
  detail: string;
  /** Stable name of the problem, for programs. */
  code: string;
  /** Id of the request in logs and in the audit log. */
  request_id: string;
}

/** The number of verifying processes that have received a key's newest change. */
export interface Propagation {
  /** Processes that may answer from memory. */
  verifiers: number;
  /** Those of them that have heard. */
  heard: number;
  /** Milliseconds from the writing of the change until the last of them had heard, so with the time of saving it and all that was changed with it. Without those that began later; null if that is not known of all of them. */
  milliseconds: number | null;
  /** Hosts that have not said that they heard and are silent, with all their processes. They do not answer VALID any more: those that are cut off answer 503. */
  cut_off: string[];
}

/** A provider with everything that a connector to it can set. */
export interface Provider {
  /** Value of `provider` of a connector. */
  id: string;
  /** Name of the provider. */
  name: string;
  /** Category, which is the usual `type` of a connector. */
  category: string;
  /** Address of the documentation of its API. */
  docs: string | null;
  /** Source of the entry: tried at the provider, read in its documentation, taken from another catalogue, or from memory. */
  evidence: "live" | "docs" | "peer" | "memory";
  /** Ways to sign in, the usual one first. */
  auth_types: string[];
  /** Settings of a connector. */
  settings: Setting[];
  /** Ways to sign in, the usual one first. */
  sign_ins: SignIn[];
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
  /** Source of the entry: tried at the provider, read in its documentation, taken from another catalogue, or from memory. */
  evidence: "live" | "docs" | "peer" | "memory";
  /** Ways to sign in, the usual one first. */
  auth_types: string[];
}

/** One page of a list. */
export interface ProviderSummaryList {
  /** The entries of this page. */
  items: ProviderSummary[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** The result of one published event. */
export interface PublishedEvent {
  /** Id of the event. */
  id: string;
  /** The publisher's own id. */
  client_id: string | null;
  /** Type of the event. */
  type: string;
  /** Number of webhooks that it goes to. */
  deliveries: number;
  /** It was published before; nothing was done now. */
  duplicate: boolean;
}

/** The response to a publication, in the order of the request. */
export interface PublishedEvents {
  /** The results, in the order of the request. */
  events: PublishedEvent[];
}

/** One quota and the tenant's use of it. */
export interface Quota {
  /** Name of the quota. */
  name: string;
  /** Rates: the average of the last full minute. null: nobody has counted yet. */
  used: number | null;
  /** Number that the tenant may have or do. */
  limit: number;
  /** near: from 80 % on. reached: full, or refused in the last five minutes. */
  state: "room" | "near" | "reached" | "unknown";
  /** null: the count is exact now. */
  counted_at: string | null;
}

/** All quotas of the tenant. */
export interface Quotas {
  /** All quotas. */
  items: Quota[];
}

/** Health of a record, derived from its state and its last results. Read-only. */
export interface RecordHealth {
  /** One word. works = its last use or check was good, and nothing is left to do. attention = it works, or may work, and somebody should look. failing = it does not work. held = stopped on purpose or by its application, and can go on. not_tried = not used or checked yet. off = disabled, ended or deleted. */
  status: "failing" | "attention" | "held" | "works" | "not_tried" | "off";
  /** Time since which it is so; null if nobody noted it. */
  since: string | null;
  /** Reason of the status, as a sentence for people. Do not parse it. */
  reason: string;
  /** Next step, as a sentence for people; null if there is nothing to do. */
  next: string | null;
}

/**
 * The requirements of a rehearsed call. A scope or a model left out is not checked.
 *
 * A key with allowed networks is refused if `ip` is left out.
 */
export interface RehearseKey {
  /** Permission that the call needs. */
  scope?: string | null;
  /** Model that the call is for. */
  model?: string | null;
  /** Tokens that the call will need, estimated. */
  cost_tokens?: number | null;
  /** Highest cost of the call in US dollars, reserved until settled. Under a budget that is used up, a call of 0 is refused too. */
  estimated_usd?: number | null;
  /** Address that the holder calls from. */
  ip?: string | null;
  /** Slug of the owning application. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant of the key. Ignored in a request. */
  tenant_id?: string | null;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The keys to repair, by their weakness, and the remedy. A value that a key has stays. */
export interface RepairKeys {
  /** Weakness that the keys have, as in the posture. */
  weakness: "expiring" | "owner_gone" | "many_sources" | "idle" | "never_used" | "never_expires" | "unrestricted" | "no_budget";
  /** expire: let them end in 90 days. limit: 600 requests per minute. budget: 100 US dollars a month. */
  remedy: "expire" | "limit" | "budget";
  /** Only keys of this application. */
  application_id?: string | null;
  /** Only say how many keys these are; false repairs up to 1,000 of them. */
  dry_run?: boolean;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** A replay: the events of a period, sent again. */
export interface Replay {
  /** Id of the replay; null on a dry run. */
  id: string | null;
  /** Id of the webhook. */
  webhook_id: string;
  /** Start of the period. */
  since: string;
  /** End of the period. */
  until: string;
  /** The events that were chosen. */
  what: "failed" | "missing" | "all";
  /** Deliveries a second, as they were spread over time; null if they were not. */
  rate: number | null;
  /** Number of events. */
  total: number;
  /** Time when it was started; null on a dry run. */
  created_at: string | null;
  /** Id of who started it. */
  created_by: string | null;
  /** Time when it was cancelled; null if it was not. */
  cancelled_at: string | null;
}

/** The selection of the events to send again. */
export interface ReplayInput {
  /** Events received from then on. */
  from: string;
  /** And before then. */
  to: string;
  /** failed = whose delivery failed for good; missing = that were never sent to this webhook, or only in deliveries that were cancelled, and match it today; all = every one that matches it today. */
  what?: "failed" | "missing" | "all";
  /** Spreads the deliveries over time, so many a second. What a pause or an outage keeps back is then sent at the webhook's own pace, within its `rate_limit`. */
  rate?: number | null;
  /** Only count. */
  dry_run?: boolean;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Time when it was started; null on a dry run. Ignored in a request. */
  created_at?: string | null;
  /** Id of who started it. Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Id of the replay; null on a dry run. Ignored in a request. */
  id?: string | null;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** One page of a list. */
export interface ReplayList {
  /** The entries of this page. */
  items: Replay[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** A replay, and the number of its deliveries in each state. */
export interface ReplayProgress {
  /** Id of the replay; null on a dry run. */
  id: string | null;
  /** Id of the webhook. */
  webhook_id: string;
  /** Start of the period. */
  since: string;
  /** End of the period. */
  until: string;
  /** The events that were chosen. */
  what: "failed" | "missing" | "all";
  /** Deliveries a second, as they were spread over time; null if they were not. */
  rate: number | null;
  /** Number of events. */
  total: number;
  /** Time when it was started; null on a dry run. */
  created_at: string | null;
  /** Id of who started it. */
  created_by: string | null;
  /** Time when it was cancelled; null if it was not. */
  cancelled_at: string | null;
  /** Number of deliveries in each state. `held` are those of a webhook that sends nothing now. */
  counts: Record<string, number>;
}

/** A key that a scanner found, identified by its fingerprint only. */
export interface ReportLeak {
  /** Hex SHA-256 of the key. Never send the key itself. */
  fingerprint: string;
  /** Web address of the place where the key was found. */
  url?: string | null;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The key that has the reported fingerprint, if any, and the response to the leak. */
export interface Reported {
  /** Id of the key with this fingerprint; null if there is none. */
  key_id: string | null;
  /** Action that the tenant's policy took. Of a place that was reported before, what holds for the key now: notify means that it works. Null if there is no such key. */
  response: "notify" | "block" | "revoke" | null;
}

/** The version of the credentials to use again. */
export interface RestoreInput {
  /** One of the connector's credential versions. */
  version: number;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Time when it was asked for. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Id of the check. Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
}

/** The result of a check. */
export interface Result {
  /** passed; unproven = nothing failed, and nothing shows that the credentials are good; auth_invalid, auth_scope, auth_expired and config need a person; rate_limited and transient pass by themselves; secret_store and internal are faults of the portal. Null until the check has ended. */
  outcome: "passed" | "unproven" | "auth_invalid" | "auth_scope" | "auth_expired" | "config" | "rate_limited" | "transient" | "secret_store" | "internal" | null;
  /** Result, as a sentence. */
  said: string;
  /** Next step to take, as a sentence; may be empty. */
  remedy: string;
  /** The steps of the check, in their order. */
  steps: Step[];
  /** Milliseconds that the check took. */
  took_ms: number | null;
  /** Account that the credentials belong to, as the provider says. */
  account: string | null;
  /** True if they belong to a person, false if to a service; null if unknown. */
  is_person: boolean | null;
  /** Scopes of the credentials; null if the provider does not tell. */
  granted: string[] | null;
  /** Scopes that the connector needs and has not. */
  missing: string[];
  /** Scopes that it has and does not need. */
  too_much: string[];
  /** Time when the credentials expire, as the provider says. */
  expires_at: string | null;
}

/** The choice of what happens to the events that were held while a webhook was paused. */
export interface ResumeInput {
  /** all = send everything; newest_per_subject = of each subject the newest event alone; skip_before = only what was published, or sent again, from `before` on. */
  choice?: "all" | "newest_per_subject" | "skip_before";
  /** For skip_before; left out, now. */
  before?: string | null;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
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
export interface Reviewed {
  /** Number of requests that are genuine and were published. */
  verified: number;
  /** Number of requests that remain in quarantine. */
  refused: number;
  /** Came again meanwhile, and were accepted then. */
  duplicates: number;
  /** There is more to verify in this round: ask again. */
  is_more: boolean;
}

/** The time when a key ends; immediately if nothing is given. */
export interface RevokeKey {
  /** Reason, in a sentence for people. */
  reason?: string | null;
  /** Time at which it ends, in the future; immediately when left out. */
  at?: string | null;
  /** Deny for a minute now, longer each hour, until it ends after six. */
  brownout?: boolean;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The keys to revoke or block: those that meet every condition that is given. */
export interface RevokeKeys {
  /** Only keys of this application. */
  application_id?: string | null;
  /** Created by or issued to this person's id. */
  owner?: string | null;
  /** Only keys with this tag. */
  tag?: string | null;
  /** Only keys that were created before this time. */
  created_before?: string | null;
  /** Only active keys with this weakness, as in the posture. */
  weakness?: "expiring" | "owner_gone" | "many_sources" | "idle" | "never_used" | "never_expires" | "unrestricted" | "no_budget" | null;
  /** Action: block can be undone, revoke cannot. */
  verb?: "revoke" | "block";
  /** Reason, in a sentence for people. */
  reason?: string | null;
  /** Only count the keys; false carries it out. */
  dry_run?: boolean;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The number of keys that a change of many selects or has changed, and some of them. */
export interface Revoked {
  /** Number of keys that meet the conditions; without `dry_run`, of those that were changed. */
  count: number;
  /** Number of these keys that are not changed yet. Repeat the call until it is 0. */
  left: number;
  /** True if nothing was changed. */
  dry_run: boolean;
  /** Some of the keys. */
  sample: Named[];
}

/**
 * The overlap of a rotation, and what its successor may do.
 *
 * The overlap is how long the old key still works beside its successor, whose uses are counted from zero.
 */
export interface RotateKey {
  /** until_quiet: until nobody used the old key for a day, 30 days at most. */
  overlap?: "now" | "1h" | "24h" | "7d" | "until_quiet";
  /** Scopes of the successor: at most those that the caller may grant and the application allows. Those of the old key when left out. */
  scopes?: ("applications:read" | "applications:reopen" | "applications:retire" | "applications:suspend" | "applications:write" | "audit:read" | "connectors:read" | "connectors:use" | "connectors:write" | "event-types:read" | "event-types:write" | "events:publish" | "events:read" | "keys:read" | "keys:reopen" | "keys:verify" | "keys:write" | "webhooks:read" | "webhooks:write")[] | null;
  /** shown: the answer has the key. link: the answer has a link that shows the key once to whoever opens it first, within 72 hours. store: the key goes to the secret store, and nobody sees it. */
  delivery?: "shown" | "link" | "store";
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The newest rotation that a key is part of, as the old key or as its successor. */
export interface Rotation {
  /** Id of the rotation. */
  id: string;
  /** Id of the key that is replaced. */
  old_key_id: string;
  /** Id of its successor. */
  new_key_id: string;
  /** created: the successor is not used yet. seen: both may be used. quiet: the old key was not used for a day. done: the old key has ended. failed: the successor does not work. kept: the old key stays. */
  state: "created" | "seen" | "quiet" | "done" | "failed" | "kept";
  /** Overlap that was chosen. */
  overlap: "now" | "1h" | "24h" | "7d" | "until_quiet";
  /** Time when the rotation began. */
  started_at: string;
  /** Time when the old key ends at the latest; if the rotation was taken back, when it would have ended by it. */
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
export interface Session {
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

/** One page of a list. */
export interface SessionList {
  /** The entries of this page. */
  items: Session[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** One setting, or one field of the credentials. */
export interface Setting {
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
export interface Settings {
  /** Days after which events and deliveries are deleted. */
  retention_days: number;
  /** Names of fields whose values are hidden from readers who may not change webhooks. */
  redacted_fields: string[];
  /** Treatment of an API key in an event's data: mask or refuse. */
  key_material: "mask" | "refuse";
}

/** A tenant's retention, hidden fields and treatment of API keys in events. */
export interface SettingsInput {
  /** Days after which events and deliveries are forgotten. */
  retention_days?: number;
  /** Names of fields whose values only those see who may change webhooks, in small or capital letters, however deep, and as parts of a form's names: ssn hides person[SSN], too. A path, such as person.ssn, hides every ssn. Of the texts in an event that look like JSON with escapes or with such a name, the first 100 are looked into; the others are hidden completely, and so is data that is a text alone, as of a received body without fields. */
  redacted_fields?: string[];
  /** Treatment of an API key in an event's data. mask = only its beginning and its last four characters are kept; refuse = the event is not taken. */
  key_material?: "mask" | "refuse";
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The actual cost of a reserved call. */
export interface SettleReservation {
  /** US dollars; what was reserved when left out, 0 for a call that failed. */
  cost_usd?: number | null;
  /** Tokens that it used. */
  tokens?: number | null;
  /** The model that it was for. */
  model?: string | null;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Id of the line. Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The result of settling the leaks of a key. */
export interface Settled {
  /** Number of leaks that were open. */
  leaks: number;
}

/** One way to sign in to a provider. */
export interface SignIn {
  /** Value of `auth_type` of a connector. */
  type: string;
  /** Name for people. */
  label: string;
  /** Settings that this way needs, with their values. */
  when: Record<string, string>;
  /** Fields of the credentials. */
  credentials: Setting[];
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
  /** Scheme of the signature; the webhook's when left out. */
  scheme?: "standard-webhooks" | "inbox" | "github" | "stripe" | "slack" | "shopify" | "twilio" | "sendgrid" | "hubspot" | "square" | "zoom" | "gitlab" | "jira" | "linear" | "pagerduty" | "sentry" | "zendesk" | "intercom" | "meta" | "twitter" | "paddle" | "discord" | "docusign" | "mailgun" | "typeform" | "calendly" | "dropbox" | "box" | "vercel" | "woocommerce" | "webflow" | "elevenlabs" | "gitea" | "okta" | "microsoft-graph" | "contentful" | "azure-event-grid" | "aws-sns" | "fusionauth" | "plaid" | "hmac-sha256-hex" | "hmac-sha256-base64" | "hmac-sha512-hex" | "hmac-sha1-hex" | "timestamped-hmac" | "bearer" | "jwt" | "api-key" | "basic" | null;
  /** As a webhook's inbound_options. */
  options?: {
    /** Header that has the signature. */
    header?: string;
    /** Text before the signature in its header. */
    prefix?: string;
    /** Place of the delivery's id: header:… or body:…. */
    delivery_id?: string;
    /** Place of the event's type: header:… or body:…. */
    event_type?: string;
    /** one = the same body again is a repetition; each = it is another event, unless it has the same delivery id. */
    equal_bodies?: string;
    /** Audience (aud) that a token must name. Needed with the address of a key set. */
    audience?: string;
    /** Issuer (iss) that a token must have. */
    issuer?: string;
    /** Subject (sub) that a token must have. */
    subject?: string;
  };
  /** Check with this secret. It is neither kept nor written to a log. */
  secret?: string | null;
  /** The request's headers. */
  headers?: Record<string, string>;
  /** The raw body as text. */
  body?: string;
  /** The raw body in base64, in place of `body`. */
  body_base64?: string | null;
  /** HTTP method of the request. */
  method?: string;
  /** The address as the sender was told it; left out, the webhook's. */
  url?: string;
  /** Time when the request arrived; now when left out. */
  at?: string | null;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The result of a check: whether the signature is right, and why not. */
export interface SignatureCheckResult {
  /** True if the signature is right. */
  verified: boolean;
  /** verified, or the reason of the refusal. */
  code: string;
  /** The result, as a sentence. */
  reason: string;
  /** Scheme that was checked. */
  scheme: string;
  /** Fingerprint of the secret that matched. */
  fingerprint: string | null;
  /** The reasons that were found. */
  findings: Finding[];
  /** The text that should be signed, its beginning. */
  signed_text: string;
  /** The signature that the given secret makes; none for a stored secret. */
  expected: string | null;
}

/** The attempts of one hour, or of all 24. */
export interface Span {
  /** Start of the hour; null for the whole day. */
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
  /** Your id of this line: the same id is written once. One of another key, or of a reservation, is a 409. */
  usage_id?: string | null;
  /** US dollars. */
  cost_usd?: number;
  /** Tokens that were used. */
  tokens?: number | null;
  /** The model that it was for. */
  model?: string | null;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Id of the line. Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** A line of the ledger and the budget after it. `repeated`: the line existed already. */
export interface Spent {
  /** Id of the line. */
  id: string;
  /** Id of the key that pays. */
  key_id: string;
  /** Cost in US dollars. */
  cost_usd: number;
  /** True if the line existed before. */
  repeated: boolean;
  /** The budget after it. */
  budget: Budget;
}

/** The reason for suspending, retiring or reopening an application, shown to people later. */
export interface StateReason {
  /** Reason, in a sentence for people. It is kept in the history. */
  reason: string;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** One step of a check, in the order in which they are taken. */
export interface Step {
  /** address, connect, tls, sign_in, who, or scope: and the scope. */
  name: string;
  /** Name of the step for people. */
  title: string;
  /** Result of the step. */
  state: "passed" | "warned" | "failed" | "not_tried";
  /** Milliseconds after the begin of the check. */
  began_ms: number | null;
  /** Milliseconds that it took; null if it was not tried. */
  took_ms: number | null;
  /** Outcome that this step led to; null if it led to none. */
  verdict: "passed" | "unproven" | "auth_invalid" | "auth_scope" | "auth_expired" | "config" | "rate_limited" | "transient" | "secret_store" | "internal" | null;
  /** The HTTP status of the answer, if there was one. */
  status: number | null;
  /** Result, as a sentence. */
  said: string;
  /** Next step to take, as a sentence; may be empty. */
  remedy: string;
}

/** The reason why a key is revoked or blocked, for people who ask later. */
export interface StopKey {
  /** Reason, in a sentence for people. */
  reason?: string | null;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The tenant that a credential belongs to. */
export interface Tenant {
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
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Time when it began. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Id of the attempt. Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** The answer to the verification of a key. */
export interface Verdict {
  /** True if the call may be made. */
  valid: boolean;
  /** VALID, or the reason of the refusal. */
  code: string;
  /** Id of the key; null if none was found. */
  key_id: string | null;
  /** Name of the key. */
  name: string | null;
  /** Kind of the key. */
  kind: string | null;
  /** Tenant of the key. */
  tenant_id: string | null;
  /** Id of the owning application. */
  application_id: string | null;
  /** Slug of the owning application. */
  app_id: string | null;
  /** Scopes of the key. */
  scopes: string[];
  /** Time when the key expires, or is revoked as planned; null for never. */
  expires_at: string | null;
  /** The limits of the key, after this call. */
  limits: Limit[];
  /** The budget of the key, after this call. For a key that is called often, what was settled or spent elsewhere may be missing for up to half a minute. */
  budget: Budget | null;
  /** Id to settle the reserved cost with; null if nothing was reserved. */
  reservation_id: string | null;
  /** Every check, on a dry run. */
  trace?: VerdictCheck[] | null;
}

/** One check of a decision. */
export interface VerdictCheck {
  /** Code with which this check refuses. */
  code: string;
  /** True if the check was passed. */
  passed: boolean;
  /** The check, as a sentence. */
  detail: string;
}

/** A request to verify a key for a call. */
export interface VerifyKey {
  /** Permission that the call needs. */
  scope?: string | null;
  /** Model that the call is for. */
  model?: string | null;
  /** Tokens that the call will need, estimated. */
  cost_tokens?: number | null;
  /** Highest cost of the call in US dollars, reserved until settled. Under a budget that is used up, a call of 0 is refused too. */
  estimated_usd?: number | null;
  /** Address that the holder calls from. */
  ip?: string | null;
  /** The raw key, as its holder sent it. */
  key: string;
  /** Consume nothing, and give the trace of checks. */
  dry_run?: boolean;
  /** Your own id for the reservation of `estimated_usd`: a call that repeats it takes nothing again, until it expires unsettled. With another key or amount it is a 409. */
  reservation_id?: string | null;
  /** Slug of the owning application. Ignored in a request. */
  app_id?: string | null;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant of the key. Ignored in a request. */
  tenant_id?: string | null;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** A saved view of a list. */
export interface View {
  /** Id of the view. */
  id: string;
  /** The list that the view shows. */
  list: string;
  /** Name of the view. */
  name: string;
  /** Query parameters of the list and of its page. */
  parameters: Record<string, unknown>;
  /** Whole tenant sees it. */
  is_shared: boolean;
  /** The list opens with it. */
  is_default: boolean;
  /** Place among the tabs. */
  position: number;
  /** Id of the person who made it. */
  owner_id: string;
  /** Number of its changes. */
  version: number;
  /** Time when it was made. */
  created_at: string;
  /** Time of its last change. */
  updated_at: string;
}

/** One page of a list. */
export interface ViewList {
  /** The entries of this page. */
  items: View[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** A webhook as the API returns it (specification: Webhook). */
export interface Webhook {
  /** Server-assigned ULID with type prefix (e.g. per_…). */
  id: string;
  /** Tenant scope — auto-stamped from the caller's JWT. */
  tenant_id: string;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. */
  app_id: string | null;
  /** Server stamp. */
  created_at: string;
  /** Server stamp; updated on every patch. */
  updated_at: string;
  /** Person id from the caller's JWT (sub). */
  created_by: string | null;
  /** Person id from the last writer's JWT (sub). */
  updated_by: string | null;
  /** Provenance tag — defaults to 'edm'. */
  source: string;
  /** Where the write originated. Defaults to 'api'. */
  source_type: string;
  /** Soft-delete flag. Excluded from default list queries. */
  is_deleted: boolean;
  /** Stamped when soft-deleted; null otherwise. */
  deleted_at: string | null;
  /** Person id who soft-deleted; null otherwise. */
  deleted_by: string | null;
  /** Document schema version. Bumped on incompatible writes. */
  schema_version: number;
  /** Optimistic concurrency version counter. */
  version: number;
  /** Human-readable webhook name. */
  name: string;
  /** outbound = cPod pushes to url; inbound = external system calls cPod. */
  direction: "outbound" | "inbound";
  /** Target URL (outbound) or callback URL (inbound). */
  url: string | null;
  /** Event type filters, e.g. rfp.created, rfp.status_changed. */
  event_types: string[];
  /** Payload signing scheme. */
  signature_scheme: "standard-webhooks" | "standard-webhooks-ed25519" | "github" | "stripe" | "hmac-sha256-hex" | "hmac-sha256-base64";
  /** Inbound only: the address to give to the sender. */
  inbound_url: string | null;
  /** Inbound only: scheme by which the sender signs. */
  inbound_scheme: "standard-webhooks" | "inbox" | "github" | "stripe" | "slack" | "shopify" | "twilio" | "sendgrid" | "hubspot" | "square" | "zoom" | "gitlab" | "jira" | "linear" | "pagerduty" | "sentry" | "zendesk" | "intercom" | "meta" | "twitter" | "paddle" | "discord" | "docusign" | "mailgun" | "typeform" | "calendly" | "dropbox" | "box" | "vercel" | "woocommerce" | "webflow" | "elevenlabs" | "gitea" | "okta" | "microsoft-graph" | "contentful" | "azure-event-grid" | "aws-sns" | "fusionauth" | "plaid" | "hmac-sha256-hex" | "hmac-sha256-base64" | "hmac-sha512-hex" | "hmac-sha1-hex" | "timestamped-hmac" | "bearer" | "jwt" | "api-key" | "basic" | null;
  /** Inbound only: options of a generic scheme. */
  inbound_options: Record<string, string>;
  /** Vault KV v2 path where the HMAC secret lives; never stored inline. The server derives it. */
  vault_path: string;
  /** Static custom headers (non-secret) sent with every delivery. */
  headers: Record<string, string>;
  /** Whether this webhook is active. */
  enabled: boolean;
  /** { maxAttempts, backoff: 'exponential', timeoutMs } */
  retry_policy: RetryPolicy;
  /** Timestamp of the last delivery attempt. While many follow each other, it is up to a second behind; if they are received, up to a minute. */
  last_delivery_at: string | null;
  /** Outcome of the last delivery attempt. */
  last_delivery_status: "sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled" | null;
  /** Count of consecutive delivery failures. Tests do not count. */
  consecutive_failures: number;
  /** Timestamp when the webhook was auto-paused after N consecutive failures. */
  paused_at: string | null;
  /** Cause of the pause; null if it is not paused. */
  pause_reason: "failing" | "gone" | "by_hand" | null;
  /** Field of the data → values of which it must have one. */
  filter: Record<string, unknown[]>;
  /** Most deliveries a second, over all workers; null for no limit. */
  rate_limit: number | null;
  /** True if deliveries are sent one at a time, in order. */
  ordered: boolean;
  /** ID of the owning Connector, if this webhook is connector-owned. */
  connector_id: string | null;
  /** Free-form tags. */
  tags: string[];
  /** Owning application id. */
  application_id: string | null;
  /** Status of the owning application: suspended and retired stop what belongs to it. */
  application_status: string | null;
  /** Hash of the signing secret; raw secret is never stored. It has 12 hex digits: of a Standard Webhooks secret the first of the SHA-256 of its bytes, of any other one a keyed hash that only this webhook has. */
  secret_fingerprint: string | null;
  /** Whether this webhook is active. It is enabled, and neither paused nor deleted. */
  is_active: boolean;
  /** Health of the webhook: its deliveries, its queue and its pause. */
  health: RecordHealth;
}

/** Up to 500 records to create with one request. */
export interface WebhookBatch {
  /** The new records. */
  items: WebhookInput[];
  /** true: all are created, or none, and the error names every item that is refused. false: each is created on its own, and its result says what became of it. */
  atomic?: boolean;
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

/** The results of a batch. */
export interface WebhookBatchAnswer {
  /** One result for each item, in the order of the request. */
  results: WebhookBatchResult[];
}

/** Result of one item. */
export interface WebhookBatchResult {
  /** 201, or the status of the problem. */
  status: number;
  /** The new record. */
  item?: WebhookCreated | null;
  /** Reason for which the item was refused. */
  problem?: Problem | null;
}

/** The record, and what only this answer shows. */
export type WebhookCreateAnswer = Webhook & ({
    /** The signing secret, whsec_…, in this answer only. */
    signing_secret?: string | null;
  });

/** A new record. */
export interface WebhookCreated {
  /** Server-assigned ULID with type prefix (e.g. per_…). */
  id: string;
  /** Tenant scope — auto-stamped from the caller's JWT. */
  tenant_id: string;
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. */
  app_id: string | null;
  /** Server stamp. */
  created_at: string;
  /** Server stamp; updated on every patch. */
  updated_at: string;
  /** Person id from the caller's JWT (sub). */
  created_by: string | null;
  /** Person id from the last writer's JWT (sub). */
  updated_by: string | null;
  /** Provenance tag — defaults to 'edm'. */
  source: string;
  /** Where the write originated. Defaults to 'api'. */
  source_type: string;
  /** Soft-delete flag. Excluded from default list queries. */
  is_deleted: boolean;
  /** Stamped when soft-deleted; null otherwise. */
  deleted_at: string | null;
  /** Person id who soft-deleted; null otherwise. */
  deleted_by: string | null;
  /** Document schema version. Bumped on incompatible writes. */
  schema_version: number;
  /** Optimistic concurrency version counter. */
  version: number;
  /** Human-readable webhook name. */
  name: string;
  /** outbound = cPod pushes to url; inbound = external system calls cPod. */
  direction: "outbound" | "inbound";
  /** Target URL (outbound) or callback URL (inbound). */
  url: string | null;
  /** Event type filters, e.g. rfp.created, rfp.status_changed. */
  event_types: string[];
  /** Payload signing scheme. */
  signature_scheme: "standard-webhooks" | "standard-webhooks-ed25519" | "github" | "stripe" | "hmac-sha256-hex" | "hmac-sha256-base64";
  /** Inbound only: the address to give to the sender. */
  inbound_url: string | null;
  /** Inbound only: scheme by which the sender signs. */
  inbound_scheme: "standard-webhooks" | "inbox" | "github" | "stripe" | "slack" | "shopify" | "twilio" | "sendgrid" | "hubspot" | "square" | "zoom" | "gitlab" | "jira" | "linear" | "pagerduty" | "sentry" | "zendesk" | "intercom" | "meta" | "twitter" | "paddle" | "discord" | "docusign" | "mailgun" | "typeform" | "calendly" | "dropbox" | "box" | "vercel" | "woocommerce" | "webflow" | "elevenlabs" | "gitea" | "okta" | "microsoft-graph" | "contentful" | "azure-event-grid" | "aws-sns" | "fusionauth" | "plaid" | "hmac-sha256-hex" | "hmac-sha256-base64" | "hmac-sha512-hex" | "hmac-sha1-hex" | "timestamped-hmac" | "bearer" | "jwt" | "api-key" | "basic" | null;
  /** Inbound only: options of a generic scheme. */
  inbound_options: Record<string, string>;
  /** Vault KV v2 path where the HMAC secret lives; never stored inline. The server derives it. */
  vault_path: string;
  /** Static custom headers (non-secret) sent with every delivery. */
  headers: Record<string, string>;
  /** Whether this webhook is active. */
  enabled: boolean;
  /** { maxAttempts, backoff: 'exponential', timeoutMs } */
  retry_policy: RetryPolicy;
  /** Timestamp of the last delivery attempt. While many follow each other, it is up to a second behind; if they are received, up to a minute. */
  last_delivery_at: string | null;
  /** Outcome of the last delivery attempt. */
  last_delivery_status: "sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled" | null;
  /** Count of consecutive delivery failures. Tests do not count. */
  consecutive_failures: number;
  /** Timestamp when the webhook was auto-paused after N consecutive failures. */
  paused_at: string | null;
  /** Cause of the pause; null if it is not paused. */
  pause_reason: "failing" | "gone" | "by_hand" | null;
  /** Field of the data → values of which it must have one. */
  filter: Record<string, unknown[]>;
  /** Most deliveries a second, over all workers; null for no limit. */
  rate_limit: number | null;
  /** True if deliveries are sent one at a time, in order. */
  ordered: boolean;
  /** ID of the owning Connector, if this webhook is connector-owned. */
  connector_id: string | null;
  /** Free-form tags. */
  tags: string[];
  /** Owning application id. */
  application_id: string | null;
  /** Status of the owning application: suspended and retired stop what belongs to it. */
  application_status: string | null;
  /** Hash of the signing secret; raw secret is never stored. It has 12 hex digits: of a Standard Webhooks secret the first of the SHA-256 of its bytes, of any other one a keyed hash that only this webhook has. */
  secret_fingerprint: string | null;
  /** Whether this webhook is active. It is enabled, and neither paused nor deleted. */
  is_active: boolean;
  /** Health of the webhook: its deliveries, its queue and its pause. */
  health: RecordHealth;
  /** The signing secret, whsec_…, in this answer only. */
  signing_secret?: Hidden<string | null>;
}

/** The fields of a webhook that a client can set. All are optional: `{}` creates a webhook that is disabled. */
export interface WebhookInput {
  /** Human-readable webhook name. */
  name?: string | null;
  /** outbound = cPod pushes to url; inbound = external system calls cPod. Fixed once the webhook is there. */
  direction?: "outbound" | "inbound";
  /** Target URL (outbound) or callback URL (inbound). A public address. */
  url?: string | null;
  /** Event type filters, e.g. rfp.created, rfp.status_changed. rfp.* is a group, * is everything. A webhook gets the events of the whole tenant, whichever application published them. */
  event_types?: string[];
  /** Payload signing scheme. standard-webhooks = headers webhook-id, webhook-timestamp and webhook-signature (v1, HMAC-SHA256), see standardwebhooks.com; -ed25519 = the same with a key pair (v1a). github, stripe, hmac-sha256-hex and hmac-sha256-base64 are for receivers that verify those styles already. Rotate the secret after a change to or from ed25519. */
  signature_scheme?: "standard-webhooks" | "standard-webhooks-ed25519" | "github" | "stripe" | "hmac-sha256-hex" | "hmac-sha256-base64";
  /** Inbound only: how the sender proves who it is. Left out, standard-webhooks. */
  inbound_scheme?: "standard-webhooks" | "inbox" | "github" | "stripe" | "slack" | "shopify" | "twilio" | "sendgrid" | "hubspot" | "square" | "zoom" | "gitlab" | "jira" | "linear" | "pagerduty" | "sentry" | "zendesk" | "intercom" | "meta" | "twitter" | "paddle" | "discord" | "docusign" | "mailgun" | "typeform" | "calendly" | "dropbox" | "box" | "vercel" | "woocommerce" | "webflow" | "elevenlabs" | "gitea" | "okta" | "microsoft-graph" | "contentful" | "azure-event-grid" | "aws-sns" | "fusionauth" | "plaid" | "hmac-sha256-hex" | "hmac-sha256-base64" | "hmac-sha512-hex" | "hmac-sha1-hex" | "timestamped-hmac" | "bearer" | "jwt" | "api-key" | "basic" | null;
  /** Inbound only, with a generic scheme: header and prefix of the signature, and delivery_id and event_type, the places (header:… or body:…) of these two. With a scheme that signs the body alone, equal_bodies: one = the same body again is a repetition (the usual), each = it is another event, unless a header, or the place of delivery_id, has the same delivery id again. With jwt, audience, issuer and subject: the aud, iss and sub that a token must have. An inbound_secret that is the address of a key set needs an audience. */
  inbound_options?: {
    /** Header that has the signature. */
    header?: string;
    /** Text before the signature in its header. */
    prefix?: string;
    /** Place of the delivery's id: header:… or body:…. */
    delivery_id?: string;
    /** Place of the event's type: header:… or body:…. */
    event_type?: string;
    /** one = the same body again is a repetition; each = it is another event, unless it has the same delivery id. */
    equal_bodies?: string;
    /** Audience (aud) that a token must name. Needed with the address of a key set. */
    audience?: string;
    /** Issuer (iss) that a token must have. */
    issuer?: string;
    /** Subject (sub) that a token must have. */
    subject?: string;
  };
  /** Inbound only: the sender's secret, where it is the sender who makes it. Never shown again; the one before is accepted beside it for 24 hours, unless inbound_scheme changes with it. While three previous ones are accepted, another one is a 409. */
  inbound_secret?: string | null;
  /** Static custom headers (non-secret) sent with every delivery. */
  headers?: Record<string, string>;
  /** Whether this webhook is active. It is true when left out if there are a url and at least one event type. */
  enabled?: boolean | null;
  /** { maxAttempts, backoff: 'exponential', timeoutMs } Parts that are left out get their defaults; in a PATCH they stay. */
  retry_policy?: RetryPolicy;
  /** Top-level field of an event's data → the value, or the list of values, of which it must have one. Only events that pass all of it are sent. Those of more than 1 KiB may be 8 MiB together in a tenant. */
  filter?: Record<string, (string | number | boolean | null)[] | string | number | boolean | null>;
  /** At most so many deliveries a second, over all workers. */
  rate_limit?: number | null;
  /** One at a time, in the order of publication: a delivery that fails holds up those after it until it is delivered or has failed for good. */
  ordered?: boolean;
  /** ID of the owning Connector, if this webhook is connector-owned. */
  connector_id?: string | null;
  /** Owning application id. It is the caller's own when an application's credential creates the webhook, and only people change it. */
  application_id?: string | null;
  /** Free-form tags. */
  tags?: string[];
  /** App scope. Stamped ONLY when the caller's JWT was minted for a specific Application (integration API keys). Absent for human-user sessions. Filters reads when present. Ignored in a request. */
  app_id?: string | null;
  /** Status of the owning application: suspended and retired stop what belongs to it. Ignored in a request. */
  application_status?: string | null;
  /** Count of consecutive delivery failures. Tests do not count. Ignored in a request. */
  consecutive_failures?: number;
  /** Server stamp. Ignored in a request. */
  created_at?: string;
  /** Person id from the caller's JWT (sub). Ignored in a request. */
  created_by?: string | null;
  /** Stamped when soft-deleted; null otherwise. Ignored in a request. */
  deleted_at?: string | null;
  /** Person id who soft-deleted; null otherwise. Ignored in a request. */
  deleted_by?: string | null;
  /** Health of the webhook: its deliveries, its queue and its pause. Ignored in a request. */
  health?: RecordHealth;
  /** Server-assigned ULID with type prefix (e.g. per_…). Ignored in a request. */
  id?: string;
  /** Inbound only: the address to give to the sender. Ignored in a request. */
  inbound_url?: string | null;
  /** Whether this webhook is active. It is enabled, and neither paused nor deleted. Ignored in a request. */
  is_active?: boolean;
  /** Soft-delete flag. Excluded from default list queries. Ignored in a request. */
  is_deleted?: boolean;
  /** Timestamp of the last delivery attempt. While many follow each other, it is up to a second behind; if they are received, up to a minute. Ignored in a request. */
  last_delivery_at?: string | null;
  /** Outcome of the last delivery attempt. Ignored in a request. */
  last_delivery_status?: "sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled" | null;
  /** Cause of the pause; null if it is not paused. Ignored in a request. */
  pause_reason?: "failing" | "gone" | "by_hand" | null;
  /** Timestamp when the webhook was auto-paused after N consecutive failures. Ignored in a request. */
  paused_at?: string | null;
  /** Document schema version. Bumped on incompatible writes. Ignored in a request. */
  schema_version?: number;
  /** Hash of the signing secret; raw secret is never stored. It has 12 hex digits: of a Standard Webhooks secret the first of the SHA-256 of its bytes, of any other one a keyed hash that only this webhook has. Ignored in a request. */
  secret_fingerprint?: string | null;
  /** The signing secret, whsec_…, in this answer only. Ignored in a request. */
  signing_secret?: string | null;
  /** Provenance tag — defaults to 'edm'. Ignored in a request. */
  source?: string;
  /** Where the write originated. Defaults to 'api'. Ignored in a request. */
  source_type?: string;
  /** Tenant scope — auto-stamped from the caller's JWT. Ignored in a request. */
  tenant_id?: string;
  /** Server stamp; updated on every patch. Ignored in a request. */
  updated_at?: string;
  /** Person id from the last writer's JWT (sub). Ignored in a request. */
  updated_by?: string | null;
  /** Vault KV v2 path where the HMAC secret lives; never stored inline. The server derives it. Ignored in a request. */
  vault_path?: string;
  /** Optimistic concurrency version counter. Ignored in a request. */
  version?: number;
}

/** One page of a list. */
export interface WebhookList {
  /** The entries of this page. */
  items: Webhook[];
  /** Place of the next page: send it as `cursor`. It is null on the last page. */
  next_cursor: string | null;
  /** Number of all matches, with `count=true` where the list has that parameter. */
  count?: {
    /** The number, or the part of it that was counted. */
    value: number;
    /** True if there are more than `value`. */
    more_than: boolean;
  };
}

/** The record, and what only this answer shows. */
export type WebhookRotateSecretAnswer = Webhook & ({
    /** The signing secret, whsec_…, in this answer only. */
    signing_secret?: string | null;
    /** Time until which the previous secret signs, too. */
    previous_secret_expires_at?: string | null;
  });

/** One received request with its headers and its raw body; API keys in it are masked. */
export interface WholeInboundRequest {
  /** Id of the request. */
  id: string;
  /** Id of the webhook. */
  webhook_id: string;
  /** Time when it arrived. */
  received_at: string;
  /** accepted, or quarantined. */
  state: string;
  /** verified, or why not. */
  code: string;
  /** The same as a sentence. */
  reason: string;
  /** HTTP method. */
  method: string;
  /** Address that was called. */
  url: string;
  /** Size of the body in bytes. */
  body_bytes: number;
  /** Address of the sender. */
  source_ip: string | null;
  /** Key by which a repetition is recognised. */
  delivery_key: string | null;
  /** Number of times that the same delivery came again. */
  repeats: number;
  /** Fingerprint of the secret. */
  verified_with: string | null;
  /** Time when it was verified. */
  verified_at: string | null;
  /** Id of who had it verified again. */
  verified_by: string | null;
  /** Id of the event that was published for it. */
  event_id: string | null;
  /** Type of that event. */
  event_type: string | null;
  /** Headers of the request: name and value. */
  headers: [string, string][];
  /** Raw body in base64. */
  body_base64: string;
}

/** A problem with the status 400. */
export type BadRequestProblem = Problem & {
    /** The HTTP status. */
    status?: 400;
    /** Stable name of the problem. */
    code?: string;
    /** Every field that needs attention. */
    errors?: {
    /** Path of the field, `a.b.0`. */
    field: string;
    /** The rule, as a sentence. */
    message: string;
  }[];
  };

/** A problem with the status 401. */
export type UnauthenticatedProblem = Problem & {
    /** The HTTP status. */
    status?: 401;
    /** Stable name of the problem. */
    code?: string;
  };

/** A problem with the status 403. */
export type ForbiddenProblem = Problem & {
    /** The HTTP status. */
    status?: 403;
    /** Stable name of the problem. */
    code?: string;
  };

/** A problem with the status 404. */
export type NotFoundProblem = Problem & {
    /** The HTTP status. */
    status?: 404;
    /** Stable name of the problem. */
    code?: string;
  };

/** A problem with the status 408. */
export type RequestTimeoutProblem = Problem & {
    /** The HTTP status. */
    status?: 408;
    /** Stable name of the problem. */
    code?: string;
  };

/** A problem with the status 409. */
export type ConflictProblem = Problem & {
    /** The HTTP status. */
    status?: 409;
    /** Stable name of the problem. */
    code?: string;
    /** The record as it is stored now. */
    current?: Record<string, unknown>;
    /** Name of the quota that is reached. */
    quota?: string;
    /** Number that the tenant has. */
    used?: number;
    /** Number that the tenant may have. */
    limit?: number;
  };

/** A problem with the status 412. */
export type PreconditionFailedProblem = Problem & {
    /** The HTTP status. */
    status?: 412;
    /** Stable name of the problem. */
    code?: string;
  };

/** A problem with the status 413. */
export type TooLargeProblem = Problem & {
    /** The HTTP status. */
    status?: 413;
    /** Stable name of the problem. */
    code?: string;
  };

/** A problem with the status 415. */
export type UnsupportedMediaTypeProblem = Problem & {
    /** The HTTP status. */
    status?: 415;
    /** Stable name of the problem. */
    code?: string;
  };

/** A problem with the status 422. */
export type InvalidProblem = Problem & {
    /** The HTTP status. */
    status?: 422;
    /** Stable name of the problem. */
    code?: string;
    /** Every field that needs attention. */
    errors?: {
    /** Path of the field, `a.b.0`. */
    field: string;
    /** The rule, as a sentence. */
    message: string;
  }[];
  };

/** A problem with the status 423. */
export type LockedProblem = Problem & {
    /** The HTTP status. */
    status?: 423;
    /** Stable name of the problem. */
    code?: string;
  };

/** A problem with the status 429. */
export type RateLimitedProblem = Problem & {
    /** The HTTP status. */
    status?: 429;
    /** Stable name of the problem. */
    code?: string;
    /** Name of the quota that is exceeded. */
    quota?: string;
    /** Requests or events per second, as `quota` says. */
    limit?: number;
  };

/** A problem with the status 500. */
export type InternalErrorProblem = Problem & {
    /** The HTTP status. */
    status?: 500;
    /** Stable name of the problem. */
    code?: string;
  };

/** A problem with the status 503. */
export type UnavailableProblem = Problem & {
    /** The HTTP status. */
    status?: 503;
    /** Stable name of the problem. */
    code?: string;
  };

export interface PeopleCalls {
  /**
   * List the people who have signed in to the tenant; for admins
   *
   * Return one page of the people who have signed in to the tenant, with their roles, by name. `q` finds them by the words of their name or e-mail address. Only an admin may read it; anybody else gets 403.
   */
  list(parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. */
    sort?: "last_seen_at" | "name" | "-last_seen_at" | "-name";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor. */
    q?: string;
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** Only entries with this `role`. */
    role?: "viewer" | "editor" | "admin";
    /** Only entries with `last_seen_at` at or after this time. */
    last_seen_after?: string;
    /** Only entries with `last_seen_at` before this time. */
    last_seen_before?: string;
  }, options?: Options): List<Person, PersonList>;
  /**
   * Get one person; for admins
   *
   * Return one person. Only an admin may read it; anybody else gets 403.
   */
  get(id: Held, parameters?: Nothing, options?: Options): Promise<Person>;
  /**
   * End all sessions of a person; for admins
   *
   * Sign a person out of every browser now, and refuse the access tokens that they have. Only an admin may do it; anybody else gets 403.
   */
  endSessions(id: Held, body?: Nothing, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Ended>;
}

export interface SessionsCalls {
  /**
   * List your own sessions in browsers
   *
   * Return your own sessions in browsers, with the place and the browser of each. A credential of a program has none.
   */
  list(parameters?: Nothing, options?: Options): List<Session, SessionList>;
  /**
   * End one of your own sessions
   *
   * Sign yourself out of one browser. A session of somebody else is a 404.
   */
  end(id: Held, parameters?: Nothing, options?: Options<"validateOnly">): Promise<void>;
  /**
   * End all of your own sessions
   *
   * Sign yourself out of every browser, and return how many sessions ended.
   */
  endAll(parameters?: Nothing, options?: Options<"validateOnly">): Promise<Ended>;
}

export interface ApplicationsCalls {
  /**
   * List applications
   *
   * Return one page of those that the caller may see. The parameters filter and sort; an unknown one is a 400. Send `next_cursor` as `cursor` for the next page.
   */
  list(parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. */
    sort?: "created_at" | "display_name" | "updated_at" | "-created_at" | "-display_name" | "-updated_at";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor. */
    q?: string;
    /** Only what has this tag. */
    tag?: string;
    /** Include deleted entries. */
    include_deleted?: boolean;
    /** Also count all matches, up to 10,000: see `count` in the answer. */
    count?: boolean;
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** One value, or several with commas between them: any of these. */
    kind?: ("app" | "platform-service" | "library")[];
    /** One value, or several with commas between them: any of these. */
    status?: ("draft" | "active" | "deprecated" | "suspended" | "retired")[];
    /** One value, or several with commas between them: any of these. */
    slug?: string[];
    /** Only entries with this `oauth_client_id`. */
    oauth_client_id?: string;
    /** Only entries with this `primary_domain`. */
    primary_domain?: string;
    /** One value, or several with commas between them: any of these. */
    app_id?: string[];
    /** Only entries with this `created_by`. */
    created_by?: string;
    /** Only entries with `created_at` at or after this time. */
    created_after?: string;
    /** Only entries with `created_at` before this time. */
    created_before?: string;
    /** Only entries with `updated_at` at or after this time. */
    updated_after?: string;
    /** Only entries with `updated_at` before this time. */
    updated_before?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    kind_not?: ("app" | "platform-service" | "library")[];
    /** Only what has none of these values. A page may end early, as with q. */
    status_not?: ("draft" | "active" | "deprecated" | "suspended" | "retired")[];
    /** Only what has none of these values. A page may end early, as with q. */
    slug_not?: string[];
    /** Only what has not this value. A page may end early, as with q. */
    oauth_client_id_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    primary_domain_not?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    app_id_not?: string[];
    /** Only what has not this value. A page may end early, as with q. */
    created_by_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    tag_not?: string;
    /** A part of display_name, in upper or lower case. A page may end early, as with q. */
    display_name_contains?: string;
    /** A part of slug, in upper or lower case. A page may end early, as with q. */
    slug_contains?: string;
    /** A part of primary_domain, in upper or lower case. A page may end early, as with q. */
    primary_domain_contains?: string;
    /** True: only what has no oauth_client_id. False: only what has one. A page may end early, as with q. */
    oauth_client_id_empty?: boolean;
    /** True: only what has no primary_domain. False: only what has one. A page may end early, as with q. */
    primary_domain_empty?: boolean;
    /** Names of parameters of this request, with commas between them. One of these must match instead of all; what is not named must match too. A name that has no value here does not count. */
    either?: ("app_id" | "app_id_not" | "created_after" | "created_before" | "created_by" | "created_by_not" | "display_name_contains" | "kind" | "kind_not" | "oauth_client_id" | "oauth_client_id_empty" | "oauth_client_id_not" | "primary_domain" | "primary_domain_contains" | "primary_domain_empty" | "primary_domain_not" | "slug" | "slug_contains" | "slug_not" | "status" | "status_not" | "tag" | "tag_not" | "updated_after" | "updated_before")[];
  }, options?: Options): List<Application, ApplicationList>;
  /**
   * Get one application
   *
   * Return one application. An id of another tenant is a 404, like one that does not exist. With `include_deleted=true` a deleted one is returned, too.
   */
  get(id: Held, parameters?: {
    /** Include deleted entries. */
    include_deleted?: boolean;
  }, options?: Options): Promise<Application>;
  /**
   * Create an application
   *
   * Create an application and return it with its id and version. Fields that only the server writes are ignored; 422 names every field that needs attention, and a full quota is a 409. With an `Idempotency-Key` the request can be repeated safely.
   */
  create(body: ApplicationInput, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Application>;
  /**
   * Create up to 500 applications at once
   *
   * Create many applications in one request: all or none of them, or each for itself. The schema tells how many. The answer has one result for each, in the order of the request.
   */
  createMany(body: ApplicationBatch, options?: Options<"idempotencyKey" | "validateOnly">): Promise<ApplicationBatchAnswer>;
  /**
   * Change an application
   *
   * Change the fields that are sent; those that are left out stay, at every depth. The result is validated as a whole: 422 names every field that needs attention. A stale `If-Match` is a 412, a stale `version` in the body a 409 with the current record.
   */
  update(id: Held, body: ApplicationInput, options?: Options<"ifMatch" | "validateOnly">): Promise<Application>;
  /**
   * List the changes of an application
   *
   * Return the changes of one application, deleted or not, newest first: who made them, from where, and the values before and after.
   */
  history(id: Held, parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
  }, options?: Options): List<HistoryEntry, HistoryEntryList>;
  /**
   * Suspend an application until it is reopened
   *
   * Stop the application and all that belongs to it: keys, tokens, webhooks and connectors are refused everywhere within a second. The reason is kept in the history, and reopen undoes it. An application that is suspended or retired already is a 409.
   */
  suspend(id: Held, body: StateReason, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Application>;
  /**
   * Retire an application
   *
   * Stop an application that is not to come back, and all that belongs to it, within a second. The reason is kept in the history. It can still be reopened; an application that is retired already is a 409.
   */
  retire(id: Held, body: StateReason, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Application>;
  /**
   * Reopen a suspended or retired application
   *
   * Let a suspended or retired application work again, and all that belongs to it. Keys and webhooks that were stopped one by one stay stopped. An application that is neither is a 409.
   */
  reopen(id: Held, body: StateReason, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Application>;
}

export interface ApiKeysCalls {
  /**
   * List API keys
   *
   * Return one page of those that the caller may see. The parameters filter and sort; an unknown one is a 400. Send `next_cursor` as `cursor` for the next page.
   */
  list(parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. last_used_at sorts by day, spend_usd by whole dollars. */
    sort?: "created_at" | "expires_at" | "last_used_at" | "name" | "spend_usd" | "updated_at" | "-created_at" | "-expires_at" | "-last_used_at" | "-name" | "-spend_usd" | "-updated_at";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor. */
    q?: string;
    /** Only what has this tag. */
    tag?: string;
    /** Include deleted entries. */
    include_deleted?: boolean;
    /** Also count all matches, up to 10,000: see `count` in the answer. */
    count?: boolean;
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** One value, or several with commas between them: any of these. */
    status?: ("active" | "revoked" | "expired")[];
    /** One value, or several with commas between them: any of these. */
    kind?: ("user" | "service" | "virtual_llm")[];
    /** Only entries with this `blocked`. */
    blocked?: boolean;
    /** One value, or several with commas between them: any of these. */
    application_id?: string[];
    /** Only entries with this `issued_to_user_id`. */
    issued_to_user_id?: string;
    /** Only entries with this `issued_to_service`. */
    issued_to_service?: string;
    /** One value, or several with commas between them: any of these. */
    created_by_user_id?: string[];
    /** One value, or several with commas between them: any of these. */
    rotated_from_key_id?: string[];
    /** One value, or several with commas between them: any of these. */
    key_prefix?: string[];
    /** One value, or several with commas between them: any of these. */
    key_fingerprint?: string[];
    /** One value, or several with commas between them: any of these. */
    app_id?: string[];
    /** One value, or several with commas between them: any of these. */
    scope?: string[];
    /** Only entries with `created_at` at or after this time. */
    created_after?: string;
    /** Only entries with `created_at` before this time. */
    created_before?: string;
    /** Only entries with `updated_at` at or after this time. */
    updated_after?: string;
    /** Only entries with `updated_at` before this time. */
    updated_before?: string;
    /** Only entries with `expires_at` at or after this time. */
    expires_after?: string;
    /** Only entries with `expires_at` before this time. */
    expires_before?: string;
    /** Only entries with `last_used_at` at or after this time. */
    last_used_after?: string;
    /** Only entries with `last_used_at` before this time. */
    last_used_before?: string;
    /** Only entries with `revoked_at` at or after this time. */
    revoked_after?: string;
    /** Only entries with `revoked_at` before this time. */
    revoked_before?: string;
    /** Only entries with `revoke_at` at or after this time. */
    revoke_after?: string;
    /** Only entries with `revoke_at` before this time. */
    revoke_before?: string;
    /** Only entries with `brownout_from` at or after this time. */
    brownout_from_after?: string;
    /** Only entries with `brownout_from` before this time. */
    brownout_from_before?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    status_not?: ("active" | "revoked" | "expired")[];
    /** Only what has none of these values. A page may end early, as with q. */
    kind_not?: ("user" | "service" | "virtual_llm")[];
    /** Only what has none of these values. A page may end early, as with q. */
    application_id_not?: string[];
    /** Only what has not this value. A page may end early, as with q. */
    issued_to_user_id_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    issued_to_service_not?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    created_by_user_id_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    rotated_from_key_id_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    key_prefix_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    key_fingerprint_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    app_id_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    scope_not?: string[];
    /** Only what has not this value. A page may end early, as with q. */
    tag_not?: string;
    /** A part of name, in upper or lower case. A page may end early, as with q. */
    name_contains?: string;
    /** True: only what has no application_id. False: only what has one. A page may end early, as with q. */
    application_id_empty?: boolean;
    /** True: only what has no issued_to_user_id. False: only what has one. A page may end early, as with q. */
    issued_to_user_id_empty?: boolean;
    /** True: only what has no issued_to_service. False: only what has one. A page may end early, as with q. */
    issued_to_service_empty?: boolean;
    /** True: only what has no created_by_user_id. False: only what has one. A page may end early, as with q. */
    created_by_user_id_empty?: boolean;
    /** True: only what has no rotated_from_key_id. False: only what has one. A page may end early, as with q. */
    rotated_from_key_id_empty?: boolean;
    /** True: only what has no app_id. False: only what has one. A page may end early, as with q. */
    app_id_empty?: boolean;
    /** True: only what has no expires_at. False: only what has one. A page may end early, as with q. */
    expires_empty?: boolean;
    /** True: only what has no last_used_at. False: only what has one. A page may end early, as with q. */
    last_used_empty?: boolean;
    /** True: only what has no revoked_at. False: only what has one. A page may end early, as with q. */
    revoked_empty?: boolean;
    /** True: only what has no revoke_at. False: only what has one. A page may end early, as with q. */
    revoke_empty?: boolean;
    /** True: only what has no brownout_from. False: only what has one. A page may end early, as with q. */
    brownout_from_empty?: boolean;
    /** Names of parameters of this request, with commas between them. One of these must match instead of all; what is not named must match too. A name that has no value here does not count. */
    either?: ("app_id" | "app_id_empty" | "app_id_not" | "application_id" | "application_id_empty" | "application_id_not" | "blocked" | "brownout_from_after" | "brownout_from_before" | "brownout_from_empty" | "created_after" | "created_before" | "created_by_user_id" | "created_by_user_id_empty" | "created_by_user_id_not" | "expires_after" | "expires_before" | "expires_empty" | "issued_to_service" | "issued_to_service_empty" | "issued_to_service_not" | "issued_to_user_id" | "issued_to_user_id_empty" | "issued_to_user_id_not" | "key_fingerprint" | "key_fingerprint_not" | "key_prefix" | "key_prefix_not" | "kind" | "kind_not" | "last_used_after" | "last_used_before" | "last_used_empty" | "name_contains" | "revoke_after" | "revoke_before" | "revoke_empty" | "revoked_after" | "revoked_before" | "revoked_empty" | "rotated_from_key_id" | "rotated_from_key_id_empty" | "rotated_from_key_id_not" | "scope" | "scope_not" | "status" | "status_not" | "tag" | "tag_not" | "updated_after" | "updated_before")[];
  }, options?: Options): List<Key, KeyList>;
  /**
   * Get one API key
   *
   * Return one API key. An id of another tenant is a 404, like one that does not exist. With `include_deleted=true` a deleted one is returned, too.
   */
  get(id: Held, parameters?: {
    /** Include deleted entries. */
    include_deleted?: boolean;
  }, options?: Options): Promise<Key>;
  /**
   * Create an API key
   *
   * Create an API key and return it with its id and version. Fields that only the server writes are ignored; 422 names every field that needs attention, and a full quota is a 409. With an `Idempotency-Key` the request can be repeated safely. Only this answer has `key` and `key_hash` and `link` and `vault_path`.
   */
  create(body: IssueKey, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Revealed<KeyCreateAnswer, "key" | "key_hash" | "link">>;
  /**
   * Create up to 500 API keys at once
   *
   * Create many API keys in one request: all or none of them, or each for itself. The schema tells how many. The answer has one result for each, in the order of the request.
   */
  createMany(body: IssueKeyBatch, options?: Options<"idempotencyKey" | "validateOnly">): Promise<KeyBatchAnswer>;
  /**
   * Change an API key
   *
   * Change the fields that are sent; those that are left out stay, at every depth. The result is validated as a whole: 422 names every field that needs attention. A stale `If-Match` is a 412, a stale `version` in the body a 409 with the current record.
   */
  update(id: Held, body: EditKey, options?: Options<"ifMatch" | "validateOnly">): Promise<Key>;
  /**
   * List the changes of an API key
   *
   * Return the changes of one API key, deleted or not, newest first: who made them, from where, and the values before and after.
   */
  history(id: Held, parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
  }, options?: Options): List<HistoryEntry, HistoryEntryList>;
  /**
   * Revoke a key
   *
   * Stop a key for ever: from its next request on, or at the time in `at`. With `brownout` it is denied for longer and longer periods first, so that its users notice. A key that is revoked already stays as it is; with `at` or `brownout` it is a 409.
   */
  revoke(id: Held, body?: RevokeKey, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Key>;
  /**
   * Block a key until it is unblocked
   *
   * Stop a key until it is unblocked; its next request is refused. The reason is shown to people. A revoked key is a 409.
   */
  block(id: Held, body?: StopKey, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Key>;
  /**
   * Rotate a key: issue a successor
   *
   * Issue a successor with the same settings, and with other scopes if some are given. Both keys work until the overlap ends, then the old one is revoked. A key that does not work, that has two live keys in its family, or that has more than the key that calls, is a 409. Only this answer has `key` and `key_hash`.
   */
  rotate(id: Held, body?: RotateKey, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Revealed<KeyRotateAnswer, "key" | "key_hash" | "link">>;
  /**
   * Create a short-lived child key
   *
   * Issue a short-lived key with a part of the parent's scopes and networks. It spends its parent's budget and ends with its parent. A parent that does not work, is a child itself, has 1,000 children that work, or has more than the key that calls, is a 409. Only this answer has `key` and `key_hash`.
   */
  createChild(id: Held, body?: ChildKey, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Revealed<KeyCreateChildAnswer, "key" | "key_hash" | "link">>;
  /**
   * Unblock a key
   *
   * Let a blocked key work again from its next request on. It needs the scope `keys:reopen`, which blocking does not. A revoked key, and one with a leak that nobody has settled, is a 409.
   */
  unblock(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Key>;
  /**
   * Take back a planned revocation
   *
   * Take back a revocation that is planned for later, or a brown-out. The key goes on working. If nothing is planned, it is a 409.
   */
  cancelRevocation(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Key>;
  /**
   * Verify a key for a call
   *
   * Tell whether a key may make a call, and take what the call costs from its limits and its budget. A refused key is a 200 with `valid: false` and a code. With `dry_run` nothing is consumed, and every check is returned.
   */
  verify(body: VerifyKey, options?: Options<"validateOnly">): Promise<Verdict>;
  /**
   * Settle the reserved cost of a call
   *
   * Replace the reserved amount of a call by what it really cost. A second time changes nothing and returns the first result. A reservation that does not exist is a 404.
   */
  settleReservation(id: Held, body?: SettleReservation, options?: Options<"validateOnly">): Promise<Spent>;
  /**
   * Record the cost of a call on a key
   *
   * Record the cost of a call on a key after the call. The same `usage_id` is recorded once. The answer has the budget after it.
   */
  recordUsage(id: Held, body: SpendOnKey, options?: Options<"ifMatch" | "validateOnly">): Promise<Spent>;
  /**
   * Revoke or block many keys, or count them
   *
   * Revoke or block every key that meets all conditions, such as a weakness of the posture. Without `dry_run: false` it only counts them and names some. At least one condition is needed, otherwise 422; more than 10,000 keys at once are a 409. After about 20 seconds it answers how many are `left`: repeat the call until none is.
   */
  revokeMany(body: RevokeKeys, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Revoked>;
  /**
   * Report a leaked key by its fingerprint
   *
   * Report a key that was found in public, by the hash of its text; it may be any key of the tenant, also if the caller belongs to one application. The policy of the tenant decides: people are told, and the key is blocked or revoked. The same `url` again changes nothing, because a person may have dealt with it; without a `url`, a report after the leaks of the key were settled is a new leak. A fingerprint of no key is no error: `key_id` is null.
   */
  reportLeak(body: ReportLeak, options?: Options<"validateOnly">): Promise<Reported>;
  /**
   * Explain the refusal of a call, by its request id
   *
   * Return the checks that led to the refusal of a request, by the request id that it was answered with. A request of another tenant or of a key that the caller does not see, or one that is no longer kept, is a 404.
   */
  explain(body: ExplainRequest, options?: Options<"validateOnly">): Promise<Explanation>;
  /**
   * Rehearse a call with a key; consumes nothing
   *
   * Return the verdict that a call with this key would get now. Nothing is consumed and nothing is recorded. Every check is in the trace.
   */
  rehearse(id: Held, body?: RehearseKey, options?: Options<"validateOnly">): Promise<Verdict>;
  /**
   * Count the active keys with each weakness
   *
   * Return how many active keys have each weakness, each counted up to 10,001. A key can have several.
   */
  getPosture(parameters?: Nothing, options?: Options): Promise<Posture>;
  /**
   * Get the use of a key in the last 24 hours
   *
   * Return who used the key in the last 24 hours: the callers' addresses, the scopes, and the number of child keys that work. Read it before the key is revoked.
   */
  getImpact(id: Held, parameters?: Nothing, options?: Options): Promise<Impact>;
  /**
   * Get the propagation of a key's newest change
   *
   * Return how many of the processes that verify keys have heard of the newest change of this key. A host that is cut off answers 503 and never something old.
   */
  getPropagation(id: Held, parameters?: Nothing, options?: Options): Promise<Propagation>;
  /**
   * Get the newest rotation of a key, and how far its calls have moved
   *
   * Return the newest rotation of a key: when the overlap ends, and how many calls still use the old key. A key without one is a 404.
   */
  getRotation(id: Held, parameters?: Nothing, options?: Options): Promise<Rotation>;
  /**
   * Let the old key of a rotation work up to one day longer
   *
   * Let the old key of a rotation work one day longer, or until `latest_end` if that is sooner. It needs the scope `keys:reopen`. If it has ended, or cannot be longer, it is a 409.
   */
  extendRotation(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Rotation>;
  /**
   * Revoke the old key of a rotation now
   *
   * Revoke the old key of a rotation now, and end the overlap. A rotation that has ended is a 409.
   */
  finishRotation(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Rotation>;
  /**
   * Let the old key stay, because its successor has ended
   *
   * Let the old key stay after its successor has ended. It needs the scope `keys:reopen`. While the successor works, or after the old key has ended, it is a 409.
   */
  takeBackRotation(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Rotation>;
  /**
   * List the newest places where keys were found in public
   *
   * Return the newest places in which keys of the tenant were found in public, and the action that followed.
   */
  listLeaks(parameters?: Nothing, options?: Options): List<Leak, LeakList>;
  /**
   * Settle the leaks of a key that a person has dealt with
   *
   * Mark the leaks of a key as dealt with, so that they need no attention any more. It does not unblock the key.
   */
  settleLeaks(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Settled>;
  /**
   * Get the action that follows when a key is found in public
   *
   * Return the action that follows when a key of the tenant is found in public.
   */
  getLeakPolicy(parameters?: Nothing, options?: Options): Promise<LeakPolicy>;
  /**
   * Change the action that follows when a key is found in public
   *
   * Change the action that follows when a key of the tenant is found in public. It applies to later reports.
   */
  updateLeakPolicy(body: LeakPolicyInput, options?: Options<"validateOnly">): Promise<LeakPolicy>;
  /**
   * Get a rule by which a scanner finds your keys
   *
   * Return a rule by which a secret scanner finds the keys of the tenant in its own repositories.
   */
  getLeakRule(parameters?: Nothing, options?: Options): Promise<LeakRule>;
  /**
   * List the keys that have a weakness
   *
   * Return one page of the active keys with a weakness, such as `never_expires`. An unknown weakness is a 404.
   */
  listWeak(weakness: Held, parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. last_used_at sorts by day, spend_usd by whole dollars. */
    sort?: "created_at" | "expires_at" | "last_used_at" | "name" | "spend_usd" | "updated_at" | "-created_at" | "-expires_at" | "-last_used_at" | "-name" | "-spend_usd" | "-updated_at";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor. */
    q?: string;
    /** Only what has this tag. */
    tag?: string;
    /** Include deleted entries. */
    include_deleted?: boolean;
    /** Also count all matches, up to 10,000: see `count` in the answer. */
    count?: boolean;
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** One value, or several with commas between them: any of these. */
    status?: ("active" | "revoked" | "expired")[];
    /** One value, or several with commas between them: any of these. */
    kind?: ("user" | "service" | "virtual_llm")[];
    /** Only entries with this `blocked`. */
    blocked?: boolean;
    /** One value, or several with commas between them: any of these. */
    application_id?: string[];
    /** Only entries with this `issued_to_user_id`. */
    issued_to_user_id?: string;
    /** Only entries with this `issued_to_service`. */
    issued_to_service?: string;
    /** One value, or several with commas between them: any of these. */
    created_by_user_id?: string[];
    /** One value, or several with commas between them: any of these. */
    rotated_from_key_id?: string[];
    /** One value, or several with commas between them: any of these. */
    key_prefix?: string[];
    /** One value, or several with commas between them: any of these. */
    key_fingerprint?: string[];
    /** One value, or several with commas between them: any of these. */
    app_id?: string[];
    /** One value, or several with commas between them: any of these. */
    scope?: string[];
    /** Only entries with `created_at` at or after this time. */
    created_after?: string;
    /** Only entries with `created_at` before this time. */
    created_before?: string;
    /** Only entries with `updated_at` at or after this time. */
    updated_after?: string;
    /** Only entries with `updated_at` before this time. */
    updated_before?: string;
    /** Only entries with `expires_at` at or after this time. */
    expires_after?: string;
    /** Only entries with `expires_at` before this time. */
    expires_before?: string;
    /** Only entries with `last_used_at` at or after this time. */
    last_used_after?: string;
    /** Only entries with `last_used_at` before this time. */
    last_used_before?: string;
    /** Only entries with `revoked_at` at or after this time. */
    revoked_after?: string;
    /** Only entries with `revoked_at` before this time. */
    revoked_before?: string;
    /** Only entries with `revoke_at` at or after this time. */
    revoke_after?: string;
    /** Only entries with `revoke_at` before this time. */
    revoke_before?: string;
    /** Only entries with `brownout_from` at or after this time. */
    brownout_from_after?: string;
    /** Only entries with `brownout_from` before this time. */
    brownout_from_before?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    status_not?: ("active" | "revoked" | "expired")[];
    /** Only what has none of these values. A page may end early, as with q. */
    kind_not?: ("user" | "service" | "virtual_llm")[];
    /** Only what has none of these values. A page may end early, as with q. */
    application_id_not?: string[];
    /** Only what has not this value. A page may end early, as with q. */
    issued_to_user_id_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    issued_to_service_not?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    created_by_user_id_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    rotated_from_key_id_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    key_prefix_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    key_fingerprint_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    app_id_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    scope_not?: string[];
    /** Only what has not this value. A page may end early, as with q. */
    tag_not?: string;
    /** A part of name, in upper or lower case. A page may end early, as with q. */
    name_contains?: string;
    /** True: only what has no application_id. False: only what has one. A page may end early, as with q. */
    application_id_empty?: boolean;
    /** True: only what has no issued_to_user_id. False: only what has one. A page may end early, as with q. */
    issued_to_user_id_empty?: boolean;
    /** True: only what has no issued_to_service. False: only what has one. A page may end early, as with q. */
    issued_to_service_empty?: boolean;
    /** True: only what has no created_by_user_id. False: only what has one. A page may end early, as with q. */
    created_by_user_id_empty?: boolean;
    /** True: only what has no rotated_from_key_id. False: only what has one. A page may end early, as with q. */
    rotated_from_key_id_empty?: boolean;
    /** True: only what has no app_id. False: only what has one. A page may end early, as with q. */
    app_id_empty?: boolean;
    /** True: only what has no expires_at. False: only what has one. A page may end early, as with q. */
    expires_empty?: boolean;
    /** True: only what has no last_used_at. False: only what has one. A page may end early, as with q. */
    last_used_empty?: boolean;
    /** True: only what has no revoked_at. False: only what has one. A page may end early, as with q. */
    revoked_empty?: boolean;
    /** True: only what has no revoke_at. False: only what has one. A page may end early, as with q. */
    revoke_empty?: boolean;
    /** True: only what has no brownout_from. False: only what has one. A page may end early, as with q. */
    brownout_from_empty?: boolean;
    /** Names of parameters of this request, with commas between them. One of these must match instead of all; what is not named must match too. A name that has no value here does not count. */
    either?: ("app_id" | "app_id_empty" | "app_id_not" | "application_id" | "application_id_empty" | "application_id_not" | "blocked" | "brownout_from_after" | "brownout_from_before" | "brownout_from_empty" | "created_after" | "created_before" | "created_by_user_id" | "created_by_user_id_empty" | "created_by_user_id_not" | "expires_after" | "expires_before" | "expires_empty" | "issued_to_service" | "issued_to_service_empty" | "issued_to_service_not" | "issued_to_user_id" | "issued_to_user_id_empty" | "issued_to_user_id_not" | "key_fingerprint" | "key_fingerprint_not" | "key_prefix" | "key_prefix_not" | "kind" | "kind_not" | "last_used_after" | "last_used_before" | "last_used_empty" | "name_contains" | "revoke_after" | "revoke_before" | "revoke_empty" | "revoked_after" | "revoked_before" | "revoked_empty" | "rotated_from_key_id" | "rotated_from_key_id_empty" | "rotated_from_key_id_not" | "scope" | "scope_not" | "status" | "status_not" | "tag" | "tag_not" | "updated_after" | "updated_before")[];
  }, options?: Options): List<Key, KeyList>;
  /**
   * Give all keys with a weakness the expiry, limit or budget that they lack
   *
   * Give every key with a weakness the expiry, limit or budget that it lacks. Without `dry_run: false` it only counts them and names some. A key that was found in public is not counted and stays as it is: it is not edited until that is dealt with.
   */
  repairMany(body: RepairKeys, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Revoked>;
}

export interface MeCalls {
  /**
   * Get the caller: who this credential belongs to, and what it may do
   *
   * Return the caller: its kind, its tenant, its scopes, and the application that it acts as. Every valid credential may call it.
   */
  get(parameters?: Nothing, options?: Options): Promise<Caller>;
}

export interface ConnectorsCalls {
  /**
   * List connectors
   *
   * Return one page of those that the caller may see. The parameters filter and sort; an unknown one is a 400. Send `next_cursor` as `cursor` for the next page.
   */
  list(parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. */
    sort?: "created_at" | "last_check_at" | "last_sync_at" | "name" | "updated_at" | "urgency" | "-created_at" | "-last_check_at" | "-last_sync_at" | "-name" | "-updated_at" | "-urgency";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor. */
    q?: string;
    /** Only what has this tag. */
    tag?: string;
    /** Include deleted entries. */
    include_deleted?: boolean;
    /** Also count all matches, up to 10,000: see `count` in the answer. */
    count?: boolean;
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** One value, or several with commas between them: any of these. */
    type?: ("edr" | "siem" | "ticketing" | "knowledge" | "identity" | "source_control" | "messaging" | "itsm" | "crm" | "support" | "incident" | "observability" | "cloud_security" | "storage" | "warehouse" | "database" | "payments" | "custom")[];
    /** One value, or several with commas between them: any of these. */
    provider?: ("aws_s3" | "aws_security_hub" | "confluence" | "crowdstrike" | "datadog" | "http" | "github" | "gitlab" | "google_workspace" | "hubspot" | "jira" | "mcp" | "defender_for_endpoint" | "entra_id" | "notion" | "oauth2_issuer" | "okta" | "pagerduty" | "postgres" | "s3_compatible" | "salesforce" | "sentinelone" | "servicenow" | "slack" | "smtp" | "snowflake" | "splunk" | "splunk_hec" | "stripe" | "zendesk" | "custom")[];
    /** One value, or several with commas between them: any of these. */
    scope?: ("org" | "user" | "group")[];
    /** Only entries with this `enabled`. */
    enabled?: boolean;
    /** One value, or several with commas between them: any of these. */
    sync_status?: ("disabled" | "pending" | "action_required" | "failing" | "degraded" | "rate_limited" | "stale" | "healthy")[];
    /** One value, or several with commas between them: any of these. */
    auth_type?: ("none" | "api_key" | "api_key_pair" | "bearer" | "basic" | "oauth2_code" | "oauth2_client_credentials" | "oauth2_private_key_jwt" | "oauth2_jwt_bearer" | "service_account_jwt" | "key_pair_jwt" | "github_app" | "aws_assume_role" | "aws_keys" | "mtls" | "hmac")[];
    /** One value, or several with commas between them: any of these. */
    application_id?: string[];
    /** One value, or several with commas between them: any of these. */
    webhook_endpoint_id?: string[];
    /** Only entries with this `owner_id`. */
    owner_id?: string;
    /** Only entries with this `user_id`. */
    user_id?: string;
    /** Only entries with this `group_id`. */
    group_id?: string;
    /** One value, or several with commas between them: any of these. */
    app_id?: string[];
    /** Only entries with this `created_by`. */
    created_by?: string;
    /** Only entries of this view. */
    show?: "need_a_person";
    /** Only entries with `created_at` at or after this time. */
    created_after?: string;
    /** Only entries with `created_at` before this time. */
    created_before?: string;
    /** Only entries with `updated_at` at or after this time. */
    updated_after?: string;
    /** Only entries with `updated_at` before this time. */
    updated_before?: string;
    /** Only entries with `deleted_at` at or after this time. */
    deleted_after?: string;
    /** Only entries with `deleted_at` before this time. */
    deleted_before?: string;
    /** Only entries with `last_sync_at` at or after this time. */
    last_sync_after?: string;
    /** Only entries with `last_sync_at` before this time. */
    last_sync_before?: string;
    /** Only entries with `last_check_at` at or after this time. */
    last_check_after?: string;
    /** Only entries with `last_check_at` before this time. */
    last_check_before?: string;
    /** Only entries with `oauth_token_expires_at` at or after this time. */
    oauth_token_expires_after?: string;
    /** Only entries with `oauth_token_expires_at` before this time. */
    oauth_token_expires_before?: string;
    /** Only entries with `credential_last_rotated_at` at or after this time. */
    credential_last_rotated_after?: string;
    /** Only entries with `credential_last_rotated_at` before this time. */
    credential_last_rotated_before?: string;
    /** Only entries with `next_rotation_due` at or after this time. */
    next_rotation_due_after?: string;
    /** Only entries with `next_rotation_due` before this time. */
    next_rotation_due_before?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    type_not?: ("edr" | "siem" | "ticketing" | "knowledge" | "identity" | "source_control" | "messaging" | "itsm" | "crm" | "support" | "incident" | "observability" | "cloud_security" | "storage" | "warehouse" | "database" | "payments" | "custom")[];
    /** Only what has none of these values. A page may end early, as with q. */
    provider_not?: ("aws_s3" | "aws_security_hub" | "confluence" | "crowdstrike" | "datadog" | "http" | "github" | "gitlab" | "google_workspace" | "hubspot" | "jira" | "mcp" | "defender_for_endpoint" | "entra_id" | "notion" | "oauth2_issuer" | "okta" | "pagerduty" | "postgres" | "s3_compatible" | "salesforce" | "sentinelone" | "servicenow" | "slack" | "smtp" | "snowflake" | "splunk" | "splunk_hec" | "stripe" | "zendesk" | "custom")[];
    /** Only what has none of these values. A page may end early, as with q. */
    scope_not?: ("org" | "user" | "group")[];
    /** Only what has none of these values. A page may end early, as with q. */
    sync_status_not?: ("disabled" | "pending" | "action_required" | "failing" | "degraded" | "rate_limited" | "stale" | "healthy")[];
    /** Only what has none of these values. A page may end early, as with q. */
    auth_type_not?: ("none" | "api_key" | "api_key_pair" | "bearer" | "basic" | "oauth2_code" | "oauth2_client_credentials" | "oauth2_private_key_jwt" | "oauth2_jwt_bearer" | "service_account_jwt" | "key_pair_jwt" | "github_app" | "aws_assume_role" | "aws_keys" | "mtls" | "hmac")[];
    /** Only what has none of these values. A page may end early, as with q. */
    application_id_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    webhook_endpoint_id_not?: string[];
    /** Only what has not this value. A page may end early, as with q. */
    owner_id_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    user_id_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    group_id_not?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    app_id_not?: string[];
    /** Only what has not this value. A page may end early, as with q. */
    created_by_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    tag_not?: string;
    /** A part of name, in upper or lower case. A page may end early, as with q. */
    name_contains?: string;
    /** True: only what has no type. False: only what has one. A page may end early, as with q. */
    type_empty?: boolean;
    /** True: only what has no provider. False: only what has one. A page may end early, as with q. */
    provider_empty?: boolean;
    /** True: only what has no auth_type. False: only what has one. A page may end early, as with q. */
    auth_type_empty?: boolean;
    /** True: only what has no application_id. False: only what has one. A page may end early, as with q. */
    application_id_empty?: boolean;
    /** True: only what has no webhook_endpoint_id. False: only what has one. A page may end early, as with q. */
    webhook_endpoint_id_empty?: boolean;
    /** True: only what has no owner_id. False: only what has one. A page may end early, as with q. */
    owner_id_empty?: boolean;
    /** True: only what has no app_id. False: only what has one. A page may end early, as with q. */
    app_id_empty?: boolean;
    /** True: only what has no last_sync_at. False: only what has one. A page may end early, as with q. */
    last_sync_empty?: boolean;
    /** True: only what has no last_check_at. False: only what has one. A page may end early, as with q. */
    last_check_empty?: boolean;
    /** True: only what has no oauth_token_expires_at. False: only what has one. A page may end early, as with q. */
    oauth_token_expires_empty?: boolean;
    /** True: only what has no credential_last_rotated_at. False: only what has one. A page may end early, as with q. */
    credential_last_rotated_empty?: boolean;
    /** True: only what has no next_rotation_due. False: only what has one. A page may end early, as with q. */
    next_rotation_due_empty?: boolean;
    /** Names of parameters of this request, with commas between them. One of these must match instead of all; what is not named must match too. A name that has no value here does not count. */
    either?: ("app_id" | "app_id_empty" | "app_id_not" | "application_id" | "application_id_empty" | "application_id_not" | "auth_type" | "auth_type_empty" | "auth_type_not" | "created_after" | "created_before" | "created_by" | "created_by_not" | "credential_last_rotated_after" | "credential_last_rotated_before" | "credential_last_rotated_empty" | "deleted_after" | "deleted_before" | "enabled" | "group_id" | "group_id_not" | "last_check_after" | "last_check_before" | "last_check_empty" | "last_sync_after" | "last_sync_before" | "last_sync_empty" | "name_contains" | "next_rotation_due_after" | "next_rotation_due_before" | "next_rotation_due_empty" | "oauth_token_expires_after" | "oauth_token_expires_before" | "oauth_token_expires_empty" | "owner_id" | "owner_id_empty" | "owner_id_not" | "provider" | "provider_empty" | "provider_not" | "scope" | "scope_not" | "sync_status" | "sync_status_not" | "tag" | "tag_not" | "type" | "type_empty" | "type_not" | "updated_after" | "updated_before" | "user_id" | "user_id_not" | "webhook_endpoint_id" | "webhook_endpoint_id_empty" | "webhook_endpoint_id_not")[];
  }, options?: Options): List<Connector, ConnectorList>;
  /**
   * Get one connector
   *
   * Return one connector. An id of another tenant is a 404, like one that does not exist. With `include_deleted=true` a deleted one is returned, too.
   */
  get(id: Held, parameters?: {
    /** Include deleted entries. */
    include_deleted?: boolean;
  }, options?: Options): Promise<Connector>;
  /**
   * Create a connector
   *
   * Create a connector and return it with its id and version. Fields that only the server writes are ignored; 422 names every field that needs attention, and a full quota is a 409. With an `Idempotency-Key` the request can be repeated safely.
   */
  create(body: ConnectorInput, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Connector>;
  /**
   * Create up to 500 connectors at once
   *
   * Create many connectors in one request: all or none of them, or each for itself. The schema tells how many. The answer has one result for each, in the order of the request.
   */
  createMany(body: ConnectorBatch, options?: Options<"idempotencyKey" | "validateOnly">): Promise<ConnectorBatchAnswer>;
  /**
   * Change a connector
   *
   * Change the fields that are sent; those that are left out stay, at every depth. The result is validated as a whole: 422 names every field that needs attention. A stale `If-Match` is a 412, a stale `version` in the body a 409 with the current record.
   */
  update(id: Held, body: ConnectorInput, options?: Options<"ifMatch" | "validateOnly">): Promise<Connector>;
  /**
   * Delete a connector
   *
   * Delete a connector: it stops working at once and is left out of lists. It can be restored for 30 days, then it is purged. A stale `If-Match` is a 412.
   */
  delete(id: Held, parameters?: Nothing, options?: Options<"ifMatch" | "validateOnly">): Promise<void>;
  /**
   * Restore a deleted connector
   *
   * Restore a deleted connector and return it. After 30 days it is purged, which is a 404. A full quota, or a name that is taken meanwhile, is a 409.
   */
  restore(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Connector>;
  /**
   * List the changes of a connector
   *
   * Return the changes of one connector, deleted or not, newest first: who made them, from where, and the values before and after.
   */
  history(id: Held, parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
  }, options?: Options): List<HistoryEntry, HistoryEntryList>;
  /**
   * Remove all credentials of a connector
   *
   * Remove every stored credential of the connector. It cannot sign in until new ones are saved.
   */
  removeCredentials(id: Held, parameters?: Nothing, options?: Options<"ifMatch" | "validateOnly">): Promise<Connector>;
  /**
   * Ask for a check of a connector
   *
   * Ask for a check of the connection with the saved settings and credentials. The worker runs it: read the result under `Location` a moment later. A draft, or a connector with a check that is still open, is a 409; too many checks are a 429.
   */
  check(id: Held, body?: CheckInput, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Check>;
  /**
   * List the checks of a connector
   *
   * Return one page of the checks of a connector, deleted or not, newest first, each with its steps.
   */
  listChecks(id: Held, parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. */
    sort?: "created_at" | "-created_at";
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** Only entries with this `state`. */
    state?: "queued" | "running" | "done";
    /** Only entries with this `reason`. */
    reason?: "asked" | "saved" | "daily" | "retry" | "expiry";
    /** Only entries with this `outcome`. */
    outcome?: "passed" | "unproven" | "auth_invalid" | "auth_scope" | "auth_expired" | "config" | "rate_limited" | "transient" | "secret_store" | "internal";
    /** Only entries with `created_at` at or after this time. */
    created_after?: string;
    /** Only entries with `created_at` before this time. */
    created_before?: string;
  }, options?: Options): List<Check, CheckList>;
  /**
   * Get one check, with its steps
   *
   * Return one check with its steps. Until it is done, `outcome` is null.
   */
  getCheck(id: Held, checkId: Held, parameters?: Nothing, options?: Options): Promise<Check>;
  /**
   * Check settings and credentials that are not saved
   *
   * Check settings and credentials that are not saved, and return the result. Nothing is stored. Settings that break a rule of the provider are a 422.
   */
  checkDraft(body: ConnectorInput, options?: Options<"validateOnly">): Promise<Result>;
  /**
   * List the versions of a connector's credentials
   *
   * Return the versions of a connector's credentials that the secret store keeps, the newest first: the names of their fields and who saved them, never a value. These are the last ten, and none from before a removal of the credentials. An operator may have set a Vault to keep fewer.
   */
  listCredentialVersions(id: Held, parameters?: Nothing, options?: Options): List<CredentialVersion, CredentialVersionList>;
  /**
   * Restore an older version of the credentials
   *
   * Save an older version of the credentials as the newest one, and check it. The worker does it: read the result under `Location`. A connector with a check that is still open is a 409.
   */
  restoreCredentials(id: Held, body: RestoreInput, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Check>;
  /**
   * Take a lease of a connector's credentials
   *
   * Return an access token, or the credentials as they are stored, for the time of the lease. Only a key of the connector's application may take one, with the scope `connectors:use`. A disabled connector is a 423. The values are in this answer only.
   */
  takeLease(id: Held, body?: LeaseInput, options?: Options<"ifMatch" | "validateOnly">): Promise<Given>;
  /**
   * List the leases of a connector
   *
   * Return one page of the leases of a connector, newest first: who took which version, and when, without values.
   */
  listLeases(id: Held, parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. */
    sort?: "created_at" | "-created_at";
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** Only entries with this `key_id`. */
    key_id?: string;
    /** Only entries with this `application_id`. */
    application_id?: string;
    /** Only entries with this `kind`. */
    kind?: "token" | "credentials";
    /** Only entries with `created_at` at or after this time. */
    created_after?: string;
    /** Only entries with `created_at` before this time. */
    created_before?: string;
  }, options?: Options): List<Lease, LeaseList>;
}

export interface ProvidersCalls {
  /**
   * List the providers that connectors know
   *
   * Return the providers that connectors know, by name.
   */
  list(parameters?: Nothing, options?: Options): List<ProviderSummary, ProviderSummaryList>;
  /**
   * Get one provider with its settings and its ways to sign in
   *
   * Return one provider with its settings, its ways to sign in, and the scopes that it knows. An unknown one is a 404.
   */
  get(id: Held, parameters?: Nothing, options?: Options): Promise<Provider>;
}

export interface WebhooksCalls {
  /**
   * List webhooks
   *
   * Return one page of those that the caller may see. The parameters filter and sort; an unknown one is a 400. Send `next_cursor` as `cursor` for the next page.
   */
  list(parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. */
    sort?: "created_at" | "last_delivery_at" | "name" | "updated_at" | "-created_at" | "-last_delivery_at" | "-name" | "-updated_at";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor. */
    q?: string;
    /** Only what has this tag. */
    tag?: string;
    /** Include deleted entries. */
    include_deleted?: boolean;
    /** Also count all matches, up to 10,000: see `count` in the answer. */
    count?: boolean;
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** One value, or several with commas between them: any of these. */
    direction?: ("outbound" | "inbound")[];
    /** Only entries with this `url`. */
    url?: string;
    /** Only entries with this `enabled`. */
    enabled?: boolean;
    /** Only entries with this `is_active`. */
    is_active?: boolean;
    /** One value, or several with commas between them: any of these. */
    signature_scheme?: ("standard-webhooks" | "standard-webhooks-ed25519" | "github" | "stripe" | "hmac-sha256-hex" | "hmac-sha256-base64")[];
    /** One value, or several with commas between them: any of these. */
    inbound_scheme?: ("standard-webhooks" | "inbox" | "github" | "stripe" | "slack" | "shopify" | "twilio" | "sendgrid" | "hubspot" | "square" | "zoom" | "gitlab" | "jira" | "linear" | "pagerduty" | "sentry" | "zendesk" | "intercom" | "meta" | "twitter" | "paddle" | "discord" | "docusign" | "mailgun" | "typeform" | "calendly" | "dropbox" | "box" | "vercel" | "woocommerce" | "webflow" | "elevenlabs" | "gitea" | "okta" | "microsoft-graph" | "contentful" | "azure-event-grid" | "aws-sns" | "fusionauth" | "plaid" | "hmac-sha256-hex" | "hmac-sha256-base64" | "hmac-sha512-hex" | "hmac-sha1-hex" | "timestamped-hmac" | "bearer" | "jwt" | "api-key" | "basic")[];
    /** One value, or several with commas between them: any of these. */
    last_delivery_status?: ("sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled")[];
    /** One value, or several with commas between them: any of these. */
    application_id?: string[];
    /** One value, or several with commas between them: any of these. */
    connector_id?: string[];
    /** One value, or several with commas between them: any of these. */
    app_id?: string[];
    /** Only entries with this `created_by`. */
    created_by?: string;
    /** One value, or several with commas between them: any of these. */
    event_type?: string[];
    /** Only entries with `created_at` at or after this time. */
    created_after?: string;
    /** Only entries with `created_at` before this time. */
    created_before?: string;
    /** Only entries with `updated_at` at or after this time. */
    updated_after?: string;
    /** Only entries with `updated_at` before this time. */
    updated_before?: string;
    /** Only entries with `deleted_at` at or after this time. */
    deleted_after?: string;
    /** Only entries with `deleted_at` before this time. */
    deleted_before?: string;
    /** Only entries with `last_delivery_at` at or after this time. */
    last_delivery_after?: string;
    /** Only entries with `last_delivery_at` before this time. */
    last_delivery_before?: string;
    /** Only entries with `paused_at` at or after this time. */
    paused_after?: string;
    /** Only entries with `paused_at` before this time. */
    paused_before?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    direction_not?: ("outbound" | "inbound")[];
    /** Only what has not this value. A page may end early, as with q. */
    url_not?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    signature_scheme_not?: ("standard-webhooks" | "standard-webhooks-ed25519" | "github" | "stripe" | "hmac-sha256-hex" | "hmac-sha256-base64")[];
    /** Only what has none of these values. A page may end early, as with q. */
    inbound_scheme_not?: ("standard-webhooks" | "inbox" | "github" | "stripe" | "slack" | "shopify" | "twilio" | "sendgrid" | "hubspot" | "square" | "zoom" | "gitlab" | "jira" | "linear" | "pagerduty" | "sentry" | "zendesk" | "intercom" | "meta" | "twitter" | "paddle" | "discord" | "docusign" | "mailgun" | "typeform" | "calendly" | "dropbox" | "box" | "vercel" | "woocommerce" | "webflow" | "elevenlabs" | "gitea" | "okta" | "microsoft-graph" | "contentful" | "azure-event-grid" | "aws-sns" | "fusionauth" | "plaid" | "hmac-sha256-hex" | "hmac-sha256-base64" | "hmac-sha512-hex" | "hmac-sha1-hex" | "timestamped-hmac" | "bearer" | "jwt" | "api-key" | "basic")[];
    /** Only what has none of these values. A page may end early, as with q. */
    last_delivery_status_not?: ("sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled")[];
    /** Only what has none of these values. A page may end early, as with q. */
    application_id_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    connector_id_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    app_id_not?: string[];
    /** Only what has not this value. A page may end early, as with q. */
    created_by_not?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    event_type_not?: string[];
    /** Only what has not this value. A page may end early, as with q. */
    tag_not?: string;
    /** A part of name, in upper or lower case. A page may end early, as with q. */
    name_contains?: string;
    /** A part of url, in upper or lower case. A page may end early, as with q. */
    url_contains?: string;
    /** True: only what has no url. False: only what has one. A page may end early, as with q. */
    url_empty?: boolean;
    /** True: only what has no last_delivery_status. False: only what has one. A page may end early, as with q. */
    last_delivery_status_empty?: boolean;
    /** True: only what has no last_delivery_at. False: only what has one. A page may end early, as with q. */
    last_delivery_empty?: boolean;
    /** True: only what has no paused_at. False: only what has one. A page may end early, as with q. */
    paused_empty?: boolean;
    /** True: only what has no application_id. False: only what has one. A page may end early, as with q. */
    application_id_empty?: boolean;
    /** True: only what has no connector_id. False: only what has one. A page may end early, as with q. */
    connector_id_empty?: boolean;
    /** True: only what has no app_id. False: only what has one. A page may end early, as with q. */
    app_id_empty?: boolean;
    /** Names of parameters of this request, with commas between them. One of these must match instead of all; what is not named must match too. A name that has no value here does not count. */
    either?: ("app_id" | "app_id_empty" | "app_id_not" | "application_id" | "application_id_empty" | "application_id_not" | "connector_id" | "connector_id_empty" | "connector_id_not" | "created_after" | "created_before" | "created_by" | "created_by_not" | "deleted_after" | "deleted_before" | "direction" | "direction_not" | "enabled" | "event_type" | "event_type_not" | "inbound_scheme" | "inbound_scheme_not" | "is_active" | "last_delivery_after" | "last_delivery_before" | "last_delivery_empty" | "last_delivery_status" | "last_delivery_status_empty" | "last_delivery_status_not" | "name_contains" | "paused_after" | "paused_before" | "paused_empty" | "signature_scheme" | "signature_scheme_not" | "tag" | "tag_not" | "updated_after" | "updated_before" | "url" | "url_contains" | "url_empty" | "url_not")[];
  }, options?: Options): List<Webhook, WebhookList>;
  /**
   * Get one webhook
   *
   * Return one webhook. An id of another tenant is a 404, like one that does not exist. With `include_deleted=true` a deleted one is returned, too.
   */
  get(id: Held, parameters?: {
    /** Include deleted entries. */
    include_deleted?: boolean;
  }, options?: Options): Promise<Webhook>;
  /**
   * Create a webhook
   *
   * Create a webhook and return it with its id and version. Fields that only the server writes are ignored; 422 names every field that needs attention, and a full quota is a 409. With an `Idempotency-Key` the request can be repeated safely. Only this answer has `signing_secret`.
   */
  create(body: WebhookInput, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Revealed<WebhookCreateAnswer, "signing_secret">>;
  /**
   * Create up to 500 webhooks at once
   *
   * Create many webhooks in one request: all or none of them, or each for itself. The schema tells how many. The answer has one result for each, in the order of the request.
   */
  createMany(body: WebhookBatch, options?: Options<"idempotencyKey" | "validateOnly">): Promise<WebhookBatchAnswer>;
  /**
   * Change a webhook
   *
   * Change the fields that are sent; those that are left out stay, at every depth. The result is validated as a whole: 422 names every field that needs attention. A stale `If-Match` is a 412, a stale `version` in the body a 409 with the current record.
   */
  update(id: Held, body: WebhookInput, options?: Options<"ifMatch" | "validateOnly">): Promise<Webhook>;
  /**
   * Delete a webhook
   *
   * Delete a webhook: it stops working at once and is left out of lists. It can be restored for 30 days, then it is purged. A stale `If-Match` is a 412.
   */
  delete(id: Held, parameters?: Nothing, options?: Options<"ifMatch" | "validateOnly">): Promise<void>;
  /**
   * Restore a deleted webhook
   *
   * Restore a deleted webhook and return it. After 30 days it is purged, which is a 404. A full quota, or a name that is taken meanwhile, is a 409.
   */
  restore(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Webhook>;
  /**
   * List the changes of a webhook
   *
   * Return the changes of one webhook, deleted or not, newest first: who made them, from where, and the values before and after.
   */
  history(id: Held, parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
  }, options?: Options): List<HistoryEntry, HistoryEntryList>;
  /**
   * Rotate the signing secret of a webhook
   *
   * Make a new signing secret and return it. The previous one signs beside it for 24 hours, so that the receiver can change over. Up to three previous secrets sign; while they do, another rotation is a 409. Only this answer has `signing_secret`.
   */
  rotateSecret(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Revealed<WebhookRotateSecretAnswer, "signing_secret">>;
  /**
   * Retire the previous signing secret of a webhook
   *
   * Stop signing with the previous secrets now, when every receiver knows the current one. If no previous secret signs, it is a 409.
   */
  retireSecret(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Webhook>;
  /**
   * Pause a webhook and hold its events
   *
   * Hold the events of a webhook until it is resumed. They are kept in the meantime and nothing is sent. A webhook that is paused already is a 409.
   */
  pause(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Webhook>;
  /**
   * Resume a webhook
   *
   * Send again, and choose what happens to the events that were held: all of them, the newest of each subject, or those since a time. Sending ramps up slowly. A webhook that is not paused is a 409.
   */
  resume(id: Held, body?: ResumeInput, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Webhook>;
  /**
   * List the deliveries of a webhook
   *
   * Return one page of the deliveries of a webhook, newest first. With `after`, return those that follow a sequence number, in order, to fill a gap; only `limit` and `cursor` may then be given beside it.
   */
  listDeliveries(id: Held, parameters?: {
    /** The last sequence number that you have */
    after?: number;
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. */
    sort?: "created_at" | "-created_at";
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** One value, or several with commas between them: any of these. Values: pending, held, in_flight, retrying, delivered, failed, expired, cancelled. */
    state?: string;
    /** One value, or several with commas between them: any of these. */
    event_type?: string;
    /** Only entries with this `event_id`. */
    event_id?: string;
    /** Only entries with this `subject`. */
    subject?: string;
    /** Only entries with this `replay_id`. */
    replay_id?: string;
    /** One value, or several with commas between them: any of these. Values: event, redelivery, replay, probe, lab. */
    origin?: string;
    /** Only entries with `created_at` at or after this time. */
    created_after?: string;
    /** Only entries with `created_at` before this time. */
    created_before?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    state_not?: string;
    /** Only what has none of these values, at most 200 with commas between them. A page may end early, as with q. */
    event_type_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    event_id_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    subject_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    replay_id_not?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    origin_not?: string;
    /** A part of event_type, in upper or lower case. A page may end early, as with q. */
    event_type_contains?: string;
    /** A part of subject, in upper or lower case. A page may end early, as with q. */
    subject_contains?: string;
    /** True: only what has no subject. False: only what has one. A page may end early, as with q. */
    subject_empty?: boolean;
    /** Names of parameters of this request, with commas between them. One of these must match instead of all; what is not named must match too. A name that has no value here does not count. */
    either?: ("created_after" | "created_before" | "event_id" | "event_id_not" | "event_type" | "event_type_contains" | "event_type_not" | "origin" | "origin_not" | "replay_id" | "replay_id_not" | "state" | "state_not" | "subject" | "subject_contains" | "subject_empty" | "subject_not")[];
  }, options?: Options): List<Delivery, DeliveryList>;
  /**
   * Replay the events of a period, or count them
   *
   * Send the events of a period to a webhook again, beside what it gets now. With `dry_run` it only counts them. Events that are no longer kept cannot be sent.
   */
  replay(id: Held, body: ReplayInput, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<ReplayProgress>;
  /**
   * List the latest replays of a webhook
   *
   * Return the latest replays of a webhook, newest first.
   */
  listReplays(id: Held, parameters?: Nothing, options?: Options): List<Replay, ReplayList>;
  /**
   * Get the backlog of a webhook
   *
   * Return how many deliveries wait for a webhook, since when, and about how long it takes to send them.
   */
  getBacklog(id: Held, parameters?: Nothing, options?: Options): Promise<Backlog>;
  /**
   * Test event types and a filter with recent events
   *
   * Count how many of the last 200 events these settings match. With `webhook_id`, also tell how that differs from what the webhook gets today. Nothing is sent or stored.
   */
  tryFilter(body: FilterTest, options?: Options<"validateOnly">): Promise<FilterTestResult>;
  /**
   * Get the health of a webhook: the attempts of the last 24 hours, and what waits
   *
   * Return the attempts of the last 24 hours, their latency and their errors, and the number of deliveries that wait.
   */
  getHealth(id: Held, parameters?: Nothing, options?: Options): Promise<Health>;
  /**
   * List the received requests of an inbound webhook
   *
   * Return one page of the requests that an inbound webhook received, those in quarantine too, newest first.
   */
  listReceived(id: Held, parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. */
    sort?: "received_at" | "-received_at";
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** Only entries with this `state`. */
    state?: "accepted" | "quarantined";
    /** One value, or several with commas between them: any of these. */
    code?: string;
    /** One value, or several with commas between them: any of these. */
    event_type?: string;
    /** Only entries with `received_at` at or after this time. */
    received_after?: string;
    /** Only entries with `received_at` before this time. */
    received_before?: string;
    /** Only what has not this value. A page may end early, as with q. */
    state_not?: "accepted" | "quarantined";
    /** Only what has none of these values, at most 200 with commas between them. A page may end early, as with q. */
    code_not?: string;
    /** Only what has none of these values, at most 200 with commas between them. A page may end early, as with q. */
    event_type_not?: string;
    /** A part of event_type, in upper or lower case. A page may end early, as with q. */
    event_type_contains?: string;
    /** A part of reason, in upper or lower case. A page may end early, as with q. */
    reason_contains?: string;
    /** True: only what has no event_type. False: only what has one. A page may end early, as with q. */
    event_type_empty?: boolean;
    /** Names of parameters of this request, with commas between them. One of these must match instead of all; what is not named must match too. A name that has no value here does not count. */
    either?: ("code" | "code_not" | "event_type" | "event_type_contains" | "event_type_empty" | "event_type_not" | "reason_contains" | "received_after" | "received_before" | "state" | "state_not")[];
  }, options?: Options): List<InboundRequest, InboundRequestList>;
  /**
   * Get one received request
   *
   * Return one received request with its headers and its raw body. API keys in it are masked.
   */
  getReceived(id: Held, requestId: Held, parameters?: Nothing, options?: Options): Promise<WholeInboundRequest>;
  /**
   * Verify a request in quarantine again
   *
   * Verify a request in quarantine again, as of the time when it arrived, with the secrets of today. If it is genuine its event is published. Otherwise it stays in quarantine.
   */
  reverify(id: Held, requestId: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<InboundRequest>;
  /**
   * Verify the requests in quarantine again
   *
   * Verify up to 200 requests in quarantine again, the oldest first. Those that are genuine are published. While `is_more` is true, send this again. What stays refused is verified again after all others, and when the webhook was changed.
   */
  reverifyAll(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Reviewed>;
  /**
   * Discard the requests in quarantine
   *
   * Delete all requests of this webhook in quarantine. They cannot be restored.
   */
  clearQuarantine(id: Held, parameters?: Nothing, options?: Options<"ifMatch" | "validateOnly">): Promise<void>;
  /**
   * Send a signed test request
   *
   * Send one signed test request to the webhook now, and return what was sent and received. It does not count as a delivery.
   */
  test(id: Held, body: TestInput, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Attempt>;
  /**
   * Send an event to one webhook alone
   *
   * Publish an event for this webhook alone. It is queued, signed and tried again like any other, and marked with `cpod-test: true`.
   */
  sendFromLab(id: Held, body: LabInput, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<Delivery>;
  /**
   * List the test deliveries of a webhook
   *
   * Return one page of the test deliveries of a webhook, newest first.
   */
  listTests(id: Held, parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. */
    sort?: "created_at" | "-created_at";
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** Only entries with this `outcome`. */
    outcome?: "sending" | "delivered" | "http_error" | "redirect" | "forbidden_address" | "invalid_request" | "dns" | "refused" | "unreachable" | "reset" | "tls" | "timeout" | "too_large" | "protocol_error" | "cancelled";
    /** Only entries with this `event_type`. */
    event_type?: string;
    /** Only entries with `created_at` at or after this time. */
    created_after?: string;
    /** Only entries with `created_at` before this time. */
    created_before?: string;
  }, options?: Options): List<Attempt, AttemptList>;
  /**
   * Get one test delivery
   *
   * Return one test delivery: what was sent, what was received, and how long it took.
   */
  getTest(id: Held, deliveryId: Held, parameters?: Nothing, options?: Options): Promise<Attempt>;
}

export interface ReplaysCalls {
  /**
   * Get one replay and its progress
   *
   * Return one replay with the number of its deliveries in each state.
   */
  get(id: Held, parameters?: Nothing, options?: Options): Promise<ReplayProgress>;
  /**
   * Cancel a replay
   *
   * Send nothing more of a replay. Requests in flight still arrive, and what was sent stays sent. It can be repeated safely.
   */
  cancel(id: Held, body?: Nothing, options?: Options<"idempotencyKey" | "validateOnly">): Promise<ReplayProgress>;
}

export interface DeliveriesCalls {
  /**
   * List the deliveries of all webhooks, newest first
   *
   * Return one page of the deliveries of all webhooks, newest first. The parameters filter by state, event or time.
   */
  list(parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. */
    sort?: "created_at" | "-created_at";
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** One value, or several with commas between them: any of these. Values: pending, held, in_flight, retrying, delivered, failed, expired, cancelled. */
    state?: string;
    /** One value, or several with commas between them: any of these. */
    event_type?: string;
    /** Only entries with this `event_id`. */
    event_id?: string;
    /** Only entries with this `subject`. */
    subject?: string;
    /** One value, or several with commas between them: any of these. */
    webhook_id?: string;
    /** Only entries with this `replay_id`. */
    replay_id?: string;
    /** One value, or several with commas between them: any of these. Values: event, redelivery, replay, probe, lab. */
    origin?: string;
    /** Only entries with `created_at` at or after this time. */
    created_after?: string;
    /** Only entries with `created_at` before this time. */
    created_before?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    state_not?: string;
    /** Only what has none of these values, at most 200 with commas between them. A page may end early, as with q. */
    event_type_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    event_id_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    subject_not?: string;
    /** Only what has none of these values, at most 200 with commas between them. A page may end early, as with q. */
    webhook_id_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    replay_id_not?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    origin_not?: string;
    /** A part of event_type, in upper or lower case. A page may end early, as with q. */
    event_type_contains?: string;
    /** A part of subject, in upper or lower case. A page may end early, as with q. */
    subject_contains?: string;
    /** True: only what has no subject. False: only what has one. A page may end early, as with q. */
    subject_empty?: boolean;
    /** Names of parameters of this request, with commas between them. One of these must match instead of all; what is not named must match too. A name that has no value here does not count. */
    either?: ("created_after" | "created_before" | "event_id" | "event_id_not" | "event_type" | "event_type_contains" | "event_type_not" | "origin" | "origin_not" | "replay_id" | "replay_id_not" | "state" | "state_not" | "subject" | "subject_contains" | "subject_empty" | "subject_not" | "webhook_id" | "webhook_id_not")[];
  }, options?: Options): List<Delivery, DeliveryList>;
  /**
   * Get one delivery with its attempts
   *
   * Return one delivery with its latest attempts: what was sent, what was received, and how long it took.
   */
  get(id: Held, parameters?: Nothing, options?: Options): Promise<DeliveryWithAttempts>;
  /**
   * Send the event of a delivery once more
   *
   * Send the event of a delivery once more to the same webhook, with the same `webhook-id`. The answer is the new delivery. If the webhook is deleted, or the event is no longer kept, it is a 409.
   */
  redeliver(id: Held, body?: Nothing, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Delivery>;
  /**
   * Make the next attempt of a delivery now
   *
   * Make the next attempt of a delivery now, not at its planned time. If the receiver asked to slow down, the attempt still waits for that. A delivery that does not wait for an attempt is a 409.
   */
  hurry(id: Held, body?: Nothing, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Delivery>;
}

export interface InboxCalls {
  /**
   * Get the tenant's inbox, its own receiver for tests
   *
   * Return the tenant's inbox, a receiver of its own for tests. If there is none it is a 404.
   */
  get(parameters?: Nothing, options?: Options): Promise<Inbox>;
  /**
   * Create the inbox and the webhook that sends to it, or repair them
   *
   * Create the inbox and the webhook that sends to it, or repair them if a part is missing. It can be repeated safely.
   */
  open(body?: Nothing, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Inbox>;
  /**
   * Let the inbox answer as usual again, after failures that were ordered
   *
   * Cancel the failures that were ordered from the inbox: it answers 200 again.
   */
  heal(parameters?: Nothing, options?: Options<"validateOnly">): Promise<void>;
}

export interface SignatureChecksCalls {
  /**
   * Check the signature of a request
   *
   * Find out why the signature of a request is right or wrong. Give a secret, or the webhook that has it; otherwise 422. Nothing of the request is stored or logged.
   */
  create(body: SignatureCheck, options?: Options<"validateOnly">): Promise<SignatureCheckResult>;
}

export interface BulkJobsCalls {
  /**
   * List bulk jobs, newest first
   *
   * Return one page of the caller's own bulk jobs; an admin sees those of the whole tenant. A job is kept for 30 days after it ended, a preview for one.
   */
  list(parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
  }, options?: Options): List<BulkJob, BulkJobList>;
  /**
   * Preview a change of many records
   *
   * Find up to 10,000 records by ids or by a filter, and say of each whether it can be done. Nothing changes until the job is confirmed. It needs the scope of the same operation on one record. More records, or a wrong filter or argument, are a 422; a running job of the same kind by the same caller is a 409. An edit changes only the fields that are given: `api-keys` have `revoke` (reason), `block` (reason), `unblock`, `edit` (add_tags, remove_tags, expires_at, rpm_limit, tpm_limit, max_budget_usd, budget_period); `webhooks` have `pause`, `resume` (choice), `edit` (add_tags, remove_tags, rate_limit), `enable`, `disable`, `delete`; `connectors` have `check`, `edit` (add_tags, remove_tags, next_rotation_due), `enable`, `disable`, `delete`; `applications` have `edit` (status, primary_domain).
   */
  create(body: BulkJobInput, options?: Options<"idempotencyKey" | "validateOnly">): Promise<BulkJob>;
  /**
   * Get one bulk job and its progress
   *
   * Return a bulk job with the number of its records in each state.
   */
  get(id: Held, parameters?: Nothing, options?: Options): Promise<BulkJob>;
  /**
   * List the records of a bulk job, and what became of each
   *
   * Return one page of the records of a bulk job: what would change, and what became of each. With `state=failed`, those that were refused, with the reason. A record that is for others is left out; an admin reads that it is there and its state.
   */
  listRows(id: Held, parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** Only the records in this state. */
    state?: "waiting" | "done" | "failed" | "skipped" | "cancelled";
  }, options?: Options): List<BulkRow, BulkRowList>;
  /**
   * Confirm a bulk job, so that it is done
   *
   * Let the worker do the job, each record as the same operation would do it, with the rights that the caller has then. A record that was changed after the preview is skipped. A job that was confirmed or cancelled, or that can do nothing, is a 409.
   */
  confirm(id: Held, body?: Nothing, options?: Options<"idempotencyKey" | "validateOnly">): Promise<BulkJob>;
  /**
   * Cancel a bulk job
   *
   * Do no more of a bulk job. What was done stays done. It can be repeated safely.
   */
  cancel(id: Held, body?: Nothing, options?: Options<"idempotencyKey" | "validateOnly">): Promise<BulkJob>;
  /**
   * Preview a new job for the records that were not done
   *
   * Preview the same change for the records that an ended job did not do: those that failed, were skipped, or were left when it was cancelled. A job that has not ended, or that did all of its records, is a 409.
   */
  retry(id: Held, body?: Nothing, options?: Options<"idempotencyKey" | "validateOnly">): Promise<BulkJob>;
}

export interface EventTypesCalls {
  /**
   * List event types
   *
   * Return one page of those that the caller may see. The parameters filter and sort; an unknown one is a 400. Send `next_cursor` as `cursor` for the next page.
   */
  list(parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. */
    sort?: "created_at" | "name" | "updated_at" | "-created_at" | "-name" | "-updated_at";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor. */
    q?: string;
    /** Only what has this tag. */
    tag?: string;
    /** Include deleted entries. */
    include_deleted?: boolean;
    /** Also count all matches, up to 10,000: see `count` in the answer. */
    count?: boolean;
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** One value, or several with commas between them: any of these. */
    name?: string[];
    /** Only entries with this `deprecated`. */
    deprecated?: boolean;
    /** One value, or several with commas between them: any of these. */
    validation?: ("off" | "reject")[];
    /** One value, or several with commas between them: any of these. */
    app_id?: string[];
    /** Only entries with this `created_by`. */
    created_by?: string;
    /** Only entries with `created_at` at or after this time. */
    created_after?: string;
    /** Only entries with `created_at` before this time. */
    created_before?: string;
    /** Only entries with `updated_at` at or after this time. */
    updated_after?: string;
    /** Only entries with `updated_at` before this time. */
    updated_before?: string;
    /** Only entries with `deleted_at` at or after this time. */
    deleted_after?: string;
    /** Only entries with `deleted_at` before this time. */
    deleted_before?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    name_not?: string[];
    /** Only what has none of these values. A page may end early, as with q. */
    validation_not?: ("off" | "reject")[];
    /** Only what has none of these values. A page may end early, as with q. */
    app_id_not?: string[];
    /** Only what has not this value. A page may end early, as with q. */
    created_by_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    tag_not?: string;
    /** A part of name, in upper or lower case. A page may end early, as with q. */
    name_contains?: string;
    /** A part of display_name, in upper or lower case. A page may end early, as with q. */
    display_name_contains?: string;
    /** Names of parameters of this request, with commas between them. One of these must match instead of all; what is not named must match too. A name that has no value here does not count. */
    either?: ("app_id" | "app_id_not" | "created_after" | "created_before" | "created_by" | "created_by_not" | "deleted_after" | "deleted_before" | "deprecated" | "display_name_contains" | "name" | "name_contains" | "name_not" | "tag" | "tag_not" | "updated_after" | "updated_before" | "validation" | "validation_not")[];
  }, options?: Options): List<EventType, EventTypeList>;
  /**
   * Get one event type
   *
   * Return one event type. An id of another tenant is a 404, like one that does not exist. With `include_deleted=true` a deleted one is returned, too.
   */
  get(id: Held, parameters?: {
    /** Include deleted entries. */
    include_deleted?: boolean;
  }, options?: Options): Promise<EventType>;
  /**
   * Create an event type
   *
   * Create an event type and return it with its id and version. Fields that only the server writes are ignored; 422 names every field that needs attention, and a full quota is a 409. With an `Idempotency-Key` the request can be repeated safely.
   */
  create(body: EventTypeInput, options?: Options<"idempotencyKey" | "validateOnly">): Promise<EventType>;
  /**
   * Create up to 500 event types at once
   *
   * Create many event types in one request: all or none of them, or each for itself. The schema tells how many. The answer has one result for each, in the order of the request.
   */
  createMany(body: EventTypeBatch, options?: Options<"idempotencyKey" | "validateOnly">): Promise<EventTypeBatchAnswer>;
  /**
   * Change an event type
   *
   * Change the fields that are sent; those that are left out stay, at every depth. The result is validated as a whole: 422 names every field that needs attention. A stale `If-Match` is a 412, a stale `version` in the body a 409 with the current record.
   */
  update(id: Held, body: EventTypeInput, options?: Options<"ifMatch" | "validateOnly">): Promise<EventType>;
  /**
   * Delete an event type
   *
   * Delete an event type: it stops working at once and is left out of lists. It can be restored for 30 days, then it is purged. A stale `If-Match` is a 412.
   */
  delete(id: Held, parameters?: Nothing, options?: Options<"ifMatch" | "validateOnly">): Promise<void>;
  /**
   * Restore a deleted event type
   *
   * Restore a deleted event type and return it. After 30 days it is purged, which is a 404. A full quota, or a name that is taken meanwhile, is a 409.
   */
  restore(id: Held, body?: Nothing, options?: Options<"ifMatch" | "idempotencyKey" | "validateOnly">): Promise<EventType>;
  /**
   * List the changes of an event type
   *
   * Return the changes of one event type, deleted or not, newest first: who made them, from where, and the values before and after.
   */
  history(id: Held, parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
  }, options?: Options): List<HistoryEntry, HistoryEntryList>;
  /**
   * List the portal's own event types
   *
   * Return the event types that the portal publishes itself, with schema and example. Subscribe to them like to any other.
   */
  listOwn(parameters?: Nothing, options?: Options): List<OwnType, OwnTypeList>;
  /**
   * Import event types from an OpenAPI document
   *
   * Create or change event types from the webhooks of an OpenAPI 3.1 document. With `dry_run` nothing is stored. A webhook that cannot be read is skipped with a reason.
   */
  importTypes(body: Import, options?: Options<"idempotencyKey" | "validateOnly">): Promise<ImportedTypes>;
}

export interface EventSettingsCalls {
  /**
   * Get the event settings
   *
   * Return how long events are kept, which fields are hidden, and the treatment of API keys in events.
   */
  get(parameters?: Nothing, options?: Options): Promise<Settings>;
  /**
   * Change the event settings
   *
   * Change the settings that are sent; the others stay. They are the retention, the hidden fields, and the treatment of API keys in events. Events that are then too old are deleted.
   */
  update(body: SettingsInput, options?: Options<"validateOnly">): Promise<Settings>;
}

export interface EventsCalls {
  /**
   * Publish one event, or up to 500
   *
   * Publish one event, or up to 500 in `events` or as an array; all are stored together or none. The answer comes when they and their deliveries are kept. A repeated `id` publishes nothing and is no error; one of another application's event is a 409. An event that does not fit its type's schema is a 422, and so are events that would be more than 100,000 deliveries together, or whose match with the filters of their webhooks takes too much work: send fewer at once.
   */
  publish(body: EventBatch, options?: Options<"idempotencyKey" | "validateOnly">): Promise<PublishedEvents>;
  /**
   * List events, newest first
   *
   * Return one page of the events, newest first. Fields that are hidden from the caller are redacted.
   */
  list(parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The order of the list, with - for descending. A time that is missing comes before all others: last where the newest are first. */
    sort?: "received_at" | "-received_at";
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** One value, or several with commas between them: any of these. */
    type?: string;
    /** Only entries with this `subject`. */
    subject?: string;
    /** Only entries with this `client_id`. */
    client_id?: string;
    /** Only entries with this `app_id`. */
    app_id?: string;
    /** Only entries with this `application_id`. */
    application_id?: string;
    /** Only entries with `received_at` at or after this time. */
    received_after?: string;
    /** Only entries with `received_at` before this time. */
    received_before?: string;
    /** Only entries with `occurred_at` at or after this time. */
    occurred_after?: string;
    /** Only entries with `occurred_at` before this time. */
    occurred_before?: string;
    /** Only what has none of these values, at most 200 with commas between them. A page may end early, as with q. */
    type_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    subject_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    client_id_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    app_id_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    application_id_not?: string;
    /** A part of type, in upper or lower case. A page may end early, as with q. */
    type_contains?: string;
    /** A part of subject, in upper or lower case. A page may end early, as with q. */
    subject_contains?: string;
    /** True: only what has no subject. False: only what has one. A page may end early, as with q. */
    subject_empty?: boolean;
    /** True: only what has no application_id. False: only what has one. A page may end early, as with q. */
    application_id_empty?: boolean;
    /** Names of parameters of this request, with commas between them. One of these must match instead of all; what is not named must match too. A name that has no value here does not count. */
    either?: ("app_id" | "app_id_not" | "application_id" | "application_id_empty" | "application_id_not" | "client_id" | "client_id_not" | "occurred_after" | "occurred_before" | "received_after" | "received_before" | "subject" | "subject_contains" | "subject_empty" | "subject_not" | "type" | "type_contains" | "type_not")[];
  }, options?: Options): List<Event, EventList>;
  /**
   * Get one event and its match with each webhook
   *
   * Return one event, and for each webhook whether it matches by today's settings, and the reason.
   */
  get(id: Held, parameters?: Nothing, options?: Options): Promise<EventWithMatches>;
  /**
   * Erase the events of a subject
   *
   * Erase the events of a subject with their deliveries, up to 10,000 in one request. While `more` is true, send it again. While another erasure of the tenant runs, it is a 429. The credential of an application erases only what that application published.
   */
  erase(body: Erasure, options?: Options<"idempotencyKey" | "validateOnly">): Promise<Erased>;
}

export interface AuditCalls {
  /**
   * List everything that happened in the tenant, newest first
   *
   * Return one page of the audit log of the tenant, newest first: every change, who made it and from where, and the values before and after.
   */
  list(parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** One value, or several with commas between them: any of these. */
    id?: string[];
    /** One value, or several with commas between them: any of these. */
    record_id?: string;
    /** One value, or several with commas between them: any of these. */
    record_kind?: string[];
    /** One value, or several with commas between them: any of these. */
    actor_id?: string;
    /** One value, or several with commas between them: any of these. */
    action?: string;
    /** Only entries with this `request_id`. */
    request_id?: string;
    /** Only entries with `occurred_at` at or after this time. */
    occurred_after?: string;
    /** Only entries with `occurred_at` before this time. */
    occurred_before?: string;
    /** Only what has none of these values, at most 200 with commas between them. A page may end early, as with q. */
    record_id_not?: string;
    /** Only what has none of these values. A page may end early, as with q. */
    record_kind_not?: string[];
    /** Only what has none of these values, at most 200 with commas between them. A page may end early, as with q. */
    actor_id_not?: string;
    /** Only what has none of these values, at most 200 with commas between them. A page may end early, as with q. */
    action_not?: string;
    /** Only what has not this value. A page may end early, as with q. */
    request_id_not?: string;
    /** A part of action, in upper or lower case. A page may end early, as with q. */
    action_contains?: string;
    /** A part of record_name, in upper or lower case. A page may end early, as with q. */
    record_name_contains?: string;
    /** Names of parameters of this request, with commas between them. One of these must match instead of all; what is not named must match too. A name that has no value here does not count. */
    either?: ("action" | "action_contains" | "action_not" | "actor_id" | "actor_id_not" | "occurred_after" | "occurred_before" | "record_id" | "record_id_not" | "record_kind" | "record_kind_not" | "record_name_contains" | "request_id" | "request_id_not")[];
  }, options?: Options): List<LogEntry, LogEntryList>;
}

export interface DeletedCalls {
  /**
   * List the deleted records of every kind that can be restored
   *
   * Return one page of the records that were deleted in the last 30 days, of every kind that the caller may read, newest first. A record is restored with the operation of its own resource, such as `POST /webhooks/{id}/restore`.
   */
  list(parameters?: {
    /** Number of entries on a page, at most. */
    limit?: number;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** Only records of this resource, such as webhooks. */
    kind?: "connectors" | "webhooks" | "event-types";
    /** Words, matched by prefix. A page may end early, even empty: go on while there is a next_cursor. */
    q?: string;
  }, options?: Options): List<Deleted, DeletedList>;
}

export interface QuotasCalls {
  /**
   * Get the quotas of the tenant and their use
   *
   * Return every limit of the tenant, how much of it is used, and whether it is nearly or fully reached. Stored bytes are those of events, deliveries, inbound requests and answers kept for Idempotency-Key; deleted records and the audit log do not count.
   */
  get(parameters?: Nothing, options?: Options): Promise<Quotas>;
}

export interface OverviewCalls {
  /**
   * Get the state of the tenant at one look
   *
   * Return what the first page shows: the most important sentence, the figures of the last day, what needs a person, what changed today, and the first steps. It has only what the caller may read. Figures of the whole tenant are null for an application's credential.
   */
  get(parameters?: Nothing, options?: Options): Promise<Overview>;
}

export interface ViewsCalls {
  /**
   * List saved views
   *
   * Return your own views and those that are shared, of one list or of all that you may read: at most 100 of each, your own first.
   */
  list(parameters?: {
    /** Only the views of this list. */
    list?: "api-keys" | "applications" | "audit" | "connectors" | "deliveries" | "event-types" | "events" | "webhooks";
  }, options?: Options): List<View, ViewList>;
  /**
   * Get one saved view
   *
   * Return one view of your own, or a shared one.
   */
  get(id: Held, parameters?: Nothing, options?: Options): Promise<View>;
  /**
   * Save a view
   *
   * Save the filters, order and columns of a list under a name. A parameter that the list does not understand is a 422 that names it. A person has at most 50 views of a list; the next one is a 409. Sharing needs the right to change the list's records.
   */
  create(body: NewView, options?: Options<"idempotencyKey" | "validateOnly">): Promise<View>;
  /**
   * Change a saved view
   *
   * Change a view of your own: its name, its parameters, with whom it is shared. Admins change shared ones too. A field that is left out stays as it is.
   */
  update(id: Held, body: ChangedView, options?: Options<"validateOnly">): Promise<View>;
  /**
   * Delete a saved view
   *
   * Delete a view of your own. Admins delete shared ones too. The records that it showed stay.
   */
  delete(id: Held, parameters?: Nothing, options?: Options<"validateOnly">): Promise<void>;
}

export interface SearchCalls {
  /**
   * Find records of every kind by words or by an id, up to 8 of each kind
   *
   * Return the records of every kind that match words or an id, up to 8 of each kind. Only kinds that the caller may read are searched.
   */
  find(parameters?: {
    /** Words, matched by prefix, or a whole id; without it, nothing is found */
    q?: string;
  }, options?: Options): List<Found, FoundList>;
}

export interface NoticesCalls {
  /**
   * List what needs attention now, and what passed in the last day
   *
   * Return what needs attention now, the most urgent first, and what passed in the last day.
   */
  list(parameters?: Nothing, options?: Options): List<Notice, NoticeList>;
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
  readonly bulkJobs: BulkJobsCalls;
  readonly eventTypes: EventTypesCalls;
  readonly eventSettings: EventSettingsCalls;
  readonly events: EventsCalls;
  readonly audit: AuditCalls;
  readonly deleted: DeletedCalls;
  readonly quotas: QuotasCalls;
  readonly overview: OverviewCalls;
  readonly views: ViewsCalls;
  readonly search: SearchCalls;
  readonly notices: NoticesCalls;
}
