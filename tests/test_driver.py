"""What the portal says to the driver itself: the same walls, the same errors as the session's."""

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import bindparam, cast, column, func, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, OperationalError

from portal.config import libpq_url
from portal.db import db, enter_tenant, send, session
from portal.driver import Statement
from tests.databases import Database

if TYPE_CHECKING:
    from tests.cast import Api

SETTING = Statement(select(func.current_setting("app.tenant_id", True)))


def setting() -> Any:
    return send(SETTING, {})[0][0]


@pytest.mark.parametrize("tenant", ["tnt_A", "o'brien", "'; DROP TABLE tenant; --", "\\", "ü"])
def test_whatever_a_tenant_is_called_it_is_a_value(app: Flask, tenant: str) -> None:
    with app.app_context():
        enter_tenant(tenant)
        assert setting() == tenant
        session.commit()
        assert setting() == tenant  # in every transaction of this session


def test_a_tenant_ends_with_its_transaction(app: Flask) -> None:
    with app.app_context():
        enter_tenant("tnt_A")
        assert setting() == "tnt_A"
        session.remove()
        assert not setting()  # the same connection, for somebody else


def test_the_tenant_stays_when_a_savepoint_is_rolled_back(app: Flask) -> None:
    with app.app_context():
        enter_tenant("tnt_A")
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text("SELECT 1 / 0"))
        assert setting() == "tnt_A"


def test_what_is_written_in_a_scoped_transaction_is_undone_with_it(
    app: Flask, ada: "Api", database: Database
) -> None:
    made = ada.create("applications")
    with app.app_context():
        enter_tenant(made["tenant_id"])
        session.execute(text("UPDATE application SET display_name = 'Changed'"))
        session.rollback()
    assert ada.get(f"/applications/{made['id']}").json == made


def test_a_statement_that_fails_fails_as_sqlalchemys_do(app: Flask) -> None:
    with app.app_context():
        broken = Statement(select(1 / bindparam("by", 0)).select_from(text("(SELECT 1) AS one")))
        with pytest.raises(DBAPIError, match="division by zero"):
            send(broken, {})
        session.rollback()
        assert send(Statement(select(column("n")).select_from(text("(SELECT 7) AS s (n)"))), {})


def test_a_value_is_written_as_its_column_says(app: Flask) -> None:
    with app.app_context():
        given = bindparam("given", type_=JSONB)
        asked = Statement(
            select(cast([], JSONB) == cast(literal([], JSONB), JSONB), given["a"].astext)
        )
        assert send(asked, {"given": {"a": "b"}}) == [(True, "b")]


def test_connections_that_died_cost_one_answer(app: Flask, ada: "Api", database: Database) -> None:
    with app.app_context():
        held = [db.engine.connect() for _ in range(3)]
        for connection in held:
            connection.close()  # three wait in the pool
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as superuser:
        superuser.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    # Which of the pool's connections comes first is the pool's affair.
    answers = [ada.get("/applications").status_code for _ in range(5)]
    assert answers.count(503) <= 1
    assert set(answers) <= {200, 503}


def test_a_dead_connection_is_an_operational_error(app: Flask, database: Database) -> None:
    with app.app_context():
        assert not setting()
        with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as superuser:
            superuser.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        with pytest.raises(OperationalError):
            setting()
        session.rollback()
        assert not setting()
