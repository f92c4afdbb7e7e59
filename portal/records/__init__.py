"""Provide what all records share: verbs, lists, search, validation, idempotency, audit, quotas."""
