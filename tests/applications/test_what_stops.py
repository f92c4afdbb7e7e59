"""Everything that a suspended or retired application stops, and that reopening restores."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from flask import Flask

from tests.applications.conftest import Do
from tests.bench.servers import free_port, portal_serving
from tests.cast import ADA, PREFIX, Api, Pages
from tests.databases import Database
from tests.delivery.test_engine import deliveries, delivering, until
from tests.hindrance import again_and_again, hindrance
from tests.identity.serving import served
from tests.keys.test_console import form_of, token_on
from tests.keys.tokens.test_oauth import exchange, introspect
from tests.keys.verification.test_served import PATH as VERIFY
from tests.leases.conftest import application, with_password, work
from tests.statements import statements
from tests.thorough import IS_PROOF
from tests.webhooks.conftest import Receiver, receiver

__all__ = ["application", "receiver", "with_password", "work"]

App = dict[str, Any]
STOPS = pytest.mark.parametrize("verb", ["suspend", "retire"])
SCOPES = ["keys:verify", "applications:read", "events:publish", "webhooks:write", "keys:write"]


@pytest.fixture
def key(ada: Api, crm: App) -> App:
    return ada.create("api-keys", application_id=crm["id"], scopes=SCOPES)


@pytest.fixture
def holder(app: Flask, key: App) -> Api:
    return Api(app.test_client(), key["key"])


# ---------------------------------------------------------------- keys and tokens


@STOPS
def test_its_key_opens_nothing_until_it_is_reopened(
    ada: Api, holder: Api, key: App, do: Do, verb: str
) -> None:
    def heard() -> tuple[int, int, str]:
        read = holder.get("/applications").status_code
        published = holder.post("/events", {"type": "rfp.created"}).status_code
        return read, published, ada.post("/api-keys/verify", {"key": key["key"]}).json["code"]

    assert heard() == (200, 202, "VALID")
    do(verb)
    assert heard() == (401, 401, "APP_INACTIVE")
    do("reopen")
    assert heard() == (200, 202, "VALID")


@STOPS
def test_its_tokens_stop_and_no_new_one_is_given(
    app: Flask, ada: Api, key: App, do: Do, verb: str
) -> None:
    token = exchange(app, key).json["access_token"]
    bearer = Api(app.test_client(), token)

    def heard() -> tuple[int, int, bool, bool]:
        active = [introspect(ada, shown).json["active"] for shown in (token, key["key"])]
        given = exchange(app, key).status_code
        return bearer.get("/applications").status_code, given, active[0], active[1]

    assert heard() == (200, 200, True, True)
    do(verb)
    assert heard() == (401, 401, False, False)
    do("reopen")
    assert heard() == (200, 200, True, True)


@STOPS
def test_no_new_key_connector_or_webhook_belongs_to_it(
    ada: Api, crm: App, key: App, do: Do, verb: str
) -> None:
    webhook, connector = ada.create("webhooks"), ada.create("connectors")
    own = {"application_id": crm["id"]}

    def asked() -> list[int]:
        answers = [
            ada.post("/api-keys", own),
            ada.post(f"/api-keys/{key['id']}/rotations", {"overlap": "now"}),
            ada.post("/connectors", own),
            ada.post("/webhooks", own),
            ada.post("/webhooks", {**own, "direction": "inbound"}),
            ada.patch(f"/connectors/{connector['id']}", own),
            ada.patch(f"/webhooks/{webhook['id']}", own),
        ]
        return [answer.status_code for answer in answers]

    do(verb)
    assert ada.post(f"/api-keys/{key['id']}/children", {}).status_code == 409
    assert asked() == [409] * 7
    assert "CRM 360 is" in ada.post("/webhooks", own).json["errors"][0]["message"]
    do("reopen")
    assert asked() == [201, 201, 201, 201, 201, 200, 200]


@STOPS
@pytest.mark.parametrize("resource", ["webhooks", "connectors"])
def test_nothing_that_was_deleted_comes_back_to_it(
    ada: Api, crm: App, do: Do, browse: Callable[..., Pages], verb: str, resource: str
) -> None:
    own = {"application_id": crm["id"]}
    path = f"/{resource}/{ada.create(resource, **own)['id']}"
    ada.delete(path)
    page = browse(ADA)

    def offered() -> list[bool]:
        return [f"{path}/restore" in page.get(shown).text for shown in (path, "/deleted")]

    assert offered() == [True, True]
    status = do(verb).json["status"]
    refused, as_new = ada.post(f"{path}/restore"), ada.post(f"/{resource}", own)
    assert (refused.status_code, refused.json["detail"]) == (409, as_new.json["detail"])
    assert offered() == [False, False]
    [one] = ada.get("/deleted").json["items"]
    assert one["obstacle"] == f"Its application is {status}. Reopen it first."
    do("reopen")
    assert offered() == [True, True]
    assert ada.post(f"{path}/restore").status_code == 200


@STOPS
def test_no_draft_of_it_is_checked(ada: Api, crm: App, do: Do, verb: str) -> None:
    seen = Arrivals()
    with served(lambda _: seen) as address:
        draft = {
            "provider": "http",
            "auth_type": "basic",
            "config": {"baseUrl": address},
            "credentials": {"username": "ada", "password": "of-ada-0123456789"},
            "application_id": crm["id"],
        }
        assert ada.post("/connectors/draft-checks", draft).status_code == 200
        seen.at.clear()
        do(verb)
        refused, as_new = (
            ada.post(path, draft) for path in ("/connectors/draft-checks", "/connectors")
        )
        assert (refused.status_code, refused.json["detail"]) == (409, as_new.json["detail"])
        assert not seen.at, "nothing was sent"
        unknown = ada.post("/connectors/draft-checks", {**draft, "application_id": "app_none"})
        assert (unknown.status_code, unknown.json["errors"][0]["field"]) == (422, "application_id")


@STOPS
@pytest.mark.parametrize("resource", ["webhooks", "connectors"])
def test_what_belongs_to_it_does_not_leave_it_to_work_again(
    ada: Api, ed: Api, crm: App, do: Do, resource: str, verb: str
) -> None:
    other = ada.create("applications", display_name="Another")["id"]
    own = ada.create(resource, application_id=crm["id"])
    path = f"/{resource}/{own['id']}"
    do(verb)
    for place in (None, other):
        answer = ed.patch(path, {"application_id": place})
        assert answer.status_code == 409
        assert [error["field"] for error in answer.json["errors"]] == ["application_id"]
    assert ed.patch(path, {"name": "Renamed"}).status_code == 200
    do("reopen")
    assert ed.patch(path, {"application_id": other}).json["application_id"] == other


def test_a_one_time_link_to_its_key_opens_after_it_is_reopened(
    app: Flask, crm: App, do: Do, browse: Callable[..., Pages]
) -> None:
    page, visitor = browse(ADA), Pages(app.test_client(), "")
    form = form_of(page, delivery="link", name="Linked", application_id=crm["id"])
    [secret] = set(re.findall(r"/keys/link#([\w-]+)", page.post("/keys/new", form).text))
    visitor.token = token_on(visitor.client)

    def opened() -> int:
        return visitor.post("/keys/link", {"secret": secret}).status_code

    do("suspend")
    assert opened() == 410
    do("reopen")
    assert opened() == 200
    assert opened() == 410


@STOPS
def test_every_page_that_shows_its_key_says_that_it_is_stopped(
    ada: Api, crm: App, do: Do, browse: Callable[..., Pages], verb: str
) -> None:
    key = ada.create("api-keys", application_id=crm["id"], name="Nightly")
    child = ada.post(f"/api-keys/{key['id']}/children", {"name": "Nightly too"}).json
    ada.create("api-keys", name="Of the tenant")
    page = browse(ADA)
    shown = {
        "/keys": {"Nightly": 1, "Nightly too": 1, "Of the tenant": 0},
        f"/keys/leaks?fingerprint={key['key_fingerprint']}": {"Nightly": 1},
        f"/keys/bulk?application_id={crm['id']}": {"Nightly": 1, "Nightly too": 1},
        f"/keys/{key['id']}": {"Nightly": 1, "Nightly too": 1},
        f"/keys/{child['id']}": {"Nightly": 1, "Nightly too": 1},
        f"/applications/{crm['id']}": {"Nightly": 1, "Nightly too": 1},
    }

    def stopped() -> dict[str, int]:
        return {path: page.get(path).text.count(">stopped</span>") for path in shown}

    assert set(stopped().values()) == {0}
    ada.post(f"/api-keys/{child['id']}/block")
    do(verb)
    assert ">active</span>" not in page.get(f"/keys?application_id={crm['id']}").text
    assert stopped() == {path: sum(names.values()) for path, names in shown.items()}
    do("reopen")
    assert set(stopped().values()) == {0}


@STOPS
def test_a_program_reads_of_its_key_that_it_is_stopped(
    ada: Api, key: App, holder: Api, do: Do, verb: str
) -> None:
    assert key["application_status"] == "active"
    assert ada.create("api-keys")["application_status"] is None
    status = do(verb).json["status"]
    assert ada.get(f"/api-keys/{key['id']}").json["application_status"] == status
    shown = {one["id"]: one for one in ada.get("/api-keys").json["items"]}
    assert shown[key["id"]]["application_status"] == status
    assert holder.get("/applications").json["detail"].endswith("or does not work now.")


@STOPS
def test_a_page_offers_nothing_that_its_state_refuses(
    ada: Api, crm: App, key: App, do: Do, browse: Callable[..., Pages], verb: str
) -> None:
    own = {"event_types": ["application.*"], "application_id": crm["id"]}
    hook = ada.create("webhooks", url="https://hooks.example.com/crm", **own)
    rotate, test = (
        f'href="/keys/{key["id"]}/rotate"',
        f'action="/webhooks/{hook["id"]}/test-deliveries"',
    )
    page = browse(ADA)

    def offered() -> list[bool]:
        fingerprint = f"/keys/leaks?fingerprint={key['key_fingerprint']}"
        keys = (f"/keys/{key['id']}", f"/keys/{key['id']}/rotation", fingerprint)
        hooks = (f"/webhooks/{hook['id']}", f"/webhooks/{hook['id']}/lab")
        return [rotate in page.get(path).text for path in keys] + [
            test in page.get(path).text for path in hooks
        ]

    assert offered() == [True] * 5
    status = do(verb).json["status"]
    assert offered() == [False] * 5
    assert f"Its application is {status}" in page.get(f"/keys/{key['id']}/rotate").text
    health = page.get(f"/webhooks/{hook['id']}/health").text
    assert re.search(r"Next attempt.{0,80}stopped", health, re.DOTALL)
    do("reopen")
    assert offered() == [True] * 5


@pytest.mark.parametrize("resource", ["webhooks", "connectors", "keys"])
def test_a_list_asks_no_more_of_many_applications_than_of_one(
    ada: Api, crm: App, browse: Callable[..., Pages], resource: str
) -> None:
    page, kind = browse(ADA), "api-keys" if resource == "keys" else resource
    page.get(f"/{resource}")

    def asked() -> int:
        with statements() as sent:
            page.get(f"/{resource}")
        return len(sent)

    ada.create(kind, application_id=crm["id"])
    of_one = asked()
    for _ in range(4):
        other = ada.create("applications")
        ada.create(kind, application_id=other["id"])
        ada.create(kind)
    assert asked() <= of_one


# ---------------------------------------------------------------- every process


BOUND_SECONDS = 1.0


@pytest.fixture(scope="module")
def ports(_settings: dict[str, str]) -> Iterator[list[int]]:
    """Yield the ports of servers beside the process of the test, as on other machines."""
    ports = [free_port() for _ in range(2 if IS_PROOF else 1)]
    address = {"PORTAL_BASE_URL": f"http://127.0.0.1:{ports[0]}"}
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(portal_serving(_settings | address, port))
        yield ports


@dataclass
class Arrivals:
    """A receiver of webhooks that notes when something arrives at each of its paths."""

    at: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        self.at[environ["PATH_INFO"]].append(time.monotonic())
        start("204 No Content", [])
        return []


@dataclass(frozen=True)
class Doors:
    """Try through one server what is open while an application works.

    Each try tells when it began, and whether the door was open.
    """

    port: int
    key: App
    service: str
    connector: str

    def all(self) -> dict[str, Callable[[], tuple[float, bool]]]:
        answer = self._post("/oauth/token", self.key["key"], form="client_credentials")
        token = answer.json()["access_token"]
        own = self.key["key"]
        asked = {"key": own}
        path = f"{PREFIX}/connectors/{self.connector}"
        tried: dict[str, Callable[[], bool]] = {
            "a verification of its key": lambda: (
                self._post(VERIFY, self.service, asked).json()["code"] == "VALID"
            ),
            "a call with its key": lambda: self._reads(own),
            "a call with its token": lambda: self._reads(token),
            "an event by its key": lambda: (
                self._post(f"{PREFIX}/events", own, {"type": "order.created"}).ok
            ),
            "a lease": lambda: self._post(f"{path}/leases", own, {}).ok,
            "a check of its connector": lambda: self._checks(path),
        }
        return {f"{name} at {self.port}": _timed(opens) for name, opens in tried.items()}

    def _checks(self, connector: str) -> bool:
        """Tell whether a check is queued, or would be if none waited already."""
        answer = self._post(f"{connector}/checks", self.service, {})
        return answer.ok or "A check of this connector is running" in answer.text

    def _reads(self, bearer: str) -> bool:
        headers = {"Authorization": f"Bearer {bearer}"}
        address = f"http://127.0.0.1:{self.port}{PREFIX}/applications"
        return requests.get(address, headers=headers, timeout=30).ok

    def _post(self, path: str, bearer: str, body: Any = None, form: str = "") -> requests.Response:
        address = f"http://127.0.0.1:{self.port}{path}"
        if form:
            data = {"grant_type": form}
            return requests.post(address, data, auth=(self.key["id"], bearer), timeout=30)
        headers = {"Authorization": f"Bearer {bearer}"}
        return requests.post(address, json=body, headers=headers, timeout=30)


def _timed(opens: Callable[[], bool]) -> Callable[[], tuple[float, bool]]:
    def tried() -> tuple[float, bool]:
        begun_at = time.monotonic()
        return begun_at, opens()

    return tried


@pytest.mark.proof
@STOPS
def test_a_second_later_it_is_stopped_everywhere(
    ports: list[int],
    app: Flask,
    ada: Api,
    crm: App,
    do: Do,
    with_password: Callable[..., App],
    work: Callable[[], None],
    verb: str,
) -> None:
    connector = with_password(application_id=crm["id"])
    work()
    key = ada.create("api-keys", application_id=crm["id"], scopes=[*SCOPES, "connectors:use"])
    service = ada.create("api-keys", scopes=["keys:verify", "connectors:write"])["key"]
    arrivals = Arrivals()
    with ExitStack() as stack:
        receiver = stack.enter_context(served(lambda _: arrivals))
        for name, more in (("crm", {"application_id": crm["id"]}), ("other", {})):
            url = f"{receiver}/{name}"
            ada.create("webhooks", name=name, url=url, event_types=["rfp.*"], **more)
        stack.enter_context(delivering(app))
        health = f"http://127.0.0.1:{ports[0]}/healthz"
        allowance = stack.enter_context(hindrance(lambda: requests.get(health, timeout=30)))
        doors = {
            name: tried
            for port in ports
            for name, tried in Doors(port, key, service, connector["id"]).all().items()
        }
        tries = {name: stack.enter_context(again_and_again(tried)) for name, tried in doors.items()}

        def arrived_since(name: str, moment: float) -> bool:
            ada.post("/events", {"type": "rfp.created"})
            return arrivals.at[f"/{name}"][-1:] > [moment]

        def all_are(wanted: bool) -> bool:
            return all(found and found[-1][1] == wanted for found in tries.values())

        until(lambda: arrived_since("crm", 0) and all_are(True))
        do(verb)
        stopped_at = time.monotonic()
        until(lambda: all_are(False))
        until(lambda: arrived_since("other", stopped_at + 2 * BOUND_SECONDS))
        late = {
            name: max(begun_at for begun_at, is_open in found if is_open) - stopped_at
            for name, found in tries.items()
        }
        late["a webhook"] = arrivals.at["/crm"][-1] - stopped_at
        allowed = BOUND_SECONDS + allowance()
        assert {name: after for name, after in late.items() if after > allowed} == {}
        reopened_at = time.monotonic()
        do("reopen")

        def works_again() -> bool:
            work()  # again, since it leaves out a connector that somebody asks a lease of just now
            return arrived_since("crm", reopened_at) and all_are(True)

        until(works_again)


# ---------------------------------------------------------------- webhooks


@STOPS
def test_its_webhooks_send_nothing_and_what_waits_goes_out_when_it_is_reopened(
    app: Flask,
    ada: Api,
    crm: App,
    do: Do,
    receiver: Receiver,
    browse: Callable[..., Pages],
    verb: str,
) -> None:
    own = {"event_types": ["rfp.*"], "application_id": crm["id"]}
    theirs = ada.create("webhooks", url=receiver.hook("crm"), **own)
    other = ada.create("webhooks", url=receiver.hook("other"), event_types=["rfp.*"])
    with delivering(app):
        ada.post("/events", {"type": "rfp.created"})
        until(lambda: receiver.mail("crm") and receiver.mail("other"))
        do(verb)
        for _ in range(3):
            ada.post("/events", {"type": "rfp.updated"})
        until(lambda: len(receiver.mail("other")) == 4)
        states = ["held", "held", "held", "delivered"]
        until(lambda: [one["state"] for one in deliveries(ada, theirs)] == states)
        assert len(receiver.mail("crm")) == 1
        assert len(deliveries(ada, theirs, "?state=held")) == 3
        assert "held" in browse(ADA).get("/deliveries?state=held").text
        do("reopen")
        until(lambda: len(receiver.mail("crm")) == 4)
    assert {one["state"] for one in deliveries(ada, other)} == {"delivered"}


@STOPS
def test_nothing_is_sent_by_hand_either(
    ada: Api, crm: App, do: Do, receiver: Receiver, browse: Callable[..., Pages], verb: str
) -> None:
    own = {"event_types": ["rfp.*"], "application_id": crm["id"]}
    theirs = ada.create("webhooks", url=receiver.hook("crm"), **own)
    path = f"/webhooks/{theirs['id']}"
    do(verb)
    for way in ("test-deliveries", "lab-deliveries"):
        answer = ada.post(f"{path}/{way}", {"event_type": "rfp.created"})
        assert answer.status_code == 409
        assert "Reopen the application" in answer.json["detail"]
    assert receiver.mail("crm") == []
    assert (
        ada.get(path).json["application_status"]
        == ada.get(f"/applications/{crm['id']}").json["status"]
    )
    shown = browse(ADA).get(path).text
    assert "Nothing is sent and nothing is let in" in shown
    assert "stopped" in shown


def test_what_somebody_sends_again_waits_like_the_rest(
    app: Flask, ada: Api, crm: App, do: Do, receiver: Receiver
) -> None:
    own = {"event_types": ["rfp.*"], "application_id": crm["id"]}
    theirs = ada.create("webhooks", url=receiver.hook("crm"), **own)
    ada.create("webhooks", url=receiver.hook("other"), event_types=["order.*"])
    with delivering(app):
        ada.post("/events", {"type": "rfp.created"})
        until(lambda: deliveries(ada, theirs, "?state=delivered"))
        do("suspend")
        [sent] = deliveries(ada, theirs)
        assert ada.post(f"/deliveries/{sent['id']}/redeliveries").json["state"] == "held"
        ada.post("/events", {"type": "order.created"})
        until(lambda: receiver.mail("other"))  # delivered after the CRM's event
        assert len(receiver.mail("crm")) == 1
        do("reopen")
        until(lambda: len(receiver.mail("crm")) == 2)


@pytest.mark.parametrize("waits", [True, False], ids=["something waits", "nothing waits"])
def test_a_paused_webhook_of_it_is_not_tried(
    app: Flask, ada: Api, crm: App, do: Do, receiver: Receiver, database: Database, waits: bool
) -> None:
    def failing(name: str, **more: Any) -> App:
        url = receiver.hook(name)
        made = ada.create("webhooks", url=url, event_types=[f"{name}.*"], **more)
        ada.post(f"/webhooks/{made['id']}/pause")
        return made

    theirs = failing("crm", application_id=crm["id"])
    failing("other")
    do("suspend")
    if waits:
        ada.post("/events", {"type": "crm.created"})
        ada.post("/events", {"type": "other.created"})
    database.sql("UPDATE webhook SET pause_reason = 'failing'")
    database.sql("UPDATE endpoint SET next_probe_at = now() - interval '1 minute'")
    with delivering(app):
        until(lambda: receiver.mail("other"))
        assert receiver.mail("crm") == []
        assert len(deliveries(ada, theirs)) == int(waits), "nothing was made to try it with"
        do("reopen")
        until(lambda: receiver.mail("crm"))


@STOPS
def test_nothing_that_was_set_aside_is_published_by_hand(
    app: Flask, ada: Api, crm: App, do: Do, verb: str
) -> None:
    inbound = ada.create("webhooks", direction="inbound", application_id=crm["id"])
    app.test_client().post(f"/in/{inbound['id']}", data=b"{}")
    path = f"/webhooks/{inbound['id']}"
    [kept] = (ada.get(f"{path}/received").json or {})["items"]

    def asked() -> list[int]:
        ways = (f"{path}/received/{kept['id']}/reverifications", f"{path}/received/reverifications")
        return [ada.post(way).status_code for way in ways]

    do(verb)
    assert asked() == [409, 409]
    do("reopen")
    assert asked() == [200, 200]


@STOPS
def test_its_inbound_addresses_are_as_if_they_were_off(
    app: Flask, ada: Api, crm: App, do: Do, browse: Callable[..., Pages], verb: str
) -> None:
    inbound = ada.create("webhooks", direction="inbound", application_id=crm["id"])
    path = f"/in/{inbound['id']}"
    assert app.test_client().post(path, data=b"{}").status_code == 401
    do(verb)
    assert app.test_client().post(path, data=b"{}").status_code == 404
    shown = browse(ADA).get(f"/webhooks/{inbound['id']}").text
    assert "Its address answers 404 and nothing is let in until" in shown
    do("reopen")
    assert app.test_client().post(path, data=b"{}").status_code == 401


@STOPS
def test_nothing_waits_for_a_secret_at_an_address_that_is_off(
    ada: Api, crm: App, do: Do, browse: Callable[..., Pages], verb: str
) -> None:
    own = {"direction": "inbound", "inbound_scheme": "stripe", "application_id": crm["id"]}
    path = f"/webhooks/{ada.create('webhooks', **own)['id']}"
    assert "what arrives waits in quarantine" in browse(ADA).get(path).text
    do(verb)
    assert "what arrives waits in quarantine" not in browse(ADA).get(path).text


# ---------------------------------------------------------------- connectors


@STOPS
def test_whoever_runs_its_connectors_reads_that_they_are_stopped(
    ada: Api, crm: App, do: Do, browse: Callable[..., Pages], verb: str
) -> None:
    own = ada.create("connectors", name="Jira of the CRM", application_id=crm["id"])
    path = f"/connectors/{own['id']}"
    assert ada.get(path).json["application_status"] == "active"
    status = do(verb).json["status"]
    assert ada.get(path).json["application_status"] == status
    assert (ada.get("/connectors").json or {})["items"][0]["application_status"] == status
    page = browse(ADA)
    assert f"Its application is {status}" in page.get(path).text
    assert "stopped" in page.get(f"/applications/{crm['id']}").text
