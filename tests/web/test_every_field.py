"""Test that every field of a record is in its form and on its page, without a list of fields."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.applications.forms import ApplicationForm
from portal.events.forms import EventTypeForm
from portal.inbound import pages as inbound
from portal.inbound.forms import InboundForm
from portal.keys import pages as keys
from portal.keys.issuing.forms import IssueKeyForm
from portal.providers import PROVIDERS
from portal.records.schemas import ENVELOPE
from portal.rest.resources import Resource
from portal.web.drawing import facts
from portal.web.forms import HiddenWired, Wired
from portal.webhooks import pages as webhooks
from portal.webhooks.forms import WebhookForm
from tests.cast import ADA, Api, Pages
from tests.resources import RESOURCES, list_of, minimal

FORMS = {
    "/applications/new": ApplicationForm,
    "/keys/new": IssueKeyForm,
    "/webhooks/new": WebhookForm,
    "/webhooks/inbound/new": InboundForm,
    "/event-types/new": EventTypeForm,
}
CONTROL = re.compile(r"<(?:input|select|textarea)[^>]*>")
EACH_FORM = re.compile(r"<form.*?</form>", re.DOTALL)
EVERY = pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: str(one.name))


@pytest.mark.parametrize("address", FORMS)
def test_a_form_draws_each_of_its_fields_once(
    app: Flask, browse: Callable[..., Pages], address: str
) -> None:
    page = browse(ADA).get(address).text
    with app.test_request_context():
        fields = [field for field in FORMS[address]() if isinstance(field, Wired)]
    names = {field.id for field in fields if not isinstance(field, HiddenWired)}
    drawn = [name for name in re.findall(r' id="([^"]+)"', page) if name in names]
    assert sorted(drawn) == sorted(names)


# Fields of a command that have no input of their name in its form, because …
NOT_IN_THE_FORM = {
    "connectors": {
        "type",  # the provider says it
        "event_types",  # the boxes of `events`
    },
    "webhooks": {
        "direction",  # each has a form
        "inbound_scheme", "inbound_options", "inbound_secret",  # the other form has them
        "retry_policy",  # an input for each part
    },
    "api-keys": {"blocked", "blocked_reason"},  # a page of their own
}  # fmt: skip


@EVERY
def test_each_field_of_a_resource_is_in_its_form(
    resource: Resource[Any, Any], browse: Callable[..., Pages]
) -> None:
    provider = minimal(resource).get("provider", "")
    page = browse(ADA).get(f"{list_of(resource)}/new?provider={provider}").text
    form = next(one for one in EACH_FORM.findall(page) if 'name="idempotency_key"' in one)
    names = {re.split("[-.]", named(control))[0] for control in CONTROL.findall(form)}
    missing = resource.command.model_fields.keys() - names
    assert missing == NOT_IN_THE_FORM.get(resource.name, set())


@EVERY
def test_the_page_of_a_record_shows_a_field_that_its_template_does_not_name(
    resource: Resource[Any, Any],
    ada: Api,
    browse: Callable[..., Pages],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No template names the envelope's `schema_version`: it stands for the field of tomorrow."""
    monkeypatch.setattr(facts, "ENVELOPE", frozenset())
    made = ada.create(resource.name, **minimal(resource))
    page = browse(ADA).get(f"{list_of(resource)}/{made['id']}").text
    assert "<dt>Schema version</dt>" in page, "draw `others`, as facts.others returns them"


PAGES_WITH_FORMS = (
    *FORMS, "/event-types/import", "/events/new", "/events/settings",
    "/doctor", *(f"/connectors/new?provider={key}" for key in PROVIDERS),
)  # fmt: skip


def test_no_form_asks_for_a_value_twice(browse: Callable[..., Pages]) -> None:
    pages = browse(ADA)
    for address in PAGES_WITH_FORMS:
        answer = pages.get(address)
        assert answer.status_code == 200, address
        for form in EACH_FORM.findall(answer.text):
            controls = [control for control in CONTROL.findall(form) if ' name="' in control]
            sole = [named(control) for control in controls if "radio" not in control]
            sole = [name for name in sole if f'type="checkbox" name="{name}"' not in form]
            radios = {named(control) for control in controls if "radio" in control}
            assert sorted(sole) == sorted(set(sole)), address
            assert radios.isdisjoint(sole), address


def named(control: str) -> str:
    found = re.search(r' name="([^"]+)"', control)
    return found[1] if found else ""


def test_a_text_may_be_typed_as_long_as_it_may_be_stored(browse: Callable[..., Pages]) -> None:
    page = browse(ADA).get("/applications/new").text
    assert re.search(r'<input[^>]* id="repository"[^>]* maxlength="500"', page)
    assert re.search(r'<input[^>]* id="slug"[^>]* maxlength="63"', page)


@pytest.mark.parametrize("resource", ["applications", "webhooks"])
def test_a_name_that_is_emptied_is_missed(
    ada: Api, browse: Callable[..., Pages], resource: str
) -> None:
    name = "display_name" if resource == "applications" else "name"
    made = ada.create(resource, **{name: "Orders"})
    pages = browse(ADA)
    answer = pages.post(f"/{resource}/{made['id']}/edit", {name: "", "version": made["version"]})
    assert answer.status_code == 422
    assert f'id="{name}-error"' in answer.text
    assert ada.get(f"/{resource}/{made['id']}").json[name] == "Orders"


def test_no_form_gives_an_id_twice(ada: Api, browse: Callable[..., Pages]) -> None:
    made = ada.create("webhooks", name="Orders", url="https://hooks.example/", event_types=["*"])
    for address in (f"/webhooks/{made['id']}", "/events/settings", f"/webhooks/{made['id']}/edit"):
        ids = re.findall(r' id="([^"]+)"', browse(ADA).get(address).text)
        assert sorted(ids) == sorted(set(ids)), address


def test_the_page_of_a_webhook_shows_what_its_template_does_not_name(
    ada: Api, browse: Callable[..., Pages]
) -> None:
    made = ada.create(
        "webhooks", name="Orders", url="https://hooks.example/in", event_types=["*"],
        rate_limit=7, ordered=True, filter={"data.region": ["eu"]},
    )  # fmt: skip
    page = browse(ADA).get(f"/webhooks/{made['id']}").text
    about = dict(re.findall(r"<dt>([^<]+)</dt><dd>(.*?)</dd>", page, re.DOTALL))
    assert re.sub("<[^>]+>", "", about["Rate limit"]) == "7"
    assert about["Ordered"] == "yes"
    assert "data.region" in about["Filter"]


def test_the_page_of_an_inbound_webhook_shows_its_other_fields_alone(
    ada: Api, browse: Callable[..., Pages]
) -> None:
    made = ada.create(
        "webhooks", name="Pushes", direction="inbound", inbound_scheme="hmac-sha256-hex",
        inbound_options={"header": "X-Signature"},
    )  # fmt: skip
    page = browse(ADA).get(f"/webhooks/{made['id']}").text
    properties = page[page.index('aria-label="Properties"') :]
    about = re.findall(r"<dt>([^<]+)</dt>", properties)
    assert about[:3] == ["Id", "Inbound options", "Created"]


def test_no_field_is_left_out_by_name_that_a_template_shows(app: Flask) -> None:
    """A field that is shown, or is no more, has no place in a page's `SHOWN_OTHERWISE`."""
    documents = {resource.name: resource.document for resource in RESOURCES}
    for name, template, left_out in (
        ("api-keys", "keys/show.html", keys.SHOWN_OTHERWISE),
        ("webhooks", "webhooks/show.html", webhooks.SHOWN_OTHERWISE),
        ("webhooks", "inbound/show.html", (*inbound.SHOWN_OTHERWISE, *inbound.OF_OUTBOUND)),
    ):
        with app.app_context():
            placed = facts.mentioned(template) | ENVELOPE
        named = set(left_out)
        assert named <= documents[name].model_fields.keys() - placed, name
