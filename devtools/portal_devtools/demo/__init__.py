"""The demo of `portal dev`: two tenants, and one of them, Acme, that lives.

Reading order: `tenants` (the records), `seeding` (makes them), `situations` (of keys, connectors
and webhooks), `happenings` (the events of three weeks), `calls` (of keys), `history` (fills the
weeks before), `live` (the process that does so and goes on).

Everything is done by the services of the portal. Times in the past are the one exception: `past`
shifts them afterwards, in two files of SQL.
"""

MAIN_TENANT = "tnt_01K0000000000000000000ACME"
"""The id of Acme, for `portal dev`, which does not load the application."""
