"""Draw and parse forms with WTForms, validate them as pydantic commands, show errors at fields.

    class ApplicationForm(CommandForm[CreateApplication]):
        display_name = TextField("Name", description="Name shown to people.")
        tags = TagsField("Tags")

    form = ApplicationForm(obj=application)
    if (command := form.command(stored=application)) is not None:
        with form.catching():
            service.update(actor(), application.id, command, form.expected_version)
            return see_other(…)
    return render("applications/form.html", form=form, status=form.answer_status)

A field's name is the name on the wire; `wire="retry_policy.timeoutMs"` fills a nested one.
If something is wrong, the form keeps what was typed, except secrets.
"""

import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

from flask import request
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import BooleanField, Field, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import TextInput, html_params

from portal.core.errors import BadRequest, Conflict, FieldError, Invalid, QuotaReached, StaleVersion
from portal.database.record import Record, find
from portal.database.session import session
from portal.records.schemas import Command
from portal.rest import strict_json
from portal.secretstore import SecretDenied, StoreUnavailable
from portal.web import form_token
from portal.web.access import actor
from portal.web.htmx import portal_request

C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=Record)
Choices = Sequence[tuple[str, ...]]
ABSENT: Any = object()  # the form does not set this field
AS_CODE = "as_code"  # the name of the button that shows what was typed as code
LINE_OR_COMMA = re.compile(r"[,\n]")


class CommandForm(FlaskForm, Generic[C]):
    """Base class of all forms. `version` and `idempotency_key` are part of every one."""

    class Meta(FlaskForm.Meta):
        """Configure Flask-WTF."""

        csrf_class = form_token.MaskedToken

        def render_field(self, field: Field, render_kw: dict[str, Any]) -> Markup:
            """Return the field's HTML (called by WTForms), and note that it is drawn."""
            field.is_drawn = True
            if isinstance(field, HiddenField):  # a page may have several forms, and an id once
                render_kw = {"id": False, **render_kw}
            drawn: Markup = super().render_field(field, render_kw)
            return drawn

    command_type: ClassVar[type[Command]]
    operation: ClassVar[str] = ""  # its id, if that does not follow from the command and the page
    version = HiddenField()
    idempotency_key = HiddenField(default=lambda: secrets.token_urlsafe(16))
    stored: Any = None  # the record that the form changes
    stale = False
    full = False
    refused_by_store = 0
    differences: Sequence[tuple[str, str, str]] = ()
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
            if isinstance(field, Wired) and field.wire in rules:
                field.is_required = rules[field.wire].is_required()
            if isinstance(field, TextField) and field.wire in lengths:
                field.render_kw.setdefault("maxlength", lengths[field.wire])

    def undrawn(self) -> "list[Wired]":
        """Return the fields that the template has not placed. `edit_form` draws them at the end."""
        return [field for field in self if isinstance(field, Wired) and not field.is_drawn]

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
        """Return what was sent, as on the wire.

        Forms override it for values that no field can represent.
        """
        document: dict[str, Any] = {}
        for field in self:
            if isinstance(field, Wired) and not field.errors:
                self._place(document, field, creating=stored is None)
        return document

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
        pairs = [
            (field.label.text, _shown(self.stored_value(record, field)), _shown(field.sent()))
            for field in self
            if isinstance(field, Wired) and field.sent() is not ABSENT
        ]
        self.differences = [pair for pair in pairs if pair[1] != pair[2]]
        self.version.data = record.version
        raise StaleVersion("Somebody else saved this while you were editing.")

    def stored_value(self, record: Any, field: "Wired") -> Any:
        """Return the stored value of a field: `retry_policy.timeoutMs` is inside an object."""
        name, *path = field.wire.split(".")
        value = getattr(record, name, None)
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

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
        if field.has_default and not creating:
            return ""
        if known is not None and type(None) in get_args(known.annotation):
            return None
        return ABSENT if creating or "." in field.wire else ""

    def _mark_first_error(self) -> None:
        first = next((field for field in self if field.errors), None)
        for field in self:
            field.is_first_error = field is first


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


def _shown(value: Any) -> str:
    """Return a value in one line, for a comparison. None and empty values look the same."""
    if value in (None, "", [], {}):
        return "(empty)"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


# ---------------------------------------------------------------- fields


class Wired(Field):
    """A field that sets a field of the command. `draws` tells the macro `field` how to draw it.

    With `has_default`, an empty text creates a record with a default; a stored one stays filled.
    """

    draws = "input"
    is_drawn = False
    is_required = False
    attributes: Mapping[str, Any] = {}

    def __init__(
        self, *args: Any, wire: str | None = None, has_default: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.wire = wire or self.short_name
        self.has_default = has_default
        self.render_kw: dict[str, Any] = {**self.attributes, **(kwargs.get("render_kw") or {})}

    def sent(self) -> Any:
        """Return the value for the command: "" if emptied, ABSENT if the form does not set it."""
        return self.data.strip() if isinstance(self.data, str) else self.data


class TextField(Wired, StringField):
    """One line of text."""


class LongTextField(Wired, TextAreaField):
    """Several lines of text. A browser counts a line break as one character and sends two."""

    def sent(self) -> Any:
        """Return the text with line breaks as the browser counts them."""
        found = super().sent()
        return found.replace("\r\n", "\n") if isinstance(found, str) else found


class HiddenWired(Wired, HiddenField):
    """A value on the page that is not shown."""


class NumberField(Wired, StringField):
    """A whole number. Any other text is passed on as typed, so that the command reports it."""

    attributes = {"inputmode": "numeric", "autocomplete": "off"}

    def sent(self) -> Any:
        """Return the number, "" or the text that was typed."""
        text = str("" if self.data is None else self.data).strip()
        return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text


class MoneyField(Wired, StringField):
    """An amount, passed on as text: floats would change it."""

    attributes = {"inputmode": "decimal", "autocomplete": "off"}

    def sent(self) -> Any:
        """Return the typed amount."""
        return str("" if self.data is None else self.data).strip()


class SwitchField(Wired, BooleanField):
    """A value that is on or off."""

    draws = "check"

    def sent(self) -> Any:
        """Return True or False. An unticked box is a value, too."""
        return bool(self.data)


class ChoiceField(Wired, SelectField):
    """One of a list of (value, text) or (value, text, group).

    The command decides whether a value is allowed, not the drawn list. `offer` sets the list later.
    """

    def __init__(self, *args: Any, choices: Choices = (), **kwargs: Any) -> None:
        super().__init__(*args, validate_choice=False, coerce=_text_or_empty, **kwargs)
        self.offer(choices)

    def offer(self, choices: Choices) -> None:
        """Set the options to draw."""
        self.choices = [
            SelectChoice(choice[0], choice[1], optgroup=choice[2] if len(choice) > 2 else None)
            for choice in choices
        ]


def _text_or_empty(value: Any) -> str:
    return "" if value is None else str(value)


class ChecksField(Wired):
    """Any number of a list, as boxes: `choices` are (value, text) or (value, text, note)."""

    draws = "checks"

    def __init__(self, *args: Any, choices: Choices = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.choices = choices

    def process_formdata(self, valuelist: list[str]) -> None:
        """Store every ticked value (called by WTForms)."""
        self.data = valuelist

    def process_data(self, value: Any) -> None:
        """Store the record's value (called by WTForms)."""
        self.data = list(value or ())

    def process(self, formdata: Any, *args: Any, **kwargs: Any) -> None:
        """Read the sent form or the record. A sent form without a tick means no value."""
        super().process(formdata, *args, **kwargs)
        if formdata and self.name not in formdata:
            self.data = []

    def boxes(self) -> list[tuple[str, str, str, bool]]:
        """Return value, text, note and whether it is ticked. Ticked values off the list are
        included."""
        self.is_drawn = True
        listed = [(c[0], c[1], c[2] if len(c) > 2 else "") for c in self.choices]
        known = {value for value, _, _ in listed}
        listed += [(value, value, "") for value in self.data or () if value not in known]
        return [(*box, box[0] in (self.data or ())) for box in listed]

    def sent(self) -> Any:
        """Return the ticked values."""
        return list(self.data or ())


class _ListText(Wired, TextAreaField):
    """A list as text. Empty entries are dropped."""

    splits: re.Pattern[str]
    joint: str

    def process_formdata(self, valuelist: list[str]) -> None:
        if valuelist:
            parts = self.splits.split(valuelist[0].replace("\r\n", "\n"))
            self.data = [part.strip() for part in parts if part.strip()]

    def _value(self) -> str:
        return self.joint.join(str(item) for item in self.data or ())

    def sent(self) -> Any:
        return list(self.data or ())


class TagsField(_ListText):
    """Tags, separated by commas, on one line."""

    widget = TextInput()
    splits, joint = LINE_OR_COMMA, ", "
    attributes = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


class LinesField(_ListText):
    """A list with one entry on each line."""

    splits, joint = re.compile(r"\n"), "\n"
    attributes = {"class": "mono", "spellcheck": "false", "autocapitalize": "none"}


class PairsField(Wired, TextAreaField):
    """Pairs `Name: value`, one on each line, as an object of texts: headers and the like."""

    attributes = {"class": "mono", "spellcheck": "false", "autocapitalize": "none"}

    def process_formdata(self, valuelist: list[str]) -> None:
        """Parse the pairs. Raises ValueError, which WTForms puts on the field, for other lines."""
        self.typed = valuelist[0].replace("\r\n", "\n") if valuelist else ""
        pairs: dict[str, str] = {}
        for number, line in enumerate(self.typed.split("\n"), 1):
            if not line.strip():
                continue
            name, found, value = (part.strip() for part in line.partition(":"))
            if not (found and name):
                raise ValueError(f"Line {number} is not of the form Name: value.")
            if name in pairs:
                raise ValueError(f"{name[:60]} is there twice.")
            pairs[name] = value
        self.data = pairs

    def _value(self) -> str:
        typed: str | None = getattr(self, "typed", None)
        if typed is not None:
            return typed
        return "\n".join(f"{name}: {value}" for name, value in (self.data or {}).items())

    def sent(self) -> Any:
        """Return the pairs, or {} if there are none."""
        return self.data or {}


class JsonField(Wired, TextAreaField):
    """An object (or list) as JSON text. An empty text means the result of `empty`: {} or []."""

    attributes = {"class": "mono", "spellcheck": "false", "autocapitalize": "none"}

    def __init__(self, *args: Any, empty: type = dict, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.empty = empty

    def process_formdata(self, valuelist: list[str]) -> None:
        """Parse the text. Raises ValueError, which WTForms puts on the field, if it is not JSON."""
        self.typed = valuelist[0] if valuelist else ""
        self.data = read_json(self.typed) if self.typed.strip() else self.empty()

    def _value(self) -> str:
        typed: str | None = getattr(self, "typed", None)
        if typed is not None:
            return typed
        return json.dumps(self.data, indent=2, ensure_ascii=False) if self.data else ""

    def sent(self) -> Any:
        """Return the document."""
        return self.empty() if self.data is None else self.data


def read_json(text: str) -> Any:
    """Parse a JSON text strictly. Raises ValueError with a message that fits under a field."""
    try:
        return strict_json.parse(text.encode("utf-8", "surrogatepass"))
    except BadRequest as error:
        raise ValueError(error.detail.replace("The body", "This text")) from None


class MomentField(Wired, StringField):
    """A date and time in UTC, with the browser's own picker."""

    attributes = {"type": "datetime-local", "step": "60"}

    def _value(self) -> str:
        if isinstance(self.data, datetime):
            return self.data.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
        return str(self.data or "")

    def sent(self) -> Any:
        """Return the time as RFC 3339 in UTC, "" if there is none."""
        if isinstance(self.data, datetime):
            return self.data
        text = str(self.data or "").strip()
        return f"{text}Z" if re.fullmatch(r"[\d-]{10}T[\d:.]{5,12}", text) else text


class _SecretInput:
    """An input that never shows a value and tells password managers to ignore it."""

    def __call__(self, field: Field, **given: Any) -> Markup:
        given = {
            "type": "password",
            "autocomplete": "off",
            "spellcheck": "false",
            "data-1p-ignore": True,
            "data-lpignore": "true",
            "data-bwignore": True,
            **{name: value for name, value in given.items() if value is not None},
        }
        shown = html_params(name=field.name, id=field.id, value="", **given)
        return Markup(f"<input {shown}>")  # noqa: S704 - html_params escapes


class SecretField(Wired):
    """A secret, always drawn empty. `stored` describes the stored one: "set 12 days ago by Ada".

    It is not part of the command's document. The form's page reads `given` and `removed`.
    """

    draws = "secret"
    widget = _SecretInput()
    stored = ""
    removable = True

    @property
    def remove_name(self) -> str:
        """Return the name of the box that removes the stored secret."""
        return f"{self.name}-remove"

    def process(self, formdata: Any, *args: Any, **kwargs: Any) -> None:
        """Read only what was sent: a record's value never gets here."""
        self.process_errors: list[str] = []
        self.raw_data = formdata.getlist(self.name) if formdata else []
        self.data = self.object_data = None
        self.given: str | None = (self.raw_data[0] or None) if self.raw_data else None
        self.removed = bool(formdata and formdata.get(self.remove_name)) and self.given is None

    def sent(self) -> Any:
        """Return ABSENT: a secret is not part of the document."""
        return ABSENT
