"""Exports of lists as CSV and JSON Lines, through REST and from pages."""

import asyncio
import csv
import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Event, Thread
from typing import IO, Any

import pytest
from flask import Flask
from sqlalchemy.exc import DBAPIError
from werkzeug.test import EnvironBuilder, TestResponse

from portal.bulk.exports import reading, service
from portal.core import deadlines
from portal.front import wsgi
from portal.front.answers import pipe, streaming
from portal.rest import api
from tests.cast import ADA, PREFIX, VIC, Api, Pages
from tests.databases import Database
from tests.front.kit import SECONDS, until

HOSTILE = ['=HYPERLINK("http://x")', "+1", "-1+1", "@SUM(1)", "\uff1d1", 'a, "b"', "<script>"]


def export(caller: Api, resource: str, **asked: Any) -> TestResponse:
    return caller.post(f"/{resource}/exports", asked, buffered=True)


def lines(answer: TestResponse) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.get_data().decode(), newline="")))


def test_an_export_has_the_records_and_fields_of_the_list(ada: Api) -> None:
    for number in range(3):
        ada.create("api-keys", name=f"Key {number}", tags=["a", "b"], rpm_limit=60)
    listed = ada.get("/api-keys").json["items"]
    exported = [
        json.loads(line)
        for line in export(ada, "api-keys", format="jsonl").text.split("\n")
        if line
    ]
    for one in (*listed, *exported):
        one.pop("health")
    assert exported == listed


def test_csv_is_what_spreadsheets_and_programs_read(ada: Api) -> None:
    for name in HOSTILE:
        ada.create("api-keys", name=name, tags=["a", "b"])
    answer = export(ada, "api-keys", filter={"status": "active"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="api-keys-')
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_data().count(b"\r\n") == len(HOSTILE) + 1
    found = {line["name"]: line for line in lines(answer)}
    safe = [f"'{name}" if name[0] in "=+-@\uff1d" else name for name in HOSTILE]
    assert sorted(found) == sorted(safe)
    assert found["<script>"]["tags"] == '["a","b"]'
    assert found["<script>"]["blocked"] == "false"
    assert found["<script>"]["rpm_limit"] == ""


SEPARATED = {
    "a;=1+1;b": "a;'=1+1;b",
    "a;b": "a;b",
    "a;-1": "a;'-1",
    "a\n=1+1;": "a\n'=1+1;",
    "a\t\uff0b1": "a\t'\uff0b1",
}


@pytest.mark.parametrize(("text", "safe"), SEPARATED.items())
def test_no_formula_begins_where_a_spreadsheet_has_another_separator(
    ada: Api, text: str, safe: str
) -> None:
    ada.create("applications", description=text)
    (line,) = lines(export(ada, "applications"))
    assert line["description"] == safe


def test_no_formula_begins_inside_a_list_or_an_object(ada: Api) -> None:
    ada.create("webhooks", headers={"X-Rule": "a;=1"})
    (line,) = lines(export(ada, "webhooks"))
    assert line["headers"] == """{"X-Rule":"a;'=1"}"""


def test_an_export_leaves_out_what_is_for_somebody_else(ada: Api, ed: Api, gus: Api) -> None:
    ed.create("connectors", name="Mine alone", scope="user")
    ed.create("connectors", name="For all")
    assert [line["name"] for line in lines(export(ada, "connectors"))] == ["For all"]
    assert len(lines(export(ed, "connectors"))) == 2
    assert lines(export(gus, "connectors")) == []


def test_an_export_is_in_the_audit_log(ada: Api) -> None:
    ada.create("api-keys")
    export(ada, "api-keys", filter={"status": "active"}).get_data()
    (entry,) = ada.get("/audit?action=export.begun").json["items"]
    assert entry["changes"] == {
        "format": [None, "csv"],
        "filter": [None, {"status": "active"}],
        "records": [None, 1],
    }


def test_an_export_that_cannot_be_completed_says_so_in_its_last_line(
    ada: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "AT_ONCE", 1)
    for number in range(4):
        ada.create("applications", display_name=f"App {number}")
    for kind in ("csv", "jsonl"):
        answer = ada.post("/applications/exports", {"format": kind}, buffered=False)
        parts = answer.iter_encoded()
        begun = [next(parts), next(parts)]
        database.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE state = 'idle in transaction' AND datname = current_database()"
        )
        *_, last = b"".join([*begun, *parts]).splitlines()
        assert b"This file is incomplete" in last
        answer.close()


@pytest.mark.parametrize("filter", [{"status": "aktive"}, {"limit": "3"}, {"nope": "1"}])
def test_a_wrong_filter_is_named(ada: Api, filter: dict[str, str]) -> None:
    answer = export(ada, "api-keys", filter=filter)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == f"filter.{next(iter(filter))}"


def test_a_tenant_has_one_export_at_a_time(ada: Api) -> None:
    ada.create("applications")
    first = ada.post("/applications/exports", {}, buffered=False)
    assert export(ada, "applications").status_code == 429
    first.close()
    assert export(ada, "applications").status_code == 200


def test_the_place_is_taken_before_the_records_are_counted(
    ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("One", "Two"):
        ada.create("applications", display_name=name)
    first = ada.post("/applications/exports", {}, buffered=False)
    monkeypatch.setattr(service, "MOST", 1)
    assert export(ada, "applications").status_code == 429
    first.close()
    assert export(ada, "applications").status_code == 409
    monkeypatch.undo()
    assert export(ada, "applications").status_code == 200


@contextmanager
def commits_that_fail(database: Database, does: str) -> Iterator[None]:
    """Let the database do this when an audit entry is committed."""
    database.sql(
        f"CREATE FUNCTION refuse_entry() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {does};"
        " RETURN NEW; END $$"
    )
    database.sql(
        "CREATE CONSTRAINT TRIGGER refuse_entry AFTER INSERT ON audit_entry"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_entry()"
    )
    try:
        yield
    finally:
        database.sql("DROP FUNCTION refuse_entry CASCADE")


def test_an_export_that_is_not_committed_gives_its_place_back(ada: Api, database: Database) -> None:
    ada.create("applications")
    with commits_that_fail(database, "PERFORM pg_terminate_backend(pg_backend_pid())"):
        assert export(ada, "applications").status_code == 503
    assert export(ada, "applications").status_code == 200
    with commits_that_fail(database, "RAISE EXCEPTION 'no'"), pytest.raises(DBAPIError):
        export(ada, "applications")
    assert export(ada, "applications").status_code == 200


IDLE = (
    "SELECT coalesce(max(now() - state_change), '1 hour') > interval '5.5 seconds'"
    " FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
)


def test_a_client_may_pause_for_longer_than_other_transactions(
    ada: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reading.IDLE_SECONDS > deadlines.PART_SECONDS
    monkeypatch.setattr(reading, "AT_ONCE", 1)
    for number in range(4):
        ada.create("applications", display_name=f"App {number}")
    answer = ada.post("/applications/exports", {}, buffered=False)
    parts = answer.iter_encoded()
    begun = [next(parts), next(parts)]
    until(lambda: database.sql(IDLE))
    assert len(b"".join([*begun, *parts]).splitlines()) == 5
    answer.close()


def test_an_export_that_takes_too_long_says_so_in_its_last_line(
    ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.create("applications")
    monkeypatch.setattr(service, "LONGEST", -1)
    *_, last = export(ada, "applications").text.splitlines()
    assert last == "# This file is incomplete: it took longer than 15 minutes. Export it again."


@pytest.mark.parametrize("caller", ["a key", "a person"])
def test_an_export_ends_with_the_rights_of_who_asked(
    app: Flask, ada: Api, database: Database, monkeypatch: pytest.MonkeyPatch, caller: str
) -> None:
    monkeypatch.setattr(reading, "AT_ONCE", 1)
    monkeypatch.setattr(service, "MAY_STILL", -1)
    for number in range(4):
        ada.create("applications", display_name=f"App {number}")
    key = ada.create("api-keys", name="Robot", scopes=["applications:read"])
    asker = Api(app.test_client(), key["key"]) if caller == "a key" else ada
    answer = asker.post("/applications/exports", {}, buffered=False)
    parts = answer.iter_encoded()
    begun = [next(parts), next(parts), next(parts)]
    if caller == "a key":
        ada.post(f"/api-keys/{key['id']}/revoke", {})
    else:
        database.sql("UPDATE person SET auth_version = auth_version + 1")
    _, _, _, last = b"".join([*begun, *parts]).decode().splitlines()
    assert last == (
        "# This file is incomplete: who asked for it may not read these records any more."
        " Export it again."
    )
    answer.close()


class Client:
    """Stand in for granian's side of a response: a client that reads when it is told to."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.reads = Event()
        self.has_left = False
        self._got: Future[bytes] = Future()
        self._threads = [Thread(target=self.loop.run_forever)]
        self._threads[0].start()

    def response_file(self, status: int, headers: Any, path: str) -> None:
        if not self.has_left:
            self._threads.append(Thread(target=self._receive, args=[open(path, "rb")]))  # noqa: SIM115
            self._threads[-1].start()

    def _receive(self, file: IO[bytes]) -> None:
        with file:
            begun = file.read(2 * pipe.CAPACITY)
            self.reads.wait(SECONDS)
            self._got.set_result(begun + file.read())

    async def client_disconnect(self) -> None:
        assert self.has_left

    def read(self) -> bytes:
        """Read all that was sent."""
        self.reads.set()
        return self._got.result(SECONDS)

    def stop(self) -> None:
        self.reads.set()
        for thread in self._threads[1:]:
            thread.join()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._threads[0].join()
        self.loop.close()


@pytest.fixture
def client() -> Iterator[Client]:
    one = Client()
    yield one
    one.stop()


def send(app: Flask, caller: Api, client: Client, **asked: Any) -> None:
    """Send an export as the web server does."""
    environ = EnvironBuilder(
        f"{PREFIX}/applications/exports",
        method="POST",
        json=asked,
        headers={"Authorization": f"Bearer {caller.token}"},
    ).get_environ()
    begun = wsgi.begin(app.wsgi_app, environ)
    streaming.send(client.loop, client, begun, environ[api.STREAMED])


def create_many(caller: Api) -> None:
    """Create what takes more bytes than the server and a client that reads nothing hold."""
    items = [{"display_name": f"App {n}", "description": "x" * 1000} for n in range(500)]
    assert caller.post("/applications/batch", {"items": items}).status_code < 300


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_a_client_that_is_too_slow_gets_a_last_line_that_says_so(
    app: Flask, ada: Api, client: Client, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setattr(deadlines, "PART_SECONDS", 0.5)
    create_many(ada)
    send(app, ada, client, format=format)
    last = client.read().splitlines()[-1].decode()
    said = "This file is incomplete: it was read too slowly. Export it again."
    assert last == f"# {said}" if format == "csv" else json.loads(last)["detail"] == said
    assert export(ada, "applications").status_code == 200


def test_a_client_that_has_left_before_its_file_frees_its_place(
    app: Flask, ada: Api, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "BEGIN_SECONDS", 0.05)
    create_many(ada)
    client.has_left = True
    send(app, ada, client)
    assert export(ada, "applications").status_code == 200


def test_a_page_exports_what_its_filter_shows(
    app: Flask, ada: Api, browse: Callable[..., Pages]
) -> None:
    for name in ("Old", "New"):
        ada.create("api-keys", name=name, tags=[name.lower()])
    page = browse(VIC)
    shown = page.get("/keys?tag=old").text
    assert 'name="filter" value="tag=old"' in shown
    sent = {"resource": "api-keys", "filter": "tag=old", "format": "csv"}
    answer = page.post("/exports", sent, buffered=True)
    assert [line["name"] for line in lines(answer)] == ["Old"]
    assert browse(ADA).post("/exports", {"resource": "nothing"}).status_code == 400
