"""Test jumps of a machine's clock: leases, retries, pauses, signatures and ages follow the
database's clock."""

import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal.database.session import transaction
from portal.events import service as events
from portal.events.schemas import EventInput
from tests.cast import Api
from tests.databases import Database
from tests.delivery.crashes.test_takeover import LEASES, now
from tests.delivery.health.test_recovery import PAUSE, PAUSED, PROBE
from tests.delivery.queue.test_queue_machine import SOMEBODY
from tests.delivery.test_engine import deliveries, delivering, header, publish, rfp, until
from tests.delivery.test_retention import keep_house
from tests.thorough import some
from tests.webhooks.conftest import Make, Receiver
from tests.webhooks.kit import PATIENT, Gate, Mailbox, rows, said, sinks, working
from tests.webhooks.signing.test_verifiers import accepts

WAIT = "SELECT extract(epoch FROM due_at - now())::float8 AS seconds FROM delivery"
TRIED = """
SELECT abs(extract(epoch FROM now() - created_at)) < 3600 AS is_new,
    id >= ulid_floor('att', now() - interval '1 hour')
    AND id < ulid_floor('att', now() + interval '1 hour') AS is_of_now
FROM delivery_attempt
"""  # an hour is much less than a jump


# The hours by which a clock jumps. In `make test`, each test sees one of the two.
AHEAD_FIRST, BEHIND_FIRST = (
    pytest.mark.parametrize("jumped", some(hours, 2), indirect=True)
    for hours in ([25, -25], [-25, 25])
)


@pytest.fixture
def jumped(
    request: pytest.FixtureRequest, settings: dict[str, str], ada: Api
) -> Iterator["subprocess.Popen[str]"]:
    """Yield a worker whose clock has jumped."""
    with working(settings, "tests.delivery.crashes.jumping", str(request.param)) as worker:
        said(worker, "delivery ready")
        worker.send_signal(signal.SIGUSR1)
        said(worker, "jumped to")
        yield worker


@pytest.mark.proof
@AHEAD_FIRST
@pytest.mark.usefixtures("jumped")
def test_signatures_have_the_databases_time_and_both_secrets_of_a_rotation(
    ada: Api, make: Make
) -> None:
    mailbox = Mailbox()
    with sinks(mailbox.behave) as [port]:
        webhook = make(f"http://127.0.0.1:{port}/")
        new = ada.post(f"/webhooks/{webhook['id']}/secret-rotations").json["signing_secret"]
        publish(ada, rfp(1))
        until(lambda: mailbox.bodies)
    for secret in (webhook["signing_secret"], new):
        assert accepts(secret, mailbox.bodies[0], mailbox.heads[0])


@pytest.mark.proof
@BEHIND_FIRST
@pytest.mark.usefixtures("jumped")
def test_a_retry_is_due_by_the_databases_clock(
    database: Database, ada: Api, make: Make, receiver: Receiver
) -> None:
    make(receiver.hook("crm", "?status=500"), retry_policy={"backoff": "fixed"})
    publish(ada, rfp(1))
    [wait] = until(lambda: rows(database, f"{WAIT} WHERE state = 'retrying'"))
    assert 120 < wait["seconds"] <= 360, "five minutes, more or less"
    [attempt] = rows(database, TRIED)
    assert attempt["is_new"]
    assert attempt["is_of_now"], "found among the last day's"
    rows(database, "UPDATE delivery SET due_at = now()")
    until(lambda: len(receiver.mail("crm")) == 2)


@pytest.mark.proof
@AHEAD_FIRST
@pytest.mark.usefixtures("jumped")
def test_a_lease_runs_out_by_the_databases_clock(database: Database, ada: Api, make: Make) -> None:
    gate = Gate()
    with sinks(gate.behave) as [port]:
        make(f"http://127.0.0.1:{port}/", retry_policy=PATIENT)
        published_at = now(database)
        publish(ada, rfp(1))
        until(lambda: gate.waiting == 1)
        [lease] = rows(database, LEASES)
        assert lease["state"] == "in_flight"
        assert published_at <= lease["taken_at"] <= now(database)
        rows(database, "UPDATE delivery SET due_at = now()")
        until(lambda: gate.waiting == 2)  # claimed again by the same worker, as there is no other
        gate.open()
        until(lambda: rows(database, "SELECT id FROM delivery WHERE state = 'delivered'"))


@pytest.mark.proof
@BEHIND_FIRST
@pytest.mark.usefixtures("jumped")
def test_a_paused_webhook_is_tried_when_the_database_says_so(
    database: Database, ada: Api, make: Make, receiver: Receiver
) -> None:
    paused = make(receiver.hook("paused"), name="Paused")
    for statement in (PAUSE, PAUSED):
        rows(database, statement, paused["id"])
    make(receiver.hook("quick"), name="Quick")
    for number in range(3):
        publish(ada, rfp(number))
        until(lambda wanted=number + 1: len(receiver.mail("quick")) == wanted)
    assert receiver.mail("paused") == [], "its hour has not passed"
    rows(database, PROBE)
    until(lambda: receiver.mail("paused"))


@pytest.mark.parametrize("days", [-40, -1, 1, 40])
def test_what_a_machine_with_a_wrong_clock_accepts_is_delivered(
    days: int, app: Flask, database: Database, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm"))
    with at(days):
        accepted = [publish_here(app, number) for number in range(3)]
        keep_house(app, database)
    with delivering(app):
        until(lambda: len(receiver.mail("crm")) == 3)
        until(lambda: {one["state"] for one in deliveries(ada, webhook)} == {"delivered"})
    assert {header(mail, "webhook-id") for mail in receiver.mail("crm")} == set(accepted)
    keep_house(app, database)
    assert len(deliveries(ada, webhook)) == 3, "it is of today, whatever its id says"


def test_a_replay_of_the_last_hour_has_what_a_machine_with_a_wrong_clock_accepted(
    app: Flask, ada: Api, make: Make
) -> None:
    for days in (-1, 1):
        with at(days):
            publish_here(app, days)
    publish(ada, rfp(2))
    webhook = make("https://hooks.example.com/")
    now, hour = datetime.now(UTC), timedelta(hours=1)
    asked = {"from": (now - hour).isoformat(), "to": (now + hour).isoformat()}
    path = f"/webhooks/{webhook['id']}/replays"
    answer = ada.post(path, {**asked, "what": "missing", "dry_run": True})
    assert answer.json["total"] == 3
    yesterday = {"from": (now - 25 * hour).isoformat(), "to": (now - hour).isoformat()}
    answer = ada.post(path, {**yesterday, "what": "missing", "dry_run": True})
    assert answer.json["total"] == 0, "it was received today, whatever its id says"


def test_the_newest_of_a_subject_is_the_newest_for_a_machine_whose_clock_is_behind(
    app: Flask, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    ada.post(f"/webhooks/{webhook['id']}/pause")
    [old] = publish(ada, rfp(1, subject="a"))
    with at(-1):
        new = publish_here(app, 2, subject="a")
    answer = ada.post(f"/webhooks/{webhook['id']}/resume", {"choice": "newest_per_subject"})
    assert answer.status_code == 200
    states = {one["event_id"]: one["state"] for one in deliveries(ada, webhook)}
    assert states == {old["id"]: "cancelled", new: "pending"}


def at(days: int) -> Any:
    return time_machine.travel(datetime.now(UTC) + timedelta(days=days), tick=True)


def publish_here(app: Flask, number: int, **more: Any) -> str:
    """Publish through the service, because a token of today is not valid on the other day."""
    with app.app_context(), transaction(ACME):
        [accepted] = events.publish(SOMEBODY, [EventInput.read(rfp(number, **more))])
    return accepted.id


def test_nothing_gets_old_on_a_machine_with_a_wrong_clock(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    ada.post(f"/webhooks/{webhook['id']}/pause")
    publish(ada, rfp(1))
    with at(400):
        keep_house(app, database)
    assert [one["state"] for one in deliveries(ada, webhook)] == ["held"]
    assert len(ada.get("/events").json["items"]) == 1
