"""A form does its work once, however often it is sent: double click, reload, Back and again."""

from portal.records import idempotency
from portal.web.access import actor
from portal.web.forms import CommandForm


def already_done(form: CommandForm) -> str | None:  # type: ignore[type-arg]
    """Return the id of what this very form made before, or None: then the work is ours to do.

    Waits while the same form is being worked on. Raises Invalid for a key that no form made.
    """
    earlier = idempotency.claim(actor(), _key(form), _asked())
    return None if earlier is None else str((earlier.document or {}).get("id", ""))


def note_done(form: CommandForm, record_id: str) -> None:  # type: ignore[type-arg]
    """Keep the id of what the form made, for whoever sends it again."""
    idempotency.remember(actor(), _key(form), idempotency.Answer(200, {"id": record_id}, None))


def _asked() -> list[bytes]:
    # The key is made with each drawing of the form, so it alone says which request this is.
    return idempotency.fingerprints("POST", "form", b"")


def _key(form: CommandForm) -> str:  # type: ignore[type-arg]
    return f"form {form.idempotency_key.data}"
