"""Prove that a connection works: run what an entry of the catalogue says, step by step.

Nothing here knows tenants, records or the database: a `Subject` comes in, `Step`s go out while it
runs, and a `Report` at the end. Every address is guarded and dialled as `portal.outbound` decides.

Read `report` first, then `run`; `visit` holds what one check knows, `progress` tells its steps,
`answers` and `documents` read what comes back, `facts` learns from it, and `quotes` keeps secrets
out of all that is said. `sign_in` and `drivers` have the ways to sign in and the protocols.
"""
