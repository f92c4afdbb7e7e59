"""How much a tenant may have and do: records, requests and events a second, stored bytes.

Read `names` (what is limited, and the defaults), then `counts` (records, exactly), `rates` (what is
counted by the second), `feature` (which requests are), `storage` (bytes, about) and `standing` (how
a tenant stands to all of them). `settings` is the command line's.
Tables: tenant_quota (what differs from the defaults), quota_count, quota_rate, quota_stored_day,
quota_stored.
Records are counted by `portal.records`, and by whoever changes many at once; requests by the two
edges; events by the verb that publishes them. Nobody else asks.
"""
