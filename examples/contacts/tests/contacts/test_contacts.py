"""Test what is special about contacts in REST. `tests/test_every_*.py` test the rest."""

from collections.abc import Callable

import pytest
from click.testing import Result

from tests.cast import Api
from tests.quotas.conftest import set_quota

__all__ = ["set_quota"]


def names(ada: Api, query: str) -> list[str]:
    return [item["name"] for item in (ada.get(f"/contacts?{query}").json or {})["items"]]


@pytest.mark.parametrize("email", ["ada", "ada@", "@acme.example", "ada @acme.example", "a@b@c"])
def test_an_address_that_is_none_is_refused_at_its_field(ada: Api, email: str) -> None:
    answer = ada.post("/contacts", {"email": email})
    assert answer.status_code == 422
    [error] = (answer.json or {})["errors"]
    assert error == {
        "field": "email",
        "message": "Give an address such as ada@example.com.",
    }


def test_the_list_is_filtered_by_team_and_application(ada: Api) -> None:
    crm = ada.create("applications", display_name="CRM 360")["id"]
    ada.create("contacts", name="CRM on call", application_id=crm)
    ada.create("contacts", name="CRM fraud", application_id=crm, team="security")
    ada.create("contacts", name="Fraud", team="security")
    assert names(ada, "team=security&sort=name") == ["CRM fraud", "Fraud"]
    assert names(ada, f"application_id={crm}&sort=name") == ["CRM fraud", "CRM on call"]
    assert names(ada, f"application_id={crm}&team=security") == ["CRM fraud"]


def test_the_list_is_sorted_by_name_whatever_the_case(ada: Api) -> None:
    for name in ("beta", "Alpha", "Gamma"):
        ada.create("contacts", name=name)
    assert names(ada, "sort=name") == ["Alpha", "beta", "Gamma"]
    assert names(ada, "sort=-name") == ["Gamma", "beta", "Alpha"]


@pytest.mark.parametrize("query", ["q=on call", "q=crm@acme", "q=nights", "tag=tier-1"])
def test_it_is_found_by_its_name_address_notes_and_tags(ada: Api, query: str) -> None:
    ada.create(
        "contacts", name="On call", email="crm@acme.example", notes="Nights too", tags=["tier-1"]
    )
    ada.create("contacts", name="Somebody else")
    assert names(ada, query) == ["On call"]


def test_it_belongs_to_an_application_of_its_tenant(ada: Api, gus: Api) -> None:
    theirs = gus.create("applications")["id"]
    answer = ada.post("/contacts", {"application_id": theirs})
    assert answer.status_code == 422
    assert (answer.json or {})["errors"][0]["field"] == "application_id"


def test_a_stopped_application_gets_no_new_one(ada: Api) -> None:
    crm = ada.create("applications")["id"]
    ada.post(f"/applications/{crm}/suspend", {"reason": "Moved"})
    assert ada.post("/contacts", {"application_id": crm}).status_code == 409


def test_what_happens_to_it_is_published(ada: Api) -> None:
    types = [f"contact.{verb}" for verb in ("created", "updated", "deleted", "restored")]
    ada.create("webhooks", url="https://hooks.example.com/cpod", event_types=types)
    path = f"/contacts/{ada.create('contacts', name='On call')['id']}"
    ada.patch(path, {"team": "security"})
    ada.delete(path)
    ada.post(f"{path}/restore")
    told = (ada.get("/events").json or {})["items"]
    assert sorted(event["type"] for event in told) == sorted(types)
    [update] = [event["data"] for event in told if event["type"] == "contact.updated"]
    assert update["name"] == "On call"
    assert "team" in update["changed"]


def test_a_tenant_has_so_many(ada: Api, set_quota: Callable[..., Result]) -> None:
    set_quota("--contacts", "1")
    kept = ada.create("contacts")["id"]
    assert ada.post("/contacts", {}).status_code == 409
    ada.delete(f"/contacts/{kept}")
    assert ada.post("/contacts", {}).status_code == 201
    assert ada.post(f"/contacts/{kept}/restore").status_code == 409
