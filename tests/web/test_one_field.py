"""Test that saving one field on a page changes this field, and that two people see each other."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from portal.providers import PROVIDERS
from portal.rest.resources import Resource
from tests.cast import ADA, Api, Pages
from tests.resources import RESOURCES, called, minimal, pages_of
from tests.web.typed import shown

Browse = Callable[..., Pages]


def edit(pages: Pages, path: str, **typed: Any) -> Any:
    """Open a form, change what is given, and send the rest as the browser would."""
    return pages.post(path, opened(pages, path) | typed)


def opened(pages: Pages, path: str) -> dict[str, Any]:
    return shown(pages.get(path).text, path)


def newest(api: Api, path: str) -> dict[str, Any]:
    entry: dict[str, Any] = (api.get(f"{path}/history").json or {})["items"][0]
    return entry


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_saving_one_field_changes_one_field(
    resource: Resource[Any, Any], ada: Api, browse: Browse
) -> None:
    name = called(resource)
    made = ada.create(resource.name, **minimal(resource))
    prefix = {"api-keys": "keys"}.get(resource.name, pages_of(resource).replace("_", "-"))
    answer = edit(browse(ADA), f"/{prefix}/{made['id']}/edit", **{name: "Renamed"})
    assert answer.status_code == 303, re.findall(r'class="error".*', answer.text)
    entry = newest(ada, f"/{resource.name}/{made['id']}")
    assert entry["changes"].keys() == {name}
    before = {**made, name: "Renamed"}
    after = ada.get(f"/{resource.name}/{made['id']}").json
    differing = {key for key in after if before.get(key) != after[key]}
    assert differing <= {
        name,
        "version",
        "updated_at",
        "updated_by",
        "key",
        "key_hash",
        "source_type",
    }


@pytest.mark.parametrize("provider", PROVIDERS)
def test_saving_a_connectors_name_adds_no_setting(provider: str, ada: Api, browse: Browse) -> None:
    made = ada.create("connectors", name="Before", provider=provider)
    path = f"/connectors/{made['id']}/edit"
    assert edit(browse(ADA), path, name="After").status_code == 303
    entry = newest(ada, f"/connectors/{made['id']}")
    assert entry["changes"] == {"name": ["Before", "After"]}


def test_one_setting_of_several_is_changed_alone(ada: Api, browse: Browse) -> None:
    config = {"host": "splunk.acme.example:8089", "index": "main", "odd": {"a": 1}}
    made = ada.create("connectors", name="Log", provider="splunk", config=config)
    path = f"/connectors/{made['id']}/edit"
    assert edit(browse(ADA), path, **{"config-index": "audit"}).status_code == 303
    stored = ada.get(f"/connectors/{made['id']}").json["config"]
    assert stored == {**config, "index": "audit"}


def test_one_part_of_a_retry_policy_is_changed_alone(ada: Api, browse: Browse) -> None:
    policy = {"maxAttempts": 3, "backoff": "linear", "timeoutMs": 2000}
    made = ada.create("webhooks", name="CRM", retry_policy=policy)
    path = f"/webhooks/{made['id']}/edit"
    assert edit(browse(ADA), path, max_attempts="7").status_code == 303
    stored = ada.get(f"/webhooks/{made['id']}").json["retry_policy"]
    assert stored == {**policy, "maxAttempts": 7}


def test_an_inbound_webhook_keeps_where_its_signature_is(ada: Api, browse: Browse) -> None:
    made = ada.create(
        "webhooks", name="Old", direction="inbound", inbound_scheme="hmac-sha256-hex",
        inbound_options={"header": "X-Mine", "prefix": "sha256="},
    )  # fmt: skip
    path = f"/webhooks/{made['id']}/edit"
    assert edit(browse(ADA), path, name="New").status_code == 303
    assert newest(ada, f"/webhooks/{made['id']}")["changes"].keys() == {"name"}
    assert edit(browse(ADA), path, option_header="X-Other").status_code == 303
    options = ada.get(f"/webhooks/{made['id']}").json["inbound_options"]
    assert options == {"header": "X-Other", "prefix": "sha256="}


def test_two_people_see_what_the_other_saved(ada: Api, ed: Api, browse: Browse) -> None:
    made = ada.create("webhooks", name="First", tags=["old"], rate_limit=5)
    path = f"/webhooks/{made['id']}/edit"
    pages = browse(ADA)
    mine = opened(pages, path) | {"name": "Ada's", "rate_limit": "6"}
    ed.patch(f"/webhooks/{made['id']}", {"name": "Ed's", "tags": ["new"]})
    late = pages.post(path, mine)
    assert late.status_code == 409
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", late.text.partition('id="stale"')[2]))
    assert re.search(r"Name Ed&#39;s by Ed \w+, .*? Ada&#39;s", text)
    assert re.search(r"Tags new by Ed .*? not changed by you", text)
    assert "Rate limit (deliveries per second) 5 6" in text
    again = shown(late.text, path)
    assert (again["name"], again["tags"], again["rate_limit"]) == (["Ada's"], ["new"], ["6"])
    assert pages.post(path, again).status_code == 303
    stored = ada.get(f"/webhooks/{made['id']}").json
    assert (stored["name"], stored["tags"], stored["rate_limit"]) == ("Ada's", ["new"], 6)
