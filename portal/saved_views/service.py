"""List, save, change and delete the views of lists."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, literal_column, or_, select, union_all, update

from portal.core.errors import Conflict, Forbidden, NotFound
from portal.core.key_shape import shown
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.session import flush, session
from portal.saved_views.models import ID_PREFIX, SavedViewRow
from portal.saved_views.schemas import ChangedView, NewView
from portal.saved_views.tables import check_parameters, may_read, may_share, reading, with_views

MOST = 50  # of one list and person
MOST_SHOWN = 100  # of one list, a person's own and shared ones


def of_list(actor: Actor, name: str) -> Sequence[SavedViewRow]:
    """Return the views of a list that the actor sees: its own first, then shared ones."""
    actor.require(reading(name))
    return session.scalars(_of_list(actor, name)).all()


def column(actor: Actor, name: str) -> Any:
    """Return what reads the same views as a JSON array, as a part of another statement."""
    actor.require(reading(name))
    pairs: list[Any] = []
    for field in ("id", "name", "parameters", "is_shared", "is_default", "owner_id", "position"):
        pairs += [literal_column(f"'{field}'"), getattr(SavedViewRow, field)]
    document = func.json_build_object(*pairs).label("document")
    found = _of_list(actor, name).with_only_columns(document).subquery("saved")
    return select(func.json_agg(found.c.document)).scalar_subquery()


def _of_list(actor: Actor, name: str) -> Select[SavedViewRow]:
    is_mine = SavedViewRow.owner_id == _owner(actor)
    found = _seen(actor).where(SavedViewRow.list == name)
    in_order = found.order_by(is_mine.desc(), SavedViewRow.position, SavedViewRow.id)
    return in_order.limit(MOST_SHOWN)


def all_seen(actor: Actor, name: str = "") -> Sequence[SavedViewRow]:
    """Return the views that the actor sees, of one list or of all that it may read."""
    if name:
        return of_list(actor, name)
    each = [_of_list(actor, one) for one in with_views() if may_read(actor, one)]
    if not each:
        return []
    return session.scalars(select(SavedViewRow).from_statement(union_all(*each))).all()


def get(actor: Actor, view_id: str) -> SavedViewRow:
    """Return a view that the actor sees. Raises NotFound."""
    found = session.scalar(_seen(actor).where(SavedViewRow.id == view_id))
    if found is None or not may_read(actor, found.list):
        raise NotFound(f"There is no view {shown(view_id)} that you may see.")
    return found


def create(actor: Actor, command: NewView) -> SavedViewRow:
    """Save a view. Raises Invalid for parameters that the list does not understand, Conflict if the
    person has too many, and Forbidden for what only others may share."""
    _check_person(actor)
    actor.require(reading(command.list))
    check_parameters(command.list, command.parameters)
    view = SavedViewRow(
        tenant_id=actor.tenant_id,
        id=new_id(ID_PREFIX),
        owner_id=_owner(actor),
        **command.values(),
    )
    _check_rights(actor, view.list, shared=command.is_shared, default=command.is_default)
    _check_room(actor, view.list)
    session.add(view)
    flush()
    _only_default(view)
    return view


def change(actor: Actor, view_id: str, command: ChangedView) -> SavedViewRow:
    """Change a view of one's own; an admin may also change shared ones."""
    view = _to_change(actor, view_id)
    given = {name: value for name, value in command.values().items() if value is not None}
    if "parameters" in given:
        check_parameters(view.list, given["parameters"])
    rights = {name: getattr(view, name) for name in ("is_shared", "is_default")}
    wanted = {name: given.get(name, value) for name, value in rights.items()}
    # An admin may have made a default for all of it: its owner may rename it, and no more.
    shows_other = given.get("parameters", view.parameters) != view.parameters
    if wanted != rights or (view.is_default and shows_other):
        _check_rights(actor, view.list, shared=wanted["is_shared"], default=wanted["is_default"])
    for name, value in given.items():
        setattr(view, name, value)
    flush()
    _only_default(view)
    return view


def delete(actor: Actor, view_id: str) -> SavedViewRow:
    """Delete a view of one's own; an admin may also delete shared ones."""
    view = _to_change(actor, view_id)
    session.delete(view)
    flush()
    return view


def is_mine(actor: Actor, owner_id: str) -> bool:
    """Tell whether the actor is the owner of a view."""
    return owner_id == _owner(actor)


def may_change(actor: Actor, owner_id: str, *, is_shared: bool) -> bool:
    """Tell whether the actor may change and delete a view that it sees."""
    return is_mine(actor, owner_id) or (is_shared and actor.is_admin)


def _owner(actor: Actor) -> str:
    return actor.id if actor.person_id is None else actor.person_id


def _seen(actor: Actor) -> Select[SavedViewRow]:
    own = SavedViewRow.owner_id == _owner(actor)
    return select(SavedViewRow).where(
        SavedViewRow.tenant_id == actor.tenant_id, or_(own, SavedViewRow.is_shared)
    )


def _check_person(actor: Actor) -> None:
    if actor.person_id is None:
        raise Forbidden("Saved views belong to people. Use a token of a person.")


def _check_rights(actor: Actor, name: str, *, shared: bool, default: bool) -> None:
    """Raise Forbidden if the actor may not show others a view of this list, or open with it."""
    if shared and not may_share(actor, name):
        table = with_views()[name]
        needed = "role admin" if table.is_log else f"permission {table.scope}:write"
        raise Forbidden(f"Sharing a view of this list needs the {needed}.")
    if shared and default and not actor.is_admin:
        raise Forbidden("Only admins set a default for everybody.")


def _check_room(actor: Actor, name: str) -> None:
    """Raise Conflict if the person has MOST views of this list."""
    turn = f"saved views {actor.tenant_id} {_owner(actor)} {name}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(turn, 0))))
    own = select(func.count()).where(
        SavedViewRow.tenant_id == actor.tenant_id,
        SavedViewRow.list == name,
        SavedViewRow.owner_id == _owner(actor),
    )
    if (session.scalar(own) or 0) >= MOST:
        raise Conflict(f"You have {MOST} views of this list. Delete one that you no longer need.")


def _only_default(view: SavedViewRow) -> None:
    """Let a default be the only one: of its person, or of those that are shared."""
    if not view.is_default:
        return
    whose = SavedViewRow.is_shared if view.is_shared else SavedViewRow.owner_id == view.owner_id
    others = update(SavedViewRow).where(
        SavedViewRow.tenant_id == view.tenant_id,
        SavedViewRow.list == view.list,
        SavedViewRow.id != view.id,
        SavedViewRow.is_shared.is_(view.is_shared),
        SavedViewRow.is_default,
        whose,
    )
    session.execute(others.values(is_default=False))


def _to_change(actor: Actor, view_id: str) -> SavedViewRow:
    _check_person(actor)
    view = get(actor, view_id)
    if not may_change(actor, view.owner_id, is_shared=view.is_shared):
        raise Forbidden("Only the person who made this view, or an admin, may change it.")
    return view
