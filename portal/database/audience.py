"""Decide who sees a record that is not for the whole tenant. This rule is nowhere else.

`scope` says whom a record is for: `org` the whole tenant, `user` one person, `group` the people of
one group. Admins of the tenant see that such a record is there and whose it is, and no more.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    String,
    and_,
    any_,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.errors import Forbidden
from portal.database.actor import Actor
from portal.database.base import Base

if TYPE_CHECKING:
    from portal.database.record import Record as _Of
else:
    _Of = object

FOR_ALL, FOR_PERSON, FOR_GROUP = "org", "user", "group"
# What an admin reads of a record that is for others. All the rest is settings.
KNOWN = frozenset(
    {"name", "scope", "owner_id", "user_id", "group_id", "enabled", "sync_status"}
    | {"is_deleted", "deleted_at", "deleted_by"}
)
# What an admin changes of it, and what follows from that by itself.
STOPPABLE = frozenset(
    {"enabled", "sync_status", "consecutive_errors", "last_error"}
    | {"is_deleted", "deleted_at", "deleted_by", "updated_by", "version"}
)


class RestrictedRecord(Base):
    """The audience of a record that is not for the whole tenant.

    A trigger keeps it beside the record. It stays when the record is purged, so that the history
    and the events of the record stay hidden.
    """

    __tablename__ = "restricted_record"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    scope: Mapped[str] = mapped_column(String(10))
    user_id: Mapped[str | None] = mapped_column(String(80))
    group_id: Mapped[str | None] = mapped_column(String(80))


def open_to(actor: Actor, scope: Any, user_id: Any, group_id: Any) -> ColumnElement[bool]:
    """Return the condition that a record with this audience is open to the actor.

    To a program, only what is for the whole tenant; to the portal itself, everything.
    """
    if actor.kind == "system":
        return true()
    # Literals, because a plan for parameters cannot use a partial index.
    for_all: ColumnElement[bool] = scope == literal_column(f"'{FOR_ALL}'")
    if actor.person_id is None:
        return for_all
    groups: Any = actor.groups  # or the parameter for them, in a statement that is written once
    if isinstance(groups, frozenset):
        groups = sorted(groups)
    return or_(
        for_all,
        and_(scope == literal_column(f"'{FOR_PERSON}'"), user_id == actor.person_id),
        and_(
            scope == literal_column(f"'{FOR_GROUP}'"),
            group_id == any_(type_coerce(groups, ARRAY(String))),
        ),
    )


def is_open_to(actor: Actor, scope: str, user_id: str | None, group_id: str | None) -> bool:
    """Tell the same as `open_to` of one record's values."""
    if actor.kind == "system" or scope == FOR_ALL:
        return True
    if actor.person_id is None:
        return False
    return user_id == actor.person_id if scope == FOR_PERSON else group_id in actor.groups


def closed_to(actor: Actor, record_id: Any) -> ColumnElement[bool]:
    """Return the condition that the record of this id is not open to the actor, with one lookup in
    an index. The record itself need not be there any more."""
    own = RestrictedRecord.tenant_id == actor.tenant_id, RestrictedRecord.record_id == record_id
    mine = open_to(
        actor, RestrictedRecord.scope, RestrictedRecord.user_id, RestrictedRecord.group_id
    )
    # Without the offset, PostgreSQL may turn it into a join that reads all of the table.
    found = select(literal(1)).where(*own, not_(mine)).correlate_except(RestrictedRecord)
    return found.offset(0).exists()


class Scoped(_Of):
    """A mixin for records with `scope`, `user_id` and `group_id`."""

    # The fields of the document that an admin reads of a record that is for others. All the rest is
    # settings, which are null there, or what `closed` says.
    known_to_admins: ClassVar[frozenset[str]]
    closed: ClassVar[Mapping[str, Any]]
    scope: Mapped[str]
    user_id: Mapped[str | None]
    group_id: Mapped[str | None]

    @hybrid_property
    def is_restricted(self) -> bool:
        """Tell whether the reader sees only that the record is there; see `shown_to`."""
        return False

    @is_restricted.inplace.expression
    @classmethod
    def _is_restricted(cls) -> ColumnElement[bool]:
        return literal(False)

    @classmethod
    def audience(cls, actor: Actor) -> ColumnElement[bool] | None:
        whole = super().audience(actor)
        if actor.kind == "system" or actor.is_admin:
            return whole
        seen = open_to(actor, cls.scope, cls.user_id, cls.group_id)
        return seen if whole is None else and_(whole, seen)

    @classmethod
    def compares(cls, actor: Actor) -> dict[str, Any]:
        person = {"person_id": actor.person_id, "groups": sorted(actor.groups)}
        whole = super().compares(actor)
        return whole if actor.is_admin or actor.person_id is None else whole | person

    @classmethod
    def shown_to(cls, actor: Actor, document: dict[str, Any]) -> dict[str, Any]:
        if is_open_to(actor, document["scope"], document["user_id"], document["group_id"]):
            return document
        known = {name: document[name] for name in document if name in cls.known_to_admins}
        return {**dict.fromkeys(document), **cls.closed, **known}

    def is_open_to(self, actor: Actor) -> bool:
        return is_open_to(actor, self.scope, self.user_id, self.group_id)

    @property
    def is_for_all(self) -> bool:
        return self.scope == FOR_ALL

    def permit(self, actor: Actor, fields: Collection[str]) -> None:
        super().permit(actor, fields)
        if not self.is_open_to(actor) and not STOPPABLE.issuperset(fields):
            raise Forbidden(
                f"This {self.noun} is for somebody else. As an admin you may disable, enable and"
                " delete it. Only those whom it is for read and change its settings."
            )


def as_member(actor: Actor) -> Actor:
    """Return the same person without what only admins see."""
    return replace(actor, is_admin=False) if actor.is_admin else actor
