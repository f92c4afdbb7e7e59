"""Search everything with one query: the box in the bar of every page.

It queries each resource's own list, so it finds what the lists find (words by prefix, through an
index) and shows only what the person may see. A whole id leads straight to its record.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from flask import Blueprint, Flask, current_app, request, url_for
from flask import Response as JsonResponse
from pydantic import BaseModel, ConfigDict
from werkzeug.wrappers import Response

from portal import web
from portal.core.errors import NotFound
from portal.database.actor import Actor
from portal.database.record import find
from portal.records import listing, search
from portal.rest import api
from portal.rest.openapi import Operation, Parameter
from portal.rest.resources import TEXT, Resource

AN_ID = re.compile(r"[a-z]{3}_[0-9A-HJKMNP-TV-Z]{26}")
# Records that have a page but no search of their own: prefix of the id → page, permission.
BY_ID = {
    "dlv": ("deliveries.show", "webhooks:read"),
    "att": ("deliveries.show", "webhooks:read"),
    "evt": ("events.show", "events:read"),
    "evy": ("event_types.show", "event-types:read"),
}
A_FEW = 8  # records of each kind; its list has the rest

bp = Blueprint("search", __name__, url_prefix="/search")


@dataclass(frozen=True, slots=True)
class Find:
    """One record that was found."""

    id: str
    label: str
    url: str
    status: str | None


@dataclass(frozen=True, slots=True)
class Section:
    """The results for one kind of record. `more_url` leads to its list with the same words.

    If nothing was found and there is a `more_url`, the words are common, but have not been found
    together so far.
    """

    title: str
    icon: str
    finds: Sequence[Find]
    more_url: str | None


def init_app(app: Flask, resources: Sequence[Resource[Any, Any]]) -> None:
    """Register the resources to search. A resource's scope is the name of its pages' blueprint."""
    app.extensions["portal.searched"] = resources
    app.register_blueprint(bp)


@bp.get("")
def index() -> Response:
    """Show the results for the words in `q`, by kind, as a page or as the palette of the bar."""
    words = request.args.get("q", "").replace("\x00", "").strip()[:200]
    place = _page_of(words)
    if place is not None and not web.portal_request().wants_fragment:
        return web.see_other(place)
    sections = _sections(web.actor(), words) if words and place is None else []
    return web.render(
        "search.html",
        "_palette.html",
        search_words=words,
        place=place,
        found_words=_in_words(sections, place),
        sections=[section for section in sections if section.finds or section.more_url],
    )


def _in_words(sections: Sequence[Section], place: str | None) -> str:
    count = sum(len(section.finds) for section in sections) + (place is not None)
    return f"{count} found" if count else "Nothing found"


def _searched(actor: Actor) -> list[Resource[Any, Any]]:
    """Return the resources that have pages, and that this caller may read."""
    resources = cast("Sequence[Resource[Any, Any]]", current_app.extensions["portal.searched"])
    return [
        resource
        for resource in resources
        if f"{resource.scope}.show" in current_app.view_functions
        and actor.can(f"{resource.scope}:read")
    ]


def _page_of(words: str) -> str | None:
    if not AN_ID.fullmatch(words):
        return None
    endpoint, permission = BY_ID.get(words.partition("_")[0], ("", ""))
    if endpoint and web.actor().can(permission):
        return url_for(endpoint, record_id=words)
    kinds = {one.model.id_prefix: one.scope for one in _searched(web.actor())}
    scope = kinds.get(words.partition("_")[0])
    return url_for(f"{scope}.show", record_id=words) if scope else None


def _sections(actor: Actor, words: str) -> list[Section]:
    return [_section(resource, words, page) for resource, page in _found(actor, words)]


def _found(actor: Actor, words: str) -> list[tuple[Resource[Any, Any], listing.Page[Any]]]:
    """Return the first records of each resource that have these words."""
    resources = _searched(actor)
    asked = [
        (found.listing, listing.Query(q=words, limit=A_FEW, sort=found.listing.default_sort))
        for found in resources
    ]
    if not asked or not search.asked(words, None):
        return []
    weighed = listing.weigh(actor, asked)
    return [
        (resource, listing.page(actor, *question, weights=weights))
        for resource, question, weights in zip(resources, asked, weighed, strict=True)
    ]


def _section(resource: Resource[Any, Any], words: str, page: listing.Page[Any]) -> Section:
    entry = web.rail_entry(resource.scope)
    return Section(
        title=entry.label,
        icon=entry.icon,
        finds=[_find(resource, record) for record in page.items],
        more_url=url_for(f"{resource.scope}.index", q=words) if page.next_cursor else None,
    )


def _find(resource: Resource[Any, Any], record: Any) -> Find:
    return Find(
        id=record.id,
        label=record.label,
        url=url_for(f"{resource.scope}.show", record_id=record.id),
        status=_status(record),
    )


def _status(record: Any) -> str | None:
    return getattr(record, "state", None) or getattr(record, "status", None)


# ---------------------------------------------------------------- for programs


class FoundDocument(BaseModel):
    """One record that was found."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    resource: str
    """Resource of the record, as paths name it, such as api-keys."""
    id: str
    """Id of the record."""
    label: str
    """Name of the record."""
    status: str | None
    """Status of the record, if it has one."""


def _search() -> JsonResponse:
    words = request.args.get("q", "").strip()
    if len(words) > 200:
        raise listing.refused("q", "Give at most 200 characters.")
    return api.listed(_for_programs(api.actor(), words), None)


def _for_programs(actor: Actor, words: str) -> list[dict[str, Any]]:
    if AN_ID.fullmatch(words):
        return _by_id(actor, words)
    return [
        _document(resource, record)
        for resource, page in _found(actor, words)
        for record in page.items
    ]


def _by_id(actor: Actor, record_id: str) -> list[dict[str, Any]]:
    prefix = record_id.partition("_")[0]
    for resource in _searched(actor):
        if resource.model.id_prefix == prefix:
            try:
                return [_document(resource, find(resource.model, actor, record_id))]
            except NotFound:
                return []
    return []


def _document(resource: Resource[Any, Any], record: Any) -> dict[str, Any]:
    named = {"resource": resource.name, "id": record.id, "label": record.label}
    return {**named, "status": _status(record)}


OPERATIONS = (
    Operation(
        resource="search",
        name="find",
        method="GET",
        path="/search",
        summary="Find records of every kind by words or by an id, up to 8 of each kind",
            description="Return the records of every kind that match words or an id, up to"
            " 8 of each kind. Only kinds that the caller may read are searched.",
        scope="",
        view=_search,
        answer=FoundDocument,
        is_list=True,
        parameters=(
            Parameter("q", {**TEXT, "maxLength": 200},
                      "Words, matched by prefix, or a whole id; without it, nothing is found"),
        ),
    ),
)  # fmt: skip
