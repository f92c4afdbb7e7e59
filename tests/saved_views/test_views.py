"""Saved views in REST: one's own and shared ones, checked by the list that they are for."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from portal_devtools.identity_provider import PEOPLE

from tests.cast import ADA, ED, GUS, VIC, Api, Provider

Caller = Callable[[str], Api]
SCOPES = "applications:read applications:write audit:read"
BY_STATUS = {"status": "active", "sort": "-name", "columns": "name,health"}


def save(caller: Api, **over: Any) -> Any:
    body = {"list": "api-keys", "name": "Live keys", "parameters": BY_STATUS, **over}
    return caller.post("/views", body)


def saved(caller: Api, **over: Any) -> dict[str, Any]:
    answer = save(caller, **over)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


def names(caller: Api, of: str = "api-keys") -> list[str]:
    answer = caller.get(f"/views?list={of}")
    assert answer.status_code == 200, answer.text
    return [view["name"] for view in (answer.json or {})["items"]]


def test_a_view_is_saved_read_changed_and_deleted(ada: Api) -> None:
    view = saved(ada)
    assert view["parameters"] == BY_STATUS
    assert (view["is_shared"], view["is_default"], view["version"]) == (False, False, 1)
    assert ada.get(f"/views/{view['id']}").json == view
    changed = ada.patch(f"/views/{view['id']}", {"name": "Keys in use"})
    assert (changed.json or {})["name"] == "Keys in use"
    assert (changed.json or {})["parameters"] == BY_STATUS
    assert ada.delete(f"/views/{view['id']}").status_code == 204
    assert ada.get(f"/views/{view['id']}").status_code == 404
    assert names(ada) == []


def test_a_private_view_is_seen_by_its_person_only(api: Caller) -> None:
    view = saved(api(VIC))
    assert names(api(VIC)) == ["Live keys"]
    for other in (api(ADA), api(GUS)):
        assert names(other) == []
        assert other.get(f"/views/{view['id']}").status_code == 404
        assert other.patch(f"/views/{view['id']}", {"name": "Mine"}).status_code == 404
        assert other.delete(f"/views/{view['id']}").status_code == 404


def test_a_shared_view_is_seen_by_its_tenant_and_changed_by_its_person_or_an_admin(
    api: Caller,
) -> None:
    view = saved(api(ED), list="webhooks", parameters={"direction": "inbound"}, is_shared=True)
    assert names(api(VIC), "webhooks") == names(api(ADA), "webhooks") == ["Live keys"]
    assert names(api(GUS), "webhooks") == []
    assert api(VIC).patch(f"/views/{view['id']}", {"name": "Mine"}).status_code == 403
    assert api(VIC).delete(f"/views/{view['id']}").status_code == 403
    assert api(ADA).patch(f"/views/{view['id']}", {"name": "Inbound"}).status_code == 200
    assert names(api(ED), "webhooks") == ["Inbound"]


def test_a_narrowed_token_of_an_admin_changes_only_views_of_its_own(
    app: Flask, api: Caller, token_provider: Provider
) -> None:
    """It acts by its scopes alone, and the role changes what others share."""
    narrowed = Api(app.test_client(), token_provider.token_of(PEOPLE[0], scope=SCOPES))
    audit = {"list": "audit", "parameters": {}}
    theirs = saved(api(ED), list="applications", parameters={}, is_shared=True)
    mine = saved(narrowed, list="applications", parameters={}, name="Mine")
    assert narrowed.get(f"/views/{theirs['id']}").status_code == 200
    assert narrowed.patch(f"/views/{theirs['id']}", {"name": "Taken"}).status_code == 403
    assert narrowed.delete(f"/views/{theirs['id']}").status_code == 403
    for_all = {"is_shared": True, "is_default": True}
    assert narrowed.patch(f"/views/{mine['id']}", for_all).status_code == 403
    assert save(narrowed, **audit, is_shared=True).status_code == 403
    assert narrowed.patch(f"/views/{mine['id']}", {"name": "Still mine"}).status_code == 200
    assert api(ADA).delete(f"/views/{theirs['id']}").status_code == 204


def test_only_who_may_change_the_records_of_a_list_shares_a_view_of_it(api: Caller) -> None:
    assert save(api(VIC), is_shared=True).status_code == 403
    refused = save(api(ED), is_shared=True)  # an editor cannot change keys
    assert refused.status_code == 403
    assert "keys:write" in refused.text
    own = saved(api(VIC))
    assert api(VIC).patch(f"/views/{own['id']}", {"is_shared": True}).status_code == 403
    assert names(api(ADA)) == []


@pytest.mark.parametrize(
    ("log", "parameters"),
    [
        ("deliveries", {"state": "failed", "since": "24h", "columns": "event_type,state"}),
        ("events", {"type_contains": "rfp", "q": "rfp-1"}),
        ("audit", {"action_not": "key.rotated", "since": "7d"}),
    ],
)
def test_a_view_of_a_log_is_shared_by_admins(
    api: Caller, log: str, parameters: dict[str, str]
) -> None:
    own = saved(api(ED), list=log, parameters=parameters)
    assert own["parameters"] == parameters
    refused = api(ED).patch(f"/views/{own['id']}", {"is_shared": True})
    assert refused.status_code == 403
    assert "role admin" in refused.text
    saved(api(ADA), list=log, name="For all", parameters=parameters, is_shared=True)
    assert names(api(VIC), log) == ["For all"]
    assert names(api(ED), log) == ["Live keys", "For all"]
    wrong = save(api(ADA), list=log, parameters={"tag": "prod"})
    assert wrong.status_code == 422
    assert [error["field"] for error in (wrong.json or {})["errors"]] == ["parameters.tag"]


def test_an_owner_does_not_decide_what_a_default_for_all_shows(api: Caller) -> None:
    of_all = {"list": "webhooks", "parameters": {"direction": "inbound"}}
    view = saved(api(ED), **of_all, is_shared=True)
    assert api(ADA).patch(f"/views/{view['id']}", {"is_default": True}).status_code == 200
    other = {"parameters": {"direction": "outbound"}}
    assert api(ED).patch(f"/views/{view['id']}", other).status_code == 403
    assert api(ED).patch(f"/views/{view['id']}", {"name": "Ours"}).status_code == 200
    assert api(ADA).patch(f"/views/{view['id']}", other).status_code == 200


def test_a_list_has_one_default_a_person_and_one_for_all(api: Caller) -> None:
    first, second = (saved(api(ADA), name=name, is_default=True) for name in ("A", "B"))
    defaults = {v["name"]: v["is_default"] for v in (api(ADA).get("/views").json or {})["items"]}
    assert defaults == {"A": False, "B": True}
    assert first["id"] != second["id"]
    for_all = {"list": "webhooks", "parameters": {}, "is_shared": True, "is_default": True}
    assert save(api(ED), **for_all).status_code == 403
    assert save(api(ADA), **for_all).status_code == 201


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"status": "asleep"}, "parameters.status"),
        ({"colour": "blue"}, "parameters.colour"),
        ({"either": "colour"}, "parameters.either"),
        ({"created_after": "yesterday"}, "parameters.created_after"),
        ({"sort": "colour"}, "parameters.sort"),
        ({"columns": "name,colour"}, "parameters.columns"),
        ({"density": "tight"}, "parameters.density"),
        ({"cursor": "abc"}, "parameters.cursor"),
        ({"view": "other"}, "parameters.view"),
    ],
)
def test_what_the_list_does_not_understand_is_refused_by_its_name(
    ada: Api, parameters: dict[str, str], field: str
) -> None:
    view = saved(ada)
    for answer in (
        save(ada, parameters=parameters),
        ada.patch(f"/views/{view['id']}", {"parameters": parameters}),
    ):
        assert answer.status_code == 422
        assert [error["field"] for error in (answer.json or {})["errors"]] == [field]


def test_a_person_has_at_most_50_views_of_a_list(api: Caller) -> None:
    for n in range(50):
        saved(api(ADA), name=f"View {n}")
    refused = save(api(ADA))
    assert refused.status_code == 409
    assert "50 views" in refused.text
    saved(api(ADA), list="webhooks", parameters={})
    saved(api(ED))


def test_a_view_needs_the_right_to_read_its_list_and_a_person(
    ada: Api, key_with: Callable[..., Api]
) -> None:
    saved(ada, list="webhooks", parameters={}, is_shared=True)
    program = key_with("connectors:read")
    assert names(program, "connectors") == []
    assert program.get("/views?list=webhooks").status_code == 403
    assert (program.get("/views").json or {})["items"] == []
    assert save(program, list="connectors", parameters={}).status_code == 403


def test_views_are_in_the_order_of_their_places(ada: Api) -> None:
    for name, place in (("Last", 9), ("First", 0), ("Middle", 4)):
        saved(ada, name=name, position=place)
    assert names(ada) == ["First", "Middle", "Last"]
