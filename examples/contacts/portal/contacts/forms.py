"""The form that creates or changes a contact."""

from portal.contacts.models import TEAMS
from portal.contacts.schemas import ContactInput
from portal.web.forms import ChoiceField, CommandForm, LongTextField, TagsField, TextField

TEAM_CHOICES = [(team, team.capitalize()) for team in TEAMS]


class ContactForm(CommandForm[ContactInput]):
    """A form that creates or changes a contact."""

    name = TextField("Name", description="A person or a mailbox, for example CRM on call.")
    email = TextField("Email", render_kw={"type": "email", "autocomplete": "off"})
    team = ChoiceField("Team", choices=TEAM_CHOICES, default="operations")
    application_id = ChoiceField("Application")
    notes = LongTextField("Notes", description="Hours and ways to reach them.")
    tags = TagsField("Tags", description="Separated by commas.")
