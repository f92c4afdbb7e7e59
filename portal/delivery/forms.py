"""Forms of deliveries: resume a webhook, replay a period, test a filter."""

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
    """Resume a paused webhook, with the choice of what happens to the held events."""

    choice = TextField("What was held")
    before = MomentField(
        "Skip what was published before", description="In UTC. Left empty: everything until now."
    )


class ReplayForm(CommandForm[ReplayInput]):
    """Send the events of a period again."""

    WHAT = (
        ("failed", "Failed: its delivery failed for good"),
        ("missing", "Missing: matches today, was never sent here or was cancelled"),
        ("all", "All: everything that matches today"),
    )
    what = ChoiceField("Which events", choices=WHAT)
    since = MomentField("From", wire="from", description="In UTC.")
    until = MomentField("Until", wire="to", description="In UTC.")
    rate = NumberField(
        "Deliveries per second",
        description="1 to 1,000, spread over time. Left empty: as fast as the receiver takes it."
        " What a pause or an outage keeps back is then sent at the webhook's own pace.",
    )


class TrialForm(CommandForm[FilterTest]):
    """Test the two fields of a webhook's form that select its events."""

    event_types = TagsField("Events")
    filter = JsonField("Filter")
