"""Set up row-level security and grants of tables, for use in migrations.

Row-level security is the second barrier between tenants; the first is that every query goes through
the actor. It applies to the owner too (`FORCE`). The portal's role owns no table and cannot bypass
it. The settings last for one transaction: `set_config('app.tenant_id', …, true)`.
"""

from alembic import op

APP_ROLE = "portal_app"
ALL_RIGHTS = "SELECT, INSERT, UPDATE, DELETE"


def setting_functions() -> None:
    """Create `current_tenant()` and `current_credential()`, which return NULL if they are not set.

    NULL equals nothing, so no row matches.
    """
    for name, setting in (
        ("current_tenant", "app.tenant_id"),
        ("current_credential", "app.credential"),
    ):
        # After a transaction a local setting is '' and not NULL, hence nullif. STABLE, because a
        # volatile function in a policy would prevent the use of any index.
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE "
            f"RETURN nullif(pg_catalog.current_setting('{setting}', true), '')"
        )


def drop_setting_functions() -> None:
    for name in ("current_tenant", "current_credential"):
        op.execute(f"DROP FUNCTION {name}()")


def tenant_table(
    name: str,
    *,
    rights: str | None = ALL_RIGHTS,
    column: str = "tenant_id",
    literal: bool = False,
) -> None:
    """Let a tenant read and write only its own rows; grant the app role `rights`.

    Pass `rights="SELECT, INSERT"` for an append-only table, and None for a partition, which is
    reached through its parent. The table `tenant` itself passes its `column` ("id"). Pass `literal`
    for a new table: its policy is a plain comparison, the only kind that a table distributed over
    several servers can have. Outside a transaction the setting is '', which is no tenant's id.
    """
    setting = "current_setting('app.tenant_id', true)"
    own = f"{column} = {setting}" if literal else f"{column} = (SELECT current_tenant())"
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {name} USING ({own}) WITH CHECK ({own})")
    if rights is not None:
        op.execute(f"GRANT {rights} ON {name} TO {APP_ROLE}")


def credential_policy(table: str, *columns: str) -> None:
    """Allow reading a row with its secret too: one of `columns` is the secret's hex SHA-256.

    For rows that must be found before the tenant is known: an API key, a session.
    """
    match = " OR ".join(f"{column} = (SELECT current_credential())" for column in columns)
    op.execute(f"CREATE POLICY credential ON {table} FOR SELECT USING ({match})")


def shared_table(name: str, *, rights: str = "SELECT") -> None:
    """Grant the app role `rights` to a table that belongs to no tenant."""
    op.execute(f"GRANT {rights} ON {name} TO {APP_ROLE}")
