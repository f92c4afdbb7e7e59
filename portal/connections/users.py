"""Find who feels it when a connector stops: the records that name it, from each feature.

A feature above this one registers its own with `add_source`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import Flask, current_app, url_for

from portal.applications import service as applications
from portal.connections.sentences import listed
from portal.connectors.models import Connector
from portal.database.actor import Actor
from portal.keys import service as keys
from portal.records import listing

SHOWN = 20  # records of one kind
NOUNS = ("application", "key", "webhook")


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


def counted(users: Iterable[User]) -> str:
    """Return how many they are, as “1 application, 3 keys and 2 webhooks”; empty if none."""
    found = [user.noun for user in users]
    counts = [(found.count(noun), noun) for noun in NOUNS if noun in found]
    return listed([_many(number, noun) for number, noun in counts])


def _many(number: int, noun: str) -> str:
    at_least = "at least " if number == SHOWN else ""
    return f"{at_least}{number} {noun}{'s' if number > 1 else ''}"


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
