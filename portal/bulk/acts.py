"""Describe what can be done to many records of one kind, with the verbs for a single one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import ConfigDict

from portal.core.errors import Invalid, one_of
from portal.database.actor import Actor
from portal.database.record import find
from portal.records.listing import Listing
from portal.records.schemas import Command, Tags
from portal.rest.resources import Resource

SAME = "It has these values already."
TAG_FIELDS = frozenset({"add_tags", "remove_tags"})

Changes = Mapping[str, tuple[Any, Any]]
Row = Any
"""One record at the preview: the columns that the act reads, by name."""


class NoValues(Command):
    """No fields, for an act that takes none."""


class Tagged(Command):
    """Tags to add to records, and tags to take from them."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    add_tags: Tags = []
    """Tags that each record gets, beside those that it has."""
    remove_tags: Tags = []
    """Tags that are taken from the records that have them."""


def never(row: Row, command: Any) -> str:
    """Allow an act for every record."""
    return ""


def nothing(row: Row, command: Any) -> Changes:
    """Return no change that could be told in advance."""
    return {}


@dataclass(frozen=True)
class Act:
    """Something to do to each of many records.

    `run` is the service's verb for one record. `cannot` returns the reason why a record would be
    refused, as far as it is known at the preview, and `changes` what would change; both read the
    columns `reads`. `note` says what follows. `at_once` is how many records are done in one
    transaction: one, if something outside of the database changes, too. `needs_recent_sign_in` and
    `is_grave` are as on the page of a single record.
    """

    verb: str
    label: str
    done: str
    scope: str
    run: Callable[[Actor, str, Any], object]
    note: str = ""
    command: type[Command] = NoValues
    reads: tuple[str, ...] = ()
    cannot: Callable[[Row, Any], str] = never
    changes: Callable[[Row, Any], Changes] = nothing
    at_once: int = 20
    needs_recent_sign_in: bool = False
    is_grave: bool = False


@dataclass(frozen=True)
class Kind:
    """A resource whose records can be changed together.

    `listing` is that of its page, with all of its views. `label` is the column with the name of a
    record.
    """

    resource: Resource[Any, Any]
    listing: Listing[Any]
    label: str
    page: str
    acts: Sequence[Act]
    by_verb: Mapping[str, Act] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_verb", {act.verb: act for act in self.acts})

    def act(self, verb: str) -> Act:
        """Return the act of this verb. Raises Invalid."""
        if verb not in self.by_verb:
            raise Invalid.field("verb", one_of(verb, list(self.by_verb)))
        return self.by_verb[verb]

    def for_actor(self, actor: Actor) -> list[Act]:
        """Return what the actor may do."""
        return [act for act in self.acts if actor.can(act.scope)]


# ---------------------------------------------------------------- edits


def given(command: Command) -> dict[str, Any]:
    """Return the fields that were sent, without those for tags."""
    names = command.model_fields_set - TAG_FIELDS
    return {name: getattr(command, name) for name in sorted(names)}


def tags_after(command: Any, tags: Sequence[str]) -> list[str]:
    """Return the tags of a record after the edit."""
    added, removed = (getattr(command, name, ()) for name in ("add_tags", "remove_tags"))
    return sorted((set(tags) | set(added)) - set(removed))


def edited(row: Row, command: Any) -> Changes:
    """Return what an edit changes of one record: field → (before, after)."""
    after = given(command)
    if TAG_FIELDS & command.model_fields_set:
        after["tags"] = tags_after(command, row.tags)
    before = {name: getattr(row, name) for name in after}
    return {name: (before[name], after[name]) for name in after if before[name] != after[name]}


def is_same(row: Row, command: Any) -> str:
    """Refuse an edit that changes nothing."""
    return "" if edited(row, command) else SAME


def editing(resource: Resource[Any, Any]) -> Callable[[Actor, str, Any], object]:
    """Return the verb that changes one record as a PATCH does."""
    update, command_of = resource.update, resource.update_command or resource.command
    assert update is not None  # noqa: S101 - only for a resource that can be changed

    def edit(actor: Actor, record_id: str, command: Any) -> object:
        record = find(resource.model, actor, record_id, lock=True)
        patch = given(command)
        if TAG_FIELDS & command.model_fields_set:
            patch["tags"] = tags_after(command, record.tags)
        return update(actor, record, command_of.patched(record, patch))

    return edit


def deleting(resource: Resource[Any, Any]) -> Callable[[Actor, str, Any], object]:
    """Return the verb that deletes one record."""
    delete = resource.delete
    assert delete is not None  # noqa: S101 - only for a resource that can be deleted

    def deleted(actor: Actor, record_id: str, command: Any) -> object:
        return delete(actor, find(resource.model, actor, record_id, lock=True))

    return deleted


# ---------------------------------------------------------------- values in a row


def plain(changes: Changes) -> dict[str, list[Any]]:
    """Return changes as JSON."""
    return {name: [_plain(value) for value in pair] for name, pair in changes.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def taken(kinds: Mapping[str, Kind]) -> Iterator[str]:
    """Yield, for each resource, its verbs and the fields of what they take, in Markdown."""
    for name, kind in kinds.items():
        yield f"`{name}` have {', '.join(f'`{act.verb}`{_fields(act)}' for act in kind.acts)}"


def _fields(act: Act) -> str:
    names = ", ".join(act.command.model_fields)
    return f" ({names})" if names else ""
