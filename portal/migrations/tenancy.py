"""What every tenant table gets, in the words a migration uses.

Row-level security is the second wall between tenants (the first is that every query goes through
the actor). It holds for the owner too (`FORCE`), and the role that the portal works as neither owns
a table nor bypasses it. The settings live for one transaction:
`set_config('app.tenant_id', …, true)`.
"""

from alembic import op

APP_ROLE = "portal_app"
ALL_RIGHTS = "SELECT, INSERT, UPDATE, DELETE"


def setting_functions() -> None:
    """`current_tenant()` and `current_credential()`: NULL, which equals nothing, when not set."""
    for name, setting in (
        ("current_tenant", "app.tenant_id"),
        ("current_credential", "app.credential"),
    ):
        # After a transaction a local setting is '' and not NULL, hence nullif. STABLE, because a
        # volatile function in a policy would lose every index.
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
    """Let a tenant read and write its own rows only; grant the app role `rights`.

    Pass `rights="SELECT, INSERT"` for an append-only table, and none for a partition, which is
    reached through its parent. The table `tenant` itself names its `column` ("id"). A new table is
    `literal`: its policy is a plain comparison, the only kind that a table spread over several
    servers can have. Outside a transaction the setting is '', which is no tenant's id.
    """
    setting = "current_setting('app.tenant_id', true)"
    own = f"{column} = {setting}" if literal else f"{column} = (SELECT current_tenant())"
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {name} USING ({own}) WITH CHECK ({own})")
    if rights is not None:
        op.execute(f"GRANT {rights} ON {name} TO {APP_ROLE}")


def credential_policy(table: str, *columns: str) -> None:
    """A row may also be read by whoever presents its secret: one of `columns` is the hex SHA-256.

    For what must be found before the tenant is known: an API key, a session.
    """
    match = " OR ".join(f"{column} = (SELECT current_credential())" for column in columns)
    op.execute(f"CREATE POLICY credential ON {table} FOR SELECT USING ({match})")


def shared_table(name: str, *, rights: str = "SELECT") -> None:
    """A table of no tenant: the app role gets `rights`, and there is nothing to separate."""
    op.execute(f"GRANT {rights} ON {name} TO {APP_ROLE}")
