"""Quotas of a tenant: records, requests and events a second, and stored bytes.

Read `names` (the limits and their defaults), then `counts` (exact counts of records), `rates`
(requests and events a second), `feature` (which requests count), `storage` (estimated bytes) and
`standing` (a tenant's use of each quota). `settings` is for the command line.

Tables: tenant_quota (limits that differ from the defaults), quota_count, quota_rate,
quota_stored_day, quota_stored.

Records are counted by `portal.records.verbs` and by the code that changes many at once; requests
by the REST and page edges; events by the verb that publishes them.
"""
