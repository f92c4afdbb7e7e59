"""The kernel of storage: the base of all models, the actor, the tenant's wall, the one commit.

Every query of a service names the actor's tenant (the first wall); PostgreSQL's row-level
security keeps the same rule from below (the second). Services flush, edges commit.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Self, TypeVar

import orjson
from flask import Flask, g
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from psycopg.errors import CheckViolation, ForeignKeyViolation, UniqueViolation
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    DateTime,
    Insert,
    Integer,
    MetaData,
    Select,
    String,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    SessionTransaction,
    declared_attr,
    mapped_column,
)
from sqlalchemy.orm.exc import StaleDataError
from ulid import ULID

from portal.core.deadlines import connection_settings
from portal.core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, StaleVersion
from portal.fast.statements import DIALECT_NAME, Bound, Statement, set_local

SourceType = Literal["frontend", "backend", "server", "system", "api"]
ActorKind = Literal["person", "application", "system"]

NAMING = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}


class Base(DeclarativeBase):
    """The parent of every model; a moment is always stored with its zone."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: DateTime(timezone=True)}


POOL_SIZE = 16  # connections of one process: as many as it has threads
POOL_TIMEOUT = 2  # seconds to wait for a free one, then the caller is told to come back

FOR_SESSION = "tenant and credential for the next session"  # in `g`


class _Session(FlaskSession):
    """Take over the tenant and credential that were entered before the session was made.

    A request that asks PostgreSQL once needs no session, which costs as much as the question.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.info.update(g.pop(FOR_SESSION, {}))


# The savepoint mode lets a test wrap what a request commits in one transaction of its own.
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
    """Connect the application's sessions to PostgreSQL, as the unprivileged role."""
    app.config["SQLALCHEMY_DATABASE_URI"] = make_url(url).set(drivername=DIALECT_NAME)
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "connect_args": connection_settings("portal"),
        "json_deserializer": orjson.loads,  # ten times as quick as json's; a page reads hundreds
        "query_cache_size": 200,  # searches have many forms, and each holds 30 KB
        "pool_size": POOL_SIZE,
        "max_overflow": 0,
        "pool_timeout": POOL_TIMEOUT,
    }
    db.init_app(app)


def new_id(prefix: str, at: datetime | None = None) -> str:
    """A ULID with a type prefix, `app_01K…`: made by the server only, ordered by time.

    `at` is for whoever knows the time better than this machine's clock.
    """
    return f"{prefix}_{ULID.from_datetime(at) if at else ULID()}"


# ---------------------------------------------------------------- who is asking


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for the audit: address, program and request id."""

    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, for which tenant, with which rights: the first argument of every verb.

    `app_id` (a slug) and `application_id` are set only when the credential belongs to an
    Application; they stamp what it writes and narrow what it reads (specification, `app_id`).
    """

    tenant_id: str
    kind: ActorKind
    id: str
    name: str
    scopes: frozenset[str] = frozenset()
    app_id: str | None = None
    application_id: str | None = None
    person_id: str | None = None
    source_type: SourceType = "api"
    origin: Origin = field(default_factory=Origin)

    def can(self, scope: str) -> bool:
        """Whether the actor holds `scope`, such as `connectors:write`."""
        return scope in self.scopes

    def require(self, scope: str) -> None:
        """Pass, or raise Forbidden that names the missing permission."""
        if not self.can(scope):
            raise Forbidden(
                f"This needs the permission {scope}. An admin of your tenant can grant it.",
                scope=scope,
            )


# ---------------------------------------------------------------- the common envelope


class Record(Base):
    """What every resource of the specification carries; the server stamps all of it."""

    __abstract__ = True
    id_prefix: ClassVar[str]
    noun: ClassVar[str]
    quota: ClassVar[str]  # the limit that its records count towards
    # What is written beside every new one; its values are those of the record's columns.
    beside: ClassVar[tuple[Insert, ...]] = ()

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    app_id: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    created_by: Mapped[str | None] = mapped_column(String(80))
    updated_by: Mapped[str | None] = mapped_column(String(80))
    source: Mapped[str] = mapped_column(String(40), server_default="edm")
    source_type: Mapped[str] = mapped_column(String(20), server_default="api")
    is_deleted: Mapped[bool] = mapped_column(Boolean, server_default="false")
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[str | None] = mapped_column(String(80))
    schema_version: Mapped[int] = mapped_column(Integer, server_default="1")
    version: Mapped[int] = mapped_column(Integer)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy calls it on the class
        """Count versions, and fetch what the server stamped with the same statement."""
        return {"version_id_col": cls.__table__.c.version, "eager_defaults": True}

    @property
    def label(self) -> str:
        """What people call the record: in the audit, in dialogs, in lists."""
        return self.id

    def search_texts(self) -> tuple[str | None, ...]:
        """The texts whose words find the record."""
        return (self.id,)

    @hybrid_property
    def is_counted(self) -> bool:
        """Tell whether the record counts towards the tenant's quota."""
        return not self.is_deleted

    @is_counted.inplace.expression
    @classmethod
    def _is_counted(cls) -> ColumnElement[bool]:
        return cls.is_deleted.is_(False)

    @classmethod
    def seen_by(cls, actor: Actor) -> Select[Self]:
        """The rows of the actor's tenant, narrowed to its application where it has one."""
        query = select(cls).where(cls.tenant_id == actor.tenant_id)
        if actor.app_id is not None:
            query = query.where(cls.app_scope(actor.app_id, actor.application_id))
        return query

    @classmethod
    def app_scope(cls, app_id: Any, application_id: Any) -> Any:
        """What an application's credential may see: what it stamped (specification, `app_id`)."""
        return cls.app_id == app_id


R = TypeVar("R", bound=Record)


def find(
    model: type[R],
    actor: Actor,
    record_id: str,
    *,
    lock: bool = False,
    include_deleted: bool = False,
) -> R:
    """The actor's own record, or NotFound: a stranger's id looks like no id.

    `lock` holds the row until the transaction ends, so that a version check means something.
    """
    query = model.seen_by(actor).where(model.id == record_id)
    if not include_deleted:
        query = query.where(model.is_deleted.is_(False))
    if lock:
        query = query.with_for_update(of=model).execution_options(populate_existing=True)
    record = session.scalar(query)
    if record is None:
        raise missing(model, record_id)
    return record


def missing(model: type[Record], record_id: str) -> NotFound:
    """The one answer for what is not there, is deleted, or is somebody else's."""
    return NotFound(f"There is no {model.noun} {record_id[:60]} in this tenant.")


# ---------------------------------------------------------------- tenancy


def enter_tenant(tenant_id: str) -> None:
    """Let this session's transactions, the running one and later ones, see one tenant."""
    _enter(tenant_id=tenant_id)


def entered(tenant_id: str) -> None:
    """Note that a statement of the running transaction has set the tenant already: later ones
    of this session enter it too."""
    _remembered().update(tenant_id=tenant_id)


def present_credential(digest: str) -> None:
    """Let the session find the rows whose stored digest (hex SHA-256) this is, before the tenant
    is known: the web sessions that a provider logs out, in every tenant."""
    _enter(credential=digest)


def _enter(**scope: str) -> None:
    _remembered().update(scope)
    if _has_session() and session().in_transaction():
        set_local(session().connection(), _scope(session().info))


def _has_session() -> bool:
    return bool(session.registry.has())


def _remembered() -> dict[Any, Any]:
    """Return the tenant and credential entered: the session's, or those kept for the next one."""
    if _has_session():
        return session().info
    kept: dict[Any, Any] = g.setdefault(FOR_SESSION, {})
    return kept


def _scope(info: Mapping[Any, Any]) -> dict[str, str]:
    """Return what row-level security reads."""
    return {f"app.{name}": info.get(name, "") for name in ("tenant_id", "credential")}


SENT_WITH = "first statement enters the tenant"  # in a session's `info`


@event.listens_for(Session, "after_begin")
def _scope_transaction(
    current: Session, transaction: SessionTransaction, connection: Connection
) -> None:
    # Local to the transaction, so a pooled connection can never carry it to somebody else;
    # not per savepoint, because rolling one back would drop the setting.
    if transaction.nested or current.info.get(SENT_WITH):
        return
    if current.info.get("tenant_id") or current.info.get("credential"):
        set_local(connection, _scope(current.info))


# ---------------------------------------------------------------- verdicts of the database


# constraint name → (field on the wire, sentence). Features add theirs beside their models.
CONSTRAINTS: dict[str, tuple[str, str]] = {}


def flush() -> None:
    """Ask the database for its verdict now, and say it in our words.

    Raises Conflict for a taken name, Invalid for a reference or a value that cannot be,
    StaleVersion when somebody else saved first.
    """
    try:
        session.flush()
    except StaleDataError as error:
        raise StaleVersion("Somebody else saved this record first. Load it again.") from error
    except IntegrityError as error:
        raise _in_our_words(error) from error


def _in_our_words(error: IntegrityError) -> Exception:
    cause = error.orig
    if not isinstance(cause, (UniqueViolation, ForeignKeyViolation, CheckViolation)):
        return error
    known = CONSTRAINTS.get(cause.diag.constraint_name or "")
    if known is None:
        return error
    problem = FieldError(*known)
    if isinstance(cause, UniqueViolation):
        return Conflict(problem.message, errors=[problem])
    return Invalid([problem])


def send(statement: Statement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What a statement that is written already answers, in this session's transaction: its rows,
    or none. What the session has not flushed yet is not seen.

    Raises Conflict for a taken name, Invalid for a reference or a value that cannot be.
    """
    current = session()
    try:
        if current.in_transaction():
            return statement.send(current.connection(), values)
        current.info[SENT_WITH] = True
        connection = current.connection()
        return statement.send(connection, values, _scope(current.info))
    except IntegrityError as error:
        raise _in_our_words(error) from error
    finally:
        current.info.pop(SENT_WITH, None)


def send_each(asked: Iterable[Bound]) -> list[list[tuple[Any, ...]]]:
    """Send statements in this session's transaction, one after the other; the rows of each."""
    return [send(*one) for one in asked]


def send_alone(statement: Statement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The same in a transaction of its own, unless one is open: for requests that ask once."""
    if _has_session() and session().in_transaction():
        return statement.send(session().connection(), values)
    return statement.alone(db.engine, _scope(_remembered()), values)


def database_now() -> datetime:
    """The transaction's moment by the database's clock, UTC: the only clock of the domain."""
    return session.execute(select(func.now())).scalar_one()


# ---------------------------------------------------------------- the edge


def commit_or_roll_back(status: int) -> None:
    """End a request's transaction: keep what succeeded (below 400), undo what did not."""
    if not _has_session() or not session().in_transaction():
        return
    current = session()
    if status < 400:
        current.commit()
    else:
        roll_back()


def roll_back() -> None:
    """Undo the running transaction, also on a connection that has broken meanwhile."""
    current = session()
    try:
        current.rollback()
    except DBAPIError:
        current.invalidate()  # what a broken connection did not commit is undone


def let_go() -> None:
    """Keep what was done so far and give the connection back, before bytes go on the wire.

    For the edge: a receiver that takes its time must hold neither locks nor a connection. What
    follows is a transaction of its own.
    """
    session.commit()


@contextmanager
def transaction(tenant_id: str | None = None) -> Iterator[None]:
    """One unit of work outside a request (worker, command line): all of it or nothing."""
    if tenant_id is not None:
        enter_tenant(tenant_id)
    try:
        yield
        session.commit()
    except BaseException:
        session.rollback()
        raise
