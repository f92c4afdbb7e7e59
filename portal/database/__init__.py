"""Give features access to the database: the session and its tenant, and the base of all records."""
