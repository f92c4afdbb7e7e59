"""Saved views: the filters, order and columns of a list under a name, for oneself or for all.

Read `models`, `schemas`, `service`, then `resource` and `pages`. The table `saved_view` is read and
written here only. It stands above the lists, because it checks what a view asks of them; they draw
its views as tabs through `portal.web.lists`.
"""
