"""The page of quotas, for admins: /quotas."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from portal import web
from portal.core.errors import Forbidden
from portal.quotas import standing

bp = Blueprint("quotas", __name__, url_prefix="/quotas")


@bp.get("")
@web.uncounted
def index() -> ResponseReturnValue:
    """Show each quota and the tenant's use of it."""
    person = web.signed_in()
    if person is None or person.role != "admin":
        raise Forbidden("Only an admin of your tenant can see its quotas.")
    standings = standing.of(person.actor)
    needing = any(one.state in ("reached", "near") for one in standings)
    return web.render(
        "quotas/index.html",
        standings=standings,
        said=standing.sentence(standings),
        word="attention" if needing else "works",
    )
