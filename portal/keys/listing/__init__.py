"""The list of keys in the console.

Read `filters` (what a list can be narrowed by) and `table` (its columns).
"""
