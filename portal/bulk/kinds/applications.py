"""Declare what can be done to many applications."""

from typing import Any, Literal

from pydantic import ConfigDict

from portal.applications.models import STOPPED
from portal.applications.resource import resource
from portal.bulk.acts import Kind, editing
from portal.records.schemas import Command, ShortText


class EditApplications(Command):
    """The settings to give to applications. A field that is left out stays as each of them has
    it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Literal["draft", "active", "deprecated"] = "active"
    """Lifecycle status. Suspended and retired are entered and left one by one."""
    primary_domain: ShortText | None = None
    """Model domain primarily served; null for none."""


def _not_to_edit(row: Any, command: Any) -> str:
    if "status" in command.model_fields_set and row.status in STOPPED:
        return f"It is {row.status}; that is ended on its own page."
    return ""


KIND = Kind(
    resource,
    listing=resource.listing,
    label="display_name",
    page="applications",
    acts=(editing(resource, "The new settings hold at once.", EditApplications, _not_to_edit),),
)
