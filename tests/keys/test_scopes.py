"""A key has at most the scopes of its application, and those its creator has."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.cast import ADA, ED, Api, Pages

Browse = Callable[..., Pages]
READS = ["connectors:read", "keys:read"]


@pytest.fixture
def crm(ada: Api) -> dict[str, Any]:
    return ada.create("applications", display_name="CRM 360", allowed_scopes=READS)


def refused(answer: Any, field: str, words: str) -> None:
    assert answer.status_code == 422, answer.text
    [problem] = answer.json["errors"]
    assert problem["field"] == field
    assert words in problem["message"]


def narrow(ada: Api, application: dict[str, Any], *scopes: str) -> None:
    answer = ada.patch(f"/applications/{application['id']}", {"allowed_scopes": list(scopes)})
    assert answer.status_code == 200, answer.text


def test_no_key_is_issued_beyond_its_application(ada: Api, crm: dict[str, Any]):
    wanted = {"application_id": crm["id"], "scopes": ["keys:read", "webhooks:read"]}
    refused(ada.post("/api-keys", wanted), "scopes", "CRM 360 does not allow its keys: webhooks")
    assert ada.create("api-keys", application_id=crm["id"], scopes=READS)["scopes"] == READS
    assert ada.create("api-keys", scopes=["webhooks:read"])["scopes"] == ["webhooks:read"]


def test_an_application_without_a_list_allows_what_the_creator_may(ada: Api):
    free = ada.create("applications")
    assert free["allowed_scopes"] == []
    ada.create("api-keys", application_id=free["id"], scopes=["webhooks:write"])


def test_what_an_application_loses_its_keys_lose_with_the_next_call(
    app: Flask, ada: Api, crm: dict[str, Any]
):
    issued = ada.create("api-keys", application_id=crm["id"], scopes=READS)
    holder = Api(app.test_client(), issued["key"])
    question = {"key": issued["key"], "scope": "connectors:read"}
    assert holder.get("/connectors").status_code == 200
    assert (ada.post("/api-keys/verify", question).json or {})["valid"] is True
    narrow(ada, crm, "keys:read")
    verdict = ada.post("/api-keys/verify", question).json or {}
    assert (verdict["code"], verdict["scopes"]) == ("SCOPE_MISSING", ["keys:read"])
    assert holder.get("/connectors").status_code == 403
    assert holder.get("/api-keys").status_code == 200
    narrow(ada, crm, *READS)
    assert holder.get("/connectors").status_code == 200


def test_a_narrowed_application_is_heard_of_in_a_process_that_remembers_the_key(
    app: Flask, ada: Api, crm: dict[str, Any]
):
    issued = ada.create("api-keys", application_id=crm["id"], scopes=READS)
    engine = app.extensions["keys"]
    engine.begin_now()
    try:
        assert engine.watch.listening.wait(10)
        holder = Api(app.test_client(), issued["key"])
        assert holder.get("/connectors").status_code == 200
        narrow(ada, crm, "keys:read")
        assert holder.get("/connectors").status_code == 403
    finally:
        engine.end()


def test_a_successor_and_a_child_have_what_is_still_allowed(ada: Api, crm: dict[str, Any]):
    issued = ada.create("api-keys", application_id=crm["id"], scopes=READS)
    narrow(ada, crm, "keys:read")
    path = f"/api-keys/{issued['id']}"
    assert ada.post(f"{path}/children").json["scopes"] == ["keys:read"]
    refused(ada.post(f"{path}/children", {"scopes": ["connectors:read"]}), "scopes", "connectors")
    assert ada.post(f"{path}/rotations").json["scopes"] == ["keys:read"]


def test_nobody_allows_an_application_more_than_they_may_do(ada: Api, ed: Api, crm: dict[str, Any]):
    path = f"/applications/{crm['id']}"
    for wider in ([*READS, "keys:write"], []):
        refused(ed.patch(path, {"allowed_scopes": wider}), "allowed_scopes", "keys:write")
    refused(ed.post("/applications", {"allowed_scopes": ["keys:write"]}), "allowed_scopes", "keys")
    assert ed.patch(path, {"allowed_scopes": [*READS, "webhooks:write"]}).status_code == 200
    narrow(ada, crm)
    assert ed.patch(path, {"description": "Still unrestricted"}).status_code == 200
    assert ed.post("/applications", {}).status_code == 201
    refused(ada.patch(path, {"allowed_scopes": ["fly"]}), "allowed_scopes.0", "no scope")


def test_the_form_offers_what_can_be_given(browse: Browse, crm: dict[str, Any]):
    page = browse(ADA)
    box = 'name="scopes" value="{}"'.format
    everything = page.get("/keys/new").text
    offered = page.get(f"/keys/new?application_id={crm['id']}").text
    for scope in READS:
        assert box(scope) in everything
        assert box(scope) in offered
    assert box("webhooks:read") + " disabled" not in everything
    assert box("webhooks:read") + " disabled" in offered
    assert "Not offered, because CRM 360 does not allow it: " in offered
    asked = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Source": "div#key-owner"}
    chosen = f"application_id={crm['id']}&scopes=keys:read&scopes=webhooks:read"
    part = page.get(f"/keys/new?{chosen}", headers=asked).text
    assert "<html" not in part
    assert box("keys:read") + " checked" in part
    assert box("webhooks:read") + " disabled" in part


def test_pages_show_what_is_withheld(ada: Api, browse: Browse, crm: dict[str, Any]):
    issued = ada.create("api-keys", application_id=crm["id"], scopes=READS)
    page = browse(ADA)
    path = f"/keys/{issued['id']}"
    assert "not allowed by its application" not in page.get(path).text
    narrow(ada, crm, "keys:read")
    assert page.get(path).text.count("not allowed by its application") == 1
    shown = page.get(f"/applications/{crm['id']}").text
    assert "not allowed any more: connectors:read" in shown


def test_the_list_is_set_in_the_form_of_an_application(ada: Api, browse: Browse):
    page, crm = browse(ED), ada.create("applications", display_name="CRM 360")
    path = f"/applications/{crm['id']}/edit"
    assert 'value="keys:write" disabled' in page.get(path).text
    typed = {"display_name": "CRM 360", "version": "1", "allowed_scopes": READS}
    assert page.post(path, typed).status_code == 303
    assert ada.get(f"/applications/{crm['id']}").json["allowed_scopes"] == READS
