"""Exports from a real web server, which sends them in parts."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from portal_devtools.identity_provider.people import ACME

from portal.core.config import libpq_url
from tests.bench.servers import free_port, portal_serving
from tests.cast import PREFIX, Api
from tests.databases import Database
from tests.front.kit import SECONDS
from tests.thorough import IS_PROOF

RECORDS = 100_000 if IS_PROOF else 5_000
MOST_TRIES = 100
PATH = f"{PREFIX}/applications/exports"
FILL = """
INSERT INTO application (tenant_id, id, version, slug, display_name)
SELECT %s, 'app_' || lpad(n::text, 26, '0'), 1, 'app-' || n, repeat('x', 150) || n
FROM generate_series(1, %s) n
"""


@pytest.fixture(scope="module")
def port(_settings: dict[str, str]) -> Iterator[int]:
    port = free_port()
    address = {"PORTAL_BASE_URL": f"http://127.0.0.1:{port}"}
    with portal_serving(_settings | address, port):
        yield port


@contextmanager
def asked(
    port: int, caller: Api, *, seconds: float = SECONDS, **body: Any
) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    headers = {"Authorization": f"Bearer {caller.token}", "Content-Type": "application/json"}
    try:
        connection.request("POST", PATH, json.dumps(body), headers)
        with connection.getresponse() as answer:
            yield answer
    finally:
        connection.close()


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_a_large_export_is_sent_in_parts_and_whole(port: int, ada: Api, database: Database) -> None:
    with psycopg.connect(libpq_url(database.owner_url)) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", (ACME,))
        connection.execute(FILL, (ACME, RECORDS))
    lines, last = 0, b""
    with asked(port, ada, format="jsonl") as answer:
        assert answer.status == 200
        assert answer.headers["Transfer-Encoding"] == "chunked"
        for line in answer:
            lines, last = lines + 1, line
    assert lines == RECORDS
    assert json.loads(last)["slug"].startswith("app-")


def test_a_client_that_reads_slowly_delays_no_other_call_of_its_line(
    port: int, ada: Api, gus: Api, database: Database
) -> None:
    with psycopg.connect(libpq_url(database.owner_url)) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", (ACME,))
        connection.execute(FILL, (ACME, 20_000))
    with asked(port, ada, format="jsonl") as slow:
        assert slow.read(1000)
        for _ in range(5):  # others are there too, so each line gets one thread
            for caller in (gus, ada):
                with asked(port, caller, filter={"q": "nothing"}, seconds=10) as answer:
                    assert answer.status in (200, 429)  # a tenant has one export at a time
                    answer.read()


def test_a_client_that_leaves_frees_its_place(port: int, ada: Api, database: Database) -> None:
    with psycopg.connect(libpq_url(database.owner_url)) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", (ACME,))
        connection.execute(FILL, (ACME, 20_000))
    with asked(port, ada, format="jsonl") as left:
        assert left.read(1000)
    statuses: list[int] = []
    while 200 not in statuses:
        assert len(statuses) < MOST_TRIES, statuses
        with asked(port, ada, filter={"q": "app-1"}) as answer:
            statuses.append(answer.status)
            answer.read()
