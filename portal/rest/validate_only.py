"""Answer `Prefer: validate-only` (RFC 7240) to a write: run it for its checks, and keep nothing.

The answer has the status and the body that the real call would have, except that one-time secrets
are null and the ids of what would be made are zeros. Other preferences are ignored.
"""

from collections.abc import Callable

from flask import Response, after_this_request, request
from werkzeug.datastructures import Headers
from werkzeug.http import parse_list_header

from portal.core.errors import BadRequest, FieldError
from portal.database.dry_run import CannotValidate, dry_run
from portal.database.session import flush, roll_back
from portal.rest.openapi import Operation

NAME = "validate-only"
ZEROS = b"0" * 26  # as long as a ULID, so that an id keeps its form


def is_preferred(headers: Headers) -> bool:
    """Tell whether a request asks for its checks only, with whatever value."""
    return bool(_values(headers))


def _values(headers: Headers) -> list[str]:
    """Return the value of each time that the preference is given; empty texts for none."""
    if not headers.get("Prefer"):
        return []
    preferences = parse_list_header(",".join(headers.getlist("Prefer")))
    parts = (one.partition(";")[0].partition("=") for one in preferences)
    return [value.strip(' "') for name, _, value in parts if name.strip().lower() == NAME]


def checked(operation: Operation, work: Callable[[], Response]) -> Response:
    """Return the answer of `work`, of which nothing is kept.

    Raises CannotValidate for an operation that cannot be checked without doing it, and BadRequest
    for a value of the preference: whoever writes `validate-only=false` or `=true` must not be
    guessed.
    """
    if any(_values(request.headers)):
        message = "The preference validate-only has no value: leave out what follows."
        raise BadRequest(errors=[FieldError("Prefer", message)])
    if operation.cannot_validate:
        raise CannotValidate(operation.cannot_validate)
    after_this_request(_applied)
    with dry_run() as made:
        try:
            response = work()
            flush()
        finally:
            roll_back()
    return _without(made, response)


def _applied(response: Response) -> Response:
    response.headers["Preference-Applied"] = NAME
    return response


def _without(made: set[str], response: Response) -> Response:
    """Return the answer without what names a record that was not made."""
    for name in ("Location", "ETag"):
        response.headers.pop(name, None)
    body = response.get_data()
    for ulid in made:
        body = body.replace(ulid.encode(), ZEROS)
    response.set_data(body)
    return response
