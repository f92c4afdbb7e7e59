"""The database's history: numbered, small, reversible steps, run as the owner of the tables."""
