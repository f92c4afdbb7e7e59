"""Tell whether connectors work: checks that the worker runs, their results, and since when.

A connector's record is in `portal.connectors`, and the run of a check in `checks`. This package
has the rest: who asks for a check (a person, a save, the calendar), the queue, and what a result
changes.

Read `models`, `check_results` (what a result means for the connector), `requests` (ask for a
check), `saves` (plan one after a save), `queue`, `engine_loop`, `engine`, `housekeeping`, then
`schemas`, `resource`, `health` (what pages show) and `feature`. Tables: `connector_check` (a row
for each check, with its steps), `connector_standing` (a row for each connector: the last result,
since when, when the next check is due), `connector_check_day` (checks counted by day),
`connector_credentials` (who set which version of the credentials). `portal.leases` uses the queue,
the engine's loop and the checks; `portal.bulk` calls `requests`; `portal.webhooks` adds its users
to `health`. The worker runs `housekeeping`.
"""
