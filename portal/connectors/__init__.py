"""Connectors: sources and sinks of data. Settings are in the row, secrets in the secret store.

Read `models`, `schemas`, `scopes` (for whom it is made), `addresses` (where its credentials may
go), `service`, `resource`, `forms`, `pages`. Table: connector. What each system needs is in
`portal.providers`; the credentials are in `portal.secretstore`.
"""
