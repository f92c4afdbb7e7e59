"""Limits on requests and events a second hold for each tenant, over all processes."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portal_devtools.identity_provider.people import ACME, GLOBEX

from portal.core.errors import QuotaExceeded
from portal.records.quotas.rates import Rates, known
from tests.cast import ADA, GUS, Api
from tests.inbound.test_inbound import github, knock, make

EVENT = {"type": "rfp.created", "data": {"id": 1}}


def statuses(call, times: int) -> list[int]:
    return [call().status_code for _ in range(times)]


def test_a_program_over_the_limit_is_told_when_to_come_back(ada, gus, set_quota):
    set_quota("--requests-per-second", "2")
    answers = [ada.get("/connectors") for _ in range(20)]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json["code"] == "quota_exceeded"
    assert (refused.json["quota"], refused.json["limit"]) == ("requests_per_second", 2)
    assert "quota is 2 requests per second." in refused.json["detail"]
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["RateLimit-Policy"] == '"requests_per_second";q=2;w=1'
    assert statuses(lambda: gus.get("/connectors"), 5) == [200] * 5


def test_it_goes_on_after_the_wait(ada, set_quota):
    set_quota("--requests-per-second", "2")
    refused = next(a for a in (ada.get("/connectors") for _ in range(50)) if a.status_code == 429)
    time.sleep(int(refused.headers["Retry-After"]))
    assert ada.get("/connectors").status_code == 200


def test_a_page_says_it_in_words_and_signing_out_works(browse, set_quota):
    ada, gus = browse(ADA), browse(GUS)
    ada.csrf_token()
    set_quota("--requests-per-second", "1")
    refused = next(a for a in (ada.get("/connectors") for _ in range(50)) if a.status_code == 429)
    assert "quota is 1 request per second." in refused.text
    assert int(refused.headers["Retry-After"]) >= 1
    assert ada.post("/auth/logout").status_code in (302, 303)
    assert gus.get("/connectors").status_code == 200


def test_a_refused_batch_of_events_keeps_none_of_them(ada, set_quota, database):
    set_quota("--events-per-second", "10")
    assert ada.post("/events", [EVENT] * 10).status_code in (200, 202), "a bucket's worth"
    refused = ada.post("/events", [EVENT] * 10)
    assert (refused.status_code, refused.json["quota"]) == (429, "events_per_second")
    assert int(refused.headers["Retry-After"]) >= 1
    assert database.sql("SELECT count(*) FROM event") == 10


def test_a_batch_larger_than_a_second_waits_its_turn_and_the_next_one_for_it(app, set_quota):
    set_quota("--events-per-second", "10")
    with app.app_context():
        rates = Rates()
        rates.take(ACME, "events_per_second", 50)  # from a full bucket
        with pytest.raises(QuotaExceeded) as refused:
            rates.take(ACME, "events_per_second", 50)
    assert refused.value.retry_after in (4, 5)


def test_verifying_keys_has_limits_of_its_own(ada, set_quota):
    set_quota("--requests-per-second", "1")
    asked = {"key": "sk-acme-nothing"}
    assert statuses(lambda: ada.post("/api-keys/verify", asked), 20) == [200] * 20


@pytest.fixture
def processes(app, tenants) -> list[Rates]:
    """Return the rates of the same tenant in three processes."""
    return [Rates() for _ in range(3)]


def admitted(rates: Rates, times: int, tenant: str = ACME) -> int:
    done = 0
    for _ in range(times):
        try:
            rates.take(tenant, "requests_per_second")
            done += 1
        except QuotaExceeded:
            pass
    return done


@pytest.mark.parametrize("limit", [1, 5, 100])
def test_all_processes_together_get_one_buckets_worth_at_once(
    app, processes, set_quota, database, limit
):
    """Check that processes that borrow several at a time get exactly the bucket together."""
    set_quota("--requests-per-second", str(limit))
    with app.app_context():
        began = time.monotonic()
        total = sum(admitted(one, 2 * limit + 5) for one in processes * 2)
        seconds = time.monotonic() - began
    assert limit <= total <= limit * (1 + seconds) + 1


def test_threads_of_many_processes_stay_within_the_average(app, processes, set_quota):
    set_quota("--requests-per-second", "200")

    def work(rates: Rates) -> int:
        with app.app_context():
            return sum(admitted(rates, 50) for _ in range(20))

    began = time.monotonic()
    with ThreadPoolExecutor(6) as threads:
        total = sum(threads.map(work, processes * 2))
    seconds = time.monotonic() - began
    # The bucket and its refill, plus the loans of the second before.
    assert 200 <= total <= 200 * (2 + seconds)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 30)), max_size=25))
def test_what_is_used_was_lent(app, processes, set_quota, database, calls):
    """Check that processes use no more than a bucket and its refill, in any order."""
    database.sql("DELETE FROM quota_rate")
    set_quota("--events-per-second", "20")
    taken, largest = 0, 20
    with app.app_context():
        for one in processes:
            one.forget()
        began = time.monotonic()
        for number, many in calls:
            try:
                processes[number].take(ACME, "events_per_second", many)
            except QuotaExceeded:
                continue
            taken, largest = taken + many, max(largest, many)
        seconds = time.monotonic() - began
    assert taken <= 20 * (1 + seconds) + largest


def test_tenants_do_not_share_a_bucket(app, processes, set_quota):
    set_quota("--requests-per-second", "3")
    with app.app_context():
        admitted(processes[0], 20)
        assert admitted(processes[0], 20, GLOBEX) == 20


def test_a_process_that_starts_anew_gets_no_second_bucket(app, processes, set_quota):
    set_quota("--requests-per-second", "5")
    with app.app_context():
        began = time.monotonic()
        total = admitted(Rates(), 20) + admitted(Rates(), 20)
        seconds = time.monotonic() - began
    assert 5 <= total <= 5 * (1 + seconds) + 1


def test_a_database_that_cannot_lend_holds_nobody_up(app, api, set_quota, database):
    """Check that reading goes on, and that each process applies the limit by itself."""
    set_quota("--requests-per-second", "3")
    database.sql("REVOKE UPDATE, INSERT ON quota_rate FROM portal_app")
    try:
        with app.app_context():
            rates = Rates()
            assert admitted(rates, 50) == 50  # the default; the tenant's own is unknown
        assert api(ADA).get("/connectors").status_code == 200
    finally:
        database.sql("GRANT UPDATE, INSERT ON quota_rate TO portal_app")


def test_one_line_in_the_log_and_not_thousands(app, processes, set_quota, capsys):
    set_quota("--requests-per-second", "1")
    with app.app_context():
        admitted(processes[0], 200)
    said = [line for line in capsys.readouterr().out.splitlines() if "has reached a quota" in line]
    assert len(said) == 1
    assert ACME in said[0]
    assert "requests_per_second" in said[0]


def test_two_applications_share_the_limit(another_app, token_provider, app, set_quota):
    """Run two web processes of one portal and call them over HTTP."""
    set_quota("--requests-per-second", "2")
    portals = (app, another_app())
    callers = [Api(one.test_client(), token_provider.token(ADA)) for one in portals]
    began = time.monotonic()
    answers = [one.get("/connectors").status_code for _ in range(20) for one in callers]
    seconds = time.monotonic() - began
    assert 429 in answers
    assert answers.count(200) <= 2 * (2 + seconds)


def test_a_quarantine_larger_than_a_second_is_verified_anew_as_one_batch(app, ada, set_quota):
    webhook = make(ada)
    for number in range(4):
        body = b'{"number": %d}' % number
        headers = github(body, "another-secret", f"d-{number}")
        knock(app.test_client(), webhook["inbound_url"], body, headers)
    ada.patch(f"/webhooks/{webhook['id']}", {"inbound_secret": "another-secret"})
    set_quota("--events-per-second", "2")
    done = ada.post(f"/webhooks/{webhook['id']}/received/reverifications")
    assert (done.status_code, done.json["verified"]) == (200, 4), done.text


def test_what_was_taken_from_a_loan_may_be_given_back(app, tenants):
    with app.app_context():
        rates = known()
        for _ in range(3):  # frequent calls make it borrow more than it needs
            rates.take(ACME, "events_per_second")
        left = rates._held[ACME, "events_per_second"].left
        assert not rates.took(ACME, "events_per_second", "requests_per_second"), "one is not lent"
        assert rates.took(ACME, "events_per_second")
        rates.give_back(ACME, "events_per_second")
        assert rates._held[ACME, "events_per_second"].left == left
