"""Validate commands with one pydantic model for each, the same for JSON and for forms.

JSON types are strict (`"1"` is not a number), and unknown fields are refused by name. Fields that
only the server writes are dropped, so that a document that was read can be sent back and the
specification's own examples work unchanged.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue

from portal.core.errors import FieldError, Invalid, did_you_mean
from portal.core.key_shape import holds_key, places, shown

# The common envelope of the specification: accepted from clients, never stored.
ENVELOPE = frozenset(
    {
        "id",
        "tenant_id",
        "app_id",
        "created_at",
        "updated_at",
        "created_by",
        "updated_by",
        "source",
        "source_type",
        "is_deleted",
        "deleted_at",
        "deleted_by",
        "schema_version",
        "version",
    }
)
CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
CONTROL = re.compile(f"[{CONTROLS}]")
# Control characters, those without a width, and those that turn the direction of the text after
# them: a name with one would turn our own sentences around it.
UNSEEN = CONTROLS + r"\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff"
HIDDEN = re.compile(f"[{UNSEEN}]")
WEB_ADDRESS = f"^[Hh][Tt][Tt][Pp][Ss]?://[^{UNSEEN}]*$"
YEARS = "(19[7-9][0-9]|[2-8][0-9]{3}|9000)"
SLUG = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
QUOTED = re.compile(r"'([^']*)'")  # as pydantic writes the values of a literal
TAG = re.compile(r"[\w][\w .:/@+-]*")
# For JSON schemas: all but the other characters of ASCII. Few validators know the letters of all
# scripts (\p{L}), so that symbols are only refused here.
WORD = r"[^\x00-/:-@\[-^`{-\xa9]"
SHOWN_TAG = rf"^{WORD}([ .:/@+-]|{WORD})*$"
JSON_BYTES = 16 * 1024
EXACT_DIGITS = 15  # of a decimal number: a double keeps them all
NAMED_PLACES = 20  # texts with a key that one response names
HOLDS_KEY = (
    "This holds an API key, and whoever reads it could use the key. Take it out; if others have"
    " seen it, revoke the key."
)
# Limits for the response, because a body may have a hundred thousand errors.
FEW_UNKNOWN, SHOWN = 20, 100


class EntryErrors(ValueError):
    """Problems of the entries of an object: name → sentence; "" is the whole object."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


SECRET: JsonDict = {"x-secret": True}
"""Marks a field that the SDKs hide."""


class FromJson(BaseModel):
    """Base class of what is read from JSON, which has one kind of number: 3.0 is the integer 3."""

    _integers: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        fields = cls.model_fields.items()
        cls._integers = frozenset(f.alias or name for name, f in fields if _is_whole(f.annotation))

    @model_validator(mode="before")
    @classmethod
    def read_integers(cls, data: Any) -> Any:
        """Read a number without a fraction as an integer, where an integer belongs."""
        if not isinstance(data, Mapping):
            return data
        floats = ((name, data.get(name)) for name in cls._integers)
        whole = {name: int(n) for name, n in floats if isinstance(n, float) and n.is_integer()}
        return {**data, **whole} if whole else data


def _is_whole(annotation: Any) -> bool:
    """Tell whether the values of a field are integers: `int`, with rules, or none."""
    return annotation is int or any(map(_is_whole, get_args(annotation)))


class Command(FromJson):
    """Base class of all commands. It refuses raw API keys in free text.

    `server_managed` names fields beyond the envelope that only the server writes. `write_only`
    names fields that are not columns and are never read back, such as a credential; the names in
    such a field are read back. Everything else is free text that people and logs see, so a raw API
    key in it is refused. `may_hold_keys` names the exceptions: fields that are neither stored nor
    shown, or have their own rule.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, str_strip_whitespace=True)
    server_managed: ClassVar[frozenset[str]] = frozenset()
    write_only: ClassVar[frozenset[str]] = frozenset()
    may_hold_keys: ClassVar[frozenset[str]] = frozenset()
    _ignored: ClassVar[frozenset[str]] = frozenset()
    _exempt: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls._ignored = (ENVELOPE | cls.server_managed) - cls.model_fields.keys()
        cls._exempt = cls.write_only | cls.may_hold_keys

    @classmethod
    def ignored(cls) -> frozenset[str]:
        """Return the names of the fields that are accepted and never stored."""
        return cls._ignored

    @model_validator(mode="before")
    @classmethod
    def drop_server_managed(cls, data: Any) -> Any:
        """Drop the fields that only the server writes (DESIGN: accepted, never stored)."""
        if not isinstance(data, Mapping):
            return data
        if len(data) > len(cls.model_fields) + len(cls._ignored) + FEW_UNKNOWN:
            unknown = next(name for name in data if name not in cls.model_fields)
            raise ValueError(f"Many of these fields are unknown here, {quoted(unknown)} first.")
        if cls._ignored.isdisjoint(data):
            return data
        return {name: value for name, value in data.items() if name not in cls._ignored}

    @classmethod
    def read(cls, data: Any) -> Self:
        """Return the validated command. Raise Invalid with every field that needs attention."""
        cls.refuse_keys(data)
        return cls._validated(data)

    @classmethod
    def _validated(cls, data: Any) -> Self:
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise Invalid(field_errors(error, cls)) from None

    @classmethod
    def patched(cls, record: Any, patch: Mapping[str, Any]) -> Self:
        """Return the stored document with the patch applied, validated as a whole."""
        cls.refuse_keys(patch)
        stored = {name: getattr(record, name) for name in cls.columns()}
        return cls._validated({**stored, **patch})

    @classmethod
    def merged(cls, record: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Return the patch with its objects merged into the stored ones (RFC 7396).

        It holds for `application/json` and for `application/merge-patch+json`. Objects merge at
        every depth, null removes a member of an object, and a list is replaced. A field of the
        record is never removed: null empties it, if it may be null.
        """
        columns = cls.columns()
        return {
            name: merge_patch(getattr(record, name), value)
            if isinstance(value, Mapping) and name in columns
            else value
            for name, value in patch.items()
        }

    @classmethod
    def refuse_keys(cls, data: Any) -> None:
        """Raise Invalid if the data holds a raw API key, before any other error could repeat it."""
        if found := list(islice(cls.key_places(data), NAMED_PLACES)):
            raise Invalid([FieldError(readable(place), HOLDS_KEY) for place in found])

    @classmethod
    def key_places(cls, data: Any) -> Iterator[str]:
        """Yield the paths of the free texts that contain a raw API key."""
        if not isinstance(data, Mapping):
            return
        for name, value in data.items():
            if holds_key(name):
                yield "body"
            elif isinstance(value, str):  # nearly all values are text: test this first
                if name not in cls._exempt and holds_key(value):
                    yield name
            elif name not in cls.may_hold_keys and isinstance(value, dict | list | tuple):
                yield from places(value, name, names_only=name in cls.write_only)

    def values(self) -> dict[str, Any]:
        """Return field → value in the form of the columns. Nested documents are plain JSON."""
        return {name: _plain(getattr(self, name)) for name in self.columns()}

    @classmethod
    def columns(cls) -> list[str]:
        """Return the names of the fields that are stored in the record's own row."""
        return [name for name in cls.model_fields if name not in cls.write_only]


def merge_patch(stored: Any, patch: Any) -> Any:
    """Return the stored value with a JSON merge patch applied to it (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(stored) if isinstance(stored, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


# ---------------------------------------------------------------- words for people


SENTENCES = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no field of this name.",
    "string_type": "This must be text.",
    "int_type": "This must be a whole number.",
    "bool_type": "This must be true or false.",
    "list_type": "This must be a list.",
    "tuple_type": "This must be a list.",
    "dict_type": "This must be an object.",
    "model_type": "This must be an object.",
    "datetime_type": "Give a date and time such as 2026-01-31T09:00:00Z.",
    "datetime_parsing": "Give a date and time such as 2026-01-31T09:00:00Z.",
    "datetime_from_date_parsing": "Give a date and time such as 2026-01-31T09:00:00Z.",
    "timezone_aware": "Say the time zone, for example 2026-01-31T09:00:00Z.",
    "decimal_type": "This must be a number.",
    "decimal_parsing": "This must be a number.",
    "finite_number": "This must be a number.",
}
SENTENCES_WITH_CONTEXT = {
    "string_too_long": "Use at most {max_length} characters.",
    "string_too_short": "Use at least {min_length} characters.",
    "too_long": "Give at most {max_length} entries.",
    "too_short": "Give at least {min_length} entries.",
    "greater_than_equal": "This must be at least {ge}.",
    "greater_than": "This must be more than {gt}.",
    "less_than_equal": "This must be at most {le}.",
    "less_than": "This must be less than {lt}.",
    "literal_error": "Choose one of {expected}.",
    "decimal_max_places": "Use at most {decimal_places} decimal places.",
    "decimal_max_digits": "Use at most {max_digits} digits.",
    "decimal_whole_digits": "Use at most {whole_digits} digits before the decimal point.",
}


def field_errors(error: ValidationError, model: type[BaseModel]) -> list[FieldError]:
    """Return pydantic's errors as sentences, each with its field's path on the wire.

    `model` is what was validated, in which a name may be near to an unknown one.
    """
    found_errors = error.errors(include_url=False)[:SHOWN]
    return [one for found in found_errors for one in _field_errors(found, model)]


def _field_errors(found: Any, model: type[BaseModel]) -> Iterator[FieldError]:
    error = (found.get("ctx") or {}).get("error")
    if not isinstance(error, EntryErrors):
        yield FieldError(_path(found["loc"]), _sentence(found) + _near(found, model))
        return
    for name, problem in islice(error.problems.items(), SHOWN):
        yield FieldError(_path([*found["loc"], *filter(None, [name])]), problem)


def _near(found: Any, model: type[BaseModel]) -> str:
    """Return what was meant by an unknown name or value, as a sentence, if it is near to one."""
    if found["type"] == "extra_forbidden":
        *places, name = found["loc"]
        return did_you_mean(str(name), _names_at(model, places))
    if found["type"] == "literal_error" and isinstance(found["input"], str):
        return did_you_mean(found["input"], QUOTED.findall(found["ctx"]["expected"]))
    return ""


def _names_at(model: type[BaseModel], places: Sequence[int | str]) -> list[str]:
    """Return the names on the wire of the model at a path below this one."""
    for place in places:
        for name, field in model.model_fields.items():
            if place == (field.alias or name):
                model = next(_models_in(field.annotation), model)
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _path(loc: Iterable[int | str]) -> str:
    return readable(".".join(str(part) for part in loc) or "body")


def readable(path: str) -> str:
    """Return a field's path in a form that is safe in a response."""
    # A lone surrogate in a name that a client made up must not break the response.
    return shown(path, 200).encode("utf-8", "replace").decode()


def quoted(text: str, most: int = 60) -> str:
    """Return the beginning of a text in quotation marks, for a sentence. What cannot be seen in it
    is written as `\\u200b`."""
    seen = (c if c.isprintable() else f"\\u{ord(c):04x}" for c in shown(text, most))
    return f"“{''.join(seen)}”"


def _sentence(found: Any) -> str:
    kind, context = found["type"], found.get("ctx") or {}
    if kind == "value_error":
        return str(context.get("error"))
    if kind in ("too_short", "too_long") and isinstance(found.get("input"), str):
        kind = f"string_{kind}"  # pydantic counts entries if a rule of ours comes first
    if kind == "string_too_short" and context.get("min_length") == 1:
        return "This may not be empty."
    if kind == "string_pattern_mismatch":
        return "This has a character that is not allowed here."
    if template := SENTENCES_WITH_CONTEXT.get(kind):
        return template.format(**context)
    return SENTENCES.get(kind, str(found["msg"]))


# ---------------------------------------------------------------- kinds of field


def _nothing_hidden(value: str) -> str:
    if HIDDEN.search(value):
        raise ValueError("This has an invisible control character.")
    return value


def _on_the_web(text: str) -> str:
    if not text.lower().startswith(("https://", "http://")):
        raise ValueError("Give an address that begins with https:// or http://.")
    return text


def _moment(value: Any) -> Any:
    if value is None or isinstance(value, str | datetime):
        return value
    raise ValueError(SENTENCES["datetime_type"])


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(SENTENCES["timezone_aware"])
    if not 1970 <= value.year <= 9000:
        raise ValueError("This date is out of range.")
    return value.astimezone(UTC)


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError("This must be a number.")
    return value


def _exact(value: Decimal) -> Decimal:
    """Return the amount. Raises ValueError if a JSON number, which is a double, may not keep it."""
    if len(value.normalize().as_tuple().digits) > EXACT_DIGITS:
        raise ValueError(f"Use at most {EXACT_DIGITS} digits.")
    return value


def _tag(tag: str) -> str:
    if not TAG.fullmatch(tag):
        raise ValueError(f"The tag {quoted(tag, 40)} has a character that is not allowed.")
    return tag


def _each_once(tags: list[str]) -> list[str]:
    return sorted(set(tags))


def small(value: Any) -> Any:
    """Return the value. Raises ValueError if it is too large to be stored as a setting."""
    if len(repr(value)) > JSON_BYTES:
        raise ValueError("This is too large: at most 16 KiB.")
    return value


class Rules:
    """Add to the JSON schema of a type what its own validator checks, so that clients can read it.

    The validator and the schema must agree: tests/rest/fuzzing sends what the schema allows, and
    what it does not.
    """

    def __init__(self, **rules: Any) -> None:
        self.rules = rules

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), **self.rules}


Line = Annotated[str, AfterValidator(_nothing_hidden), Rules(pattern=f"^[^{UNSEEN}]*$")]
# Spaces at the ends are taken off before a text is measured, so one character is not a space.
Filled = Annotated[
    Line,
    StringConstraints(min_length=1),
    Rules(pattern=rf"^[^{UNSEEN}]*[^\s{UNSEEN}][^{UNSEEN}]*$"),
]
Name = Annotated[Filled, StringConstraints(max_length=200)]
ShortText = Annotated[Line, StringConstraints(max_length=200)]
LongText = Annotated[Line, StringConstraints(max_length=4000)]
WebAddress = Annotated[
    Line,
    AfterValidator(_on_the_web),
    Rules(pattern=WEB_ADDRESS),
]
Slug = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=SLUG)]
RecordId = Annotated[Filled, StringConstraints(max_length=40)]
Moment = Annotated[
    datetime,
    Field(strict=False),
    BeforeValidator(_moment),
    AfterValidator(_in_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": f"^{YEARS}-"}),
]
Money = Annotated[
    Decimal,
    Field(strict=False, ge=0, max_digits=18, decimal_places=9, allow_inf_nan=False),
    BeforeValidator(_number),
    AfterValidator(_exact),
    WithJsonSchema({"type": "number", "minimum": 0, "exclusiveMaximum": 1_000_000_000}),
]
MOST_TAGS = 30
Tags = Annotated[
    list[
        Annotated[
            str,
            StringConstraints(min_length=1, max_length=60),
            AfterValidator(_tag),
            Rules(pattern=SHOWN_TAG),
        ]
    ],
    Field(max_length=MOST_TAGS),
    AfterValidator(_each_once),
]
# A name in another program's JSON is kept unchanged, including spaces at its ends.
JsonName = Annotated[str, StringConstraints(strip_whitespace=False)]
JsonObject = Annotated[dict[JsonName, Any], AfterValidator(small)]


# ---------------------------------------------------------------- documents


class Document(BaseModel):
    """Define the common envelope of the specification, for all records as they are read.

    It is never used to validate: it names the fields on the wire and describes them.
    """

    id: str = Field(description="Server-assigned ULID with type prefix (e.g. per_…).")
    tenant_id: str = Field(description="Tenant scope — auto-stamped from the caller's JWT.")
    app_id: str | None = Field(
        description="App scope. Stamped ONLY when the caller's JWT was minted for a specific"
        " Application (integration API keys). Absent for human-user sessions."
        " Filters reads when present."
    )
    created_at: datetime = Field(description="Server stamp.")
    updated_at: datetime = Field(description="Server stamp; updated on every patch.")
    created_by: str | None = Field(description="Person id from the caller's JWT (sub).")
    updated_by: str | None = Field(description="Person id from the last writer's JWT (sub).")
    source: str = Field(description="Provenance tag — defaults to 'edm'.")
    source_type: str = Field(description="Where the write originated. Defaults to 'api'.")
    is_deleted: bool = Field(description="Soft-delete flag. Excluded from default list queries.")
    deleted_at: datetime | None = Field(description="Stamped when soft-deleted; null otherwise.")
    deleted_by: str | None = Field(description="Person id who soft-deleted; null otherwise.")
    schema_version: int = Field(
        description="Document schema version. Bumped on incompatible writes."
    )
    version: int = Field(description="Optimistic concurrency version counter.")
