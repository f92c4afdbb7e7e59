"""Limits and budgets of keys: admit calls, count them and settle their costs.

Read `admission` first, then what it takes from memory: `window_leases` (requests and tokens) and
`budget_leases` (money). `counting` asks PostgreSQL for what memory lacks, `ledger` writes the
costs, `changes` ends what a key was lent before it changed, `inheritance` limits a key that
another key issues.
"""
