"""The demo data is created by the usual services, and only once."""

from typing import Any

from flask import Flask
from portal_devtools.seed import seed

from tests.cast import ADA, GUS, Api, Provider, sign_in


def test_seeding_twice_gives_each_tenant_its_records_once(
    app: Flask, token_provider: Provider
) -> None:
    seed(app)
    seed(app)
    ada = Api(app.test_client(), token_provider.token(ADA))
    gus = Api(app.test_client(), token_provider.token(GUS))
    counts = {name: len(items(ada, name)) for name in ("applications", "connectors", "api-keys")}
    assert counts == {"applications": 6, "connectors": 4, "api-keys": 5}
    assert len(items(gus, "webhooks")) == 1
    told = [one["type"] for one in items(ada, "events")]
    assert len([name for name in told if not name.startswith("connector.")]) == 5
    assert items(ada, "api-keys")[0]["source_type"] == "system"


def test_the_connectors_of_the_demo_were_really_checked(
    app: Flask, token_provider: Provider
) -> None:
    seed(app)
    ada = Api(app.test_client(), token_provider.token(ADA))
    found = {one["name"]: one for one in items(ada, "connectors")}
    checks = {name: items(ada, f"connectors/{one['id']}/checks") for name, one in found.items()}
    outcomes = {name: [one["outcome"] for one in some] for name, some in checks.items()}
    assert outcomes["Order archive"] == ["passed"]
    assert outcomes["Invoice archive"] == ["auth_invalid", "passed"]
    assert outcomes["Defender for Endpoint"] == []
    used = {one["name"] for one in items(ada, "api-keys") if one["last_used_at"]}
    assert used == {"Order sync"}, "the key that took a lease"
    page = sign_in(app, ADA).get(f"/connectors/{found['Invoice archive']['id']}").text
    assert "Back to version 1" in page


def items(caller: Api, resource: str) -> list[dict[str, Any]]:
    return list((caller.get(f"/{resource}").json or {})["items"])
