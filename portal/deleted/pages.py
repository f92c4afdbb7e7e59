"""The page of deleted records: /deleted."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from portal import web
from portal.deleted import records
from portal.records.verbs import RESTORE_DAYS

bp = Blueprint("deleted", __name__, url_prefix="/deleted")


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the deleted records of every kind that the person may read, newest first."""
    query = records.parse(request.args)
    return web.render(
        "deleted/index.html",
        "deleted/_listing.html",
        view=web.list_view(records.page(web.actor(), query), query),
        kinds=[(kind.resource.name, kind.noun) for kind in records.kinds(web.actor())],
        days=RESTORE_DAYS,
    )
