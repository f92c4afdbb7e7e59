"""Keep the audit trail: one entry for each change, written in the change's transaction."""
