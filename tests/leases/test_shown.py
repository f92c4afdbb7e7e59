"""A connector's page says how many applications really used it in the last day."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.leases import service as leases
from tests.cast import VIC, Api, Pages
from tests.connections.conftest import RunChecks, connector, run_checks, service
from tests.connections.test_pages import truth
from tests.databases import Database
from tests.leases.conftest import Issue, Make, Work

__all__ = ["connector", "run_checks", "service"]


@pytest.fixture
def first_line(browse: Callable[..., Pages]) -> Callable[[str], str]:
    """Return a function that returns the first line of a connector's page, as Vic sees it."""
    vic = browse(VIC)
    return lambda connector_id: truth(vic.get(f"/connectors/{connector_id}").text)


def test_the_first_line_counts_the_applications_that_took_leases_in_the_last_day(
    ada: Api, connector: Make, issue: Issue, run_checks: RunChecks, work: Work,
    first_line: Callable[[str], str], database: Database,
) -> None:  # fmt: skip
    desk, crm = (ada.create("applications", display_name=name) for name in ("RFP Desk", "CRM 360"))
    made = connector(application_id=desk["id"])
    run_checks()
    assert "; made for RFP Desk; not used in the last day" in first_line(made["id"])
    for application, said in (desk, "1 application"), (crm, "2 applications"):
        ada.patch(f"/connectors/{made['id']}", {"application_id": application["id"]})
        run_checks()
        work()
        for key in (issue(application), issue(application)):
            assert key.post(f"/connectors/{made['id']}/leases", {}).status_code == 201
        assert f"; used by {said} in the last day" in first_line(made["id"])
    database.sql(
        "UPDATE connector_lease SET"
        " id = ulid_floor('lse', now() - interval '25 hours') || right(id, 4)"
        f" WHERE application_id = '{desk['id']}'"
    )
    assert "; used by 1 application in the last day" in first_line(made["id"])


def test_where_not_every_lease_is_looked_at_the_number_is_the_least(
    ada: Api, connector: Make, issue: Issue, run_checks: RunChecks, work: Work,
    first_line: Callable[[str], str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    application = ada.create("applications")
    made = connector(application_id=application["id"])
    run_checks()
    work()
    key: Any = issue(application)
    for _ in range(2):
        key.post(f"/connectors/{made['id']}/leases", {})
    monkeypatch.setattr(leases, "LOOKED", 2)
    assert "; used by at least 1 application in the last day" in first_line(made["id"])
