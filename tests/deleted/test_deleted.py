"""Deleted records of every kind are in one list until they are purged."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import psycopg
import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal.core.config import libpq_url
from portal.deleted import records
from portal.rest.resources import Resource
from tests.cast import ADA, ED, GUS, PREFIX, VIC, Api, Pages, Provider
from tests.connectors.scopes import EVE, HOST, MARK, Everybody, restricted
from tests.databases import Database
from tests.resources import RESOURCES, minimal, pages_of
from tests.statements import statements

DELETABLE = [one for one in RESOURCES if one.delete]
every = pytest.mark.parametrize("resource", DELETABLE, ids=lambda one: one.name)


@pytest.fixture
def everybody(app: Flask, tenants: tuple[str, str], token_provider: Provider) -> Everybody:
    return Everybody(app, token_provider)


def deleted(api: Api, query: str = "") -> list[dict[str, Any]]:
    answer = api.get(f"/deleted{query}")
    assert answer.status_code == 200, answer.text
    return list((answer.json or {})["items"])


def gone(api: Api, resource: str, **body: Any) -> str:
    """Create a record and delete it; return its id."""
    made = api.create(resource, **body)
    assert api.delete(f"/{resource}/{made['id']}").status_code == 204
    return str(made["id"])


def deleted_ago(database: Database, table: str, record_id: str, age: timedelta) -> None:
    statement = f"UPDATE {table} SET deleted_at = now() - %s WHERE id = %s"
    database.sql(statement, age, record_id)


@every
def test_a_deleted_record_is_listed_until_it_is_restored(
    resource: Resource[Any, Any], ada: Api, browse: Callable[..., Pages]
) -> None:
    made = ada.create(resource.name, **minimal(resource))
    assert deleted(ada) == []
    ada.delete(f"/{resource.name}/{made['id']}")
    [one] = deleted(ada)
    stored = ada.get(f"/{resource.name}/{made['id']}?include_deleted=true").json or {}
    same = ("id", "name", "deleted_at", "deleted_by")
    assert {name: one[name] for name in same} == {name: stored[name] for name in same}
    assert (one["resource"], one["deleted_by_name"]) == (resource.name, "Ada Almeida")
    assert one["restorable_until"] > one["deleted_at"]
    assert one["obstacle"] is None

    person = browse(ADA)
    page = person.get("/deleted").text
    path = f"/{resource.scope}/{made['id']}/restore"
    assert made["name"] in page
    assert f'action="{path}"' in page
    back = person.post(path)
    assert back.status_code == 303
    assert deleted(ada) == []
    assert made["name"] not in person.get("/deleted").text.partition("</main>")[0].replace(
        f"{made['name']} is back", ""
    )


@every
def test_deleting_leads_to_the_list(
    resource: Resource[Any, Any], ada: Api, browse: Callable[..., Pages]
) -> None:
    made, person = ada.create(resource.name, **minimal(resource)), browse(ADA)
    answer = person.post(f"/{resource.scope}/{made['id']}/delete", {"version": made["version"]})
    assert answer.status_code == 303, answer.text
    toast = re.search(
        r'<div class="toast".*?</div>', person.get(answer.location or "").text, re.DOTALL
    )
    assert toast
    assert '<a href="/deleted">Restore…</a>' in toast[0]
    index = person.get(f"/{resource.scope}").text
    assert f'href="/deleted?kind={resource.name}"' in index


@every
def test_what_cannot_be_restored_any_more_is_not_listed(
    resource: Resource[Any, Any], ada: Api, database: Database
) -> None:
    table = resource.model.__tablename__
    old, young = gone(ada, resource.name), gone(ada, resource.name)
    deleted_ago(database, table, old, timedelta(days=30, seconds=1))
    deleted_ago(database, table, young, timedelta(days=29, hours=23))
    assert [one["id"] for one in deleted(ada)] == [young]
    assert ada.post(f"/{resource.name}/{old}/restore").status_code == 409
    assert ada.post(f"/{resource.name}/{young}/restore").status_code == 200


def test_all_kinds_are_one_list_newest_first_whose_pages_miss_nothing(
    ada: Api, database: Database
) -> None:
    made = []
    for number in range(4):
        for resource in DELETABLE:
            made.append(gone(ada, resource.name))
            age = timedelta(minutes=number // 2)  # two at the same moment
            deleted_ago(database, resource.model.__tablename__, made[-1], age)
    whole = [one["id"] for one in deleted(ada)]
    assert sorted(whole) == sorted(made)
    times = [one["deleted_at"] for one in deleted(ada)]
    assert times == sorted(times, reverse=True)
    paged, cursor = [], ""
    while True:
        answer = ada.get(f"/deleted?limit=5{cursor}").json or {}
        paged += [one["id"] for one in answer["items"]]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert paged == whole


def test_the_page_leads_on_to_the_next(ada: Api, browse: Callable[..., Pages]) -> None:
    names = [gone(ada, "webhooks", name=f"Hook {letter}") for letter in "abc"]
    person = browse(ADA)
    first = person.get("/deleted?limit=2").text
    onward = re.search(r'href="(/deleted\?[^"]*cursor=[^"]+)" rel="next"', first)
    assert onward
    second = person.get(unescape(onward[1])).text
    assert [id in first for id in names] == [False, True, True]
    assert [id in second for id in names] == [True, False, False]


def test_the_list_is_narrowed_by_kind_and_words(ada: Api, browse: Callable[..., Pages]) -> None:
    hook = gone(ada, "webhooks", name="Nightly sales")
    connector = gone(ada, "connectors", name="Nightly log")
    assert [one["id"] for one in deleted(ada, "?kind=webhooks")] == [hook]
    assert [one["id"] for one in deleted(ada, "?q=nightly")] == [connector, hook]
    assert [one["id"] for one in deleted(ada, "?q=night+sal")] == [hook]
    assert deleted(ada, "?q=sales&kind=connectors") == []
    assert deleted(ada, "?q=!") == []
    page = browse(ADA).get("/deleted?q=sales&kind=connectors").text
    assert "Nothing matches" in page
    for query in ("kind=keys", "kind=api-keys", "cursor=x", "sort=name", "tag=a", "limit=0"):
        assert ada.get(f"/deleted?{query}").status_code == 400, query


def test_a_page_with_words_looks_through_so_many_and_goes_on(
    ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "LOOKED_AT", 2)
    wanted = gone(ada, "webhooks", name="Wanted")
    for _ in range(4):
        gone(ada, "connectors")
    seen, cursor, pages = [], "", 0
    while pages < 5:
        answer = ada.get(f"/deleted?q=wanted{cursor}").json or {}
        pages, seen = pages + 1, seen + answer["items"]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert [one["id"] for one in seen] == [wanted]
    assert pages == 2


def test_an_empty_list_says_what_it_is_for(browse: Callable[..., Pages]) -> None:
    assert "Nothing deleted in the last 30 days" in browse(ADA).get("/deleted").text


def test_a_stranger_sees_nothing(
    ada: Api, api: Callable[[str], Api], browse: Callable[..., Pages]
) -> None:
    made = [gone(ada, one.name) for one in DELETABLE]
    assert deleted(api(GUS)) == []
    page = browse(GUS).get("/deleted").text
    assert not any(id in page for id in made)


# ---------------------------------------------------------------- who may restore


def test_a_viewer_reads_who_may_restore_it(
    ada: Api, api: Callable[[str], Api], browse: Callable[..., Pages]
) -> None:
    made = [gone(ada, one.name) for one in DELETABLE]
    for one in deleted(api(VIC)):
        assert one["obstacle"].startswith("This needs the permission ")
    page = browse(VIC).get("/deleted").text
    assert all(id in page for id in made)
    assert "/restore" not in page
    assert "This needs the permission webhooks:write." in page


@every
def test_a_full_quota_is_told_before_one_tries(
    resource: Resource[Any, Any],
    ada: Api,
    database: Database,
    browse: Callable[..., Pages],
) -> None:
    made = gone(ada, resource.name)
    ada.create(resource.name)
    database.sql(
        "INSERT INTO tenant_quota (tenant_id, name, value) VALUES (%s, %s, 1)",
        ACME,
        resource.model.quota,
    )
    [one] = deleted(ada)
    assert "1 of 1" in one["obstacle"]
    assert one["obstacle"] in unescape(browse(ADA).get("/deleted").text)
    refused = ada.post(f"/{resource.name}/{made}/restore")
    assert (refused.status_code, (refused.json or {})["detail"]) == (409, one["obstacle"])


def test_a_program_restores_what_it_made_and_nothing_else(ada: Api, everybody: Everybody) -> None:
    application = ada.create("applications", display_name="CRM")["id"]
    key = everybody.key(application_id=application)
    own = gone(key, "webhooks")
    for_it = gone(ada, "webhooks", application_id=application)
    gone(ada, "webhooks")
    by_id = {one["id"]: one for one in deleted(key)}
    assert set(by_id) == {own, for_it}
    assert by_id[own]["obstacle"] is None
    assert by_id[own]["deleted_by_name"]
    assert key.post(f"/webhooks/{own}/restore").status_code == 200
    assert "did not make it" in by_id[for_it]["obstacle"]
    assert key.post(f"/webhooks/{for_it}/restore").status_code == 403


def test_a_program_sees_only_the_kinds_that_it_may_read(app: Flask, ada: Api) -> None:
    for one in DELETABLE:
        gone(ada, one.name)
    for scope, kinds in (("webhooks:read", {"webhooks"}), ("keys:read", set())):
        key = Api(app.test_client(), ada.create("api-keys", scopes=[scope])["key"])
        assert {one["resource"] for one in deleted(key)} == kinds
        assert deleted(key, "?kind=connectors") == []


@pytest.mark.parametrize("scope", ["user", "group"])
def test_a_restricted_connector_is_listed_for_whom_it_is_and_for_admins(
    everybody: Everybody, scope: str
) -> None:
    ed = everybody.api(ED)
    made = restricted(ed, scope)
    ed.delete(f"/connectors/{made['id']}")
    assert [one["name"] for one in deleted(ed)] == [MARK]
    for who in (VIC, EVE):
        assert deleted(everybody.api(who)) == []
        assert MARK not in everybody.pages(who).get("/deleted").text
    ada = everybody.api(ADA)
    [one] = deleted(ada)
    assert (one["name"], one["obstacle"]) == (MARK, None)
    assert deleted(ada, "?q=pemba") == [], "a word would tell a setting"
    assert HOST not in everybody.pages(ADA).get("/deleted").text
    assert ada.post(f"/connectors/{made['id']}/restore").status_code == 200


# ---------------------------------------------------------------- cost


def test_a_full_page_takes_few_statements(ada: Api, browse: Callable[..., Pages]) -> None:
    for one in DELETABLE:
        for _ in range(3):
            gone(ada, one.name)
    person = browse(ADA)
    for path in ("/deleted", "/deleted?q=untitled"):
        with statements() as sent:
            assert person.get(path).status_code == 200
        assert len(sent) <= 6, sent


@every
def test_each_kinds_deleted_records_come_from_its_index(
    resource: Resource[Any, Any], ada: Api, database: Database
) -> None:
    gone(ada, resource.name)
    with statements() as sent:
        deleted(ada, f"?kind={resource.name}")
    [(sql, values)] = [one for one in sent if "row_number()" in one[0]]
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        # In tables as small as these, only the order makes a difference.
        connection.execute("SET enable_seqscan = off; SET enable_sort = off")
        explained = connection.execute(f"EXPLAIN {sql}", values)  # type: ignore[arg-type]
        plan = "\n".join(row[0] for row in explained)
    assert f"ix_{resource.model.__tablename__}_deleted" in plan, plan


def test_the_search_finds_the_page(browse: Callable[..., Pages]) -> None:
    for words in ("deleted", "trash", "restore"):
        assert 'href="/deleted"' in browse(ADA).get(f"/search?q={words}").text.partition("<main")[2]


@every
def test_every_kind_that_can_be_deleted_can_be_asked_for(
    resource: Resource[Any, Any], app: Flask, ada: Api
) -> None:
    made = [gone(ada, resource.name) for _ in range(3)]
    assert [one["id"] for one in deleted(ada, f"?kind={resource.name}")] == made[::-1]
    first = ada.get("/deleted?limit=1").json or {}
    rest = deleted(ada, f"?cursor={first['next_cursor']}")
    assert [one["id"] for one in (*first["items"], *rest)] == made[::-1]
    assert f"{pages_of(resource)}.restore" in app.view_functions


def test_the_document_names_every_kind_that_can_be_deleted(app: Flask) -> None:
    paths = (app.test_client().get(f"{PREFIX}/openapi.json").json or {})["paths"]
    [kind] = [one for one in paths["/deleted"]["get"]["parameters"] if one["name"] == "kind"]
    assert kind["schema"]["enum"] == [one.name for one in DELETABLE]
