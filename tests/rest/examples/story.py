"""Tell a story that calls every operation once: a tenant sets up its integration and runs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from portal.features import OPERATIONS, RESOURCES
from portal.keys.tokens import described
from portal.rest.openapi import camel
from portal.rest.resources import Resource
from tests.cast import Api
from tests.resources import EXPORTS, called, minimal
from tests.rest.examples.links import followed
from tests.rest.examples.normal import Normal

BY_ID = {operation.id: operation for operation in OPERATIONS}
PERIOD = {"from": "2026-01-01T00:00:00Z", "to": "2027-12-31T00:00:00Z"}


@dataclass
class Recorder:
    """Call operations as `ada` or another, keep the first request and answer of each, and follow
    the links of each answer as `ada`. `lists` are the paths of the lists that were read."""

    ada: Api

    recorded: dict[str, Any] = field(default_factory=dict)
    normal: Normal = field(default_factory=Normal)
    followed: dict[str, int] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)

    def __call__(
        self,
        caller: Api,
        name: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        **path: str,
    ) -> dict[str, Any]:
        """Call an operation and return its answer. Fail if the portal refuses it."""
        operation = BY_ID[f"integration.{name}"]
        options: dict[str, Any] = {} if body is None else {"json": body}
        address = operation.path.format(**path)
        answer = caller.call(
            operation.method, address, query_string=query, buffered=True, **options
        )
        if operation.is_list:
            self.lists[operation.id] = address
        assert answer.status_code == operation.status, (name, answer.text)
        example = {"path": path, "status": answer.status_code}
        if query:
            example["query"] = dict(query)
        if body is not None:
            example["body"] = body
        if answer.is_json:
            example["answer"] = shortened(answer.json)
        self.recorded.setdefault(operation.id, self.normal.of(example))
        document = answer.json if answer.is_json else {}
        self.followed.update(followed(self.ada, operation, path, document or {}))
        return dict(document or {})

    def standard(self, name: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Call an operation of another standard as `ada`, with a form if it takes one."""
        [(method, path)] = [
            (method, path)
            for path, item in described.PATHS.items()
            for method, one in item.items()
            if one["operationId"] == name
        ]
        sender = {"Authorization": f"Bearer {self.ada.token}"} if "introspect" in name else {}
        answer = self.ada.client.open(path, method=method.upper(), data=form, headers=sender)
        assert answer.status_code == 200, (name, answer.text)
        example: dict[str, Any] = {"path": {}, "status": 200, "answer": answer.json}
        if form is not None:
            example["body"] = dict(form)
        self.recorded[name] = self.normal.of(example)
        return dict(answer.json or {})


Work = Callable[[], None]
ENOUGH = 2


def shortened(answer: Any) -> Any:
    """Return an answer with the first entries of its list alone."""
    if "items" in answer:
        return {**answer, "items": answer["items"][:ENOUGH]}
    return answer


def tell(
    record: Recorder, ada: Api, service: str, work: Work, deliver: Callable[[str], None]
) -> None:
    """Call every operation. `service` is the address of a receiver that answers 200; `work` lets a
    worker run what is due, `deliver` attempt a delivery once."""
    record(ada, "overview.get")
    application = applications(record, ada)
    keys(record, ada, application)
    event_types(record, ada)
    connectors(record, ada, application, service, work)
    webhooks(record, ada, service, deliver)
    inbound(record, ada)
    batches(record, ada)
    many(record, ada)
    standards(record, ada)
    tenant_wide(record, ada)
    # At the end, so that the ids in the examples of all others stay the same.
    for resource in RESOURCES:
        if f"integration.{camel(resource.name)}.create" not in record.recorded:
            usual(record, ada, resource)


def usual(record: Recorder, ada: Api, resource: Resource[Any, Any]) -> None:
    """Call what every resource has, for one that has no part of its own in the story."""
    name, body = camel(resource.name), minimal(resource)
    id = record(ada, f"{name}.create", body)["id"]
    two = [{**body, called(resource): called_so} for called_so in ("First", "Second")]
    record(ada, f"{name}.createMany", {"items": two})
    record(ada, f"{name}.list")
    record(ada, f"{name}.get", id=id)
    if resource.update:
        record(ada, f"{name}.update", {called(resource): "Renamed"}, id=id)
    if resource.delete:
        record(ada, f"{name}.delete", id=id)
        record(ada, f"{name}.restore", id=id)
    record(ada, f"{name}.history", id=id)


def many(record: Recorder, ada: Api) -> None:
    for name in EXPORTS:
        record(ada, name, {"format": "csv", "filter": {"tag": "etl"}})
    body = {
        "resource": "api-keys",
        "verb": "edit",
        "filter": {"status": "active"},
        "arguments": {"rpm_limit": 300, "add_tags": ["reviewed"]},
    }
    id = record(ada, "bulkJobs.create", body)["id"]
    record(ada, "bulkJobs.listRows", query={"state": "waiting"}, id=id)
    record(ada, "bulkJobs.confirm", id=id)
    record(ada, "bulkJobs.get", id=id)
    record(ada, "bulkJobs.cancel", id=id)
    record(ada, "bulkJobs.retry", id=id)
    record(ada, "bulkJobs.list")


def applications(record: Recorder, ada: Api) -> str:
    body = {"display_name": "CRM 360", "repository": "https://git.example/crm", "kind": "app"}
    id = record(ada, "applications.create", body)["id"]
    record(ada, "applications.list", query={"status": "active", "limit": "10"})
    record(ada, "applications.get", id=id)
    record(ada, "applications.update", {"description": "Keeps our customers."}, id=id)
    record(ada, "applications.suspend", {"reason": "Under investigation."}, id=id)
    record(ada, "applications.reopen", {"reason": "Nothing was found."}, id=id)
    old = ada.create("applications", display_name="CRM 180")["id"]
    record(ada, "applications.retire", {"reason": "Replaced by CRM 360."}, id=old)
    record(ada, "applications.history", id=id)
    return str(id)


def keys(record: Recorder, ada: Api, application: str) -> None:
    body = {
        "name": "Nightly export",
        "application_id": application,
        "scopes": ["connectors:read", "events:read"],
        "rpm_limit": 600,
        "max_budget_usd": 100,
    }
    made = record(ada, "apiKeys.create", body)
    id, key = made["id"], made["key"]
    record(ada, "apiKeys.list", query={"application_id": application})
    record(ada, "apiKeys.get", id=id)
    record(ada, "apiKeys.update", {"tags": ["etl"]}, id=id)
    call = {"key": key, "scope": "connectors:read", "estimated_usd": 0.5}
    verdict = record(ada, "apiKeys.verify", call)
    record(ada, "apiKeys.settleReservation", {"cost_usd": 0.25}, id=verdict["reservation_id"])
    record(ada, "apiKeys.recordUsage", {"usage_id": "call-1", "cost_usd": 0.01}, id=id)
    record(ada, "apiKeys.rehearse", {"scope": "connectors:read"}, id=id)
    denied = ada.post("/api-keys/verify", {"key": key, "scope": "webhooks:write"})
    question = {"request_id": denied.headers["X-Request-Id"]}
    record(ada, "apiKeys.explain", question)
    record(ada, "apiKeys.createChild", {"scopes": ["events:read"], "lifetime_seconds": 600}, id=id)
    record(ada, "apiKeys.block", {"reason": "Seen in a log."}, id=id)
    record(ada, "apiKeys.unblock", id=id)
    record(ada, "apiKeys.rotate", {"overlap": "24h"}, id=id)
    record(ada, "apiKeys.getRotation", id=id)
    record(ada, "apiKeys.extendRotation", id=id)
    record(ada, "apiKeys.finishRotation", id=id)
    other = ada.create("api-keys", name="Weekly export")["id"]
    successor = ada.post(f"/api-keys/{other}/rotations", {}).json or {}
    ada.post(f"/api-keys/{successor['id']}/revoke", {})
    record(ada, "apiKeys.takeBackRotation", id=other)
    ada.post(f"/api-keys/{other}/revoke", {"at": "2099-01-01T00:00:00Z"})
    record(ada, "apiKeys.cancelRevocation", id=other)
    record(ada, "apiKeys.getImpact", id=id)
    record(ada, "apiKeys.getPropagation", id=id)
    record(ada, "apiKeys.getPosture")
    leak = {"fingerprint": made["key_fingerprint"], "url": "https://gist.example/1"}
    record(ada, "apiKeys.reportLeak", leak)
    record(ada, "apiKeys.listLeaks")
    record(ada, "apiKeys.settleLeaks", id=id)
    record(ada, "apiKeys.getLeakPolicy")
    record(ada, "apiKeys.updateLeakPolicy", {"github": "revoke"})
    record(ada, "apiKeys.getLeakRule")
    record(ada, "apiKeys.listWeak", weakness="never_expires")
    record(ada, "apiKeys.repairMany", {"weakness": "never_expires", "remedy": "expire"})
    record(
        ada, "apiKeys.revokeMany", {"weakness": "never_expires", "verb": "block", "dry_run": True}
    )
    record(ada, "apiKeys.revoke", {"reason": "No longer needed."}, id=other)
    record(ada, "apiKeys.history", id=id)


def event_types(record: Recorder, ada: Api) -> None:
    body = {
        "name": "rfp.created",
        "display_name": "RFP created",
        "json_schema": {"type": "object", "required": ["id"]},
        "example": {"id": "rfp_1"},
    }
    id = record(ada, "eventTypes.create", body)["id"]
    record(ada, "eventTypes.list")
    record(ada, "eventTypes.get", id=id)
    record(ada, "eventTypes.update", {"tags": ["sales"]}, id=id)
    record(ada, "eventTypes.history", id=id)
    record(ada, "eventTypes.listOwn")
    document = {"openapi": "3.1.0", "webhooks": {"rfp.closed": {"post": {}}}}
    record(ada, "eventTypes.importTypes", {"document": document, "dry_run": True})
    record(ada, "eventTypes.delete", id=id)
    record(ada, "eventTypes.restore", id=id)
    record(ada, "eventSettings.get")
    record(ada, "eventSettings.update", {"retention_days": 30, "redacted_fields": ["email"]})


def connectors(record: Recorder, ada: Api, application: str, service: str, work: Work) -> None:
    body = {
        "provider": "http",
        "name": "Customer data",
        "auth_type": "basic",
        "config": {"baseUrl": service},
        "credentials": {"username": "svc", "password": "EXAMPLE-1"},
        "application_id": application,
    }
    id = record(ada, "connectors.create", body)["id"]
    record(ada, "connectors.list", query={"provider": "http"})
    record(ada, "connectors.get", id=id)
    changed = {"credentials": {"password": "EXAMPLE-2"}}
    record(ada, "connectors.update", {"tags": ["crm"], **changed}, id=id)
    record(ada, "connectors.checkDraft", body)
    record(ada, "connectors.listCredentialVersions", id=id)
    work()
    check = record(ada, "connectors.check", {}, id=id)["id"]
    work()
    record(ada, "connectors.getCheck", id=id, check_id=check)
    record(ada, "connectors.listChecks", id=id)
    runtime = {"application_id": application, "scopes": ["connectors:use"]}
    holder = Api(ada.client, ada.create("api-keys", **runtime)["key"])
    holder.post(f"/connectors/{id}/leases", {})  # asks a worker to fetch it
    work()
    record(holder, "connectors.takeLease", {}, id=id)
    record(ada, "connectors.listLeases", id=id)
    record(ada, "connectors.removeCredentials", id=id)
    record(ada, "connectors.delete", id=id)
    record(ada, "connectors.restore", id=id)
    record(ada, "connectors.history", id=id)
    other = ada.create("connectors", **body)["id"]
    ada.patch(f"/connectors/{other}", changed)
    work()
    record(ada, "connectors.restoreCredentials", {"version": 1}, id=other)


def webhooks(record: Recorder, ada: Api, service: str, deliver: Callable[[str], None]) -> None:
    body = {"name": "CRM events", "url": service, "event_types": ["rfp.*"]}
    id = record(ada, "webhooks.create", body)["id"]
    record(ada, "webhooks.list", query={"sort": "name"})
    record(ada, "webhooks.get", id=id)
    record(ada, "webhooks.update", {"retry_policy": {"maxAttempts": 5}}, id=id)
    event = {"type": "rfp.created", "subject": "rfp_1", "data": {"id": "rfp_1"}}
    published = record(ada, "events.publish", {"events": [event]})["events"][0]["id"]
    record(ada, "events.list", query={"type": "rfp.created"})
    record(ada, "events.get", id=published)
    record(ada, "webhooks.tryFilter", {"webhook_id": id, "event_types": ["rfp.created"]})
    delivery = record(ada, "webhooks.listDeliveries", id=id)["items"][0]["id"]
    deliver(delivery)
    record(ada, "deliveries.list", query={"limit": "10"})
    record(ada, "webhooks.getHealth", id=id)
    record(ada, "deliveries.get", id=delivery)
    record(ada, "deliveries.hurry", id=delivery)
    record(ada, "deliveries.redeliver", id=delivery)
    test = record(ada, "webhooks.test", {"event_type": "rfp.created"}, id=id)["id"]
    ada.post(f"/webhooks/{id}/test-deliveries", {"event_type": "rfp.closed"})
    record(ada, "webhooks.listTests", id=id)
    record(ada, "webhooks.getTest", id=id, delivery_id=test)
    record(ada, "webhooks.sendFromLab", {"event_type": "rfp.created", "data": {"id": "a"}}, id=id)
    replay = record(ada, "webhooks.replay", {**PERIOD, "what": "all"}, id=id)["id"]
    record(ada, "webhooks.listReplays", id=id)
    record(ada, "replays.get", id=replay)
    record(ada, "replays.cancel", id=replay)
    record(ada, "webhooks.pause", id=id)
    record(ada, "webhooks.getBacklog", id=id)
    record(ada, "webhooks.resume", {"choice": "newest_per_subject"}, id=id)
    record(ada, "webhooks.rotateSecret", id=id)
    record(ada, "webhooks.retireSecret", id=id)
    record(ada, "events.erase", {"subject": "rfp_1"})
    record(ada, "webhooks.delete", id=id)
    record(ada, "webhooks.restore", id=id)
    record(ada, "webhooks.history", id=id)


def inbound(record: Recorder, ada: Api) -> None:
    webhook = ada.create("webhooks", direction="inbound", inbound_scheme="github")
    id, address = webhook["id"], webhook["inbound_url"].partition("/in/")[2]
    headers = {
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-GitHub-Event": "push",
        "X-Hub-Signature-256": "sha256=" + "0" * 64,
    }

    def knock() -> None:
        ada.client.post(f"/in/{address}", data=b'{"ref":"main"}', headers=headers)

    knock()
    received = record(ada, "webhooks.listReceived", id=id)["items"][0]["id"]
    record(ada, "webhooks.getReceived", id=id, request_id=received)
    record(ada, "webhooks.reverify", id=id, request_id=received)
    record(ada, "webhooks.reverifyAll", id=id)
    record(ada, "webhooks.clearQuarantine", id=id)
    knock()
    knock()
    question = {"scheme": "github", "secret": "EXAMPLE-SECRET", "headers": headers, "body": "{}"}
    record(ada, "signatureChecks.create", question)


def standards(record: Recorder, ada: Api) -> None:
    """Sign in with a key as programs do that know OAuth only."""
    record.standard("oauth.protectedResource")
    record.standard("oauth.protectedPortal")
    record.standard("oauth.authorizationServer")
    key = ada.create("api-keys", name="Publisher", scopes=["events:publish"])["key"]
    form = {"grant_type": "client_credentials", "client_secret": key, "scope": "events:publish"}
    record.standard("oauth.token", form)
    record.standard("oauth.introspect", {"token": key})
    record.standard("oauth.jwks")


def tenant_wide(record: Recorder, ada: Api) -> None:
    record(ada, "me.get")
    record(ada, "quotas.get")
    record(ada, "audit.list", query={"limit": "2"})
    record(ada, "providers.list")
    record(ada, "providers.get", id="http")
    record(ada, "inbox.open")
    record(ada, "inbox.get")
    record(ada, "inbox.heal")
    record(ada, "search.find", query={"q": "CRM"})
    record(ada, "notices.list")
    for name in ("Trial", "Trial of Monday"):
        made = ada.create("webhooks", name=name)
        ada.delete(f"/webhooks/{made['id']}")
    record(ada, "deleted.list", query={"kind": "webhooks", "limit": "1"})
    saved_views(record, ada)
    # Not Ada, whose tokens would be refused from then on.
    person = record(ada, "people.list")["items"][-1]["id"]
    record(ada, "people.get", id=person)
    session = record(ada, "sessions.list")["items"][0]["id"]
    record(ada, "sessions.end", id=session)
    record(ada, "sessions.endAll")
    record(ada, "people.endSessions", id=person)


def saved_views(record: Recorder, ada: Api) -> None:
    parameters = {"enabled": "false", "sort": "name"}
    view = {"list": "webhooks", "name": "Disabled", "parameters": parameters}
    made = record(ada, "views.create", view)
    record(ada, "views.list", query={"list": "webhooks"})
    record(ada, "views.get", id=made["id"])
    record(ada, "views.update", {"name": "Disabled ones", "is_shared": True}, id=made["id"])
    record(ada, "views.delete", id=made["id"])


def batches(record: Recorder, ada: Api) -> None:
    """Create several records of each kind with one request."""
    for name, items in {
        "applications": [{"display_name": "Billing"}, {"display_name": "Reports"}],
        "apiKeys": [{"name": "Billing"}, {"name": "Reports"}],
        "connectors": [{"name": "Ledger"}, {"name": "Archive"}],
        "webhooks": [{"name": "Billing"}, {"name": "Reports"}],
        "eventTypes": [{"name": "bill.sent"}, {"name": "bill.paid"}],
    }.items():
        record(ada, f"{name}.createMany", {"items": items})
