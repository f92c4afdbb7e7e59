"""Set up a tenant in which every operation can succeed, and the record that each is tried on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from portal.features import RESOURCES
from portal.rest.openapi import Operation, camel
from tests.cast import Api
from tests.rest.examples.normal import Normal
from tests.rest.examples.story import Recorder

OF_RECORDS = {resource.name for resource in RESOURCES}
GITHUB = {
    "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "X-GitHub-Event": "push",
    "X-Hub-Signature-256": "sha256=" + "0" * 64,
}


class AsTheyAre(Normal):
    """Keep the ids of the story as they are: they are real ones."""

    def of(self, value: Any, name: str = "") -> Any:
        return value


def paths_recorder(ada: Api) -> Recorder:
    """Return a recorder of the paths that the story calls."""
    return Recorder(ada, normal=AsTheyAre())


@dataclass
class Tenant:
    """The records of a tenant, and a caller whose requests are tried on them.

    `paths` are the ids that the story used for each operation. `service` is the address of a
    receiver, `work` lets a worker run what is due, `begin_session` signs an admin in and returns
    the session's id. `application` is the one that the caller belongs to, if to any.
    """

    ada: Api
    caller: Api
    paths: Mapping[str, Mapping[str, str]]
    service: str
    work: Callable[[], None]
    begin_session: Callable[[], str]
    application: str = ""
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ready: Mapping[str, Callable[[], Mapping[str, str]]] = {
            "applications.reopen": lambda: self._after("applications", "suspend", reason="A test."),
            "apiKeys.unblock": lambda: self._after("api-keys", "block"),
            "apiKeys.cancelRevocation": lambda: self._after(
                "api-keys", "revoke", at="2099-01-01T00:00:00Z"
            ),
            "apiKeys.extendRotation": lambda: self._after("api-keys", "rotations"),
            "apiKeys.finishRotation": lambda: self._after("api-keys", "rotations"),
            "apiKeys.takeBackRotation": self._rotated_in_vain,
            "apiKeys.settleReservation": self._reservation,
            **{
                f"{camel(one.name)}.restore": partial(self._deleted, one.name)
                for one in RESOURCES
                if one.delete
            },
            "webhooks.resume": lambda: self._after("webhooks", "pause"),
            "webhooks.retireSecret": lambda: self._after("webhooks", "secret-rotations"),
            "webhooks.getReceived": self._received,
            "webhooks.reverify": self._received,
            "events.get": lambda: {"id": self._published()["id"]},
            "deliveries.get": self._delivery,
            "deliveries.hurry": self._delivery,
            "deliveries.redeliver": self._delivery,
            "apiKeys.getRotation": lambda: self._after("api-keys", "rotations"),
            "connectors.check": self._checked,
            "connectors.takeLease": self._leased,
            "connectors.restoreCredentials": self._changed,
            "inbox.get": self._inbox,
            "inbox.heal": self._inbox,
            "sessions.end": lambda: {"id": self.begin_session()},
        }
        self._ready = ready
        refused = self.ada.post("/api-keys/verify", {"key": "sk-acme-none", "scope": "a"})
        self.ids |= {
            "application_id": self.application or self.make("applications"),
            "rotated_from_key_id": self.make("api-keys"),
            "connector_id": self.make("connectors"),
            "webhook_id": self.make("webhooks"),
            "webhook_endpoint_id": self.make("webhooks"),
            "request_id": refused.headers["X-Request-Id"],
        }

    def path(self, operation: Operation) -> Mapping[str, str]:
        """Return ids for an operation's path: of a record of its own, if there can be one."""
        name = operation.id.removeprefix("integration.")
        if name in self._ready:
            return self._ready[name]()
        resource = operation.path.split("/")[1]
        known = self.paths[operation.id]
        if known.keys() == {"id"} and resource in OF_RECORDS:
            return {"id": self.make(resource)}
        return known

    def make(self, resource: str) -> str:
        """Create a record, as the caller if it may, and return its id."""
        body: dict[str, Any] = {}
        if resource == "webhooks":
            body = {"url": self.service, "event_types": ["*"]}
        if resource == "connectors":
            body = {"provider": "http", "auth_type": "none", "config": {"baseUrl": self.service}}
        made = self.caller.post(f"/{resource}", body)
        if made.status_code == 403:
            made = self.ada.post(f"/{resource}", body)
        assert made.status_code == 201, made.text
        return str((made.json or {})["id"])

    def _after(self, resource: str, action: str, **body: Any) -> Mapping[str, str]:
        id = self.make(resource)
        done = self.ada.post(f"/{resource}/{id}/{action}", body or None)
        assert done.status_code < 300, done.text
        return {"id": id}

    def _deleted(self, resource: str) -> Mapping[str, str]:
        id = self.make(resource)
        self.ada.delete(f"/{resource}/{id}")
        return {"id": id}

    def _rotated_in_vain(self) -> Mapping[str, str]:
        id = self.make("api-keys")
        successor = self.ada.post(f"/api-keys/{id}/rotations", {}).json or {}
        self.ada.post(f"/api-keys/{successor['id']}/revoke", {})
        return {"id": id}

    def _reservation(self) -> Mapping[str, str]:
        key = self.ada.create("api-keys", max_budget_usd=100)["key"]
        verdict = self.ada.post("/api-keys/verify", {"key": key, "estimated_usd": 1}).json or {}
        return {"id": verdict["reservation_id"]}

    def _received(self) -> Mapping[str, str]:
        webhook = self.ada.create("webhooks", direction="inbound", inbound_scheme="github")
        address = webhook["inbound_url"].partition("/in/")[2]
        self.ada.client.post(f"/in/{address}", data=b"{}", headers=GITHUB)
        found = self.ada.get(f"/webhooks/{webhook['id']}/received").json or {}
        return {"id": webhook["id"], "request_id": found["items"][0]["id"]}

    def _published(self) -> dict[str, Any]:
        body = {"events": [{"type": "bill.sent"}]}
        published = self.caller.post("/events", body)
        if published.status_code == 403:
            published = self.ada.post("/events", body)
        return dict((published.json or {})["events"][0])

    def _inbox(self) -> Mapping[str, str]:
        self.caller.post("/inbox")
        return {}

    def _checked(self) -> Mapping[str, str]:
        id = self.make("connectors")
        self.work()
        return {"id": id}

    def _with_credentials(self) -> str:
        body = {
            "provider": "http",
            "auth_type": "basic",
            "config": {"baseUrl": self.service},
            "credentials": {"username": "svc", "password": "EXAMPLE-1"},
        }
        made = self.caller.post("/connectors", body)
        if made.status_code == 403:
            made = self.ada.post("/connectors", body)
        return str((made.json or {})["id"])

    def _changed(self) -> Mapping[str, str]:
        id = self._with_credentials()
        self.ada.patch(f"/connectors/{id}", {"credentials": {"password": "EXAMPLE-2"}})
        self.work()
        return {"id": id}

    def _leased(self) -> Mapping[str, str]:
        id = self._with_credentials()
        self.caller.post(f"/connectors/{id}/leases", {})  # asks a worker to fetch them
        self.work()
        return {"id": id}

    def _delivery(self) -> Mapping[str, str]:
        webhook = self.make("webhooks")
        self._published()
        found = self.ada.get(f"/webhooks/{webhook}/deliveries").json or {}
        return {"id": found["items"][0]["id"]}
