"""The queue in PostgreSQL: match events to webhooks, claim deliveries, record outcomes."""
