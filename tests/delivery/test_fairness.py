"""Test that a slow, dead or busy receiver delays no other, by counting calls and not by a clock."""

import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ProviderPerson

from portal.core.errors import PortalError
from portal.delivery import engine as engines
from portal.delivery.health import safe_pause
from portal.delivery.queue import turns
from portal.secretstore import Secret, SecretRef, embedded_store
from tests.cast import ACME, Api, Provider
from tests.databases import Database
from tests.delivery.test_engine import delivering, publish, until
from tests.outbound.sink import Behaviour, read_request
from tests.webhooks.conftest import Make
from tests.webhooks.kit import EMPTY, PATIENT, Gate, Mailbox, rows, sinks

MANY = 10_000
FIRST_WIDTH = 10
NO = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
EVENTS = """
INSERT INTO event (tenant_id, id, type, data, actor_id, actor_name)
SELECT tenant_id, ulid_floor('evt', now()) || lpad(n::text, 16, '0'), 'much.happened', '{}', 't',
    'T'
FROM webhook, generate_series(1, 10000) AS n WHERE id = %s
"""
OWED = """
INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type)
SELECT tenant_id, 'dlv' || substr(id, 4), %s, id, type FROM event WHERE type = 'much.happened'
"""
NEW_TENANT = "INSERT INTO tenant (id, slug, name, key_code) VALUES (%s, 'third', 'Third', 'thrd')"
NOW = "SELECT clock_timestamp() AS now"
# The id of an attempt begins with the time of its claim.
CLAIMED_BEFORE = """
SELECT count(*) AS n FROM delivery d
JOIN delivery_attempt own ON own.tenant_id = d.tenant_id AND own.delivery_id = d.id
JOIN delivery_attempt a ON a.tenant_id <> d.tenant_id
WHERE d.event_id = %s AND a.id >= ulid_floor('att', %s) AND a.id < own.id
"""
OWN = "SELECT 1 FROM delivery_attempt WHERE event_id = %s"
BEGUN = "SELECT count(*) AS n FROM delivery WHERE webhook_id = %s AND attempts > 0"


def owe_much(database: Database, webhook: dict[str, Any]) -> None:
    """Insert ten thousand waiting deliveries of a webhook."""
    rows(database, EVENTS, webhook["id"])
    rows(database, OWED, webhook["id"])


def theirs(gus: Api, port: int, **more: Any) -> None:
    """Create a webhook of the other tenant."""
    address = f"http://127.0.0.1:{port}/"
    gus.create("webhooks", name="Other", url=address, event_types=["other.*"], **more)


def one(number: int = 0) -> dict[str, Any]:
    return {"type": "other.thing", "data": {"number": number}}


def test_one_that_never_answers_gets_its_few_and_everybody_else_all(
    app: Flask, database: Database, ada: Api, gus: Api, make: Make
) -> None:
    gate, quick = Gate(), Mailbox()
    with sinks(gate.behave, quick.behave) as [dead, port]:
        webhook = make(f"http://127.0.0.1:{dead}/", event_types=["much.*"], retry_policy=PATIENT)
        owe_much(database, webhook)
        theirs(gus, port)
        with delivering(app):
            until(lambda: gate.waiting == FIRST_WIDTH)
            publish(gus, *(one(number) for number in range(200)))
            until(lambda: len(quick.ids) == 200)
            assert gate.waiting == FIRST_WIDTH
            [begun] = rows(database, BEGUN, webhook["id"])
            gate.open()
    assert begun["n"] == FIRST_WIDTH, "the rest of its ten thousand waits in the database"


class Order:
    """Two receivers that share one list of calls, in their order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def of(self, name: str, answer: bytes = EMPTY) -> Behaviour:
        async def behave(reader: StreamReader, writer: StreamWriter) -> None:
            while True:
                await read_request(reader)
                self.calls.append(name)
                writer.write(answer)
                await writer.drain()

        return behave

    def between(self, start: int) -> int:
        """Return how many calls after the first `start` there were before the other receiver's
        call."""
        return self.calls.index("other", start) - start


@pytest.mark.parametrize(
    ("answer", "at_most"), [(NO, 50), (EMPTY, 3000)], ids=["failing", "drained as fast as it goes"]
)
def test_ten_thousand_of_one_tenant_do_not_come_before_one_of_another(
    answer: bytes, at_most: int, app: Flask, database: Database, ada: Api, gus: Api, make: Make
) -> None:
    order = Order()
    with sinks(order.of("much", answer), order.of("other")) as [much, port]:
        webhook = make(f"http://127.0.0.1:{much}/", event_types=["much.*"])
        owe_much(database, webhook)
        theirs(gus, port)
        with delivering(app):
            until(lambda: len(order.calls) >= FIRST_WIDTH)
            publish(gus, one())
            start = len(order.calls)
            until(lambda: "other" in order.calls)
    assert order.between(min(start, order.calls.index("other"))) <= at_most


def test_a_tenant_with_many_dead_receivers_leaves_room_for_the_others(
    app: Flask,
    database: Database,
    ada: Api,
    gus: Api,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Use more dead receivers than a worker has places and than it looks at in one search, and only
    the notification of an event to wake it."""
    for name, value in (("HELD", 40), ("ENDPOINTS", 3), ("POLL_SECONDS", 600.0)):
        monkeypatch.setattr(engines, name, value)
    gate, quick = Gate(), Mailbox()
    with sinks(gate.behave, quick.behave) as [dead, port]:
        for number in range(8):
            make(
                f"http://127.0.0.1:{dead}/",
                name=f"Dead {number}",
                event_types=["much.*"],
                retry_policy=PATIENT,
            )
        theirs(gus, port)
        with delivering(app) as engine:
            publish(ada, *({"type": "much.happened"} for _ in range(FIRST_WIDTH)))
            until(lambda: gate.waiting == 20)
            for number in range(10):
                publish(gus, one(number))
                until(lambda wanted=number + 1: len(quick.ids) == wanted)
            assert gate.waiting == 20, "half of the places, and no more"
            assert len(engine.taken) <= 21
            gate.open()


def test_two_tenants_with_dead_receivers_leave_connections_for_a_third(
    app: Flask,
    database: Database,
    ada: Api,
    gus: Api,
    token_provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each has half of what the others leave. That is as many as there are connections, if there
    are fewer connections than places."""
    places = 60
    monkeypatch.setattr(engines, "CONNECTIONS", places * engines.CONNECTIONS // engines.HELD)
    monkeypatch.setattr(engines, "HELD", places)
    tim = ProviderPerson("tim@third.example", "Tim", f"tnt_{'3' * 26}", "Third", ("editor",))
    rows(database, NEW_TENANT, tim.tenant_id)
    third = Api(app.test_client(), token_provider.token_of(tim))
    gate, quick = Gate(), Mailbox()
    with sinks(gate.behave, quick.behave) as [dead, port]:
        for api in (ada, third):
            make_many(api, 5, dead, retry_policy=PATIENT)
        theirs(gus, port)
        with delivering(app) as engine:
            for api, in_all in ((ada, places // 2), (third, places * 3 // 4)):
                publish(api, *({"type": "much.happened"} for _ in range(FIRST_WIDTH)))
                begun = min(in_all, engines.CONNECTIONS)
                until(lambda wanted=begun: gate.waiting == wanted)
            publish(gus, one())
            until(lambda: quick.ids)
            assert len(engine.taken) >= in_all, "it waited until other attempts had ended"
            gate.open()


def test_a_slow_receiver_slows_no_other_of_its_own_tenant(app: Flask, ada: Api, make: Make) -> None:
    gate, quick = Gate(), Mailbox()
    with sinks(gate.behave, quick.behave) as [slow, port]:
        make(f"http://127.0.0.1:{slow}/", event_types=["other.*"], retry_policy=PATIENT)
        make(f"http://127.0.0.1:{port}/", event_types=["other.*"])
        with delivering(app):
            publish(ada, *(one(number) for number in range(100)))
            until(lambda: len(quick.ids) == 100)
            assert gate.waiting == FIRST_WIDTH
            gate.open()


def make_many(api: Api, many: int, port: int, **more: Any) -> None:
    """Create many webhooks with the same receiver."""
    like = {"url": f"http://127.0.0.1:{port}/", "event_types": ["much.*"], **more}
    items = [{"name": f"Copy {number}", **like} for number in range(many)]
    answer = api.post("/webhooks/batch", {"items": items})
    assert answer.status_code == 200, answer.text


@pytest.mark.timeout(240)
@pytest.mark.parametrize("ordered", [False, True], ids=["new deliveries", "found by a search"])
def test_many_endpoints_of_one_tenant_do_not_come_before_one_of_another(
    ordered: bool,
    app: Flask,
    database: Database,
    ada: Api,
    gus: Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Claim so little at once that it takes 67 claims, of 6 deliveries each, until all endpoints of
    one tenant had their turn."""
    for module, name, value in (
        (engines, "ENDPOINTS", 3),
        (engines, "BATCH", 6),
        (turns, "FEW", 3),
    ):
        monkeypatch.setattr(module, name, value)
    much, quick, before = Mailbox(), Mailbox(), 0
    with sinks(much.behave, quick.behave) as [many, port]:
        make_many(ada, 200, many)
        theirs(gus, port, ordered=ordered)
        publish(ada, *({"type": "much.happened"} for _ in range(60)))
        with delivering(app):
            until(lambda: len(much.ids) > 50)
            for number in range(8):
                [event] = publish(gus, one(number))
                [asked] = rows(database, NOW)
                until(lambda wanted=number + 1: len(quick.ids) == wanted)
                until(lambda id=event["id"]: rows(database, OWN, id))
                [claimed] = rows(database, CLAIMED_BEFORE, event["id"], asked["now"])
                before += claimed["n"]
            assert len(much.ids) < 12_000, "they still waited for all the others"
    assert before / 8 < 60


@pytest.mark.timeout(240)
def test_a_tenant_whose_many_secrets_are_read_slowly_leaves_readers_for_the_others(
    app: Flask, ada: Api, gus: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, answers = threading.Event(), threading.Event()
    store = embedded_store.EmbeddedStore
    get, get_many = store.get, store.get_many

    def wait(tenant_id: str) -> None:
        if tenant_id == ACME:
            reading.set()
            answers.wait(60)

    def slow(self: Any, ref: SecretRef, **more: Any) -> Secret:
        wait(ref.tenant_id)
        return get(self, ref, **more)

    def slow_many(
        self: Any, refs: Sequence[SecretRef], **more: Any
    ) -> dict[SecretRef, Secret | PortalError]:
        wait(refs[0].tenant_id)
        return get_many(self, refs, **more)

    monkeypatch.setattr(store, "get", slow)
    monkeypatch.setattr(store, "get_many", slow_many)
    much, quick = Mailbox(), Mailbox()
    with sinks(much.behave, quick.behave) as [many, port]:
        make_many(ada, 100, many)
        theirs(gus, port)
        with delivering(app):
            publish(ada, {"type": "much.happened"})
            until(reading.is_set)
            try:
                publish(gus, one())
                until(lambda: quick.ids)
                assert not much.ids
            finally:
                answers.set()
            until(lambda: len(much.ids) == 100)


GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"


def test_a_tenant_whose_many_receivers_are_gone_leaves_threads_for_the_others(
    app: Flask, ada: Api, gus: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let each pause of one tenant take as long as the test."""
    pausing, ends, run = threading.Event(), threading.Event(), safe_pause.run

    def slow(app: Flask, verb: Any, tenant_id: str, *arguments: Any) -> None:
        if tenant_id == ACME:
            pausing.set()
            ends.wait(60)
        run(app, verb, tenant_id, *arguments)

    monkeypatch.setattr(safe_pause, "run", slow)
    gone, quick = Mailbox(GONE), Mailbox()

    def paused(api: Api) -> int:
        items = api.get("/webhooks?limit=100").json["items"]
        return sum(one["pause_reason"] == "gone" for one in items)

    with sinks(gone.behave, quick.behave) as [many, port]:
        make_many(ada, 40, many)
        with delivering(app):
            publish(ada, {"type": "much.happened"})
            until(pausing.is_set)
            try:
                theirs(gus, port)
                theirs(gus, many)
                publish(gus, one())
                until(lambda: quick.ids)
                until(lambda: paused(gus) == 1)
                assert paused(ada) == 0
            finally:
                ends.set()
            until(lambda: paused(ada) == 40)
