"""Test that no name, label, tag or description of any record accepts an API key."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from portal.core.key_shape import (
    checksum,
    holds_key,
    masked,
    masked_bytes,
    masked_value,
    may_hold_key,
    places,
)
from portal.keys.decision.format import generate
from portal.records.schemas import Command
from portal.rest.resources import Resource
from tests.cast import ADA, Api
from tests.databases import Database
from tests.delivery.test_console import Browse
from tests.resources import RESOURCES
from tests.webhooks.kit import rows
from tests.webhooks.test_webhooks import everything_written

KEY = generate("acme", "service").text
UNCHECKED = "sk-acme-s" + "Ab1" * 10 + "zz"
LOOKALIKE = UNCHECKED + checksum(UNCHECKED)[::-1]


def texts(command: type[Command]) -> Iterator[tuple[str, Any]]:
    """Yield each field that may hold no key, with a value of its kind that holds one."""
    described = command.model_json_schema()["properties"]
    for name in command.model_fields.keys() - command.write_only - command.may_hold_keys:
        kinds = {one.get("type") for one in [described[name], *described[name].get("anyOf", ())]}
        text = f"about {KEY}!"
        yield name, [text] if "array" in kinds else {"x-note": text} if "object" in kinds else text


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_a_key_in_a_text_is_refused_by_the_fields_name_and_repeated_nowhere(
    ada: Api,
    database: Database,
    capsys: pytest.CaptureFixture[str],
    resource: Resource[Any, Any],
) -> None:
    path = f"/{resource.name}"
    kept = ada.create(resource.name)
    for field, value in texts(resource.command):
        given = ada.post(path, {field: value})
        answers = [given]
        if resource.update:
            answers.append(ada.patch(f"{path}/{kept['id']}", {field: value}))
        changeable = (resource.update_command or resource.command).model_fields
        for answer in answers:
            assert answer.status_code == 422, answer.text
            [error] = (answer.json or {})["errors"]
            assert error["field"].split(".")[0] == field
            # A change of a field that never changes is refused before its value is looked at.
            if answer is given or field in changeable:
                assert "API key" in error["message"]
            assert KEY[12:] not in answer.text
    assert KEY[12:] not in everything_written(database)
    assert KEY[12:] not in capsys.readouterr().out


def test_the_name_of_a_field_is_no_place_for_one_either(ada: Api) -> None:
    for body in ({KEY: "x"}, {"display_name": "A", "tags": [{KEY: 1}]}):
        answer = ada.post("/applications", body)
        assert answer.status_code == 422
        assert KEY[12:] not in answer.text


HTTP = {"provider": "http", "auth_type": "basic"}


@pytest.mark.parametrize("kind", [{}, {"provider": "custom", "auth_type": "api_key"}, HTTP])
@pytest.mark.parametrize("name", [KEY, f"x.{KEY}.y"], ids=["a key", "a key within"])
def test_the_name_of_a_credential_is_no_place_for_one_either(
    ada: Api,
    vic: Api,
    database: Database,
    capsys: pytest.CaptureFixture[str],
    kind: dict[str, str],
    name: str,
) -> None:
    kept = ada.create("connectors", name="Kept", **kind)
    body = {"credentials": {name: "x"}}
    for answer, field in (
        (ada.post("/connectors", {"name": "A", **kind, **body}), "credentials"),
        (ada.patch(f"/connectors/{kept['id']}", body), "credentials"),
        (ada.post("/connectors/batch", {"items": [kind | body]}), "items.0.credentials"),
    ):
        assert answer.status_code == 422, answer.text
        assert [one["field"] for one in (answer.json or {})["errors"]] == [field]
        assert "API key" in answer.text
        assert KEY[12:] not in answer.text
    assert KEY[12:] not in vic.get("/connectors").text
    assert KEY[12:] not in everything_written(database)
    assert KEY[12:] not in capsys.readouterr().out


def test_a_form_says_it_at_the_field(browse: Browse) -> None:
    answer = browse(ADA).post("/applications/new", {"display_name": KEY})
    assert answer.status_code == 422
    assert "This holds an API key" in answer.text


def test_a_record_that_holds_one_from_before_can_be_changed_elsewhere(
    ada: Api, database: Database
) -> None:
    old = ada.create("applications", display_name="Old")
    rows(database, f"UPDATE application SET display_name = '{KEY}' RETURNING 1")
    answer = ada.patch(f"/applications/{old['id']}", {"description": "new"})
    assert answer.status_code == 200, answer.text
    assert ada.patch(f"/applications/{old['id']}", {"display_name": KEY}).status_code == 422


def test_what_only_looks_like_a_key_is_text_like_any_other(ada: Api) -> None:
    for text in (LOOKALIKE, "sk-acme-", KEY[:-1], f"sk-{'x' * 44}"):
        assert ada.create("applications", display_name=text)["display_name"] == text


def test_credentials_are_no_free_text(ada: Api) -> None:
    given = {"direction": "inbound", "inbound_scheme": "bearer", "inbound_secret": KEY}
    assert ada.post("/webhooks", given).status_code == 201
    assert ada.post("/api-keys/verify", {"key": KEY}).status_code == 200


def test_every_command_says_itself_what_may_hold_a_key(app: Flask) -> None:
    """Before you add a field here, ask who can see it."""

    def below(kind: type[Command]) -> Iterator[type[Command]]:
        for one in kind.__subclasses__():
            yield one
            yield from below(one)

    exempt = {one.__name__: set(one.may_hold_keys) for one in below(Command) if one.may_hold_keys}
    assert exempt == {
        "EventInput": {"data"},
        "SampleEvent": {"data"},
        "TestInput": {"data"},
        "LabInput": {"data"},
        "Erasure": {"subject"},
        "VerifyKey": {"key"},
        "SignatureCheck": {"secret", "headers", "body", "body_base64", "url"},
    }


# ---------------------------------------------------------------- how a key is found


def test_a_key_is_found_wherever_it_stands() -> None:
    other = generate("glob", "user").text
    shown = f"{KEY[:12]}…{KEY[-4:]}"
    assert masked(f"a{KEY}b") == f"a{shown}b"
    assert masked(KEY + other) == f"{shown}{other[:12]}…{other[-4:]}"
    assert masked_bytes(b"\xff" + KEY.encode() + b"\x00") == b"\xff" + shown.encode() + b"\x00"
    value = {"a": [{KEY: KEY}, 1, None], "b": other}
    assert list(places(value, "data")) == ["data.a.0", "data.b"]
    assert not list(places(masked_value(value), "data"))
    assert masked_value(value)["a"][1:] == [1, None]


WRITTEN = {
    "dashes": KEY.replace("-", "%2D"),
    "dashes in small letters": KEY.replace("-", "%2d"),
    "the first": f"%73{KEY[1:]}",
    "the first in JSON": f"\\u0073{KEY[1:]}",
    "the last": f"{KEY[:-1]}%{ord(KEY[-1]):X}",
    "all": "".join(f"%{ord(character):02x}" for character in KEY),
    "all in JSON": "".join(f"\\u{ord(character):04x}" for character in KEY),
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_a_key_is_found_though_characters_of_it_are_escaped(written: str) -> None:
    shown = f"{KEY[:12]}…{KEY[-4:]}"
    assert masked(f"100%{written}b%20") == f"100%{shown}b%20"
    assert masked(f"{LOOKALIKE[:40]}{written}") == f"{LOOKALIKE[:40]}{shown}"
    assert masked_bytes(b"\xff" + written.encode()) == b"\xff" + shown.encode()
    assert may_hold_key(written.encode())
    assert not holds_key(f"{written[:-1]}%")


def test_an_escaped_key_in_an_address_is_refused(ada: Api) -> None:
    address = f"https://hooks.example.com/?key={WRITTEN['dashes']}"
    answer = ada.post("/webhooks", {"name": "Hook", "url": address})
    assert answer.status_code == 422
    assert [error["field"] for error in (answer.json or {})["errors"]] == ["url"]
    assert WRITTEN["dashes"] not in answer.text


def test_a_key_that_begins_within_what_looks_like_one_is_found() -> None:
    disguised = UNCHECKED[: -len("zz")] + "zzzzzz" + KEY
    assert not holds_key(disguised[: -len(KEY) + 2])
    assert masked(disguised).endswith(f"{KEY[:12]}…{KEY[-4:]}")
    assert masked(LOOKALIKE) == LOOKALIKE
