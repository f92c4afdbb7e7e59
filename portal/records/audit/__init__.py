"""Keep the audit log: one entry for each change, written in the change's transaction.

Read `models` (table: audit_entry), `trail` (write and read entries) and `log` (page by page).
"""
