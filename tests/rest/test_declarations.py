"""A resource is declared whole, or the portal does not start and says what is missing."""

from dataclasses import replace
from typing import Any

import pytest

from portal.connectors.resource import resource as connectors
from portal.connectors.schemas import ConnectorDocument
from portal.features import FEATURES, RESOURCES, Incomplete, check
from portal.ops.worker import registered_jobs
from portal.rest.resources import Resource


class Longer(ConnectorDocument):
    mood: str


def of_no_model() -> Resource[Any, Any]:
    bare = type("Bare", (), dict.fromkeys(ConnectorDocument.model_fields))
    return replace(connectors, model=bare)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("resource", "missing"),
    [
        (replace(connectors, scope="unheard"), "no role has the scope unheard:read"),
        (replace(connectors, scope="events"), "no role has the scope events:write"),
        (replace(connectors, scope="unheard"), "no entry of RAIL"),
        (replace(connectors, document=Longer), "Longer.mood is no attribute of Connector"),
        (replace(connectors, document=Longer), "Longer.mood has no description"),
        (
            replace(connectors, document=Longer),
            "say in Connector.closed what an admin reads as mood of a connector that is for others",
        ),
        (replace(connectors, about=""), "say in its Resource, as `about`, what it is"),
        (replace(connectors, secrets="safes"), "no role may store secrets of the kind 'safes'"),
        (of_no_model(), "say in Bare.id_prefix how the ids"),
        (of_no_model(), "Bare has no quota"),
        (of_no_model(), "say in Bare.published_as"),
    ],
)
def test_what_is_missing_stops_the_start_with_a_sentence(
    resource: Resource[Any, Any], missing: str
) -> None:
    with pytest.raises(Incomplete, match=missing):
        check([resource])


def test_ids_of_two_kinds_do_not_begin_alike() -> None:
    other = replace(connectors, name="suppliers")
    with pytest.raises(Incomplete, match="suppliers: those of connectors begin with cnn_, too"):
        check([connectors, other])


def test_every_resource_is_whole() -> None:
    check(RESOURCES)


def test_what_looks_at_all_resources_comes_after_them() -> None:
    assert [one for feature in FEATURES for one in feature.resources] == [*RESOURCES]


def test_what_can_be_deleted_is_purged_and_its_secrets_are_swept() -> None:
    names = {job.name for job in registered_jobs()}
    for resource in RESOURCES:
        table = resource.model.__tablename__
        assert (f"purge deleted records: {table}" in names) == (resource.delete is not None)
        assert (f"sweep secrets: {resource.secrets}" in names) == (resource.secrets is not None)
