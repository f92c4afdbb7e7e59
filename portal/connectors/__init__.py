"""Connectors: sources and sinks of data. Settings are in the row, secrets in the secret store.

Read `providers` (the fields that each needs), `models`, `schemas`, `scopes` (for whom it is made),
`service`, `resource`, `forms`, `pages`. Table: connector. Its credentials are in
`portal.secretstore`.
"""
