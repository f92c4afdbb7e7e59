"""Draw and read the fields of an act's values. What is left empty stays as each record has it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from portal.bulk.acts import Act
from portal.core.errors import FieldError, Invalid

REMOVE = "remove"
Draws = Literal["text", "number", "money", "moment", "tags", "choice"]


class Sent(Protocol):
    """A form that was sent."""

    def get(self, key: str, default: str = "") -> str: ...
    def getlist(self, key: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Field:
    """One value of an act. `removes` is the label of a box that takes the value from all records,
    empty if there is none."""

    label: str
    draws: Draws
    help: str = ""
    removes: str = ""
    choices: tuple[tuple[str, str], ...] = ()


STAYS = ("", "Leave as it is")
FIELDS: Mapping[str, Field] = {
    "reason": Field("Reason", "text", "Shown to people with the key."),
    "choice": Field(
        "Held events",
        "choice",
        choices=(("all", "Send all of them"), ("newest_per_subject", "Newest of each subject")),
    ),
    "add_tags": Field("Add tags", "tags", "Separated by commas."),
    "remove_tags": Field("Remove tags", "tags", "Separated by commas."),
    "expires_at": Field("Expires on", "moment", "In UTC.", "Never expires"),
    "rpm_limit": Field("Requests per minute", "number", removes="No limit"),
    "tpm_limit": Field("Tokens per minute", "number", removes="No limit"),
    "max_budget_usd": Field("Budget, US dollars", "money", removes="No budget"),
    "budget_period": Field(
        "Budget resets",
        "choice",
        choices=(STAYS, ("none", "Never"), ("day", "Every day"), ("week", "Every week"),
                 ("month", "Every month")),
    ),
    "rate_limit": Field("Rate limit, deliveries per second", "number", removes="No limit"),
    "next_rotation_due": Field("Next rotation due", "moment", "In UTC.", "No date"),
    "status": Field(
        "Status",
        "choice",
        choices=(STAYS, ("draft", "Draft"), ("active", "Active"), ("deprecated", "Deprecated")),
    ),
    "primary_domain": Field("Primary domain", "text", removes="None"),
}  # fmt: skip


def fields_of(act: Act) -> dict[str, Field]:
    """Return the fields of an act's values, tags first."""
    return {name: FIELDS[name] for name in act.command.model_fields}


def values_of(act: Act, sent: Sent) -> dict[str, Any]:
    """Return the values that a form has, in the form of JSON. Raises Invalid."""
    return dict(_values(act, sent))


def _values(act: Act, sent: Sent) -> Iterator[tuple[str, Any]]:
    removed = set(sent.getlist(REMOVE))
    for name, field in fields_of(act).items():
        text = sent.get(name, "").strip()
        if name in removed and field.removes:
            if text:
                message = "Give a value, or tick the box, and not both."
                raise Invalid([FieldError(f"arguments.{name}", message)])
            yield name, None
        elif text:
            yield name, _value(field, text)


def _value(field: Field, text: str) -> Any:
    """Return a typed text as JSON. What is no number stays a text, for the command to refuse."""
    if field.draws == "tags":
        return [tag for tag in (part.strip() for part in text.split(",")) if tag]
    if field.draws == "number" and text.isascii() and text.isdigit() and len(text) < 12:
        return int(text)
    if field.draws == "moment" and text[-1:].isdigit() and "+" not in text:
        return f"{text}Z"
    return text
