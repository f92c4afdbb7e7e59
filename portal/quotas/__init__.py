"""A tenant's use of its quotas, as a page and through REST, and the daily recounts.

Read `standing` (the use of each quota), `feature` (which requests count), `pages`, `resource` and
`housekeeping`. The tables, limits, counts and rates are in `portal.records.quotas`. Only
`create_app` (`feature.counting`), the list of features and the worker (`housekeeping`) use this
package.
"""
