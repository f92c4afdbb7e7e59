"""An application's credentials read what belongs to their application, and change what it made."""

from typing import Any

import pytest
from flask import Flask

from portal.features import FEATURES
from portal.rest.openapi import Operation
from tests.cast import ADA, Api, Provider
from tests.connectors.scopes import Everybody

KINDS = ["connectors", "webhooks"]


@pytest.fixture
def everybody(app: Flask, tenants: tuple[str, str], token_provider: Provider) -> Everybody:
    return Everybody(app, token_provider)


@pytest.fixture
def application(ada: Api) -> str:
    return str(ada.create("applications", display_name="CRM", slug="crm")["id"])


@pytest.fixture
def key(everybody: Everybody, application: str) -> Api:
    return everybody.key(application_id=application)


def ids(api: Api, path: str) -> list[str]:
    answer = api.get(path)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in (answer.json or {})["items"]]


@pytest.mark.parametrize("kind", KINDS)
def test_it_reads_what_it_made_and_what_others_made_for_it(
    ada: Api, key: Api, application: str, kind: str
) -> None:
    for_it = ada.create(kind, name="Made for it", application_id=application)
    its_own = key.create(kind, name="Made by it")
    moved = ada.patch(f"/{kind}/{its_own['id']}", {"application_id": None})
    assert moved.status_code == 200, "what it made stays its own"
    elsewhere = ada.create("applications", display_name="Other")["id"]
    others = [ada.create(kind), ada.create(kind, application_id=elsewhere)]
    seen = [its_own["id"], for_it["id"]]
    assert ids(key, f"/{kind}") == seen
    assert ids(key, f"/{kind}?q=made") == seen
    assert ids(key, f"/{kind}?sort=name") == seen
    assert ids(key, f"/{kind}?application_id={application}") == [for_it["id"]]
    for id in seen:
        assert (key.get(f"/{kind}/{id}").json or {})["id"] == id
        assert key.get(f"/{kind}/{id}/history").status_code == 200
    for other in others:
        assert key.get(f"/{kind}/{other['id']}").status_code == 404


@pytest.mark.parametrize("kind", KINDS)
def test_it_changes_what_it_made(ada: Api, key: Api, kind: str) -> None:
    its_own = key.create(kind)
    changed = key.patch(f"/{kind}/{its_own['id']}", {"name": "Changed"})
    assert (changed.json or {})["name"] == "Changed"
    assert key.delete(f"/{kind}/{its_own['id']}").status_code == 204
    assert key.post(f"/{kind}/{its_own['id']}/restore").status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_it_cannot_take_what_it_made_out_of_its_application(
    ada: Api, everybody: Everybody, application: str, kind: str
) -> None:
    """There it would go on when the application is suspended."""
    scopes = [f"{kind}:write", f"{kind}:read", "applications:read", "applications:write"]
    body = {"application_id": application, "scopes": scopes}
    key = Api(everybody.app.test_client(), ada.create("api-keys", **body)["key"])
    its_own, registered = key.create(kind), key.create("applications")["id"]
    path = f"/{kind}/{its_own['id']}"
    answers = [key.patch(path, {"application_id": other}) for other in (None, registered)]
    answers.append(key.post(f"/{kind}", {"application_id": registered}))
    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert all("application_id" in answer.text for answer in answers)
    assert (ada.get(path).json or {})["application_id"] == application
    assert ada.patch(path, {"application_id": None}).status_code == 200, "people may"
    assert key.patch(path, {"application_id": application}).status_code == 200, "back to it"


def changes_of_one(kind: str) -> list[Operation]:
    found = [operation for feature in FEATURES for operation in feature.rest()]
    below = f"/{kind}/{{id}}"
    return [one for one in found if one.changes and one.path.startswith(below)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_change_of_what_others_made_for_it_is_refused_in_a_sentence(
    ada: Api, key: Api, application: str, kind: str
) -> None:
    made = ada.create(kind, application_id=application)
    before = ada.get(f"/{kind}/{made['id']}").json
    walked = changes_of_one(kind)
    assert len(walked) >= 4
    for operation in walked:
        path = operation.path.replace("{id}", made["id"]).replace("{request_id}", "x")
        refused = key.call(operation.method, path, json={})
        assert refused.status_code == 403, (operation.id, refused.text)
        assert "you may read it and not change it" in refused.text, operation.id
    assert ada.get(f"/{kind}/{made['id']}").json == before


@pytest.mark.parametrize("kind", KINDS)
def test_it_reads_all_that_lies_below_what_others_made_for_it(
    ada: Api, key: Api, application: str, kind: str
) -> None:
    made = ada.create(kind, application_id=application)
    operations = [one for feature in FEATURES for one in feature.rest() if one.method == "GET"]
    below = [one for one in operations if one.path.startswith(f"/{kind}/{{id}}/")]
    paths = [one.path.replace("{id}", made["id"]) for one in below if one.path.count("{") == 1]
    assert len(paths) >= 4
    refused = {path: key.get(path).text for path in paths if key.get(path).status_code == 403}
    assert not refused


def test_a_delivery_of_a_webhook_that_others_made_is_not_sent_again(
    ada: Api, key: Api, application: str
) -> None:
    url = "http://127.0.0.1:1024/"
    hook = ada.create("webhooks", url=url, event_types=["*"], application_id=application)["id"]
    ada.post("/events", {"type": "rfp.created"})
    [delivery] = [
        one
        for one in ids(ada, f"/webhooks/{hook}/deliveries")
        if (key.get(f"/deliveries/{one}").json or {}).get("event_type") == "rfp.created"
    ]
    for verb in ("redeliveries", "attempts"):
        assert key.post(f"/deliveries/{delivery}/{verb}").status_code == 403
    window = {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "what": "all"}
    replay = (ada.post(f"/webhooks/{hook}/replays", window).json or {})["id"]
    assert key.get(f"/replays/{replay}").status_code == 200
    assert key.post(f"/replays/{replay}/cancellations").status_code == 403


def test_a_webhook_of_its_own_may_name_what_it_only_reads(
    ada: Api, key: Api, application: str
) -> None:
    connector = ada.create("connectors", application_id=application)["id"]
    assert key.create("webhooks", connector_id=connector)["connector_id"] == connector


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_without_an_application_reads_and_changes_all(
    everybody: Everybody, ada: Api, application: str, kind: str
) -> None:
    free = everybody.key()
    made = [ada.create(kind)["id"], ada.create(kind, application_id=application)["id"]]
    assert ids(free, f"/{kind}") == made[::-1]
    for id in made:
        assert free.patch(f"/{kind}/{id}", {"name": "Changed"}).status_code == 200


def test_a_token_of_the_identity_provider_has_the_same_rights(
    everybody: Everybody, ada: Api
) -> None:
    body = {"display_name": "CRM 360", "oauth_client_id": "crm-360"}
    application = ada.create("applications", **body)["id"]
    program = everybody.api("crm-360")
    made: dict[str, Any] = ada.create("connectors", application_id=application)
    assert program.get(f"/connectors/{made['id']}").status_code == 200
    assert program.patch(f"/connectors/{made['id']}", {"name": "Mine"}).status_code == 403
    assert (
        everybody.api(ADA).patch(f"/connectors/{made['id']}", {"name": "Ours"}).status_code == 200
    )


def test_it_registers_applications_without_a_slug(everybody: Everybody, ada: Api) -> None:
    """A slug made from the name is looked for in the whole tenant, of which it sees only itself."""
    ada.create("applications")
    scopes = ["applications:read", "applications:write"]
    own = ada.create("applications", slug="robot")["id"]
    made = ada.create("api-keys", scopes=scopes, application_id=own)
    robot = Api(everybody.app.test_client(), made["key"])
    answers = [robot.post("/applications", {}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    slugs = {(answer.json or {})["slug"] for answer in answers}
    assert len(slugs) == 2
    assert all(slug.startswith("untitled-application-") for slug in slugs)
