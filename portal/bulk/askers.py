"""Keep who confirmed a job, and act for them later with the rights that they have then.

Nobody gets more rights by a job: what the asker could do when they confirmed it is the most, and
what was taken from them since is gone for the rows that are left.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from portal.applications.models import Application
from portal.core.errors import Forbidden
from portal.database.actor import Actor, Origin
from portal.database.session import session
from portal.identity.models import Person
from portal.identity.openid.claims import ROLE_SCOPES
from portal.keys.models import ApiKey

ENDED = "The sessions of who asked for it were ended, so nothing more is done for them."
GONE = "Who asked for it is no longer known here."
KEY_ENDED = "The API key that asked for it does not work any more."
STOPPED = "The application that asked for it is stopped."

Kept = Mapping[str, Any]


def kept(actor: Actor) -> dict[str, Any]:
    """Return what `again` needs to act for this actor."""
    values = {
        "kind": actor.kind,
        "id": actor.id,
        "name": actor.name,
        "scopes": sorted(actor.scopes),
        "app_id": actor.app_id,
        "application_id": actor.application_id,
        "person_id": actor.person_id,
        "groups": sorted(actor.groups),
        "role": actor.role,
        "is_admin": actor.is_admin,
        "source_type": actor.source_type,
        "origin": asdict(actor.origin),
    }
    if actor.person_id is not None:
        values["person"] = _person(actor.tenant_id, actor.person_id)
    return values


def again(tenant_id: str, asker: Kept) -> Actor:
    """Return the asker as an actor with the rights of this moment. Raises Forbidden for one who has
    none here any more."""
    values = dict(asker)
    before = values.pop("person", None)
    if before is not None:
        values |= _rights_of_person(values, before, _person(tenant_id, values["person_id"]))
    elif values["id"].startswith(f"{ApiKey.id_prefix}_"):
        values["scopes"] = _scopes_of_key(tenant_id, values["id"], values["scopes"])
    else:
        _check_application(tenant_id, values["application_id"])
    values |= {name: frozenset(values[name]) for name in ("scopes", "groups")}
    values["origin"] = Origin(**values["origin"])
    return Actor(tenant_id, is_changing=True, **values)


def _person(tenant_id: str, person_id: str) -> dict[str, Any]:
    query = select(Person.role, Person.groups, Person.auth_version).where(
        Person.tenant_id == tenant_id, Person.id == person_id
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise Forbidden(GONE)
    return {"role": row.role, "groups": row.groups, "auth_version": row.auth_version}


def _rights_of_person(values: Kept, before: Kept, now: Kept) -> dict[str, Any]:
    if now["auth_version"] != before["auth_version"]:
        raise Forbidden(ENDED)
    found: dict[str, Any] = {}
    # A token may give a role that the person's row does not have: only a change there counts.
    if now["role"] != before["role"]:
        found["scopes"] = ROLE_SCOPES[now["role"]] & frozenset(values["scopes"])
        found["is_admin"] = values["is_admin"] and now["role"] == "admin"
        found["role"] = values["role"] and now["role"]
    if now["groups"] != before["groups"]:
        found["groups"] = now["groups"]
    return found


def _scopes_of_key(tenant_id: str, key_id: str, scopes: list[str]) -> list[str]:
    query = select(ApiKey.state, ApiKey.parent_key_id, ApiKey.application_id).where(
        ApiKey.tenant_id == tenant_id, ApiKey.id == key_id, ApiKey.is_deleted.is_(False)
    )
    row = session.execute(query).one_or_none()
    if row is None or row.state != "active":
        raise Forbidden(KEY_ENDED)
    if row.parent_key_id is not None:
        _scopes_of_key(tenant_id, row.parent_key_id, scopes)
    allowed = session.scalar(
        select(Application.allowed_scopes).where(
            Application.tenant_id == tenant_id, Application.id == row.application_id
        )
    )
    return [scope for scope in scopes if not allowed or scope in allowed]


def _check_application(tenant_id: str, application_id: str | None) -> None:
    query = select(Application).where(
        Application.tenant_id == tenant_id, Application.id == application_id
    )
    found = session.scalar(query.execution_options(populate_existing=True))
    if found is None or found.is_stopped:
        raise Forbidden(STOPPED)
