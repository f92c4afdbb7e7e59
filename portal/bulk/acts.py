"""Describe what can be done to many records of one kind, with the verbs for a single one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ConfigDict

from portal.core.errors import Invalid, one_of
from portal.database.actor import Actor
from portal.database.json_values import same
from portal.records.listing import Listing
from portal.records.schemas import MOST_TAGS, Command, Tags
from portal.rest.resources import Resource

AT_ONCE = 20
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
    """Return no preview: the change cannot be predicted."""
    return {}


@dataclass(frozen=True)
class Act:
    """Something to do to each of many records.

    `run` does it to one record, which is locked, with the service's verb for it. `cannot` returns
    the reason why a record would be refused, as far as it is known at the preview, and `changes`
    what would change; both read the columns `reads`. `note` says what follows. `at_once` is how
    many records are done in one transaction: one, if something outside of the database changes,
    too. `needs_recent_sign_in` and `is_grave` are as on the page of a single record. `is_edit`
    gives values to fields: a record that has these values already is left as it is.
    """

    verb: str
    label: str
    done: str
    scope: str
    run: Callable[[Actor, Any, Any], object]
    note: str = ""
    command: type[Command] = NoValues
    reads: tuple[str, ...] = ()
    cannot: Callable[[Row, Any], str] = never
    changes: Callable[[Row, Any], Changes] = nothing
    at_once: int = AT_ONCE
    needs_recent_sign_in: bool = False
    is_grave: bool = False
    is_edit: bool = False


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


# ---------------------------------------------------------------- acts of several kinds


def editing(
    resource: Resource[Any, Any],
    note: str,
    command: type[Command],
    cannot: Callable[[Row, Any], str] = never,
    reads: tuple[str, ...] = (),
) -> Act:
    """Return the act that changes settings of each record as a PATCH does. It reads the fields of
    its command, and `reads`."""
    update, command_of = resource.update, resource.update_command or resource.command
    assert update is not None  # noqa: S101 - only for a resource that can be changed

    def edit(actor: Actor, record: Any, command: Any) -> object:
        patch = {name: after for name, (_, after) in _given(record, command)}
        return update(actor, record, command_of.patched(record, patch))

    def refused(row: Row, command: Any) -> str:
        return cannot(row, command) or _too_many_tags(row, command)

    names = command.model_fields.keys() - TAG_FIELDS
    tags = {"tags"} if TAG_FIELDS & command.model_fields.keys() else set()
    return Act(
        "edit", "Edit", "changed", f"{resource.scope}:write", edit, note, command,
        tuple(sorted({*names, *tags, *reads})), refused, edited, is_edit=True,
    )  # fmt: skip


def _given(record: Row, command: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield each field that an edit gives: its name, and its values before and after."""
    for name in sorted(command.model_fields_set - TAG_FIELDS):
        yield name, (getattr(record, name), getattr(command, name))
    if TAG_FIELDS & command.model_fields_set:
        after = (set(record.tags) | set(command.add_tags)) - set(command.remove_tags)
        yield "tags", (record.tags, sorted(after))


def _too_many_tags(row: Row, command: Any) -> str:
    after = next((after for name, (_, after) in _given(row, command) if name == "tags"), ())
    return "" if len(after) <= MOST_TAGS else f"It would have more than {MOST_TAGS} tags."


def edited(row: Row, command: Any) -> Changes:
    """Return what an edit changes of one record: field → (before, after)."""
    return {name: pair for name, pair in _given(row, command) if not same(*pair)}


def deleting(resource: Resource[Any, Any], note: str, *, at_once: int = AT_ONCE) -> Act:
    """Return the act that deletes each record."""
    delete = resource.delete
    assert delete is not None  # noqa: S101 - only for a resource that can be deleted
    return Act(
        "delete", "Delete", "deleted", f"{resource.scope}:write",
        lambda actor, record, command: delete(actor, record),
        note, at_once=at_once, needs_recent_sign_in=True, is_grave=True,
    )  # fmt: skip


def switching(
    resource: Resource[Any, Any],
    switch: Callable[[Actor, str, bool], object],
    on_note: str,
    off_note: str,
    cannot_enable: Callable[[Row, Any], str] = never,
    reads: tuple[str, ...] = (),
) -> tuple[Act, Act]:
    """Return the acts that enable and disable each record. `cannot_enable` reads `reads`."""

    def act(verb: str, is_on: bool, note: str) -> Act:
        def refused(row: Row, command: Any) -> str:
            if row.enabled is is_on:
                return f"It is {verb}d already."
            return cannot_enable(row, command) if is_on else ""

        return Act(
            verb, verb.capitalize(), f"{verb}d", f"{resource.scope}:write",
            lambda actor, record, command: switch(actor, record.id, is_on), note,
            reads=("enabled", *reads),
            cannot=refused,
            changes=lambda row, command: {"enabled": (not is_on, is_on)},
        )  # fmt: skip

    return act("enable", True, on_note), act("disable", False, off_note)


# ---------------------------------------------------------------- the description


def taken(kinds: Mapping[str, Kind]) -> Iterator[str]:
    """Yield, for each resource, its verbs and the fields of what they take, in Markdown."""
    for name, kind in kinds.items():
        yield f"`{name}` have {', '.join(f'`{act.verb}`{_fields(act)}' for act in kind.acts)}"


def _fields(act: Act) -> str:
    names = ", ".join(act.command.model_fields)
    return f" ({names})" if names else ""
