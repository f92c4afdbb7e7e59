"""REST of applications: /api/v1/integration/applications."""

from portal.applications import service
from portal.applications.models import Application
from portal.applications.schemas import ApplicationDocument, ApplicationInput
from portal.resources import Resource

resource = Resource(
    name="applications",
    singular="application",
    scope="applications",
    model=Application,
    command=ApplicationInput,
    document=ApplicationDocument,
    listing=service.LISTING,
    create=service.create,
    update=service.update,
)
