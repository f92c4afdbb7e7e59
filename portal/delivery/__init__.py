"""Deliveries: send events to the receivers of outbound webhooks.

Read `queue` (match events to webhooks, claim and record deliveries), `engine` (the loop of a
worker) with `sending`, `concurrency` and `secret_cache`, then `log` (search, send again, replay)
and `health` (figures of endpoints, safe pause). `partitions` makes room.

Tables: delivery, delivery_attempt, endpoint, delivery_worker, webhook_replay, declared in
`portal.webhooks.models`. The worker runs `housekeeping.ENGINES`; events call `queue.matching` as
their listener; of the other features only `portal.inbound` and `portal.lab` import this package.
"""
