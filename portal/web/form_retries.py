"""Execute a form only once, however often it is sent: double click, reload, Back and again."""

from portal.records import idempotency
from portal.web.access import actor
from portal.web.forms import CommandForm


def already_done(form: CommandForm) -> str | None:  # type: ignore[type-arg]
    """Return the id of what this form created before, or None if the work is still to be done.

    Waits while the same form is being executed. Raises Invalid for a key that no form can have.
    """
    earlier = idempotency.claim(actor(), _key(form), _request_fingerprints())
    return None if earlier is None else str((earlier.document or {}).get("id", ""))


def note_done(form: CommandForm, record_id: str) -> None:  # type: ignore[type-arg]
    """Store the id of what the form created, for a client that sends it again."""
    idempotency.remember(actor(), _key(form), idempotency.Answer(200, {"id": record_id}, None))


def _request_fingerprints() -> list[bytes]:
    # Each rendered form has a new key, so the key alone identifies the request.
    return idempotency.fingerprints("POST", "form", b"")


def _key(form: CommandForm) -> str:  # type: ignore[type-arg]
    return f"form {form.idempotency_key.data}"
