"""Test JSON bodies: valid ones are read unchanged, others are refused with a reason."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.errors import BadRequest
from portal.rest.strict_json import MAX_DEPTH, MAX_INT, parse
from tests.cast import Api

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
SOUND = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INT, MAX_INT - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


@given(SOUND, st.booleans())
def test_what_is_sound_is_read_as_it_was_written(value, escaped):
    assert parse(json.dumps(value, ensure_ascii=escaped).encode()) == value


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "NaN, which is not"),
        (b'{"a": 9223372036854775808}', "too large"),
        (b'{"a": ' + b"1" * 5000 + b"}", "too large"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": 1e-400}', "too close to zero"),
        (b'{"a": -0.001E-999}', "too close to zero"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'[["\\ud800"]]', "surrogate"),
        (b"\xed\xa0\x80", "UTF-8"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "levels deep"),
        (b"[" * 100_000, "too deeply"),
        (b'{"a": 1,}', "line 1, column"),
    ],
)
def test_what_is_unsound_is_refused_with_a_reason(body, words):
    with pytest.raises(BadRequest, match=words):
        parse(body)


def test_the_smallest_that_a_double_holds_and_zero_are_read():
    assert parse(b"[5e-324, 0.0, -0.0, 0e9, 0.00E-999]") == [5e-324, 0, 0, 0, 0]


def test_a_number_that_would_become_zero_is_refused_at_its_place(ada: Api):
    body = b'{"type": "a.b", "data": {"rates": [0.5, 1e-400]}}'
    answer = ada.post("/events", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json["errors"]] == ["data.rates.1"]


def test_the_deepest_that_is_allowed_is_read():
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def test_a_compressed_body_is_refused_by_its_name(ada: Api):
    said = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = ada.post("/applications", data=gzip.compress(b"{}"), headers=said)
    assert answer.status_code == 415
    assert "Content-Encoding" in answer.json["detail"]
    assert ada.get("/applications").json["items"] == []
    said["Content-Encoding"] = "identity"
    assert ada.post("/applications", data=b"{}", headers=said).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"slug": "a", "slug": "b"}', "slug"),
        (b'{"tags": [{"a": 1}, {"b": 1, "b": 2}], "slug": NaN}', "tags.1.b"),
        (b'{"slug": [NaN], "tags": {"b": 1, "b": 2}}', "slug.0"),
        (b"[]", "body"),
        (b"1", "body"),
        (b'"x"', "body"),
        (b"null", "body"),
        (b'{"a": 1', "body"),
        (b'{"a": "\xff"}', "body"),
        (b"[" * 50_000 + b"]" * 50_000, "body"),
        (b'{"a": 1, "a": 2', "body"),
    ],
)
def test_a_body_that_cannot_be_read_names_its_field(ada: Api, body: bytes, field: str):
    answer = ada.post("/applications", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json["errors"]] == [field], answer.text


def test_a_key_that_is_a_name_twice_is_not_repeated(ada: Api):
    key = ada.create("api-keys", name="Leaked")["key"]
    body = f'{{"{key}": 1, "{key}": 2}}'
    answer = ada.post("/applications", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "body")
    assert key not in answer.text


def test_other_broken_requests_name_their_field(ada: Api):
    empty = ada.post("/events", {})
    assert [error["field"] for error in empty.json["errors"]] == ["body"]
    prefer = ada.post("/applications", {}, headers={"Prefer": "validate-only=true"})
    assert [error["field"] for error in prefer.json["errors"]] == ["Prefer"]
