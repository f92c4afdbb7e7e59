"""The record of a webhook, outbound or inbound, and its pages.

Read `models`, `schemas`, `service`, then `subscriptions` (the events that a webhook receives),
`keyring` (its secrets) and `application_status`, then `resource`, `forms`, `pages`, `table`,
`health`, `feature`. `signing` signs outgoing requests, `verification` verifies incoming ones.
`portal.delivery` sends, `portal.inbound` receives, `portal.lab` tests both. These three depend on
this package and register themselves with `pages`; `portal.bulk` calls `service` and `resource`.

Tables: webhook, webhook_subscription, and the tables of delivery, whose models refer to a webhook:
endpoint, delivery, delivery_attempt, delivery_hour, delivery_worker, webhook_replay.
"""
