"""Test the REST contract once for every resource."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, get_args

import pytest

from portal.core.key_shape import checksum
from portal.rest.resources import Resource
from tests.cast import ED, GUS, VIC, Api
from tests.resources import RESOURCES, called, minimal
from tests.thorough import spread

SPECIFICATION_EXAMPLE = {
    "id": "rec_01HXEXAMPLE",
    "tenant_id": "example tenant_id",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "app_id": "example app_id",
    "created_by": "rec_01HXEXAMPLE",
}
ENVELOPE = {
    "source": "edm",
    "source_type": "api",
    "is_deleted": False,
    "deleted_at": None,
    "deleted_by": None,
    "schema_version": 1,
    "version": 1,
    "app_id": None,
}

every = pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.name)
changeable = pytest.mark.parametrize(
    "resource", [r for r in RESOURCES if r.update], ids=lambda r: r.name
)
deletable = pytest.mark.parametrize(
    "resource", [r for r in RESOURCES if r.delete], ids=lambda r: r.name
)


def every_with(name: str, cases: Iterable[Any]) -> pytest.MarkDecorator:
    """Try each resource with one of the cases in turn, and with all of them in a proof."""
    return pytest.mark.parametrize(
        ("resource", name), spread(RESOURCES, cases), ids=lambda one: getattr(one, "name", None)
    )


@every
def test_the_specifications_own_example_is_accepted_and_nothing_of_it_is_stored(
    resource: Resource[Any, Any], ada: Api
) -> None:
    answer = ada.post(f"/{resource.name}", SPECIFICATION_EXAMPLE)
    assert answer.status_code == 201, answer.text
    record = answer.json or {}
    assert record.items() >= ENVELOPE.items()
    assert record["id"].startswith(f"{resource.model.id_prefix}_")
    assert "example" not in json.dumps(list(record.values()))
    assert answer.headers["Location"].endswith(f"/{resource.name}/{record['id']}")


@pytest.mark.proof
@every_with("character", ["\x07", "\u200b", "\u202e", "\u2066"])
def test_a_name_has_no_character_that_nobody_sees(
    resource: Resource[Any, Any], ada: Api, character: str
) -> None:
    """One that turns the direction would turn the portal's own sentences around the name."""
    name = called(resource)
    answer = ada.post(f"/{resource.name}", {**minimal(resource), name: f"Pay{character}roll"})
    assert answer.status_code == 422
    assert [error["field"] for error in (answer.json or {})["errors"]] == [name]


NEEDED = {
    "webhooks url": "it is on",
    "event-types json_schema": "events are held against it",
    "connectors provider": "it has credentials",
}
NOT_EMPTIED = {
    **dict.fromkeys(["connectors type", "connectors name", "connectors auth_type"], "its provider"),
    **dict.fromkeys(["applications slug", "event-types name"], "fixed once it is set"),
    "webhooks enabled": "on by default",
    "webhooks inbound_secret": "no answer has it",
}
"""Field → what it is after null instead. A name is “Untitled …”."""


@changeable
def test_null_empties_a_field_that_may_be_null_and_is_refused_for_any_other(
    resource: Resource[Any, Any], ada: Api
) -> None:
    command = resource.update_command or resource.command
    made = ada.create(resource.name, **minimal(resource))
    path = f"/{resource.name}/{made['id']}"
    for field, rule in command.model_fields.items():
        place, answer = f"{resource.name} {field}", ada.patch(path, {field: None})
        if type(None) in get_args(rule.annotation) and place not in NEEDED:
            assert answer.status_code == 200, (place, answer.text)
            if place not in NOT_EMPTIED:
                value = answer.json[field]
                assert value in (None, [], {}) or str(value).startswith("Untitled "), place
        else:
            said = [error["field"] for error in (answer.json or {})["errors"]]
            assert (answer.status_code, said) == (422, [field]), (place, answer.text)


@every
def test_an_empty_body_makes_a_record_with_sensible_defaults(
    resource: Resource[Any, Any], ada: Api
) -> None:
    assert ada.post(f"/{resource.name}", {}).status_code == 201
    assert ada.post(f"/{resource.name}", {}).status_code == 201


@every
def test_what_was_created_is_read_and_listed(resource: Resource[Any, Any], ada: Api) -> None:
    made = ada.create(resource.name, **minimal(resource))
    path = f"/{resource.name}/{made['id']}"
    answer = ada.get(path)
    read = answer.json or {}
    assert re.fullmatch(r'"1(-[0-9a-f]{16})?"', answer.headers["ETag"])
    assert set(read) == set(resource.document.model_fields)
    assert not set(read) & set(resource.once)
    assert {name: made[name] for name in read} == read
    listed = ada.get(f"/{resource.name}").json or {}
    assert [item["id"] for item in listed["items"]] == [made["id"]]
    assert listed["items"][0] == read


@every
def test_a_stranger_sees_nothing(
    resource: Resource[Any, Any], ada: Api, api: Callable[[str], Api]
) -> None:
    made = ada.create(resource.name)
    gus = api(GUS)
    for method, path in one_record_calls(resource):
        theirs = gus.call(method, filled(path, made["id"]), json={})
        made_up = gus.call(method, filled(path, made["id"][:-4] + "ZZZZ"), json={})
        assert theirs.status_code == made_up.status_code == 404, (method, path, theirs.text)
        same = {key: value for key, value in (theirs.json or {}).items() if key in PROBLEM_SHAPE}
        assert same == {k: v for k, v in (made_up.json or {}).items() if k in PROBLEM_SHAPE}
    assert made["id"] not in gus.get(f"/{resource.name}?include_deleted=true").text


PROBLEM_SHAPE = ("type", "title", "status", "code")


def one_record_calls(resource: Resource[Any, Any]) -> list[tuple[str, str]]:
    return [(op.method, op.path) for op in resource.operations() if "{id}" in op.path]


def filled(path: str, record_id: str) -> str:
    """Return the path of one record, with a made-up id for what is below it."""
    return re.sub(r"\{\w+\}", "x", path.replace("{id}", record_id))


@every
def test_a_viewer_reads_and_writes_nothing(
    resource: Resource[Any, Any], ada: Api, api: Callable[[str], Api]
) -> None:
    made = ada.create(resource.name)
    vic = api(VIC)
    assert vic.get(f"/{resource.name}/{made['id']}").status_code == 200
    for operation in resource.operations():
        if operation.scope.endswith(":write"):
            answer = vic.call(operation.method, filled(operation.path, made["id"]), json={})
            assert answer.status_code == 403, operation.id
            assert operation.scope in answer.headers["WWW-Authenticate"]


@every
def test_without_a_credential_nothing_is_said(resource: Resource[Any, Any], app: Any) -> None:
    for operation in resource.operations():
        path = "/api/v1/integration" + filled(operation.path, "x")
        for header in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}):
            answer = app.test_client().open(path, method=operation.method, headers=header)
            assert answer.status_code == 401, operation.id
            assert answer.content_type == "application/problem+json"


@every
def test_an_unknown_field_is_refused_by_name(resource: Resource[Any, Any], ada: Api) -> None:
    answer = ada.post(f"/{resource.name}", {"colour": "red"})
    assert answer.status_code == 422
    assert [error["field"] for error in (answer.json or {})["errors"]] == ["colour"]
    assert (ada.get(f"/{resource.name}").json or {})["items"] == []


BROKEN_BODIES = {
    "not JSON": b"{",
    "a list": b"[]",
    "a duplicate key": b'{"tags": [], "tags": []}',
    "not a number": b'{"x": NaN}',
    "infinite": b'{"x": 1e999}',
    "longer than 64 bits": b'{"x": 9223372036854775808}',
    "a lone surrogate": b'{"x": "\\ud800"}',
    "NUL": b'{"x": "\\u0000"}',
    "nested without end": b'{"x": ' + b"[" * 100_000,
    "nested deeply": b'{"x": ' + b"[" * 90 + b"]" * 90 + b"}",
    "an endless number": b'{"x": ' + b"9" * 10_000 + b"}",
    "not UTF-8": b'{"x": "\xff"}',
    "two megabytes": b'{"x": "' + b"y" * 2_000_000 + b'"}',
}


@pytest.mark.proof
@every_with("broken", BROKEN_BODIES)
def test_a_broken_body_is_a_clear_4xx(resource: Resource[Any, Any], ada: Api, broken: str) -> None:
    answer = ada.call(
        "POST", f"/{resource.name}", data=BROKEN_BODIES[broken], content_type="application/json"
    )
    assert answer.status_code in (400, 413), answer.text
    assert answer.content_type == "application/problem+json"
    assert (ada.get(f"/{resource.name}").json or {})["items"] == []


@pytest.mark.proof
@every_with("value", [1, 1.5, True, "x", [], {}, ["x"], {"a": 1}, None, "x" * 5000])
def test_a_wrong_type_is_never_a_server_error(
    resource: Resource[Any, Any], ada: Api, value: Any
) -> None:
    for name in resource.command.model_fields:
        answer = ada.post(f"/{resource.name}", {name: value})
        assert answer.status_code in (201, 409, 422), (name, answer.text)
        if answer.status_code == 422:
            fields = [error["field"] for error in (answer.json or {})["errors"]]
            assert all(field.split(".")[0] for field in fields), (name, answer.text)


BAD_QUERIES = [
    "limit=0",
    "limit=201",
    "limit=ten",
    "limit=1&limit=2",
    "cursor=nonsense",
    "cursor=W10",
    "cursor=bnVsbA",
    "sort=colour",
    "colour=red",
    "include_deleted=maybe",
    "created_after=yesterday",
]


@pytest.mark.proof
@every_with("query", BAD_QUERIES)
def test_a_bad_list_parameter_is_named(resource: Resource[Any, Any], ada: Api, query: str) -> None:
    answer = ada.get(f"/{resource.name}?{query}")
    assert answer.status_code == 400, answer.text
    assert (answer.json or {})["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


@every
def test_pages_follow_each_other_without_gap_or_repeat(
    resource: Resource[Any, Any], ada: Api
) -> None:
    made = [ada.create(resource.name)["id"] for _ in range(7)]
    for sort in resource.listing.sort_names:
        for direction in ("", "-"):
            seen: list[str] = []
            path = f"/{resource.name}?limit=3&sort={direction}{sort}"
            answer = ada.get(path).json or {}
            seen += [item["id"] for item in answer["items"]]
            while answer["next_cursor"]:
                answer = ada.get(f"{path}&cursor={answer['next_cursor']}").json or {}
                seen += [item["id"] for item in answer["items"]]
            assert sorted(seen) == sorted(made), sort
            assert len(seen) == 7


@every
def test_a_post_is_done_once_for_each_idempotency_key(
    resource: Resource[Any, Any], ada: Api
) -> None:
    key = {"Idempotency-Key": "deploy-42"}
    first = ada.post(f"/{resource.name}", {}, headers=key)
    again = ada.post(f"/{resource.name}", {}, headers=key)
    assert first.status_code == again.status_code == 201
    assert (first.json or {})["id"] == (again.json or {})["id"]
    for secret in resource.once:
        if secret in (first.json or {}):
            assert (again.json or {})[secret] is None, "a secret is shown once"
    other = ada.post(f"/{resource.name}", {"tags": ["x"]}, headers=key)
    assert other.status_code == 422
    assert len((ada.get(f"/{resource.name}").json or {})["items"]) == 1


RAW_KEY = (BARE := "sk-acme-s" + "A" * 32) + checksum(BARE)


@pytest.mark.proof
@every_with("key", ["", " ", "a" * 300, "\u00fc", RAW_KEY])
def test_an_idempotency_key_that_is_none_does_nothing(
    resource: Resource[Any, Any], ada: Api, key: str
) -> None:
    answer = ada.post(f"/{resource.name}", {}, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert (answer.json or {})["errors"][0]["field"] == "Idempotency-Key"
    assert (ada.get(f"/{resource.name}").json or {})["items"] == []


@every
def test_each_change_is_one_entry_in_the_history(resource: Resource[Any, Any], ada: Api) -> None:
    made = ada.create(resource.name)
    entries = (ada.get(f"/{resource.name}/{made['id']}/history").json or {})["items"]
    assert [entry["action"] for entry in entries] == [f"{resource.model.noun}.created"]
    assert entries[0]["actor_name"] == "Ada Almeida"
    assert entries[0]["request_id"].startswith("req_")


@changeable
def test_a_patch_changes_what_it_names_and_nothing_else(
    resource: Resource[Any, Any], ada: Api
) -> None:
    made = ada.create(resource.name, **minimal(resource))
    path = f"/{resource.name}/{made['id']}"
    name = called(resource)
    changed = ada.patch(path, {name: "Renamed"}).json or {}
    different = {key for key in made.keys() & changed.keys() if made[key] != changed[key]}
    assert different == {name, "version", "updated_at"}
    entry = (ada.get(f"{path}/history").json or {})["items"][0]
    assert entry["changes"] == {name: [made[name], "Renamed"]}


@changeable
def test_the_second_of_two_editors_is_told(resource: Resource[Any, Any], ada: Api) -> None:
    made = ada.create(resource.name)
    path = f"/{resource.name}/{made['id']}"
    name = called(resource)
    assert ada.patch(path, {name: "First", "version": 1}).status_code == 200
    late = ada.patch(path, {name: "Second", "version": 1})
    assert late.status_code == 409
    assert (late.json or {})["code"] == "stale_version"
    assert (late.json or {})["current"][name] == "First"
    assert ada.patch(path, {name: "Third"}, headers={"If-Match": '"1"'}).status_code == 412
    assert ada.patch(path, {name: "Third"}, headers={"If-Match": '"2"'}).status_code == 200


@deletable
def test_deleted_is_gone_until_it_is_restored(resource: Resource[Any, Any], ada: Api) -> None:
    made = ada.create(resource.name)
    path = f"/{resource.name}/{made['id']}"
    assert ada.delete(path).status_code == 204
    assert ada.get(path).status_code == 404
    assert (ada.get(f"/{resource.name}").json or {})["items"] == []
    deleted = (ada.get(f"/{resource.name}?include_deleted=true").json or {})["items"]
    assert [(item["id"], item["is_deleted"]) for item in deleted] == [(made["id"], True)]
    assert ada.post(f"{path}/restore").status_code == 200
    assert (ada.get(path).json or {})["is_deleted"] is False
    assert ada.post(f"{path}/restore").status_code == 409


@every
def test_words_find_a_record_by_their_beginning(
    resource: Resource[Any, Any], ada: Api, api: Callable[[str], Api]
) -> None:
    name = called(resource)
    made = ada.create(resource.name, **{name: "Quarterly Forecast"})
    ada.create(resource.name, **{name: "Something else"})

    def found(words: str) -> list[str]:
        answer = ada.get(f"/{resource.name}", query_string={"q": words})
        return [item["id"] for item in (answer.json or {})["items"]]

    assert found("fore") == found("QUART fore") == found(made["id"]) == [made["id"]]
    # The statement of a member's whole list is not that of a text without words.
    assert len((api(ED).get(f"/{resource.name}").json or {})["items"]) == 2
    assert found("forecast zebra") == found("%") == found("ecast") == []
