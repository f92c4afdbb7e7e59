"""A connector's scope decides who sees it, who uses it, and who makes it."""

from typing import Any

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import PEOPLE, ProviderPerson

from portal.connectors.models import Connector
from portal.connectors.table import NONE, TABLE, Beside, _of_open_ones
from portal.database.actor import Actor
from portal.web.lists import Column
from tests.cast import ADA, ED, VIC, Api, Pages, Provider
from tests.connectors.scopes import EVE, HOST, MARK, SID, Everybody, restricted

SCOPES = ["user", "group"]


@pytest.fixture
def everybody(app: Flask, tenants: tuple[str, str], token_provider: Provider) -> Everybody:
    return Everybody(app, token_provider)


def names(api: Api, query: str = "") -> list[str]:
    answer = api.get(f"/connectors{query}")
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in (answer.json or {})["items"]]


def field_of(answer: Any) -> str:
    assert answer.status_code == 422, answer.text
    [error] = answer.json["errors"]
    return str(error["field"])


# ---------------------------------------------------------------- who sees


@pytest.mark.parametrize(
    ("scope", "who", "sees"),
    [
        ("org", VIC, True),
        ("user", ED, True),
        ("user", SID, False),
        ("user", VIC, False),
        ("user", EVE, False),
        ("group", ED, True),
        ("group", SID, True),
        ("group", VIC, False),
        ("group", EVE, False),
    ],
)
def test_the_scope_decides_who_sees_a_connector(
    everybody: Everybody, scope: str, who: str | ProviderPerson, sees: bool
) -> None:
    made = restricted(everybody.api(ED), scope)
    reader, pages = everybody.api(who), everybody.pages(who)
    path = f"/connectors/{made['id']}"
    expected = 200 if sees else 404
    assert reader.get(path).status_code == expected
    assert reader.get(f"{path}/history").status_code == expected
    assert names(reader) == ([MARK] if sees else [])
    assert names(reader, "?q=zanzibar") == ([MARK] if sees else [])
    for place in ("", "/history"):
        assert pages.get(f"{path}{place}").status_code == expected
    assert (MARK in pages.get("/connectors").text) == sees
    if sees:
        assert (reader.get(path).json or {})["config"] == {"host": HOST}


def test_somebody_who_leaves_the_group_sees_its_connectors_no_longer(everybody: Everybody) -> None:
    made = restricted(everybody.api(ED), "group")
    path = f"/connectors/{made['id']}"
    before = everybody.pages(SID)
    assert before.get(path).status_code == 200
    without = ProviderPerson(SID.email, SID.name, SID.tenant_id, SID.tenant_name, SID.roles)
    assert everybody.api(without).get(path).status_code == 404
    assert everybody.pages(without).get(path).status_code == 404
    assert before.get(path).status_code == 303, "an older session would still have the group"


def test_the_claim_of_groups_has_the_name_that_the_operator_gave_it(
    another_app: Any, everybody: Everybody
) -> None:
    made = restricted(everybody.api(ED), "group")
    elsewhere = another_app(PORTAL_OIDC_GROUPS_CLAIM="teams").test_client()
    token = everybody.api(SID).token
    path = f"/connectors/{made['id']}"
    assert Api(elsewhere, token).get(path).status_code == 404
    assert everybody.api(SID).get(path).status_code == 200


@pytest.mark.parametrize("scope", SCOPES)
def test_a_program_sees_only_what_is_for_the_whole_tenant(everybody: Everybody, scope: str) -> None:
    ed = everybody.api(ED)
    application = ed.create("applications", display_name="CRM")["id"]
    made = restricted(ed, scope, application_id=application)
    for key in (everybody.key(), everybody.key(application_id=application)):
        assert key.get(f"/connectors/{made['id']}").status_code == 404
        assert names(key) == []
        assert names(key, "?q=zanzibar") == []


# ---------------------------------------------------------------- the admin


@pytest.fixture(params=SCOPES)
def closed(request: pytest.FixtureRequest, everybody: Everybody) -> dict[str, Any]:
    """Return a connector of Ed's that is not open to Ada, an admin."""
    return restricted(everybody.api(ED), request.param)


def test_a_narrowed_token_of_an_admin_sees_no_more_than_others_do(
    app: Flask, everybody: Everybody, token_provider: Provider, closed: dict[str, Any]
) -> None:
    scopes = "connectors:read connectors:write audit:read"
    narrowed = Api(app.test_client(), token_provider.token_of(PEOPLE[0], scope=scopes))
    path = f"/connectors/{closed['id']}"
    assert names(narrowed) == []
    history = f"/audit?record_id={closed['id']}"
    assert (narrowed.get(history).json or {})["items"] == []
    assert (everybody.api(ADA).get(history).json or {})["items"] != []
    assert [narrowed.get(path).status_code, narrowed.delete(path).status_code] == [404, 404]


def test_an_admin_sees_that_it_is_there_and_whose_and_no_setting(
    everybody: Everybody, closed: dict[str, Any]
) -> None:
    ada, pages = everybody.api(ADA), everybody.pages(ADA)
    path = f"/connectors/{closed['id']}"
    seen = ada.get(path).json or {}
    for name in ("id", "name", "scope", "owner_id", "user_id", "group_id", "enabled", "version"):
        assert seen[name] == closed[name], name
    assert seen["is_restricted"] is True
    assert closed["is_restricted"] is False
    assert seen["config"] == {}
    assert (seen["provider"], seen["auth_type"], seen["tags"]) == (None, None, [])
    assert seen["credential_fields"] == []
    assert (ada.get("/connectors").json or {})["items"] == [seen]
    page = pages.get(path).text
    assert "You see that this connector is there, and no more" in page
    assert MARK in page
    assert MARK in pages.get("/connectors").text
    told = [ada.get(path), ada.get(f"{path}/history"), ada.get("/connectors")]
    whole = f"/connectors?columns={','.join(TABLE.by_name)}"
    shown = ["", whole, path, f"{path}/history", "/audit", f"/search?q={closed['id']}"]
    texts = [answer.text for answer in told]
    for secret in (HOST, "cloves", "splunk", "Splunk", "bearer"):
        assert [text for text in texts if secret in text] == []
    for place in shown:
        text = pages.get(place or "/").text
        assert HOST not in text, place
        assert "cloves" not in text, place


def test_what_nobody_decided_about_is_a_setting(
    everybody: Everybody, closed: dict[str, Any]
) -> None:
    """A field or a column that is added later is not shown to an admin before somebody says so."""
    admin = Actor(closed["tenant_id"], "user", "ada", "Ada", person_id="ada", is_admin=True)
    later = Connector.shown_to(admin, {**closed, "description": "private"})
    assert later["description"] is None
    record = Connector(scope="user", user_id="ed")
    column = Column("description", "Description", lambda one, _: "private")
    beside = Beside(admin, {}, {}, {}, str)
    assert _of_open_ones(column).cell(record, beside) == NONE


@pytest.mark.parametrize(
    "query",
    ["q=pemba", "q=splunk", "tag=cloves", "q=cloves", "provider=splunk", "auth_type=bearer",
     "type=siem", "rotation_due_after=2020-01-01T00:00:00Z"],
)  # fmt: skip
def test_no_filter_and_no_word_tells_an_admin_a_setting(
    everybody: Everybody, closed: dict[str, Any], query: str
) -> None:
    assert closed["id"] not in everybody.api(ADA).get(f"/connectors?{query}").text


@pytest.mark.parametrize("name", ["scope", "owner_id", "user_id", "group_id", "sync_status"])
def test_an_admin_finds_it_by_what_they_may_know(
    everybody: Everybody, closed: dict[str, Any], name: str
) -> None:
    if closed[name] is not None:
        assert names(everybody.api(ADA), f"?{name}={closed[name]}") == [MARK]


def test_an_admin_disables_enables_deletes_and_restores_it(
    everybody: Everybody, closed: dict[str, Any]
) -> None:
    ada, pages = everybody.api(ADA), everybody.pages(ADA)
    path = f"/connectors/{closed['id']}"
    assert (ada.patch(path, {"enabled": False}).json or {})["enabled"] is False
    assert pages.post(f"{path}/switch", {"on": "1"}).status_code == 303
    version = (ada.get(path).json or {})["version"]
    assert pages.post(f"{path}/delete", {"version": version}).status_code == 303
    assert ada.post(f"{path}/restore").status_code == 200
    assert ada.delete(path).status_code == 204
    entries = (everybody.api(ED).get("/connectors?include_deleted=true").json or {})["items"]
    assert [item["is_deleted"] for item in entries] == [True]


def test_an_admin_neither_changes_nor_uses_it(everybody: Everybody, closed: dict[str, Any]) -> None:
    ada, pages = everybody.api(ADA), everybody.pages(ADA)
    path = f"/connectors/{closed['id']}"
    for patch in (
        {"name": "Mine"},
        {"scope": "org"},
        {"user_id": closed["user_id"], "scope": "user"},
        {"config": {"host": "evil.example"}},
        {"credentials": {"token": "mine"}},
        {"enabled": False, "tags": []},
    ):
        refused = ada.patch(path, patch)
        assert refused.status_code == 403, refused.text
        assert "is for somebody else" in refused.text
    assert ada.delete(f"{path}/credentials").status_code == 403
    assert pages.get(f"{path}/edit").status_code == 403
    assert pages.post(f"{path}/edit", {"name": "Mine", "provider": "splunk"}).status_code == 403
    assert pages.post(f"{path}/credentials/delete").status_code == 403
    assert ada.post("/webhooks", {"connector_id": closed["id"]}).status_code == 422
    assert everybody.api(ED).get(path).json == closed


# ---------------------------------------------------------------- who makes, and for whom


def test_a_personal_connector_is_made_for_oneself_only(everybody: Everybody) -> None:
    ed, ada = everybody.api(ED), everybody.api(ADA)
    other = everybody.pages(VIC).person_id
    mine = ed.create("connectors", scope="user")
    assert mine["user_id"] == mine["created_by"]
    for maker in (ed, ada):
        body = {"scope": "user", "user_id": other}
        assert field_of(maker.post("/connectors", body)) == "user_id"
    assert field_of(ed.patch(f"/connectors/{mine['id']}", {"user_id": other})) == "user_id"


def test_a_group_is_one_of_the_makers_and_any_for_an_admin(everybody: Everybody) -> None:
    ed, ada = everybody.api(ED), everybody.api(ADA)
    ours = ed.create("connectors", scope="group", group_id="sales")
    assert field_of(ed.post("/connectors", {"scope": "group", "group_id": "board"})) == "group_id"
    assert field_of(ed.patch(f"/connectors/{ours['id']}", {"group_id": "board"})) == "group_id"
    assert ada.create("connectors", scope="group", group_id="board")["is_restricted"] is True
    free = ed.create("connectors")
    refused = ed.patch(f"/connectors/{free['id']}", {"scope": "group", "group_id": "board"})
    assert field_of(refused) == "group_id"
    moved = ed.patch(f"/connectors/{ours['id']}", {"scope": "org"}).json or {}
    assert (moved["scope"], moved["group_id"]) == ("org", None)


def test_who_left_a_group_may_not_have_its_connector_kept_by_a_change(
    everybody: Everybody,
) -> None:
    made = restricted(everybody.api(ED), "group")
    path = f"/connectors/{made['id']}"
    renamed = everybody.api(SID).patch(path, {"name": "Renamed"})
    assert (renamed.json or {})["group_id"] == "sales", "an audience that stays is not asked again"


@pytest.mark.parametrize(
    "body", [{"scope": "user"}, {"scope": "group", "group_id": "sales"}, {"scope": "group"}]
)
def test_a_program_makes_connectors_of_the_whole_organisation_only(
    everybody: Everybody, body: dict[str, Any]
) -> None:
    application = everybody.api(ADA).create("applications", display_name="CRM")["id"]
    for key in (everybody.key(), everybody.key(application_id=application)):
        assert field_of(key.post("/connectors", body)) == "scope"
        own = key.create("connectors")
        assert field_of(key.patch(f"/connectors/{own['id']}", body)) == "scope"


# ---------------------------------------------------------------- what is told of it


@pytest.mark.parametrize("scope", SCOPES)
def test_what_happens_to_it_goes_to_no_webhook_and_into_no_list(
    everybody: Everybody, scope: str
) -> None:
    ada, ed = everybody.api(ADA), everybody.api(ED)
    hook = ada.create("webhooks", url="http://127.0.0.1:1024/", event_types=["*"])["id"]
    made = restricted(ed, scope)
    ed.patch(f"/connectors/{made['id']}", {"enabled": False})
    ed.delete(f"/connectors/{made['id']}")
    ed.post(f"/connectors/{made['id']}/restore")
    for reader in (ada, ed):
        assert made["id"] not in reader.get("/events").text
        told = reader.get(f"/webhooks/{hook}/deliveries").json or {}
        assert [one for one in told["items"] if one["event_type"].startswith("connector.")] == []
    ed.create("connectors")
    told = ada.get("/events?type=connector.created").json or {}
    assert len(told["items"]) == 1, "one for the whole tenant is told of"


def test_what_was_told_of_it_before_leaves_the_lists(everybody: Everybody) -> None:
    ada, ed, vic = everybody.api(ADA), everybody.api(ED), everybody.api(VIC)
    ada.create("webhooks", url="http://127.0.0.1:1024/", event_types=["*"])
    made = ed.create("connectors", name=MARK)
    [event] = (vic.get("/events?type=connector.created").json or {})["items"]
    assert MARK in everybody.pages(VIC).get("/audit").text
    ed.patch(f"/connectors/{made['id']}", {"scope": "user"})
    assert (vic.get("/events?type=connector.created").json or {})["items"] == []
    assert vic.get(f"/events/{event['id']}").status_code == 404
    assert MARK not in everybody.pages(VIC).get("/audit").text
    ed.patch(f"/connectors/{made['id']}", {"scope": "org"})
    assert MARK in everybody.pages(VIC).get("/audit").text


def test_a_webhook_names_only_connectors_of_the_whole_organisation(everybody: Everybody) -> None:
    ed = everybody.api(ED)
    mine = restricted(ed, "user")["id"]
    assert field_of(ed.post("/webhooks", {"connector_id": mine})) == "connector_id"
    assert MARK not in everybody.pages(ED).get("/webhooks/new").text
    ours = ed.create("connectors", name="Ours")["id"]
    assert ">Ours<" in everybody.pages(ED).get("/webhooks/new").text
    hook = ed.create("webhooks", connector_id=ours)["id"]
    assert field_of(ed.patch(f"/connectors/{ours}", {"scope": "user"})) == "scope"
    ed.patch(f"/webhooks/{hook}", {"connector_id": None})
    assert ed.patch(f"/connectors/{ours}", {"scope": "user"}).status_code == 200


def test_a_restored_webhook_names_no_connector_that_was_closed(everybody: Everybody) -> None:
    ed = everybody.api(ED)
    ours, other = (ed.create("connectors", name=name)["id"] for name in ("Ours", "Other"))
    closed, open = (ed.create("webhooks", connector_id=one)["id"] for one in (ours, other))
    for hook in (closed, open):
        ed.delete(f"/webhooks/{hook}")
    assert ed.patch(f"/connectors/{ours}", {"scope": "user"}).status_code == 200
    ed.delete(f"/connectors/{other}")
    for hook, named in ((closed, None), (open, other)):
        restored = ed.post(f"/webhooks/{hook}/restore")
        assert (restored.status_code, restored.json["connector_id"]) == (200, named)
        assert restored.json["version"] == 3, "deleted and restored"
    last = ed.get(f"/webhooks/{closed}/history").json["items"][0]
    assert (last["action"], last["changes"]["connector_id"]) == ("webhook.restored", [ours, None])


def test_a_purged_connector_stays_unknown(everybody: Everybody, database: Any) -> None:
    made = restricted(everybody.api(ED), "user")
    vic: Pages = everybody.pages(VIC)
    everybody.api(ED).delete(f"/connectors/{made['id']}")
    database.sql(f"DELETE FROM connector WHERE id = '{made['id']}'")
    assert MARK not in vic.get("/audit").text
    assert MARK not in vic.get(f"/audit?record_id={made['id']}").text
    assert MARK in everybody.pages(ED).get("/audit").text
