"""The features of the portal, in the order in which pages and the OpenAPI document show them.

A resource that is declared in part stops the start: `check` names what is missing and where it
belongs.
"""

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from portal.applications.feature import feature as applications
from portal.audit.feature import feature as audit
from portal.bulk.feature import feature as bulk
from portal.connections.feature import feature as connections
from portal.connectors.feature import feature as connectors
from portal.database.audience import Scoped
from portal.deleted import feature as deleted
from portal.delivery.feature import feature as delivery
from portal.events.catalogue import portal_types
from portal.events.feature import feature as events
from portal.explorer.feature import feature as explorer
from portal.identity.feature import feature as identity
from portal.identity.openid.claims import ALL_SCOPES
from portal.inbound.feature import feature as inbound
from portal.keys.feature import feature as keys
from portal.lab.feature import feature as lab
from portal.leases.feature import feature as leases
from portal.overview.feature import feature as overview
from portal.quotas.feature import feature as quotas
from portal.records.quotas.limits import BY_NAME
from portal.rest.document.build import Surface
from portal.rest.feature import Feature
from portal.rest.findable import Findable, Place
from portal.rest.openapi import Operation
from portal.rest.resources import Resource
from portal.saved_views import feature as saved_views
from portal.secretstore.permissions import SLOTS
from portal.web import finding, notices
from portal.web.drawing.template_functions import RAIL
from portal.webhooks.feature import feature as webhooks

# Operations that look at all features. `create_app` registers their pages, because they know the
# resources.
everything = Feature(
    lambda app: None,
    operations=(*finding.OPERATIONS, *notices.OPERATIONS),
    found=Findable(
        places=(
            Place("Notices", "notices.index", icon="info-circle", also="alerts attention"),
            Place("Search", "search.index", icon="search", also="find"),
            Place("Problem codes", "problems.index", icon="alert-circle", also="errors rest"),
        )
    ),
)

# Each resource is declared by one of these. What comes after them knows all resources.
OWNERS = (
    identity,
    applications,
    keys,
    connectors,
    connections,
    leases,
    webhooks,
    delivery,
    inbound,
    lab,
    bulk,
    events,
)
RESOURCES: tuple[Resource[Any, Any], ...] = tuple(
    resource for feature in OWNERS for resource in feature.resources
)
FEATURES = (
    *OWNERS,
    audit,
    deleted.of(RESOURCES),
    quotas,
    overview,
    saved_views.of_all_lists(),
    everything,
    explorer,
)


OPERATIONS: tuple[Operation, ...] = tuple(
    operation for feature in FEATURES for operation in feature.rest()
)


class Incomplete(Exception):
    """Something of a resource is declared and something that belongs to it is not."""


def check(resources: Sequence[Resource[Any, Any]] = RESOURCES) -> None:
    """Raise Incomplete with a sentence for each thing that is missing."""
    missing = [sentence for resource in resources for sentence in _missing(resource)]
    if found := [*missing, *_shared_prefixes(resources)]:
        raise Incomplete("\n".join(found))


def _shared_prefixes(resources: Sequence[Resource[Any, Any]]) -> Iterator[str]:
    """Yield a sentence for each beginning of ids that two kinds would have."""
    looked_up = (prefix for one in FEATURES for part in one.findable() for prefix in part.ids)
    owners = dict.fromkeys(looked_up, "ids of another kind")
    for resource in resources:
        prefix = getattr(resource.model, "id_prefix", "")
        if prefix in owners:
            yield (
                f"{resource.name}: {owners[prefix]} begin with {prefix}_, too. Choose another"
                f" {resource.model.__name__}.id_prefix."
            )
        owners[prefix] = f"those of {resource.name}"


def _missing(resource: Resource[Any, Any]) -> Iterator[str]:
    name, model = resource.name, resource.model
    for scope in (f"{resource.scope}:read", f"{resource.scope}:write"):
        if scope not in ALL_SCOPES:
            yield (
                f"{name}: no role has the scope {scope}. Add {resource.scope!r}, with its words, to"
                " RESOURCES in portal/identity/openid/claims.py."
            )
    if not hasattr(model, "id_prefix"):
        yield f"{name}: say in {model.__name__}.id_prefix how the ids of its records begin."
    if getattr(model, "quota", None) not in BY_NAME:
        yield (
            f"{name}: {model.__name__} has no quota. Add one to RECORDS in"
            f" portal/records/quotas/limits.py, and its name to {model.__name__}.quota."
        )
    if not hasattr(model, "published_as"):
        yield (
            f"{name}: say in {model.__name__}.published_as how the names of its events begin, or"
            " None if its changes are not published."
        )
    if resource.secrets and resource.secrets not in SLOTS:
        yield (
            f"{name}: no role may store secrets of the kind {resource.secrets!r}. Add its slots to"
            " SLOTS in portal/secretstore/permissions.py, and say there who may do what with them."
        )
    yield from _missing_fields(resource)
    yield from _missing_texts(resource)
    pages = resource.scope.replace("-", "_")
    if not any(pages in (entry.endpoint.partition(".")[0], *entry.also.split()) for entry in RAIL):
        yield (
            f"{name}: its pages are in no entry of RAIL in"
            " portal/web/drawing/template_functions.py."
        )


def _missing_fields(resource: Resource[Any, Any]) -> Iterator[str]:
    name, model = resource.name, resource.model
    if resource.delete and not hasattr(model, "name"):
        yield (
            f"{name}: {model.__name__} has no column `name`, by which the list of deleted records"
            " shows it."
        )
    for field in resource.document.model_fields:
        if field not in resource.rows.also and not hasattr(model, field):
            document = resource.document.__name__
            yield f"{name}: {document}.{field} is no attribute of {model.__name__}."
    if issubclass(model, Scoped):
        yield from _missing_of_closed(resource, model)


def _missing_of_closed(resource: Resource[Any, Any], model: type[Scoped]) -> Iterator[str]:
    """Yield a sentence for each field that cannot be null where an admin may not read it."""
    for field, declared in resource.document.model_fields.items():
        is_known = field in model.known_to_admins or field in model.closed
        if not is_known and type(None) not in get_args(declared.annotation):
            yield (
                f"{resource.name}: say in {model.__name__}.closed what an admin reads as {field} of"
                f" a {resource.singular} that is for others."
            )


def _missing_texts(resource: Resource[Any, Any]) -> Iterator[str]:
    if not resource.about:
        yield (
            f"{resource.name}: say in its Resource, as `about`, what it is. The OpenAPI document"
            " shows the sentence."
        )
    for schema in (resource.command, resource.document):
        for field, declared in schema.model_fields.items():
            if not declared.description:
                yield (
                    f"{resource.name}: {schema.__name__}.{field} has no description, which the"
                    " OpenAPI document shows. Give it a Field(description=…)."
                )


def describe() -> None:
    """Put the events of every record into the catalogue of the portal's own types."""
    for resource in RESOURCES:
        if resource.model.published_as is not None:
            portal_types.describe_record(
                resource.model.published_as, resource.a_noun, resource.verbs
            )


def surface(base_url: str, issuer: str) -> Surface:
    """Return all that the OpenAPI document describes. `issuer` is the identity provider's."""
    describe()
    return Surface(
        operations=OPERATIONS,
        paths={path: item for feature in FEATURES for path, item in feature.paths.items()},
        events=tuple(one for _, one in sorted(portal_types.PORTAL_TYPES.items())),
        about={one.name: one.about for one in RESOURCES},
        opened={one.scope: one.what_opens for one in RESOURCES},
        base_url=base_url,
        openid=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
    )
