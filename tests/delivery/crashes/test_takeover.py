"""Test that the deliveries of a worker that dies, hangs or is cut off are sent soon by another."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.core import deadlines
from portal.core.config import libpq_url
from portal.delivery import concurrency
from portal.delivery import engine as engines
from portal.delivery.queue import new_deliveries, queue, worker_presence
from portal.fast.pipeline import Connection
from portal.outbound import Request
from portal.outbound.address_guard import DNS_SECONDS
from portal.outbound.client import CONNECT_SECONDS
from portal.webhooks.schemas import RetryPolicy
from tests.cast import Api
from tests.databases import Database
from tests.delivery.crashes.test_crashes import states
from tests.delivery.test_engine import delivering, publish, rfp, until
from tests.thorough import some
from tests.webhooks.conftest import Make
from tests.webhooks.kit import PATIENT, Gate, Hands, ended, rows, said, sinks, working

FIRST_WIDTH = 10
LONG_BEFORE = queue.LEASE_SECONDS / 2
"""A takeover within so many seconds, even on a busy machine, was caused by the worker's end, and
not by the end of the deliveries' own leases."""

HANGING = ("tests.delivery.crashes.crashing", "never")
END_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
LEASES = f"""
SELECT id, state, token, holder, sequence,
    extract(epoch FROM due_at)::float8 - {queue.LEASE_SECONDS} AS taken_at
FROM delivery ORDER BY sequence
"""
NOW = "SELECT extract(epoch FROM clock_timestamp())::float8 AS at"
NUMBERS = "SELECT number, extract(epoch FROM alive_until)::float8 AS ends FROM delivery_worker"
IN_ORDER = "UPDATE webhook SET ordered = true"


def now(database: Database) -> float:
    return float(rows(database, NOW)[0]["at"])


def numbers(database: Database) -> dict[int, float]:
    """Return the numbers of the workers, and until when their leases are valid."""
    return {row["number"]: row["ends"] for row in rows(database, NUMBERS)}


def hang(gate: Gate, ada: Api, make: Make, port: int, count: int = FIRST_WIDTH) -> dict[str, Any]:
    """Publish so many events for a receiver that does not answer, until a worker waits for it."""
    webhook = make(f"http://127.0.0.1:{port}/", retry_policy=PATIENT)
    publish(ada, *(rfp(number) for number in range(count)))
    until(lambda: gate.waiting == min(count, FIRST_WIDTH))
    return webhook


@pytest.mark.proof
@pytest.mark.parametrize("count", some([FIRST_WIDTH, 1], 2))
def test_what_a_killed_worker_had_is_sent_again_at_once(
    count: int, settings: dict[str, str], database: Database, ada: Api, make: Make
) -> None:
    gate = Gate()
    with sinks(gate.behave) as [port], working(settings) as doomed:
        hang(gate, ada, make, port, count)
        with working(settings) as other:
            until(lambda: len(numbers(database)) == 2)
            [first] = {row["holder"] for row in rows(database, LEASES)}
            died_at = now(database)
            doomed.kill()
            until(lambda: gate.waiting == 2 * count)
            leases = rows(database, LEASES)
            assert {(row["state"], row["token"]) for row in leases} == {("in_flight", 2)}
            assert max(row["taken_at"] for row in leases) - died_at < LONG_BEFORE
            assert set(numbers(database)) == {row["holder"] for row in leases} != {first}
            gate.open()
            until(lambda: set(states(database)) == {"delivered"})
            assert other.poll() is None
    assert len(gate.ids) == 2 * count, "each once more, and none a third time"


@pytest.mark.proof(only=True)
def test_what_a_frozen_worker_had_is_taken_over_and_it_does_no_harm_when_it_thaws(
    settings: dict[str, str], database: Database, ada: Api, make: Make
) -> None:
    gate = Gate()
    with sinks(gate.behave) as [port], working({**settings, "ALIVE": "2"}, *HANGING) as frozen:
        hang(gate, ada, make, port)
        with working(settings) as other:
            until(lambda: len(numbers(database)) == 2)
            frozen_at = now(database)
            frozen.send_signal(signal.SIGSTOP)
            until(lambda: gate.waiting == 2 * FIRST_WIDTH)
            leases = rows(database, LEASES)
            assert max(row["taken_at"] for row in leases) - frozen_at < LONG_BEFORE
            gate.open()
            until(lambda: set(states(database)) == {"delivered"})
            frozen.send_signal(signal.SIGCONT)
            said(frozen, "taken for gone")
            until(lambda: len(numbers(database)) == 2)
            assert states(database) == {"delivered": (FIRST_WIDTH, 2 * FIRST_WIDTH)}
            other.terminate()
            assert other.wait(20) == 0
            publish(ada, rfp(99))
            until(lambda: states(database)["delivered"] == (FIRST_WIDTH + 1, 2 * FIRST_WIDTH + 1))
    assert len(gate.ids) == 2 * FIRST_WIDTH + 1


@pytest.mark.proof(only=True)
@pytest.mark.parametrize("step", ["claimed", "recording"])
def test_a_worker_that_is_frozen_at_a_step_keeps_no_other_waiting(
    step: str, settings: dict[str, str], database: Database, ada: Api, make: Make
) -> None:
    """Check this even if an open transaction has changed every delivery: the database ends that
    transaction."""
    gate = Gate(first=1000)
    frozen = {**settings, "ALIVE": "2", "SIGNAL": str(int(signal.SIGSTOP))}
    with sinks(gate.behave) as [port]:
        make(f"http://127.0.0.1:{port}/", retry_policy=PATIENT)
        publish(ada, *(rfp(number) for number in range(FIRST_WIDTH)))
        with working(frozen, "tests.delivery.crashes.crashing", step) as doomed:
            os.waitid(os.P_PID, doomed.pid, os.WSTOPPED | os.WNOWAIT)
            begun_at = now(database)
            with working(settings):
                until(lambda: set(states(database)) == {"delivered"})
            assert now(database) - begun_at < LONG_BEFORE


def test_an_attempt_that_outlives_the_lease_is_the_same_workers(
    app: Flask, database: Database, ada: Api, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_presence, "ALIVE_SECONDS", 5.0)
    gate = Gate()
    with sinks(gate.behave) as [port], delivering(app) as first, delivering(app) as second:
        hang(gate, ada, make, port, 1)
        begun = numbers(database)
        until(lambda: all(now >= begun[n] + 6 for n, now in numbers(database).items()))
        assert numbers(database).keys() == begun.keys()
        [lease] = rows(database, LEASES)
        assert (lease["state"], lease["token"]) == ("in_flight", 1)
        assert lease["holder"] in {first.presence.number, second.presence.number}
        gate.open()
        until(lambda: states(database) == {"delivered": (1, 1)})
    assert len(gate.ids) == 1


def test_a_worker_that_is_told_to_end_keeps_what_is_on_its_way(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    gate = Gate()
    with sinks(gate.behave) as [port], delivering(app) as first, delivering(app) as second:
        hang(gate, ada, make, port, 1)
        [lease] = rows(database, LEASES)
        ending, other = first, second
        if lease["holder"] == second.presence.number:
            ending, other = second, first
        stopping = Thread(target=ending.stop)
        stopping.start()
        for _ in range(4):
            before = other._look_at
            until(lambda before=before: other._look_at > before)
        assert rows(database, LEASES) == [lease]
        gate.open()
        stopping.join(20)
        assert states(database) == {"delivered": (1, 1)}
    assert len(gate.ids) == 1


def test_a_lease_lasts_for_a_renewal_that_takes_as_long_as_it_may() -> None:
    slowest = deadlines.STATEMENT_SECONDS + deadlines.CONNECT_SECONDS + engines.RECONNECT_SECONDS[1]
    assert worker_presence.RENEW_SECONDS + slowest <= worker_presence.ALIVE_SECONDS
    assert worker_presence.UNHEARD_SECONDS > 2 * worker_presence.RENEW_SECONDS
    assert worker_presence.UNHEARD_SECONDS < worker_presence.ALIVE_SECONDS
    assert (
        max(engines.RECONNECT_SECONDS[1], worker_presence.RENEW_SECONDS)
        < worker_presence.GONE_SECONDS
    )
    back = engines.RECONNECT_SECONDS[1] + deadlines.CONNECT_SECONDS + worker_presence.RENEW_SECONDS
    assert back < worker_presence.BACK_SECONDS


def test_what_a_dead_worker_had_is_soon_claimed_by_another() -> None:
    noticed = 2 * engines.LOOK_SECONDS + worker_presence.GONE_SECONDS
    claimed = noticed + engines.POLL_SECONDS
    assert claimed <= 5, "after its process has ended"
    assert worker_presence.ALIVE_SECONDS + claimed <= 30, "after its host was cut off"


def test_a_worker_looks_for_dead_ones_however_long_it_waits_for_work(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "POLL_SECONDS", 3600)
    with delivering(app) as engine:
        for _ in range(3):
            before = engine._look_at
            until(lambda before=before: engine._look_at > before)


def test_a_lease_of_a_delivery_lasts_for_the_longest_attempt_and_the_wait_before_it() -> None:
    to_the_answer = RetryPolicy.model_json_schema()["properties"]["timeoutMs"]["maximum"] / 1000
    its_body = Request("POST", "https://hooks.example.com/", {}, b"").read_timeout
    attempt = DNS_SECONDS + CONNECT_SECONDS + to_the_answer + its_body
    assert concurrency.BEGIN_WITHIN + attempt <= queue.LEASE_SECONDS


def test_a_running_worker_always_has_most_of_its_lease_before_it(
    app: Flask, database: Database
) -> None:
    with delivering(app):
        [start] = until(lambda: numbers(database)).values()
        renewed = start
        while renewed < start + 3:
            [renewed] = numbers(database).values()
            assert (
                renewed - now(database)
                > worker_presence.UNHEARD_SECONDS + worker_presence.RENEW_SECONDS
            )


def test_a_worker_that_loses_its_session_for_a_moment_keeps_what_it_has(
    app: Flask, database: Database, ada: Api, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_presence, "GONE_SECONDS", 60.0)
    gate = Gate()
    with sinks(gate.behave) as [port], delivering(app), delivering(app):
        hang(gate, ada, make, port, 1)
        before = numbers(database)
        rows(database, END_SESSIONS)
        until(lambda: all(at > before[n] + 3 for n, at in numbers(database).items()))
        assert numbers(database).keys() == before.keys()
        gate.open()
        until(lambda: states(database) == {"delivered": (1, 1)})
    assert len(gate.ids) == 1


@pytest.mark.proof(only=True)
def test_an_ordered_webhook_keeps_its_order_through_a_kill_with_several_on_their_way(
    settings: dict[str, str], database: Database, ada: Api, make: Make
) -> None:
    gate = Gate()
    with sinks(gate.behave) as [port], working(settings) as doomed:
        hang(gate, ada, make, port, 30)
        rows(database, IN_ORDER)
        doomed.kill()
        doomed.wait()
        gate.open()
        with working(settings):
            until(lambda: set(states(database)) == {"delivered"})
    again = [int(head["cpod-sequence"]) for head in gate.heads[FIRST_WIDTH:]]
    assert again == list(range(1, 31))


def take_back(hands: Hands, database: Database, dead: int | None) -> None:
    """Let a worker look for dead workers until the other one was declared dead."""
    until(lambda: hands.look() or dead not in numbers(database))


def test_a_worker_that_starts_alone_takes_over_without_waiting_for_others(
    app: Flask, database: Database, ada: Api, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_presence, "BACK_SECONDS", 10_000.0)
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    with Hands(database) as dead:
        assert len(dead.take(webhook["id"])) == 1
        number = dead.presence.number
    with Hands(database) as started:
        take_back(started, database, number)
        assert len(started.take(webhook["id"])) == 1


def test_what_a_dead_worker_had_of_an_ordered_webhook_is_in_its_place_however_far_back(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, *(rfp(number) for number in range(40)))
    dead, alive = two
    lost = dead.take(webhook["id"], room=3)
    alive.complete(*(ended(one) for one in alive.take(webhook["id"], room=30)))
    rows(database, IN_ORDER)
    dead.leave()
    take_back(alive, database, dead.presence.number)
    seen = []
    for _ in range(3 + 7):
        seen += (found := alive.take(webhook["id"], room=1))
        alive.complete(*(ended(one) for one in found))
    assert [one.id for one in seen[:3]] == [one.id for one in lost]
    assert [one.sequence for one in seen] == [1, 2, 3, *range(34, 41)]


def test_only_what_the_dead_worker_had_is_taken_back(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, *(rfp(number) for number in range(6)))
    dead, alive = two
    first, second, *_ = dead.take(webhook["id"], room=3)
    ours = alive.take(webhook["id"], room=2)
    dead.complete(ended(first), ended(second, good=False))
    before = {row["id"]: row for row in rows(database, LEASES)}
    number = dead.presence.number
    dead.leave()
    take_back(alive, database, number)
    after = {row["id"]: row for row in rows(database, LEASES)}
    [back] = [id for id in after if after[id] != before[id]]
    assert before[back]["holder"] == number
    assert (after[back]["state"], after[back]["holder"]) == ("retrying", None)
    assert alive.presence.number in {after[one.id]["holder"] for one in ours}
    assert states(database)["in_flight"] == (2, 2)


@pytest.mark.parametrize("has_lapsed", [False, True])
def test_who_was_away_itself_lets_the_others_come_back_first(
    has_lapsed: bool,
    two: tuple[Hands, Hands],
    database: Database,
    ada: Api,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Check that no worker is declared dead because of an outage of the database, and that a death
    after the outage is noticed as soon as usual."""
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    first, second = two
    [taken] = second.take(webhook["id"])
    number = second.presence.number
    for one in two:
        one.leave()
    if has_lapsed:
        rows(database, "UPDATE delivery_worker SET alive_until = now()")
    monkeypatch.setattr(worker_presence, "BACK_SECONDS", 60.0)
    first.enter()
    back_at = now(database)
    until(lambda: first.look() or now(database) > back_at + 2 * worker_presence.GONE_SECONDS)
    assert not second.enter(), "it has its number"
    second.complete(ended(taken))
    assert states(database) == {"delivered": (1, 1)}
    second.leave()
    monkeypatch.setattr(worker_presence, "BACK_SECONDS", 0.0)
    take_back(first, database, number)


def test_a_worker_that_is_not_heard_takes_nobody_for_gone(
    two: tuple[Hands, Hands], database: Database
) -> None:
    hands, other = two
    other.leave()
    hands.presence.leave()
    left_at = now(database)
    while now(database) < left_at + 2 * worker_presence.GONE_SECONDS:
        hands.run(hands.presence.look(hands.connection))
    assert other.presence.number in numbers(database)
    take_back(hands, database, other.presence.number)


def test_what_waited_for_its_turn_while_its_worker_was_taken_for_gone_is_not_sent(
    two: tuple[Hands, Hands],
    app: Flask,
    database: Database,
    ada: Api,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "CONNECTIONS", 1)
    gate, alive = Gate(), two[0]
    with sinks(gate.behave) as [port], delivering(app) as engine:
        webhook = make(f"http://127.0.0.1:{port}/", retry_policy=PATIENT)
        publish(ada, rfp(1), rfp(2))
        until(lambda: gate.waiting == 1 and len(engine.taken) == 2)
        number = engine.presence.number
        moved = "UPDATE delivery_worker SET alive_until = now() WHERE number = %s"
        ours: list[Any] = []

        def is_taken_over() -> bool:
            rows(database, moved, number)
            alive.look()
            ours.extend(alive.take(webhook["id"]))  # at once, before the engine is back
            return len(ours) == 2

        until(is_taken_over)
        until(lambda: engine.presence.standing not in {None, number})
        gate.open()
        until(lambda: not engine.taken)
        alive.complete(*(ended(one) for one in ours))
        assert states(database) == {"delivered": (2, 4)}
    assert len(gate.ids) == 1, "the second was not sent: another worker has it"


def test_what_is_recorded_too_late_is_refused(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    late, alive = two
    [taken] = late.take(webhook["id"])
    rows(database, "UPDATE delivery_worker SET alive_until = now() WHERE number = %s",
         late.presence.number)  # fmt: skip
    take_back(alive, database, late.presence.number)
    late.complete(ended(taken, good=False))
    assert states(database) == {"retrying": (1, 1)}
    assert ada.get(f"/webhooks/{webhook['id']}").json["consecutive_failures"] == 0
    [again] = alive.take(webhook["id"])
    late.complete(ended(taken))
    assert states(database) == {"in_flight": (1, 2)}
    alive.complete(ended(again))
    assert states(database) == {"delivered": (1, 2)}


def test_a_worker_that_was_taken_for_gone_claims_nothing_under_its_number(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    hands, other = two
    number, due = hands.presence.number, hands.due(webhook["id"])
    rows(database, "UPDATE delivery_worker SET alive_until = now() WHERE number = %s", number)
    with pytest.raises(queue.TakenForGone):
        hands.run(queue.take(hands.connection, [(due, 1)], number))
    take_back(other, database, number)
    with pytest.raises(queue.TakenForGone):
        hands.run(queue.take(hands.connection, [(due, 1)], number))
    assert states(database) == {"pending": (1, 0)}
    assert len(hands.take(webhook["id"])) == 1, "under a new one it does"
    assert hands.presence.number != number


@contextmanager
def being_recorded(database: Database, delivery_id: str) -> Iterator[None]:
    """Lock a delivery within the block, as a worker does that records it."""
    with psycopg.connect(libpq_url(database.superuser_url)) as recording:
        recording.execute("SELECT FROM delivery WHERE id = %s FOR UPDATE", (delivery_id,))
        yield


def test_what_a_dead_worker_had_is_taken_back_as_soon_as_nobody_is_at_it(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1), rfp(2))
    dead, alive = two
    one, _ = dead.take(webhook["id"])
    number = dead.presence.number
    with being_recorded(database, one.id):
        dead.leave()
        until(lambda: alive.look() or states(database).get("retrying") == (1, 1))
        assert number in numbers(database), "it is not done with"
    take_back(alive, database, number)
    assert states(database) == {"retrying": (2, 2)}


def test_a_worker_that_was_taken_for_gone_gets_a_new_number_whatever_it_is_left_with(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1), rfp(2))
    hands, other = two
    one, _ = hands.take(webhook["id"])
    number = hands.presence.number
    with being_recorded(database, one.id):
        rows(database, "UPDATE delivery_worker SET alive_until = now() WHERE number = %s", number)
        until(lambda: other.look() or states(database).get("retrying") == (1, 1))
        assert number in numbers(database), "it is not done with"
        assert hands.run(hands.presence.renew(hands.connection))
        assert hands.presence.number != number
    take_back(other, database, number)
    assert states(database) == {"retrying": (2, 2)}


def test_a_claim_whose_answer_was_lost_is_not_waited_for(
    app: Flask, database: Database, ada: Api, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lose the connection between the commit of a claim and its answer, while the worker goes on
    sending."""
    gate, take, lost = Gate(first=1), new_deliveries.take, []

    async def loses_the_second(connection: Connection, *arguments: Any) -> Any:
        taken, conditional = await take(connection, *arguments)
        if gate.waiting and taken and not lost:
            lost.extend(taken)
            await connection.close()
            raise psycopg.OperationalError
        return taken, conditional

    monkeypatch.setattr(new_deliveries, "take", loses_the_second)
    with sinks(gate.behave) as [port], delivering(app):
        make(f"http://127.0.0.1:{port}/", retry_policy=PATIENT)
        publish(ada, rfp(0), rfp(1), rfp(2))
        until(lambda: gate.waiting == 2)
        began_at = now(database)
        publish(ada, rfp(3))
        until(lambda: gate.waiting == 3)
        leases = {row["id"]: row for row in rows(database, LEASES)}
        assert leases[lost[0].id]["taken_at"] - began_at < LONG_BEFORE
        assert Counter(row["token"] for row in leases.values()) == {1: 3, 2: 1}
        gate.open()
        until(lambda: states(database) == {"delivered": (4, 5)})
    assert len(gate.ids) == 4, "it was never sent twice"


def test_a_delivery_that_a_worker_without_number_has_is_left_to_its_own_lease(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    """Claim a delivery as a worker of the previous release does."""
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    before, alive = two
    [taken] = before.take(webhook["id"])
    rows(database, "UPDATE delivery SET holder = NULL")
    number = before.presence.number
    before.leave()
    take_back(alive, database, number)
    assert alive.take(webhook["id"]) == []
    rows(database, "UPDATE delivery SET due_at = now()")
    [again] = alive.take(webhook["id"])
    assert (again.id, again.token) == (taken.id, 2)
