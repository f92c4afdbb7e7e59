"""Test a search over more records than a page looks at: it finds every match once, in order."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from portal_devtools.identity_provider.people import ACME

from portal.core.config import libpq_url
from portal.records.bounded_search import SHARE
from tests.cast import ADA, Api, Pages, Provider, add_tenants, sign_in
from tests.databases import Database
from tests.thorough import times

MANY = 4 * SHARE
KEY = """
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, kind, blocked,
    revoked_at, updated_at, is_deleted, tags, version)
VALUES (%(tenant)s, %(id)s::text, %(name)s, encode(sha256(%(id)s::text::bytea), 'hex'), 'sk-acme-',
    'sk-acme-sabc', 'abcd', %(kind)s, %(blocked)s, %(revoked_at)s, %(updated_at)s, %(is_deleted)s,
    '[]', 1)
"""
TERM = "INSERT INTO search_term (tenant_id, kind, term, record_id) VALUES (%s, 'key', %s, %s)"
RUNTIME = """
INSERT INTO api_key_runtime (tenant_id, key_id, spend_usd)
SELECT tenant_id, id, right(id, 5)::integer % 7 FROM api_key
"""
SHOWN = """
SELECT k.id, k.name_key AS name, k.updated_at, k.id AS created_at, k.kind, k.blocked::text,
    right(k.id, 5)::integer % 7 AS spend_usd,
    CASE WHEN k.revoked_at IS NULL THEN 'active' ELSE 'revoked' END AS status,
    (SELECT array_agg(term) FROM search_term t WHERE t.record_id = k.id) AS terms
FROM api_key k WHERE NOT is_deleted
"""


class World:
    """Hold the records, and two ways to query them. A dataclass would be printed at a failure."""

    def __init__(self, rows: list[dict[str, Any]], api: Api, pages: Pages) -> None:
        self.rows, self.api, self.pages = rows, api, pages


def a_key(number: int, chance: random.Random) -> tuple[dict[str, Any], set[str]]:
    """Return a key and its terms.

    Half of the keys are alpha and never beta. The oldest are vintage. Each has a number.
    """
    half = number % 2 == 0
    words = ["alpha" if half else "beta", f"n{number:05}"]
    words += [word for word in ("album", "alto", "gamma") if chance.random() < 0.3]
    words += ["rare"] if number % 311 == 0 else []
    words += ["vintage"] if number < MANY // 4 else []
    row = {
        "tenant": ACME,
        "id": "key_" + str(number).rjust(26, "0"),
        "name": " ".join(words),
        "kind": chance.choice(["user", "service"]),
        "blocked": number % 500 == 7,
        "revoked_at": "2026-01-01" if chance.random() < 0.2 else None,
        "updated_at": f"2026-02-{1 + chance.randrange(28)}",  # many at the same time
        "is_deleted": chance.random() < 0.05,
    }
    return row, {*words, "tag:prod" if half else "tag:test"}


@pytest.fixture(scope="module")
def world(_app: Flask, _database: Database, token_provider: Provider) -> Iterator[World]:
    _database.renew()
    add_tenants(_database)
    chance = random.Random(7)  # noqa: S311 - the same in every process
    made = [a_key(number, chance) for number in range(MANY)]
    with psycopg.connect(libpq_url(_database.superuser_url), autocommit=True) as connection:
        cursor = connection.cursor(row_factory=psycopg.rows.dict_row)
        cursor.executemany(KEY, [row for row, _ in made])
        cursor.executemany(TERM, [(ACME, term, row["id"]) for row, terms in made for term in terms])
        cursor.execute(RUNTIME)
        cursor.execute("VACUUM ANALYZE api_key, search_term")
        rows = cursor.execute(SHOWN).fetchall()
    api = Api(_app.test_client(), token_provider.token(ADA))
    yield World(rows, api, sign_in(_app, ADA))
    _database.wipe()


WORDS = ["alpha", "beta", "gamma", "al", "rare", "vintage", "n0", "n002", "n", "nobody"]
questions = st.fixed_dictionaries(
    {"q": st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join)},
    optional={
        "tag": st.sampled_from(["prod", "test"]),
        "kind": st.sampled_from(["user", "virtual_llm"]),
        "blocked": st.just("true"),
        "status": st.sampled_from(["active", "revoked"]),
        "sort": st.sampled_from(
            [way + name for way in ("", "-") for name in ("created_at", "name", "updated_at")]
        ),
    },
)
asked_often = settings(
    max_examples=times(2), suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def matches(world: World, question: dict[str, str]) -> list[str]:
    """Return the ids that a query matches, in its order, by looking at every record."""
    sort = question.get("sort", "-created_at")
    name = sort.removeprefix("-")

    def meant(row: dict[str, Any]) -> bool:
        words = question["q"].split()
        return (
            all(any(term.startswith(word) for term in row["terms"]) for word in words)
            and ("tag" not in question or f"tag:{question['tag']}" in row["terms"])
            and all(row[f] == question[f] for f in ("kind", "blocked", "status") if f in question)
        )

    found = [row for row in world.rows if meant(row)]
    found.sort(key=lambda row: (row[name], row["id"]), reverse=sort.startswith("-"))
    return [row["id"] for row in found]


@asked_often
@given(question=questions, limit=st.sampled_from([7, 50, 200]))
@example(question={"q": "alpha beta"}, limit=50)
@example(question={"q": "beta", "sort": "name"}, limit=50)
@example(question={"q": "vintage alpha", "sort": "created_at"}, limit=200)
@example(question={"q": "", "kind": "user", "status": "active"}, limit=200)
@example(question={"q": "", "kind": "user", "blocked": "true", "sort": "created_at"}, limit=50)
@example(question={"q": "al", "kind": "user", "status": "active"}, limit=200)
def test_the_pages_of_rest_reach_every_match_once(
    world: World, question: dict[str, str], limit: int
) -> None:
    found: list[str] = []
    given = {name: value for name, value in question.items() if value}
    cursor = None
    while True:
        asked = given | {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = world.api.get(f"/api-keys?{urlencode(asked)}").json or {}
        found += [item["id"] for item in answer["items"]]
        assert len(answer["items"]) <= limit
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert found == matches(world, question)


@asked_often
@given(question=questions, sort=st.sampled_from(["", "", "spend_usd", "-spend_usd"]))
@example(question={"q": "alpha beta"}, sort="-spend_usd")
@example(question={"q": "beta"}, sort="")
@example(question={"q": "beta", "sort": "name"}, sort="")
@example(question={"q": "", "kind": "user", "status": "active"}, sort="")
def test_the_pages_in_a_browser_reach_every_match_and_lead_back(
    world: World, question: dict[str, str], sort: str
) -> None:
    if sort:
        question = question | {"sort": sort}
    onward = [page_of(world, f"/keys?{urlencode(question | {'limit': 200})}")]
    while url := onward[-1].links.get("next"):
        onward.append(page_of(world, url))
    assert [id for page in onward for id in page.ids] == matches(world, question)
    back = [onward[-1]]
    while url := back[-1].links.get("prev"):
        back.append(page_of(world, url, "prev"))
    seen = [id for page in reversed(back) for id in page.ids]
    if onward[-1].ids:
        assert seen == matches(world, question)


@dataclass
class Shown:
    """One page of the list: its rows, and the links to the next and the previous page."""

    ids: list[str]
    links: dict[str, str]


def page_of(world: World, url: str, way: str = "next") -> Shown:
    """Return a page. If it is empty but not the last one, it must say so."""
    answer = world.pages.get(url, headers={"HX-Request": "true"})
    if answer.location:  # the address without what is empty in it
        answer = world.pages.get(answer.location, headers={"HX-Request": "true"})
    text = answer.text
    ids = re.findall(r'<th scope="row"[^>]*><a href="/keys/(key_\w+)"', text)
    pairs = re.findall(r'<a class="btn sm" href="([^"]+)" rel="(next|prev)"', text)
    links = {rel: unescape(href) for href, rel in pairs}
    if further := re.search(r'href="([^"]+)">Look further', text):
        assert "Nothing so far" in text
        assert not ids
        links[way] = unescape(further[1])
    elif not ids:
        assert "Nothing matches" in text or "Nothing more matches" in text
    return Shown(ids, links)
