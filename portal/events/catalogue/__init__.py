"""The catalogue of event types that can be published and subscribed to.

Read `event_types` (names, schemas, and the check of data), `portal_types` (the portal's own),
`examples`, `openapi_import`, `resource`, `table` and `pages`.
"""
