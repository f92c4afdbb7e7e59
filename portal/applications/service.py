"""The operations on applications: create, update, read, and choices for forms."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, select

from portal.applications import states
from portal.applications.models import KINDS, STATUSES, STOPPED, Application
from portal.applications.ownership import OfApplication
from portal.applications.schemas import ApplicationInput
from portal.core.errors import Conflict, FieldError, Forbidden, Invalid
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.record import find
from portal.database.session import session
from portal.identity.openid.claims import ALL_SCOPES
from portal.records import verbs
from portal.records.listing import Listing

UNTITLED = "Untitled application"

LISTING = Listing(
    Application,
    filters={
        "kind": Application.kind,
        "status": Application.status,
        "slug": Application.slug,
        "oauth_client_id": Application.oauth_client_id,
        "primary_domain": Application.primary_domain,
        "app_id": Application.app_id,
        "created_by": Application.created_by,
    },
    choices={"kind": KINDS, "status": STATUSES},
    several=("kind", "status", "slug", "app_id"),
    quick=("slug", "oauth_client_id"),
    combines=True,
    texts={
        "display_name": Application.display_name,
        "slug": Application.slug,
        "primary_domain": Application.primary_domain,
    },
    optional={
        "oauth_client_id": Application.oauth_client_id,
        "primary_domain": Application.primary_domain,
    },
    ranges={"created_at": Application.created_at, "updated_at": Application.updated_at},
    # Ids are ULIDs, so their order is the order of creation, and the primary key serves the sort.
    sorts={
        "created_at": Application.id,
        "updated_at": Application.updated_at,
        "display_name": Application.name_key,
    },
)


def create(actor: Actor, command: ApplicationInput) -> Application:
    """Register an application.

    Raises Conflict when the slug or OAuth client id exists already, and for a status that only
    suspend, retire or reopen may set; Invalid for scopes that the actor does not have; Forbidden
    for an OAuth client id when the actor may not issue credentials.
    """
    if command.slug:
        return _create(actor, command)
    try:
        with session.begin_nested():
            return _create(actor, command)
    except Conflict as conflict:
        if [error.field for error in conflict.errors] != ["slug"]:
            raise
    return _create(actor, command)  # somebody took the slug meanwhile, so another one is found now


def _create(actor: Actor, command: ApplicationInput) -> Application:
    record, values = _new(actor, command)
    values["slug"] = command.slug or _free_slug(actor, values["display_name"], record.id)
    return verbs.create(actor, record, values)


def create_all(actor: Actor, commands: Sequence[ApplicationInput]) -> list[Application]:
    """Register applications together. Raises what `create` raises."""
    made = [_new(actor, command) for command in commands]
    wanted = {_slug_of(values["display_name"]) for _, values in made if not values["slug"]}
    taken = _taken(actor, wanted) | {command.slug for command in commands if command.slug}
    for record, values in made:
        values["slug"] = values["slug"] or _slug(values["display_name"], record.id, taken)
        taken.add(values["slug"])
    return verbs.create_all(actor, made)


def _new(actor: Actor, command: ApplicationInput) -> tuple[Application, dict[str, Any]]:
    """Return a new record and its values, the slug only if the command has one."""
    actor.require("applications:write")
    states.check_change(None, "active", command.status)
    _check_identity(actor, None, command.oauth_client_id)
    _check_allowed(actor, None, command.allowed_scopes)
    values = command.values()
    values["display_name"] = command.display_name or UNTITLED
    return Application(id=new_id(Application.id_prefix)), values


def update(actor: Actor, record: Application, command: ApplicationInput) -> Application:
    """Change an application.

    Raises Invalid for another slug, because other records carry it, and for allowing additional
    scopes that the actor does not have; Conflict for a status that only suspend, retire or reopen
    may set or end; Forbidden for another OAuth client id when the actor may not issue credentials.
    """
    actor.require("applications:write")
    values = command.values()
    values["display_name"] = command.display_name or UNTITLED
    if (command.slug or record.slug) != record.slug:
        raise Invalid.field("slug", "The slug is fixed once the application is registered.")
    del values["slug"]
    states.check_change(record.id, record.status, command.status)
    _check_identity(actor, record.oauth_client_id, command.oauth_client_id)
    _check_allowed(actor, record.allowed_scopes, command.allowed_scopes)
    return verbs.change(actor, record, values)


def get(actor: Actor, record_id: str) -> Application:
    """Return one application of the actor's tenant. Raises NotFound."""
    actor.require("applications:read")
    return find(Application, actor, record_id)


def to_extend(actor: Actor, application_id: str) -> Application:
    """Return the application that a new record will belong to.

    Raises Invalid on `application_id` for one that the actor does not see, Conflict for one that is
    suspended or retired. The database asks again during the commit (`check_open_application`): a
    lock until then would make a stop wait for every long request of what it stops.
    """
    query = Application.seen_by(actor).where(
        Application.id == application_id, Application.is_deleted.is_(False)
    )
    record = session.scalar(query.execution_options(populate_existing=True))
    if record is None:
        message = "There is no application of this id in this tenant."
        raise Invalid.field("application_id", message)
    if record.is_stopped:
        message = f"{record.display_name} is {record.status}. Reopen it first, or choose another."
        raise Conflict(message, errors=[FieldError("application_id", message)])
    return record


def check_owner(actor: Actor, record: OfApplication | None, wanted: str | None) -> None:
    """Check that a new record may belong to this application, or that a record may move to it.

    Raises what `to_extend` raises; Invalid if an application's credential would put the record
    outside its application, where it would survive a stop of that; Conflict for a record that would
    leave a stopped application, and so work again.
    """
    if record is not None and record.application_id == wanted:
        return
    if actor.application_id not in (None, wanted):
        message = "This credential's records belong to its own application. Only people move them."
        raise Invalid.field("application_id", message)
    if record is not None and record.is_stopped:
        message = f"Its application is {record.application_status}: reopen that first."
        raise Conflict(message, errors=[FieldError("application_id", message)])
    if wanted is not None:
        to_extend(actor, wanted)


def check_restored(actor: Actor, record: OfApplication) -> None:
    """Raise what `to_extend` raises, if a deleted record would come back to such an application."""
    if record.application_id is not None:
        to_extend(actor, record.application_id)


def running(actor: Actor, application_id: str) -> Application:
    """Return the application that a new credential is for.

    Raises what `to_extend` raises, and Invalid for a library, which has no runtime identity.
    """
    record = to_extend(actor, application_id)
    if record.kind == "library":
        raise Invalid.field("application_id", "A library has no runtime identity, so no keys.")
    return record


def of(actor: Actor, ids: set[str]) -> dict[str, Application]:
    """Return id → application in one statement, for lists of records that belong to them.

    Keep the result while you use the records: their application is then found in the session and
    not queried again.
    """
    if not ids:
        return {}
    query = Application.seen_by(actor).where(Application.id.in_(ids))
    return {found.id: found for found in session.scalars(query)}


def names(actor: Actor, ids: set[str]) -> dict[str, str]:
    """Return id → display name of some applications, in one statement, for lists that show them."""
    if not ids:
        return {}
    query = Application.seen_by(actor).where(Application.id.in_(ids))
    found = session.execute(query.with_only_columns(Application.id, Application.display_name))
    return dict(found.all())


def choices(
    actor: Actor, also: Iterable[str | None] = (), which: ColumnElement[bool] | None = None
) -> list[tuple[str, str]]:
    """Return (id, name) of the applications that a form offers; see `records.choices`."""
    return verbs.choices(
        actor, Application, Application.name_key, Application.display_name, also, which
    )


def extendable_choices(actor: Actor, also: Iterable[str | None] = ()) -> list[tuple[str, str]]:
    """Return the `choices` that a new record can belong to, and those in `also`, already chosen."""
    return choices(actor, also, Application.status.not_in(STOPPED))


def running_choices(actor: Actor, also: Iterable[str | None] = ()) -> list[tuple[str, str]]:
    """Return the `choices` that a new credential can be for, and those in `also`."""
    is_running = and_(Application.kind != "library", Application.status.not_in(STOPPED))
    return choices(actor, also, is_running)


def may_identify(actor: Actor) -> bool:
    """Tell whether the actor may set an application's OAuth client id: an admin in person."""
    return actor.is_admin and actor.application_id is None


def _check_identity(actor: Actor, before: str | None, after: str | None) -> None:
    """Check that the actor may set the OAuth client id.

    A token of this client has the scopes that the identity provider gave it. So a key or a program
    never sets it: it would get more scopes than it has. Raises Forbidden.
    """
    if after == before or may_identify(actor):
        return
    raise Forbidden(
        "Only an admin sets oauth_client_id: tokens with it act as the application. Ask one of your"
        " tenant's admins."
    )


def _check_allowed(actor: Actor, before: Sequence[str] | None, after: Sequence[str]) -> None:
    """Check that the actor allows no scope that neither the actor nor the application has.

    `before` is None for a new application. Raises Invalid.
    """
    held = frozenset(before) or ALL_SCOPES if before is not None else frozenset()
    wanted = frozenset(after) or (ALL_SCOPES if before is not None else frozenset())
    if beyond := sorted(wanted - held - actor.grantable):
        message = f"You cannot allow what you may not do yourself: {', '.join(beyond)}."
        raise Invalid.field("allowed_scopes", message)


def allowed_scopes(actor: Actor, application_id: str | None) -> Collection[str]:
    """Return the scopes that an application's keys may have; all scopes for no application."""
    if not application_id:
        return ALL_SCOPES
    own = Application.seen_by(actor).where(Application.id == application_id)
    found = session.scalar(own.with_only_columns(Application.allowed_scopes))
    return found or ALL_SCOPES


def _free_slug(actor: Actor, name: str, record_id: str) -> str:
    """Return a free slug made from the name; append the end of the id if it is taken or empty."""
    return _slug(name, record_id, _taken(actor, {_slug_of(name)} - {""}))


def _taken(actor: Actor, slugs: Collection[str]) -> set[str]:
    if not slugs:
        return set()
    # An application's credential sees only itself, but a slug is taken in the whole tenant.
    taken = select(Application.slug).where(
        Application.tenant_id == actor.tenant_id, Application.slug.in_(slugs)
    )
    return set(session.scalars(taken))


def _slug(name: str, record_id: str, taken: Collection[str]) -> str:
    plain, own = _slug_of(name), record_id[-6:].lower()
    if not plain:
        return f"app-{own}"
    return f"{plain}-{own}" if plain in taken else plain


def _slug_of(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50].strip("-")
