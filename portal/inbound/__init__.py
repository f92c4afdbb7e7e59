"""What comes in: requests of other systems, verified, kept and published as events.

Read `endpoint` (the address `/in/{webhook_id}`), `reception` (a request is kept, deduplicated,
published), `review` (what was received or is in quarantine, and verifying it anew),
`doctor_questions` (why does a signature fail) and `inbox` (a receiver of the tenant's own). How
each provider signs is in `portal.webhooks.verification`.

Tables: inbound_request, inbound_mark, inbox_failure.
"""
