"""The decision about a key: the order of the checks, and their trace."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.keys.decision.decision import CHECKS, Question, is_dark, refusal, trace
from portal.keys.decision.snapshot import Snapshot
from portal.outbound.networks import parse

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
GOOD = Snapshot(
    "tnt_1", "key_1", "A key", "virtual_llm", frozenset({"a:read"}), frozenset({"m"}),
    (ip_network("10.0.0.0/8"),), None, None, None, None, "none", "key_1", False, None, None,
    NOW + timedelta(days=1), None, False, "app_1", "crm", "active", None, "UTC", None,
)  # fmt: skip
ASKED = Question("a:read", "m", 0, None, parse("10.1.2.3"))

FAULTS = {
    "REVOKED": lambda key, q: (replace(key, revoked_at=NOW), q),
    "BLOCKED": lambda key, q: (replace(key, blocked=True), q),
    "EXPIRED": lambda key, q: (replace(key, expires_at=NOW), q),
    "APP_INACTIVE": lambda key, q: (replace(key, application_status="suspended"), q),
    "IP_FORBIDDEN": lambda key, q: (key, replace(q, ip=parse("192.0.2.1"))),
    "SCOPE_MISSING": lambda key, q: (key, replace(q, scope="b:write")),
    "MODEL_FORBIDDEN": lambda key, q: (key, replace(q, model="other")),
}


def test_a_key_without_fault_opens():
    assert refusal(GOOD, ASKED, NOW) is None
    assert all(check.passed for check in trace(GOOD, ASKED, NOW))


@given(st.sets(st.sampled_from(sorted(FAULTS))))
def test_the_first_fault_in_the_promised_order_is_named(faults: set[str]):
    key, question = GOOD, ASKED
    for fault in faults:
        key, question = FAULTS[fault](key, question)
    order = [code for code, _, _ in CHECKS]
    assert order == list(FAULTS)
    assert refusal(key, question, NOW) == next((c for c in order if c in faults), None)
    assert {c.code for c in trace(key, question, NOW) if not c.passed} == faults


def test_what_is_not_asked_is_not_looked_at():
    assert refusal(GOOD, Question(ip=ASKED.ip), NOW) is None
    assert refusal(GOOD, Question(), NOW) == "IP_FORBIDDEN"  # an unknown address is in no network


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3"])
def test_an_address_is_the_same_however_it_is_written(address: str):
    assert refusal(GOOD, replace(ASKED, ip=parse(address)), NOW) is None


def test_a_revocation_at_a_time_waits_for_it():
    later = replace(GOOD, revoked_at=NOW + timedelta(seconds=1))
    assert refusal(later, ASKED, NOW) is None
    assert refusal(later, ASKED, NOW + timedelta(seconds=1)) == "REVOKED"


def test_a_brownout_grows_until_it_is_always_dark():
    dark = [sum(is_dark(NOW, NOW + timedelta(minutes=60 * h + m)) for m in range(60))
            for h in range(8)]  # fmt: skip
    assert dark == [1, 2, 4, 8, 16, 32, 60, 60]
    assert not is_dark(NOW, NOW - timedelta(seconds=1))
