"""Give features access to the database: the session and its tenant, and the base of all records.

Read `actor` (who acts, for which tenant), `base` and `record` (the columns of all records),
`session` (transactions, the commit), `audience` (who sees a record), then what few need: `dry_run`,
`together`, `written` (statements compiled once), `job_turns`, `app_role` and `writability`.

Tables: restricted_record, housekeeping_turn, write_probe. Every package may call it except `core`,
`fast` and `migrations`, which stand below.
"""
