"""Choose from what resources and features declare to be found what a caller may find."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, current_app

from portal.database.actor import Actor
from portal.records.health import Health
from portal.records.listing import Value
from portal.rest.feature import Feature
from portal.rest.findable import Act, ById, Choices, Find, Findable, Place, Source
from portal.rest.resources import Resource
from portal.web.drawing.template_functions import rail_entry, record_url

KEY = "portal.found"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record that is searched: its resource, and how its finds are drawn."""

    resource: Resource[Any, Any]
    pages: str
    noun: str
    plural: str
    icon: str

    def find_of(self, actor: Actor, record: Any, healths: Mapping[str, Health]) -> Find:
        """Return the line of one record, without its settings if these are for somebody else."""
        health = None if record.is_deleted else healths.get(record.id)
        return Find(
            title=record.label,
            url=record_url(f"{self.pages}.show", record.id),
            kind=self.noun,
            icon=self.icon,
            note=self.resource.found.note(record) if record.is_open_to(actor) else "",
            status=health.status if health else state_of(record),
            word=health.short if health else "",
            id=record.id,
        )


def state_of(record: Any) -> str | None:
    """Return the word for the state of a record, or None if it has none."""
    if record.is_deleted:
        return "deleted"
    return getattr(record, "state", None) or getattr(record, "status", None)


def init_app(app: Flask, features: Sequence[Feature]) -> None:
    """Remember what the features declare."""
    app.extensions[KEY] = tuple(features)


def kinds(actor: Actor) -> list[Kind]:
    """Return the kinds of records that have pages, and that this caller may read."""
    return [
        _kind(resource)
        for feature in _features()
        for resource in feature.resources
        if f"{_pages(resource)}.show" in current_app.view_functions
        and actor.can(f"{resource.scope}:read")
    ]


def acts(actor: Actor) -> list[Act]:
    """Return what this caller may do."""
    return [act for found in _all() for act in found.acts if actor.can(act.needs)]


def creating(pages: str) -> Sequence[Act]:
    """Return the acts that make something new among the pages of a blueprint."""
    known: dict[str, Sequence[Act]] = current_app.extensions.setdefault("portal.creating", {})
    if pages not in known:
        every = [act for found in _all() for act in found.acts if not act.of]
        known[pages] = [act for act in every if act.endpoint.partition(".")[0] == pages]
    return known[pages]


def places(actor: Actor) -> list[Place]:
    """Return the pages that this caller may open."""
    return [one for found in _all() for one in found.places if _may(actor, one)]


def sources(actor: Actor, group: str) -> list[Source]:
    """Return the sources of one group that this caller may search."""
    found = (one for part in _all() for one in part.sources if one.group == group)
    return [one for one in found if _may(actor, one)]


def searched(actor: Actor) -> list[Any]:
    """Return the models, other than records, whose terms are searched for this caller."""
    return [one.model for one in sources(actor, "Open") if one.model is not None]


def choices(actor: Actor, of: str) -> Choices | None:
    """Return the search for what a field can refer to, if the caller may use it."""
    found = next((part.choices[of] for part in _all() if of in part.choices), None)
    return found if found is not None and actor.can(found.needs) else None


def among(actor: Actor, of: str) -> tuple[Kind, Mapping[str, Value]] | None:
    """Return the kind of record that a field can refer to, and the filters of those that fit."""
    for kind in kinds(actor):
        if of in kind.resource.found.among:
            return kind, kind.resource.found.among[of]
    return None


def by_id(actor: Actor, prefix: str) -> ById | None:
    """Return the lookup for ids with this prefix, if the caller may use it."""
    found = next((part.ids[prefix] for part in _all() if prefix in part.ids), None)
    return found if found is not None and _may(actor, found) else None


def _may(actor: Actor, one: Place | Source | ById) -> bool:
    return actor.can(one.needs) and (actor.is_admin or not one.for_admins)


def _features() -> Iterable[Feature]:
    return cast("Sequence[Feature]", current_app.extensions[KEY])


def _all() -> Iterator[Findable]:
    for feature in _features():
        yield from feature.findable()


def _pages(resource: Resource[Any, Any]) -> str:
    return resource.scope.replace("-", "_")


def _kind(resource: Resource[Any, Any]) -> Kind:
    pages = _pages(resource)
    entry = rail_entry(pages)
    singular = resource.singular
    noun = singular[0].upper() + singular[1:]
    return Kind(resource, pages, noun, f"{noun}s", entry.icon)
