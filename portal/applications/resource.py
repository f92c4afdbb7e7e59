"""REST of applications: /api/v1/integration/applications."""

from portal.applications import service, states
from portal.applications.models import WITH_KEYS, WORKING, Application
from portal.applications.schemas import ApplicationDocument, ApplicationInput, StateReason
from portal.rest.findable import Act, Findable, Place
from portal.rest.resources import Action, Resource

OF = Application.noun
FOUND = Findable(
    acts=(
        Act("Register application", "applications.create", "applications:write", "plus",
            also="new create add"),
        Act("Edit {}", "applications.edit", "applications:write", "pencil", OF, also="change"),
        Act("Suspend {}", "applications.suspend", "applications:suspend", "player-pause", OF,
            when=lambda application: not application.is_stopped, also="stop pause",
            note="stops all that belongs to it"),
        Act("Reopen {}", "applications.reopen", "applications:reopen", "player-play", OF,
            when=lambda application: application.is_stopped, also="resume start"),
        Act("Retire {}", "applications.retire", "applications:retire", "ban", OF,
            when=lambda application: application.status != "retired", also="stop end",
            note="stops all that belongs to it"),
    ),
    places=(Place("Applications", "applications.index", "applications:read", "apps", "apps"),),
    note=lambda application: application.slug,
    among={
        "applications": {"status": WORKING},
        "running-applications": {"status": WORKING, "kind": WITH_KEYS},
    },
)  # fmt: skip

resource = Resource(
    name="applications",
    singular="application",
    about="A registered app integrating with cPod.",
    scope="applications",
    model=Application,
    command=ApplicationInput,
    document=ApplicationDocument,
    listing=service.LISTING,
    create=service.create,
    create_all=service.create_all,
    update=service.update,
    found=FOUND,
    actions=(
        Action(
            "suspend",
            "Suspend an application until it is reopened",
            states.suspend,
            "applications:suspend",
            StateReason,
            description="Stop the application and all that belongs to it: keys, tokens,"
            " webhooks and connectors are refused everywhere within a second."
            " The reason is kept in the history, and reopen undoes it. An"
            " application that is suspended or retired already is a 409.",
        ),
        Action(
            "retire",
            "Retire an application",
            states.retire,
            "applications:retire",
            StateReason,
            description="Stop an application that is not to come back, and all that"
            " belongs to it, within a second. The reason is kept in the"
            " history. It can still be reopened; an application that is retired"
            " already is a 409.",
        ),
        Action(
            "reopen",
            "Reopen a suspended or retired application",
            states.reopen,
            "applications:reopen",
            StateReason,
            description="Let a suspended or retired application work again, and all that"
            " belongs to it. Keys and webhooks that were stopped one by one"
            " stay stopped. An application that is neither is a 409.",
        ),
    ),
)
