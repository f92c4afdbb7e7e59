"""The page that sends an export: a form of one button below each list."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from portal import web
from portal.bulk import selection
from portal.bulk.exports import service
from portal.bulk.exports.resource import sent
from portal.bulk.exports.service import ExportInput
from portal.bulk.kinds import KINDS
from portal.core.errors import BadRequest

bp = Blueprint("exports", __name__, url_prefix="/exports")


@bp.post("")
def export() -> ResponseReturnValue:
    """Send all records that the list's filter matches, as a file."""
    kind = KINDS.get(request.form.get("resource", ""))
    if kind is None:
        raise BadRequest("There is no list of this name.")
    asked = {
        "format": request.form.get("format", "csv"),
        "filter": selection.sent(request.form.get("filter", "")),
    }
    return sent(service.begin(web.actor(), kind, ExportInput.read(asked)))
