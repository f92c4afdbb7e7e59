"""Test that a host that is cut off gives no outdated answers, and delays no other host."""

import subprocess
import sys
import time

import pytest

from tests.hindrance import again_and_again
from tests.keeper import ROOT
from tests.network.conftest import REST, TENANT, Hosts, hindrance_on, until

pytestmark = [pytest.mark.timeout(300), pytest.mark.proof]

LONG = 60  # seconds without the database

HOLD = """
import sys, time
from portal.core.deadlines import connection_settings
import psycopg
with psycopg.connect(sys.argv[1], **connection_settings("portal")) as connection:
    connection.execute("SELECT set_config('app.tenant_id', %s, false)", (sys.argv[2],))
    connection.execute("SELECT * FROM api_key_runtime WHERE key_id = %s FOR UPDATE", (sys.argv[3],))
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_revoked_key_is_refused_on_a_host_that_is_cut_off(hosts: Hosts):
    key = hosts.issue("revoked")
    limited = hosts.issue("limited", limit=1000)
    for host in ("w1", "w2"):
        for one in (key, limited):
            until(lambda host=host, one=one: hosts.verify(host, one).code == "VALID")
    with (
        hindrance_on(hosts, "w2") as hindered,
        again_and_again(lambda: hosts.verify("w2", key)) as on_w2,
        again_and_again(lambda: hosts.verify("w2", limited)) as limited_on_w2,
        again_and_again(lambda: hosts.verify("w1", limited)) as limited_on_w1,
    ):
        until(lambda: len(on_w2) > 5 and len(limited_on_w2) > 5)
        hosts.network.cut("w2")
        cut_at = time.monotonic()
        revoked = hosts.ask("w1", f"{REST}/api-keys/key_revoked/revoke", {"reason": "leaked"})
        assert revoked.status == 200, revoked.document
        revoked_at = time.monotonic()
        until(lambda: on_w2[-1].status == limited_on_w2[-1].status == 503)
        path = f"{REST}/api-keys/key_revoked/propagation"
        until(lambda: hosts.ask("w1", path, method="GET").document["cut_off"] == ["w2"])
        found = hosts.ask("w1", path, method="GET").document
        assert found["heard"] == found["verifiers"] == 1
        allowance = hindered()
    assert max(one.begun_at for one in on_w2 if one.code == "VALID") < revoked_at + 3
    for answers in (on_w2, limited_on_w2):
        assert {one.status for one in answers} == {200, 503}
        assert min(one.ended_at for one in answers if one.status == 503) < cut_at + 3 + allowance
        assert max(one.begun_at for one in answers if one.status == 200) < cut_at + 3 + allowance
    assert max(one.seconds for one in on_w2 + limited_on_w2) < 3 + allowance
    assert {one.code for one in limited_on_w1} <= {"VALID", "RPM_EXCEEDED"}
    assert hosts.ask("w2", "/healthz", method="GET").status == 200
    hosts.network.mend("w2")
    until(lambda: hosts.verify("w2", key).code == "REVOKED")
    until(lambda: hosts.ask("w1", path, method="GET").document["verifiers"] == 2)
    assert hosts.ask("w1", path, method="GET").document["cut_off"] == []


def test_a_lock_that_a_cut_off_host_holds_delays_its_own_key_alone(hosts: Hosts):
    held = hosts.issue("held", max_uses=1_000_000)  # each call needs the row
    other = hosts.issue("other", limit=100_000)
    for key in (held, other):
        until(lambda key=key: hosts.verify("w1", key).code == "VALID")
    url = hosts.environment["PORTAL_DATABASE_URL"]
    holder = hosts.network.start(
        "w2", [sys.executable, "-c", HOLD, url, TENANT, "key_held"], {},
        cwd=ROOT, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"
    with (
        hindrance_on(hosts, "w1") as hindered,
        again_and_again(lambda: hosts.verify("w1", held)) as of_held,
        again_and_again(lambda: hosts.verify("w1", other)) as of_other,
    ):
        hosts.network.cut("w2")
        cut_at = time.monotonic()
        until(lambda: any(one.status == 503 for one in of_held))
        until(lambda: of_held[-1].code == "VALID")
        free_at = time.monotonic()
        allowance = hindered()
    assert free_at - cut_at < 5 + allowance
    assert {one.code for one in of_other} == {"VALID"}
    assert max(one.seconds for one in of_other) < 1 + allowance
    hosts.network.mend("w2")


def test_while_the_database_is_cut_off_nobody_says_anything_old(hosts: Hosts):
    key = hosts.issue("away")
    limited = hosts.issue("away-limited", limit=100_000)
    for host in ("w1", "w2"):
        for one in (key, limited):
            until(lambda host=host, one=one: hosts.verify(host, one).code == "VALID")
    with (
        hindrance_on(hosts, "w1") as hindered,
        hindrance_on(hosts, "w2") as hindered_too,
        again_and_again(lambda: hosts.verify("w1", key)) as plain,
        again_and_again(lambda: hosts.verify("w2", limited)) as counted,
        again_and_again(lambda: hosts.ask("w1", "/healthz", method="GET")) as health,
    ):
        until(lambda: bool(plain and counted and health))
        hosts.network.cut("db")
        cut_at = time.monotonic()
        _revoke_where_the_database_is(hosts, "key_away")
        until(lambda: plain[-1].status == counted[-1].status == 503)
        until(lambda: time.monotonic() > cut_at + LONG, 2 * LONG)
        allowance = max(hindered(), hindered_too())
        hosts.network.mend("db")
        until(lambda: plain[-1].code == "REVOKED")
        until(lambda: counted[-1].code == "VALID")
    assert max(one.begun_at for one in plain if one.code == "VALID") < cut_at + 3
    refused = [one for one in counted if one.status == 503]
    assert min(one.ended_at for one in refused) < cut_at + 3 + allowance
    assert {one.status for one in health} == {200}
    assert max(one.seconds for one in plain + counted) < 3 + allowance
    page = hosts.ask("w1", "/", method="GET")
    assert page.status == 303


def _revoke_where_the_database_is(hosts: Hosts, key_id: str) -> None:
    with hosts.database() as connection:
        connection.execute("UPDATE api_key SET revoked_at = now() WHERE id = %s", (key_id,))


def test_the_doctor_finds_every_deadline_of_a_session_over_the_network(hosts: Hosts):
    """Only there are the settings for a lost connection in force."""
    doctor = hosts.network.start(
        "w1", [sys.executable, "-m", "portal.ops.cli", "doctor"], hosts.environment,
        cwd=ROOT, stdout=subprocess.PIPE,
    )  # fmt: skip
    said = doctor.communicate(timeout=60)[0].decode()
    [deadlines] = [line for line in said.splitlines() if " Deadlines " in line]
    assert deadlines.endswith(
        "statements, locks, idle transactions and lost connections end in time"
    )
