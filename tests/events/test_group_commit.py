"""Single events published over HTTP are stored in few transactions.

The response to each is the same as if it had been published alone.
"""

import asyncio
import http.client
import json
import os
import signal
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
import pytest
from portal_devtools.identity_provider.people import ACME

from portal.core.config import libpq_url
from portal.database.actor import Actor
from portal.events.listeners import listeners_of
from portal.events.publishing.door import LARGEST
from portal.events.publishing.group_commit import GroupCommit
from portal.events.publishing.publication import FEW_WANTING
from portal.events.schemas import EventInput
from portal.keys.decision.format import generate
from tests.bench.servers import Server, free_port, portal_serving
from tests.cast import PREFIX, Api
from tests.databases import Database
from tests.front.kit import until

TYPE = "rfp.created"
PLAIN = {"type": TYPE, "data": {"id": 1}}
LIKE_A_KEY = "sk-acme-s" + "0" * 38
PUBLISHING = "application_name = 'portal-publish'"
APPLICATIONS_OWN = "content-security-policy"  # a header that the event loop does not send
SECONDS = 30


@dataclass(frozen=True)
class Answer:
    status: int
    document: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def is_of_the_loop(self) -> bool:
        return APPLICATIONS_OWN not in self.headers

    @property
    def event(self) -> dict[str, Any]:
        """Return the result of the one event."""
        assert self.status == 202, self.document
        [event] = self.document["events"]
        return dict(event)


@dataclass(frozen=True)
class Program:
    """A program that publishes with one key."""

    port: int
    key: str

    def publish(self, body: Any = PLAIN, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        head = {"authorization": f"Bearer {self.key}", "content-type": "application/json", **named}
        text = body if isinstance(body, bytes) else json.dumps(body)
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)) as line:
            line.request("POST", f"{PREFIX}/events", text, head)
            answer = line.getresponse()
            told = json.loads(answer.read())
            return Answer(answer.status, told, {name.lower(): v for name, v in answer.getheaders()})

    def publish_on_the_loop(
        self, body: Callable[[int], Any] = lambda number: PLAIN, **headers: str
    ) -> Answer:
        """Publish until the event loop responds; the server forgets quotas after a second.

        `body` creates the body for each try.
        """
        until = time.monotonic() + SECONDS
        for number in count():
            answer = self.publish(body(number), **headers)
            if answer.is_of_the_loop:
                return answer
            assert time.monotonic() < until, "the loop answers nothing"
        raise AssertionError  # unreachable: the count has no end

    def publish_at_once(self, bodies: Sequence[Any], threads: int = 24) -> list[Answer]:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self.publish, bodies))


@pytest.fixture(scope="module")
def environment(_settings: dict[str, str]) -> dict[str, str]:
    """Return the settings of a portal on the test's database."""
    return _settings


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[Server]:
    port = free_port()
    address = {"PORTAL_BASE_URL": f"http://127.0.0.1:{port}"}
    with portal_serving(environment | address, port) as one:
        yield one


@pytest.fixture(scope="module")
def server(environment: dict[str, str]) -> Iterator[Server]:
    """Yield a server that takes whoever calls it for its proxy."""
    with serving(environment | {"PORTAL_TRUSTED_PROXIES": "127.0.0.1"}) as one:
        yield one


@pytest.fixture
def program(server: Server, ada: Api) -> Program:
    """Return a program whose key and quotas the server knows already."""
    return warm(server, ada)


def warm(server: Server, owner: Api, **wanted: Any) -> Program:
    made = owner.create("api-keys", scopes=["events:publish", "events:read"], **wanted)
    program = Program(server.port, made["key"])
    program.publish_on_the_loop(lambda number: {"type": "warm.up", "data": {}})
    return program


@pytest.fixture
def webhook(ada: Api) -> dict[str, Any]:
    return ada.create("webhooks", url="https://hooks.example.com/", event_types=[TYPE])


def deliveries_by_event(database: Database) -> dict[str, int]:
    """Return event id → number of deliveries, for this module's event type."""
    found = database.sql(
        "SELECT coalesce(json_object_agg(id, many), '{}') FROM (SELECT event.id, count(delivery.id)"
        " AS many FROM event LEFT JOIN delivery ON delivery.event_id = event.id WHERE type = %s"
        " GROUP BY event.id) AS found",
        TYPE,
    )
    return dict(found)


def ids_of(answers: Sequence[Answer]) -> list[str]:
    return [answer.event["id"] for answer in answers]


def named(client_id: str) -> dict[str, Any]:
    return {**PLAIN, "id": client_id}


@contextmanager
def claimed_by_another(database: Database, tenant_id: str, client_id: str) -> Iterator[None]:
    """Hold a publisher's id in another transaction inside the context."""
    with psycopg.connect(libpq_url(database.superuser_url)) as other:
        other.execute(
            "INSERT INTO event_key (tenant_id, client_id, event_id) VALUES (%s, %s, 'evt_other')",
            (tenant_id, client_id),
        )
        yield
        other.rollback()


def publishing_backends(database: Database) -> list[int]:
    found = database.sql(
        f"SELECT array_agg(pid) FROM pg_stat_activity WHERE {PUBLISHING}"
        " AND datname = current_database()"
    )
    return list(found or [])


# ---------------------------------------------------------------- the same as alone


def test_an_answer_of_the_loop_reads_like_one_of_the_application(program, webhook):
    loops = program.publish_on_the_loop()
    applications = program.publish(PLAIN, idempotency_key="one")
    assert not applications.is_of_the_loop
    ours, theirs = loops.event, applications.event
    assert ours.keys() == theirs.keys()
    assert {**ours, "id": theirs["id"]} == theirs
    assert loops.headers["content-type"] == applications.headers["content-type"]
    assert loops.headers["x-request-id"].startswith("req_")
    assert loops.headers["cache-control"] == "no-store"


def test_what_is_kept_of_it_is_the_same(program, webhook, ada, database):
    said = {
        "type": TYPE, "subject": "rfp-1", "occurred_at": "2026-01-02T03:04:05Z",
        "data": {"text": "ü ✓ \\u0041", "deep": [{"a": [1, 2.5, None, True]}]},
    }  # fmt: skip
    loops = program.publish_on_the_loop(lambda number: {**said, "id": f"loop-{number}"})
    applications = program.publish({**said, "id": "application"}, idempotency_key="one")
    assert not applications.is_of_the_loop
    ours, theirs = (ada.get(f"/events/{one.event['id']}").json for one in (loops, applications))
    for differs in ("id", "client_id", "received_at"):
        assert ours.pop(differs) != theirs.pop(differs)
    assert ours == theirs


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ([PLAIN, PLAIN], {}, 202),
        ({"events": [PLAIN]}, {}, 202),
        ({"type": TYPE, "data": {"text": "x" * LARGEST}}, {}, 202),
        (
            {"type": TYPE, "data": {"key": LIKE_A_KEY}},
            {},
            202,
        ),
        (PLAIN, {"content_type": "text/plain"}, 415),
        (PLAIN, {"content_encoding": "gzip"}, 415),
        ({"type": "no type at all"}, {}, 422),
        ({"type": TYPE, "wrong": 1}, {}, 422),
        ({"type": "api_key.created", "data": {}}, {}, 422),
        (b'{"type": "a.b", "type": "a.b"}', {}, 400),
        (b'{"type": "a.b", "data": {"a": "\\u0000"}}', {}, 400),
        (b"{", {}, 400),
        (b"", {}, 400),
        ({}, {}, 400),
    ],
)
def test_whatever_is_not_plain_is_the_applications(program, body, headers, status):
    answer = program.publish(body, **headers)
    assert (answer.status, answer.is_of_the_loop) == (status, False), answer.document


def test_a_request_for_another_host_or_with_two_credentials_is_the_applications(program):
    assert program.publish(host="evil.example").status == 400
    text = json.dumps(PLAIN)
    with closing(http.client.HTTPConnection("127.0.0.1", program.port, timeout=SECONDS)) as line:
        line.putrequest("POST", f"{PREFIX}/events")
        line.putheader("Content-Type", "application/json")
        line.putheader("Content-Length", str(len(text)))
        for token in (program.key, "another"):
            line.putheader("Authorization", f"Bearer {token}")
        line.endheaders(text.encode())
        assert line.getresponse().status == 401


def test_behind_a_proxy_the_host_that_it_was_asked_for_counts(server, program):
    ours = f"127.0.0.1:{server.port}"
    behind = program.publish_on_the_loop(host="internal", x_forwarded_host=f"evil, {ours}")
    assert behind.status == 202
    for said in (f"{ours}, evil.example", "evil.example"):
        assert program.publish(host="internal", x_forwarded_host=said).status == 400


def test_a_key_that_may_not_publish_gets_the_applications_refusal(server, program, ada):
    other = Program(server.port, ada.create("api-keys", scopes=["events:read"])["key"])
    assert [other.publish().status for _ in range(3)] == [403] * 3


def test_the_first_event_of_a_key_is_answered_by_the_loop(server, program, ada):
    until, is_of_the_loop = time.monotonic() + SECONDS, False
    while not is_of_the_loop:  # the quotas that the server knows end within a second
        assert time.monotonic() < until, "the application answers all first events"
        key = ada.create("api-keys", scopes=["events:publish"])["key"]
        program.publish_on_the_loop()
        is_of_the_loop = Program(server.port, key).publish().is_of_the_loop


def test_a_key_that_does_not_exist_counts_once(server, database):
    for number in range(5):
        guess = Program(server.port, generate("acme", "user").text)
        assert guess.publish(x_forwarded_for=f"198.51.100.{number}").status == 401
    counted = "SELECT json_agg(failures) FROM unknown_key_source WHERE source LIKE '198.51.100.%'"
    assert database.sql(counted) == [1] * 5


def test_a_revoked_key_publishes_nothing_more(program, ada, database):
    mine = next(key for key in ada.get("/api-keys").json["items"] if key["status"] == "active")
    before = len(deliveries_by_event(database))
    assert ada.post(f"/api-keys/{mine['id']}/revoke", {}).status_code == 200
    until(lambda: program.publish().status == 401)
    after = len(deliveries_by_event(database))
    assert [program.publish().status for _ in range(5)] == [401] * 5
    assert len(deliveries_by_event(database)) == after >= before


# ---------------------------------------------------------------- many at once


def test_a_burst_keeps_and_owes_each_event_once(program, webhook, database):
    answers: list[Answer] = []

    def some_are_of_the_loop() -> bool:  # how many of a burst, the machine decides
        answers.extend(program.publish_at_once([PLAIN] * 300))
        return sum(answer.is_of_the_loop for answer in answers) > 10

    until(some_are_of_the_loop)
    assert deliveries_by_event(database) == dict.fromkeys(ids_of(answers), 1)
    assert all(answer.event["deliveries"] == 1 for answer in answers)


def test_who_publishes_again_at_once_is_answered_each_time(app, database):
    """Publish in the same turn of the event loop in which the work on the last event ends."""
    actor = Actor(ACME, "application", "key_1", "Key", frozenset({"events:publish"}))
    event = EventInput.read(PLAIN)

    async def publish() -> None:
        together = GroupCommit(libpq_url(database.app_url), listeners_of(app))
        for _ in range(20):
            assert await asyncio.wait_for(together.publish(actor, event), SECONDS)
        together.stop()

    asyncio.run(publish())
    assert len(deliveries_by_event(database)) == 20


def test_what_many_webhooks_want_is_published_in_smaller_groups_or_alone(program, ada, database):
    for _ in range(20):
        ada.create("webhooks", url="https://hooks.example.com/", event_types=[TYPE])
    answers = program.publish_at_once([PLAIN] * 100)
    assert {answer.event["deliveries"] for answer in answers} == {20}
    assert program.publish_on_the_loop().event["deliveries"] == 20
    before = len(deliveries_by_event(database))
    for _ in range(FEW_WANTING):
        ada.create("webhooks", url="https://hooks.example.com/", event_types=[TYPE])
    answers = program.publish_at_once([PLAIN] * 20)
    assert not any(answer.is_of_the_loop for answer in answers), "it would keep the loop"
    assert {answer.event["deliveries"] for answer in answers} == {20 + FEW_WANTING}
    assert Counter(deliveries_by_event(database).values()) == {20: before, 20 + FEW_WANTING: 20}


def test_large_filters_are_not_read_by_the_loop(app, ada, database):
    patterns = ["*", *("a" + ".a" * n + ".*" for n in range(62)), "a" + ".a" * 63]
    filter = {"stage": [f"{'x' * 300}{n}" for n in range(49)]}
    ada.create("webhooks", url="https://hooks.example.com/", event_types=patterns, filter=filter)
    actor = Actor(ACME, "application", "key_1", "Key", frozenset({"events:publish"}))
    wanted, unwanted = (EventInput.read({"type": name}) for name in (patterns[-1], "a"))

    async def publish() -> int:
        together = GroupCommit(libpq_url(database.app_url), listeners_of(app))
        assert await together.publish(actor, unwanted)
        tracemalloc.start()
        try:
            assert await together.publish(actor, wanted) is None
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            together.stop()

    most = asyncio.run(publish())
    assert most < 45 * len(str(filter))


def test_an_id_is_published_once_however_many_say_it_at_once(program, webhook, database):
    answers = program.publish_at_once([named(f"order-{n % 20}") for n in range(200)])
    told = Counter((a.event["client_id"], a.event["id"]) for a in answers)
    assert sorted(told.values()) == [10] * 20, "each has one event, and all are told of it"
    new = [answer for answer in answers if not answer.event["duplicate"]]
    assert len(new) == len({answer.event["client_id"] for answer in new}) == 20
    assert deliveries_by_event(database) == dict.fromkeys(ids_of(new), 1)


def test_an_id_belongs_to_the_application_that_publishes_it_first(server, ada):
    crm, shop = (
        warm(server, ada, application_id=ada.create("applications", display_name=name)["id"])
        for name in ("CRM", "Shop")
    )
    bodies = [named(f"order-{n % 20}") for n in range(100)]
    with ThreadPoolExecutor(2) as pool:
        each = list(pool.map(lambda one: one.publish_at_once(bodies, threads=12), (crm, shop)))
    of_id: dict[str, list[int]] = {}
    for answers in each:
        told = {(body["id"], a.status) for body, a in zip(bodies, answers, strict=True)}
        assert len(told) == 20, "an id is answered the same each time"
        for name, status in told:
            of_id.setdefault(name, []).append(status)
        new = [a for a in answers if a.status == 202 and not a.event["duplicate"]]
        assert len(new) == len([status for _, status in told if status == 202])
    assert [sorted(statuses) for statuses in of_id.values()] == [[202, 409]] * 20


def test_an_application_that_repeats_an_id_is_answered_by_the_loop(server, ada):
    application = ada.create("applications", display_name="CRM")
    crm = warm(server, ada, application_id=application["id"])
    first = crm.publish(named("bill-1"))
    again = crm.publish_on_the_loop(lambda number: named("bill-1"))
    assert again.event == {**first.event, "duplicate": True, "deliveries": 0}


def test_an_id_that_is_refused_slows_no_other_event(server, ada):
    crm, shop = (
        warm(server, ada, application_id=ada.create("applications", display_name=name)["id"])
        for name in ("CRM", "Shop")
    )
    assert shop.publish(named("bill-2")).status == 202
    assert crm.publish_on_the_loop().status == 202
    assert crm.publish(named("bill-2")).status == 409
    assert any(crm.publish().is_of_the_loop for _ in range(3)), "its type is slow now"


def test_an_event_with_a_schema_slows_none_that_is_published_beside_it(app, ada, database):
    ada.create("event-types", name=TYPE, json_schema={"type": "object"}, validation="reject")
    actor = Actor(ACME, "application", "key_1", "Key", frozenset({"events:publish"}))
    checked, plain = (EventInput.read({"type": name}) for name in (TYPE, "plain.type"))

    async def publish() -> None:
        together = GroupCommit(libpq_url(database.app_url), listeners_of(app))
        group = (together.publish(actor, event) for event in (checked, plain))
        assert await asyncio.gather(*group) == [None, None]
        assert not together.takes(actor, checked)
        assert together.takes(actor, plain)
        assert await together.publish(actor, plain)
        together.stop()

    asyncio.run(publish())


def test_the_schema_of_another_application_is_none_of_the_loops_events(server, ada):
    crm, shop = (ada.create("applications", display_name=name)["id"] for name in ("CRM", "Shop"))
    scopes = ["event-types:write"]
    typist = Api(ada.client, ada.create("api-keys", application_id=crm, scopes=scopes)["key"])
    schema = {"type": "object", "required": ["nothing has this"]}
    typist.create("event-types", name=TYPE, json_schema=schema, validation="reject")
    assert warm(server, ada, application_id=shop).publish_on_the_loop().status == 202
    assert warm(server, ada).publish_on_the_loop().status == 202
    assert warm(server, ada, application_id=crm).publish({"type": TYPE}).status == 422


def test_an_event_that_does_not_match_its_schema_fails_alone(program, ada, webhook, database):
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}}
    ada.create("event-types", name=TYPE, json_schema=schema, validation="reject")
    wrong = {"type": TYPE, "data": {"id": "seven"}}
    bodies = [wrong if n % 10 == 3 else PLAIN for n in range(100)]
    answers = program.publish_at_once(bodies)
    refused = [a for body, a in zip(bodies, answers, strict=True) if body is wrong]
    good = [a for body, a in zip(bodies, answers, strict=True) if body is PLAIN]
    assert {a.status for a in refused} == {422}
    assert {a.document["errors"][0]["field"] for a in refused} == {"data.id"}
    assert deliveries_by_event(database) == dict.fromkeys(ids_of(good), 1)


def test_each_event_belongs_to_the_key_that_published_it(server, ada, gus, database):
    application = ada.create("applications", display_name="Orders")
    of_orders = warm(server, ada, application_id=application["id"])
    programs = [warm(server, ada), of_orders, warm(server, gus)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: (n % 3, programs[n % 3].publish()), range(150)))
    assert sum(answer.is_of_the_loop for _, answer in answers) > 20
    for number, (tenant, application_id) in enumerate(
        [("acme", None), ("acme", application["id"]), ("globex", None)]
    ):
        ids = [answer.event["id"] for which, answer in answers if which == number]
        stamped = database.sql(
            "SELECT json_agg(DISTINCT ARRAY[tenant.slug, application_id]) FROM event"
            " JOIN tenant ON tenant.id = tenant_id WHERE event.id = ANY (%s)", ids,
        )  # fmt: skip
        assert stamped == [[tenant, application_id]]


def test_a_webhook_gets_what_is_published_after_its_answer(program, ada):
    for _ in range(20):
        name = ada.create("webhooks", url="https://hooks.example.com/", event_types=[TYPE])
        assert program.publish().event["deliveries"] == 1
        assert ada.delete(f"/webhooks/{name['id']}").status_code == 204
        assert program.publish().event["deliveries"] == 0


def test_a_quota_holds_for_the_events_of_the_loop(program, ada, database):
    database.sql(
        "INSERT INTO tenant_quota (tenant_id, name, value)"
        " SELECT id, 'events_per_second', 20 FROM tenant WHERE slug = 'acme'"
    )
    # Loans of the old limit end within a second; then all processes borrow from the new limit.
    until(lambda: any(a.status == 429 for a in program.publish_at_once([PLAIN] * 40)))
    before, begun_at = len(deliveries_by_event(database)), time.monotonic()
    answers = program.publish_at_once([PLAIN] * 300)
    seconds = time.monotonic() - begun_at
    assert {answer.status for answer in answers} == {202, 429}
    accepted = sum(answer.status == 202 for answer in answers)
    assert len(deliveries_by_event(database)) - before == accepted
    assert accepted <= 20 * (seconds + 2), "a burst may use what two seconds allow"


# ---------------------------------------------------------------- what breaks


@contextmanager
def at_commit_of_the_loop(database: Database, statement: str) -> Iterator[None]:
    """Run a PL/pgSQL statement when a transaction of the event loop commits."""
    database.sql(
        f"CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF current_setting('application_name') = 'portal-publish' THEN {statement}; END IF;"
        f" RETURN NULL; END $$;"
        f"CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON event"
        f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit()"
    )
    try:
        yield
    finally:
        database.sql("DROP FUNCTION at_commit CASCADE")


def test_a_connection_lost_during_the_commit_is_not_taken_for_a_refusal(program, database):
    with at_commit_of_the_loop(database, "PERFORM pg_terminate_backend(pg_backend_pid())"):
        lost = program.publish_on_the_loop(lambda number: named(f"lost-{number}"))
    assert (lost.status, lost.document["code"]) == (503, "unknown_outcome")
    assert lost.headers["x-request-id"] == lost.document["request_id"]
    assert lost.headers["content-type"] == "application/problem+json"
    assert "retry-after" in lost.headers
    seen = database.sql("SELECT json_agg(client_id) FROM event WHERE client_id LIKE 'lost-%'")
    tries = len(seen or [])  # including those that the application answered before
    assert program.publish(named(f"lost-{tries}")).event["duplicate"] is False


def test_a_commit_that_hangs_is_not_taken_for_a_refusal(program, database):
    asked = []

    def body(number: int) -> dict[str, Any]:
        asked.append(named(f"hung-{number}"))
        return asked[-1]

    with at_commit_of_the_loop(database, "PERFORM pg_sleep(60)"):
        hung = program.publish_on_the_loop(body)
    assert (hung.status, hung.document["code"]) == (503, "unknown_outcome")
    again = [program.publish(asked[-1]).event["id"] for _ in range(2)]
    kept = "SELECT json_agg(id) FROM event WHERE client_id = %s"
    assert database.sql(kept, asked[-1]["id"]) == [again[0]]
    assert again[0] == again[1]


def test_what_postgresql_refuses_at_the_commit_is_published_alone(program, database):
    with at_commit_of_the_loop(database, "RAISE 'no' USING ERRCODE = '53100'"):
        answers = [program.publish(named(f"refused-{number}")) for number in range(20)]
    assert not any(answer.is_of_the_loop for answer in answers)
    assert [answer.event["duplicate"] for answer in answers] == [False] * 20


def test_connections_that_are_lost_lose_no_event_and_publish_none_twice(program, webhook, database):
    bodies = [{**PLAIN, "subject": f"order-{n}"} for n in range(600)]
    with ThreadPoolExecutor(17) as pool:
        published = [pool.submit(program.publish, body) for body in bodies]
        for _ in range(20):
            database.sql(
                f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {PUBLISHING}"
            )
        answers = [one.result() for one in published]
    assert {a.document["code"] for a in answers if a.status != 202} <= {"unknown_outcome"}
    kept = Counter(database.sql("SELECT json_agg(subject) FROM event WHERE type = %s", TYPE))
    assert set(kept.values()) == {1}
    accepted = {b["subject"] for b, a in zip(bodies, answers, strict=True) if a.status == 202}
    assert accepted <= kept.keys()


def test_who_waits_for_an_id_keeps_nobody_else_waiting(program, server, ada, gus, database):
    other = warm(server, gus)
    slow = [warm(server, ada) for _ in range(12)]
    tenant = database.sql("SELECT id FROM tenant WHERE slug = 'acme'")
    with ThreadPoolExecutor(12) as pool:
        with claimed_by_another(database, tenant, "held"):
            held = [pool.submit(one.publish, named("held")) for one in slow]
            answers = [other.publish() for _ in range(20)]
            assert [answer.status for answer in answers] == [202] * 20
            assert not any(one.done() for one in held)
        events = [one.result().event for one in held]
    assert len({event["id"] for event in events}) == 1, "all are told of the one event"
    assert sum(not event["duplicate"] for event in events) == 1


def test_a_frozen_connection_ends_with_an_answer(program, database):
    program.publish_on_the_loop()
    frozen = publishing_backends(database)
    assert frozen
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        answer = program.publish(named("frozen"))
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    assert answer.status == 202, "the application published it"
    assert program.publish(named("frozen")).event["duplicate"] is True


def test_it_ends_in_order_and_notes_the_use_of_keys(environment, ada, database):
    with serving(environment) as server:
        program = warm(server, ada)
        answers = program.publish_at_once([PLAIN] * 50)
    assert sum(answer.is_of_the_loop for answer in answers) > 10
    noted = database.sql(
        "SELECT sum(calls)::int FROM key_use WHERE aspect = 'scope' AND what = 'events:publish'"
    )
    assert noted >= 51
