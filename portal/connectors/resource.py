"""REST of connectors: /api/v1/integration/connectors."""

from portal.connectors import service
from portal.connectors.models import Connector
from portal.connectors.schemas import ConnectorDocument, ConnectorInput
from portal.rest.resources import Action, Resource

resource = Resource(
    name="connectors",
    singular="connector",
    scope="connectors",
    model=Connector,
    command=ConnectorInput,
    document=ConnectorDocument,
    listing=service.LISTING,
    create=service.create,
    most_at_once=100,  # each stores its secret by itself, in a vault by a request of its own
    update=service.update,
    delete=service.delete,
    restore=service.restore,
    secrets="connectors",
    actions=(
        Action(
            name="credentials",
            verb="remove_credentials",
            summary="Remove all credentials of a connector",
            description="Remove every stored credential of the connector. It cannot sign"
            " in until new ones are saved.",
            run=service.remove_credentials,
            scope="connectors:write",
            method="DELETE",
        ),
    ),
)
