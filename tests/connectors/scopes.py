"""The cast around connectors that are not for the whole tenant, and how each of them calls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from portal_devtools.identity_provider.people import ACME, ProviderPerson

from tests.cast import ADA, ED, VIC, Api, Pages, Provider, sign_in

# Ed is in the groups security and sales, Ada in security; Vic is in none.
EVE = ProviderPerson("eve@acme.example", "Eve Editor", ACME, "Acme", ("editor",))
SID = ProviderPerson("sid@acme.example", "Sid Sales", ACME, "Acme", ("editor",), ("sales",))

MARK = "Zanzibar ledger"  # the name of a connector that few may know of
HOST = "pemba.example"  # and one of its settings
SECRET_TAG = "cloves"


@dataclass
class Everybody:
    """Whoever may try to see a connector, by REST and in a browser."""

    app: Flask
    provider: Provider

    def api(self, who: str | ProviderPerson) -> Api:
        token = self.provider.token(who) if isinstance(who, str) else self.provider.token_of(who)
        return Api(self.app.test_client(), token)

    def pages(self, who: str | ProviderPerson) -> Pages:
        return sign_in(self.app, who)

    def key(self, **body: Any) -> Api:
        """Return a program with a key of its own, which may do whatever Ada may."""
        scopes = ["connectors:read", "connectors:write", "webhooks:read", "webhooks:write"]
        scopes += ["applications:read", "events:read", "audit:read"]
        made = self.api(ADA).create("api-keys", scopes=scopes, **body)
        return Api(self.app.test_client(), made["key"])


Make = Callable[..., dict[str, Any]]


def restricted(maker: Api, scope: str, **more: Any) -> dict[str, Any]:
    """Create a connector for its maker, or for the group sales, with settings nobody may see."""
    group = {"group_id": "sales"} if scope == "group" else {}
    body = {
        "provider": "splunk",
        "name": MARK,
        "scope": scope,
        "config": {"host": HOST},
        "tags": [SECRET_TAG],
        "credentials": {"token": "t0p"},
    }
    return maker.create("connectors", **body, **group, **more)


OUTSIDERS: tuple[str | ProviderPerson, ...] = (VIC, EVE)
OWNER = ED
