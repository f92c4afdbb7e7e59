"""Exports of lists as CSV and JSON Lines, through REST and from pages."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.bulk.exports import reading
from tests.cast import ADA, VIC, Api, Pages
from tests.databases import Database

HOSTILE = ['=HYPERLINK("http://x")', "+1", "-1+1", "@SUM(1)", 'a, "b"', "<script>"]


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
    safe = [f"'{name}" if name[0] in "=+-@" else name for name in HOSTILE]
    assert sorted(found) == sorted(safe)
    assert found["<script>"]["tags"] == '["a","b"]'
    assert found["<script>"]["blocked"] == "false"
    assert found["<script>"]["rpm_limit"] == ""


def test_an_export_has_no_secret(ada: Api) -> None:
    made = ada.create("webhooks", url="https://hooks.example.com/x", event_types=["*"])
    key = ada.create("api-keys")
    for resource, secret in (("webhooks", made["signing_secret"]), ("api-keys", key["key"])):
        for kind in ("csv", "jsonl"):
            assert secret not in export(ada, resource, format=kind).text


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
