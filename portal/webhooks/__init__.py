"""The record of a webhook, outbound or inbound, and its pages.

Read `models`, `schemas`, `service`, then `subscriptions` (which events it wants) and `keyring` (its
secrets). `signing` signs what leaves, `verification` checks what comes in. `portal.delivery` sends,
`portal.inbound` receives, `portal.lab` tries both; they stand above and register themselves with
`pages`.

Tables: webhook, webhook_subscription, and the models of delivery, which refer to it: endpoint,
delivery, delivery_attempt, delivery_worker, webhook_replay.
"""
