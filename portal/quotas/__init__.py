"""How much a tenant may have and do: records of each kind.

Read `names` (what is limited, and the defaults), then `counts` (records, exactly). `settings` is
the command line's. Tables: tenant_quota (what differs from the defaults), quota_count.
Records are counted by `portal.records`, and by whoever changes many at once; nobody else asks.
"""
