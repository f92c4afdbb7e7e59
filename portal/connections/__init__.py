"""Tell whether connectors work: checks that the worker runs, what came of them, and since when.

A connector's record is in `portal.connectors`, how a check runs in `checks`. Here is who
asks for a check (a person, a save, the calendar), the queue, and what a result changes.

Tables: `connector_check` (a row for each check, with its steps), `connector_standing` (a row for
each connector: the last result, since when, when the next check is due), `connector_check_day`
(checks counted by day), `connector_credentials` (who set which version of the credentials).

Read `models`, then `moves` (what a result means for the connector), `queue`, `engine`.
"""
