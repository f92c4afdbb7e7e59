"""JSON has one kind of number: where a whole one is asked for, 3.0 is 3."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from portal.core.errors import Invalid
from portal.features import OPERATIONS
from portal.records.schemas import Command
from tests.cast import Api

Places = Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]
# A batch reads each of its items as the command of one record.
COMMANDS = {o.command for o in OPERATIONS if o.command and issubclass(o.command, Command)}


def whole_numbers(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Places:
    """Yield the path and the rules of each whole number in a JSON schema."""
    if schema.get("type") == "integer":
        yield (), schema
    if "$ref" in schema:
        yield from whole_numbers(known[schema["$ref"].rpartition("/")[2]], known)
    for one in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from whole_numbers(one, known)
    for name, inner in schema.get("properties", {}).items():
        yield from (((name, *path), rules) for path, rules in whole_numbers(inner, known))
    if "items" in schema:
        for path, rules in whole_numbers(schema["items"], known):
            yield ("0", *path), rules


def every_whole_number() -> Iterator[tuple[type[Command], tuple[str, ...], float]]:
    for command in sorted(COMMANDS, key=lambda one: one.__name__):
        schema = command.model_json_schema()
        for path, rules in whole_numbers(schema, schema.get("$defs", {})):
            yield command, path, float(rules.get("minimum", 1))


def body(path: tuple[str, ...], value: Any) -> Any:
    for name in reversed(path):
        value = [value] if name == "0" else {name: value}
    return value


def is_refused(command: type[Command], path: tuple[str, ...], value: Any) -> bool:
    try:
        command.read(body(path, value))
    except Invalid as error:
        return ".".join(path) in {one.field for one in error.errors}
    return False


def test_every_whole_number_may_be_written_with_a_fraction_of_zero() -> None:
    found = list(every_whole_number())
    assert len(found) > 15
    for command, path, least in found:
        assert not is_refused(command, path, least), (command, path)
        for value in (least + 0.5, True, str(least), [least], -1e300):
            assert is_refused(command, path, value), (command, path, value)


def test_it_is_kept_and_shown_as_a_whole_number(ada: Api) -> None:
    sent = '{"rpm_limit": 60.0, "tpm_limit": 1e3, "max_uses": 3}'
    answer = ada.post("/api-keys", data=sent, content_type="application/json")
    assert answer.status_code == 201, answer.text
    shown = ada.get(f"/api-keys/{(answer.json or {})['id']}").text
    for said in ('"rpm_limit":60,', '"tpm_limit":1000,', '"max_uses":3,'):
        assert said in shown
    hook = ada.create("webhooks", retry_policy={"maxAttempts": 4.0})
    patched = ada.patch(f"/webhooks/{hook['id']}", {"rate_limit": 5.0, "version": 1.0})
    assert '"rate_limit":5,' in patched.text
    assert '"maxAttempts":4}' in patched.text


@pytest.mark.parametrize("number", ["1.5", "NaN", "Infinity", "1e400", "true", '"3"', "1e30"])
def test_what_is_no_whole_number_is_refused_by_name(ada: Api, number: str) -> None:
    sent = f'{{"rpm_limit": {number}}}'
    answer = ada.post("/api-keys", data=sent, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert [one["field"] for one in (answer.json or {})["errors"]] == ["rpm_limit"]


def test_a_query_parameter_takes_digits_only(ada: Api) -> None:
    assert ada.get("/webhooks?limit=5.0").status_code == 400


@pytest.mark.parametrize("version", [True, "1", "abc", 1.5, [1]])
def test_a_version_that_is_no_number_is_refused_by_its_name(ada: Api, version: Any) -> None:
    made = ada.create("applications", display_name="CRM")
    refused = ada.patch(f"/applications/{made['id']}", {"version": version, "tags": ["crm"]})
    assert refused.status_code == 422
    assert refused.json["errors"][0]["field"] == "version"
