"""Show on a connector's page who takes leases of it, and when: never what they got."""

from collections.abc import Iterable

from flask import Flask, url_for

from portal.connections.health import timeline, users
from portal.connections.health.timeline import Event
from portal.connections.health.users import SHOWN, Use, User
from portal.connectors.models import Connector
from portal.database.actor import Actor
from portal.database.session import session
from portal.keys.models import ApiKey
from portal.leases import service
from portal.leases.models import ConnectorLease
from portal.web.drawing.template_functions import ago


def init_app(app: Flask) -> None:
    """Add the leases to the timeline, and tell who takes them."""
    timeline.add_source(
        app, timeline.Source("leases", _leases, timeline.place_of_id(ConnectorLease.id_prefix))
    )
    users.tell_use(app, _use)


def _leases(actor: Actor, record: Connector, place: str | None, limit: int) -> Iterable[Event]:
    if not record.is_open_to(actor):
        return
    query = ConnectorLease.seen_by(actor).where(ConnectorLease.connector_id == record.id)
    if place is not None:
        query = query.where(ConnectorLease.id < place)
    leases = session.scalars(query.order_by(ConnectorLease.id.desc()).limit(limit)).all()
    names = _names(actor, {lease.key_id for lease in leases})
    for lease in leases:
        got = "an access token" if lease.kind == "token" else "credentials"
        yield Event(
            at=lease.created_at,
            place=lease.id,
            title="Lease taken",
            text=f"Got {got} of version {lease.credential_version} of the credentials.",
            who=names.get(lease.key_id, lease.key_id),
            kind=f"{lease.key_id} {lease.kind} {lease.credential_version}",
        )


def _use(actor: Actor, record: Connector) -> Use:
    use = service.use(actor, record, SHOWN)
    names = _names(actor, set(use.last_leases))
    keys = [
        User(
            "key that takes leases",
            names[key_id],
            url_for("keys.show", record_id=key_id),
            f"took its last lease {ago(last_at)}",
        )
        for key_id, last_at in use.last_leases.items()
        if key_id in names
    ]
    return Use(keys, use.applications, use.is_all)


def _names(actor: Actor, ids: set[str]) -> dict[str, str]:
    """Return id → name of those keys that the actor may see."""
    if not ids or not actor.can("keys:read"):
        return {}
    query = ApiKey.seen_by(actor).where(ApiKey.id.in_(ids))
    found = session.execute(query.with_only_columns(ApiKey.id, ApiKey.name))
    return dict(found.all())
