"""The queue in PostgreSQL: match events to webhooks, claim deliveries, record outcomes.

Read `matching` (fan-out, with `owe.sql`), `queue` (claim and record), `policy` (what follows from
an attempt, without database), `new_deliveries` (wake-ups), `worker_presence` (dead workers) and
`hours` (counts by hour).
"""
