"""0100 closed functions: only the portal calls the functions that run as their owner.

Two were never closed to other roles, and a restore could leave all of them open that have
arguments.
"""

from alembic import op

from portal.migrations.tenancy import APP_ROLE

revision, down_revision = "0100", "0099"

CLOSE = """
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT oid::regprocedure AS name, prorettype = 'trigger'::regtype AS is_trigger FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prosecdef
        AND pg_get_userbyid(proowner) = current_user
        AND has_function_privilege('public', oid, 'EXECUTE')
    LOOP
        IF NOT one.is_trigger THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO <role>', one.name);
        END IF;
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one.name);
    END LOOP;
END $$
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        CLOSE.replace("<role>", APP_ROLE), execution_options={"no_parameters": True}
    )


def downgrade() -> None:
    """Leave them closed: the release before calls them as this role, too."""
