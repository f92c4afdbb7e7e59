"""Connectors: sources and sinks of data. Settings are in the row, secrets in the secret store.

Read `models`, `schemas`, `scopes` (for whom it is made), `addresses` (where its credentials may
go), `service`, `resource`, `provider_catalogue`, `forms`, `pages`, `table`, `overview`, `feature`.
What each system needs is in `portal.providers`; the credentials are in `portal.secretstore`.

Table: connector. `portal.connections`, `portal.leases`, `portal.webhooks` and `portal.bulk` call
`service` and read `models`.
"""
