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

from portal.web.forms.command_form import CommandForm, as_seen
from portal.web.forms.fields import (
    ABSENT,
    ChecksField,
    ChoiceField,
    Choices,
    HiddenWired,
    JsonField,
    LinesField,
    LongTextField,
    MomentField,
    MoneyField,
    NumberField,
    PairsField,
    PickField,
    SecretField,
    SwitchField,
    TagsField,
    TextField,
    Wired,
    read_json,
)
from portal.web.forms.sentences import Sentence, Strong, listed, named, series

__all__ = [
    "ABSENT",
    "ChecksField",
    "ChoiceField",
    "Choices",
    "CommandForm",
    "HiddenWired",
    "JsonField",
    "LinesField",
    "LongTextField",
    "MomentField",
    "MoneyField",
    "NumberField",
    "PairsField",
    "PickField",
    "SecretField",
    "Sentence",
    "Strong",
    "SwitchField",
    "TagsField",
    "TextField",
    "Wired",
    "as_seen",
    "listed",
    "named",
    "read_json",
    "series",
]
