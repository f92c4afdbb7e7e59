"""Limits and budgets: calls are admitted, counted and settled."""
