"""A key's limit holds in every 60 seconds: PostgreSQL counts, and the test moves the counts in
time."""

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.core.config import libpq_url
from portal.keys.decision import snapshot
from portal.keys.decision.clock import Clock
from portal.keys.decision.decision import Question
from portal.keys.decision.lookup_connections import LookupConnections
from portal.keys.limits.admission import CallAdmission
from portal.keys.limits.counting import BatchCounter
from portal.keys.limits.window_leases import Lease, Leases
from portal.migrations import functions
from tests.cast import Api
from tests.databases import Database
from tests.thorough import times

ADMITTING = (Path(functions.__file__).parent / "keys" / "admit_calls.sql").read_text()
WINDOW = 31  # slots of two seconds: sixty seconds and a part of a slot
OPEN_SLICES = """
WITH budget AS (
    UPDATE key_budget SET reserved_usd = reserved_usd + 4 WHERE family_id = %s RETURNING *
)
INSERT INTO spend_reservation (tenant_id, id, key_id, family_id, period_start, usd, tokens, bucket,
    expires_at, secret)
SELECT tenant_id, 'rsv_' || n, family_id, family_id, period_start, 0.01, 0, 0,
    now() + interval '10 minutes', 'secret'
FROM budget, generate_series(1, 400) AS n
"""
READ_OF_DUE = "SELECT pg_stat_get_xact_tuples_returned('ix_spend_reservation_due'::regclass)"
ADMIT = "SELECT refused, slot, requests_lent, until_ms FROM admit_calls(%s::text::jsonb, 600, 1000)"


class Rate:
    """One key's requests, as processes send them, in a time that the test moves."""

    def __init__(self, database: Database, issued: dict[str, Any], limit: int) -> None:
        self.database, self.issued, self.limit = database, issued, limit
        self.moved = 0  # number of slots by which the counts were moved into the past
        self.used: dict[int, int] = {}  # slot in the moved time → requests that were let through
        self.open: list[tuple[int, int]] = []  # leases: (last slot, requests left)

    def pass_by(self, slots: int) -> None:
        self.database.sql("UPDATE key_rate SET newest = newest - %s", slots)
        self.moved += slots

    def now(self) -> int:
        seconds = self.database.sql("SELECT extract(epoch FROM clock_timestamp())::float8")
        return int(seconds // 2) + self.moved

    def ask(self, want: int) -> str | None:
        """Let a call be counted and `want` requests be lent; return the code of a refusal, or
        None."""
        asked = {
            "n": 0, "tenant": self.issued["tenant_id"], "key": self.issued["id"],
            "family": self.issued["id"], "rpm": self.limit, "requests": 1,
            "requests_want": want, "dry": False,
        }  # fmt: skip
        refused, slot, lent, _ = self.database.sql(ADMIT, json.dumps([asked]))
        if refused is None:
            self._use(self._counted_in(), 1)
            self.open.append((slot + self.moved, lent - 1))
        return refused

    def _counted_in(self) -> int:
        """Return the slot that the last call was counted in. A new slot may have begun since."""
        counted_in = "SELECT newest - 4 FROM key_rate WHERE key_id = %s"  # four lie ahead
        return int(self.database.sql(counted_in, self.issued["id"])) + self.moved

    def use_leases(self) -> None:
        """Use all requests that were lent and have not ended, as late as a process may."""
        now = self.now()
        for last, left in self.open:
            if last >= now and left:
                self._use(now, left)
        self.open = []

    def _use(self, slot: int, requests: int) -> None:
        self.used[slot] = self.used.get(slot, 0) + requests

    @property
    def most(self) -> int:
        """Return the most requests that any window let through."""
        return max(
            (sum(n for slot, n in self.used.items() if first <= slot < first + WINDOW)
             for first in self.used),
            default=0,
        )  # fmt: skip


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(1, 40)),
        st.tuples(st.just("pass"), st.integers(1, 40)),
        st.tuples(st.just("use"), st.just(0)),
    ),
    min_size=1,
    max_size=60,
)


@settings(
    max_examples=times(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(STEPS, st.sampled_from([1, 10, 300]))
def test_no_sixty_seconds_admit_more_than_the_limit(
    ada: Api, database: Database, steps: list[tuple[str, int]], limit: int
):
    rate = Rate(database, ada.create("api-keys", rpm_limit=limit), limit)
    for step, number in steps:
        if step == "pass":
            rate.pass_by(number)
        elif step == "use":
            rate.use_leases()
        else:
            rate.ask(number)
    rate.use_leases()
    assert rate.most <= limit


def test_a_flood_gets_at_least_nineteen_of_twenty_of_its_limit(ada: Api, database: Database):
    rate = Rate(database, ada.create("api-keys", rpm_limit=300), 300)
    for _ in range(93):  # three windows, and in each slot as many requests as possible
        while rate.ask(40) is None:
            rate.use_leases()  # at once: on a busy machine a slot may end before the next call
        rate.pass_by(1)
    seconds = 2 * (max(rate.used) - min(rate.used) + 1)
    assert sum(rate.used.values()) >= 0.95 * 300 * seconds / 60
    assert rate.most <= 300


@pytest.mark.parametrize("by", ["any", "turns"])
@pytest.mark.parametrize(("processes", "demand"), [(4, 1.0), (8, 1.0), (8, 1.05)])
def test_a_demand_like_the_limit_gets_nineteen_of_twenty(
    ada: Api, database: Database, processes: int, demand: float, by: str
):
    """Each process gets any of the calls, or all of three seconds in turn. The first minute fills
    the window."""
    limit, begun, minutes = 600, 1_000_000_000.0, 4
    key, chance = ada.create("api-keys", rpm_limit=limit), random.Random(1)  # noqa: S311 - the same each time
    portal = LentTo(database, key, limit, processes, begun)
    many = round(limit * minutes * demand)
    asked = sorted(begun + 60 * minutes * chance.random() for _ in range(many))
    with portal:
        admitted = [
            at
            for at in asked
            if portal.admits(
                chance.randrange(processes) if by == "any" else int(at // 3) % processes, at
            )
        ]
    for first, at in enumerate(admitted):
        assert sum(later < at + 60 for later in admitted[first : first + limit + 1]) <= limit
    later_asked = sum(at >= begun + 60 for at in asked)
    got = sum(at >= begun + 60 for at in admitted)
    assert got >= 0.95 * min(later_asked, limit * (minutes - 1))


class LentTo:
    """One key's requests as processes lend and return them, by the clock of the test."""

    def __init__(
        self, database: Database, key: dict[str, Any], limit: int, processes: int, begun: float
    ) -> None:
        self.now = self._returned_at = begun
        self._leases = [Leases(lambda: self.now) for _ in range(processes)]
        self._facts = {"tenant": key["tenant_id"], "key": key["id"]}
        self._call = {"n": 0, "family": key["id"], "rpm": limit, "requests": 1, "dry": False}
        self._connection = psycopg.connect(libpq_url(database.superuser_url))
        # Within a transaction, which is rolled back: other tests need the function as it is.
        timed = ADMITTING.replace(
            "clock_timestamp()", "to_timestamp(current_setting('test.at')::float8)"
        )
        self._connection.execute(timed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.rollback()
        self._connection.close()

    def admits(self, process: int, at: float) -> bool:
        """Tell whether a process admits a call at this time."""
        while self._returned_at < at:
            self.now = self._returned_at = self._returned_at + 0.5
            self._return()
        self.now = at
        leases, key_id = self._leases[process], self._facts["key"]
        if leases.take(key_id, 1, 0).requests:
            return True
        call = self._facts | self._call | {"requests_want": leases.wanted(key_id, 1, 0)[0]}
        self._connection.execute("SELECT set_config('test.at', %s, true)", [repr(at)])
        [(refused, slot, lent, until)] = self._connection.execute(ADMIT, [json.dumps([call])])
        if refused:
            return False
        lease = Lease(self._facts["tenant"], at + until / 1000, slot, lent, 0, lent, 0)
        leases.lend(key_id, lease, (1, 0))
        return True

    def _return(self) -> None:
        ended = [one for leases in self._leases for one in leases.ended()]
        given = [
            self._facts | {"n": n, "slot": one.slot, "requests": one.requests, "tokens": 0}
            for n, one in enumerate(ended)
        ]
        self._connection.execute("SELECT return_slices(%s::text::jsonb)", [json.dumps(given)])


def test_an_onset_of_calls_gets_the_whole_limit_and_not_more(ada: Api, database: Database):
    """For fifty seconds half of the limit's rate, then within a slot as many as possible."""
    begun = 1_000_000_000.0
    with LentTo(database, ada.create("api-keys", rpm_limit=300), 300, 1, begun) as portal:
        before = [portal.admits(0, begun + n * 0.4) for n in range(125)]
        onset = [portal.admits(0, begun + 50 + n / 1000) for n in range(400)]
    assert all(before)
    assert onset == [True] * 175 + [False] * 225


@pytest.mark.parametrize(
    ("want", "lent", "seconds"),
    [(2, 2, 8), (12, 12, 8), (20, 4, 0), (6000, 150, 0)],
)
def test_a_process_that_wants_little_is_lent_it_for_ten_seconds(
    ada: Api, database: Database, want: int, lent: int, seconds: int
):
    """The first two want at most a 48th of what is free; the others are lent some for a slot."""
    rate = Rate(database, ada.create("api-keys", rpm_limit=600), 600)
    assert rate.ask(want) is None
    [(last, left)] = rate.open
    assert left + 1 == lent
    assert last - rate.now() in (seconds // 2, seconds // 2 - 1), "a slot may have ended since"


@pytest.mark.parametrize("back", [20, 5000], ids=["a little", "far"])
def test_a_clock_that_goes_back_blocks_no_key_for_longer_than_a_minute(
    ada: Api, database: Database, back: int
):
    rate = Rate(database, ada.create("api-keys", rpm_limit=5), 5)
    while rate.ask(1) is None:
        pass
    rate.pass_by(-back)  # the counts seem to lie in the future
    first = rate.ask(1)
    assert first == ("RPM_EXCEEDED" if back == 20 else None)
    rate.pass_by(20 + 35)
    assert rate.ask(1) is None


def test_what_was_lent_and_not_used_is_free_again(ada: Api, database: Database):
    issued = ada.create("api-keys", rpm_limit=100)
    rate = Rate(database, issued, 100)
    assert rate.ask(20) is None
    [(slot, left)] = rate.open
    back = {"n": 7, "tenant": issued["tenant_id"], "key": issued["id"], "slot": slot,
            "requests": left, "tokens": 0}  # fmt: skip
    assert database.sql("SELECT return_slices(%s::text::jsonb)", json.dumps([back])) == 7
    assert database.sql("SELECT requests_sum FROM key_rate") == 1


def test_what_a_crash_forgot_leaves_no_count_below_zero(ada: Api, database: Database):
    issued = ada.create("api-keys", rpm_limit=100, tpm_limit=100)
    rate = Rate(database, issued, 100)
    assert rate.ask(20) is None
    [(slot, left)] = rate.open
    database.sql("UPDATE key_rate SET requests = array_fill(0, ARRAY[35]), requests_sum = 0")
    back = {"n": 7, "tenant": issued["tenant_id"], "key": issued["id"], "slot": slot,
            "requests": left, "tokens": 5}  # fmt: skip
    assert database.sql("SELECT return_slices(%s::text::jsonb)", json.dumps([back])) == 7
    told = issued["tenant_id"], issued["id"], slot
    for more in (-5, 8, -3):
        database.sql("SELECT correct_tokens(%s, %s, %s, %s)", *told, more)
    counts = "SELECT requests_sum, tokens_sum, 0 <= ALL (requests), 5 = ANY (tokens) FROM key_rate"
    assert database.sql(counts) == (0, 5, True, True)


@pytest.mark.parametrize("is_lost", [False, True], ids=["same session", "lost session"])
def test_what_may_have_been_forgotten_is_not_returned(
    app: Flask, ada: Api, database: Database, is_lost: bool
):
    issued = ada.create("api-keys", rpm_limit=1000)
    for _ in range(10):
        assert ada.post("/api-keys/verify", {"key": issued["key"]}).json["valid"]
    lent = database.sql("SELECT requests_sum FROM key_rate")
    meters = app.extensions["keys"].meters
    if is_lost:  # so PostgreSQL may have crashed, and others have been lent the same since
        database.sql("SELECT pg_terminate_backend(%s, 5000)", meters.counting.lender[0])
    meters.return_slices(everything=True)
    counted = database.sql("SELECT requests_sum FROM key_rate")
    assert counted == (lent if is_lost else 10)
    assert lent > 10


def test_of_many_that_come_back_each_is_told_by_its_own_place(ada: Api, database: Database):
    rates = [Rate(database, ada.create("api-keys", rpm_limit=100), 100) for _ in range(45)]
    for rate in rates:
        assert rate.ask(20) is None
    back = [
        {"tenant": rate.issued["tenant_id"], "key": rate.issued["id"], "slot": rate.open[0][0],
         "requests": rate.open[0][1], "tokens": 0}
        for rate in rates
    ]  # fmt: skip
    counting = BatchCounter(database.app_url)
    with psycopg.connect(libpq_url(database.superuser_url)) as other:
        other.execute("SELECT FROM key_rate WHERE key_id = %s FOR UPDATE", (back[30]["key"],))
        places = counting.return_slices(back)
    counting.stop()
    assert places == [n for n in range(45) if n != 30]
    assert database.sql("SELECT sum(requests_sum) FROM key_rate") == 45 + rates[30].open[0][1]


def test_what_no_longer_exists_is_not_returned_again_and_again(database: Database):
    gone = {"tenant": "tnt_none", "key": "key_none", "slot": 0, "requests": 1, "tokens": 0}
    gone_slice = {"tenant": "tnt_none", "slice": "rsv_none", "usd": 1}
    counting = BatchCounter(database.app_url)
    assert counting.return_slices([gone, gone_slice]) == [0, 1]
    counting.stop()


def test_money_that_comes_back_is_found_without_a_look_at_all_that_is_out(
    ada: Api, database: Database
):
    key = ada.create("api-keys", max_budget_usd=100)
    assert ada.post("/api-keys/verify", {"key": key["key"], "estimated_usd": 0.01}).json["valid"]
    database.sql(OPEN_SLICES, key["id"])
    back = [
        {"n": number, "tenant": key["tenant_id"], "slice": f"rsv_{number}", "usd": "0.001"}
        for number in range(1, 41)
    ]
    with psycopg.connect(libpq_url(database.app_url)) as connection:
        done = connection.execute("SELECT return_slices(%s::text::jsonb)", (json.dumps(back),))
        assert [n for (n,) in done] == list(range(1, 41))
        [(read,)] = connection.execute(READ_OF_DUE)
    assert read < 400
    assert database.sql("SELECT count(*) FROM spend_reservation WHERE usd = 0.009") == 40


# ---------------------------------------------------------------- corrections of tokens


def test_tokens_of_a_key_without_a_limit_of_tokens_are_not_corrected(ada: Api, database: Database):
    issued = ada.create("api-keys", max_budget_usd=10, rpm_limit=1000)
    ask = {"key": issued["key"], "estimated_usd": 0.01, "cost_tokens": 100_000}
    own = [{"reservation_id": f"call-0000{n}"} for n in range(3)]
    for more in [*own, *[{}] * 7]:  # of those without an id of their own, a slice pays for some
        held = ada.post("/api-keys/verify", {**ask, **more}).json["reservation_id"]
        ada.post(f"/api-keys/reservations/{held}/settle", {"cost_usd": 0.01, "tokens": 10})
    assert database.sql("SELECT tokens_sum FROM key_rate") == 0
    assert ada.patch(f"/api-keys/{issued['id']}", {"tpm_limit": 1000}).status_code == 200
    ask = {"key": issued["key"], "cost_tokens": 1000}
    codes = [ada.post("/api-keys/verify", ask).json["code"] for _ in range(3)]
    assert codes == ["VALID", "TPM_EXCEEDED", "TPM_EXCEEDED"]


def test_tokens_from_a_lease_are_corrected_in_the_slot_of_the_lease(ada: Api, database: Database):
    issued = ada.create("api-keys", max_budget_usd=10, rpm_limit=100, tpm_limit=1000)
    clock = Clock()
    key = snapshot.load(LookupConnections(database.app_url), issued["key_hash"], clock)
    assert key
    meters = CallAdmission(BatchCounter(database.app_url), clock)
    # It has tokens left, and no request: PostgreSQL counts the request, in a slot of its own.
    lease = Lease(key.tenant_id, meters.leases.clock() + 60, 7, requests=0, tokens=500)
    meters.leases.lend(key.id, lease, (0, 0))
    admitted = meters.admit(key, Question(tokens=100, usd=Decimal("0.01")), "call-00001")
    meters.counting.stop()
    assert (admitted.refused, lease.tokens) == (None, 400)
    assert database.sql("SELECT tokens, bucket FROM spend_reservation") == (100, 7)
    assert admitted.slot != 7
