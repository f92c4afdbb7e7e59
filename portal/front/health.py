"""Answer the health checks of load balancers, so without a sign-in.

`/healthz` reports that the process is alive, `/readyz` that it can serve. Neither reveals more than
a stranger may know. The first line is for machines: `ok` with a 200.
"""

from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError

from portal import migrations
from portal.database import writability
from portal.database.session import db, limit_answers
from portal.keys.verification.verifier import engine
from portal.web.access import cookieless

ANSWER_SECONDS = 2.0  # what takes longer would not serve anybody
UNHEARD = (
    "keys: verification answers 503, because this process receives no changes of keys. It tries"
    " again by itself."
)

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@cookieless
def healthz() -> Response:
    """Report that the process is alive, whatever the state of the database."""
    return _plain(200, "ok")


@blueprint.get("/readyz")
@cookieless
def readyz() -> Response:
    """Report 503 while the database is unavailable or older than the code: reads do not work then.

    Another line reports that writes do not work, since when and why. With `?for=writes`, that is a
    503 as well. Another one reports that this process verifies no keys.
    """
    asked = request.args.get("for")
    if asked not in (None, "writes"):
        return _plain(400, "ask for /readyz or for /readyz?for=writes")
    try:
        with db.engine.connect() as connection:
            limit_answers(connection, ANSWER_SECONDS)
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    except SQLAlchemyError:
        return _plain(503, "the database does not answer")
    # A newer database is fine: migrations run before all processes have the new code.
    if (found or "") < (migrations.head() or ""):
        return _plain(503, "the database waits for its migrations")
    failing = writability.known().failing()
    said = [*([_why(failing)] if failing else []), *([] if _hears_of_keys() else [UNHEARD])]
    if failing and asked:
        return _plain(503, "saving does not work", *said)
    return _plain(200, "ok", *said)


def _hears_of_keys() -> bool:
    """Tell whether this process receives the changes of keys, so that it can verify them."""
    watch = engine().watch
    return watch is None or watch.is_current


def _why(failing: writability.Failing) -> str:
    since, trouble = failing
    return f"writes: failing since {since:%Y-%m-%d %H:%M:%S} UTC: {trouble.what}. {trouble.remedy}"


def _plain(status: int, *lines: str) -> Response:
    response = Response("".join(f"{line}\n" for line in lines), status, mimetype="text/plain")
    response.cache_control.no_store = True
    return response
