"""`/healthz`: the process lives. `/readyz`: it can serve. For load balancers, so without a sign-in.

Neither says more than a stranger may know.
"""

from flask import Blueprint, Response

from portal import migrate
from portal.db import db
from portal.web.guard import cookieless

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@cookieless
def healthz() -> Response:
    """Answers while the process answers, whatever the database does."""
    return _plain("ok", 200)


@blueprint.get("/readyz")
@cookieless
def readyz() -> Response:
    """503 while the database is away or older than the code."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with db.engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    except SQLAlchemyError:
        return _plain("the database does not answer", 503)
    # A newer database is fine: migrations run before the new code is everywhere.
    if (found or "") < (migrate.head() or ""):
        return _plain("the database waits for its migrations", 503)
    return _plain("ok", 200)


def _plain(words: str, status: int) -> Response:
    response = Response(f"{words}\n", status, mimetype="text/plain")
    response.cache_control.no_store = True
    return response
