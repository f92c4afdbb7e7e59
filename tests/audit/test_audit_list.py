"""Test the audit log over REST: every entry once, by page, and its filters."""

import base64
import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from portal_devtools.identity_provider.people import ACME

from portal.core.config import libpq_url
from tests.cast import ADA, GUS, VIC, Api, Pages
from tests.databases import Database

MANY = 450
# All in one transaction: their times are equal, so only their ids are in an order.
ENTRIES = """
INSERT INTO audit_entry (tenant_id, id, action, record_kind, record_id, actor_kind, actor_id,
    actor_name)
SELECT %s, 'aud_' || lpad((n * 7919 %% 1000)::text, 26, '0'), 'webhook.tried', 'webhook', %s,
    'person', 'per_1', 'Ada'
FROM generate_series(1, %s) AS n
"""


def many_at_once(database: Database, record_id: str) -> None:
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as connection:
        connection.execute(ENTRIES, (ACME, record_id, MANY))


def walked(api: Api, path: str) -> list[dict[str, Any]]:
    """Return the items of all pages, each found through the Link header of the page before."""
    found: list[dict[str, Any]] = []
    while path:
        answer = api.get(path)
        assert answer.status_code == 200, answer.text
        page = answer.json or {}
        found += page["items"]
        link = answer.headers.get("Link", "")
        assert bool(link) == bool(page["next_cursor"])
        path = link.removeprefix("</api/v1/integration").removesuffix('>; rel="next"')
    return found


def test_a_records_history_goes_back_to_its_first_entry(ada: Api, database: Database) -> None:
    made = ada.create("webhooks")["id"]
    many_at_once(database, made)
    for limit in (7, 50, 200):
        entries = walked(ada, f"/webhooks/{made}/history?limit={limit}")
        assert len(entries) == len({entry["id"] for entry in entries}) == MANY + 1
        assert entries[-1]["action"] == "webhook.created"


def test_a_cursor_that_a_program_kept_from_an_earlier_release_leads_on(ada: Api) -> None:
    for name in ("First", "Second", "Third"):
        ada.create("applications", display_name=name)
    newest, *older = walked(ada, "/audit")
    place = json.dumps([newest["occurred_at"], newest["id"]]).encode()
    cursor = base64.urlsafe_b64encode(place).decode().rstrip("=")
    assert walked(ada, f"/audit?cursor={cursor}") == older


def test_a_text_that_is_no_list_of_values_is_one_value_as_before(ada: Api) -> None:
    ada.create("applications", display_name="First")
    for text in (",", "application.created,", ",".join(["a"] * 300)):
        answer = ada.get("/audit", query_string={"action": text})
        assert (answer.status_code, answer.json["items"]) == (200, []), answer.text
    assert len(walked(ada, "/audit?action=application.created,webhook.created")) == 1


def test_the_tenants_log_goes_back_to_its_first_entry(ada: Api, database: Database) -> None:
    first = ada.create("applications", display_name="First")["id"]
    many_at_once(database, "whk_1")
    for limit in (13, 200):
        entries = walked(ada, f"/audit?limit={limit}")
        assert len(entries) == len({entry["id"] for entry in entries}) == MANY + 1
        assert entries[-1]["record_id"] == first
        assert entries[-1]["record_name"] == "First"


def test_the_log_is_filtered_as_on_its_page(ada: Api, browse: Callable[..., Pages]) -> None:
    crm, erp = (ada.create("applications", display_name=name) for name in ("CRM", "ERP"))
    ada.patch(f"/applications/{crm['id']}", {"display_name": "Sales"})
    by = walked(ada, "/audit")[0]["actor_id"]
    page = browse(ADA)

    def found(query: str) -> list[str]:
        items = [f"{one['action']} {one['record_name']}" for one in walked(ada, f"/audit?{query}")]
        shown = page.get(f"/audit?{query}").text
        names = {name for name in ("CRM", "ERP", "Sales") if f"“{name}”" in shown}
        assert names == {item.split()[1] for item in items}, query
        return items

    created = ["application.created ERP", "application.created CRM"]
    assert found(f"record_id={erp['id']}") == created[:1]
    assert found("action=application.created") == created
    assert found(f"actor_id={by}&action=application.updated") == ["application.updated Sales"]
    assert found("actor_id=nobody") == []
    assert found("occurred_after=2020-01-01&action=application.created") == created
    assert found("occurred_after=2999-01-01") == found("occurred_before=2020-01-01") == []


@pytest.mark.parametrize(
    "query", ["colour=red", "limit=0", "cursor=W10", "occurred_after=soon", "action=a&action=b"]
)
def test_a_bad_parameter_of_the_log_is_named(ada: Api, query: str) -> None:
    answer = ada.get(f"/audit?{query}")
    assert answer.status_code == 400
    assert (answer.json or {})["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


@pytest.mark.parametrize("before", ["x ", "x" * 270])
def test_a_key_in_the_name_of_the_program_is_masked(ada: Api, before: str) -> None:
    raw = ada.create("api-keys", scopes=["audit:read"])["key"]
    headers = {"User-Agent": before + raw, "X-Request-Id": raw, "X-Forwarded-For": raw}
    made = ada.post("/webhooks", {}, headers=headers).json["id"]
    history = ada.get(f"/webhooks/{made}/history")
    assert history.json["items"][0]["user_agent"].startswith(before + raw[:12])
    assert raw[12:20] not in history.text + ada.get("/audit").text


def test_the_log_is_the_tenants_own(ada: Api, api: Callable[[str], Api]) -> None:
    made = ada.create("applications")["id"]
    assert made not in api(GUS).get("/audit").text
    assert made in api(VIC).get("/audit").text


def test_a_key_needs_the_permission_and_an_applications_key_reads_only_its_own_acts(
    ada: Api,
) -> None:
    crm = ada.create("applications", display_name="CRM")["id"]
    scopes = ["audit:read", "connectors:write", "connectors:read"]
    of_tenant = ada.create("api-keys", scopes=scopes)["key"]
    of_crm = ada.create("api-keys", scopes=scopes, application_id=crm)["key"]
    without = ada.create("api-keys", scopes=["connectors:read"])["key"]
    assert Api(ada.client, without).get("/audit").status_code == 403
    assert crm in Api(ada.client, of_tenant).get("/audit").text
    own = Api(ada.client, of_crm)
    made = own.create("connectors")["id"]
    assert {entry["record_id"] for entry in walked(own, "/audit")} == {made}
