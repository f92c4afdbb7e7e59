"""The fields of forms: each reads what was typed as the value that its command expects."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import url_for
from markupsafe import Markup
from wtforms import BooleanField, Field, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import TextInput, html_params

from portal.core.errors import BadRequest
from portal.core.key_shape import shown
from portal.rest import strict_json
from portal.web.drawing.template_functions import minute

Choices = Sequence[tuple[str, ...]]
ABSENT: Any = object()  # the form does not set this field
NOTHING: tuple[Any, ...] = (None, False, "", [], {}, ABSENT)
LONGEST = 200  # options of a select element
LINE_OR_COMMA = re.compile(r"[,\n]")


class Wired(Field):
    """A field that sets a field of the command. `draws` tells the macro `field` how to draw it.

    `needed` is what the form says when the field is empty, although programs may leave it out.
    """

    draws = "input"
    is_drawn = False
    is_required = False
    is_missing = False
    typed: str | None = None
    attributes: Mapping[str, Any] = {}

    def __init__(
        self, *args: Any, wire: str | None = None, needed: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.wire = wire or self.short_name
        self.needed = needed
        self.render_kw: dict[str, Any] = {**self.attributes, **(kwargs.get("render_kw") or {})}

    def sent(self) -> Any:
        """Return the value for the command: "" if emptied, ABSENT if the form does not set it."""
        return self.data.strip() if isinstance(self.data, str) else self.data

    def shown(self, value: Any) -> str:
        """Return a value of this field in one line, so that equal values look the same."""
        if value in (None, "", [], {}):
            return "(empty)"
        if isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)

    def take(self, value: Any) -> None:
        """Show another value than the one that was typed."""
        self.raw_data, self.typed = None, None
        self.process_data(value)

    @property
    def is_touched(self) -> bool:
        """Tell whether the person has changed what the form showed."""
        sent = self.sent()
        return sent is not ABSENT and self.shown(sent) != self.shown(self.object_data)

    @property
    def is_set(self) -> bool:
        """Tell whether the stored record has a value for this field."""
        return self.object_data is not None and not self.is_missing

    @property
    def is_filled(self) -> bool:
        """Tell whether the field has a value that is not its usual one."""
        value, usual = self.sent(), self.default
        if value in NOTHING:
            return usual is True
        return bool(value != usual)


class TextField(Wired, StringField):
    """One line of text."""


class LongTextField(Wired, TextAreaField):
    """Several lines of text. A browser counts a line break as one character and sends two."""

    def shown(self, value: Any) -> str:
        """Return the text with its line breaks as the browser counts them."""
        return super().shown(value.replace("\r\n", "\n") if isinstance(value, str) else value)

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

    def shown(self, value: Any) -> str:
        """Return the amount without zeros at its end."""
        try:
            return f"{Decimal(str(value)).normalize():f}"
        except InvalidOperation:
            return super().shown(value)

    def sent(self) -> Any:
        """Return the typed amount."""
        return str("" if self.data is None else self.data).strip()


class SwitchField(Wired, BooleanField):
    """A value that is on or off."""

    draws = "check"

    def shown(self, value: Any) -> str:
        """Return the value in words."""
        return "yes" if value else "no"

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


class PickField(ChoiceField):
    """A record or person to refer to, by name: `of` is what the search for choices finds.

    It is a select element. With a script, a long one becomes a field to type in, and the server
    finds what was typed. Of more than LONGEST, only the id can be typed without a script.
    """

    def __init__(self, *args: Any, of: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.of = of

    def __call__(self, **kwargs: Any) -> Markup:
        """Return the HTML: a select element, or a field for an id when there are too many."""
        kwargs["data-pick"] = url_for("choices.index", of=self.of)
        if len(self.choices or ()) <= LONGEST:
            drawn: Markup = super().__call__(**kwargs)
            return drawn
        names = {choice.value: choice.label for choice in self.choices}
        kwargs |= {
            "data-shown": names.get(self.data or "", ""),
            "placeholder": names.get("", "Id"),
            "autocomplete": "off",
            "spellcheck": "false",
        }
        shown = html_params(name=self.name, id=self.id, value=self.data or "", **kwargs)
        return Markup(f"<input {shown}>")  # noqa: S704 - html_params escapes


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

    def shown(self, value: Any) -> str:
        """Return the values in the order of the alphabet."""
        return ", ".join(sorted(map(str, value or ()))) or "(empty)"

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

    def shown(self, value: Any) -> str:
        return ", ".join(map(str, value or ())) or "(empty)"

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
                raise ValueError(f"{shown(name)} is there twice.")
            pairs[name] = value
        self.data = pairs

    def _value(self) -> str:
        if self.typed is not None:
            return self.typed
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
        if self.typed is not None:
            return self.typed
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
        at = _in_utc(self.data)
        return minute(at) if at else str(self.data or "")

    def shown(self, value: Any) -> str:
        """Return the minute in UTC: the browser's picker has no seconds."""
        at = _in_utc(value)
        return f"{minute(at)}Z" if at else super().shown(value)

    def sent(self) -> Any:
        """Return the time as RFC 3339 in UTC, "" if there is none."""
        if isinstance(self.data, datetime):
            return self.data
        text = str(self.data or "").strip()
        return f"{text}Z" if re.fullmatch(r"[\d-]{10}T[\d:.]{5,12}", text) else text


def _in_utc(value: Any) -> datetime | None:
    """Return a stored or typed time in UTC, also if it names no zone; None if it is no time."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


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
            "data-never-kept": True,
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
