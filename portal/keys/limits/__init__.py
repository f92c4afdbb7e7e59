"""Limits and budgets of keys: admit calls, count them and settle their costs."""
