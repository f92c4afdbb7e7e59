"""Applications: programs registered to integrate with the platform. The smallest feature.

Read `models`, `schemas`, `service`, `states` (suspend, retire, reopen), `resource`, `forms`,
`pages`, `feature`. `ownership` gives other records the application that they belong to;
`token_actors` turns an access token into an actor. Table: application.
"""
