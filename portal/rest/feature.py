"""Describe what a feature adds to the portal, as one value. `portal.features` lists them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

from portal.rest.findable import Findable
from portal.rest.openapi import Operation
from portal.rest.resources import Resource


@dataclass(frozen=True)
class Feature:
    """A feature's REST declaration, and the function that adds its pages and the rest.

    `operations` are those that belong to no resource of the feature. `paths` are the path items of
    other standards, for the OpenAPI document. `found` is what people find of it that belongs to no
    resource.
    """

    init_app: Callable[[Flask], None]
    resources: tuple[Resource[Any, Any], ...] = ()
    operations: tuple[Operation, ...] = ()
    paths: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    found: Findable = field(default_factory=Findable)

    def rest(self) -> list[Operation]:
        """Return every operation, in the order of the OpenAPI document."""
        of_resources = (operation for one in self.resources for operation in one.operations())
        return [*of_resources, *self.operations]

    def findable(self) -> list[Findable]:
        """Return all that its resources and itself declare to be found."""
        return [*(one.found for one in self.resources), self.found]
