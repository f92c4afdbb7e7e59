"""Keep who asked for something, and act for them later with the rights that they have then.

Nobody gets more rights by that: what the asker could do when they asked is the most, and what was
taken from them since is gone for what is still to be done.
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
from portal.keys.decision.decision import Question, refusal
from portal.keys.decision.snapshot import LOAD, Snapshot
from portal.keys.models import ApiKey
from portal.outbound.networks import parse

ENDED = "The sessions of who asked for it were ended, so nothing more is done for them."
GONE = "Who asked for it is no longer known here."
KEY_ENDED = "The API key that asked for it does not work any more."
UNFIT = "The application that asked for it is {}."
NO_CLIENT = "The client that asked for it does not belong to its application any more."

Kept = Mapping[str, Any]


def kept(actor: Actor) -> dict[str, Any]:
    """Return what `again` needs to act for this actor."""
    values: dict[str, Any] = {
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
    elif not _is_key(values):
        found = _application(actor.tenant_id, actor.application_id)
        values["client_id"] = found and found.oauth_client_id
    return values


def again(tenant_id: str, asker: Kept) -> Actor:
    """Return the asker as an actor with the rights of this moment. Raises Forbidden for one who has
    none here any more."""
    values = dict(asker)
    before, client_id = values.pop("person", None), values.pop("client_id", None)
    if before is not None:
        values |= _rights_of_person(values, before, _person(tenant_id, values["person_id"]))
    elif _is_key(values):
        values["scopes"] = _scopes_of_key(tenant_id, values)
    else:
        _check_application(tenant_id, values["application_id"], client_id)
    values |= {name: frozenset(values[name]) for name in ("scopes", "groups")}
    values["origin"] = Origin(**values["origin"])
    return Actor(tenant_id, is_changing=True, **values)


def _is_key(values: Kept) -> bool:
    return str(values["id"]).startswith(f"{ApiKey.id_prefix}_")


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


def _scopes_of_key(tenant_id: str, values: Kept) -> list[str]:
    """Return which of its scopes a key still has. Raises Forbidden if a call with it would be
    refused now: the key is decided about as in every call."""
    query = select(ApiKey.key_hash).where(ApiKey.tenant_id == tenant_id, ApiKey.id == values["id"])
    digest = session.scalar(query)
    if digest is None:
        raise Forbidden(KEY_ENDED)
    now, *row = session.connection().exec_driver_sql(LOAD, (digest,)).one()
    key = Snapshot.of_row(tuple(row))
    if refusal(key, Question(ip=parse(values["origin"]["ip"] or "")), now) is not None:
        raise Forbidden(KEY_ENDED)
    return [scope for scope in values["scopes"] if scope in key.scopes]


def _application(tenant_id: str, application_id: str | None) -> Application | None:
    query = select(Application).where(
        Application.tenant_id == tenant_id, Application.id == application_id
    )
    return session.scalar(query.execution_options(populate_existing=True))


def _check_application(tenant_id: str, application_id: str | None, client_id: str | None) -> None:
    """Raise Forbidden if a token of this client would not act as this application now. What
    the release before has kept has no client."""
    found = _application(tenant_id, application_id)
    if found is None:
        raise Forbidden(GONE)
    if found.unfit_to_act:
        raise Forbidden(UNFIT.format(found.unfit_to_act))
    if found.oauth_client_id is None or client_id not in (None, found.oauth_client_id):
        raise Forbidden(NO_CLIENT)
