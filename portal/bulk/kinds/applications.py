"""Declare what can be done to many applications."""

from typing import Literal

from pydantic import ConfigDict

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


KIND = Kind(
    resource,
    listing=resource.listing,
    label="display_name",
    page="applications",
    acts=(editing(resource, "The new settings hold at once.", EditApplications),),
)
