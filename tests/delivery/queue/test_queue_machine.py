"""Test the queue against a model: in any order of actions nothing is lost or done twice."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from portal_devtools.identity_provider.people import ACME

from portal.database.actor import Actor
from portal.database.session import transaction
from portal.delivery.health import safe_pause
from portal.delivery.queue.policy import Decision
from portal.delivery.queue.queue import LeasedDelivery
from portal.events import service as events
from portal.events.schemas import EventInput
from portal.webhooks import keyring, service
from portal.webhooks.schemas import WebhookInput
from tests.databases import Database
from tests.thorough import IS_PROOF, times
from tests.webhooks.kit import Hands, ended, rows

RIGHTS = frozenset({"events:publish", "events:read", "webhooks:read", "webhooks:write"})
SOMEBODY = Actor(ACME, "system", "system", "Model", RIGHTS, source_type="system")
OPEN = ("pending", "in_flight", "retrying")


@dataclass
class Believed:
    """The state of one delivery according to the model."""

    webhook: str
    subject: str | None
    state: str = "pending"
    is_due: bool = True  # if it is in flight: its lease has expired
    token: int = 0
    sequence: int | None = None


@dataclass
class Hook:
    fingerprint: str | None
    paused: bool = False
    by_hand: bool = False
    deleted: bool = False
    next_probe: bool = False
    sequence: int = 0
    previous: int = 0  # secrets that were replaced and still sign


class Machine(RuleBasedStateMachine):
    """Two webhooks of one tenant, a worker's functions, and every action in any order."""

    app: ClassVar[Flask]
    database: ClassVar[Database]
    hands: ClassVar[Hands]

    def __init__(self) -> None:
        super().__init__()
        self.kind = f"m{secrets.token_hex(6)}.created"
        self.believed: dict[str, Believed] = {}
        self.hooks: dict[str, Hook] = {}
        self.leases: list[LeasedDelivery] = []
        self.acknowledged: set[tuple[str, int]] = set()
        self.published = 0
        for _ in range(2):
            given = {"name": "M", "url": "https://hooks.example.com/", "event_types": [self.kind]}
            made = self.do(service.create, WebhookInput.read(given)).record
            self.hooks[made.id] = Hook(made.secret_fingerprint)
        self.names = list(self.hooks)

    def do(self, verb: Any, *arguments: Any) -> Any:
        with self.app.app_context(), transaction(ACME):
            return verb(SOMEBODY, *arguments)

    def sql(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        return rows(self.database, statement, *values)

    def of(self, webhook: str, *states: str) -> dict[str, Believed]:
        return {
            k: one
            for k, one in self.believed.items()
            if one.webhook == webhook and one.state in states
        }

    hook = st.integers(0, 1)

    @rule(subjects=st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=4))
    def publish(self, subjects: list[str | None]) -> None:
        given = [
            EventInput.read({"type": self.kind, "data": {"n": 1}, "subject": subject})
            for subject in subjects
        ]
        accepted = self.do(events.publish, given)
        live = {name for name, hook in self.hooks.items() if not hook.deleted}
        self.published += len(live) * len(given)
        assert [one.deliveries for one in accepted] == [len(live)] * len(given)
        for row in self.sql(
            "SELECT id, webhook_id, subject FROM delivery WHERE event_id = ANY (%s)",
            [one.id for one in accepted],
        ):
            self.believed[row["id"]] = Believed(row["webhook_id"], row["subject"])

    @rule(number=hook, room=st.integers(1, 4))
    def claim(self, number: int, room: int) -> None:
        name = self.names[number]
        hook = self.hooks[name]
        waiting = self.of(name, *OPEN)
        ready = {k for k, one in waiting.items() if one.is_due}
        if hook.paused:  # one probe, even if it is not due, but none in flight
            ready = {k for k, one in waiting.items() if one.is_due or one.state == "retrying"}
            ready, room = (ready, 1) if hook.next_probe and not hook.by_hand else (set(), 1)
        if hook.deleted:
            ready = set()
        taken = self.hands.take(name, room)
        assert len(taken) == min(room, len(ready))
        assert {one.id for one in taken} <= ready
        if hook.paused and not hook.by_hand and not hook.deleted and waiting:
            hook.next_probe = False
        for one in taken:
            known = self.believed[one.id]
            known.token += 1
            assert one.token == known.token
            if known.sequence is None:
                hook.sequence += 1
                known.sequence = hook.sequence
            assert one.sequence == known.sequence
            assert one.data is not None
            assert one.settings.secret_fingerprint == hook.fingerprint
            known.state, known.is_due = "in_flight", False
            self.leases.append(one)

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.leases))
        known = self.believed[lease.id]
        if known.state == "in_flight":
            self.sql("UPDATE delivery SET due_at = now() WHERE id = %s", lease.id)
            known.is_due = True

    @rule()
    def time_passes(self) -> None:
        for k, one in self.believed.items():
            if one.state == "retrying" and not one.is_due:
                self.sql("UPDATE delivery SET due_at = now() WHERE id = %s", k)
                one.is_due = True

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), how=st.sampled_from(["delivered", "retrying", "failed"]))
    def report(self, data: st.DataObject, how: Any) -> None:
        """Complete or fail a delivery, by a worker that has or had its lease, perhaps twice."""
        lease = data.draw(st.sampled_from(self.leases))
        decision = Decision(how, counts=how != "delivered")
        if how == "retrying":
            decision = Decision(how, timedelta(minutes=1), counts=True)
        self.hands.complete(ended(lease, good=how == "delivered", decision=decision))
        known = self.believed[lease.id]
        if known.token == lease.token and known.state == "in_flight":
            assert (lease.id, lease.token) not in self.acknowledged
            self.acknowledged.add((lease.id, lease.token))
            known.state, known.is_due = how, False

    @rule(number=hook, by_hand=st.booleans())
    def pause(self, number: int, by_hand: bool) -> None:
        name = self.names[number]
        if not self.hooks[name].paused and not self.hooks[name].deleted:
            gone = (name, None, False, "gone")
            self.do(safe_pause.pause, name) if by_hand else self.do(safe_pause.probed, *gone)
            self.hooks[name].paused, self.hooks[name].by_hand = True, by_hand

    @rule(number=hook)
    def probe(self, number: int) -> None:
        name = self.names[number]
        if self.hooks[name].paused:
            self.sql("UPDATE endpoint SET next_probe_at = now() WHERE webhook_id = %s", name)
            self.hooks[name].next_probe = True

    @rule(number=hook, choice=st.sampled_from(["all", "newest_per_subject", "skip_before"]))
    def resume(self, number: int, choice: Any) -> None:
        name = self.names[number]
        hook = self.hooks[name]
        if not hook.paused or hook.deleted:
            return
        self.do(safe_pause.resume, name, choice)
        self.sql("UPDATE endpoint SET resumed_at = NULL WHERE webhook_id = %s", name)  # no ramp
        hook.paused = hook.next_probe = False
        held = self.of(name, "pending", "retrying")
        if choice == "newest_per_subject":
            newest = {one.subject: k for k, one in sorted(held.items())}
            held = {
                k: one
                for k, one in held.items()
                if one.subject is not None and newest[one.subject] != k
            }
        if choice != "all":
            for one in held.values():
                one.state = "cancelled"
        for one in self.of(name, "retrying").values():
            one.is_due = True

    @rule(number=hook)
    def rotate(self, number: int) -> None:
        name = self.names[number]
        hook = self.hooks[name]
        if hook.deleted:
            return
        if hook.previous == len(keyring.PREVIOUS):
            self.do(service.retire_secret, name)
            hook.previous = 0
        hook.fingerprint = self.do(service.rotate_secret, name).record.secret_fingerprint
        hook.previous += 1

    @rule(number=hook)
    def delete(self, number: int) -> None:
        name = self.names[number]
        if not self.hooks[name].deleted:
            self.do(lambda actor: service.delete(actor, service.get(actor, name)))
            self.hooks[name].deleted = True

    @rule(number=hook)
    def restore(self, number: int) -> None:
        name = self.names[number]
        if self.hooks[name].deleted:
            self.do(service.restore, name)
            self.hooks[name].deleted = False

    @invariant()
    def the_database_is_as_believed(self) -> None:
        found = self.sql(
            "SELECT id, state, token, sequence, due_at <= now() AS is_due FROM delivery"
            " WHERE webhook_id = ANY (%s)",
            self.names,
        )
        assert len(found) == self.published, "no event is lost, none is there twice"
        for row in found:
            one = self.believed[row["id"]]
            assert (row["state"], row["token"], row["sequence"]) == (
                one.state,
                one.token,
                one.sequence,
            )
            if one.state in OPEN:
                assert row["is_due"] == one.is_due

    @invariant()
    def sequences_have_no_gap(self) -> None:
        for name, hook in self.hooks.items():
            given = [one.sequence for one in self.of_all(name) if one.sequence is not None]
            assert sorted(given) == list(range(1, hook.sequence + 1))

    def of_all(self, webhook: str) -> Iterator[Believed]:
        return (one for one in self.believed.values() if one.webhook == webhook)

    @invariant()
    def what_is_held_is_counted(self) -> None:
        for name, hook in self.hooks.items():
            if hook.paused and not hook.deleted:
                told = self.do(
                    lambda actor, name=name: safe_pause.backlog(actor, service.get(actor, name))
                )
                assert told.held == len(self.of(name, *OPEN))

    def teardown(self) -> None:
        """Check that in the end every delivery that was not skipped arrives, once."""
        for name, hook in self.hooks.items():
            if hook.deleted:
                self.restore(self.names.index(name))
            if hook.paused:
                self.resume(self.names.index(name), "all")
            self.sql(
                "UPDATE delivery SET due_at = now() WHERE webhook_id = %s AND state = ANY (%s)",
                name,
                list(OPEN),
            )
            left = {k for k, one in self.believed.items() if one.webhook == name}
            open_ones = left & set(self.of(name, *OPEN))
            taken = self.hands.take(name, 1000)
            assert {one.id for one in taken} == open_ones
            self.hands.complete(*(ended(one) for one in taken))
            for one in taken:
                known = self.believed[one.id]
                known.state, known.token = "delivered", one.token
                known.sequence = one.sequence
                hook.sequence = max(hook.sequence, one.sequence)
        self.the_database_is_as_believed()
        self.sequences_have_no_gap()
        self.sql("DELETE FROM delivery WHERE webhook_id = ANY (%s)", self.names)


@pytest.fixture
def hands(database: Database) -> Iterator[Hands]:
    with Hands(database) as hands:
        yield hands


@pytest.mark.proof
def test_no_order_of_things_loses_or_repeats_a_delivery(
    app: Flask, database: Database, tenants: Any, hands: Hands
) -> None:
    Machine.app, Machine.database, Machine.hands = app, database, hands
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=times(12),
            stateful_step_count=20,
            deadline=None,
            derandomize=not IS_PROOF,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
