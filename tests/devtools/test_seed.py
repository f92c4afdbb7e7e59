"""The demo data is created by the usual services, and only once."""

from typing import Any

from flask import Flask
from portal_devtools.seed import seed

from tests.cast import ADA, GUS, Api, Provider


def test_seeding_twice_gives_each_tenant_its_records_once(
    app: Flask, token_provider: Provider
) -> None:
    seed(app)
    seed(app)
    ada = Api(app.test_client(), token_provider.token(ADA))
    gus = Api(app.test_client(), token_provider.token(GUS))
    counts = {name: len(items(ada, name)) for name in ("applications", "connectors", "api-keys")}
    assert counts == {"applications": 6, "connectors": 5, "api-keys": 4}
    assert len(items(gus, "webhooks")) == 1
    assert len(items(ada, "events")) == 5
    assert items(ada, "api-keys")[0]["source_type"] == "system"


def items(caller: Api, resource: str) -> list[dict[str, Any]]:
    return list((caller.get(f"/{resource}").json or {})["items"])
