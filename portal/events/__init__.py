"""Events: what happened, published by programs and by the portal itself, kept for a while.

Read `models`, `service` (publish, announce, read, erase), `publishing` (the statements, the group
commit, the door on the event loop), `catalogue` (types, their schemas and examples), `jsonschema`
(schemas of tenants, evaluated in bounded time) and `settings` (how long, what is hidden from whom).
`listeners` is the port by which deliveries hear of events.

Tables: event, event_key, event_type, event_settings. Every feature may call `service`.
"""
