"""How much a tenant may have and do: records of each kind, requests and events a second.

Read `names` (what is limited, and the defaults), then `counts` (records, exactly) and `rates` (what
is counted by the second), `edge` (which requests are). `settings` is the command line's.
Tables: tenant_quota (what differs from the defaults), quota_count, quota_rate.
Records are counted by `portal.records`, and by whoever changes many at once; requests by the two
edges; events by the verb that publishes them. Nobody else asks.
"""
