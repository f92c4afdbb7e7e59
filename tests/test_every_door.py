"""Walk every door of the portal as somebody to whom a connector is not open.

A new page or a new operation is walked by itself, and fails here if it tells of the connector.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ProviderPerson
from werkzeug.routing import Rule

import portal
from tests.cast import ADA, ED, PREFIX, VIC, Api, Pages, Provider
from tests.connectors.scopes import EVE, HOST, MARK, Everybody, restricted
from tests.databases import Database
from tests.test_every_route import (
    FOR_KEYS,
    PUBLIC,
    Call,
    Records,
    calls,
    receiver_url,
    records,
)
from tests.thorough import IS_PROOF, some

__all__ = ["receiver_url", "records"]

# Questions that would find the connector, none of which repeats its name or its address.
FAILING = f"""
UPDATE connector SET sync_status = 'failing', last_error = '{HOST} refuses the {MARK}'
WHERE scope <> 'org'
"""
LISTS = re.compile("index|list|find")
QUESTIONS = ("q=zanzi", "q=pemba", "q=cloves", "tag=cloves", "include_deleted=true", "limit=200")


@pytest.fixture
def everybody(app: Flask, tenants: tuple[str, str], token_provider: Provider) -> Everybody:
    return Everybody(app, token_provider)


@pytest.fixture
def hidden(records: Records, everybody: Everybody, database: Database) -> list[str]:
    """Make connectors of Ed's and of his group, living and deleted, to which much has happened;
    return their ids."""
    ed = everybody.api(ED)
    made = []
    for scope, deleted in itertools.product(("user", "group"), (False, True)):
        one = restricted(ed, scope, application_id=records.by_resource["applications"])
        path = f"/connectors/{one['id']}"
        ed.patch(path, {"enabled": False, "credentials": {"token": "another"}})
        ed.patch(path, {"enabled": True})
        if deleted:
            ed.delete(path)
        made.append(one["id"])
    database.sql(FAILING)
    return made


def doors(app: Flask, records: Records) -> Iterator[Call]:
    """Yield every door, with all questions where something is listed, else with one in turn."""
    turn = itertools.cycle(QUESTIONS)
    for call in calls(app, records.arguments):
        if call.method == "GET" and call.endpoint not in PUBLIC:
            yield call
            lists = IS_PROOF or LISTS.search(call.endpoint)
            for question in QUESTIONS if lists else [next(turn)]:
                yield Call("GET", f"{call.path}?{question}", call.endpoint)


def opened(call: Call, api: Api, pages: Pages | None) -> str:
    if call.path.startswith("/api/"):
        return api.get(call.path.removeprefix(PREFIX)).text
    return pages.get(call.path).text if pages else ""


def told(text: str, ids: list[str]) -> list[str]:
    return [word for word in (MARK, HOST, *ids) if word in text]


@pytest.mark.proof
@pytest.mark.parametrize("who", some([EVE, VIC], 2))
def test_no_door_tells_a_person_of_what_is_for_somebody_else(
    app: Flask,
    records: Records,
    hidden: list[str],
    everybody: Everybody,
    who: str | ProviderPerson,
) -> None:
    api, pages = everybody.api(who), everybody.pages(who)
    for call in doors(app, records):
        assert told(opened(call, api, pages), hidden) == [], str(call)
    # The walk would find it: to its owner the list tells all of it.
    assert told(everybody.api(ED).get("/connectors?include_deleted=true").text, hidden)


@pytest.mark.proof
def test_no_door_tells_a_program_of_what_is_for_persons(
    app: Flask, records: Records, hidden: list[str], everybody: Everybody
) -> None:
    for key in (
        everybody.key(),
        everybody.key(application_id=records.by_resource["applications"]),
    ):
        for call in doors(app, records):
            assert told(opened(call, key, None), hidden) == [], str(call)


@pytest.mark.proof
def test_no_door_tells_an_admin_a_setting_of_what_is_for_others(
    app: Flask, records: Records, hidden: list[str], everybody: Everybody
) -> None:
    walk = list(doors(app, records))
    for id in hidden:
        theirs = calls(app, lambda rule, id=id: _of_connector(rule, records, id))  # type: ignore[misc]
        walk += [call for call in theirs if id in call.path]
    api, pages = everybody.api(ADA), everybody.pages(ADA)
    for call in walk:
        if call.method == "GET" and call.endpoint not in PUBLIC:
            assert HOST not in opened(call, api, pages), str(call)


def test_every_way_to_one_connector_is_a_404_as_of_a_made_up_one(
    app: Flask, records: Records, hidden: list[str], everybody: Everybody
) -> None:
    api, pages = everybody.api(EVE), everybody.pages(EVE)

    def ask(call: Call) -> tuple[int, str]:
        if call.path.startswith("/api/"):
            body = None if call.method == "GET" else {}
            answer = api.call(call.method, call.path.removeprefix(PREFIX), json=body)
        elif call.method == "GET":
            answer = pages.get(call.path)
        else:
            answer = pages.post(call.path)
        return answer.status_code, _comparable(answer.text)

    walked = 0
    for id in hidden:
        made_up = id[:-4] + "ZZZZ"
        theirs = calls(app, lambda rule, id=id: _of_connector(rule, records, id))  # type: ignore[misc]
        for call in theirs:
            if id not in call.path:
                continue
            walked += 1
            answered = ask(call)
            expected = 403 if call.endpoint in FOR_KEYS else 404
            assert answered[0] == expected, (str(call), answered)
            nobodys = Call(call.method, call.path.replace(id, made_up), call.endpoint)
            assert answered == ask(nobodys), str(call)
    assert walked > 20


def _of_connector(rule: Rule, records: Records, id: str) -> dict[str, str]:
    own = "/connectors/<" in rule.rule
    known = records.arguments(rule)
    return {name: id if own and name in ("id", "record_id") else known[name] for name in known}


def _comparable(text: str) -> str:
    without = re.sub(r"\b[a-z]{3}_[0-9A-Z]{26}\b", "ID", text)
    without = re.sub(r'(nonce|value|content)="[^"]*"', "", without)
    return re.sub(r"X-CSRFToken[^}]*", "", without)


def test_connectors_are_selected_only_by_who_sees_them() -> None:
    past_the_rule: Callable[[str], list[str]] = re.compile(
        r"select\(\s*Connector\b|session\.get\(\s*Connector\b|exists\(\)\.where\(\s*Connector\b"
        r"|(?:FROM|JOIN) connector\b"
    ).findall
    root = Path(portal.__file__).parent
    found = {
        str(path.relative_to(root)): past_the_rule(path.read_text())
        for path in root.rglob("*.py")
        if "migrations" not in path.parts
    }
    assert {path: places for path, places in found.items() if places} == {}
