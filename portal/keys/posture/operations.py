"""REST of the posture: the keys with each weakness, and a remedy for all of them."""

from dataclasses import replace
from typing import Any, Literal

from flask import Response, request
from pydantic import ConfigDict

from portal.core.errors import NotFound
from portal.core.key_shape import shown
from portal.keys.listing.filters import CONSOLE
from portal.keys.models import ApiKey
from portal.keys.posture.posture import WEAKNESSES
from portal.keys.revocation import blast_radius
from portal.keys.revocation.blast_radius import Selection
from portal.keys.schemas import KeyDocument, RevokedDocument, Weak
from portal.records import documents, listing
from portal.records.listing import Query
from portal.records.schemas import Command, RecordId
from portal.rest.api import Outcome, actor, body, listed, no_parameters, once
from portal.rest.openapi import Operation
from portal.rest.resources import RETRY, list_parameters

SAMPLE = 20
BY_NAME = {one.view: one for one in WEAKNESSES}
ROWS = documents.rows_of(ApiKey, KeyDocument)
NOT_HERE = frozenset({"show"})  # the path names the weakness


class RepairKeys(Command):
    """The keys to repair, by their weakness, and the remedy. A value that a key has stays."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    weakness: Weak
    """Weakness that the keys have, as in the posture."""
    remedy: Literal["expire", "limit", "budget"]
    """expire: let them end in 90 days. limit: 600 requests per minute. budget: 100 US dollars a
    month."""
    application_id: RecordId | None = None
    """Only keys of this application."""
    dry_run: bool = True
    """Only say how many keys these are; false repairs up to 1,000 of them."""


def _list(weakness: str) -> Response:
    if weakness not in BY_NAME:
        raise NotFound(f"There is no weakness {shown(weakness)}: see GET /api-keys/posture.")
    query = listing.parse(CONSOLE, request.args, NOT_HERE)
    asked = replace(query, show=weakness)
    items, next_cursor = documents.page(actor(), ROWS, CONSOLE, asked)
    return listed(items, next_cursor)


def _repair() -> Response:
    no_parameters()
    command = RepairKeys.read(body())
    return once(lambda: Outcome(_repaired(command), 200))


def _repaired(command: RepairKeys) -> dict[str, Any]:
    owner = {"application_id": command.application_id} if command.application_id else {}
    chosen = Selection(CONSOLE, Query(filters=owner, show=command.weakness))
    found = blast_radius.sample(actor(), chosen, command.remedy, SAMPLE)
    ids = blast_radius.selected(actor(), chosen, command.remedy)[: blast_radius.MOST]
    count = len(ids)
    seen = {
        "count": count,
        "left": count,
        "dry_run": command.dry_run,
        "sample": [{"id": key.id, "name": key.name} for key in found],
    }
    if not command.dry_run:
        done = blast_radius.repair_many(actor(), ids, command.remedy)
        seen |= {"count": done.count, "left": done.left}
    return seen


OPERATIONS = (
    Operation(
        resource="api-keys",
        name="list_weak",
        method="GET",
        path="/api-keys/posture/{weakness}/keys",
        summary="List the keys that have a weakness",
        description="Return one page of the active keys with a weakness, such as"
        " `never_expires`. An unknown weakness is a 404.",
        scope="keys:read",
        view=_list,
        answer=KeyDocument,
        is_list=True,
        parameters=list_parameters(CONSOLE, NOT_HERE),
    ),
    Operation(
        resource="api-keys",
        name="repair_many",
        method="POST",
        path="/api-keys/repairs",
        summary="Give all keys with a weakness the expiry, limit or budget that they lack",
        description="Give every key with a weakness the expiry, limit or budget that it lacks."
        " Without `dry_run: false` it only counts them and names some. A key that was found in"
        " public is not counted and stays as it is: it is not edited until that is dealt with.",
        scope="keys:write",
        view=_repair,
        command=RepairKeys,
        answer=RevokedDocument,
        parameters=(RETRY,),
    ),
)
