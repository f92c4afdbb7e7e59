"""The database as every feature sees it: the session and its tenant, the base of all records."""
