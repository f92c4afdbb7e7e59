"""Test what the forms of every resource promise: sent twice, an old version, an old sign-in."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask

from portal.rest.resources import Resource
from portal.web import form_retries
from tests.cast import ADA, Api, Pages, sign_in
from tests.resources import RESOURCES, called, list_of, minimal

CONTROL = re.compile(
    r'<input[^>]*>|<textarea[^>]* name="[^"]+"[^>]*>.*?</textarea>|<select[^>]*>.*?</select>',
    re.DOTALL,
)
OPTION = re.compile(
    r'<option selected[^>]*value="([^"]*)"|<option[^>]*value="([^"]*)"[^>]* selected'
)
EVERY = pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: str(one.name))
DELETED = pytest.mark.parametrize(
    "resource", [one for one in RESOURCES if one.delete], ids=lambda one: str(one.name)
)


def fields_of(page: str) -> dict[str, str]:
    """Return what the form of a page would send as it stands."""
    form = next(one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if "_key" in one)
    sent = {}
    for control in CONTROL.findall(form):
        name = re.search(r' name="([^"]+)"', control)
        value = re.search(r' value="([^"]*)"', control)
        is_box = 'type="checkbox"' in control or 'type="radio"' in control
        if name is None or (is_box and " checked" not in control):
            continue
        if control.startswith("<textarea"):
            text = control.partition(">")[2].removesuffix("</textarea>").strip()
        elif control.startswith("<select"):
            chosen = OPTION.search(control)
            text = next(filter(None, chosen.groups()), "") if chosen else ""
        else:
            text = value[1] if value else ""
        sent[name[1]] = unescape(text)
    return sent


def flat(body: dict[str, Any]) -> dict[str, str]:
    """Return a body of REST as the fields of a form."""
    found = {}
    for name, value in body.items():
        if name == "config":
            found |= {f"config_{key}": text for key, text in value.items()}
        elif isinstance(value, list):
            found[name] = ", ".join(value)
        else:
            found[name] = value if isinstance(value, str) else json.dumps(value)
    return found


def how_many(ada: Api, resource: Resource[Any, Any]) -> int:
    return len((ada.get(f"/{resource.name}").json or {})["items"])


@EVERY
def test_a_form_that_is_sent_twice_makes_one_record(
    resource: Resource[Any, Any], ada: Api, browse: Callable[..., Pages]
) -> None:
    pages, body = browse(ADA), flat(minimal(resource))
    address = f"{list_of(resource)}/new"
    provider = body.get("provider")
    shown = pages.get(f"{address}?provider={provider}" if provider else address)
    form = fields_of(shown.text) | body
    before = how_many(ada, resource)
    for _ in range(2):
        answer = pages.post(address, form)
        assert answer.status_code in (200, 303), re.findall(r'-error"[^>]*>([^<]+)', answer.text)
    assert how_many(ada, resource) == before + 1


@EVERY
def test_a_form_sent_again_with_other_values_does_nothing_before_it_is_confirmed(
    resource: Resource[Any, Any], ada: Api, browse: Callable[..., Pages]
) -> None:
    """Go back after creating a record, type another name, and send the form again."""
    pages, body, field = browse(ADA), flat(minimal(resource)), called(resource)
    address = f"{list_of(resource)}/new"
    provider = body.get("provider")
    shown = pages.get(f"{address}?provider={provider}" if provider else address)
    form = fields_of(shown.text) | body
    before = how_many(ada, resource)
    assert pages.post(address, form).status_code in (200, 303)
    other = form | dict.fromkeys({field, "name"} & form.keys(), "another.one")
    refused = pages.post(address, other)
    assert refused.status_code == 422
    assert form_retries.OTHER_VALUES in unescape(refused.text)
    assert how_many(ada, resource) == before + 1
    confirmed = fields_of(refused.text)
    assert confirmed[field] == "another.one", "what was typed is lost"
    renewed = {name: confirmed[name] for name in form_retries.RENEWED & confirmed.keys()}
    assert pages.post(address, other | renewed).status_code in (200, 303)
    assert how_many(ada, resource) == before + 2


@EVERY
def test_the_form_of_an_older_version_overwrites_nothing(
    resource: Resource[Any, Any], ada: Api, browse: Callable[..., Pages]
) -> None:
    made = ada.create(resource.name, **minimal(resource))
    field, path = called(resource), f"{list_of(resource)}/{made['id']}/edit"
    pages = browse(ADA)
    form = fields_of(pages.get(path).text)
    ada.patch(f"/{resource.name}/{made['id']}", {field: "Changed by Ed"})
    answer = pages.post(path, {**form, field: "Changed by Ada"})
    assert answer.status_code == 409
    assert (ada.get(f"/{resource.name}/{made['id']}").json or {})[field] == "Changed by Ed"


@DELETED
def test_nobody_deletes_on_a_page_without_a_recent_sign_in(
    resource: Resource[Any, Any], ada: Api, app: Flask
) -> None:
    made = ada.create(resource.name, **minimal(resource))
    path = f"{list_of(resource)}/{made['id']}"
    longer_ago, lately = sign_in(app, ADA, minutes_ago=600), sign_in(app, ADA)
    for pages, is_deleted in ((longer_ago, False), (lately, True)):
        pages.post(f"{path}/delete", {"version": str(made["version"])})
        status = ada.get(f"/{resource.name}/{made['id']}").status_code
        assert (status == 404) == is_deleted
