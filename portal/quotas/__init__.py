"""A tenant's use of its quotas, as a page and through REST, and the daily recounts.

Read `standing` (the use of each quota), `feature` (which requests count) and `housekeeping`. The
limits, the counts and the rates are in `portal.records.quotas`.
"""
