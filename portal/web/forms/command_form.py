"""Validate a form as a pydantic command, and show errors at its fields."""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

from flask import request
from flask_wtf import FlaskForm
from flask_wtf.form import _Auto
from markupsafe import Markup
from wtforms import Field, HiddenField

from portal.core.errors import Conflict, FieldError, Invalid, QuotaReached, StaleVersion
from portal.database.record import Record, find
from portal.database.session import session
from portal.records.audit import trail
from portal.records.audit.trail import LastChange
from portal.records.schemas import Command
from portal.secretstore import SecretDenied, StoreUnavailable
from portal.web import form_token
from portal.web.access import actor
from portal.web.forms.fields import ABSENT, SecretField, TextField, Wired
from portal.web.forms.sentences import Sentence
from portal.web.htmx import portal_request

C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=Record)
AS_CODE = "as_code"  # the name of the button that shows what was typed as code
SENTENCE = "sentence"  # id of the element that has it


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that somebody else or the person has changed while both were editing.

    `mine` is None if the person had not touched it. `by` and `at` tell who else changed it, if
    somebody did.
    """

    label: str
    stored: str
    mine: str | None
    by: str | None
    at: datetime | None


class CommandForm(FlaskForm, Generic[C]):
    """Base class of all forms. `version` and `idempotency_key` are part of every one."""

    class Meta(FlaskForm.Meta):
        """Configure Flask-WTF."""

        csrf_class = form_token.MaskedToken

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            """Return what was sent (called by WTForms): for a sentence, perhaps in the address."""
            if formdata is _Auto and asks_for_sentence() and request.method == "GET":
                return request.args
            return super().wrap_formdata(form, formdata)

        def render_field(self, field: Field, render_kw: dict[str, Any]) -> Markup:
            """Return the field's HTML (called by WTForms), and note that it is drawn."""
            field.is_drawn = True
            if isinstance(field, HiddenField):  # a page may have several forms, and an id once
                render_kw = {"id": False, **render_kw}
            drawn: Markup = super().render_field(field, render_kw)
            return drawn

    command_type: ClassVar[type[Command]]
    sentence_of: ClassVar[Sequence[str]] = ()
    """Names of the fields that the sentence is made of. None of them can have a secret."""
    operation: ClassVar[str] = ""  # its id, if that does not follow from the command and the page
    version = HiddenField()
    idempotency_key = HiddenField(default=lambda: secrets.token_urlsafe(16))
    stored: Any = None  # the record that the form changes
    stale = False
    full = False
    refused_by_store = 0
    differences: Sequence[Difference] = ()
    form_errors: list[str]

    def __init_subclass__(cls, **options: Any) -> None:
        """Read the command's type from `CommandForm[…]`, so that it is named only once."""
        super().__init_subclass__(**options)
        for base in getattr(cls, "__orig_bases__", ()):
            kinds = [kind for kind in get_args(base) if isinstance(kind, type)]
            if kinds and isinstance(get_origin(base), type):
                cls.command_type = kinds[0]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lengths, rules = _longest(self.command_type), self.command_type.model_fields
        for field in self:
            if isinstance(field, Wired):
                known = field.wire in rules and rules[field.wire].is_required()
                field.is_required = bool(known or field.needed)
            if isinstance(field, TextField) and field.wire in lengths:
                field.render_kw.setdefault("maxlength", lengths[field.wire])

    def undrawn(self) -> "list[Wired]":
        """Return the fields that the template has not placed. `edit_form` draws them at the end."""
        return [field for field in self if isinstance(field, Wired) and not field.is_drawn]

    def drawn(self) -> frozenset[str]:
        """Return the names of the fields that are drawn so far."""
        return frozenset(field.name for field in self if getattr(field, "is_drawn", False))

    def opens(self, before: frozenset[str]) -> bool:
        """Tell whether a folded part is open at first: one of its fields has an error or a value.

        Its fields are those that were drawn since `before`.
        """
        inside = (field for field in self if isinstance(field, Wired) and field.is_drawn)
        return any(f.errors or f.is_filled for f in inside if f.name not in before)

    def is_submitted(self) -> bool:
        """Tell whether the form was sent to be executed, and not for its sentence only."""
        return not asks_for_sentence() and bool(super().is_submitted())

    @property
    def sentence(self) -> Sentence | None:
        """Return what the form is about to make, as typed so far. Forms override it."""
        return None

    def by_hand(self, name: str) -> "Wired":
        """Return a field that the template draws itself, without the macro `field`."""
        found: Wired = self[name]
        found.is_drawn = True
        return found

    @property
    def answer_status(self) -> int:
        """Return the response's status when the form is drawn again: 200, 409 or 422; that of the
        error if only the secret store failed."""
        if self.refused_by_store:
            return self.refused_by_store
        if self.stale or self.full:
            return 409
        return 422 if self.errors else 200

    @property
    def expected_version(self) -> int | None:
        """Return the version that the person saw when they began to edit."""
        text = str(self.version.data or "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

    def command(self, stored: Any = None) -> C | None:
        """Return the validated command, or None if nothing was sent or something is wrong.

        With `stored` (the record), the form's values are applied to it and the whole is validated.
        """
        self.stored = stored
        if not self.is_submitted():
            return None
        if self.is_shown_as_code:
            self._ask_for_secrets_again()
            return None
        self.validate()
        self._miss_what_is_needed()
        document = self.document(stored)
        command: Any = None
        try:
            kind = self.command_type
            command = kind.read(document) if stored is None else kind.patched(stored, document)
        except Invalid as error:
            self.blame(error.errors)
        self._ask_for_secrets_again()
        return None if self.errors else command

    @property
    def is_shown_as_code(self) -> bool:
        """Tell whether what was typed is only shown as code, and nothing is done."""
        return self.is_submitted() and AS_CODE in request.form

    def document(self, stored: Any = None) -> dict[str, Any]:
        """Return what was sent, as on the wire; for a stored record, only what was touched.

        Forms override it for values that no field can represent.
        """
        document: dict[str, Any] = {}
        wanted = self._wanted(stored)
        for field in self:
            if isinstance(field, Wired) and not field.errors and field.wire in wanted:
                self._place(document, field, creating=stored is None)
        return document

    def _wanted(self, stored: Any) -> set[str]:
        """Return the wires of the fields to set: all of a new record, else only what was touched.

        An object such as `config` is set as a whole, so a touched part of it brings the others that
        have a value.
        """
        fields = [field for field in self if isinstance(field, Wired)]
        if stored is None:
            return {field.wire for field in fields}
        touched = {field.wire.partition(".")[0] for field in fields if field.is_touched}
        return {
            field.wire
            for field in fields
            if field.is_touched or (field.wire.partition(".")[0] in touched and field.is_set)
        }

    def blame(self, errors: Iterable[FieldError]) -> None:
        """Put each error on the field of its path, or of a parent path, or else on the form."""
        by_wire = {field.wire: field for field in self if isinstance(field, Wired)}
        for error in errors:
            path = error.field
            while path and path not in by_wire:
                path = path.rpartition(".")[0]
            if path and by_wire[path].process_errors:
                continue  # it could not be read, so that the command did not get it
            if path:
                by_wire[path].errors = [*by_wire[path].errors, error.message]
            else:
                self.form_errors = [*self.form_errors, f"{error.field}: {error.message}"]
        self._mark_first_error()

    def check_version(self, record: Any) -> None:
        """Raise StaleVersion when somebody has saved since this form was drawn.

        The form then has the `differences` and the new version, so that the person can compare both
        and save again.
        """
        if self.expected_version in (None, record.version):
            return
        others = trail.last_changes(record, actor(), record.version - (self.expected_version or 0))
        for field in self:
            if isinstance(field, Wired) and field.sent() is not ABSENT:
                self._compare(field, self.stored_value(record, field), others)
        self.version.data = record.version
        raise StaleVersion("This was saved by somebody else while you were editing.")

    def note_values(self, stored: Any) -> None:
        """Note what the form shows of a record that counts no versions: a digest of each value."""
        self.version.data = self.version.data or ".".join(self._digests(stored))

    def check_values(self, stored: Any) -> None:
        """Raise StaleVersion like `check_version`, for a record that counts no versions."""
        present, noted = self._digests(stored), str(self.version.data or "").split(".")
        if len(noted) != len(present) or noted == present:
            return
        fields = [field for field in self if isinstance(field, Wired)]
        for field, before, now in zip(fields, noted, present, strict=True):
            value, mine = self.stored_value(stored, field), field.shown(field.sent())
            if before != now and _digest(mine) == before:
                self._differ(field, value, mine=None, by=None)
                field.take(value)
            elif field.shown(value) != mine:
                self._differ(field, value, mine=mine, by=None)
        self.version.data = ".".join(present)
        if self.differences:
            raise StaleVersion("This was saved by somebody else while you were editing.")

    def _digests(self, stored: Any) -> list[str]:
        fields = [field for field in self if isinstance(field, Wired)]
        return [_digest(field.shown(self.stored_value(stored, field))) for field in fields]

    def _compare(self, field: "Wired", stored: Any, others: Mapping[str, LastChange]) -> None:
        """Note a value that differs from the stored one. One that the person has not touched, and
        somebody else has changed, is taken over."""
        if field.shown(stored) == field.shown(field.sent()):
            return
        name, *path = field.wire.split(".")
        other = others.get(name)
        is_mine = other is None or field.shown(_within(other.before, path)) != field.shown(
            field.sent()
        )
        self._differ(field, stored, field.shown(field.sent()) if is_mine else None, other)
        if not is_mine:
            field.take(stored)

    def _differ(self, field: "Wired", stored: Any, mine: str | None, by: LastChange | None) -> None:
        difference = Difference(
            field.label.text,
            field.shown(stored),
            mine,
            by.actor_name if by else None,
            by.at if by else None,
        )
        self.differences = [*self.differences, difference]

    def stored_value(self, record: Any, field: "Wired") -> Any:
        """Return the stored value of a field: `retry_policy.timeoutMs` is inside an object."""
        name, *path = field.wire.split(".")
        return _within(getattr(record, name, None), path)

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Show an error of a service in the form instead of an error page.

        So it keeps what was typed, but secrets, also while the secret store takes none.

        The transaction is rolled back, so nothing is half done and the page can be drawn.
        """
        try:
            yield
        except StaleVersion as error:
            session.rollback()
            self.stale = True
            self.form_errors = [*self.form_errors, error.detail]
            self._ask_for_secrets_again()
        except (Invalid, Conflict) as error:
            session.rollback()
            self.full = isinstance(error, QuotaReached)
            if not error.errors:
                self.form_errors = [*self.form_errors, error.detail]
            self.blame(error.errors)
            self._ask_for_secrets_again()
        except (StoreUnavailable, SecretDenied) as error:
            session.rollback()
            self.refused_by_store = error.status
            self.form_errors = [*self.form_errors, error.detail]
            self._ask_for_secrets_again()

    def _miss_what_is_needed(self) -> None:
        for field in self:
            if isinstance(field, Wired) and field.needed and not field.sent() and not field.errors:
                field.errors = [field.needed]

    def _ask_for_secrets_again(self) -> None:
        """Say at each typed secret that it is gone, once anything else keeps the form from saving.

        It is never sent back to the browser. Without a word, the next try would save without it.
        """
        if self.errors or (self.is_shown_as_code and not portal_request().is_htmx):
            for field in self:
                if isinstance(field, SecretField) and field.given and not field.errors:
                    field.errors = ["Type this again: what you typed is not sent back to you."]
        self._mark_first_error()

    def _place(self, document: dict[str, Any], field: "Wired", *, creating: bool) -> None:
        value = field.sent()
        *parents, name = field.wire.split(".")
        if value == "":
            value = self._emptied(field, creating)
        if value is ABSENT:
            return
        for parent in parents:
            document = document.setdefault(parent, {})
        document[name] = value

    def _emptied(self, field: "Wired", creating: bool) -> Any:
        """Return the value of an emptied text.

        It is None where the command allows that. It is ABSENT, so that the default applies, when
        creating and for a nested field. Otherwise it is an empty text, which the command may
        refuse.
        """
        known = self.command_type.model_fields.get(field.wire)
        if known is not None and type(None) in get_args(known.annotation):
            return None
        return ABSENT if creating or "." in field.wire else ""

    def _mark_first_error(self) -> None:
        first = next((field for field in self if field.errors), None)
        for field in self:
            field.is_first_error = field is first


def asks_for_sentence() -> bool:
    """Tell whether this request only wants to know what a form would make: htmx swaps it in."""
    wanted = portal_request().headers.get("HX-Target", "")
    return portal_request().wants_fragment and wanted.endswith(f"#{SENTENCE}")


@cache
def _longest(command: type[Command]) -> dict[str, int]:
    """Return how many characters each text of the command may have, where it has a limit."""
    fields = command.model_json_schema()["properties"]
    return {
        name: form["maxLength"]
        for name, field in fields.items()
        for form in (field, *field.get("anyOf", ()))
        if "maxLength" in form
    }


def _digest(text: str) -> str:
    """Return a short digest of a value as a field shows it."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def as_seen(model: type[R], record_id: str) -> R:
    """Return the actor's record, locked, for a form that carries the version that a person saw.

    Raises StaleVersion if the record was changed since the page was loaded.
    """
    record = find(model, actor(), record_id, lock=True)
    if request.form.get("version", "") != str(record.version):
        raise StaleVersion(
            f"This {record.noun} was changed since the page was loaded. Look at it again."
        )
    return record


def _within(value: Any, path: Sequence[str]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value
