"""REST of applications: /api/v1/integration/applications."""

from portal.applications import service, states
from portal.applications.models import Application
from portal.applications.schemas import ApplicationDocument, ApplicationInput, StateReason
from portal.rest.resources import Action, Resource

resource = Resource(
    name="applications",
    singular="application",
    scope="applications",
    model=Application,
    command=ApplicationInput,
    document=ApplicationDocument,
    listing=service.LISTING,
    create=service.create,
    create_all=service.create_all,
    update=service.update,
    actions=(
        Action(
            "suspend",
            "Stop an application and all that belongs to it, until it is reopened",
            states.suspend,
            "applications:suspend",
            StateReason,
        ),
        Action(
            "retire",
            "Stop an application that is not to come back, and all that belongs to it",
            states.retire,
            "applications:retire",
            StateReason,
        ),
        Action(
            "reopen",
            "Let a suspended or retired application work again",
            states.reopen,
            "applications:reopen",
            StateReason,
        ),
    ),
)
