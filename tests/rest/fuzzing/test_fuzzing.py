"""Test that every operation keeps what the document promises, whoever calls, whatever is sent.

schemathesis draws the requests and makes all of its checks. One caller is one test, so that the
tests run beside each other.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask

from portal.connections import engine as connections
from portal.features import OPERATIONS
from portal.identity.openid.claims import ROLE_SCOPES
from portal.leases import engine as leases
from portal.rest.openapi import Operation
from tests.cast import ADA, ED, PREFIX, Api, Pages
from tests.delivery.test_engine import delivering, until
from tests.identity.serving import served
from tests.rest.examples.story import tell
from tests.rest.examples.test_examples import receiver
from tests.rest.fuzzing.cases import Tally, fuzz
from tests.rest.fuzzing.tenant import Tenant, paths_recorder
from tests.thorough import IS_PROOF, some, times

pytestmark = [pytest.mark.proof, pytest.mark.timeout(3000 if IS_PROOF else 600)]

EACH = 2  # of an operation, and as many that the document does not allow
# They may limit or revoke the caller's own key.
LAST = ("integration.apiKeys.repairMany", "integration.apiKeys.revokeMany")


@pytest.fixture
def tenant_of(
    app: Flask, ada: Api, browse: Callable[..., Pages]
) -> Iterator[Callable[..., Tenant]]:
    """Yield a function that sets up the tenant for a caller."""

    def begin_session() -> str:
        browse(ADA)
        return str((ada.get("/sessions").json or {})["items"][0]["id"])

    def work() -> None:
        asyncio.run(connections.Engine(app).run_due())
        asyncio.run(leases.Engine(app).run_due())

    def deliver(id: str) -> None:
        with delivering(app):
            until(lambda: (ada.get(f"/deliveries/{id}").json or {})["state"] == "retrying")

    with served(lambda _: receiver()) as service:
        for person in (ADA, ADA, ED):
            browse(person)
        record = paths_recorder(ada)
        tell(record, ada, service, work, deliver)
        paths = {id: example["path"] for id, example in record.recorded.items()}
        yield lambda caller, application="": Tenant(
            ada, caller, paths, service, work, begin_session, application
        )


@pytest.fixture
def published(app: Flask) -> dict[str, Any]:
    """Return the operations of the document by their ids."""
    document = schemathesis.openapi.from_wsgi(f"{PREFIX}/openapi.json", app)
    checks = document.config.checks
    for check in (checks.positive_data_acceptance, checks.negative_data_rejection):
        # Another version than If-Match names, and a lease that has to be fetched first.
        check.expected_statuses = [*check.expected_statuses, "412", "423"]
    found = [one.ok() for one in document.get_all_operations()]
    return {one.definition.raw["operationId"]: one for one in found}


def in_order() -> list[Operation]:
    """Return the operations: those that read first, so that there is something to read."""
    return sorted(OPERATIONS, key=lambda one: (one.id in LAST, one.is_write, one.id))


def fuzzed(published: dict[str, Any], tenant: Tenant) -> Tally:
    tally = Tally()
    for operation in in_order():
        fuzz(operation, published[operation.id], tenant, times(EACH), tally)
    return tally


def untried(tally: Tally) -> str:
    """Return the operations that never did what was asked, with their answers."""
    return "\n".join(
        f"{id} {dict(found)}" for id, found in tally.statuses.items() if id not in tally.succeeded
    )


def held(tally: Tally, *, share: float) -> None:
    """Fail if an answer broke the document, or if too few operations did what was asked."""
    assert not tally.broken, "\n\n".join([f"{len(tally.broken)} broken", *tally.broken[:20]])
    assert tally.cases >= times(EACH) * len(OPERATIONS)
    assert len(tally.succeeded) >= share * len(OPERATIONS), untried(tally)


# Each caller, and the share of all operations that do at least once what it asks.
CALLERS = {
    "an admin": 0.9,
    "a viewer": 0.4,
    "a key of an application": 0.75,
    "an integration key": 0.8,
}


@pytest.mark.parametrize("who", some(CALLERS, every=4))
def test_everybody_gets_what_the_document_promises(
    who: str,
    published: dict[str, Any],
    tenant_of: Callable[..., Tenant],
    ada: Api,
    vic: Api,
) -> None:
    owner, admin = "", sorted(ROLE_SCOPES["admin"])
    if who == "a key of an application":
        owner = ada.create("applications")["id"]
        scopes = sorted({*admin, "connectors:use"})
        key = ada.create("api-keys", application_id=owner, scopes=scopes)["key"]
    else:
        key = ada.create("api-keys", scopes=admin)["key"]
    caller = {"an admin": ada, "a viewer": vic}.get(who) or Api(ada.client, key)
    held(fuzzed(published, tenant_of(caller, owner)), share=CALLERS[who])
