"""Show on a connector's page who takes leases of it, and when: never what they got."""

from collections.abc import Iterator, Sequence
from typing import Any

from flask import Flask, url_for
from sqlalchemy import Select, null, select

from portal.connections.health import timeline, users
from portal.connections.health.timeline import Event
from portal.connections.health.users import SHOWN, Use, User, UseSource
from portal.connectors.models import Connector
from portal.database.actor import Actor
from portal.keys.models import ApiKey
from portal.leases import service
from portal.leases.models import ConnectorLease
from portal.web.drawing.template_functions import ago


def init_app(app: Flask) -> None:
    """Add the leases to the timeline, and tell who takes them."""
    timeline.add_source(
        app,
        timeline.Source("leases", _leases, _taken, timeline.place_of_id(ConnectorLease.id_prefix)),
    )
    users.add_use_source(app, UseSource(_uses, _use))


def _leases(actor: Actor, record: Connector, place: str | None, limit: int) -> Select[Any] | None:
    if not record.is_open_to(actor):
        return None
    lease = ConnectorLease
    query = lease.seen_by(actor).add_columns(_name(actor, lease.key_id))
    query = query.where(lease.connector_id == record.id)
    if place is not None:
        query = query.where(lease.id < place)
    return query.order_by(lease.id.desc()).limit(limit)


def _taken(_record: Connector, rows: Sequence[Any]) -> Iterator[Event]:
    for lease, name in rows:
        got = "an access token" if lease.kind == "token" else "credentials"
        yield Event(
            at=lease.created_at,
            place=lease.id,
            title="Lease taken",
            text=f"Got {got} of version {lease.credential_version} of the credentials.",
            who=name or lease.key_id,
            kind=f"{lease.key_id} {lease.kind} {lease.credential_version}",
        )


def _uses(actor: Actor, record: Connector) -> Select[Any]:
    found = service.uses(actor, record, SHOWN).subquery()
    return select(found, _name(actor, found.c.key_id)).order_by(found.c.last_at.desc())


def _use(rows: Sequence[Any]) -> Use:
    use = service.use_of([row[:-1] for row in rows])
    keys = [
        User(
            "key that takes leases",
            name,
            url_for("keys.show", record_id=key_id),
            f"took its last lease {ago(last_at)}",
        )
        for key_id, last_at, *_, name in rows
        if name
    ]
    return Use(keys, use.applications, use.is_all)


def _name(actor: Actor, key_id: Any) -> Any:
    """Select the name of a key, if the actor may see it."""
    if not actor.can("keys:read"):
        return null().label("key_name")
    query = ApiKey.seen_by(actor).where(ApiKey.id == key_id)
    return query.with_only_columns(ApiKey.name).scalar_subquery().label("key_name")
