"""Find who feels it when a connector stops: the records that name it, in one statement.

A feature above this one registers its own with `add_source`.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, url_for
from sqlalchemy import ColumnElement, Select, literal, select, union_all

from portal.applications.models import Application
from portal.connections.health.sentences import listed
from portal.connectors.models import Connector
from portal.database.actor import Actor
from portal.database.session import session
from portal.keys.models import ApiKey

SHOWN = 20  # records of one kind
PAGES = {"application": "applications.show", "key": "keys.show", "webhook": "webhooks.show"}


@dataclass(frozen=True, slots=True)
class User:
    """A record that names a connector; `why` says how."""

    noun: str
    name: str
    url: str
    why: str


Source = Callable[[Actor, Connector], Select[Any] | Iterable[User] | None]


def init_app(app: Flask) -> None:
    """Register the connector's application and its keys."""
    add_source(app, _application)
    add_source(app, _keys)


def add_source(app: Flask, source: Source) -> None:
    """Let `source` tell which records name a connector and may be seen by the actor.

    It returns a query with the columns of `columns`, which is asked together with the others, or
    the records themselves, at most `SHOWN`; None if there are none.
    """
    app.extensions.setdefault("portal.connector_users", []).append(source)


def columns(noun: str, id: Any, name: Any, why: str | ColumnElement[str]) -> tuple[Any, ...]:
    """Return the columns of a source; `noun` is one of `PAGES`."""
    because = literal(why) if isinstance(why, str) else why
    return (
        literal(noun).label("noun"),
        id.label("id"),
        name.label("name"),
        because.label("why"),
    )


def of(actor: Actor, record: Connector) -> list[User]:
    """Return the records that name a connector and that the actor may see."""
    if not record.is_open_to(actor):
        return []
    sources: list[Source] = current_app.extensions["portal.connector_users"]
    told = [source(actor, record) for source in sources]
    parts = [select(one.limit(SHOWN).subquery()) for one in told if isinstance(one, Select)]
    rows = session.execute(union_all(*parts)) if parts else ()
    found = [
        User(row.noun, row.name, url_for(PAGES[row.noun], record_id=row.id), row.why)
        for row in rows
    ]
    for one in told:
        if one is not None and not isinstance(one, Select):
            found += one
    return found


def words(users: Collection[User]) -> str:
    """Return for whom it is, as “made for RFP Desk and named by 2 webhooks”; empty if nobody."""
    named = [user.name for user in users if user.noun == "webhook"]
    made_for = [f"made for {user.name}" for user in users if user.noun == "application"]
    number = f"at least {SHOWN}" if len(named) == SHOWN else f"{len(named)}"
    by = [f"named by {number} webhook{'s' if len(named) > 1 else ''}"] if named else []
    return listed([*made_for, *by])


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
