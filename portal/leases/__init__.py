"""Hand out what a connector's secret is for: an access token, or credentials, for a short time.

A key of the application that owns the connector asks for a lease. The web process reads only the
slot `lease` of the secret store. A worker keeps that slot in line with the connector: it fetches a
token and renews it before it ends, or copies the credentials that the entry lets a lease hand out,
and takes all of it away when the connector is not to be used.

Tables: `connector_access` (a row for each connector that has something to hand out: what is in the
slot, until when, and when a worker looks again), `connector_lease` (who got which version, when).

Read `models`, then `service` (what a caller gets), `saves` (when a worker has to look), `timing`,
`queue`, `engine`, `housekeeping`, then `schemas`, `resource`, `shown` (who took leases, on a
connector's page) and `feature`. No other feature imports this package; the worker runs
`housekeeping`.
"""
