"""Slow bodies, forms, names and texts are read or refused at once."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from portal.core.key_shape import checksum, masked, masked_bytes
from portal.core.logs import redact
from portal.core.secret_scan import looks_like
from portal.providers import FORMS
from portal.web.drawing.template_functions import LARGEST_HIGHLIGHT, highlight
from tests.cast import ADA, Api, Pages
from tests.spent import spends_at_most

LARGE = 64_000


def sent(ada: Api, path: str, body: str) -> Any:
    return ada.call("POST", path, data=body, headers={"Content-Type": "application/json"})


def members(many: int) -> str:
    return ",".join(f'"k{n}":1' for n in range(many))


UNREADABLE = {
    "a name twice among thousands": "{" + members(80_000) + ',"k79999":1}',
    "a number of a million digits": '{"a":' + "1" * 1_000_000 + "}",
    "an exponent of a million digits": '{"a":1e' + "9" * 1_000_000 + "}",
    "a million brackets": "[" * 1_000_000,
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_cannot_be_read_is_refused_at_once(ada: Api, body: str) -> None:
    with spends_at_most():
        answer = sent(ada, "/applications", body)
    assert answer.status_code == 400


def test_of_thousands_of_unknown_fields_the_first_is_named(ada: Api) -> None:
    with spends_at_most():
        answer = sent(ada, "/applications", "{" + members(80_000) + "}")
    assert answer.status_code == 422
    assert "“k0”" in answer.text
    assert len(answer.data) < 1000


def test_of_thousands_of_problems_a_hundred_are_named(ada: Api) -> None:
    event = "{" + members(20) + "}"
    with spends_at_most():
        answer = sent(ada, "/events", f"[{','.join([event] * 500)}]")
    assert answer.status_code == 422
    assert len(answer.json["errors"]) == 100


def test_a_filter_is_small(ada: Api) -> None:
    refused = ada.post("/webhooks", {"filter": {"kind": "x" * 20_000}})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json["errors"]] == ["filter"]


def test_a_form_of_thousands_of_fields_is_refused_unread(
    browse: Callable[[str], Pages], client: FlaskClient
) -> None:
    form = {f"k{n}": "" for n in range(50_000)}
    pages = browse(ADA)
    with spends_at_most():
        refused = pages.post("/applications/new", form)
    assert refused.status_code == 413


def test_a_host_name_is_short_before_it_is_normalised(ada: Api) -> None:
    for name in ("\ufdfa" * 600, "\u0327\u0301" * 300, "é." * 300):
        with spends_at_most():
            answer = ada.post("/webhooks", {"url": f"https://{name}.example/"})
        assert [error["field"] for error in answer.json["errors"]] == ["url"]


TEXTS = {
    "beginnings of tokens": "eyJ-" * (LARGE // 4),
    "tokens that do not go on": "eyJaaaaaaaaaa.eyJ" * (LARGE // 17),
    "addresses without an end": "https://" + "a" * LARGE + " ",
    "addresses without a password": "://a:" * (LARGE // 5),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_is_searched_for_secrets_in_linear_time(text: str) -> None:
    with spends_at_most():
        redact(text)
        looks_like(text)
        for form, _ in FORMS.values():
            form.fullmatch(text)


def test_a_token_is_found_wherever_it_stands() -> None:
    token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
    for before in ("", "x ", "a=", "token-", "x.y/", "eyJ-"):
        assert looks_like(before + token) == "a signed token (JWT)"
        assert "eyJzdWIiOi" not in redact(before + token)
        assert redact(before + token).startswith(before.removesuffix("eyJ-"))


def test_a_text_of_nothing_but_keys_is_masked_in_linear_time() -> None:
    body = "sk-acme-u" + "0" * 32
    keys = (body + checksum(body) + " ") * 20_000
    with spends_at_most():
        masked(keys)
        hidden = masked_bytes(keys.encode())
    assert hidden.decode() == masked(keys)
    assert body not in masked(keys)


@pytest.mark.parametrize("language", ["json", "bash"])
def test_what_a_tenant_sends_is_coloured_in_linear_time(language: str) -> None:
    """Try the languages in which pages show texts of tenants and receivers."""
    for piece in ("<", "&", "'", '"', "\\", "{", "$((", "a", "<<'", "`", '\\"', '{"a":'):
        text = piece * (LARGEST_HIGHLIGHT // len(piece))
        with spends_at_most():
            highlight(text, language)


def test_deep_data_is_drawn(ada: Api, browse: Callable[[str], Pages]) -> None:
    deep = json.loads("[" * 28 + ",".join(["1"] * 20_000) + "]" * 28)
    made = ada.post("/events", {"type": "rfp.created", "data": {"a": deep}}).json["events"][0]
    pages = browse(ADA)
    pages.get("/events")
    with spends_at_most():
        assert pages.get(f"/events/{made['id']}").status_code == 200
