"""Receive a request: store it, deduplicate it, publish it as an event.

Read `reception` first, then `stored_request`, `clean_message` (what is left out of it),
`deduplication` and `event_of_request`.
`failure_limits` limits a source that fails often, before other work. `failure_orders` makes
the inbox fail on purpose.
"""
