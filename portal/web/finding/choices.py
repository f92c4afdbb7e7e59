"""Find what a field of a form can refer to: a record, a person, an event, as one types."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Response

from portal import web
from portal.core.errors import NotFound
from portal.database.actor import Actor
from portal.records import listing
from portal.records.listing import Value
from portal.rest.findable import Choice
from portal.web.finding import declared, records
from portal.web.finding.answers import cleaned, holds_key
from portal.web.finding.declared import Kind

bp = Blueprint("choices", __name__, url_prefix="/choices")


@bp.get("")
def index() -> Response:
    """Show what `q` finds among one kind of thing, as a list to choose from."""
    of = request.args.get("of", "applications")
    text = cleaned(request.args.get("q", ""))
    found = () if holds_key(text) else offered(web.actor(), of, text)
    return web.render("forms/choices.html", "forms/_choices.html", choices=found, text=text)


def offered(actor: Actor, of: str, text: str) -> Sequence[Choice]:
    """Return a few things with these words that the actor may see; the first ones for no words.

    Raises NotFound for a kind that is not there, or that the actor may not see.
    """
    if (source := declared.choices(actor, of)) is not None:
        return source.find(actor, text)
    if (known := declared.among(actor, of)) is None:
        raise NotFound("There is nothing of this kind to choose from.")
    kind, filters = known
    return [
        Choice(one.id, one.label, _note(actor, kind, one))
        for one in _found(actor, kind, filters, text)
    ]


def _found(actor: Actor, kind: Kind, filters: Mapping[str, Value], text: str) -> Sequence[Any]:
    searched = kind.resource.listing
    query = listing.Query(filters=filters, limit=records.A_FEW, sort=searched.default_sort)
    if records.AN_ID.fullmatch(text):
        query = replace(query, filters={**filters, "id": text})
    else:
        query = replace(query, q=text)
    return listing.page(actor, searched, query).items


def _note(actor: Actor, kind: Kind, record: Any) -> str:
    return kind.resource.found.note(record) if record.is_open_to(actor) else ""
