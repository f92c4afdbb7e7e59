"""Connectors through REST: the provider's rules, the scope, and their owners."""

from typing import Any

import pytest

from portal.connectors.models import AUTH_TYPES, SYNC_STATUSES, TYPES
from portal.providers import PROVIDERS
from tests.cast import Api
from tests.databases import Database

UUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


def fields(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [error["field"] for error in answer.json["errors"]]


def test_the_catalogue_speaks_the_closed_lists() -> None:
    assert {provider.category for provider in PROVIDERS.values()} <= set(TYPES)
    for provider in PROVIDERS.values():
        kinds = [variant.type for variant in provider.auth]
        assert set(kinds) <= set(AUTH_TYPES)
        assert len(kinds) == len(set(kinds)), provider.key
        for variant in provider.auth:
            assert variant.type == "none" or any(f.secret for f in variant.credentials)
        for setting in provider.config:
            assert setting.default is None or setting.problem(setting.default) is None
            assert setting.example is None or setting.problem(setting.example) is None


def test_a_provider_brings_its_name_type_and_first_way_to_authenticate(ada: Api) -> None:
    made = ada.create("connectors", provider="okta")
    assert (made["name"], made["type"], made["auth_type"]) == ("Okta", "identity", "api_key")
    changed = ada.patch(f"/connectors/{made['id']}", {"provider": "splunk"}).json or {}
    assert (changed["type"], changed["auth_type"]) == ("siem", "bearer")
    assert changed["name"] == "Okta", "a name is the person's"


def test_a_connector_without_provider_is_a_draft(ada: Api) -> None:
    made = ada.create("connectors")
    assert (made["name"], made["provider"], made["sync_status"]) == (
        "Untitled connector",
        None,
        "pending",
    )
    assert made["metrics"] == {"totalSynced": 0, "last24h": 0, "avgLatencyMs": None}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"provider": "myspace"}, "provider"),
        ({"type": "toaster"}, "type"),
        ({"auth_type": "handshake"}, "auth_type"),
        ({"provider": "okta", "auth_type": "basic"}, "auth_type"),
        ({"scope": "world"}, "scope"),
        ({"scope": "group"}, "group_id"),
        ({"enabled": None}, "enabled"),
        ({"config": []}, "config"),
        ({"config": {"x": "y" * 20_000}}, "config"),
        ({"provider": "okta", "config": {"domain": "https://acme.okta.com/app"}}, "config.domain"),
        ({"provider": "okta", "config": {"domain": "http://acme.okta.com"}}, "config.domain"),
        ({"provider": "okta", "config": {"domain": "me@acme.okta.com"}}, "config.domain"),
        ({"provider": "http", "config": {"baseUrl": "acme.example"}}, "config.baseUrl"),
        ({"owner_id": "per_nobody"}, "owner_id"),
        ({"provider": "splunk", "config": {"verifyTls": "yes"}}, "config.verifyTls"),
        ({"provider": "postgres", "config": {"port": "5432"}}, "config.port"),
        ({"provider": "postgres", "config": {"sslmode": "disable"}}, "config.sslmode"),
        ({"provider": "zendesk", "config": {"subdomain": "a/b"}}, "config.subdomain"),
        (
            {"provider": "salesforce", "config": {"loginHost": "acme.lightning.force.com"}},
            "config.loginHost",
        ),
        (
            {
                "provider": "salesforce",
                "config": {"loginHost": " https://acme.lightning.force.com/ "},
            },
            "config.loginHost",
        ),
        ({"event_types": ["Not An Event"]}, "event_types.0"),
        ({"event_types": "x"}, "event_types"),
        ({"next_rotation_due": "soon"}, "next_rotation_due"),
        ({"application_id": "app_nowhere"}, "application_id"),
        ({"webhook_endpoint_id": "whk_nowhere"}, "webhook_endpoint_id"),
        ({"tags": ["<b>"]}, "tags.0"),
    ],
)
def test_bad_input_is_named(ada: Api, body: dict[str, Any], field: str) -> None:
    assert fields(ada.post("/connectors", body)) == [field]
    assert (ada.get("/connectors").json or {})["items"] == []


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"note": "ghp_" + "a" * 36}, "config.note"),
        ({"note": "glpat-" + "a" * 20}, "config.note"),
        ({"deep": [{"er": "AKIA" + "A" * 16}]}, "config.deep.0.er"),
        ({"key": "-----BEGIN RSA PRIVATE KEY-----\nMII"}, "config.key"),
        ({"url": "https://user:hunter2@db.example"}, "config.url"),
        ({"jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.x"}, "config.jwt"),
        ({"okta": "00" + "a" * 40}, "config.okta"),
        ({"password": "hunter2"}, "config.password"),
        ({"api-key": "hunter2"}, "config.api-key"),
        ({"Client_Secret": "hunter2"}, "config.Client_Secret"),
        ({"ghp_" + "b" * 36: 1}, "config"),
    ],
)
def test_a_secret_in_the_configuration_is_refused(
    ada: Api, config: dict[str, Any], field: str
) -> None:
    refused = ada.post("/connectors", {"config": config})
    assert fields(refused) == [field]
    assert "put it under credentials" in refused.text
    assert "hunter2" not in refused.text


def test_ordinary_settings_are_no_secrets(ada: Api) -> None:
    config = {
        "baseUrl": "https://api.example.com/v1?key=id",
        "accountId": "9f86d081884c7d659a2feaa0c55ad015",
        "tenantId": "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "tokenUrl": "https://login.example.com/token",
        "password": "",
        "retries": 3,
    }
    assert ada.create("connectors", config=config)["config"] == config


def test_a_scope_says_whose_it_is(ada: Api) -> None:
    mine = ada.create("connectors", scope="user", group_id="security")
    assert (mine["user_id"], mine["group_id"]) == (mine["created_by"], None)
    assert mine["owner_id"] == mine["created_by"]
    path = f"/connectors/{mine['id']}"
    ours = ada.patch(path, {"scope": "group", "group_id": "security"}).json or {}
    assert (ours["user_id"], ours["group_id"]) == (None, "security")
    everybodys = ada.patch(path, {"scope": "org"}).json or {}
    assert (everybodys["user_id"], everybodys["group_id"]) == (None, None)


def test_what_the_server_keeps_is_ignored(ada: Api) -> None:
    theirs = {
        "vault_path": "secret/data/tnt-other/connectors/cnn-other/credentials",
        "sync_status": "healthy",
        "last_error": "x",
        "consecutive_errors": 7,
        "metrics": {"totalSynced": 9},
        "last_sync_at": "2026-01-01T00:00:00Z",
        "last_check_at": "2026-01-01T00:00:00Z",
        "oauth_refresh_needed": True,
        "credential_fields": ["password"],
        "credential_last_rotated_at": "2026-01-01T00:00:00Z",
    }
    made = ada.create("connectors", **theirs)
    dashed = made["id"].replace("_", "-"), made["tenant_id"].replace("_", "-")
    assert made["vault_path"] == f"secret/data/{dashed[1]}/connectors/{dashed[0]}/credentials"
    assert all(made[name] != value for name, value in theirs.items())
    again = ada.patch(f"/connectors/{made['id']}", made)
    assert again.status_code == 200, again.text
    assert (again.json or {})["version"] == 1


def test_health_follows_the_switch(ada: Api) -> None:
    made = ada.create("connectors", enabled=False)
    assert made["sync_status"] == "disabled"
    on = ada.patch(f"/connectors/{made['id']}", {"enabled": True}).json or {}
    assert on["sync_status"] == "pending"
    found = ada.get("/connectors?sync_status=pending&enabled=true").json or {}
    assert [item["id"] for item in found["items"]] == [made["id"]]
    assert made["sync_status"] in SYNC_STATUSES


def test_an_application_or_webhook_of_another_tenant_is_none(ada: Api, gus: Api) -> None:
    theirs = gus.create("applications")["id"]
    hook = gus.create("webhooks")["id"]
    assert fields(ada.post("/connectors", {"application_id": theirs})) == ["application_id"]
    assert fields(ada.post("/connectors", {"webhook_endpoint_id": hook})) == ["webhook_endpoint_id"]
    connector = ada.create("connectors")["id"]
    assert fields(gus.post("/webhooks", {"connector_id": connector})) == ["connector_id"]


def test_what_is_deleted_cannot_be_named(ada: Api) -> None:
    connector, hook = ada.create("connectors")["id"], ada.create("webhooks")["id"]
    ada.delete(f"/connectors/{connector}")
    ada.delete(f"/webhooks/{hook}")
    assert fields(ada.post("/webhooks", {"connector_id": connector})) == ["connector_id"]
    assert fields(ada.post("/connectors", {"webhook_endpoint_id": hook})) == ["webhook_endpoint_id"]


def test_it_belongs_to_an_application_and_names_a_webhook(ada: Api) -> None:
    owner = ada.create("applications")["id"]
    hook = ada.create("webhooks")["id"]
    made = ada.create("connectors", application_id=owner, webhook_endpoint_id=hook)
    ada.create("connectors")
    found = ada.get(f"/connectors?application_id={owner}").json or {}
    assert [item["id"] for item in found["items"]] == [made["id"]]
    assert ada.create("webhooks", connector_id=made["id"])["connector_id"] == made["id"]


def test_stored_credentials_hold_the_provider(ada: Api) -> None:
    made = ada.create("connectors", provider="splunk", credentials={"token": "x"})
    path = f"/connectors/{made['id']}"
    assert fields(ada.patch(path, {"provider": "okta"})) == ["provider"]
    ada.delete(f"{path}/credentials")
    assert ada.patch(path, {"provider": "okta"}).status_code == 200


def test_a_provider_is_found_by_its_name_and_its_settings(ada: Api) -> None:
    config = {"host": "logs.acme.example:8089"}
    made = ada.create("connectors", provider="splunk", name="SOC", config=config)
    for words in ("splunk enter", "logs.acme", "siem"):
        found = ada.get("/connectors", query_string={"q": words}).json or {}
        assert [item["id"] for item in found["items"]] == [made["id"]], words


@pytest.mark.parametrize(
    "address", ["http://[::1", "https://api.example:99999", "https://api.example:0", "https://:443"]
)
def test_an_address_that_nothing_can_dial_is_refused(ada: Api, address: str) -> None:
    refused = ada.post("/connectors", {"provider": "http", "config": {"baseUrl": address}})
    assert refused.status_code == 422, refused.text
    assert [one["field"] for one in (refused.json or {})["errors"]] == ["config.baseUrl"]


@pytest.mark.parametrize(
    ("provider", "name", "pasted", "used"),
    [
        ("okta", "domain", "https://acme.okta.com/", "acme.okta.com"),
        ("okta", "domain", "  acme.okta.com ", "acme.okta.com"),
        ("splunk", "host", "https://splunk.acme.example:8089//", "splunk.acme.example:8089"),
        ("http", "baseUrl", " https://api.example.com/v1/ ", "https://api.example.com/v1"),
        ("zendesk", "subdomain", "https://acme.zendesk.com/", "acme"),
        ("defender_for_endpoint", "tenantId", f" {UUID}\n", UUID),
    ],
)
def test_a_pasted_address_is_kept_as_it_is_used(
    ada: Api, provider: str, name: str, pasted: str, used: str
) -> None:
    made = ada.create("connectors", provider=provider, config={name: pasted, "team": " soc/ "})
    assert made["config"] == {name: used, "team": " soc/ "}
    patch = {"config": {name: pasted, "team": None}}
    again = ada.patch(f"/connectors/{made['id']}", patch).json or {}
    assert again["config"] == {name: used}


@pytest.mark.parametrize(
    ("provider", "auth_type", "name", "wrong", "right"),
    [
        ("slack", "bearer", "token", "acme-token", "xoxb-1-2-abc"),
        ("hubspot", "bearer", "token", "sat-eu1-1", "pat-eu1-1"),
        ("okta", "api_key", "apiKey", "00" + "a" * 41, "00" + "a" * 40),
        ("okta", "api_key", "apiKey", "00" + "a" * 40 + "\n", "00" + "a" * 40),
        ("github", "bearer", "token", "glpat-abc", "ghp_" + "a" * 36),
        ("splunk_hec", "api_key", "token", "not-a-uuid", UUID),
        ("jira", "basic", "username", "ada", "ada@acme.example"),
    ],
)
def test_a_credential_has_the_form_that_its_provider_uses(
    ada: Api, provider: str, auth_type: str, name: str, wrong: str, right: str
) -> None:
    body = {"provider": provider, "auth_type": auth_type}
    refused = ada.post("/connectors", {**body, "credentials": {name: wrong}})
    assert fields(refused) == [f"credentials.{name}"]
    assert wrong.strip() not in refused.text
    made = ada.create("connectors", **body, credentials={name: right})
    assert made["credential_fields"] == [name]
    again = ada.patch(f"/connectors/{made['id']}", {"credentials": {name: wrong}})
    assert fields(again) == [f"credentials.{name}"]


def test_what_was_stored_before_a_rule_does_not_hold_up_other_changes(
    ada: Api, database: Database
) -> None:
    made = ada.create("connectors", provider="okta", config={"domain": "acme.okta.com"})
    database.sql("UPDATE connector SET config = jsonb_build_object('domain', 'acme.okta.com ')")
    assert ada.patch(f"/connectors/{made['id']}", {"name": "Renamed"}).status_code == 422
    cleaned = ada.patch(
        f"/connectors/{made['id']}", {"config": {"domain": "acme.okta.com "}, "name": "Renamed"}
    )
    assert (cleaned.json or {})["config"] == {"domain": "acme.okta.com"}


def test_an_owner_is_a_person_of_the_tenant(ada: Api, ed: Api, gus: Api) -> None:
    of_ed = ed.create("connectors")["owner_id"]
    stranger = gus.create("connectors")["owner_id"]
    assert fields(ada.post("/connectors", {"owner_id": stranger})) == ["owner_id"]
    made = ada.create("connectors", owner_id=of_ed)
    assert made["owner_id"] == of_ed
    path = f"/connectors/{made['id']}"
    refused = ada.patch(path, {"owner_id": stranger})
    assert fields(refused) == ["owner_id"]
    assert "no person of this id" in refused.text
    assert (ada.patch(path, {"owner_id": None}).json or {})["owner_id"] is None


def test_it_is_found_by_its_owner_and_its_tags(ada: Api, ed: Api) -> None:
    of_ed = ed.create("connectors", name="Of Ed", tags=["soc", "Europe West"])
    ada.create("connectors", name="Of Ada", tags=["sales"])

    def found(query: str) -> list[str]:
        return [one["name"] for one in (ada.get(f"/connectors?{query}").json or {})["items"]]

    assert found("tag=soc") == ["Of Ed"]
    assert found(f"owner_id={of_ed['owner_id']}") == ["Of Ed"]
    assert found(f"owner_id={of_ed['owner_id']}&tag=soc") == ["Of Ed"]
    assert found(f"owner_id={of_ed['owner_id']}&tag=sales") == []
    assert found("q=europ") == ["Of Ed"], "the words of a tag"
    assert found(f"q={of_ed['owner_id']}") == ["Of Ed"]
    ed.patch(f"/connectors/{of_ed['id']}", {"tags": []})
    assert found("q=europ") == []


def test_a_tag_whose_small_letters_are_more_is_kept_and_found(ada: Api) -> None:
    tag = "İ" * 60
    ada.create("connectors", name="Of Istanbul", tags=[tag])
    found = ada.get("/connectors", query_string={"tag": tag}).json or {}
    assert [one["name"] for one in found["items"]] == ["Of Istanbul"]
