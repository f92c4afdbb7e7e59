"""Count and limit what a tenant uses: records, requests and events per second, stored bytes.

Read `limits` (their names, defaults and largest values), `counts` (exact counts of records),
`rates` (requests and events per second, over all processes) and `stored_bytes` (an estimate).

Tables: tenant_quota (limits that differ from the defaults), quota_count, quota_rate,
quota_stored_day, quota_stored.

`portal.records.verbs` counts records, and so does code that changes many at once. The REST and page
edges count requests. The service function that publishes events counts them.
"""
