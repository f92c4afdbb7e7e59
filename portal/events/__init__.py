"""Events that programs and the portal itself publish, stored for a limited time.

Read `models`, `service` (publish, announce, read, erase), `publishing` (the SQL statements, the
group commit, the fast path on the event loop, the bound of own events), `catalogue` (types, their
schemas and examples), `jsonschema` (schemas of tenants, evaluated in bounded time) and `settings`
(retention and hidden fields). `listeners` is the interface through which webhooks receive events.
Tables: event, event_key, event_type, event_settings. Every feature may call `service`.
"""
