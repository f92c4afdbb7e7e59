"""Operation of the portal: command line, server, worker, migrations, doctor and backup.

Read `cli` and `command` (every command), then `serving`, `worker`, `migrate`, `blockers`,
`embedded_postgres`, `doctor`, `connections`, `tenants`, `tenant_quotas`, `secrets` and `backup`.

It has no tables. It stands on top: it may import every package, and no package of the portal
imports it, except that Alembic's `portal.migrations.env` uses `migrate`. `devtools` may call it.
"""
