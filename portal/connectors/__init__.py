"""Connectors: sources and sinks of data, their settings in the row, their secrets in the store.

Read `providers` (what each needs), `models`, `schemas`, `service`, `resource`, `forms`, `pages`.

Table: connector. Its credentials are in `portal.secretstore`.
"""
