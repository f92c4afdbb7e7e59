"""REST of connectors: /api/v1/integration/connectors."""

from portal.connectors import service
from portal.connectors.models import Connector
from portal.connectors.schemas import ConnectorDocument, ConnectorInput
from portal.database.audience import FOR_ALL
from portal.providers.entries import name_of
from portal.rest.findable import Act, Findable, Place
from portal.rest.resources import Action, Resource

OF = Connector.noun
FOUND = Findable(
    acts=(
        Act("Add connector", "connectors.create", "connectors:write", "plus", also="new create"),
        Act("Edit {}", "connectors.edit", "connectors:write", "pencil", OF, also="change"),
        Act("Disable {}", "connectors.show", "connectors:write", "player-pause", OF,
            when=lambda connector: connector.enabled, also="pause stop off turn",
            note="until it is enabled again", anchor="connector-head"),
        Act("Enable {}", "connectors.show", "connectors:write", "player-play", OF,
            when=lambda connector: not connector.enabled, also="resume start on turn",
            anchor="connector-head"),
        Act("Check {}", "connectors.show", "connectors:write", "refresh", OF,
            also="test connection", note="tests the connection now", anchor="connection"),
        Act("Add a connector to {}", "connectors.create", "connectors:write", "plus",
            "application", when=lambda application: not application.is_stopped,
            also="new create for", argument="application_id"),
    ),
    places=(
        Place("Connectors", "connectors.index", "connectors:read", "plug-connected",
              "integrations providers"),
    ),
    note=lambda connector: name_of(connector.provider) or "",
    among={"connectors": {"scope": FOR_ALL}},
)  # fmt: skip

resource = Resource(
    name="connectors",
    singular="connector",
    about="A data source/sink connector instance.",
    scope="connectors",
    model=Connector,
    command=ConnectorInput,
    document=ConnectorDocument,
    listing=service.LISTING,
    create=service.create,
    create_all=service.create_all,
    update=service.update,
    found=FOUND,
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
