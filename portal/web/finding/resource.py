"""REST of the search over everything: /api/v1/integration/search."""

from typing import Any

from flask import Response, request
from pydantic import BaseModel, ConfigDict

from portal.database.actor import Actor
from portal.records import listing
from portal.rest import api
from portal.rest.openapi import Operation, Parameter
from portal.rest.resources import TEXT
from portal.web.finding import answers, declared, records
from portal.web.finding.declared import Kind


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


def _search() -> Response:
    text = request.args.get("q", "").strip()
    if len(text) > answers.LONGEST:
        raise listing.refused("q", f"Give at most {answers.LONGEST} characters.")
    if answers.holds_key(text):
        raise listing.refused("q", answers.TOO_MUCH_OF_A_KEY)
    return api.listed(_items(api.actor(), text), None)


def _items(actor: Actor, text: str) -> list[dict[str, Any]]:
    if records.AN_ID.fullmatch(text):
        known = records.by_id(actor, text)
        return [_document(*known)] if known and not known[1].is_deleted else []
    kinds = declared.kinds(actor)
    if listing.FINGERPRINT.fullmatch(text.lower()):
        found = records.by_fingerprint(actor, kinds, text.lower())
        return [_document(*found)] if found else []
    return [
        _document(one.kind, record)
        for one in records.by_words(actor, kinds, text)
        for record in one.records
    ]


def _document(kind: Kind, record: Any) -> dict[str, Any]:
    named = {"resource": kind.resource.name, "id": record.id, "label": record.label}
    return {**named, "status": declared.state_of(record)}


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
