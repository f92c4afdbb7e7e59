"""Test statements that go directly to the driver: same tenants and errors as the session's."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from threading import Thread
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import (
    Engine,
    Text,
    bindparam,
    cast,
    column,
    create_engine,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from portal.applications.models import Application
from portal.core.config import libpq_url
from portal.database.session import (
    db,
    enter_tenant,
    has_let_go,
    let_go,
    send,
    send_together,
    session,
)
from portal.delivery.queue import queue
from portal.fast import pipeline
from portal.fast.statements import Bound, Statement
from tests.databases import Database
from tests.delivery.test_engine import until

if TYPE_CHECKING:
    from tests.cast import Api

SETTING = Statement(select(func.current_setting("app.tenant_id", True)))
TENANT = {"app.tenant_id": "tnt_A"}
BACKEND = Statement(select(func.pg_backend_pid()))


@pytest.fixture
def of_one(database: Database) -> Iterator[Engine]:
    """Yield an engine that makes a second connection only if it has lost the first."""
    engine = create_engine(database.app_url, pool_size=1, max_overflow=0)
    yield engine
    engine.dispose()


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
        assert not setting()  # the same connection, for another request


def test_a_tenant_that_is_asked_for_alone_ends_with_its_answer(app: Flask) -> None:
    with app.app_context():
        assert SETTING.alone(db.engine, TENANT, {}) == [("tnt_A",)]
        with db.engine.connect() as connection:  # the same connection, for another request
            assert not SETTING.send(connection, {})[0][0]


PLAN = select(func.current_setting("plan_cache_mode"), func.current_setting("enable_seqscan"))
ONCE, AS_USUAL = [("force_generic_plan", "off")], [("auto", "on")]


@pytest.mark.parametrize("is_open", [False, True], ids=["alone", "in a transaction"])
def test_each_statement_of_a_message_is_planned_in_its_own_way(app: Flask, is_open: bool) -> None:
    each, once = (Bound(Statement(PLAN, is_planned_once=once), {}) for once in (False, True))
    with app.app_context():
        enter_tenant("tnt_A")
        if is_open:
            assert setting() == "tnt_A"
        plans = send_together([each, once, each, once])
        assert plans == [AS_USUAL, ONCE, AS_USUAL, ONCE]
        assert send(each.statement, {}) == AS_USUAL
        assert send_together([each], {"plan_cache_mode": "force_custom_plan"}) == [
            [("force_custom_plan", "on")]
        ]


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


def test_a_statement_that_fails_alone_changes_nothing_and_costs_no_connection(
    ada: "Api", of_one: Engine
) -> None:
    made = ada.create("applications")
    changed = update(Application).values(display_name=str(1)).returning(1 / bindparam("by", 0))
    tenant = {"app.tenant_id": made["tenant_id"], "app.credential": ""}
    backend = BACKEND.alone(of_one, tenant, {})
    for _ in range(3):
        with pytest.raises(DBAPIError, match="division by zero"):
            Statement(changed).alone(of_one, tenant, {})
    assert BACKEND.alone(of_one, tenant, {}) == backend
    assert ada.get(f"/applications/{made['id']}").json == made


def test_statements_are_prepared_again_after_a_roll_back(app: Flask) -> None:
    with app.app_context():
        for _ in range(10):  # psycopg forgets all its prepared statements when it has any
            session.execute(text("SELECT 7"))
        for _ in range(3):
            setting()
            session.rollback()
            assert SETTING.alone(db.engine, TENANT, {}) == [("tnt_A",)]


def test_many_statements_of_one_connection_are_not_all_kept(app: Flask) -> None:
    many = [Statement(select(literal(number), column("n")).select_from(
        text(f"(SELECT {number}) AS s (n)"))) for number in range(130)]  # fmt: skip
    with app.app_context(), db.engine.connect() as connection:
        for _ in range(2):
            for number, one in enumerate(many):
                assert one.send(connection, {}, TENANT) == [(number, number)]
        [(kept,)] = connection.execute(text("SELECT count(*) FROM pg_prepared_statements"))
    assert 90 <= kept <= 110


def test_a_statement_whose_columns_a_migration_changed_fails_once(
    database: Database, of_one: Engine
) -> None:
    asked = Statement(select(column("a")).select_from(text("changing")))
    database.sql("CREATE TABLE changing AS SELECT 1 AS a")
    try:
        database.sql("GRANT SELECT ON changing TO PUBLIC")
        assert asked.alone(of_one, TENANT, {}) == [(1,)]
        database.sql("ALTER TABLE changing ALTER COLUMN a TYPE text")
        with pytest.raises(DBAPIError, match="must not change result type"):
            asked.alone(of_one, TENANT, {})
        assert asked.alone(of_one, TENANT, {}) == [("1",)]
    finally:
        database.sql("DROP TABLE changing")


def test_a_connection_that_was_left_amid_a_message_is_not_used_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(driver: psycopg.Connection, *_: Any) -> Any:
        driver.pgconn.enter_pipeline_mode()
        raise KeyboardInterrupt

    with app.app_context():
        with monkeypatch.context() as patched:
            patched.setattr(pipeline, "run", interrupted)
            with pytest.raises(KeyboardInterrupt):
                SETTING.alone(db.engine, TENANT, {})
        for _ in range(20):
            assert SETTING.alone(db.engine, TENANT, {}) == [("tnt_A",)]


def test_a_signal_is_handled_while_a_statement_waits(app: Flask, database: Database) -> None:
    class Ended(BaseException):
        """The exception that the handler raises."""

    doing, seen = "SELECT state FROM pg_stat_activity WHERE pid = %s", []
    ours = Statement(select(func.pg_backend_pid()))

    def interrupt() -> None:
        until(lambda: database.sql(doing, pid) == "active")
        os.kill(os.getpid(), signal.SIGUSR1)

    def end(*_: Any) -> None:
        seen.append(database.sql(doing, pid))
        raise Ended

    waits = Statement(select(func.pg_sleep(bindparam("seconds"))))
    before = signal.signal(signal.SIGUSR1, end)
    try:
        with app.app_context():
            send(waits, {"seconds": 0})
            [(pid,)] = send(ours, {})  # in the open transaction
            Thread(target=interrupt).start()
            with pytest.raises(Ended):
                send(waits, {"seconds": 4})
            assert seen == ["active"]
            session.rollback()
            assert send(waits, {"seconds": 0})
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_more_than_a_socket_takes_at_once_arrives(app: Flask) -> None:
    given = bindparam("given", type_=Text)
    asked = Statement(select(func.length(given), func.repeat(given, 3)))
    with app.app_context():
        [(length, long)] = asked.alone(db.engine, TENANT, {"given": "ü%" * 10**6})
    assert length == 2 * 10**6
    assert long == "ü%" * 3 * 10**6


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
    # The pool decides which of its connections comes first.
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


def test_a_statement_that_is_new_to_a_connection_is_prepared_once_a_message(
    database: Database,
) -> None:
    async def names() -> list[str]:
        async with await queue.connect(libpq_url(database.app_url)) as connection:
            enter = [queue.ask(queue.ENTER, {"tenant": f"tnt_{n}"}) for n in range(3)]
            assert len(await connection.send(*enter)) == 3
            assert len(await connection.send(*enter)) == 3
            [prepared] = await connection.send(queue.ask("SELECT * FROM pg_prepared_statements"))
            return [one["name"] for one in prepared if "set_config" in one["statement"]]

    assert len(asyncio.run(names())) == 1


@pytest.mark.parametrize("last", ["SELECT 1 / 0", "SELECT no_such_column"])
def test_a_message_that_fails_leaves_a_connection_that_works(database: Database, last: str) -> None:
    async def answers() -> list[Any]:
        async with await queue.connect(libpq_url(database.app_url)) as connection:
            found: list[Any] = []
            for _ in range(3):
                with pytest.raises(psycopg.Error):
                    async with pipeline.rolled_back(connection):
                        await connection.send(pipeline.BEGIN, queue.ask(last), pipeline.COMMIT)
                found += await connection.send(
                    pipeline.BEGIN, queue.ask("SELECT 7 AS n"), pipeline.COMMIT
                )
            return found

    assert asyncio.run(answers()) == [[], [{"n": 7}], []] * 3


def test_a_caller_that_goes_away_leaves_the_connection_closed(database: Database) -> None:
    async def is_closed() -> bool:
        connection = await queue.connect(libpq_url(database.app_url))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await connection.send(queue.ask("SELECT pg_sleep(60)"))
        return connection.closed

    assert asyncio.run(is_closed())


@pytest.fixture
def add_orphan(database: Database) -> Iterator[Statement]:
    """Yield a statement that succeeds, but whose transaction PostgreSQL refuses to commit."""
    database.sql(
        "CREATE TABLE parent (id int PRIMARY KEY);"
        "CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);"
        "GRANT ALL ON parent, child TO PUBLIC"
    )
    yield Statement(text("INSERT INTO child VALUES (7) RETURNING id"))
    database.sql("DROP TABLE child, parent")


def test_what_is_refused_at_the_end_of_a_message_fails_as_sqlalchemys_do(
    database: Database, of_one: Engine, add_orphan: Statement
) -> None:
    backend = BACKEND.alone(of_one, TENANT, {})
    for _ in range(3):
        with pytest.raises(IntegrityError):
            add_orphan.alone(of_one, TENANT, {})
    assert SETTING.alone(of_one, TENANT, {}) == [("tnt_A",)]
    assert BACKEND.alone(of_one, TENANT, {}) == backend
    assert database.sql("SELECT count(*) FROM child") == 0


def test_what_is_refused_at_commit_fails_and_costs_no_connection(
    app: Flask, database: Database, add_orphan: Statement
) -> None:
    with app.app_context():
        for _ in range(3):
            assert send(add_orphan, {}) == [(7,)]
            with pytest.raises(IntegrityError):
                session.commit()
            session.rollback()
            assert not setting()
    assert database.sql("SELECT count(*) FROM child") == 0


@pytest.mark.parametrize("in_a_thread", [True, False], ids=["thread", "main thread"])
def test_a_transaction_whose_error_was_passed_over_is_not_taken_for_committed(
    app: Flask, in_a_thread: bool
) -> None:
    failed = text("SELECT 1 / 0")
    said: list[str] = []

    def work() -> None:
        with app.app_context():
            with contextlib.suppress(DBAPIError):
                session.execute(failed)
            with pytest.raises(DBAPIError, match="nothing was committed"):
                session.commit()
            session.rollback()
            said.append(setting())

    if in_a_thread:
        thread = Thread(target=work)
        thread.start()
        thread.join()
    else:
        work()
    assert said == [""]


def test_what_was_saved_stays_known_when_a_later_part_is_refused(
    app: Flask, add_orphan: Statement
) -> None:
    with app.app_context():
        for was_saved in (False, True):
            assert has_let_go() is was_saved
            send(add_orphan, {})
            with pytest.raises(IntegrityError):
                let_go()
            session.rollback()
            assert has_let_go() is was_saved
            setting()
            let_go()


def test_a_connection_that_dies_before_the_commit_is_an_operational_error(
    app: Flask, database: Database
) -> None:
    with app.app_context():
        pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        database.sql("SELECT pg_terminate_backend(%s, 5000)", pid)
        with pytest.raises(OperationalError) as refused:
            session.commit()
        assert refused.value.connection_invalidated
        session.rollback()
        assert not setting()


@pytest.mark.parametrize("many", [1, 2])
def test_a_connection_that_dies_is_an_operational_error_of_the_driver(
    database: Database, many: int
) -> None:
    asks = [pipeline.Ask(b"SELECT $1::int", (1,))] * many
    info: dict[Any, Any] = {}
    with psycopg.connect(libpq_url(database.app_url), autocommit=True) as driver:
        assert pipeline.run(driver, info, asks) == [[(1,)]]
        database.sql("SELECT pg_terminate_backend(%s, 5000)", driver.info.backend_pid)
        for _ in range(2):
            with pytest.raises(psycopg.OperationalError):
                pipeline.run(driver, info, asks)


READY = b"Z\0\0\0\5I"
PREPARED = b"1\0\0\0\4" + READY


def speak_nonsense(listening: socket.socket) -> None:
    """Act as a server that prepares a statement, and then sends nonsense."""
    connection, _ = listening.accept()
    with connection:
        for answer in (b"R\0\0\0\x08\0\0\0\0" + READY, PREPARED, b"\xff" * 64):
            connection.recv(65536)
            connection.sendall(answer)
        connection.recv(65536)


def test_a_server_that_speaks_nonsense_keeps_no_thread() -> None:
    refused: list[BaseException] = []
    asks = [pipeline.Ask(b"SELECT 1", ())] * 2

    def ask() -> None:
        with psycopg.connect(url, autocommit=True) as driver:
            try:
                pipeline.run(driver, {}, asks)
            except BaseException as error:  # noqa: BLE001 - the test looks at it
                refused.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        url = f"postgresql://u@127.0.0.1:{port}/d?sslmode=disable&gssencmode=disable"
        Thread(target=speak_nonsense, args=(listening,), daemon=True).start()
        asking = Thread(target=ask, daemon=True)
        asking.start()
        asking.join(30)
    assert [type(error) for error in refused] == [psycopg.OperationalError]
