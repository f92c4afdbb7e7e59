"""Provide what all records share: verbs, lists, search, validation, idempotency, audit, quotas.

Read `schemas` (validation of commands), `verbs` (create, change, delete, restore), `new_record`,
`batches`, `documents`, `listing` with `lists`, `search` and `bounded_search`, `idempotency`,
`health`, `purge`, then `audit` and `quotas`. `weigh.sql` tells how common the words of a query are.

Tables: search_term, idempotency_key, and those of `audit` and `quotas`. The edges, the features and
`portal.providers` may call it.
"""
