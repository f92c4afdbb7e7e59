"""REST of exports: POST /api/v1/integration/<resource>/exports."""

from flask import Response

from portal.bulk.acts import Kind
from portal.bulk.exports import service
from portal.bulk.exports.service import MOST, Export, ExportInput
from portal.bulk.exports.writing import media_types
from portal.bulk.kinds import KINDS
from portal.rest.api import actor, body, no_parameters, streamed
from portal.rest.openapi import Operation


def sent(export: Export) -> Response:
    """Return the response that sends an export in parts."""
    response = streamed(export.parts, export.media_type, export.name, cut=export.cut)
    response.call_on_close(export.close)
    return response


def _export(kind: Kind) -> Response:
    no_parameters()
    return sent(service.begin(actor(), kind, ExportInput.read(body())))


def _operation(kind: Kind) -> Operation:
    resource = kind.resource
    return Operation(
        resource=resource.name,
        name="export",
        method="POST",
        path=f"/{resource.name}/exports",
        summary=f"Export all {resource.singular}s that a filter matches",
        description=f"Return every {resource.singular} that the filter matches and that is open to"
        " the caller, as CSV or JSON Lines, with the fields that the list has. It is written while"
        " it is sent: if it cannot be completed, its last line says that it is incomplete. More"
        f" than {MOST:,} records are a 409; while another export of the tenant runs, it is a 429."
        " The audit log keeps who exported which filter, and how many records there were.",
        scope=f"{resource.scope}:read",
        view=lambda: _export(kind),
        command=ExportInput,
        media_types=media_types(),
        refusals=(409, 429),
        cannot_validate="An export changes nothing. List the records with count=true instead.",
    )


OPERATIONS = tuple(_operation(kind) for kind in KINDS.values())
