"""What leaves: events on their way to the receivers of outbound webhooks.

Read `queue` (which webhooks an event goes to, what a worker claims and records), `engine` (the loop
of a worker) with `sending`, `concurrency` and `secret_cache`, then `log` (search, send again,
replay) and `health` (figures of endpoints, safe pause). `partitions` and `old_attempts` make room.

Tables: delivery, delivery_attempt, endpoint, delivery_worker, webhook_replay, declared in
`portal.webhooks.models`. The worker runs `housekeeping.ENGINES`; events call `queue.matching` as
their listener; nobody else calls in but `portal.inbound` and `portal.lab`.
"""
