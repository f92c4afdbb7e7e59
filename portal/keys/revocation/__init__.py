"""The revocation of keys: now, at a time, in bulk, with what each would break.

Read `blast_radius` (what would break), `revocation` (at a time, or by a brown-out) and `pages`.
"""
