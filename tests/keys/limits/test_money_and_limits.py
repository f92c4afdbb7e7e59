"""Limits and budgets under load: two processes at full speed never exceed them."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.core.deadlines import elapsed
from portal.database.session import transaction
from portal.keys.limits import ledger
from portal.keys.limits.budget_leases import Slice, Slices
from portal.keys.limits.window_leases import Lease, Leases
from tests import ROOT
from tests.cast import Api
from tests.databases import Database
from tests.keys.limits.waiting import until
from tests.thorough import some, times


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def start(database: Database, issued: dict[str, Any], **task: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.keys.limits.spender"]
    return subprocess.Popen(
        [*command, database.app_url, issued["key_hash"], json.dumps(task)],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        text=True,
    )


def together(database: Database, issued: dict[str, Any], **task: Any) -> Counter[str]:
    """Return the results of the calls of two processes that run at the same time."""
    seen: Counter[str] = Counter()
    for process in [start(database, issued, **task) for _ in range(2)]:
        output, _ = process.communicate(timeout=60)
        seen.update(json.loads(output)["seen"])
    return seen


def kill_after_its_calls(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Kill a process that hangs with SIGKILL, and return its output."""
    assert process.stdout
    told: dict[str, Any] = json.loads(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    process.stdout.close()
    return told


@pytest.mark.proof
@pytest.mark.parametrize("limit", some([7, 1, 1500], 3))
def test_trap_11_two_processes_admit_exactly_the_limit(ada: Api, database: Database, limit: int):
    issued = ada.create("api-keys", rpm_limit=limit)
    seen = together(database, issued, calls=300)
    # A lease that a process did not use up is counted, too: fewer calls may pass, never more.
    assert limit - 250 * (limit > 100) <= seen["VALID"] <= limit
    assert seen["VALID"] + seen["RPM_EXCEEDED"] == 2400


def test_two_processes_share_the_tokens(ada: Api, database: Database):
    issued = ada.create("api-keys", tpm_limit=1000, rpm_limit=100_000)
    assert together(database, issued, calls=50, tokens=7)["VALID"] <= 142


def test_two_hundred_parallel_cents_of_one_dollar_are_exactly_a_hundred(
    ada: Api, database: Database
):
    issued = ada.create("api-keys", max_budget_usd=1)
    seen = together(database, issued, calls=25, usd="0.01")
    assert seen == {"VALID": 100, "BUDGET_EXCEEDED": 100}
    assert database.sql("SELECT spent_usd, reserved_usd FROM key_budget") == (0, Decimal(1))
    assert database.sql("SELECT sum(usd) FROM spend_reservation") == Decimal(1)


def test_trap_12_what_a_killed_process_held_comes_back(app: Flask, ada: Api, database: Database):
    issued = ada.create("api-keys", max_budget_usd=1)
    process = start(database, issued, calls=1, usd="0.25", hang=True)
    assert kill_after_its_calls(process)["seen"] == {"VALID": 4}
    ask = {"key": issued["key"], "estimated_usd": 1}
    assert ada.post("/api-keys/verify", ask).json["code"] == "BUDGET_EXCEEDED"
    database.sql("UPDATE spend_reservation SET expires_at = now()")
    assert ada.post("/api-keys/verify", ask).json["valid"]  # the next use of the budget releases it
    lines = "SELECT count(*), sum(reserved_usd), sum(cost_usd) FROM spend_ledger"
    assert database.sql(lines) == (4, Decimal(1), Decimal(0))
    assert database.sql("SELECT reserved_usd FROM key_budget") == Decimal(1)


def test_the_worker_gives_back_what_nobody_settled(app: Flask, ada: Api, database: Database):
    issued = ada.create("api-keys", max_budget_usd=1)
    ada.post("/api-keys/verify", {"key": issued["key"], "estimated_usd": 0.5})
    database.sql("UPDATE spend_reservation SET expires_at = now()")
    with app.app_context(), transaction(issued["tenant_id"]):
        assert ledger.release_due(issued["tenant_id"]) == 1
    assert database.sql("SELECT reserved_usd FROM key_budget") == 0
    history = ada.get(f"/api-keys/{issued['id']}/history").json["items"]
    assert history[0]["action"] == "key.reservations_released"


# ---------------------------------------------------------------- slices of a budget

TOKENS = "SELECT tokens_sum FROM key_rate"
SLICES = "SELECT count(*) FROM spend_reservation WHERE secret IS NOT NULL"
HELD = "SELECT sum(usd) FROM spend_reservation WHERE released_at IS NULL"
COUNTERS = "SELECT spent_usd, reserved_usd FROM key_budget WHERE family_id = %s"


def test_two_busy_processes_spend_a_budget_to_the_cent(ada: Api, database: Database):
    issued = ada.create("api-keys", max_budget_usd=10)
    seen = together(database, issued, calls=200, usd="0.01")
    assert database.sql(SLICES) > 0, "nothing was lent, so this proves nothing"
    assert seen["VALID"] + seen["BUDGET_EXCEEDED"] == 1600
    assert seen["VALID"] <= 1000
    # Only what one process had left when the other was refused is available again.
    left = 1000 - seen["VALID"]
    assert database.sql(COUNTERS, issued["id"]) == (0, 10 - Decimal(left) / 100)
    assert together(database, issued, calls=200, usd="0.01")["VALID"] == left
    assert database.sql(COUNTERS, issued["id"]) == (0, 10)
    assert database.sql(HELD) == 10


def test_calls_of_unknown_cost_pass_while_there_is_money(ada: Api, database: Database):
    issued = ada.create("api-keys", max_budget_usd=10)
    assert together(database, issued, calls=50) == {"VALID": 400}
    assert database.sql(SLICES) == 0, "such calls hold no money"
    assert database.sql(COUNTERS, issued["id"]) == (0, 0)
    ada.post(f"/api-keys/{issued['id']}/usage", {"cost_usd": 10})
    assert together(database, issued, calls=50) == {"BUDGET_EXCEEDED": 400}


def test_near_the_end_of_a_budget_each_call_of_unknown_cost_asks(ada: Api):
    issued = ada.create("api-keys", max_budget_usd=10)
    unknown, known = {"key": issued["key"]}, {"key": issued["key"], "estimated_usd": 0.1}
    ada.post(f"/api-keys/{issued['id']}/usage", {"cost_usd": 9.9})
    assert ada.post("/api-keys/verify", unknown).json["valid"]
    assert ada.post("/api-keys/verify", known).json["valid"]
    assert ada.post("/api-keys/verify", unknown).json["code"] == "BUDGET_EXCEEDED"


@pytest.mark.parametrize("own", [{}, {"reservation_id": "call-00001"}], ids=["any id", "own id"])
def test_a_call_that_costs_nothing_needs_money_left(ada: Api, own: dict[str, str]):
    issued = ada.create("api-keys", max_budget_usd=1)
    free = {"key": issued["key"], "estimated_usd": 0, **own}
    ada.post(f"/api-keys/{issued['id']}/usage", {"cost_usd": "0.999999999"})
    assert ada.post("/api-keys/verify", {**free, "dry_run": True}).json["code"] == "VALID"
    assert ada.post("/api-keys/verify", free).json["code"] == "VALID"
    ada.post(f"/api-keys/{issued['id']}/usage", {"cost_usd": "0.000000001"})
    assert ada.post("/api-keys/verify", free).json["valid"] is bool(own), (
        "a repetition takes nothing"
    )
    other = {**free, **dict.fromkeys(own, "call-00002")}
    assert ada.post("/api-keys/verify", other).json["code"] == "BUDGET_EXCEEDED"
    rehearsed = ada.post("/api-keys/verify", {**other, "dry_run": True}).json
    assert rehearsed["code"] == "BUDGET_EXCEEDED"
    assert [check["code"] for check in rehearsed["trace"] if not check["passed"]] == [
        "BUDGET_EXCEEDED"
    ]


def test_a_reservation_that_leaves_little_ends_what_memory_knew_of_the_budget(ada: Api):
    issued = ada.create("api-keys", max_budget_usd=10)
    unknown, reserve = {"key": issued["key"]}, {"key": issued["key"], "estimated_usd": 10}
    assert ada.post("/api-keys/verify", unknown).json["valid"]
    assert ada.post("/api-keys/verify", reserve).json["valid"]
    assert ada.post("/api-keys/verify", unknown).json["code"] == "BUDGET_EXCEEDED"


def test_a_call_of_unknown_cost_shows_the_budget_from_memory_too(ada: Api):
    issued = ada.create("api-keys", max_budget_usd=10)
    ada.post(f"/api-keys/{issued['id']}/usage", {"cost_usd": 4})
    asked, remembered = (ada.post("/api-keys/verify", {"key": issued["key"]}) for _ in range(2))
    assert remembered.json["budget"] == asked.json["budget"]
    assert remembered.json["budget"]["spent_usd"] == 4


def test_pieces_of_a_killed_process_are_settled_and_the_rest_comes_back(
    app: Flask, ada: Api, gus: Api, database: Database
):
    issued = ada.create("api-keys", max_budget_usd=100, tpm_limit=1_000_000)
    process = start(database, issued, calls=50, usd="0.001", tokens=10, hang=True)
    ids = kill_after_its_calls(process)["ids"]
    assert len(set(ids)) == 200
    pieces = [one for one in ids if "." in one]
    assert len(pieces) > 100
    bill = {"cost_usd": 0.0005, "tokens": 4, "model": "m"}
    tokens = database.sql(TOKENS)
    first = ada.post(f"/api-keys/reservations/{pieces[0]}/settle", bill)
    assert first.status_code == 200, first.text
    assert database.sql(TOKENS) == tokens - 6
    again = ada.post(f"/api-keys/reservations/{pieces[0]}/settle", bill)
    assert again.json == {**first.json, "repeated": True}
    made_up = pieces[1][:-3] + ("AAA" if pieces[1][-3:] != "AAA" else "BBB")
    for caller, one in ((ada, made_up), (gus, pieces[1])):
        assert caller.post(f"/api-keys/reservations/{one}/settle", bill).status_code == 404
    for one in ids[1::2]:
        assert ada.post(f"/api-keys/reservations/{one}/settle").status_code == 200
    spent = database.sql("SELECT sum(cost_usd) FROM spend_ledger")
    assert database.sql(COUNTERS, issued["id"]) == (spent, database.sql(HELD))
    database.sql("UPDATE spend_reservation SET expires_at = now()")
    with app.app_context(), transaction(issued["tenant_id"]):
        assert ledger.release_due(issued["tenant_id"]) > 0
    assert database.sql(COUNTERS, issued["id"]) == (spent, 0)
    late = ada.post(f"/api-keys/reservations/{pieces[-2]}/settle", {"cost_usd": 0.002})
    assert late.json["budget"]["reserved_usd"] == 0
    assert database.sql("SELECT sum(cost_usd) FROM spend_ledger") == database.sql(
        "SELECT spent_usd FROM key_budget"
    )


def test_a_slice_pays_for_the_calls_of_half_a_minute(
    app: Flask, ada: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    # The key has no other limit, so PostgreSQL counts a call only when it must lend a slice.
    call = {"key": ada.create("api-keys", max_budget_usd=100)["key"], "estimated_usd": 0.001}
    meters = app.extensions["keys"].meters
    for seconds, lent in ((0, 0), (0, 1), (25, 1), (25, 1), (31, 2)):
        for memory in (meters.slices, meters.leases):
            monkeypatch.setattr(memory, "clock", lambda later=seconds: elapsed() + later)
        assert ada.post("/api-keys/verify", call).json["valid"]
        assert database.sql(SLICES) == lent, f"after {seconds} s"


def test_no_slice_outlives_its_period(ada: Api, database: Database):
    issued = ada.create("api-keys", max_budget_usd=100, budget_period="day")
    ada.post(f"/api-keys/{issued['id']}/usage", {"cost_usd": 0})
    lend = (
        "SELECT lent_usd, left_ms FROM lend_budget(%s, %s, %s, 100, 'day', 'UTC', 1, 0.1, %s,"
        " 'secret', 60000, 600)"
    )
    own = (issued["tenant_id"], issued["id"], issued["id"])
    database.sql("UPDATE key_budget SET period_end = clock_timestamp()")
    assert database.sql(lend, *own, "rsv_1")[0] == 0
    database.sql(
        "UPDATE key_budget SET period_end = clock_timestamp() + interval '30 s'",
    )
    usd, left_ms = database.sql(lend, *own, "rsv_2")
    assert usd == 1
    assert 0 < left_ms <= 30_000


@given(
    st.lists(
        st.tuples(st.sampled_from(["take", "refuse", "lend", "second"]), st.integers(0, 40)),
        max_size=40,
    )
)
def test_of_a_slice_nothing_is_handed_on_twice_and_nothing_is_lost(steps: Any):
    clock = Clock()
    slices = Slices(clock)
    lent = taken = 0
    for number, (step, amount) in enumerate(steps):
        if step == "second":
            clock.now += 1
        elif step == "lend":
            lent += amount
            none = Decimal(0)
            made = Slice("t", str(number), b"", clock.now + 1, amount, amount, none, none, None)
            slices.lend("key", made)
        elif share := slices.take("key", amount):
            taken += amount
            if step == "refuse":
                slices.give_back(share)
                taken -= amount
    slices.end_all()
    returned = sum(amount for _, _, amount in slices.ended())
    assert taken + returned == lent


def test_a_share_that_was_refused_after_its_slice_ended_goes_back():
    clock = Clock()
    slices = Slices(clock)
    slices.lend("key", Slice("t", "s", b"", 1.0, 5, 5, Decimal(0), Decimal(0), None))
    share = slices.take("key", 3)
    assert share
    clock.now = 1.0
    assert slices.take("key", 1) is None
    slices.give_back(share)
    assert sorted(slices.ended()) == [("t", "s", 2), ("t", "s", 3)]
    assert slices.ended() == []


# ---------------------------------------------------------------- reserve, settle, bill


def reserved(ada: Api, issued: dict[str, Any], usd: float, **more: Any) -> str:
    ask = {"key": issued["key"], "estimated_usd": usd, **more}
    answer = ada.post("/api-keys/verify", ask).json
    assert answer["valid"], answer
    return str(answer["reservation_id"])


def test_what_was_reserved_is_settled_once(ada: Api, database: Database):
    issued = ada.create("api-keys", max_budget_usd=1)
    path = f"/api-keys/reservations/{reserved(ada, issued, 0.6)}/settle"
    first = ada.post(path, {"cost_usd": 0.1, "model": "m", "tokens": 12})
    assert first.json["budget"]["available_usd"] == 0.9
    again = ada.post(path, {"cost_usd": 0.1})
    assert again.json == {**first.json, "repeated": True}
    stored = ada.get(f"/api-keys/{issued['id']}").json
    assert stored["spend_usd"] == 0.1
    assert stored["version"] == 1


def test_a_bill_after_the_fact_is_written_once(ada: Api):
    issued = ada.create("api-keys", max_budget_usd=1)
    bill = {"usage_id": "call-1", "cost_usd": "0.3"}
    for repeated in (False, True):
        answer = ada.post(f"/api-keys/{issued['id']}/usage", bill)
        assert answer.status_code == 200, answer.text
        assert answer.json["repeated"] is repeated
        assert answer.json["budget"]["spent_usd"] == 0.3


def test_a_repeated_reservation_holds_once(ada: Api):
    issued = ada.create("api-keys", max_budget_usd=1)
    own = {"reservation_id": "my-retry-1"}
    assert reserved(ada, issued, 0.6, **own) == reserved(ada, issued, 0.6, **own)
    other = ada.create("api-keys", max_budget_usd=1)
    ask = {"key": other["key"], "estimated_usd": 0.1, **own}
    assert ada.post("/api-keys/verify", ask).status_code == 409
    ada.post("/api-keys/reservations/my-retry-1/settle", {"cost_usd": 0.6})
    reserved(ada, issued, 0.6, **own)  # settled already: nothing is reserved again
    rehearsal = ada.post("/api-keys/verify", {"key": issued["key"], "dry_run": True}).json
    assert rehearsal["budget"]["reserved_usd"] == 0


def test_a_repeated_reservation_takes_no_use_and_nothing_of_a_minute(ada: Api):
    issued = ada.create("api-keys", max_budget_usd=1, max_uses=2, rpm_limit=100, tpm_limit=1000)
    asked = {"key": issued["key"], "estimated_usd": 0.6, "cost_tokens": 10}
    first = ada.post("/api-keys/verify", {**asked, "reservation_id": "my-retry-1"}).json
    for _ in range(5):
        again = ada.post("/api-keys/verify", {**asked, "reservation_id": "my-retry-1"}).json
        assert (again["code"], again["reservation_id"]) == ("VALID", "my-retry-1")
        for before, now in zip(first["limits"], again["limits"], strict=True):
            assert now["remaining"] >= before["remaining"], now["name"]
    other = {**asked, "estimated_usd": 0.1}
    assert ada.post("/api-keys/verify", other).json["code"] == "VALID"
    assert ada.post("/api-keys/verify", other).json["code"] == "USES_EXCEEDED"


@pytest.mark.parametrize("uses", [None, 20])
def test_each_call_that_reserves_money_shows_what_is_left_after_it(
    app: Flask, ada: Api, database: Database, uses: int | None
):
    """PostgreSQL counts the first calls, and memory those that a lease covers."""
    issued = ada.create("api-keys", max_budget_usd=1, rpm_limit=100, tpm_limit=1000, max_uses=uses)
    asked = {"key": issued["key"], "estimated_usd": 0.01, "cost_tokens": 10}
    for number in range(1, 9):
        # Not at the end of a slot of two seconds: a lease could end just before the call.
        until(lambda: database.sql("SELECT extract(epoch FROM clock_timestamp())") % 2 < 1.5)
        # A thread does so every second. What a lease that has ended did not use counts until then.
        app.extensions["keys"].meters.return_slices()
        answer = ada.post("/api-keys/verify", asked).json
        left = {limit["name"]: limit["remaining"] for limit in answer["limits"]}
        assert (left["rpm"], left["tpm"]) == (100 - number, 1000 - 10 * number)
        assert left.get("uses") == (None if uses is None else uses - number)
        assert answer["budget"]["available_usd"] == pytest.approx(1 - number / 100)


def test_a_refusal_says_when_a_call_fits_again(ada: Api, database: Database):
    issued = ada.create("api-keys", rpm_limit=10)
    asked = {"key": issued["key"]}
    # Calls are counted in slots of two seconds. What a process has left over from one slot counts
    # for a moment longer, so all ten should be made in the same one.
    until(lambda: database.sql("SELECT extract(epoch FROM clock_timestamp())") % 2 < 0.4)
    assert all(ada.post("/api-keys/verify", asked).json["valid"] for _ in range(10))
    # As if all ten had been made fifty seconds ago.
    database.sql("UPDATE key_rate SET newest = newest - 25")
    answer = ada.post("/api-keys/verify", asked).json
    assert answer["code"] == "RPM_EXCEEDED"
    [limit] = answer["limits"]
    now = database.sql("SELECT clock_timestamp()")
    waits = (datetime.fromisoformat(limit["reset_at"]) - now).total_seconds()
    assert 5 <= waits <= 12.1, "they fall out of the window 60 to 62 s after they were made"


def test_tokens_are_corrected_while_they_count(ada: Api, database: Database):
    issued = ada.create("api-keys", tpm_limit=1000)
    reservation = reserved(ada, issued, 0, cost_tokens=900)
    ada.post(f"/api-keys/reservations/{reservation}/settle", {"tokens": 100})
    assert database.sql(TOKENS) == 100
    late = reserved(ada, issued, 0, cost_tokens=10, reservation_id="my-own-1")
    database.sql("UPDATE spend_reservation SET bucket = bucket - 40")
    before = database.sql(TOKENS)
    ada.post(f"/api-keys/reservations/{late}/settle", {"tokens": 500})
    assert database.sql(TOKENS) == before


@settings(
    max_examples=times(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(st.decimals("0", "0.4", places=3), st.decimals("0", "0.5", places=3)),
        max_size=6,
    )
)
def test_the_ledger_adds_up_to_the_counters(app: Flask, ada: Api, database: Database, calls: Any):
    issued = ada.create("api-keys", max_budget_usd=1)
    for estimate, cost in calls:
        ask = {"key": issued["key"], "estimated_usd": str(estimate)}
        answer = ada.post("/api-keys/verify", ask).json
        if answer["valid"]:
            path = f"/api-keys/reservations/{answer['reservation_id']}/settle"
            assert ada.post(path, {"cost_usd": str(cost)}).status_code == 200
    app.extensions["keys"].meters.return_slices(everything=True)
    total = database.sql(
        "SELECT coalesce(sum(cost_usd), 0) FROM spend_ledger WHERE key_id = %s",
        issued["id"],
    )
    row = database.sql(
        "SELECT spent_usd, reserved_usd FROM key_budget WHERE family_id = %s",
        issued["id"],
    )
    assert row in (None, (total, 0))
    assert ada.get(f"/api-keys/{issued['id']}").json["spend_usd"] == float(total)


# ---------------------------------------------------------------- the calendar

MOMENTS = [
    # Berlin goes to summer time at 01:00 UTC of 29 March 2026, and back at 01:00 of 25 October.
    ("day", "Europe/Berlin", "2026-03-29T12:00Z", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
    ("day", "Europe/Berlin", "2026-10-25T12:00Z", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
    ("month", "Europe/Berlin", "2026-03-31T21:59Z", "2026-02-28T23:00Z", "2026-03-31T22:00Z"),
    ("month", "Europe/Berlin", "2026-03-31T22:00Z", "2026-03-31T22:00Z", "2026-04-30T22:00Z"),
    ("month", "UTC", "2028-02-29T23:59Z", "2028-02-01T00:00Z", "2028-03-01T00:00Z"),
    ("week", "America/New_York", "2026-11-01T05:00Z", "2026-10-26T04:00Z", "2026-11-02T05:00Z"),
    ("day", "Asia/Kathmandu", "2026-05-01T18:14Z", "2026-04-30T18:15Z", "2026-05-01T18:15Z"),
    ("none", "UTC", "2026-05-01T00:00Z", "1970-01-01T00:00Z", None),
]


@pytest.mark.parametrize(("period", "zone", "at", "begins", "ends"), MOMENTS)
def test_trap_13_periods_follow_the_tenants_calendar(
    database: Database, period: str, zone: str, at: str, begins: str, ends: str | None
):
    found = database.sql("SELECT budget_period_start(%s, %s, %s::timestamptz) = %s::timestamptz,"
        " budget_period_end(%s, %s, %s::timestamptz) IS NOT DISTINCT FROM %s::timestamptz",
        period, zone, at, begins, period, zone, at, ends,
    )  # fmt: skip
    assert found == (True, True)


def test_a_budget_begins_anew_by_itself(ada: Api, database: Database):
    issued = ada.create("api-keys", max_budget_usd=1, budget_period="day")
    late = reserved(ada, issued, 0.2)
    ada.post(f"/api-keys/{issued['id']}/usage", {"cost_usd": 0.8})
    ask = {"key": issued["key"], "estimated_usd": 0.5}
    assert ada.post("/api-keys/verify", ask).json["code"] == "BUDGET_EXCEEDED"
    database.sql(
        "UPDATE key_budget SET period_start = period_start - interval '1 day',"
        " period_end = period_end - interval '1 day'",
    )
    database.sql(
        "UPDATE spend_reservation SET period_start = period_start - interval '1 day'",
    )
    database.sql(
        "UPDATE api_key_runtime SET spend_period_end = spend_period_end - interval '1 day'",
    )
    assert ada.get(f"/api-keys/{issued['id']}").json["spend_usd"] == 0
    assert ada.post("/api-keys/verify", ask).json["valid"]
    # A reservation of yesterday changes no counter of today.
    ada.post(f"/api-keys/reservations/{late}/settle", {"cost_usd": 0.2})
    assert database.sql("SELECT spent_usd, reserved_usd FROM key_budget") == (0, Decimal("0.5"))


AHEAD = "SELECT spent_usd FROM touch_budget(%s, %s, 'month', 'UTC', now() + interval '1 month')"


def test_a_budget_holds_when_the_clock_was_ahead_for_a_moment(ada: Api, database: Database):
    issued = ada.create("api-keys", max_budget_usd=10, budget_period="month")
    late = reserved(ada, issued, 3)
    ada.post(f"/api-keys/{issued['id']}/usage", {"cost_usd": 6})
    ask = {"key": issued["key"], "estimated_usd": 2}
    assert ada.post("/api-keys/verify", ask).json["code"] == "BUDGET_EXCEEDED"
    # A call is counted while the clock of the database is a month ahead; then it is set right.
    assert database.sql(AHEAD, issued["tenant_id"], issued["id"]) == 0
    answer = ada.post("/api-keys/verify", ask).json
    assert answer["code"] == "BUDGET_EXCEEDED"
    assert (answer["budget"]["spent_usd"], answer["budget"]["reserved_usd"]) == (6, 3)
    settled = ada.post(f"/api-keys/reservations/{late}/settle", {"cost_usd": 4}).json["budget"]
    assert (settled["spent_usd"], settled["available_usd"]) == (10, 0)


def test_what_is_spent_while_the_clock_is_ahead_counts_when_it_is_set_right(
    ada: Api, database: Database
):
    issued = ada.create("api-keys", max_budget_usd=10, budget_period="month")
    late, open_ = reserved(ada, issued, 3), reserved(ada, issued, 1)
    database.sql(AHEAD, issued["tenant_id"], issued["id"])
    # As if the next month had begun, for as long as some calls take.
    early = database.sql("UPDATE key_budget SET period_start = now() RETURNING period_start")
    ada.post(f"/api-keys/{issued['id']}/usage", {"cost_usd": 2})
    reserved(ada, issued, 0.5)
    ada.post(f"/api-keys/reservations/{late}/settle", {"cost_usd": 4})
    for table in ("key_budget", "spend_reservation"):
        later = "UPDATE {} SET period_start = period_start + interval '1 month'"
        database.sql(f"{later.format(table)} WHERE period_start = %s", early)
    answer = ada.post("/api-keys/verify", {"key": issued["key"], "estimated_usd": 9}).json
    assert (answer["budget"]["spent_usd"], answer["budget"]["reserved_usd"]) == (6, 1.5)
    settled = ada.post(f"/api-keys/reservations/{open_}/settle", {"cost_usd": 1}).json["budget"]
    assert (settled["spent_usd"], settled["reserved_usd"]) == (7, 0.5)


# ---------------------------------------------------------------- leases in memory


def lease(clock: Clock, slot: int, requests: int) -> Lease:
    return Lease("t", clock.now + 2, slot, requests, 0, requests, 0)


@given(
    st.lists(
        st.tuples(st.sampled_from(["take", "refuse", "lend", "next slot"]), st.integers(0, 50)),
        max_size=40,
    )
)
def test_of_a_lease_nothing_is_used_twice_and_nothing_is_lost(steps: Any):
    clock = Clock()
    leases = Leases(clock)
    slot = lent = used = 0
    for step, amount in steps:
        if step == "next slot":
            clock.now += 2
            slot += 1
        elif step == "lend":
            leases.lend("key", lease(clock, slot, amount), (0, 0))
            lent += amount
        else:
            taken = leases.take("key", amount, 0)
            if step == "refuse":
                leases.give_back("key", taken, amount, 0)
            elif taken.requests and taken.lease:
                used += amount
    leases.end_all()
    assert used + sum(one.requests for one in leases.ended()) == lent


@pytest.mark.parametrize(("seconds", "wanted"), [(10, 12), (4, 30), (0.01, 120)])
def test_twice_of_what_was_used_is_wanted_for_ten_seconds(seconds: float, wanted: int):
    clock = Clock()
    leases = Leases(clock)
    assert leases.wanted("key", 1, 0) == (1, 0)
    leases.lend("key", Lease("t", clock.now + seconds, 7, 6, 0, 6, 0), (1, 0))
    for _ in range(5):
        assert leases.take("key", 1, 0).requests
    clock.now += seconds
    assert leases.wanted("key", 1, 0) == (wanted, 0)


def test_what_is_refused_after_its_lease_ended_goes_back():
    clock = Clock()
    leases = Leases(clock)
    leases.lend("key", lease(clock, 7, 5), (0, 0))
    taken = leases.take("key", 3, 0)
    clock.now += 2
    assert not leases.take("key", 1, 0).requests
    leases.give_back("key", taken, 3, 0)
    assert sorted(one.requests for one in leases.ended()) == [2, 3]
    assert leases.ended() == []


def test_a_sum_that_no_budget_can_hold_is_refused_and_not_recorded(ada: Api) -> None:
    path = f"/api-keys/{ada.create('api-keys')['id']}/usage"
    assert ada.post(path, {"cost_usd": 999_999_999}).status_code == 200
    refused = ada.post(path, {"cost_usd": 1})
    assert (refused.status_code, (refused.json or {})["code"]) == (409, "conflict")
    assert ada.post(path, {"cost_usd": 0.5}).json["budget"]["spent_usd"] == 999_999_999.5  # type: ignore[index]
