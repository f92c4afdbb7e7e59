"""Test the test delivery: one real signed request, and an accurate report of its outcome."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from flask import Flask
from standardwebhooks import Webhook as Verifier

from portal.core.config import Config, libpq_url
from portal.core.key_shape import masked
from portal.outbound.client import OF_ONE_TENANT
from tests.cast import ADA, Api, Pages
from tests.databases import Database
from tests.front.kit import until
from tests.outbound.sink import Behaviour, answers, sink
from tests.webhooks.conftest import Make, Receiver, Watcher

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
EVENT = {"event_type": "rfp.created", "data": {"rfp_id": "rfp_1", "title": "Größe"}}


def fire(api: Api, webhook: dict[str, Any], body: Any = None, **options: Any) -> Any:
    return api.post(f"/webhooks/{webhook['id']}/test-deliveries", body or EVENT, **options)


def fired(api: Api, webhook: dict[str, Any], body: Any = None) -> dict[str, Any]:
    answer = fire(api, webhook, body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def test_the_signed_event_arrives_and_the_official_verifier_accepts_it(
    ada: Api, make: Make, receiver: Receiver
) -> None:
    made = make(receiver.hook("crm"), headers={"X-Team": "sales"})
    receiver.learn("crm", made["signing_secret"])
    attempt = fired(ada, made)
    [mail] = receiver.mail("crm")
    assert mail["verified"] is True
    event = Verifier(made["signing_secret"]).verify(mail["body"], mail["headers"])
    assert event["type"] == "rfp.created"
    assert event["data"] == EVENT["data"]
    assert event["timestamp"].endswith("+00:00")
    assert mail["headers"]["x-team"] == "sales"
    assert mail["headers"]["user-agent"] == "cPod-Webhooks/1.0"
    assert mail["headers"]["webhook-id"] == attempt["id"]
    sent = dict(attempt["request_headers"])
    assert sent == {name: mail["headers"][name.lower()] for name in sent}
    assert attempt["request_body"] == mail["body"]
    signed = f"{attempt['id']}.{sent['webhook-timestamp']}.{mail['body']}"
    assert attempt["signed_content"] == signed


def test_the_attempt_is_kept_with_what_came_back(ada: Api, make: Make, receiver: Receiver) -> None:
    made = make(receiver.hook("crm"))
    answer = fire(ada, made)
    attempt = answer.json
    assert attempt["outcome"] == "delivered"
    assert attempt["status"] == 200
    assert attempt["explanation"] == "The receiver answered 200."
    assert json.loads(attempt["response_body"]) == {"received": 1}
    assert attempt["timings"]["total_ms"] >= attempt["timings"]["wait_ms"] > 0
    assert attempt["address"] == "127.0.0.1"
    assert attempt["signed_with"] == made["secret_fingerprint"]
    assert attempt["actor_name"] == "Ada Almeida"
    assert attempt["completed_at"] is not None
    path = f"/webhooks/{made['id']}/test-deliveries"
    assert answer.headers["Location"].endswith(f"{path}/{attempt['id']}")
    assert ada.get(f"{path}/{attempt['id']}").json == attempt
    assert (ada.get(path).json or {})["items"] == [attempt]
    webhook = ada.get(f"/webhooks/{made['id']}").json or {}
    assert webhook["last_delivery_status"] == "delivered"
    assert webhook["last_delivery_at"] == attempt["completed_at"]
    unchanged = ("version", "updated_at", "consecutive_failures")
    assert [webhook[name] for name in unchanged] == [made[name] for name in unchanged]
    entry = (ada.get(f"/webhooks/{made['id']}/history").json or {})["items"][0]
    assert entry["action"] == "webhook.tested"
    assert entry["changes"]["outcome"] == [None, "delivered"]


@contextmanager
def behaving(behaviour: Behaviour) -> Iterator[str]:
    """Yield the URL of a server with this behaviour, which runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    started: list[int] = []
    ready, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with sink(behaviour) as port:
            started.append(port)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    try:
        yield f"http://127.0.0.1:{started[0]}/"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_closed_port_is_said_in_plain_words(ada: Api, make: Make) -> None:
    made = make(f"http://127.0.0.1:{free_port()}/")
    attempt = fired(ada, made)
    assert (attempt["outcome"], attempt["status"]) == ("refused", None)
    assert "refused the connection" in attempt["explanation"]
    assert attempt["remedy"]
    webhook = ada.get(f"/webhooks/{made['id']}").json or {}
    assert (webhook["last_delivery_status"], webhook["consecutive_failures"]) == ("refused", 0)


@pytest.mark.parametrize(
    ("query", "outcome", "status", "said"),
    [
        ("?status=302&location=http://127.0.0.1/", "redirect", 302, "not followed"),
        ("?status=500", "http_error", 500, "answered 500"),
        ("?status=410", "http_error", 410, "answered 410"),
        ("?delay=1.5", "timeout", None, "did not answer in time"),
    ],
)
def test_a_receiver_that_does_not_take_it_is_told_apart(
    query: str, outcome: str, status: int | None, said: str, ada: Api, make: Make,
    receiver: Receiver,
) -> None:  # fmt: skip
    made = make(receiver.hook("crm", query), retry_policy={"timeoutMs": 1000})
    attempt = fired(ada, made)
    assert (attempt["outcome"], attempt["status"]) == (outcome, status)
    assert said in attempt["explanation"]
    assert len(receiver.mail("crm")) == 1, "a redirect is not followed, a test not repeated"


@pytest.mark.parametrize(
    ("pieces", "outcome"),
    [
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"], "protocol_error"),
        ([b"SSH-2.0-OpenSSH_9.6\r\n"], "protocol_error"),
        ([b""], "reset"),
        ([b"HTTP/1.1 200 OK\r\nx: " + b"y" * 20_000 + b"\r\n\r\n"], "too_large"),
    ],
)
def test_a_broken_receiver_is_an_outcome_and_never_our_error(
    pieces: list[bytes], outcome: str, ada: Api, make: Make
) -> None:
    with behaving(answers(*pieces)) as url:
        assert fired(ada, make(url))["outcome"] == outcome


def test_a_long_answer_is_kept_in_part_and_what_no_database_takes_is_replaced(
    ada: Api, make: Make
) -> None:
    body = b"\x00\xff" + b"x" * 40_000
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with behaving(answers(head + body)) as url:
        attempt = fired(ada, make(url))
    assert attempt["outcome"] == "delivered"
    assert attempt["response_truncated"] is True
    assert attempt["response_body"].startswith("\ufffd\ufffdxxx")
    assert len(attempt["response_body"]) == 16 * 1024


def test_a_key_that_the_receiver_answers_with_is_masked(ada: Api, make: Make) -> None:
    raw = ada.create("api-keys", scopes=["audit:read"])["key"]
    head = f"HTTP/1.1 500 No\r\nX-Seen: {raw}\r\nContent-Length: {len(raw)}\r\n\r\n"
    with behaving(answers(head.encode(), raw.encode())) as url:
        attempt = fired(ada, make(url))
    assert attempt["response_body"] == masked(raw)
    assert masked(raw) in dict(attempt["response_headers"]).values()


def test_an_address_that_is_no_longer_allowed_is_not_called(
    ada: Api, make: Make, receiver: Receiver, app: Flask, config: Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made = make(receiver.hook("crm"))
    monkeypatch.setitem(app.extensions, "portal", config.model_copy(update={"outbound_allow": ()}))
    attempt = fired(ada, made)
    assert attempt["outcome"] == "forbidden_address"
    assert "127" not in attempt["explanation"] + attempt["remedy"]
    assert attempt["address"] is None
    assert receiver.mail("crm") == []


def test_during_a_rotation_both_secrets_verify(ada: Api, make: Make, receiver: Receiver) -> None:
    made = make(receiver.hook("crm"))
    turned = ada.post(f"/webhooks/{made['id']}/secret-rotations").json or {}
    attempt = fired(ada, made)
    [mail] = receiver.mail("crm")
    assert len(mail["headers"]["webhook-signature"].split()) == 2
    for secret in (made["signing_secret"], turned["signing_secret"]):
        Verifier(secret).verify(mail["body"], mail["headers"])
    assert attempt["signed_with"] == turned["secret_fingerprint"]


def test_after_the_overlap_only_the_new_secret_signs(
    ada: Api, make: Make, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from portal.webhooks import keyring

    made = make(receiver.hook("crm"))
    monkeypatch.setattr(keyring, "OVERLAP", timedelta(0))
    ada.post(f"/webhooks/{made['id']}/secret-rotations")
    fired(ada, made)
    [mail] = receiver.mail("crm")
    assert len(mail["headers"]["webhook-signature"].split()) == 1


def test_a_webhook_that_is_off_can_be_tested(ada: Api, make: Make, receiver: Receiver) -> None:
    assert fired(ada, make(receiver.hook("crm"), enabled=False))["outcome"] == "delivered"


def test_there_must_be_somewhere_to_send_to(ada: Api, make: Make) -> None:
    inbound = fire(ada, make(None, direction="inbound"))
    nowhere = fire(ada, make(None))
    assert [inbound.status_code, nowhere.status_code] == [409, 409]
    assert "inbound" in inbound.json["detail"]
    assert "no target URL" in nowhere.json["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "event_type"),
        ({"event_type": "rfp.*"}, "event_type"),
        ({"event_type": "*"}, "event_type"),
        ({"event_type": "a b"}, "event_type"),
        ({"event_type": "x" * 129}, "event_type"),
        ({"event_type": "rfp.created", "data": []}, "data"),
        ({"event_type": "rfp.created", "data": {"x": "y" * 20_000}}, "data"),
        ({"event_type": "rfp.created", "url": "https://x.example"}, "url"),
    ],
)
def test_a_test_that_cannot_be_sent_is_refused_by_field(
    body: dict[str, Any], field: str, ada: Api, make: Make
) -> None:
    made = make("https://hooks.example.com/")
    answer = ada.post(f"/webhooks/{made['id']}/test-deliveries", body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert (ada.get(f"/webhooks/{made['id']}/test-deliveries").json or {})["items"] == []


def test_of_a_tenant_only_some_tests_are_on_their_way_at_a_time(
    ada: Api, gus: Api, browse: Callable[[str], Pages], make: Make, receiver: Receiver
) -> None:
    with (
        ThreadPoolExecutor(OF_ONE_TENANT) as callers,
        socket.create_server(("127.0.0.1", 0)) as silent,
    ):
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        made = make(url, retry_policy={"timeoutMs": 30_000})
        sent = [callers.submit(fire, ada, made) for _ in range(OF_ONE_TENANT)]
        place = f"/webhooks/{made['id']}/test-deliveries"
        until(lambda: len((ada.get(place).json or {})["items"]) == OF_ONE_TENANT)
        said = "2 requests of your tenant still wait for the answer of another system."
        answer = fire(ada, made)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
        assert answer.json["detail"].startswith(said)
        page = browse(ADA).post(place, {"event_type": "rfp.created", "data": "{}"}, headers=HTMX)
        assert page.status_code == 429
        assert said in page.text
        other = {"name": "Other", "url": receiver.hook("other"), "event_types": ["rfp.*"]}
        assert fire(gus, gus.create("webhooks", **other)).status_code == 201
        silent.close()
        assert [one.result().status_code for one in sent] == [201, 201]
    assert len((ada.get(place).json or {})["items"]) == OF_ONE_TENANT, "nothing else was sent"
    assert fire(ada, make(receiver.hook("crm"))).status_code == 201, "each turn is given back"


def test_tests_are_limited_by_the_minute(ada: Api, make: Make, receiver: Receiver) -> None:
    made = make(receiver.hook("crm"))
    for _ in range(10):
        assert fire(ada, made).status_code == 201
    answer = fire(ada, made)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert len(receiver.mail("crm")) == 10
    assert fire(ada, make(receiver.hook("other"))).status_code == 201


# ---------------------------------------------------------------- while the request is in flight


def test_no_transaction_is_open_while_the_receiver_takes_its_time(
    ada: Api, make: Make, watcher: Watcher, watched: str, database: Database
) -> None:
    seen: list[Any] = []

    def look() -> None:
        with psycopg.connect(libpq_url(database.superuser_url)) as connection:
            seen.extend(
                connection.execute(
                    "SELECT state, query FROM pg_stat_activity WHERE datname = %s"
                    " AND usename = 'portal_app' AND state <> 'idle'",
                    [database.name],
                )
            )
            seen.append(connection.execute("SELECT outcome FROM delivery_attempt").fetchall())

    watcher.while_waiting = look
    made = make(watched)
    assert fired(ada, made, EVENT)["outcome"] == "delivered"
    assert seen == [[("sending",)]], "the attempt is there before its outcome"


def test_a_webhook_deleted_meanwhile_keeps_its_attempt(
    ada: Api, make: Make, watcher: Watcher, watched: str
) -> None:
    made = make(watched)
    statuses: list[int] = []
    watcher.while_waiting = lambda: statuses.append(
        in_a_thread(lambda: ada.delete(f"/webhooks/{made['id']}").status_code)
    )
    attempt = fired(ada, made)
    assert statuses == [204]
    assert attempt["outcome"] == "delivered"
    path = f"/webhooks/{made['id']}"
    assert ada.get(path).status_code == 404
    kept = ada.get(f"{path}/test-deliveries").json or {}
    assert [item["id"] for item in kept["items"]] == [attempt["id"]]


def in_a_thread(work: Any) -> Any:
    """Run `work` in a thread, outside the context of the running request, and return its result."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_a_retried_call_sends_once(ada: Api, make: Make, watcher: Watcher, watched: str) -> None:
    made, key = make(watched), {"Idempotency-Key": "test-1"}
    meanwhile: list[int] = []
    watcher.while_waiting = lambda: meanwhile.append(
        in_a_thread(lambda: fire(ada, made, headers=key).status_code)
    )
    first = fire(ada, made, headers=key)
    again = fire(ada, made, headers=key)
    assert meanwhile == [409], "the first has not come to its end"
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json["id"] == again.json["id"]
    assert len(watcher.calls) == 1


# ---------------------------------------------------------------- reading attempts


def test_attempts_are_paged_and_filtered(ada: Api, make: Make, receiver: Receiver) -> None:
    made = make(receiver.hook("crm"))
    ids = [fired(ada, made)["id"] for _ in range(3)]
    path = f"/webhooks/{made['id']}/test-deliveries"
    first = ada.get(f"{path}?limit=2").json or {}
    rest = ada.get(f"{path}?limit=2&cursor={first['next_cursor']}").json or {}
    assert [item["id"] for item in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next_cursor"] is None
    assert (ada.get(f"{path}?outcome=refused").json or {})["items"] == []
    assert len((ada.get(f"{path}?event_type=rfp.created").json or {})["items"]) == 3
    for bad in ("outcome=nice", "limit=0", "cursor=x", "q=x", "of=x", "webhook_id=x"):
        assert ada.get(f"{path}?{bad}").status_code == 400, bad


def test_an_attempt_is_found_below_its_own_webhook_and_tenant_only(
    ada: Api, gus: Api, make: Make, receiver: Receiver
) -> None:
    made, other = make(receiver.hook("crm")), make(receiver.hook("other"))
    attempt = fired(ada, made)
    path = f"/test-deliveries/{attempt['id']}"
    assert ada.get(f"/webhooks/{other['id']}{path}").status_code == 404
    assert gus.get(f"/webhooks/{made['id']}{path}").status_code == 404
    assert gus.get(f"/webhooks/{made['id']}/test-deliveries").status_code == 404


def test_attempts_are_forgotten_after_a_month(
    ada: Api, make: Make, receiver: Receiver, database: Database, app: Flask
) -> None:
    from portal_devtools.identity_provider.people import ACME

    from portal.database.session import transaction
    from portal.delivery.housekeeping import HOUSEKEEPING

    made = make(receiver.hook("crm"))
    old, young = fired(ada, made), fired(ada, made)
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        connection.execute(
            "UPDATE delivery_attempt SET created_at = now() - interval '31 days' WHERE id = %s",
            [old["id"]],
        )
    job = next(job for job in HOUSEKEEPING if "attempts" in job.name)
    with app.app_context(), transaction(ACME):
        assert job.run(ACME) is False, "nothing old is left"
    kept = (ada.get(f"/webhooks/{made['id']}/test-deliveries").json or {})["items"]
    assert [item["id"] for item in kept] == [young["id"]]
