"""Execute a form only once, however often it is sent: double click, reload, Back and again."""

from urllib.parse import urlencode

from flask import request

from portal.core.errors import Conflict
from portal.records import idempotency
from portal.web.access import actor
from portal.web.forms import CommandForm

RENEWED = frozenset({"form_secret", "idempotency_key"})
NEW_EACH_TIME = RENEWED | {"csrf_token", "version"}
"""The fields that nobody types. They may differ although the same is sent again."""
OTHER_VALUES = (
    "This form was sent before with other values, and that was done. Nothing was done now. Send it"
    " once more to do the same with these values, too."
)


def already_done(form: CommandForm) -> str | None:  # type: ignore[type-arg]
    """Return the id of what this form created before, or None if the work is still to be done.

    Waits while the same form is being executed. Raises Conflict if it was executed with other
    values; the form then has a new key, so that it can be sent again. Raises Invalid for a key that
    no form can have.
    """
    try:
        earlier = idempotency.claim(actor(), _key(form), _request_fingerprints())
    except idempotency.OtherRequest:
        for name in RENEWED.intersection(form.data):
            form[name].data = form[name].default()
        raise Conflict(OTHER_VALUES) from None
    return None if earlier is None else str((earlier.document or {}).get("id", ""))


def note_done(form: CommandForm, record_id: str) -> None:  # type: ignore[type-arg]
    """Store the id of what the form created, for a client that sends it again."""
    idempotency.remember(actor(), _key(form), idempotency.Answer(200, {"id": record_id}, None))


def _request_fingerprints() -> list[bytes]:
    typed = sorted(one for one in request.form.items(multi=True) if one[0] not in NEW_EACH_TIME)
    given = idempotency.fingerprints("POST", "form", urlencode(typed).encode())
    # The release before stored the fingerprint of no values.
    return given + idempotency.fingerprints("POST", "form", b"")


def _key(form: CommandForm) -> str:  # type: ignore[type-arg]
    return f"form {form.idempotency_key.data}"
