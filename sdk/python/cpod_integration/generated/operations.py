"""Every operation of the API. Made by `make sdk`; not changed by hand."""

from cpod_integration.core import Operation

PEOPLE_LIST = Operation("GET", "/people")
PEOPLE_GET = Operation("GET", "/people/{id}")
PEOPLE_END_SESSIONS = Operation("POST", "/people/{id}/session-endings", has_key=True)
SESSIONS_LIST = Operation("GET", "/sessions")
SESSIONS_END = Operation("DELETE", "/sessions/{id}")
SESSIONS_END_ALL = Operation("DELETE", "/sessions")
APPLICATIONS_LIST = Operation("GET", "/applications")
APPLICATIONS_GET = Operation("GET", "/applications/{id}")
APPLICATIONS_CREATE = Operation("POST", "/applications", has_body=True, has_key=True)
APPLICATIONS_CREATE_MANY = Operation("POST", "/applications/batch", has_body=True, has_key=True)
APPLICATIONS_UPDATE = Operation("PATCH", "/applications/{id}", has_body=True)
APPLICATIONS_HISTORY = Operation("GET", "/applications/{id}/history")
APPLICATIONS_SUSPEND = Operation("POST", "/applications/{id}/suspend", has_body=True, has_key=True)
APPLICATIONS_RETIRE = Operation("POST", "/applications/{id}/retire", has_body=True, has_key=True)
APPLICATIONS_REOPEN = Operation("POST", "/applications/{id}/reopen", has_body=True, has_key=True)
API_KEYS_LIST = Operation("GET", "/api-keys")
API_KEYS_GET = Operation("GET", "/api-keys/{id}")
API_KEYS_CREATE = Operation(
    "POST", "/api-keys", secrets=("key", "key_hash", "link"), has_body=True, has_key=True
)
API_KEYS_CREATE_MANY = Operation(
    "POST", "/api-keys/batch", secrets=("key", "key_hash", "link"), has_body=True, has_key=True
)
API_KEYS_UPDATE = Operation("PATCH", "/api-keys/{id}", has_body=True)
API_KEYS_HISTORY = Operation("GET", "/api-keys/{id}/history")
API_KEYS_REVOKE = Operation("POST", "/api-keys/{id}/revoke", has_body=True, has_key=True)
API_KEYS_BLOCK = Operation("POST", "/api-keys/{id}/block", has_body=True, has_key=True)
API_KEYS_ROTATE = Operation(
    "POST",
    "/api-keys/{id}/rotations",
    secrets=("key", "key_hash", "link"),
    has_body=True,
    has_key=True,
)
API_KEYS_CREATE_CHILD = Operation(
    "POST",
    "/api-keys/{id}/children",
    secrets=("key", "key_hash", "link"),
    has_body=True,
    has_key=True,
)
API_KEYS_UNBLOCK = Operation("POST", "/api-keys/{id}/unblock", has_key=True)
API_KEYS_CANCEL_REVOCATION = Operation(
    "POST", "/api-keys/{id}/revocation-cancellations", has_key=True
)
API_KEYS_VERIFY = Operation("POST", "/api-keys/verify", has_body=True)
API_KEYS_SETTLE_RESERVATION = Operation("POST", "/api-keys/reservations/{id}/settle", has_body=True)
API_KEYS_RECORD_USAGE = Operation("POST", "/api-keys/{id}/usage", has_body=True)
API_KEYS_REVOKE_MANY = Operation("POST", "/api-keys/revocations", has_body=True, has_key=True)
API_KEYS_REPORT_LEAK = Operation("POST", "/api-keys/leaks", has_body=True)
API_KEYS_EXPLAIN = Operation("POST", "/api-keys/explanations", has_body=True)
API_KEYS_REHEARSE = Operation("POST", "/api-keys/{id}/rehearsals", has_body=True)
API_KEYS_GET_POSTURE = Operation("GET", "/api-keys/posture")
API_KEYS_GET_IMPACT = Operation("GET", "/api-keys/{id}/impact")
API_KEYS_GET_PROPAGATION = Operation("GET", "/api-keys/{id}/propagation")
API_KEYS_GET_ROTATION = Operation("GET", "/api-keys/{id}/rotation")
API_KEYS_EXTEND_ROTATION = Operation("POST", "/api-keys/{id}/rotation/extensions", has_key=True)
API_KEYS_FINISH_ROTATION = Operation("POST", "/api-keys/{id}/rotation/completions", has_key=True)
API_KEYS_TAKE_BACK_ROTATION = Operation(
    "POST", "/api-keys/{id}/rotation/cancellations", has_key=True
)
API_KEYS_LIST_LEAKS = Operation("GET", "/api-keys/leaks")
API_KEYS_SETTLE_LEAKS = Operation("POST", "/api-keys/{id}/leak-settlements", has_key=True)
API_KEYS_GET_LEAK_POLICY = Operation("GET", "/api-keys/leak-policy")
API_KEYS_UPDATE_LEAK_POLICY = Operation("PATCH", "/api-keys/leak-policy", has_body=True)
API_KEYS_GET_LEAK_RULE = Operation("GET", "/api-keys/leak-rule")
API_KEYS_LIST_WEAK = Operation("GET", "/api-keys/posture/{weakness}/keys")
API_KEYS_REPAIR_MANY = Operation("POST", "/api-keys/repairs", has_body=True, has_key=True)
ME_GET = Operation("GET", "/me")
CONNECTORS_LIST = Operation("GET", "/connectors")
CONNECTORS_GET = Operation("GET", "/connectors/{id}")
CONNECTORS_CREATE = Operation("POST", "/connectors", has_body=True, has_key=True)
CONNECTORS_CREATE_MANY = Operation("POST", "/connectors/batch", has_body=True, has_key=True)
CONNECTORS_UPDATE = Operation("PATCH", "/connectors/{id}", has_body=True)
CONNECTORS_DELETE = Operation("DELETE", "/connectors/{id}")
CONNECTORS_RESTORE = Operation("POST", "/connectors/{id}/restore", has_key=True)
CONNECTORS_HISTORY = Operation("GET", "/connectors/{id}/history")
CONNECTORS_REMOVE_CREDENTIALS = Operation("DELETE", "/connectors/{id}/credentials")
PROVIDERS_LIST = Operation("GET", "/providers")
PROVIDERS_GET = Operation("GET", "/providers/{id}")
CONNECTORS_CHECK = Operation("POST", "/connectors/{id}/checks", has_body=True, has_key=True)
CONNECTORS_LIST_CHECKS = Operation("GET", "/connectors/{id}/checks")
CONNECTORS_GET_CHECK = Operation("GET", "/connectors/{id}/checks/{check_id}")
CONNECTORS_CHECK_DRAFT = Operation("POST", "/connectors/draft-checks", has_body=True)
CONNECTORS_LIST_CREDENTIAL_VERSIONS = Operation("GET", "/connectors/{id}/credential-versions")
CONNECTORS_RESTORE_CREDENTIALS = Operation(
    "POST", "/connectors/{id}/credential-restorations", has_body=True, has_key=True
)
CONNECTORS_TAKE_LEASE = Operation(
    "POST", "/connectors/{id}/leases", secrets=("access_token", "credentials"), has_body=True
)
CONNECTORS_LIST_LEASES = Operation("GET", "/connectors/{id}/leases")
WEBHOOKS_LIST = Operation("GET", "/webhooks")
WEBHOOKS_GET = Operation("GET", "/webhooks/{id}")
WEBHOOKS_CREATE = Operation(
    "POST", "/webhooks", secrets=("signing_secret",), has_body=True, has_key=True
)
WEBHOOKS_CREATE_MANY = Operation(
    "POST", "/webhooks/batch", secrets=("signing_secret",), has_body=True, has_key=True
)
WEBHOOKS_UPDATE = Operation("PATCH", "/webhooks/{id}", has_body=True)
WEBHOOKS_DELETE = Operation("DELETE", "/webhooks/{id}")
WEBHOOKS_RESTORE = Operation("POST", "/webhooks/{id}/restore", has_key=True)
WEBHOOKS_HISTORY = Operation("GET", "/webhooks/{id}/history")
WEBHOOKS_ROTATE_SECRET = Operation(
    "POST", "/webhooks/{id}/secret-rotations", secrets=("signing_secret",), has_key=True
)
WEBHOOKS_RETIRE_SECRET = Operation("POST", "/webhooks/{id}/secret-retirements", has_key=True)
WEBHOOKS_PAUSE = Operation("POST", "/webhooks/{id}/pause", has_key=True)
WEBHOOKS_RESUME = Operation("POST", "/webhooks/{id}/resume", has_body=True, has_key=True)
WEBHOOKS_LIST_DELIVERIES = Operation("GET", "/webhooks/{id}/deliveries")
WEBHOOKS_REPLAY = Operation("POST", "/webhooks/{id}/replays", has_body=True, has_key=True)
WEBHOOKS_LIST_REPLAYS = Operation("GET", "/webhooks/{id}/replays")
WEBHOOKS_GET_BACKLOG = Operation("GET", "/webhooks/{id}/backlog")
REPLAYS_GET = Operation("GET", "/replays/{id}")
REPLAYS_CANCEL = Operation("POST", "/replays/{id}/cancellations", has_key=True)
WEBHOOKS_TRY_FILTER = Operation("POST", "/webhooks/filter-tests", has_body=True)
WEBHOOKS_GET_HEALTH = Operation("GET", "/webhooks/{id}/health")
DELIVERIES_LIST = Operation("GET", "/deliveries")
DELIVERIES_GET = Operation("GET", "/deliveries/{id}")
DELIVERIES_REDELIVER = Operation("POST", "/deliveries/{id}/redeliveries", has_key=True)
DELIVERIES_HURRY = Operation("POST", "/deliveries/{id}/attempts", has_key=True)
WEBHOOKS_LIST_RECEIVED = Operation("GET", "/webhooks/{id}/received")
WEBHOOKS_GET_RECEIVED = Operation("GET", "/webhooks/{id}/received/{request_id}")
WEBHOOKS_REVERIFY = Operation(
    "POST", "/webhooks/{id}/received/{request_id}/reverifications", has_key=True
)
WEBHOOKS_REVERIFY_ALL = Operation("POST", "/webhooks/{id}/received/reverifications", has_key=True)
WEBHOOKS_CLEAR_QUARANTINE = Operation("DELETE", "/webhooks/{id}/quarantine")
INBOX_GET = Operation("GET", "/inbox")
INBOX_OPEN = Operation("POST", "/inbox", has_key=True)
SIGNATURE_CHECKS_CREATE = Operation("POST", "/signature-checks", has_body=True)
WEBHOOKS_TEST = Operation("POST", "/webhooks/{id}/test-deliveries", has_body=True, has_key=True)
WEBHOOKS_SEND_FROM_LAB = Operation(
    "POST", "/webhooks/{id}/lab-deliveries", has_body=True, has_key=True
)
INBOX_HEAL = Operation("DELETE", "/inbox/failures")
WEBHOOKS_LIST_TESTS = Operation("GET", "/webhooks/{id}/test-deliveries")
WEBHOOKS_GET_TEST = Operation("GET", "/webhooks/{id}/test-deliveries/{delivery_id}")
BULK_JOBS_LIST = Operation("GET", "/bulk-jobs")
BULK_JOBS_CREATE = Operation("POST", "/bulk-jobs", has_body=True, has_key=True)
BULK_JOBS_GET = Operation("GET", "/bulk-jobs/{id}")
BULK_JOBS_LIST_ROWS = Operation("GET", "/bulk-jobs/{id}/rows")
BULK_JOBS_CONFIRM = Operation("POST", "/bulk-jobs/{id}/confirmations", has_key=True)
BULK_JOBS_CANCEL = Operation("POST", "/bulk-jobs/{id}/cancellations", has_key=True)
BULK_JOBS_RETRY = Operation("POST", "/bulk-jobs/{id}/retries", has_key=True)
EVENT_TYPES_LIST = Operation("GET", "/event-types")
EVENT_TYPES_GET = Operation("GET", "/event-types/{id}")
EVENT_TYPES_CREATE = Operation("POST", "/event-types", has_body=True, has_key=True)
EVENT_TYPES_CREATE_MANY = Operation("POST", "/event-types/batch", has_body=True, has_key=True)
EVENT_TYPES_UPDATE = Operation("PATCH", "/event-types/{id}", has_body=True)
EVENT_TYPES_DELETE = Operation("DELETE", "/event-types/{id}")
EVENT_TYPES_RESTORE = Operation("POST", "/event-types/{id}/restore", has_key=True)
EVENT_TYPES_HISTORY = Operation("GET", "/event-types/{id}/history")
EVENT_TYPES_LIST_OWN = Operation("GET", "/event-types/own")
EVENT_TYPES_IMPORT_TYPES = Operation("POST", "/event-types/imports", has_body=True, has_key=True)
EVENT_SETTINGS_GET = Operation("GET", "/event-settings")
EVENT_SETTINGS_UPDATE = Operation("PUT", "/event-settings", has_body=True)
EVENTS_PUBLISH = Operation("POST", "/events", has_body=True, has_key=True)
EVENTS_LIST = Operation("GET", "/events")
EVENTS_GET = Operation("GET", "/events/{id}")
EVENTS_ERASE = Operation("POST", "/events/erasures", has_body=True, has_key=True)
AUDIT_LIST = Operation("GET", "/audit")
DELETED_LIST = Operation("GET", "/deleted")
QUOTAS_GET = Operation("GET", "/quotas")
OVERVIEW_GET = Operation("GET", "/overview")
VIEWS_LIST = Operation("GET", "/views")
VIEWS_GET = Operation("GET", "/views/{id}")
VIEWS_CREATE = Operation("POST", "/views", has_body=True, has_key=True)
VIEWS_UPDATE = Operation("PATCH", "/views/{id}", has_body=True)
VIEWS_DELETE = Operation("DELETE", "/views/{id}")
SEARCH_FIND = Operation("GET", "/search")
NOTICES_LIST = Operation("GET", "/notices")
