"""The limits of each tenant, counted: records, requests and events a second, stored bytes.

Read `limits` (their names, defaults and largest values), `counts` (exact counts of records),
`rates` (requests and events a second, over all processes) and `stored_bytes` (an estimate).

Tables: tenant_quota (limits that differ from the defaults), quota_count, quota_rate,
quota_stored_day, quota_stored.

Records are counted by `portal.records.verbs` and by the code that changes many at once; requests
by the REST and page edges; events by the verb that publishes them.
"""
