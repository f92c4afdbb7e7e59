"""Manage the session: its tenant, direct statements, errors of constraints, and the one commit.

Every query of a service names the actor's tenant. As a second barrier, PostgreSQL's row-level
security enforces the same rule. Services flush; only the edge of the application commits.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeGuard, cast

import orjson
import psycopg
from flask import Flask, g
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from psycopg.errors import ExclusionViolation, UniqueViolation
from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Result,
    Select,
    any_,
    delete,
    event,
    func,
    literal_column,
    make_url,
    select,
)
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, OperationalError
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.pool import Pool

from portal.core.deadlines import connection_settings
from portal.core.errors import Conflict, FieldError, Invalid, StaleVersion
from portal.database import dry_run
from portal.database.base import Base
from portal.fast import statements
from portal.fast.answer_limits import ANSWER_SECONDS, GRACE_SECONDS, has_ended
from portal.fast.statements import (
    DIALECT_NAME,
    NO_SETTINGS,
    PLANNED_ANEW,
    Bound,
    Statement,
    set_local,
)

POOL_SIZE = 16  # connections of one process, more than threads of it work at once
POOL_TIMEOUT = 2  # seconds to wait for a free connection; then the caller is asked to retry

FOR_SESSION = "tenant and credential for the next session"  # in `g`


class _Session(FlaskSession):
    """Apply the tenant and credential that were entered before the session was created.

    A request with a single query needs no session: creating one costs as much as the query.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.info.update(g.pop(FOR_SESSION, {}))


# With savepoints, a test can wrap what a request commits in one transaction of its own.
db = SQLAlchemy(
    metadata=Base.metadata,
    session_options={
        "class_": _Session,
        "join_transaction_mode": "create_savepoint",
        "expire_on_commit": False,
    },
)


session = db.session


def init_database(app: Flask, url: str) -> None:
    """Connect the application's sessions to PostgreSQL with the unprivileged role."""
    app.config["SQLALCHEMY_DATABASE_URI"] = make_url(url).set(drivername=DIALECT_NAME)
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "connect_args": {**connection_settings("portal"), "answer_seconds": ANSWER_SECONDS},
        "hide_parameters": True,  # an error is logged, and its values may be anything
        "json_deserializer": orjson.loads,  # ten times as fast as json's; a page reads hundreds
        "query_cache_size": 200,  # searches have many forms, and each takes 30 KB
        "pool_size": POOL_SIZE,
        "max_overflow": 0,
        "pool_timeout": POOL_TIMEOUT,
    }
    db.init_app(app)


def limit_answers(connection: Connection, seconds: float) -> None:
    """Limit each wait for an answer on a connection, until it returns to the pool."""
    driver: Any = connection.connection.driver_connection
    driver.answer_seconds = seconds


@event.listens_for(Pool, "checkin")
def _limit_answers_as_usual(driver: Any, record: Any) -> None:
    if getattr(driver, "answer_seconds", None) is not None:
        driver.answer_seconds = ANSWER_SECONDS


@event.listens_for(Pool, "checkout")
def _refuse_ended(driver: Any, record: Any, proxy: Any) -> None:
    # After a failover the server has closed all of them. The pool then opens new ones.
    if isinstance(driver, psycopg.Connection) and has_ended(driver):
        raise DisconnectionError


def be_patient(seconds: int) -> None:
    """Let each statement of the current transaction take so long. This is for jobs, for which no
    client waits, and for rare requests of which a tenant has one at a time."""
    connection = session().connection()
    set_local(connection, {"statement_timeout": f"{seconds}s"})
    limit_answers(connection, seconds + GRACE_SECONDS)


def wait_for_locks(seconds: float) -> None:
    """Let each statement of the current transaction wait so long for a lock."""
    set_local(session().connection(), {"lock_timeout": f"{seconds:.3f}s"})


# ---------------------------------------------------------------- tenancy


def enter_tenant(tenant_id: str) -> None:
    """Limit this session's transactions, the current one and later ones, to one tenant."""
    _enter(tenant_id=tenant_id)


def entered(tenant_id: str) -> None:
    """Record that a statement has already set the tenant of the current transaction.

    Later transactions of this session enter the tenant too.
    """
    _remembered().update(tenant_id=tenant_id)


def present_credential(digest: str) -> None:
    """Allow rows to be found by their stored digest (hex SHA-256), before the tenant is known.

    These are the web sessions that an identity provider logs out, in every tenant.
    """
    _enter(credential=digest)


def _enter(**scope: str) -> None:
    _remembered().update(scope)
    if _has_session() and session().in_transaction():
        set_local(session().connection(), _scope(session().info))


def _has_session() -> bool:
    return bool(session.registry.has())


def _remembered() -> dict[Any, Any]:
    """Return the entered tenant and credential: of the session, or for the next session."""
    if _has_session():
        return session().info
    kept: dict[Any, Any] = g.setdefault(FOR_SESSION, {})
    return kept


def _scope(info: Mapping[Any, Any]) -> dict[str, str]:
    """Return the settings that row-level security reads."""
    return {f"app.{name}": info.get(name, "") for name in ("tenant_id", "credential")}


SENT_WITH = "first statement enters the tenant"  # in a session's `info`


@event.listens_for(Session, "after_begin")
def _scope_transaction(
    current: Session, transaction: SessionTransaction, connection: Connection
) -> None:
    # Local to the transaction, so that a pooled connection never carries it to another request; not
    # set for a savepoint, because rolling one back would drop the setting.
    if transaction.nested or current.info.get(SENT_WITH):
        return
    if current.info.get("tenant_id") or current.info.get("credential"):
        set_local(connection, _scope(current.info))


# ---------------------------------------------------------------- verdicts of the database


# constraint name → (field on the wire, sentence). Features add theirs next to their models.
CONSTRAINTS: dict[str, tuple[str, str]] = {}


def flush() -> None:
    """Flush the session, and convert errors of constraints to errors of the domain.

    Raise Conflict for a taken name, Invalid for an impossible reference or value, StaleVersion when
    somebody else saved first.
    """
    try:
        session.flush()
    except StaleDataError as error:
        raise StaleVersion("Somebody else saved this record first. Load it again.") from error
    except IntegrityError as error:
        raise in_our_words(error) from error


def in_our_words(error: IntegrityError) -> Exception:
    """Return the error of the domain for a constraint that is known, otherwise the error itself."""
    cause = error.orig
    if not isinstance(cause, psycopg.Error):
        return error
    known = CONSTRAINTS.get(cause.diag.constraint_name or "")
    if known is None:
        return error
    problem = FieldError(*known)
    if isinstance(cause, UniqueViolation | ExclusionViolation):
        return Conflict(problem.message, errors=[problem])
    return Invalid([problem])


LOST = ("08", "57P0")  # SQLSTATE prefixes of a lost connection; most such errors have none


def is_lost(error: Exception) -> TypeGuard[DBAPIError]:
    """Tell whether the connection was lost, so that the database may be unavailable.

    Any other error is a failure of the step that raised it.
    """
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    by_code = isinstance(error, OperationalError) and (state is None or state.startswith(LOST))
    return by_code or error.connection_invalidated


def send(statement: Statement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a compiled statement in this session's transaction and return its rows, or none.

    It does not see what the session has not flushed yet. Raise Conflict for a taken name, Invalid
    for an impossible reference or value.
    """
    current = session()
    try:
        if current.in_transaction():
            return statement.send(current.connection(), values)
        current.info[SENT_WITH] = True
        connection = current.connection()
        return statement.send(connection, values, _scope(current.info))
    except IntegrityError as error:
        raise in_our_words(error) from error
    finally:
        current.info.pop(SENT_WITH, None)


def send_each(statements: Iterable[Bound]) -> list[list[tuple[Any, ...]]]:
    """Run statements one after the other in this session's transaction; return the rows of each."""
    return [send(*one) for one in statements]


def send_alone(
    statement: Statement, values: Mapping[str, Any], settings: Mapping[str, str] = NO_SETTINGS
) -> list[tuple[Any, ...]]:
    """Run a statement in its own transaction, unless one is open, and return its rows.

    It takes one message, and nothing has to be committed afterwards. `settings` are PostgreSQL's,
    for the transaction.
    """
    return send_together([Bound(statement, values)], settings)[0]


def send_together(
    bound: Sequence[Bound], settings: Mapping[str, str] = NO_SETTINGS
) -> list[list[tuple[Any, ...]]]:
    """Run statements like `send_alone`, in one message, and return the rows of each."""
    if _has_session() and session().in_transaction():
        return statements.send_together(session().connection(), bound, settings)
    return statements.together_alone(db.engine, {**_scope(_remembered()), **settings}, bound)


def execute_anew(statement: Select[Any]) -> Result[*tuple[Any, ...]]:
    """Run a query in this session's transaction, with a plan for its values.

    The tenth time, PostgreSQL may otherwise choose one plan for all values, which does not know how
    many rows the values of this query have. The rest of the transaction is planned so, too.
    """
    set_local(session().connection(), PLANNED_ANEW)
    found: Result[*tuple[Any, ...]] = session.execute(statement)
    return found


FORGOTTEN_AT_ONCE = 10_000


def delete_some(model: Any, *where: ColumnElement[bool]) -> int:
    """Delete some of the rows that match, and return how many; 0 if there are no more.

    All of them at once may be millions, and one statement has no time for so many. The table may
    not have partitions, because a row is found by its place in the file.
    """
    place: ColumnElement[Any] = literal_column("ctid")
    some = select(place).select_from(model).where(*where).limit(FORGOTTEN_AT_ONCE).correlate(None)
    # The conditions again: another version of the row may be at its place by now.
    gone = delete(model).where(place == any_(func.array(some.scalar_subquery())), *where)
    found = session.execute(gone.execution_options(synchronize_session=False))
    return cast(CursorResult[Any], found).rowcount


def database_now() -> datetime:
    """Return the transaction's time (UTC) by the database's clock, the only clock of the domain."""
    return session.execute(select(func.now())).scalar_one()


# ---------------------------------------------------------------- the edge

LET_GO = "has let go"


def commit_or_roll_back(status: int) -> None:
    """End a request's transaction: commit if the status is below 400, otherwise roll back."""
    if not _has_session() or not session().in_transaction():
        return
    current = session()
    if status < 400:
        current.commit()
    else:
        roll_back()


def roll_back() -> None:
    """Roll back the current transaction, even if its connection has broken."""
    current = session()
    try:
        current.rollback()
    except DBAPIError:
        current.invalidate()  # a broken connection rolls back what it did not commit


def let_go() -> None:
    """Commit, and return the connection to the pool, before data is sent over the network.

    This is for the edge: a slow receiver must hold neither locks nor a connection. What follows
    runs in a new transaction. A dry run goes on in the same one. From then on `has_let_go` is true,
    also if the connection broke during the commit.
    """
    if dry_run.is_on():
        flush()
        return
    try:
        session.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            session.info[LET_GO] = True
        raise
    session.info[LET_GO] = True


def has_let_go() -> bool:
    """Tell whether a part of what the request does may be saved already."""
    return _has_session() and bool(session.info.get(LET_GO))


@contextmanager
def transaction(tenant_id: str | None = None) -> Iterator[None]:
    """Run a unit of work outside a request (worker, command line): all of it or nothing."""
    dry_run.forbid()
    if tenant_id is not None:
        enter_tenant(tenant_id)
    try:
        yield
        session.commit()
    except BaseException:
        session.rollback()
        raise
