"""Find who feels it when a connector stops: the records that name it, in one statement.

A feature above this one registers its own with `add_source`. One tells with `add_use_source` who
has really used it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, url_for
from sqlalchemy import ColumnElement, Select, literal, select, union_all

from portal.applications.models import Application
from portal.connectors.models import Connector
from portal.database.actor import Actor
from portal.database.together import read_together
from portal.keys.models import ApiKey
from portal.records.health import listed

SHOWN = 20  # records of one kind


@dataclass(frozen=True, slots=True)
class User:
    """A record that names a connector; `why` says how."""

    noun: str
    name: str
    url: str
    why: str


@dataclass(frozen=True, slots=True)
class Use:
    """The keys that used a connector in the last day, and the number of applications.

    There may be more applications if not `is_all`.
    """

    keys: Sequence[User]
    applications: int
    is_all: bool


@dataclass(frozen=True, slots=True)
class Users:
    """All for whom a connector is: the records that name it, and who used it."""

    named: Sequence[User]
    use: Use

    @property
    def all(self) -> list[User]:
        """Return the records that name it, then the keys that used it."""
        return [*self.named, *self.use.keys]


Source = Callable[[Actor, Connector], Select[Any] | None]


@dataclass(frozen=True, slots=True)
class UseSource:
    """The uses of a connector: a query of the last day, and what its rows tell."""

    query: Callable[[Actor, Connector], Select[Any]]
    tell: Callable[[Sequence[Any]], Use]


def init_app(app: Flask) -> None:
    """Register the connector's application and its keys."""
    add_source(app, _application)
    add_source(app, _keys)


def add_source(app: Flask, source: Source) -> None:
    """Let `source` tell which records name a connector and may be seen by the actor.

    It returns a query with the columns of `columns`, which is asked together with the others; None
    if there are none.
    """
    app.extensions.setdefault("portal.connector_users", []).append(source)


def add_use_source(app: Flask, source: UseSource) -> None:
    """Let `source` tell who used a connector in the last day."""
    app.extensions["portal.connector_use"] = source


def columns(noun: str, id: Any, name: Any, why: str | ColumnElement[str]) -> tuple[Any, ...]:
    """Return the columns of a source; `noun` is that of a record with a page."""
    because = literal(why) if isinstance(why, str) else why
    return (
        literal(noun).label("noun"),
        id.label("id"),
        name.label("name"),
        because.label("why"),
    )


def of(actor: Actor, record: Connector) -> Users:
    """Return for whom a connector is, as far as the actor may see it."""
    return users_of(read_together(queries(actor, record)))


def queries(actor: Actor, record: Connector) -> list[Select[Any] | None]:
    """Return the queries whose rows `users_of` needs: of what names the connector, and its use."""
    if not record.is_open_to(actor):
        return [None, None]
    sources: list[Source] = current_app.extensions["portal.connector_users"]
    given = (source(actor, record) for source in sources)
    parts = [select(one.limit(SHOWN).subquery()) for one in given if one is not None]
    named = select(union_all(*parts).subquery()) if parts else None
    return [named, _use_source().query(actor, record)]


def users_of(rows: Sequence[Sequence[Any]]) -> Users:
    """Return for whom a connector is, from the rows of `queries`."""
    named, used = rows
    users = [
        User(noun, name, url_for(f"{noun}s.show", record_id=id), why)
        for noun, id, name, why in named
    ]
    return Users(users, _use_source().tell(used))


def _use_source() -> UseSource:
    source: UseSource = current_app.extensions["portal.connector_use"]
    return source


def words(users: Users) -> str:
    """Return who used it, as “used by 2 applications in the last day”; if nobody did, for whom it
    is, as “made for RFP Desk and named by 2 webhooks”; empty if for nobody."""
    if number := users.use.applications:
        at_least = "" if users.use.is_all else "at least "
        return f"used by {at_least}{_number(number, 'application')} in the last day"
    named = [user.name for user in users.named if user.noun == "webhook"]
    made_for = [f"made for {user.name}" for user in users.named if user.noun == "application"]
    at_least = "at least " if len(named) == SHOWN else ""
    by = [f"named by {at_least}{_number(len(named), 'webhook')}"] if named else []
    said = listed([*made_for, *by])
    return f"{said}; not used in the last day" if made_for else said


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}"


def _application(actor: Actor, record: Connector) -> Select[Any] | None:
    if record.application_id is None:
        return None
    own = Application.seen_by(actor).where(Application.id == record.application_id)
    why = "the connector is made for it"
    return own.with_only_columns(
        *columns("application", Application.id, Application.display_name, why)
    )


def _keys(actor: Actor, record: Connector) -> Select[Any] | None:
    if record.application_id is None or not actor.can("keys:read"):
        return None
    active = ApiKey.seen_by(actor).where(
        ApiKey.application_id == record.application_id,
        ApiKey.status == "active",
        ApiKey.is_deleted.is_(False),
    )
    why = "calls as its application"
    return active.with_only_columns(*columns("key", ApiKey.id, ApiKey.name, why))
