"""The forms of deliveries: resume a webhook, replay a window, try a filter."""

from portal.delivery.schemas import FilterTest, ReplayInput, ResumeInput
from portal.web.forms import (
    ChoiceField,
    CommandForm,
    JsonField,
    MomentField,
    NumberField,
    TagsField,
    TextField,
)


class ResumeForm(CommandForm[ResumeInput]):
    """Resume a paused webhook: what becomes of what was held."""

    choice = TextField("What was held")
    before = MomentField(
        "Skip what was published before", description="In UTC. Left empty: everything until now."
    )


class ReplayForm(CommandForm[ReplayInput]):
    """Send the events of a window again."""

    WHAT = (
        ("failed", "Failed: its delivery failed for good"),
        ("missing", "Missing: matches today, was never sent here"),
        ("all", "All: everything that matches today"),
    )
    what = ChoiceField("Which events", choices=WHAT)
    since = MomentField("From", wire="from", description="In UTC.")
    until = MomentField("Until", wire="to", description="In UTC.")
    rate = NumberField(
        "At most a second", description="1 to 1,000. Left empty: as fast as the receiver takes it."
    )


class TrialForm(CommandForm[FilterTest]):
    """The two fields of a webhook's form that decide which events it gets."""

    event_types = TagsField("Events")
    filter = JsonField("Filter")
