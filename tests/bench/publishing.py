"""Measure how many events the portal accepts per second over HTTP, one by one and in batches.

Many keys publish events of several types. Each event, with the delivery to one webhook, is stored
before its response.
"""

import json
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg

from tests.bench import world
from tests.bench.figures import Figure
from tests.bench.load import Ask
from tests.bench.servers import computed_by_all

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

ASKED = 1_200
KEYS, BATCH = 200, 500
TYPES = [f"bench.published{number}" for number in range(5)]
OWED = """
SELECT DISTINCT event.id FROM event
JOIN delivery ON delivery.tenant_id = event.tenant_id AND delivery.event_id = event.id
WHERE event.type = ANY (%s)
"""


@dataclass
class Published:
    """The events a second and the processor milliseconds of each, by rounds.

    `accepted` are those that the answers promised to keep, and `ids` are theirs.
    """

    speeds: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    accepted: int = 0
    ids: set[str] = field(default_factory=set)

    @property
    def notes(self) -> str:
        """Return the processor time of an event."""
        return f"processor, with PostgreSQL's, {median(self.costs):.2f} ms each; 1 KiB, durable"


def measure(bench: "Bench") -> list[Figure]:
    """Publish, and check in the database that every accepted event is stored, by its id."""
    for name in TYPES:
        webhook = {"url": "https://hooks.example.com/", "event_types": [name]}
        _made(bench, "/webhooks", webhook)
    made = [_made(bench, "/api-keys", {"scopes": ["events:publish"]}) for _ in range(KEYS)]
    keys = [str(one["key"]) for one in made]
    events = [_event(number) for number in range(BATCH)]
    single = [_ask(bench, key, event) for key in keys for event in events[: len(TYPES)]]
    batches = [_ask(bench, key, {"events": events}) for key in keys[::10]]
    one_by_one = _published(bench, single, connections=16, each=1)
    by_batches = _published(bench, batches, connections=4, each=BATCH)
    with psycopg.connect(bench.place.superuser) as connection:
        owed = {id for (id,) in connection.execute(OWED, (TYPES,))}
    accepted = one_by_one.accepted + by_batches.accepted
    missing = accepted - len((one_by_one.ids | by_batches.ids) & owed)
    return [
        Figure("single events accepted", median(one_by_one.speeds), ASKED, "more", "/s",
               one_by_one.notes, {"per_second": one_by_one.speeds}),
        Figure(f"events accepted, by batches of {BATCH}", median(by_batches.speeds), None, "more",
               "/s", by_batches.notes, {"per_second": by_batches.speeds}),
        Figure("events accepted and not kept, or not owed", missing, 0, "less", ""),
    ]  # fmt: skip


def _published(bench: "Bench", asks: list[Ask], connections: int, each: int) -> Published:
    """Publish with these requests in turn; each has so many events."""
    done = Published()
    pids = bench.portal.parent, bench.place.postgres_pid
    for number in range(bench.rounds + 1):  # the first round warms up caches and pools
        before = computed_by_all(*pids)
        burst = bench.generator.run(
            "burst", *asks, connections=connections, seconds=bench.seconds, keeps=True
        )
        taken = computed_by_all(*pids) - before
        if burst["failures"]:
            raise SystemExit(f"events were not accepted:\n{burst['refusal']}")
        events = burst["requests"] * each
        done.accepted += events
        done.ids |= {
            event["id"] for said in burst["answers"] for event in json.loads(said)["events"]
        }
        if number:
            done.speeds.append(burst["per_second"] * each)
            done.costs.append(taken / events * 1000)
    return done


def _event(number: int) -> dict[str, Any]:
    data = {"number": number, "text": f"{number:0950}"}
    return {"type": TYPES[number % len(TYPES)], "data": data}


def _ask(bench: "Bench", key: str, body: dict[str, Any]) -> Ask:
    head = {"Authorization": f"Bearer {key}"}
    return Ask(bench.portal.port, "/api/v1/integration/events", head, json.dumps(body))


def _made(bench: "Bench", path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create a record with the tenant's key."""
    ask = replace(bench.rest(world.SMALL, path), body=json.dumps(body))
    answer = bench.generator.run("once", ask)
    if answer["status"] != 201:
        raise SystemExit(f"the bench's key makes no record at {path}: {answer['body'][:300]}")
    made: dict[str, Any] = json.loads(answer["body"])
    return made
