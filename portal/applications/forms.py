"""The forms of an application: one to register or change it, one to change its state."""

from portal.applications import service
from portal.applications.models import WORKING, Application
from portal.applications.schemas import ApplicationInput, StateReason
from portal.database.actor import Actor
from portal.identity.scope_grid import ScopesField, may_all, without
from portal.web.forms import (
    ChoiceField,
    CommandForm,
    LinesField,
    LongTextField,
    Sentence,
    Strong,
    TextField,
    named,
    series,
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
KIND_WORDS = {
    "app": "an app that people use",
    "platform-service": "a service of the platform",
    "library": "a library",
}


class ApplicationForm(CommandForm[ApplicationInput]):
    """A form that registers or changes an application."""

    display_name = TextField(
        "Name", needed="Enter a name.", description="Name shown to people, for example CRM 360."
    )
    slug = TextField(
        "Slug",
        description="Used as app_id on everything this application writes. Can't be changed later."
        " Leave empty to make it from the name.",
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
    allowed_scopes = ScopesField(
        "Maximum key scopes",
        description="Leave empty to allow everything the issuer may do. Removing a scope affects"
        " existing keys immediately.",
    )

    sentence_of = ("display_name", "kind", "allowed_scopes")

    @property
    def sentence(self) -> Sentence:
        """Return what is registered, and what its keys may do."""
        rights = [Strong(right) for right in may_all(self.allowed_scopes.data or ())]
        most = ["at most ", *series(rights)] if rights else ["whatever their issuer may do"]
        keys = [" No keys are issued for it."]
        if self.kind.data != "library":
            keys = [" Its keys may do " if not rights else " Its keys may ", *most, "."]
        what = KIND_WORDS.get(str(self.kind.data), "an application")
        name = named(self.display_name.data, "This application")
        return Sentence(*name, " is registered as ", what, ".", *keys)

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
        # What the application allows already may stay, whoever may grant it.
        kept = record.allowed_scopes if record is not None else ()
        self.allowed_scopes.offer(without({*actor.grantable, *kept}, "you do not have it"))


class StateForm(CommandForm[StateReason]):
    """The form that suspends, retires or reopens an application."""

    reason = TextField("Reason", description="For the people who will ask. It is in the history.")
