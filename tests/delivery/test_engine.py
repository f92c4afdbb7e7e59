"""Test a real engine, from the publication to the receiver's "signature verified"."""

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread
from typing import Any

import psycopg
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.core.config import libpq_url
from portal.core.key_shape import masked
from portal.delivery.engine import Engine
from portal.delivery.log import replays
from portal.delivery.queue import new_deliveries
from portal.fast import pipeline
from tests.cast import ACME, ADA, Api, Pages
from tests.databases import Database
from tests.lab.test_deliveries import behaving
from tests.outbound.sink import answers
from tests.webhooks.conftest import Make, Receiver
from tests.webhooks.kit import Gate, rows, sinks

WAITING_FOR_A_LOCK = """
SELECT count(*)::int FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
NOT_BEGUN = "SELECT id FROM delivery WHERE state = 'retrying' AND token = %s"


@contextmanager
def delivering(app: Flask) -> Iterator[Engine]:
    """Yield a running engine, as `portal worker` has one."""
    engine = Engine(app)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def until(seen: Callable[[], Any], seconds: float = 40.0) -> Any:
    """Wait until `seen` returns something true, and return that. The time limit only ends a test
    that hangs."""
    deadline = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def engine(app: Flask) -> Iterator[Engine]:
    with delivering(app) as engine:
        yield engine


def test_a_published_event_arrives_signed(
    engine: Engine, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm"))
    receiver.learn("crm", webhook["signing_secret"])
    published = ada.post("/events", {"type": "rfp.created", "data": {"id": "rfp_1"}})
    assert published.status_code == 202, published.text
    [event] = published.json["events"]
    assert event["deliveries"] == 1
    [mail] = until(lambda: receiver.mail("crm"))
    assert mail["verified"], mail


def deliveries(ada: Api, webhook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    answer = ada.get(f"/webhooks/{webhook['id']}/deliveries{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json["items"])


def publish(ada: Api, *events: dict[str, Any]) -> list[dict[str, Any]]:
    answer = ada.post("/events", list(events))
    assert answer.status_code == 202, answer.text
    return list(answer.json["events"])


def header(mail: dict[str, Any], name: str) -> str | None:
    return next((v for key, v in mail["headers"].items() if key.lower() == name), None)


def rfp(number: int, **more: Any) -> dict[str, Any]:
    return {"type": "rfp.created", "data": {"number": number}, **more}


def test_every_delivery_has_its_place_in_the_sequence(
    engine: Engine, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm"))
    publish(ada, *(rfp(number) for number in range(5)))
    until(lambda: [d["state"] for d in deliveries(ada, webhook)] == ["delivered"] * 5)
    filled = deliveries(ada, webhook, "?after=2")
    assert [d["sequence"] for d in filled] == [3, 4, 5]
    path = f"/webhooks/{webhook['id']}/deliveries"
    first = ada.get(f"{path}?after=1&limit=3")
    assert [d["sequence"] for d in first.json["items"]] == [2, 3, 4]
    onward = first.headers["Link"].partition("?")[2].partition(">")[0]
    rest = ada.get(f"{path}?{onward}")
    assert [d["sequence"] for d in rest.json["items"]] == [5]
    assert rest.json["next_cursor"] is None
    listed = ada.get(f"{path}?limit=1").json["next_cursor"]
    for foreign in ("nonsense", listed):
        refused = ada.get(f"{path}?after=1&cursor={foreign}")
        assert (refused.status_code, refused.json["errors"][0]["field"]) == (400, "cursor")
    sent = {header(m, "cpod-sequence") for m in receiver.mail("crm")}
    assert sent == {"1", "2", "3", "4", "5"}
    [one] = deliveries(ada, webhook, f"?event_id={filled[0]['event_id']}")
    whole = ada.get(f"/deliveries/{one['id']}").json
    assert [a["outcome"] for a in whole["attempt_list"]] == ["delivered"]


def test_an_attempt_shows_the_body_exactly_as_it_left(
    engine: Engine, ada: Api, make: Make, receiver: Receiver, database: Database
) -> None:
    webhook = make(receiver.hook("crm"))
    times = (
        "2000-12-31T23:59:59.999999Z",
        "2026-01-02T03:04:05.6789+05:30",
        "2030-12-31T23:59:59.0009Z",
        "2026-01-02T03:04:05Z",
    )
    data = {"ü ✓": '"\\/\t', "deep": [{"b": 1.50, "a": [None, True, 1e300, 2**60]}], "": {}}
    publish(ada, *({**rfp(n), "data": data, "occurred_at": at} for n, at in enumerate(times)))
    sent = until(lambda: m if len(m := receiver.mail("crm")) == len(times) else None)
    until(lambda: [d["state"] for d in deliveries(ada, webhook)] == ["delivered"] * len(times))
    shown = {
        attempt["id"]: attempt
        for one in deliveries(ada, webhook)
        for attempt in ada.get(f"/deliveries/{one['id']}").json["attempt_list"]
    }.values()
    assert sorted(attempt["request_body"] for attempt in shown) == sorted(m["body"] for m in sent)
    assert all(one["request_body"] in one["signed_content"] for one in shown)
    kept = "SELECT sum(length(request_body)) FROM delivery_attempt"
    assert database.sql(kept) == 0, "it is kept once, with the event"


def test_an_own_id_publishes_once(ada: Api, make: Make, receiver: Receiver) -> None:
    webhook = make(receiver.hook("crm"))
    [first, twin] = publish(ada, rfp(1, id="order-1"), rfp(1, id="order-1"))
    [again] = publish(ada, rfp(1, id="order-1"))
    assert {first["id"]} == {twin["id"], again["id"]}
    assert [one["duplicate"] for one in (first, twin, again)] == [False, True, True]
    assert len(deliveries(ada, webhook)) == 1


def test_a_failure_is_tried_again_later(
    engine: Engine, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm", "?status=500"))
    publish(ada, rfp(1))
    [one] = until(lambda: [d for d in deliveries(ada, webhook) if d["state"] == "retrying"])
    assert (one["attempts"], one["outcome"], one["status"]) == (1, "http_error", 500)
    assert one["next_attempt_at"] is not None
    shown = ada.get(f"/webhooks/{webhook['id']}").json
    assert (shown["consecutive_failures"], shown["last_delivery_status"]) == (1, "http_error")


def test_a_key_that_the_receiver_answers_with_is_masked(
    engine: Engine, ada: Api, make: Make, browse: Callable[..., Pages]
) -> None:
    raw = ada.create("api-keys", scopes=["audit:read"])["key"]
    head = f"HTTP/1.1 500 No\r\nX-Seen: {raw}\r\nContent-Length: {len(raw)}\r\n\r\n"
    with behaving(answers(head.encode(), raw.encode())) as url:
        webhook = make(url)
        publish(ada, rfp(1))
        [one] = until(lambda: [d for d in deliveries(ada, webhook) if d["state"] == "retrying"])
    [attempt] = ada.get(f"/deliveries/{one['id']}").json["attempt_list"]
    assert attempt["response_body"] == masked(raw)
    assert masked(raw) in dict(attempt["response_headers"]).values()
    page = browse(ADA).get(f"/deliveries/{one['id']}").text
    assert masked(raw) in page
    assert raw not in page


LOCK = "UPDATE data_key SET store_key_id = reverse(store_key_id)"
TRIED_AT_ONCE = """
SELECT 1 FROM delivery d JOIN endpoint e USING (tenant_id, webhook_id)
WHERE d.state <> 'retrying' OR (d.due_at <= now() AND e.not_before IS NULL)
"""
DAMAGE = r"UPDATE secret_version SET ciphertext = ciphertext || '\x00'::bytea"


def test_an_outage_of_the_secret_store_takes_no_attempts(
    engine: Engine,
    database: Database,
    ada: Api,
    browse: Callable[..., Pages],
    make: Make,
    receiver: Receiver,
) -> None:
    retries = {"maxAttempts": 2, "backoff": "fixed"}
    webhook = make(receiver.hook("crm", "?status=500"), retry_policy=retries)
    rows(database, LOCK)
    publish(ada, rfp(1))
    for claims in (1, 2, 3):
        until(lambda claims=claims: rows(database, NOT_BEGUN, claims))
        if claims < 3:
            rows(database, "UPDATE delivery SET due_at = now()")
    [one] = deliveries(ada, webhook)
    assert (one["state"], one["attempts"]) == ("retrying", 0)
    page = browse(ADA)
    said = "The first attempt could not be made: the health of its webhook says why."
    assert said in page.get(f"/deliveries/{one['id']}").text
    shown = ada.get(f"/webhooks/{webhook['id']}").json
    assert (shown["last_delivery_status"], shown["last_delivery_at"]) == (
        "cancelled",
        None,
    )
    said = "Nothing is sent: its signing secret cannot be read."
    assert said in page.get(f"/webhooks/{webhook['id']}").text
    rows(database, LOCK)
    for attempt, state in ((1, "retrying"), (2, "failed")):
        rows(database, "UPDATE delivery SET due_at = now()")
        until(lambda n=attempt: len(receiver.mail("crm")) == n)
        until(lambda wanted=state: [d["state"] for d in deliveries(ada, webhook)] == [wanted])
    assert [header(mail, "cpod-attempt") for mail in receiver.mail("crm")] == ["2", "1"]


@pytest.mark.parametrize("ordered", [False, True], ids=["in any order", "ordered"])
@pytest.mark.parametrize("loss", ["DELETE FROM secret", DAMAGE], ids=["gone", "damaged"])
def test_a_webhook_whose_secret_is_lost_says_so_until_it_is_rotated(
    engine: Engine,
    database: Database,
    ada: Api,
    browse: Callable[..., Pages],
    make: Make,
    receiver: Receiver,
    loss: str,
    ordered: bool,
) -> None:
    webhook = make(receiver.hook("crm"), ordered=ordered)
    rows(database, loss)
    publish(ada, rfp(1))
    path, page = f"/webhooks/{webhook['id']}", browse(ADA)
    until(lambda: (ada.get(path).json or {})["last_delivery_status"] == "cancelled")
    text = re.sub(r"<[^>]+>", "", page.get(path).text)
    said = "Nothing is sent: its signing secret is gone or damaged.\nRotate the secret."
    assert said in text
    assert ada.post(f"{path}/secret-rotations").status_code in (200, 201)
    assert rows(database, TRIED_AT_ONCE)
    until(lambda: len(receiver.mail("crm")) == 1)
    until(lambda: "Works: the last delivery arrived." in page.get(path).text)


def test_an_event_erased_before_it_was_sent_says_nothing_of_the_receiver(
    engine: Engine,
    database: Database,
    ada: Api,
    browse: Callable[..., Pages],
    make: Make,
    receiver: Receiver,
) -> None:
    webhook = make(receiver.hook("crm", "?status=500"))
    publish(ada, rfp(1))
    until(lambda: [d for d in deliveries(ada, webhook) if d["state"] == "retrying"])
    before = ada.get(f"/webhooks/{webhook['id']}").json
    rows(database, "DELETE FROM event")
    rows(database, "UPDATE delivery SET due_at = now()")
    [one] = until(lambda: [d for d in deliveries(ada, webhook) if d["state"] == "failed"])
    assert one["attempts"] == 1
    after = ada.get(f"/webhooks/{webhook['id']}").json
    for name in ("last_delivery_status", "last_delivery_at", "consecutive_failures", "version"):
        assert after[name] == before[name], name


def test_what_happens_during_a_pause_is_held_and_then_sent(
    engine: Engine, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm"))
    path = f"/webhooks/{webhook['id']}"
    assert ada.post(f"{path}/pause").json["pause_reason"] == "by_hand"
    publish(ada, rfp(1, subject="a"), rfp(2, subject="a"), rfp(3, subject="b"))
    assert {d["state"] for d in deliveries(ada, webhook)} == {"held"}
    assert ada.get(f"{path}/backlog").json["held"] == 3
    resumed = ada.post(f"{path}/resume", {"choice": "newest_per_subject"})
    assert resumed.json["paused_at"] is None, resumed.text
    mail = until(lambda: m if len(m := receiver.mail("crm")) == 2 else None)
    assert {m["body"].count('"number": 1}') for m in mail} == {0}
    wanted = ["cancelled", "delivered", "delivered"]
    until(lambda: sorted(d["state"] for d in deliveries(ada, webhook)) == wanted)


def test_gone_pauses_and_keeps_the_event(
    engine: Engine, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm", "?status=410"))
    publish(ada, rfp(1))
    shown = until(
        lambda: w if (w := ada.get(f"/webhooks/{webhook['id']}").json)["paused_at"] else None
    )
    assert shown["pause_reason"] == "gone"
    until(lambda: [d["state"] for d in deliveries(ada, webhook)] == ["held"])


def test_once_more_has_the_same_id(
    engine: Engine, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm"))
    publish(ada, rfp(1))
    [one] = until(lambda: [d for d in deliveries(ada, webhook) if d["state"] == "delivered"])
    assert ada.post(f"/deliveries/{one['id']}/redeliveries").status_code == 201
    mail = until(lambda: m if len(m := receiver.mail("crm")) == 2 else None)
    assert len({header(m, "webhook-id") for m in mail}) == 1
    assert [header(m, "webhook-replay") for m in mail] == ["true", None]


def test_the_last_events_tell_what_a_filter_would_match(ada: Api, make: Make) -> None:
    webhook = make("https://hooks.example.com/", filter={"number": 1})
    publish(ada, *(rfp(number) for number in range(4)), {"type": "bid.created"})
    found = ada.post(
        "/webhooks/filter-tests",
        {
            "webhook_id": webhook["id"],
            "event_types": ["rfp.*"],
            "filter": {"number": [2, 3]},
        },
    )
    assert found.json.items() >= {"events": 5, "matched": 2, "new": 2, "lost": 1}.items()
    [event] = ada.get("/events?type=bid.created").json["items"]
    [match] = ada.get(f"/events/{event['id']}").json["matches"]
    assert (match["matched"], match["reason"]) == (
        False,
        "It does not subscribe to bid.created.",
    )


def test_a_filter_test_knows_that_a_disabled_webhook_gets_nothing(ada: Api, make: Make) -> None:
    webhook = make("https://hooks.example.com/", event_types=["rfp.*"], enabled=False)
    [event] = publish(ada, rfp(1))
    assert event["deliveries"] == 0
    found = ada.post(
        "/webhooks/filter-tests", {"webhook_id": webhook["id"], "event_types": ["rfp.*"]}
    )
    assert found.json.items() >= {"matched": 1, "new": 1, "lost": 0}.items()


def test_the_portals_own_events_go_to_who_wants_them(
    engine: Engine, ada: Api, make: Make, receiver: Receiver
) -> None:
    ada.create("applications", display_name="Before")
    make(receiver.hook("ops"), event_types=["application.*"])
    made = ada.create("applications", display_name="After")
    [mail] = until(lambda: receiver.mail("ops"))
    assert mail["type"] == "application.created"
    assert made["id"] in mail["body"]


def window() -> dict[str, str]:
    return {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z"}


def test_what_was_missed_is_replayed(
    engine: Engine, ada: Api, make: Make, receiver: Receiver
) -> None:
    publish(ada, rfp(1), rfp(2), rfp(3, subject="x"), {"type": "bid.created"})
    webhook = make(receiver.hook("late"), filter={"number": [2, 3, True]})
    path = f"/webhooks/{webhook['id']}/replays"
    asked = {**window(), "what": "missing"}
    seen = ada.post(path, {**asked, "dry_run": True})
    assert (seen.status_code, seen.json["total"]) == (200, 2), seen.text
    begun = ada.post(path, {**asked, "rate": 100})
    assert begun.status_code == 201, begun.text
    until(lambda: len(receiver.mail("late")) == 2)
    assert {header(m, "webhook-replay") for m in receiver.mail("late")} == {"true"}
    shown = f"/replays/{begun.json['id']}"
    until(lambda: ada.get(shown).json["counts"] == {"delivered": 2})
    assert ada.post(path, asked).status_code == 409, "nothing is missing any more"


def test_two_replays_at_once_send_what_is_missing_once(
    database: Database, api: Callable[..., Api], ada: Api, make: Make
) -> None:
    publish(ada, *(rfp(number) for number in range(3)))
    webhook = make("https://hooks.example/late")
    path, asked = f"/webhooks/{webhook['id']}/replays", {**window(), "what": "missing"}
    statuses: list[int] = []

    def replay(caller: Api) -> None:
        statuses.append(caller.post(path, asked).status_code)

    with psycopg.connect(libpq_url(database.superuser_url)) as holder:
        # Both have begun, and neither can store its replay.
        holder.execute("LOCK TABLE webhook_replay IN SHARE ROW EXCLUSIVE MODE")
        threads = [Thread(target=replay, args=(api(ADA),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        until(lambda: database.sql(WAITING_FOR_A_LOCK) == 2)
    for thread in threads:
        thread.join(40)
    assert sorted(statuses) == [201, 409]
    assert len(deliveries(ada, webhook)) == 3


def test_a_replay_counts_the_events_that_come_while_it_begins(
    database: Database,
    api: Callable[..., Api],
    ada: Api,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its period reaches into the future."""
    monkeypatch.setattr(replays, "MOST", 2)
    publish(ada, rfp(1))
    webhook = make("https://hooks.example/late")
    path, asked = f"/webhooks/{webhook['id']}/replays", {**window(), "what": "all"}

    def begin() -> TestResponse:
        with (
            ThreadPoolExecutor(1) as pool,
            psycopg.connect(libpq_url(database.superuser_url)) as holder,
        ):
            holder.execute("LOCK TABLE webhook_replay IN SHARE ROW EXCLUSIVE MODE")
            begun = pool.submit(api(ADA).post, path, asked)
            until(lambda: database.sql(WAITING_FOR_A_LOCK) == 1)
            publish(ada, rfp(2))
            holder.commit()
            return begun.result(40)

    begun = begin().json
    assert (begun["total"], sum(begun["counts"].values())) == (2, 2)
    assert begin().status_code == 422, "three are more than one replay sends"
    assert [one["id"] for one in ada.get(path).json["items"]] == [begun["id"]]


def test_a_replay_that_begins_delays_no_attempt_of_its_webhook(
    database: Database, api: Callable[..., Api], ada: Api, make: Make
) -> None:
    publish(ada, rfp(1))
    webhook = make("https://hooks.example/late")
    path, asked = f"/webhooks/{webhook['id']}/replays", {**window(), "what": "missing"}
    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(libpq_url(database.superuser_url)) as holder:
            holder.execute("LOCK TABLE webhook_replay IN SHARE ROW EXCLUSIVE MODE")
            begun = pool.submit(api(ADA).post, path, asked)
            until(lambda: database.sql(WAITING_FOR_A_LOCK) == 1)
            database.sql("SELECT FROM webhook FOR NO KEY UPDATE NOWAIT")  # as `record_attempts`
        assert begun.result().status_code == 201, begun.result().text


def test_a_cancelled_replay_sends_nothing_more(ada: Api, make: Make, receiver: Receiver) -> None:
    publish(ada, *(rfp(number) for number in range(5)))
    webhook = make(receiver.hook("late"))
    asked = {**window(), "what": "all", "rate": 1}
    begun = ada.post(f"/webhooks/{webhook['id']}/replays", asked).json
    stopped = ada.post(f"/replays/{begun['id']}/cancellations").json
    assert stopped["counts"] == {"cancelled": 5}
    assert stopped["cancelled_at"] is not None


def test_a_cancelled_replay_does_not_retry_what_was_in_flight(
    app: Flask, ada: Api, make: Make
) -> None:
    publish(ada, rfp(1))
    gate = Gate(answer=b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    with sinks(gate.behave) as [port]:
        webhook = make(f"http://127.0.0.1:{port}/")
        with delivering(app):
            begun = ada.post(f"/webhooks/{webhook['id']}/replays", {**window(), "what": "all"})
            until(lambda: gate.waiting)
            stopped = ada.post(f"/replays/{begun.json['id']}/cancellations").json
            assert stopped["counts"] == {"in_flight": 1}
            gate.open()
            until(lambda: deliveries(ada, webhook)[0]["state"] != "in_flight")
    [ended] = deliveries(ada, webhook)
    assert (ended["state"], ended["attempts"]) == ("cancelled", 1)
    assert ended["completed_at"] is not None
    asked = {**window(), "dry_run": True}
    for what, total in (("missing", 1), ("failed", 0)):
        seen = ada.post(f"/webhooks/{webhook['id']}/replays", {**asked, "what": what})
        assert seen.json["total"] == total, what


def test_a_cancelled_replay_is_not_sent_again_when_its_lease_runs_out(
    app: Flask, database: Database, ada: Api, make: Make, receiver: Receiver
) -> None:
    publish(ada, rfp(1))
    webhook = make(receiver.hook("late"))
    begun = ada.post(f"/webhooks/{webhook['id']}/replays", {**window(), "what": "all"}).json
    database.sql("UPDATE delivery SET state = 'in_flight', attempts = 1, token = 1, due_at = now()")
    ada.post(f"/replays/{begun['id']}/cancellations")
    with delivering(app):
        until(lambda: deliveries(ada, webhook)[0]["state"] != "in_flight")
    [ended] = deliveries(ada, webhook)
    assert (ended["state"], ended["attempts"]) == ("cancelled", 1)
    assert not receiver.mail("late")


@pytest.mark.parametrize("what", ["failed", "missing"])
def test_a_cancelled_replay_leaves_what_it_did_not_send_to_the_next_one(
    what: str, app: Flask, ada: Api, make: Make, receiver: Receiver
) -> None:
    failing = {"url": receiver.hook("crm", "?status=500"), "retry_policy": {"maxAttempts": 1}}
    if what == "failed":
        webhook = make(**failing)
        with delivering(app):
            publish(ada, rfp(1))
            until(lambda: [d for d in deliveries(ada, webhook) if d["state"] == "failed"])
    else:
        publish(ada, rfp(1))
        webhook = make(**failing)
    path = f"/webhooks/{webhook['id']}/replays"
    asked = {**window(), "what": what}
    begun = ada.post(path, asked)
    assert begun.status_code == 201, begun.text
    assert ada.post(path, {**asked, "dry_run": True}).json["total"] == 0, "it is on its way"
    ada.post(f"/replays/{begun.json['id']}/cancellations")
    assert ada.post(path, {**asked, "dry_run": True}).json["total"] == 1


def test_readers_do_not_see_the_fields_that_a_tenant_hides(
    engine: Engine, ada: Api, vic: Api, make: Make, receiver: Receiver
) -> None:
    settings = {"retention_days": 7, "redacted_fields": ["email"], "key_material": "mask"}
    assert ada.call("PUT", "/event-settings", json=settings).json == settings
    webhook = make(receiver.hook("crm"))
    data = {"who": {"email": "ann@example.com", "city": "Bonn"}}
    publish(ada, {"type": "rfp.created", "data": data})
    [one] = until(lambda: [d for d in deliveries(ada, webhook) if d["state"] == "delivered"])
    paths = (f"/events/{one['event_id']}", f"/deliveries/{one['id']}")
    assert [("ann@" in ada.get(path).text, "Bonn" in ada.get(path).text) for path in paths] == [
        (True, True)
    ] * 2
    assert [("ann@" in vic.get(path).text, "•••" in vic.get(path).text) for path in paths] == [
        (False, True)
    ] * 2


def test_readers_do_not_see_a_hidden_field_that_is_a_header_of_an_answer(
    engine: Engine, ada: Api, vic: Api, make: Make, receiver: Receiver, database: Database
) -> None:
    ada.call("PUT", "/event-settings", json={"retention_days": 7, "redacted_fields": ["email"]})
    webhook = make(receiver.hook("crm"))
    publish(ada, {"type": "rfp.created", "data": {}})
    [one] = until(lambda: [d for d in deliveries(ada, webhook) if d["state"] == "delivered"])
    headers = json.dumps([["Email", "ann@example.com"], ["X-City", "Bonn"]])
    database.sql("UPDATE delivery_attempt SET response_headers = %s", headers)
    shown = vic.get(f"/deliveries/{one['id']}").text
    assert ("ann@" in shown, "Bonn" in shown) == (False, True)
    assert "ann@" in ada.get(f"/deliveries/{one['id']}").text


@pytest.mark.parametrize("depth", [300, 1000])
def test_readers_do_not_see_an_answer_that_is_nested_too_deeply_to_hide_fields_in_it(
    engine: Engine, ada: Api, vic: Api, make: Make, receiver: Receiver, database: Database,
    depth: int,
) -> None:  # fmt: skip
    ada.call("PUT", "/event-settings", json={"retention_days": 7, "redacted_fields": ["email"]})
    webhook = make(receiver.hook("crm"))
    publish(ada, {"type": "rfp.created", "data": {}})
    [one] = until(lambda: [d for d in deliveries(ada, webhook) if d["state"] == "delivered"])
    database.sql("UPDATE delivery_attempt SET response_body = %s", "[" * depth + "]" * depth)
    answer = vic.get(f"/deliveries/{one['id']}")
    assert answer.status_code == 200, answer.text
    assert "[[[" in ada.get(f"/deliveries/{one['id']}").text
    assert "[[[" not in answer.text


EVENTS = """
    INSERT INTO event (tenant_id, id, type, data, actor_id, actor_name)
    SELECT %s, ulid_floor('evt', now()) || lpad(n::text, 16, '0'), 'rfp.created', '{}', 'a', 'A'
    FROM generate_series(%s::int, %s) AS n
"""
DELIVERIES = """
    INSERT INTO delivery (tenant_id, webhook_id, id, event_id, event_type)
    SELECT %s, %s, 'dlv' || substr(id, 4), id, type FROM event ON CONFLICT DO NOTHING
"""


def test_what_a_lease_reads_does_not_grow_with_the_day(
    database: Database, ada: Api, make: Make
) -> None:
    """Lease one of ten deliveries, then one of two thousand, with plans of an empty day."""
    webhook = make("https://hooks.example.com/")
    with (
        without_autovacuum(database, "event, delivery"),
        psycopg.connect(libpq_url(database.app_url), autocommit=True) as connection,
    ):
        for name, value in pipeline.PLANNING.items():
            connection.execute(f"SET {name} = {value}")
        connection.execute(
            "INSERT INTO delivery_worker (number, alive_until) VALUES (77, now() + '1 hour')"
        )
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", (ACME,))
        lease_of_one(connection, webhook["id"])
        connection.execute("SELECT * FROM lease_deliveries(77, '{dlv_0}', 90, '{}', '{}')")

        def read_on_a_day_of(first: int, last: int) -> int:
            rows(database, EVENTS, ACME, first, last)
            rows(database, DELIVERIES, ACME, webhook["id"])
            lease_of_one(connection, webhook["id"])  # it may have to read the catalog once more
            # Again if meanwhile other tests changed the catalog, which is then read as well.
            leases = [lease_of_one(connection, webhook["id"]) for _ in range(3)]
            assert {one["Actual Rows"] for one in leases} == {1}
            return min(one["Shared Hit Blocks"] + one["Shared Read Blocks"] for one in leases)

        small_day = read_on_a_day_of(1, 10)  # also what other tests left in other tables
        assert read_on_a_day_of(11, 2000) < small_day + 75


@contextmanager
def without_autovacuum(database: Database, tables: str) -> Iterator[None]:
    """Empty tables, and keep autovacuum from having their statements planned anew."""
    with psycopg.connect(libpq_url(database.superuser_url)) as guard:
        guard.execute(f"TRUNCATE {tables} CASCADE")  # forgets that they have been analysed
        guard.commit()
        guard.execute(f"LOCK TABLE {tables} IN SHARE UPDATE EXCLUSIVE MODE")
        yield


def lease_of_one(connection: psycopg.Connection, webhook_id: str) -> dict[str, Any]:
    """Lease one delivery of a webhook and return how PostgreSQL did it."""
    values = {
        "tenant": ACME, "worker": 77, "webhooks": [webhook_id], "rooms": [1], "first": "dlv_0",
        "last": "dlv_Z", "ramp": 1.0, "lease": 90.0,
    }  # fmt: skip
    explain = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
    [(said,)] = connection.execute(f"{explain} {new_deliveries.LEASE}", values).fetchall()
    found: dict[str, Any] = said[0]["Plan"]
    return found
