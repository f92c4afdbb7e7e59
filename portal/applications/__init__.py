"""Applications: programs registered to integrate with the platform. The smallest feature.

Read `models`, `schemas`, `service`, `states` (suspend, retire, reopen), `resource`, `forms`,
`pages`, `table` (the columns of the list), `health`, `feature`. `ownership` gives other records the
application that they belong to; `token_actors` turns an access token into an actor.

Table: application. The features above (`connectors`, `keys` and all that build on them) call
`service`, `health`, `ownership` and `pages`, and read `models`. Only `portal.keys.tokens` calls
`token_actors`.
"""
