"""The forms of an application: one to register or change it, one to change its state."""

from portal.applications import service
from portal.applications.models import WORKING, Application
from portal.applications.schemas import ApplicationInput, StateReason
from portal.database.actor import Actor
from portal.web.forms import (
    ChecksField,
    ChoiceField,
    CommandForm,
    LinesField,
    LongTextField,
    TextField,
)

KIND_CHOICES = [
    ("app", "App: people use it"),
    ("platform-service", "Platform service: a backend of the platform"),
    ("library", "Library: no identity at run time, so no keys"),
]
STATUS_CHOICES = [
    ("draft", "Draft"),
    ("active", "Active"),
    ("deprecated", "Deprecated: keys work, but it is on its way out"),
    ("suspended", "Suspended: all that belongs to it has stopped"),
    ("retired", "Retired: all that belongs to it has stopped for good"),
]


class ApplicationForm(CommandForm[ApplicationInput]):
    """A form that registers or changes an application."""

    display_name = TextField(
        "Name", description="Name shown to people, for example CRM 360.", has_default=True
    )
    slug = TextField(
        "Slug",
        description="Stamped as app_id on all that it writes, so it is fixed once registered."
        " Leave empty to have it made from the name.",
    )
    kind = ChoiceField("Kind", choices=KIND_CHOICES, default="app")
    status = ChoiceField(
        "Status",
        choices=[choice for choice in STATUS_CHOICES if choice[0] in WORKING],
        default="active",
    )
    description = LongTextField("Description", description="Purpose of the application.")
    primary_domain = TextField("Primary domain", description="The model domain it mainly serves.")
    oauth_client_id = TextField(
        "OAuth client id",
        description="A program's token of the identity provider with this client_id acts as this"
        " application.",
    )
    api_base_path = TextField("API base path", description="For example /v1/deals.")
    repository = TextField("Repository", description="Address of its source.")
    canonical_owner_of = LinesField(
        "Canonical owner of", description="Entity types, one a line. Empty for pure consumers."
    )
    allowed_scopes = ChecksField(
        "What its keys may do at most",
        description="Tick none to let them do all that whoever issues them may do. What you take"
        " away here, keys that were issued before lose at once.",
    )

    def offer(self, actor: Actor, record: Application | None = None) -> None:
        """Fill the choices with the scopes that this person may allow.

        Remove the fields that they may not set: a slug is fixed, and a stopped application has to
        be reopened before its status can change.
        """
        if not service.may_identify(actor):
            del self.oauth_client_id
        if record is not None:
            del self.slug
            if record.is_stopped:
                del self.status
        self.allowed_scopes.choices = [(scope, scope) for scope in sorted(actor.grantable)]


class StateForm(CommandForm[StateReason]):
    """The form that suspends, retires or reopens an application."""

    reason = TextField("Reason", description="For the people who will ask. It is in the history.")
