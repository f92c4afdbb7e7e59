"""`Prefer: validate-only` makes every check of a write, and keeps nothing of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal import secretstore
from portal.features import FEATURES
from portal.rest.openapi import Operation, camel
from portal.rest.resources import Resource
from tests.cast import ADA, VIC, Api, sign_in
from tests.databases import Database
from tests.inbound.test_inbound import github, knock
from tests.leases import conftest as leases
from tests.resources import EXPORTS, MINIMAL, RESOURCES, called, minimal
from tests.secretstore.openbao import OpenBao, own_openbao
from tests.webhooks import conftest as webhooks
from tests.webhooks.conftest import Receiver

receiver, work = webhooks.receiver, leases.work

VALIDATE = {"Prefer": "validate-only"}
WRITES = {one.id: one for feature in FEATURES for one in feature.rest() if one.is_write}
NOTHING_KEPT_TO_EXPLAIN = 404

# A request counts against limits whether it is validated or done, and processes tell of themselves.
COUNTED_ANYWAY = {"quota_rate", "write_probe", "key_verifier", "key_acknowledgement"}


@dataclass
class Call:
    """A call of one operation with all that it needs: the ids in its path, a body, and a caller."""

    ids: dict[str, str] = field(default_factory=dict)
    body: Any = None
    caller: Api | None = None
    status: int | None = None


@dataclass
class World:
    """Make what the operations work on."""

    app: Flask
    ada: Api
    database: Database
    receiver: Receiver
    work: Callable[[], None]

    def one(self, resource: str, **more: Any) -> dict[str, Any]:
        return self.ada.create(resource, **{**MINIMAL[resource], **more})

    def done(self, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.ada.post(path, body)
        assert answer.status_code < 300, answer.text
        return dict(answer.json or {})

    def deleted(self, resource: str) -> Call:
        made = self.one(resource)
        self.ada.delete(f"/{resource}/{made['id']}")
        return Call({"id": made["id"]})

    def view(self) -> dict[str, str]:
        """Return the id of a saved view."""
        return {"id": self.ada.create("views", list="webhooks", name="All of them")["id"]}

    def of(self, resource: str, body: Any = None) -> Call:
        return Call({"id": self.one(resource)["id"]}, body)

    def webhook(self, **more: Any) -> dict[str, Any]:
        url = self.receiver.hook("crm")
        return self.ada.create("webhooks", url=url, event_types=["rfp.*"], **more)

    def delivery(self) -> dict[str, Any]:
        webhook = self.webhook()
        self.done("/events", {"type": "rfp.created", "data": {"id": 1}})
        [found] = (self.ada.get(f"/webhooks/{webhook['id']}/deliveries").json or {})["items"]
        return dict(found)

    def retrying(self) -> Call:
        made = self.delivery()
        later = "UPDATE delivery SET state = 'retrying', due_at = now() + interval '1 hour'"
        self.database.sql(f"{later} WHERE id = %s", made["id"])
        return Call({"id": made["id"]})

    def window(self) -> dict[str, Any]:
        now = datetime.now(UTC)
        span = {"from": now - timedelta(hours=1), "to": now + timedelta(hours=1)}
        return {name: moment.isoformat() for name, moment in span.items()}

    def replayed(self) -> Call:
        webhook_id = self.delivery()["webhook_id"]
        made = self.done(f"/webhooks/{webhook_id}/replays", {**self.window(), "what": "all"})
        return Call({"id": made["id"]})

    def quarantined(self) -> dict[str, str]:
        made = self.ada.create(
            "webhooks", direction="inbound", inbound_scheme="github", inbound_secret="another one"
        )
        knock(self.app.test_client(), made["inbound_url"], b"{}", github(b"{}"))
        [held] = (self.ada.get(f"/webhooks/{made['id']}/received").json or {})["items"]
        return {"id": made["id"], "request_id": held["id"]}

    def leased(self) -> Call:
        application = self.one("applications")
        body = {"application_id": application["id"], "scopes": ["connectors:use"]}
        key = self.ada.create("api-keys", **body)["key"]
        made = self.ada.create(
            "connectors", provider="http", auth_type="basic", application_id=application["id"],
            config={"baseUrl": "https://api.example.com"},
            credentials={"username": "svc", "password": "one-password"},
        )  # fmt: skip
        self.work()
        return Call({"id": made["id"]}, {}, Api(self.app.test_client(), key))

    def restorable(self) -> Call:
        made = self.one("connectors")
        path = f"/connectors/{made['id']}"
        self.ada.patch(path, {"credentials": {"token": "a-second-token"}})
        self.database.sql("UPDATE connector_check SET state = 'done', outcome = 'passed'")
        return Call({"id": made["id"]}, {"version": 1})

    def checkable(self) -> Call:
        made = self.one("connectors")
        self.database.sql("UPDATE connector_check SET state = 'done', outcome = 'passed'")
        return Call({"id": made["id"]}, {})

    def erasable(self) -> str:
        self.done("/events", {"type": "rfp.created", "subject": "rfp-1"})
        return "rfp-1"

    def verifier(self) -> Api:
        key = self.ada.create("api-keys", scopes=["keys:verify"])["key"]
        return Api(self.app.test_client(), key)

    def reserved(self) -> Call:
        key = self.ada.create("api-keys", scopes=["connectors:read"], max_budget_usd=10)
        caller = self.verifier()
        held = caller.post("/api-keys/verify", {"key": key["key"], "estimated_usd": 2}).json or {}
        return Call({"id": held["reservation_id"]}, {"cost_usd": 1}, caller)

    def blocked(self) -> Call:
        made = self.one("api-keys")
        self.done(f"/api-keys/{made['id']}/block", {})
        return Call({"id": made["id"]})

    def paused(self) -> Call:
        made = self.webhook()
        self.done(f"/webhooks/{made['id']}/pause")
        return Call({"id": made["id"]}, {"choice": "all"})

    def rotated(self) -> Call:
        made = self.webhook()
        self.done(f"/webhooks/{made['id']}/secret-rotations")
        return Call({"id": made["id"]})

    def rotated_key(self) -> Call:
        made = self.one("api-keys")
        self.done(f"/api-keys/{made['id']}/rotations", {"overlap": "1h"})
        return Call({"id": made["id"]})

    def failed_rotation(self) -> Call:
        made = self.one("api-keys")
        new = self.done(f"/api-keys/{made['id']}/rotations", {"overlap": "1h"})
        self.done(f"/api-keys/{new['id']}/revoke", {})
        return Call({"id": made["id"]})

    def planned(self) -> Call:
        made = self.one("api-keys")
        self.done(f"/api-keys/{made['id']}/revoke", {"at": "2099-01-01T00:00:00Z"})
        return Call({"id": made["id"]})

    def leaked(self) -> Call:
        made = self.one("api-keys")
        self.done("/api-keys/leaks", {"fingerprint": made["key_fingerprint"]})
        return Call({"id": made["id"]})

    def signed_in(self, name: str) -> Call:
        person = sign_in(self.app, ADA)
        session_id = self.database.sql("SELECT id FROM web_session")
        return Call({"id": {"person": person.person_id, "session": session_id}[name]})

    def failing_inbox(self) -> Call:
        sender = self.done("/inbox")["sender_id"]
        sent = {"event_type": "rfp.created", "failure": "503"}
        self.done(f"/webhooks/{sender}/lab-deliveries", sent)
        return Call()

    def job(self) -> dict[str, Any]:
        """Return the body that previews a job on one webhook."""
        return {"resource": "webhooks", "verb": "delete", "ids": [self.one("webhooks")["id"]]}

    def previewed(self) -> Call:
        return Call({"id": self.done("/bulk-jobs", self.job())["id"]})

    def cancelled(self) -> Call:
        call = self.previewed()
        self.done(f"/bulk-jobs/{call.ids['id']}/cancellations")
        return call

    def suspended(self) -> Call:
        made = self.one("applications")
        self.done(f"/applications/{made['id']}/suspend", {"reason": "An incident"})
        return Call({"id": made["id"]}, {"reason": "It is over"})


def usual(resource: Resource[Any, Any]) -> dict[str, Callable[[World], Call]]:
    """Return the calls of what every resource has."""
    name = resource.name
    calls: dict[str, Callable[[World], Call]] = {
        "create": lambda w: Call(body=minimal(resource)),
        "createMany": lambda w: Call(body={"items": [minimal(resource)]}),
        "update": lambda w: w.of(name, {called(resource): "Another one"}),
        "delete": lambda w: w.of(name),
        "restore": lambda w: w.deleted(name),
    }
    return {f"{camel(name)}.{verb}": call for verb, call in calls.items()}


OPENAPI = {"openapi": "3.1.0", "webhooks": {"order.paid": {"post": {"summary": "Paid"}}}}
CALLS: dict[str, Callable[[World], Call]] = {
    "applications.update": lambda w: w.of("applications", {"display_name": "CRM 361"}),
    "applications.suspend": lambda w: w.of("applications", {"reason": "An incident"}),
    "applications.retire": lambda w: w.of("applications", {"reason": "Replaced"}),
    "applications.reopen": lambda w: w.suspended(),
    "apiKeys.revoke": lambda w: w.of("api-keys", {"reason": "Lost"}),
    "apiKeys.block": lambda w: w.of("api-keys", {}),
    "apiKeys.unblock": lambda w: w.blocked(),
    "apiKeys.rotate": lambda w: w.of("api-keys", {"overlap": "24h"}),
    "apiKeys.createChild": lambda w: w.of("api-keys", {"lifetime_seconds": 600}),
    "apiKeys.verify": lambda w: Call(body={"key": "sk-acme-x"}, caller=w.verifier(), status=400),
    "apiKeys.settleReservation": lambda w: w.reserved(),
    "apiKeys.recordUsage": lambda w: Call(
        {"id": w.one("api-keys")["id"]}, {"cost_usd": 1}, w.verifier()
    ),
    "apiKeys.revokeMany": lambda w: Call(
        body={"tag": w.one("api-keys", tags=["old"])["tags"][0], "dry_run": False}
    ),
    "apiKeys.reportLeak": lambda w: Call(
        body={"fingerprint": w.one("api-keys")["key_fingerprint"]}, caller=w.verifier()
    ),
    "apiKeys.explain": lambda w: Call(
        body={"request_id": "req_1"}, status=NOTHING_KEPT_TO_EXPLAIN
    ),
    "apiKeys.rehearse": lambda w: Call(
        {"id": w.ada.create("api-keys", scopes=["connectors:read"])["id"]},  # no limit to look up
        {"scope": "connectors:read"},
    ),
    "apiKeys.cancelRevocation": lambda w: w.planned(),
    "apiKeys.extendRotation": lambda w: w.rotated_key(),
    "apiKeys.finishRotation": lambda w: w.rotated_key(),
    "apiKeys.takeBackRotation": lambda w: w.failed_rotation(),
    "apiKeys.settleLeaks": lambda w: w.leaked(),
    "apiKeys.updateLeakPolicy": lambda w: Call(body={"github": "revoke"}),
    "apiKeys.repairMany": lambda w: Call(
        body={"weakness": "never_expires", "remedy": "expire", "dry_run": not w.one("api-keys")}
    ),
    "people.endSessions": lambda w: w.signed_in("person"),
    "sessions.end": lambda w: w.signed_in("session"),
    "sessions.endAll": lambda w: w.signed_in("session"),
    "inbox.open": lambda w: Call(),
    "inbox.heal": lambda w: w.failing_inbox(),
    "connectors.update": lambda w: w.of("connectors", {"credentials": {"token": "another"}}),
    "connectors.removeCredentials": lambda w: w.of("connectors"),
    "connectors.check": lambda w: w.checkable(),
    "connectors.checkDraft": lambda w: Call(body=MINIMAL["connectors"], status=400),
    "connectors.restoreCredentials": lambda w: w.restorable(),
    "connectors.takeLease": lambda w: w.leased(),
    "webhooks.update": lambda w: w.of("webhooks", {"event_types": ["rfp.closed"]}),
    "webhooks.rotateSecret": lambda w: w.of("webhooks"),
    "webhooks.retireSecret": lambda w: w.rotated(),
    "webhooks.pause": lambda w: w.of("webhooks"),
    "webhooks.resume": lambda w: w.paused(),
    "webhooks.replay": lambda w: Call(
        {"id": w.delivery()["webhook_id"]}, {**w.window(), "what": "all"}
    ),
    "replays.cancel": lambda w: w.replayed(),
    "webhooks.tryFilter": lambda w: Call(body={"event_types": ["rfp.*"]}),
    "deliveries.redeliver": lambda w: Call({"id": w.delivery()["id"]}),
    "deliveries.hurry": lambda w: w.retrying(),
    "webhooks.reverify": lambda w: Call(w.quarantined()),
    "webhooks.reverifyAll": lambda w: Call(w.quarantined()),
    "webhooks.clearQuarantine": lambda w: Call(w.quarantined()),
    "signatureChecks.create": lambda w: Call(
        body={"scheme": "github", "secret": "s", "body": "{}", "headers": {}}
    ),
    "webhooks.test": lambda w: Call({"id": w.webhook()["id"]}, {"event_type": "rfp.created"}),
    "webhooks.sendFromLab": lambda w: Call(
        {"id": w.webhook()["id"]}, {"event_type": "rfp.created"}
    ),
    "eventTypes.update": lambda w: w.of("event-types", {"display_name": "Another"}),
    "eventTypes.importTypes": lambda w: Call(body={"document": OPENAPI, "dry_run": False}),
    "eventSettings.update": lambda w: Call(
        body={"retention_days": 7, "redacted_fields": ["email"], "key_material": "refuse"}
    ),
    "views.create": lambda w: Call(body={"list": "webhooks", "name": "Mine"}),
    "views.update": lambda w: Call(w.view(), {"name": "Ours"}),
    "views.delete": lambda w: Call(w.view()),
    "bulkJobs.create": lambda w: Call(body=w.job()),
    "bulkJobs.confirm": lambda w: w.previewed(),
    "bulkJobs.cancel": lambda w: w.previewed(),
    "bulkJobs.retry": lambda w: w.cancelled(),
    **dict.fromkeys(EXPORTS, lambda w: Call(body={})),
    "events.publish": lambda w: Call(
        body={"type": "rfp.created", "id": w.webhook()["id"], "subject": "rfp-1"}
    ),
    "events.erase": lambda w: Call(body={"subject": w.erasable()}),
}  # fmt: skip
KNOWN = {name: call for one in RESOURCES for name, call in usual(one).items()} | CALLS


@pytest.fixture(scope="module")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """Yield a server that nobody else writes to."""
    with own_openbao(tmp_path_factory.mktemp("bao")) as server:
        server.prepare()
        yield server


@pytest.fixture
def world(
    app: Flask, ada: Api, database: Database, receiver: Receiver, work: Callable[[], None]
) -> World:
    return World(app, ada, database, receiver, work)


@pytest.mark.parametrize("name", list(WRITES))
def test_a_validated_write_answers_like_the_real_one_and_keeps_nothing(
    name: str, world: World
) -> None:
    operation, call = WRITES[name], call_of(name, world)
    world.app.extensions["keys"].flush()  # uses of keys by earlier tests, or by this one's setup
    before = everything(world.database)
    said = made(world, operation, call, VALIDATE)
    assert everything(world.database) == before
    if operation.cannot_validate:
        assert said.status_code == 400, said.text
        assert (said.json or {})["code"] == "cannot_validate"
        return
    assert said.headers["Preference-Applied"] == "validate-only"
    assert not {"ETag", "Location"} & set(said.headers.keys())
    real = made(world, operation, call, {})
    assert real.status_code == (call.status or operation.status), real.text
    assert said.status_code == real.status_code, said.text
    assert set(said.json or {}) == set(real.json or {})
    for secret in operation.once:
        assert (said.json or {}).get(secret) is None
    if call.status is None and name not in CHANGES_NOTHING:
        assert everything(world.database) != before, "the real call changed nothing"


CHANGES_NOTHING = {
    f"integration.{name}"
    for name in (
        "apiKeys.rehearse", "webhooks.tryFilter", "signatureChecks.create",
        "webhooks.reverify", "webhooks.reverifyAll",
    )
}  # fmt: skip


def call_of(name: str, world: World) -> Call:
    short = name.removeprefix("integration.")
    assert short in KNOWN, f"add a call of {short} to CALLS in {__file__}"
    return KNOWN[short](world)


def made(world: World, operation: Operation, call: Call, headers: dict[str, str]) -> Any:
    caller = call.caller or world.ada
    path = operation.path.format(**call.ids)
    return caller.call(operation.method, path, json=call.body, headers=headers)


def everything(database: Database) -> dict[str, str]:
    """Return table → a hash of all its rows."""
    names = database.sql(
        "SELECT array_agg(relname::text ORDER BY relname) FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition"
    )
    rows = ", ".join(
        f"'{name}', (SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), ''))"
        f" FROM {name} t)"
        for name in names
        if name not in COUNTED_ANYWAY
    )
    return dict(database.sql(f"SELECT jsonb_object(ARRAY[{rows}])"))


def test_what_would_be_made_has_an_id_of_zeros_and_no_secret(ada: Api) -> None:
    said = ada.post("/webhooks", MINIMAL["webhooks"], headers=VALIDATE).json or {}
    assert said["id"] == f"whk_{'0' * 26}"
    assert said["signing_secret"] is None
    assert said["name"] == "CRM events"


def test_what_is_wrong_is_said_as_it_would_be(ada: Api, database: Database) -> None:
    before = everything(database)
    wrong = {"name": "A hook", "url": "nonsense"}
    said, real = (ada.post("/webhooks", wrong, headers=sent) for sent in (VALIDATE, {}))
    assert said.status_code == real.status_code == 422
    assert (said.json or {})["errors"] == (real.json or {})["errors"]
    assert said.headers["Preference-Applied"] == "validate-only"
    ada.create("event-types", name="rfp.created")
    taken = ada.post("/event-types", {"name": "rfp.created"}, headers=VALIDATE)
    assert taken.status_code == 409, "the database's own rules are checked, too"
    assert everything(database) != before


def test_a_viewer_may_not_validate_what_a_viewer_may_not_do(api: Callable[[str], Api]) -> None:
    assert api(VIC).post("/webhooks", {}, headers=VALIDATE).status_code == 403


@pytest.mark.parametrize(
    "preference",
    ["validate-only", "Validate-Only", "handling=strict, validate-only", 'return=minimal; x="a,b",'
     " validate-only; y=1", 'validate-only=""'],
)  # fmt: skip
def test_the_preference_is_read_as_the_rfc_writes_it(ada: Api, preference: str) -> None:
    answer = ada.post("/webhooks", {}, headers={"Prefer": preference})
    assert answer.headers["Preference-Applied"] == "validate-only"
    assert (ada.get("/webhooks").json or {})["items"] == []


@pytest.mark.parametrize(
    "preference", ["", "return=minimal", "handling=lenient", "validate", ",;="]
)
def test_other_preferences_are_ignored(ada: Api, preference: str) -> None:
    answer = ada.post("/webhooks", {}, headers={"Prefer": preference})
    assert answer.status_code == 201
    assert "Preference-Applied" not in answer.headers
    assert len((ada.get("/webhooks").json or {})["items"]) == 1


@pytest.mark.parametrize("value", ["true", "false", "0"])
def test_a_value_of_the_preference_is_refused_and_not_guessed(ada: Api, value: str) -> None:
    answer = ada.post("/webhooks", {}, headers={"Prefer": f"validate-only={value}"})
    assert answer.status_code == 400
    assert (ada.get("/webhooks").json or {})["items"] == []


def test_a_read_does_not_care(ada: Api) -> None:
    answer = ada.get("/webhooks", headers=VALIDATE)
    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers


def test_nothing_is_remembered_of_an_idempotency_key(ada: Api) -> None:
    once = {"Idempotency-Key": "one"}
    said = ada.post("/webhooks", MINIMAL["webhooks"], headers={**once, **VALIDATE})
    real = ada.post("/webhooks", MINIMAL["webhooks"], headers=once)
    assert said.status_code == real.status_code == 201
    assert "Idempotency-Replayed" not in real.headers
    assert (real.json or {})["id"] != (said.json or {})["id"]


def test_validating_counts_as_a_request_of_the_key(app: Flask, ada: Api) -> None:
    key = ada.create("api-keys", scopes=["webhooks:write"], rpm_limit=2)["key"]
    caller = Api(app.test_client(), key)
    codes = [caller.post("/webhooks", {}, headers=VALIDATE).status_code for _ in range(3)]
    assert codes == [201, 201, 429]


@pytest.mark.parametrize("limits", [{}, {"rpm_limit": 100, "max_budget_usd": 0}])
def test_validating_takes_no_use_of_the_key(
    app: Flask, ada: Api, database: Database, limits: dict[str, int]
) -> None:
    scopes = ["webhooks:write", "connectors:write"]
    made = ada.create("api-keys", scopes=scopes, max_uses=2, **limits)
    caller = Api(app.test_client(), made["key"])

    def uses() -> int:
        sql = "SELECT uses FROM api_key_runtime WHERE key_id = %s"
        return int(database.sql(sql, made["id"]))

    validated = {
        201: ("/webhooks", {}),
        422: ("/webhooks", {"name": 1}),
        404: ("/webhooks/whk_01J00000000000000000000000/pause", {}),
        400: ("/connectors/draft-checks", MINIMAL["connectors"]),
        403: ("/applications", {}),
    }
    for status, (path, body) in validated.items():
        for _ in range(3):
            assert caller.post(path, body, headers=VALIDATE).status_code == status, path
    with_a_value = {"Prefer": "validate-only=true"}
    assert caller.post("/webhooks", {}, headers=with_a_value).status_code == 400
    assert uses() == 0
    assert [caller.post("/webhooks", {}).status_code for _ in range(3)] == [201, 201, 401]
    assert caller.post("/webhooks", {}, headers=VALIDATE).status_code == 401
    assert uses() == 2


def test_a_read_that_prefers_to_be_validated_is_a_use(app: Flask, ada: Api) -> None:
    key = ada.create("api-keys", scopes=["webhooks:read"], max_uses=1)["key"]
    caller = Api(app.test_client(), key)
    codes = [caller.get("/webhooks", headers=VALIDATE).status_code for _ in range(2)]
    assert codes == [200, 401]


def test_events_that_are_validated_take_nothing_of_the_quota(
    app: Flask, ada: Api, database: Database
) -> None:
    database.sql(
        "INSERT INTO tenant_quota (tenant_id, name, value) SELECT id, 'events_per_second', 5"
        " FROM tenant"
    )
    app.extensions["portal.rates"].forget()
    batch = [{"type": "rfp.created"}] * 4
    codes = [ada.post("/events", batch, headers=VALIDATE).status_code for _ in range(5)]
    assert codes == [202] * 5


@pytest.mark.parametrize(
    "name",
    [
        f"integration.{one}"
        for one in (
            "connectors.create", "connectors.update", "connectors.delete", "connectors.restore",
            "connectors.removeCredentials", "connectors.takeLease", "webhooks.create",
            "webhooks.rotateSecret", "webhooks.retireSecret",
        )
    ],
)  # fmt: skip
def test_nothing_is_written_to_a_vault(name: str, world: World, in_vault: OpenBao) -> None:
    operation, call = WRITES[name], call_of(name, world)
    world.app.extensions["keys"].flush()  # uses of keys by earlier tests, or by this one's setup
    before = everything_in(in_vault)
    said = made(world, operation, call, VALIDATE)
    assert everything_in(in_vault) == before
    if not operation.cannot_validate:
        assert said.status_code == (call.status or operation.status), said.text


def everything_in(openbao: OpenBao) -> Any:
    """Return the metadata of every secret of Acme, with the versions of each."""
    store = openbao.store("earlier")
    return [store.head(ref) for ref in secretstore.all_refs(store, ACME)]
