"""Deliveries: send events to the receivers of outbound webhooks.

Read `queue` (match events to webhooks, claim and record deliveries), `engine` (the loop of a
worker) with `sending`, `concurrency` and `secret_cache`, then `log` (search, send again, replay)
and `health` (figures of endpoints, safe pause). `partitions` makes room, `pause_notices` tells
people. `schemas`, `forms`, `resource`, `overview`, `housekeeping` and `feature` are as everywhere.

Tables: delivery, delivery_attempt, delivery_hour, endpoint, delivery_worker, webhook_replay,
declared in `portal.webhooks.models`. The worker runs `housekeeping.ENGINES`; events call
`queue.matching` as their listener. Of the other features `portal.inbound`, `portal.lab`,
`portal.bulk` and `portal.saved_views` import this package; `portal.ops.connections` reads `queue`.
"""
