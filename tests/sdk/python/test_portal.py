"""Both clients use the real portal, over a network."""

from collections.abc import Iterator
from typing import Any

import pytest
from cpod_integration import Invalid, NotFound, PreconditionFailed, Record, Unauthenticated
from flask import Flask

from tests.cast import ADA, GUS, VIC, Api, Provider
from tests.identity.serving import served
from tests.sdk.python.both import KINDS, Kind, Work, call


class Portal:
    """The portal at its address, called by one of the cast."""

    def __init__(self, address: str, kind: Kind, provider: Provider) -> None:
        self.address, self.kind, self.provider = address, kind, provider

    def __call__(self, work: Work, who: str = ADA, **options: Any) -> Any:
        options = {"token": self.provider.token(who), **options}
        return call(self.kind, self.address, work, **options)


@pytest.fixture(params=KINDS)
def portal(
    request: pytest.FixtureRequest, app: Flask, tenants: Any, token_provider: Provider
) -> Iterator[Portal]:
    with served(lambda _: app) as address:
        yield Portal(address, request.param, token_provider)


def test_a_record_is_created_read_changed_and_deleted(portal, ada):
    made = portal(lambda api: api.webhooks.create({"name": "CRM", "url": "https://crm.example/"}))
    assert made["signing_secret"].reveal().startswith("whsec_")
    read = portal(lambda api: api.webhooks.get(made["id"]))
    assert read["name"] == "CRM"
    changed = portal(lambda api: api.webhooks.update(read, {"name": "CRM 360"}))
    assert changed["name"] == ada.get(f"/webhooks/{made['id']}").json["name"] == "CRM 360"
    assert portal(lambda api: api.webhooks.delete(changed)) is None
    with pytest.raises(NotFound):
        portal(lambda api: api.webhooks.get(made["id"]))
    history = portal(lambda api: api.webhooks.history(made["id"]))
    assert [entry["action"].rpartition(".")[2] for entry in history] == [
        "deleted", "updated", "created",
    ]  # fmt: skip


def held(ada: Api, portal: Portal) -> list[Record]:
    """Return one record as `get` and as a list give it."""
    made = ada.create("applications", display_name="CRM")
    [listed] = portal(lambda api: api.applications.list())
    return [portal(lambda api: api.applications.get(made["id"])), listed]


@pytest.mark.parametrize("number", [0, 1], ids=["read", "listed"])
def test_a_record_that_somebody_else_changed_is_not_overwritten(portal, ada, number):
    record = held(ada, portal)[number]
    ada.patch(f"/applications/{record['id']}", {"description": "Theirs"})
    with pytest.raises(PreconditionFailed):
        portal(lambda api: api.applications.update(record, {"description": "Mine"}))
    by_id = portal(lambda api: api.applications.update(record["id"], {"description": "Mine"}))
    assert by_id["description"] == "Mine"
    ada.patch(f"/applications/{record['id']}", {"description": "Theirs"})
    anyway = portal(
        lambda api: api.applications.update(record, {"description": "Mine"}, if_match="*")
    )
    assert anyway["description"] == "Mine"


def test_a_list_goes_on_to_its_end(portal, ada):
    for number in range(5):
        ada.create("applications", display_name=f"App {number}")
    found = portal(lambda api: api.applications.list(limit=2, sort="display_name"))
    assert [each["display_name"] for each in found] == [f"App {number}" for number in range(5)]
    page = portal(lambda api: api.applications.list(limit=2).first_page())
    assert len(page) == 2
    rest = portal(lambda api: api.applications.list(limit=2, cursor=page.next_cursor))
    assert len(rest) == 3


def test_filters_and_times_are_sent(portal, ada):
    from datetime import UTC, datetime, timedelta

    ada.create("applications", display_name="CRM")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert portal(lambda api: api.applications.list(created_before=tomorrow))
    assert not portal(lambda api: api.applications.list(created_after=tomorrow))
    assert not portal(lambda api: api.applications.list(kind="library", include_deleted=True))


def test_a_call_repeated_with_its_key_does_the_work_once(portal, ada):
    work = lambda api: api.api_keys.create(  # noqa: E731
        {"name": "Export", "scopes": ["connectors:read"]}, idempotency_key="night 1"
    )
    first, second = portal(work), portal(work)
    assert first["id"] == second["id"]
    assert first["key"].reveal().startswith("sk-")
    assert second["key"] is None
    assert len(ada.get("/api-keys").json["items"]) == 1


def test_a_write_can_be_checked_without_being_done(portal, ada):
    body = {"display_name": "CRM"}
    checked = portal(lambda api: api.applications.create(body, validate_only=True))
    assert checked["display_name"] == "CRM"
    assert ada.get("/applications").json["items"] == []
    with pytest.raises(Invalid):
        portal(lambda api: api.applications.create({"display_name": ""}, validate_only=True))


def test_the_secrets_of_many_new_records_are_hidden(portal):
    body = {"items": [{"name": "One"}, {"name": "Two"}]}
    made = portal(lambda api: api.api_keys.create_many(body))
    keys = [result["item"]["key"] for result in made["results"]]
    assert all(key.reveal().startswith("sk-") for key in keys)
    assert not any(key.reveal() in repr(made) for key in keys)
    assert made["results"][0]["item"]["name"] == "One"


def test_a_wrong_field_is_named(portal):
    with pytest.raises(Invalid) as raised:
        portal(lambda api: api.webhooks.create({"url": "nowhere"}))
    assert "url" in raised.value.fields
    assert "url: " in str(raised.value)
    assert raised.value.request_id.startswith("req_")


def test_a_stranger_finds_nothing(portal, ada):
    made = ada.create("applications", display_name="CRM")
    with pytest.raises(NotFound):
        portal(lambda api: api.applications.get(made["id"]), GUS)
    assert portal(lambda api: api.applications.get(made["id"]), VIC)["id"] == made["id"]


def test_an_unknown_token_is_refused(portal):
    with pytest.raises(Unauthenticated):
        portal(lambda api: api.applications.list(), token="sk-acme-nobody")


def test_an_issued_key_is_verified_by_what_it_reveals(portal, ada):
    made = portal(lambda api: api.api_keys.create({"scopes": ["connectors:read"]}))
    key = made["key"].reveal()
    verdict = portal(lambda api: api.api_keys.verify({"key": key, "scope": "connectors:read"}))
    assert verdict["valid"] is True
