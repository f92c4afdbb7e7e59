"""Edit a key that was issued: its name, tags, expiry, limits and budget.

Read `editing` first, which is the verb; `bounds` keeps a key within the rights of its editor and of
its parent, `relatives` locks the keys that follow, and `budget_window` moves a budget to another
period.
"""
