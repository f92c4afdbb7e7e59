"""Each shortcut gives what the ordinary way gives: documents, lists, errors, records and pages."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.core.config_values import SHORTCUTS
from portal.rest.resources import Resource
from tests.cast import ADA, Api, Pages, Provider, sign_in
from tests.quotas.conftest import set_quota
from tests.resources import RESOURCES, called, list_of, minimal
from tests.statements import statements
from tests.thorough import some

__all__ = ["set_quota"]

HOSTILE = "<b>\"Tom\" & 'Jerry'</b> {{ 7 * 7 }}"
# What no two records share.
OWN = {
    "id", "slug", "name", "display_name", "key", "key_prefix", "vault_path", "inbound_url",
    "health",
}  # fmt: skip
SENDS_OTHERWISE = {
    "statements": {"get", "list", "create"}, "rows": {"get", "list"}, "insert": {"create"},
}  # fmt: skip
PAGES = ("/", *map(list_of, RESOURCES), "/audit")
# What each answer makes anew, and the moments of a session.
FRESH = re.compile(
    r'nonce="[^"]*"|Token": "[^"]*"|name="(?:csrf_token|idempotency_key|form_secret)"[^>]*'
    r"|<time.*?</time>|\d\d:\d\d:\d\d UTC|req_\w+"
)


# Pages take many of the ways, so that in `make test` they are seen in all of the ways at once.
PAGES_WAYS = pytest.mark.parametrize(
    "plain", some([",".join(SHORTCUTS), *SHORTCUTS], len(SHORTCUTS) + 1), indirect=True
)


@pytest.fixture(params=SHORTCUTS)
def plain(request: pytest.FixtureRequest, another_app: Callable[..., Flask]) -> Flask:
    """Return a portal on the same database that takes an ordinary way, or several."""
    return another_app(PORTAL_PLAIN=request.param)


@pytest.fixture
def plain_ada(plain: Flask, token_provider: Provider) -> Api:
    return Api(plain.test_client(), token_provider.token(ADA))


def test_documents_and_lists_are_equal(ada: Api, plain_ada: Api) -> None:
    for resource in RESOURCES:
        made = [create(ada, resource, number) for number in range(3)]
        for path in (
            *(f"/{resource.name}/{one['id']}" for one in made),
            f"/{resource.name}/{made[0]['id']}/history",
            f"/{resource.name}",
            f"/{resource.name}?limit=2&sort=-created_at",
            f"/{resource.name}?q=tom",
            f"/{resource.name}?limit=2&created_after=2020-01-01&sort=-created_at",
            f"/{resource.name}?created_after=2099-01-01",
            f"/{resource.name}/{made[0]['id'][:-1]}X",
        ):
            assert same(ada.get(path)) == same(plain_ada.get(path)), path


def test_an_application_sees_the_same(ada: Api, plain_ada: Api) -> None:
    crm, other = (ada.create("applications", display_name=name)["id"] for name in ("CRM", "ERP"))
    key = ada.create("api-keys", application_id=crm, scopes=["connectors:read"])["key"]
    theirs = ada.create("connectors", application_id=crm)["id"]
    foreign = ada.create("connectors", application_id=other)["id"]
    for api in (ada, plain_ada):
        api.token = key
    for path in ("/connectors", f"/connectors/{theirs}", f"/connectors/{foreign}"):
        assert same(ada.get(path)) == same(plain_ada.get(path)), path
    assert plain_ada.get(f"/connectors/{foreign}").status_code == 404


def test_records_are_stored_alike(ada: Api, plain_ada: Api) -> None:
    for resource in RESOURCES:
        pair = [create(api, resource, n) for n, api in enumerate((ada, plain_ada))]
        shared = [{k: v for k, v in one.items() if k not in own(one)} for one in pair]
        assert shared[0] == shared[1]
        found = (ada.get(f"/{resource.name}?q=tom").json or {})["items"]
        assert {one["id"] for one in pair} <= {one["id"] for one in found}
        told = [ada.get(f"/{resource.name}/{one['id']}/history").json["items"] for one in pair]
        assert [set(entry["changes"]) for entry in told[0]] == [set(e["changes"]) for e in told[1]]
    counted = {one["name"]: one["used"] for one in ada.get("/quotas").json["items"]}
    assert counted["connectors"] == 2


def test_what_a_constraint_refuses_is_refused_alike(ada: Api, plain_ada: Api) -> None:
    taken = ada.create("applications", slug="crm")["slug"]
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/applications", {"display_name": "Again", "slug": taken}),
        ("/connectors", {"application_id": "app_01K00000000000000000000000"}),
    ]
    for path, body in bodies:
        assert same(ada.post(path, body)) == same(plain_ada.post(path, body))
    assert len((plain_ada.get("/applications").json or {})["items"]) == 1


def test_a_quota_is_kept_alike(ada: Api, plain_ada: Api, set_quota: Callable[..., Any]) -> None:
    set_quota("--connectors", "1")
    ada.create("connectors")
    assert same(ada.post("/connectors", {})) == same(plain_ada.post("/connectors", {}))
    assert plain_ada.post("/connectors", {}).status_code == 409


def test_a_constraint_is_named_before_the_quota(
    ada: Api, plain_ada: Api, set_quota: Callable[..., Any]
) -> None:
    ada.create("applications", slug="crm")
    set_quota("--applications", "1")
    body = {"display_name": "Again", "slug": "crm"}
    answers = [same(api.post("/applications", body)) for api in (ada, plain_ada)]
    assert answers[0] == answers[1]
    assert answers[0][1]["code"] == "conflict"


@pytest.mark.proof
@PAGES_WAYS
def test_pages_are_equal(ada: Api, app: Flask, plain: Flask) -> None:
    ids = {list_of(resource): create(ada, resource, 1)["id"] for resource in RESOURCES}
    own, other = sign_in(app, ADA), sign_in(plain, ADA)
    for path in (*PAGES, *(f"{place}/{id}" for place, id in ids.items())):
        assert drawn(own, path) == drawn(other, path), path


def test_each_switch_changes_what_it_says_and_nothing_else(
    ada: Api, app: Flask, plain: Flask, plain_ada: Api
) -> None:
    """Tell the ways apart by their statements, else a switch that does nothing would pass."""
    [switch] = plain.extensions["portal"].plain
    id = ada.create("connectors")["id"]
    asks: dict[str, Callable[[Api], Any]] = {
        "get": lambda api: api.get(f"/connectors/{id}"),
        "list": lambda api: api.get("/connectors"),
        "create": lambda api: api.create("connectors"),
    }
    differ = {name for name, ask in asks.items() if sql_of(ask, ada) != sql_of(ask, plain_ada)}
    assert differ == SENDS_OTHERWISE.get(switch, set())
    generators = {one.jinja_env.code_generator_class for one in (app, plain)}
    assert (len(generators) == 2) == (switch == "templates")


def sql_of(ask: Callable[[Api], Any], api: Api) -> list[str]:
    """Return the statements of a request without their values. What is remembered is known then."""
    ask(api)
    with statements() as sent:
        ask(api)
    return [sql for sql, _ in sent]


def create(api: Api, resource: Resource[Any, Any], number: int) -> dict[str, Any]:
    body = dict(minimal(resource))
    body[called(resource)] = f"{HOSTILE} {number}"
    if resource.name == "event-types":
        body["name"] = f"rfp.created{number}"
    return api.create(resource.name, **body)


def own(document: dict[str, Any]) -> set[str]:
    """Return the names of the fields that no two records share."""
    parts = ("hash", "fingerprint", "last4", "_at", "secret")
    return OWN | {name for name in document if any(part in name for part in parts)}


def same(answer: Any) -> tuple[int, Any]:
    body = answer.json
    if isinstance(body, dict):
        body.pop("request_id", None)
    return answer.status_code, body


def drawn(pages: Pages, path: str) -> str:
    answer = pages.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+(?=<)", "", FRESH.sub("", answer.text))
