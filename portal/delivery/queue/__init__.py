"""The queue in PostgreSQL: which webhooks an event goes to, and what workers claim and record."""
