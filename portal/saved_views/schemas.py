"""The commands and the document of saved views in REST."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue

from portal.core.errors import one_of
from portal.records.schemas import Command, Filled
from portal.saved_views.tables import with_views


def _with_views(name: str) -> str:
    if name not in (known := with_views()):
        raise ValueError(one_of(name, known))
    return name


class _Names:
    """Name the lists that have views in the JSON schema, when the document is built."""

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "enum": [*with_views()]}


ListName = Annotated[str, AfterValidator(_with_views), _Names()]
ViewName = Annotated[Filled, StringConstraints(max_length=80)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Parameters = Annotated[dict[str, Text], Field(max_length=40)]
MOST_PLACES = 1000


class NewView(Command):
    """A view to save."""

    list: ListName = Field(description="The list that the view shows.")
    name: ViewName = Field(description="Name of the view, which its tab shows.")
    parameters: Parameters = Field(
        default_factory=dict,
        description="Query parameters of the list, such as status, sort or either, and those of its"
        " page: columns and density. Values are as in an address.",
    )
    is_shared: bool = Field(
        False,
        description="Whole tenant sees it. Needs the right to change the list's records; for a log"
        " (deliveries, events, audit), the role admin.",
    )
    is_default: bool = Field(
        False,
        description="The list opens with it: for oneself or, if it is shared, for everybody who has"
        " no default. Only admins set a shared default.",
    )
    position: int = Field(0, ge=0, le=MOST_PLACES, description="Place among the tabs, from 0.")


class ChangedView(Command):
    """A change of a view. A field that is left out stays as it is."""

    name: ViewName | None = Field(None, description="Name of the view, which its tab shows.")
    parameters: Parameters | None = Field(
        None, description="Query parameters of the list, which replace those of the view."
    )
    is_shared: bool | None = Field(None, description="Whole tenant sees it.")
    is_default: bool | None = Field(None, description="The list opens with it.")
    position: int | None = Field(
        None, ge=0, le=MOST_PLACES, description="Place among the tabs, from 0."
    )


class ViewDocument(BaseModel):
    """A saved view of a list."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Id of the view."""
    list: str
    """The list that the view shows."""
    name: str
    """Name of the view."""
    parameters: dict[str, Any]
    """Query parameters of the list and of its page."""
    is_shared: bool
    """Whole tenant sees it."""
    is_default: bool
    """The list opens with it."""
    position: int
    """Place among the tabs."""
    owner_id: str
    """Id of the person who made it."""
    version: int
    """Number of its changes."""
    created_at: datetime
    """Time when it was made."""
    updated_at: datetime
    """Time of its last change."""
