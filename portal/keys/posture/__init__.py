"""The posture of a tenant's keys: each weakness, how many keys have it, and how to fix it.

Read `posture`, `operations` (REST), `pages` and `overview` (keys on the first page).
"""
