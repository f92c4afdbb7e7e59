"""Inbound webhooks: requests of other systems are verified, stored and published as events.

Read `models`, `endpoint` (the address `/in/{webhook_id}`), `reception` (store, deduplicate and
publish a request), `review` (received requests, the quarantine, and its re-verification),
`late_secrets` (hide what becomes known after a request arrived), `doctor_questions` (why a
signature fails) and `inbox` (a receiver for the tenant's own tests), then `table`, `forms`,
`resource`, `pages`, `housekeeping`, `feature`. The signatures of the providers are in
`portal.webhooks.verification`.

Tables: inbound_request, inbound_mark, inbox_failure. `portal.lab` calls `inbox` and
`reception.failure_orders`; `portal.ops.secrets` reads how long it keeps quarantined requests.
"""
