"""The form that edits a key."""

from datetime import UTC, datetime
from typing import Any

from portal.core.errors import Invalid
from portal.keys.models import ApiKey
from portal.keys.schemas import EditKey
from portal.web.forms import (
    ChoiceField,
    CommandForm,
    MomentField,
    MoneyField,
    NumberField,
    TagsField,
    TextField,
)

RESETS = [
    ("none", "Never"),
    ("day", "Every day"),
    ("week", "Every week"),
    ("month", "Every month"),
]
PAST = "This is in the past. Choose a later time, or revoke the key to end it now."


class EditKeyForm(CommandForm[EditKey]):
    """The form that edits a key. What is fixed is not on it."""

    name = TextField(
        "Name",
        needed="Enter a name.",
        description="Name shown to people, for example Nightly export.",
    )
    tags = TagsField("Tags", description="Separated by commas.")
    expires_at = MomentField("Expires on", description="In UTC. Empty for never.")
    rpm_limit = NumberField("Requests per minute", description="Empty for no limit.")
    tpm_limit = NumberField("Tokens per minute", description="Empty for no limit.")
    max_uses = NumberField("Maximum uses", description="Empty for no limit.")
    max_budget_usd = MoneyField(
        "Budget, US dollars",
        description="Empty for no limit. If more is spent already, calls are refused until the"
        " budget resets.",
    )
    budget_period = ChoiceField(
        "Budget resets",
        choices=RESETS,
        default="none",
        description="For all keys that share the budget. What was spent stays counted.",
    )

    @classmethod
    def of(cls, record: ApiKey) -> "EditKeyForm":
        """Return the form, filled from the key unless it was sent."""
        form = cls(obj=record)
        if not form.is_submitted() and record.max_budget_usd is not None:
            form.max_budget_usd.data = f"{record.max_budget_usd.normalize():f}"
        return form

    def document(self, stored: Any = None) -> dict[str, Any]:
        """Return what was changed.

        Raises Invalid for a time in the past, which only a program may ask for: it ends the key.
        """
        document = super().document(stored)
        if is_past(document.get("expires_at")):
            self.blame(Invalid.field("expires_at", PAST).errors)
            document.pop("expires_at")
        return document


def is_past(typed: Any) -> bool:
    """Tell whether a typed time is over."""
    try:
        return datetime.fromisoformat(str(typed)) <= datetime.now(UTC)
    except (ValueError, TypeError):  # the command says what is wrong
        return False
