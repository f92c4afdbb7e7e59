"""A tenant's use of its quotas, as a page and through REST, and the counts made anew each day.

Read `standing` (how much of each quota is used), `feature` (which requests count) and
`housekeeping`. The limits, the counts and the rates are in `portal.records.quotas`.
"""
