"""Find who feels it when a connector stops: the records that name it, from each feature.

A feature above this one registers its own with `add_source`.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from flask import Flask, current_app, url_for

from portal.applications import service as applications
from portal.connections.health.sentences import listed
from portal.connectors.models import Connector
from portal.database.actor import Actor
from portal.keys import service as keys
from portal.records import listing

SHOWN = 20  # records of one kind


@dataclass(frozen=True, slots=True)
class User:
    """A record that names a connector; `why` says how."""

    noun: str
    name: str
    url: str
    why: str


Source = Callable[[Actor, Connector], Iterable[User]]


def init_app(app: Flask) -> None:
    """Register the connector's application and its keys."""
    add_source(app, _applications)
    add_source(app, _keys)


def add_source(app: Flask, source: Source) -> None:
    """Let `source` tell which records name a connector. It returns at most `SHOWN`."""
    app.extensions.setdefault("portal.connector_users", []).append(source)


def of(actor: Actor, record: Connector) -> list[User]:
    """Return the records that name a connector and that the actor may see."""
    if not record.is_open_to(actor):
        return []
    sources: list[Source] = current_app.extensions["portal.connector_users"]
    return [user for source in sources for user in source(actor, record)]


def words(users: Collection[User]) -> str:
    """Return for whom it is, as “made for RFP Desk and named by 2 webhooks”; empty if nobody."""
    named = [user.name for user in users if user.noun == "webhook"]
    made_for = [f"made for {user.name}" for user in users if user.noun == "application"]
    number = f"at least {SHOWN}" if len(named) == SHOWN else f"{len(named)}"
    by = [f"named by {number} webhook{'s' if len(named) > 1 else ''}"] if named else []
    return listed([*made_for, *by])


def _applications(actor: Actor, record: Connector) -> Iterable[User]:
    found = applications.names(actor, {record.application_id} if record.application_id else set())
    for record_id, name in found.items():
        url = url_for("applications.show", record_id=record_id)
        yield User("application", name, url, "the connector is made for it")


def _keys(actor: Actor, record: Connector) -> Iterable[User]:
    if record.application_id is None or not actor.can("keys:read"):
        return
    filters = {"application_id": record.application_id, "status": "active"}
    page = listing.page(actor, keys.LISTING, listing.Query(filters=filters, limit=SHOWN))
    for key in page.items:
        url = url_for("keys.show", record_id=key.id)
        yield User("key", key.name, url, "calls as its application")
