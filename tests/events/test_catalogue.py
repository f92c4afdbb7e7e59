"""The catalogue of event types: enforced schemas, and imports."""

from typing import Any

import pytest

from tests.cast import Api

SCHEMA = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}


def fields(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [error["field"] for error in answer.json["errors"]]


def test_a_type_that_asks_for_it_refuses_what_does_not_fit(ada: Api) -> None:
    ada.create("event-types", name="rfp.created", json_schema=SCHEMA, validation="reject")
    good, bad = {"id": "rfp_1"}, {"id": 7}
    assert ada.post("/events", {"type": "rfp.created", "data": good}).status_code == 202
    assert fields(ada.post("/events", {"type": "rfp.created", "data": bad})) == ["data.id"]
    batch = [{"type": "rfp.created", "data": good}, {"type": "rfp.created", "data": {}}]
    assert fields(ada.post("/events", batch)) == ["events.1.data"]
    assert len(ada.get("/events").json["items"]) == 1, "all of a batch or none"


def test_data_is_kept_as_it_was_published(ada: Api) -> None:
    data = {" id": 1, "id": 2, "note ": " as it is ", "deep": {" id": 3}}
    [event] = ada.post("/events", {"type": "rfp.created", "data": data}).json["events"]
    assert ada.get(f"/events/{event['id']}").json["data"] == data


def test_what_is_no_schema_is_refused(ada: Api) -> None:
    for schema in ({"type": "nothing"}, {"$ref": "https://elsewhere.example/schema"}):
        body = {"name": "rfp.created", "json_schema": schema}
        assert fields(ada.post("/event-types", body)) == ["json_schema"]
    body = {"name": "rfp.created", "json_schema": SCHEMA, "example": {"id": 1}}
    assert fields(ada.post("/event-types", body)) == ["example.id"]


def test_the_portals_own_events_are_there_and_nobody_elses(ada: Api, vic: Api) -> None:
    own = {one["name"]: one for one in vic.get("/event-types/own").json["items"]}
    assert {"application.created", "connector.deleted", "api_key.revoked"} <= set(own)
    assert fields(ada.post("/event-types", {"name": "webhook.paused"})) == ["name"]
    assert fields(ada.post("/events", {"type": "webhook.paused"})) == ["type"]


def test_the_webhooks_of_an_openapi_document_become_types(ada: Api) -> None:
    document = {
        "openapi": "3.1.0",
        "components": {"schemas": {"Rfp": SCHEMA}},
        "webhooks": {
            "rfp.created": {
                "post": {
                    "summary": "RFP created",
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Rfp"},
                                "example": {"id": "rfp_1"},
                            }
                        }
                    },
                }
            },
            "no name": {"post": {}},
        },
    }

    def fates(dry_run: bool) -> dict[str, str]:
        answer = ada.post("/event-types/imports", {"document": document, "dry_run": dry_run})
        assert answer.status_code == 200, answer.text
        return {one["name"]: one["fate"] for one in answer.json["types"]}

    assert fates(True) == {"rfp.created": "created", "no name": "skipped"}
    assert ada.get("/event-types").json["items"] == []
    assert fates(False)["rfp.created"] == "created"
    [made] = ada.get("/event-types").json["items"]
    assert (made["json_schema"], made["example"]) == (SCHEMA, {"id": "rfp_1"})
    assert fates(False)["rfp.created"] == "unchanged"


def test_a_trial_import_tells_what_the_import_does(ada: Api) -> None:
    """Check names, settings and texts that are refused when a type is stored."""
    ada.create("event-types", name="kept.checked", json_schema=SCHEMA, validation="reject")
    gone = ada.create("event-types", name="gone.type")
    assert ada.delete(f"/event-types/{gone['id']}").status_code == 204
    large = {"content": {"application/json": {"example": {"text": "x" * 70_000}}}}
    webhooks: dict[str, Any] = {
        name: {"post": {}} for name in ("a.first", "gone.type", "kept.checked", "z.last")
    }
    webhooks |= {"text.hidden": {"post": {"summary": "Hidden\u200b"}}}
    webhooks |= {"too.large": {"post": {"requestBody": large}}}
    body = {"document": {"openapi": "3.1.0", "webhooks": webhooks}}

    before = {one["name"] for one in ada.get("/event-types").json["items"]}
    trial = ada.post("/event-types/imports", {**body, "dry_run": True})
    assert {one["name"] for one in ada.get("/event-types").json["items"]} == before
    imported = ada.post("/event-types/imports", body)
    assert imported.status_code == 200, imported.text
    assert trial.json["types"] == imported.json["types"]
    created = {one["name"] for one in imported.json["types"] if one["fate"] == "created"}
    assert created == {"a.first", "z.last"}
    assert {one["name"] for one in ada.get("/event-types").json["items"]} == before | created
    made = ada.get("/audit?action=event type.created").json["items"]
    assert {one["record_name"] for one in made} == before | created | {"gone.type"}


def test_a_publisher_is_told_what_is_wrong_where(ada: Api, vic: Api) -> None:
    batch = [{"type": "rfp.created"}, {"type": "not a name"}, {"data": {}}]
    assert fields(ada.post("/events", batch)) == ["events.1.type", "events.2.type"]
    assert fields(ada.post("/events", batch[1:2])) == ["events.0.type"]
    assert fields(ada.post("/events", batch[1])) == ["type"]
    assert fields(ada.post("/events", [])) == ["events"]
    assert fields(ada.post("/events", [{"type": "a"}] * 501)) == ["events"]
    large = {"type": "rfp.created", "data": {"text": "x" * 70_000}}
    assert fields(ada.post("/events", large)) == ["data"]
    assert ada.post("/events", {}).status_code == 400
    assert vic.post("/events", {"type": "rfp.created"}).status_code == 403


def test_the_data_of_a_batch_of_one_is_named_by_its_place(ada: Api) -> None:
    ada.create("event-types", name="rfp.created", json_schema=SCHEMA, validation="reject")
    wrong = {"type": "rfp.created", "data": {}}
    for batch in ([wrong], {"events": [wrong]}):
        assert fields(ada.post("/events", batch)) == ["events.0.data"]
    assert fields(ada.post("/events", wrong)) == ["data"]
    own = {"type": "webhook.paused"}
    assert fields(ada.post("/events", [own])) == ["events.0.type"]


def test_an_id_of_another_applications_event_is_refused(ada: Api) -> None:
    crm, shop = (_publisher(ada, name) for name in ("CRM", "Shop"))
    event = {"type": "a.b", "id": "order-1"}
    [first] = crm.post("/events", event).json["events"]
    for body, field in ((event, "id"), ([{"type": "a.b"}, event], "events.1.id")):
        refused = shop.post("/events", body)
        assert refused.status_code == 409
        assert [error["field"] for error in refused.json["errors"]] == [field]
        assert first["id"] not in refused.text
    assert shop.get("/events").json["items"] == [], "nothing of the batch is kept"
    for one in (crm, ada):  # who sees the event is told of it
        [again] = one.post("/events", event).json["events"]
        assert (again["id"], again["duplicate"]) == (first["id"], True)
    ada.post("/events", {"type": "a.b", "id": "order-2"})
    assert shop.post("/events", {"type": "a.b", "id": "order-2"}).status_code == 409


def test_an_applications_webhook_gets_what_others_publish_and_its_list_does_not(ada: Api) -> None:
    """The first is what applications integrate by; `docs/decisions` 0013."""
    crm, shop = _publisher(ada, "CRM"), _publisher(ada, "Shop", "webhooks:write")
    given = {"url": "https://shop.example.com/in", "event_types": ["order.*"]}
    assert shop.post("/webhooks", {"name": "Orders", **given}).status_code == 201
    for publisher in (crm, shop):
        [event] = publisher.post("/events", {"type": "order.placed"}).json["events"]
        assert event["deliveries"] == 1
    assert [one["id"] for one in shop.get("/events").json["items"]] == [event["id"]]


def _publisher(ada: Api, name: str, *more: str) -> Api:
    application = ada.create("applications", display_name=name)
    scopes = ["events:publish", "events:read", *more]
    key = ada.create("api-keys", application_id=application["id"], scopes=scopes)["key"]
    return Api(ada.client, key)


def test_the_schema_of_an_application_binds_its_own_events_alone(ada: Api) -> None:
    crm, shop = (_publisher(ada, name, "event-types:write") for name in ("CRM", "Shop"))
    crm.create("event-types", name="shop.order", json_schema=SCHEMA, validation="reject")
    wrong = {"type": "shop.order", "data": {}}
    for other in (shop, ada):
        for body in (wrong, [wrong, wrong]):
            assert other.post("/events", body).status_code == 202
    assert fields(crm.post("/events", wrong)) == ["data"]
    assert fields(crm.post("/events", [wrong])) == ["events.0.data"]

    ada.create("event-types", name="tenant.order", json_schema=SCHEMA, validation="reject")
    for one in (crm, shop, ada):
        assert fields(one.post("/events", {"type": "tenant.order", "data": {}})) == ["data"]


def test_an_import_changes_no_type_of_others(ada: Api) -> None:
    crm, shop = (
        _publisher(ada, name, "event-types:write", "event-types:read") for name in ("CRM", "Shop")
    )
    for owner, name in ((crm, "crm.order"), (ada, "tenant.order")):
        made = owner.create("event-types", name=name, json_schema=SCHEMA)
        described = {name: {"post": {"summary": "Taken over"}}}
        reason = "Another event type of this tenant has this name."
        assert imported(shop, None, webhooks=described) == ("skipped", reason)
        assert ada.get(f"/event-types/{made['id']}").json == made
        assert imported(owner, None, webhooks=described)[0] == "updated"


def test_a_subject_is_erased(ada: Api, gus: Api) -> None:
    events = [{"type": "a.b", "subject": s, "id": f"{s}-1"} for s in ("ann", "bob")]
    ada.post("/events", events)
    gus.post("/events", events)
    assert ada.post("/events/erasures", {"subject": "ann"}).json == {
        "events": 1,
        "more": False,
    }
    assert [e["subject"] for e in ada.get("/events").json["items"]] == ["bob"]
    assert len(gus.get("/events").json["items"]) == 2
    [again] = ada.post("/events", events[0]).json["events"]
    assert again["duplicate"] is False


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [("^.$", "a\r\u2028\u00a0", "\n"), (r"^\s$", " \t\n\f\r", "\v\u00a0\u2028\ufeff")],
)
def test_patterns_are_those_of_re2(ada: Api, pattern: str, fits: str, does_not: str) -> None:
    schema = {"properties": {"text": {"pattern": pattern}}}
    ada.create("event-types", name="a.b", json_schema=schema, validation="reject")
    for text in fits:
        assert ada.post("/events", {"type": "a.b", "data": {"text": text}}).status_code == 202
    for text in does_not:
        refused = ada.post("/events", {"type": "a.b", "data": {"text": text}})
        assert fields(refused) == ["data.text"], repr(text)


def imported(api: Api, webhook: Any, **document: Any) -> tuple[str, str]:
    """Import one webhook; return its fate and the reason."""
    document = {"openapi": "3.1.0", "webhooks": {"a.b": webhook}, **document}
    [told] = api.post("/event-types/imports", {"document": document}).json["types"]
    return told["fate"], told["reason"]


def with_schema(schema: Any) -> dict[str, Any]:
    """Return a webhook whose body has a schema."""
    return {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}}


CHAIN = {f"S{n}": {"allOf": [{"$ref": f"#/components/schemas/S{n + 1}"}]} for n in range(60)}
SCHEMAS = {
    "Rfp": SCHEMA,
    "A": {"$ref": "#/components/schemas/B"},
    "B": {"$ref": "#/components/schemas/A"},
    **CHAIN,
    "S60": {"required": ["id"]},
    **{f"R{n}": {"$ref": f"#/components/schemas/R{n + 1}"} for n in range(100)},
}


@pytest.mark.parametrize(
    ("webhook", "what"),
    [
        (with_schema(5), "schema must be an object"),
        (with_schema({"$ref": "#/components/schemas/None"}), "schemas/None leads nowhere"),
        (with_schema({"items": {"$ref": "#/components/None"}}), "None leads nowhere"),
        (with_schema({"$ref": "#/components/schemas/A"}), "leads back to itself"),
        (with_schema({"$ref": "#/components/schemas/S0"}), "more than 30 levels"),
        (with_schema({"$ref": "#/components/schemas/R0"}), "more than 64 references"),
        ("hello", "a.b must be an object"),
        ({"$ref": "#/webhooks/a.b"}, "leads back to itself"),
        ({"post": []}, "post must be an object"),
        ({"post": {"requestBody": 5}}, "requestBody must be an object"),
        ({"post": {"requestBody": {"$ref": 5}}}, "$ref that does not begin with #/"),
        ({"post": {"requestBody": {"content": [1]}}}, "content must be an object"),
        (
            {"post": {"requestBody": {"content": {"text/xml": {}}}}},
            "no content of the type application/json",
        ),
        (with_schema({"type": "strng"}), "type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_webhook_that_cannot_be_read_is_skipped(ada: Api, webhook: Any, what: str) -> None:
    fate, reason = imported(ada, webhook, components={"schemas": SCHEMAS})
    assert (fate, what in reason) == ("skipped", True), (fate, reason)
    assert ada.get("/event-types").json["items"] == []


@pytest.mark.parametrize("webhook", [{}, {"post": {}}, {"post": {"requestBody": {}}}])
def test_a_webhook_without_a_body_becomes_a_type_without_a_schema(
    ada: Api, webhook: dict[str, Any]
) -> None:
    assert imported(ada, webhook) == ("created", "")
    [made] = ada.get("/event-types").json["items"]
    assert made["json_schema"] is None


def test_an_import_follows_each_reference_and_keeps_what_stands_beside_it(ada: Api) -> None:
    schema = {"$ref": "#/components/schemas/The%20Rfp", "required": ["name"]}
    components = {
        "schemas": {"The Rfp": SCHEMA},
        "requestBodies": {"Rfp": {"content": {"application/json": {"schema": schema}}}},
        "pathItems": {"Rfp": {"post": {"requestBody": {"$ref": "#/components/requestBodies/Rfp"}}}},
    }
    webhook = {"$ref": "#/components/pathItems/Rfp"}
    assert imported(ada, webhook, components=components) == ("created", "")
    [made] = ada.get("/event-types").json["items"]
    assert made["json_schema"] == {"required": ["name"], "allOf": [SCHEMA]}


def test_an_import_keeps_a_schema_that_leads_back_to_itself(ada: Api) -> None:
    node = {"type": "object", "properties": {"under": {"$ref": "#/components/schemas/Node"}}}
    schemas = {"Node": {**node, "required": ["name"], "additionalProperties": False}}
    schemas["Node"]["properties"]["name"] = {"type": "string"}
    schemas["Root"] = {"properties": {"top": {"$ref": "#/components/schemas/Node"}}}
    webhook = with_schema({"$ref": "#/components/schemas/Root"})
    for fate in ("created", "unchanged"):
        assert imported(ada, webhook, components={"schemas": schemas}) == (fate, "")
    [made] = ada.get("/event-types").json["items"]
    assert ada.patch(f"/event-types/{made['id']}", {"validation": "reject"}).status_code == 200
    deep: dict[str, Any] = {"name": 5}
    for _ in range(20):
        deep = {"name": "a", "under": deep}
    wrong = ada.post("/events", {"type": "a.b", "data": {"top": deep}})
    assert fields(wrong) == ["data.top" + ".under" * 20 + ".name"]
    deep = {"name": "a", "under": {"name": "b"}}
    assert ada.post("/events", {"type": "a.b", "data": {"top": deep}}).status_code == 202
