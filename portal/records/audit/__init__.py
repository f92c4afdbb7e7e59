"""Keep the audit log: one entry for each change, written in the change's transaction."""
