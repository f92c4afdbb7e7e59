"""Publishers of the kill run: batches and single events, many at once, until each is answered."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import requests

from tests.cast import PREFIX
from tests.delivery.test_engine import until
from tests.thorough import IS_PROOF

EVENTS = 100_000 if IS_PROOF else 20_000
ORDERED, SINGLE = EVENTS // 100, EVENTS // 4
UNORDERED = EVENTS - ORDERED
BATCHED = UNORDERED - SINGLE
BATCH, AT_ONCE = 100, 16
AHEAD = 1_500
"""Events that are published and have not arrived, about: more wait for the deliveries."""
KINDS = ("single", "keyed", "ordered", "batched")
"""The ways to publish: `keyed` are batches of events without an id, with an Idempotency-Key. Other
events have an id that begins with the kind."""


class Request(NamedTuple):
    """A request to publish: its place among all events, its body, and its Idempotency-Key."""

    place: int
    body: Any
    key: str | None = None


@dataclass
class Publisher:
    """A publisher that retries until it gets a response: each event once, however often it is
    sent."""

    address: str
    key: str
    kind: str
    repeated: int = 0
    unknown: Counter[bool] = field(default_factory=Counter)
    """Requests with an unknown outcome, by whether they were stored, as their repetition tells."""
    session: requests.Session = field(default_factory=requests.Session)

    def publish(self, request: Request) -> None:
        codes: set[str] = set()
        while (answer := self._answer(request)) is None or answer.status_code == 503:
            codes.add("no answer" if answer is None else answer.json()["code"])
            self.repeated += 1
            threading.Event().wait(random.uniform(0.05, 0.2))  # noqa: S311  no secret
        assert answer.status_code == 202, answer.text
        if "unknown_outcome" in codes:
            is_replayed = "idempotency-replayed" in answer.headers
            self.unknown[is_replayed or answer.json()["events"][0]["duplicate"]] += 1

    def _answer(self, request: Request) -> requests.Response | None:
        headers = {"Authorization": f"Bearer {self.key}"}
        if request.key:
            headers["Idempotency-Key"] = request.key
        try:
            return self.session.post(
                f"{self.address}{PREFIX}/events", json=request.body, headers=headers, timeout=20
            )
        except requests.RequestException:
            return None


def event(kind: str, number: int, name: str) -> dict[str, Any]:
    return {"type": kind, "id": f"{name}-{number}", "data": {"number": number}}


@contextmanager
def publishing(address: str, key: str, arrived: Callable[[], int]) -> Iterator[list[Publisher]]:
    """Publish everything during the block, in step with the deliveries. Yield the publishers: two
    send batches, many send single events at once, and one sends the ordered events, one by one."""
    work = [
        ("ordered", _ordered()),
        ("batched", _batches(0)),
        ("keyed", _batches(1)),
        *(("single", _singles(part)) for part in range(AT_ONCE)),
    ]
    publishers = [Publisher(address, key, kind) for kind, _ in work]
    failures: list[BaseException] = []

    def publish(publisher: Publisher, asked: Iterator[Request]) -> None:
        try:
            for request in asked:
                until(lambda place=request.place: arrived() >= place - AHEAD, 200)
                publisher.publish(request)
        except BaseException as failure:
            failures.append(failure)
            raise

    threads = [
        threading.Thread(target=publish, args=(publisher, asked), daemon=True)
        for publisher, (_, asked) in zip(publishers, work, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield publishers
        for thread in threads:
            thread.join()
    finally:
        assert not failures, failures


def _ordered() -> Iterator[Request]:
    for number in range(ORDERED):
        place = number * UNORDERED // ORDERED
        yield Request(place, event("order.placed", number, "ordered"))


def _batches(part: int) -> Iterator[Request]:
    """Yield every second batch: the first part has ids of events, the second one has keys."""
    for start in range(part * BATCH, BATCHED, 2 * BATCH):
        stop = min(start + BATCH, BATCHED)
        events = [event("rfp.created", number, "batched") for number in range(start, stop)]
        key = f"batch-{start}" if part else None
        if key:
            events = [one | {"id": None} for one in events]
        yield Request(start * UNORDERED // BATCHED, events, key)


def _singles(part: int) -> Iterator[Request]:
    for number in range(part, SINGLE, AT_ONCE):
        place = number * UNORDERED // SINGLE
        yield Request(place, event("rfp.created", BATCHED + number, "single"))
