"""Test that a step of a migration does not keep users waiting for the tables that it has locked."""

import psycopg
import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, pool
from sqlalchemy.exc import OperationalError

from portal.core.config import libpq_url
from portal.migrations import live
from tests.databases import Database

PATIENT = {"options": "-c lock_timeout=0 -c statement_timeout=5s"}


def test_a_step_that_holds_a_lock_soon_gives_up_on_the_next_and_can_be_tried_again(
    database: Database,
) -> None:
    engine = create_engine(database.owner_url, poolclass=pool.NullPool, connect_args=PATIENT)
    with (
        engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection,
        Operations.context(MigrationContext.configure(connection)),
        psycopg.connect(libpq_url(database.superuser_url)) as report,
    ):
        report.execute("SELECT FROM webhook")
        with (
            pytest.raises(OperationalError, match="due to lock timeout"),
            live.transaction("application", "webhook"),
        ):
            pass
        report.execute("SELECT FROM application")  # users go on
        report.rollback()
        with live.transaction("application", "webhook"):
            pass
