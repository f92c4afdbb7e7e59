"""Verify keys through the real web server.

Answers, limits and money are the same from memory, from counts and from the database.
"""

import http.client
import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from portal.core.config import libpq_url
from tests.bench.servers import free_port, portal_serving
from tests.cast import PREFIX, Api
from tests.databases import Database
from tests.keys.limits.waiting import until

PATH = f"{PREFIX}/api-keys/verify"
CALLERS, CALLS = 8, 25
SECONDS = 20
TRIED = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'portal-key-counting'
    AND query_start > %s
"""
HEARD = """
SELECT min(seq) >= (SELECT seq FROM key_change_seq) FROM key_verifier
WHERE seen_at > now() - interval '3 s'
"""

Ask = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def caller(ada: Api) -> dict[str, str]:
    """Return the headers of a trusted service."""
    key = ada.create("api-keys", scopes=["keys:verify"])["key"]
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


@pytest.fixture(scope="module")
def port_of_two(_settings: dict[str, str]) -> int:
    """Yield the port of a portal that runs in two processes."""
    port = free_port()
    address = {"PORTAL_BASE_URL": f"http://127.0.0.1:{port}"}
    with portal_serving(_settings | address, port, workers=2):
        yield port


def ask(port: int, headers: dict[str, str], body: Any, times: int = 1) -> list[tuple[int, Any]]:
    """Send the same request over one connection, and return the status and document of each
    answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    answers = []
    for _ in range(times):
        connection.request("POST", PATH, json.dumps(body), headers)
        answer = connection.getresponse()
        answers.append((answer.status, json.loads(answer.read())))
    connection.close()
    return answers


def together(port: int, headers: dict[str, str], body: Any) -> Counter[str]:
    """Return how often many simultaneous callers got each code."""
    with ThreadPoolExecutor(CALLERS) as callers:
        asked = [callers.submit(ask, port, headers, body, CALLS) for _ in range(CALLERS)]
        return Counter(document["code"] for one in asked for _, document in one.result())


def introspected(port: int, headers: dict[str, str], key: str) -> bool:
    """Tell whether the portal says that a key is active (RFC 7662)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/oauth/introspect", urlencode({"token": key}), form)
    found = json.loads(connection.getresponse().read())
    connection.close()
    return bool(found["active"])


def test_a_key_whose_uses_are_used_up_is_not_active(
    port_of_two: int, ada: Api, caller: dict[str, str]
) -> None:
    key = ada.create("api-keys", max_uses=3)["key"]
    heard = [introspected(port_of_two, caller, key) for _ in range(8)]  # both processes know it
    assert heard == [True] * 8
    for code in ["VALID"] * 3 + ["USES_EXCEEDED"]:
        [(_, document)] = ask(port_of_two, caller, {"key": key})
        assert document["code"] == code
    assert not any(introspected(port_of_two, caller, key) for _ in range(8))


def test_a_key_whose_budget_is_used_up_is_not_active(
    port_of_two: int, ada: Api, caller: dict[str, str]
) -> None:
    key = ada.create("api-keys", max_budget_usd=3)
    heard = [introspected(port_of_two, caller, key["key"]) for _ in range(8)]
    assert heard == [True] * 8
    assert ada.post(f"/api-keys/{key['id']}/usage", {"cost_usd": 3}).status_code == 200
    until(lambda: not any(introspected(port_of_two, caller, key["key"]) for _ in range(8)))
    [(_, document)] = ask(port_of_two, caller, {"key": key["key"]})
    assert document["code"] == "BUDGET_EXCEEDED"


def test_two_processes_admit_exactly_the_limit(
    port_of_two: int, ada: Api, caller: dict[str, str]
) -> None:
    issued = ada.create("api-keys", rpm_limit=60)
    question = {"key": issued["key"]}
    heard = together(port_of_two, caller, question)
    deadline = time.monotonic() + SECONDS
    # Requests that a process was lent and did not use go to later callers.
    while heard["VALID"] < 60 and time.monotonic() < deadline:
        heard += Counter(document["code"] for _, document in ask(port_of_two, caller, question))
    heard += together(port_of_two, caller, question)
    assert heard["VALID"] == 60
    assert heard.keys() == {"VALID", "RPM_EXCEEDED"}


def test_two_hundred_cents_of_one_dollar_are_exactly_a_hundred(
    port_of_two: int, ada: Api, caller: dict[str, str]
) -> None:
    issued = ada.create("api-keys", max_budget_usd=1)
    heard = together(port_of_two, caller, {"key": issued["key"], "estimated_usd": 0.01})
    assert heard == {"VALID": 100, "BUDGET_EXCEEDED": 100}


def test_a_key_that_is_stopped_while_its_call_waits_opens_nothing(
    port_of_two: int, ada: Api, caller: dict[str, str], database: Database
) -> None:
    crm = ada.create("applications", display_name="CRM")
    key = ada.create("api-keys", application_id=crm["id"], max_uses=10_000)
    asked = {"key": key["key"]}
    assert together(port_of_two, caller, asked) == {"VALID": 200}  # both processes know it
    with (
        ThreadPoolExecutor() as beside,
        psycopg.connect(libpq_url(database.superuser_url)) as other,
    ):
        other.execute("SELECT FROM api_key_runtime WHERE key_id = %s FOR UPDATE", (key["id"],))
        locked_at = database.sql("SELECT clock_timestamp()")
        late = beside.submit(ask, port_of_two, caller, asked)
        until(lambda: bool(database.sql(TRIED, locked_at)))
        path = f"/applications/{crm['id']}/suspend"
        assert ada.post(path, {"reason": "incident"}).status_code == 200
        until(lambda: bool(database.sql(HEARD)))
        assert not late.done()
    [(status, document)] = late.result()
    assert (status, document["code"]) == (200, "APP_INACTIVE")


def test_the_same_answers_from_memory_and_from_the_database(
    port_of_two: int, ada: Api, caller: dict[str, str]
) -> None:
    port = port_of_two
    issued = ada.create("api-keys", scopes=["keys:read"], rpm_limit=100)
    asked = {"key": issued["key"], "scope": "keys:read"}
    for status, answer in ask(port, caller, asked, times=4):
        assert (status, answer["code"], answer["key_id"]) == (200, "VALID", issued["id"])
    for status, answer in ask(port, caller, {**asked, "scope": "keys:write"}, times=2):
        assert (status, answer["code"]) == (200, "SCOPE_MISSING")
    [(status, answer)] = ask(port, caller, {**asked, "dry_run": True})
    assert status == 200
    assert [check["code"] for check in answer["trace"]][-1] == "BUDGET_EXCEEDED"
    [(status, answer)] = ask(port, caller, {**asked, "colour": "red"})
    assert (status, answer["errors"][0]["field"]) == (422, "colour")
    [(status, answer)] = ask(port, {**caller, "Authorization": "Bearer no"}, asked)
    assert status == 401


def test_the_same_introspections_are_refused_from_memory_and_by_the_application(
    port_of_two: int, ada: Api, caller: dict[str, str]
) -> None:
    key = ada.create("api-keys")["key"]
    form = {**caller, "Content-Type": "application/x-www-form-urlencoded"}
    connection = http.client.HTTPConnection("127.0.0.1", port_of_two, timeout=SECONDS)
    for sent, wanted in (
        (f"token={key}", (200, True)),
        ("token=", (200, False)),
        (f"token={key}&token_type_hint=", (200, True)),
        ("", (400, "invalid_request")),
        (f"token={key}&token={key}", (400, "invalid_request")),
        (f"token=&token={key}", (400, "invalid_request")),
        (f"token&token={key}", (400, "invalid_request")),
    ) * 3:
        connection.request("POST", "/oauth/introspect", sent, form)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        assert (answer.status, said.get("error", said.get("active"))) == wanted, sent
    connection.close()


def test_an_introspection_is_a_use_of_the_key_from_memory_too(
    port_of_two: int, ada: Api, caller: dict[str, str], database: Database
) -> None:
    asked = ada.create("api-keys")
    path = f"/api-keys/{asked['id']}"
    own = ada.create("api-keys", scopes=["keys:verify"])
    itself = {**caller, "Authorization": f"Bearer {own['key']}"}
    for _ in range(8):  # both processes know them
        assert introspected(port_of_two, caller, asked["key"])
        assert introspected(port_of_two, itself, own["key"])
    ada.post(f"{path}/block", {"reason": "odd"})
    until(lambda: bool(database.sql(HEARD)))
    for _ in range(8):
        assert not introspected(port_of_two, caller, asked["key"])

    def counted(key: dict[str, Any]) -> tuple[int, int]:
        counts = "SELECT ARRAY[request_count, denied_count] FROM api_key_runtime WHERE key_id = %s"
        used, refused = database.sql(counts, key["id"])
        return used, refused

    until(lambda: counted(asked) == (8, 8))
    until(lambda: counted(own) == (8, 0))
    assert (
        database.sql(
            "SELECT count(*) FROM key_denial WHERE key_id = %s AND code = 'BLOCKED'", asked["id"]
        )
        == 8
    )
    assert ada.get(path).json["last_used_at"] is not None
    [scope] = ada.get(f"{path}/impact").json["scopes"]
    assert (scope["what"], scope["calls"]) == ("oauth:introspect", 8)
