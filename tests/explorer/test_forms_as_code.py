"""Show what was typed into a form as code, and run that code."""

from html import unescape
from typing import Any

import pytest

from portal.rest.resources import Resource
from tests.cast import BASE_URL, Api, Pages
from tests.explorer.conftest import PARTIAL, whole_code_in
from tests.explorer.drawn_forms import DrawnForm
from tests.explorer.shell import LANGUAGES, Shell
from tests.resources import RESOURCES, called, minimal

every = pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.name)
HIDDEN = "a-token-that-nobody-may-see"
NAME = "it's “$(id)” `id` \\ é😀"
OTHERS = {
    "connectors": {"config-host": "splunk.example"},
    "event-types": {"name": "rfp.created"},
    "webhooks": {"url": "https://hooks.example.com", "event_types": "rfp.created"},
}
TOKEN_OF_SPLUNK = "credentials-bearer-0"


def new_form(resource: Resource[Any, Any]) -> str:
    return f"/{resource.scope}/new" + ("?provider=splunk" if resource.name == "connectors" else "")


def shown(person: Pages, path: str, typed: dict[str, Any]) -> dict[str, str]:
    """Return the code of a form with what was typed into it."""
    form = DrawnForm(person.get(path).text)
    assert form.action, f"{path} has no form that can be shown as code"
    sent = {**form.fields, **typed, "as_code": "1"}
    answer = person.post(form.action, sent, headers=PARTIAL)
    assert answer.status_code == 200, answer.text[:2000]
    assert answer.text.count('id="form-code"') == 1
    assert "<title>" not in answer.text
    return whole_code_in(answer)


def records(ada: Api, resource: Resource[Any, Any]) -> list[dict[str, Any]]:
    return list((ada.get(f"/{resource.name}").json or {})["items"])


@every
def test_the_code_of_a_new_form_makes_the_record_in_every_language(
    resource: Resource[Any, Any], person: Pages, ada: Api, shell: Shell
) -> None:
    for number, language in enumerate(LANGUAGES):
        other = {"name": f"rfp.made{number}"} if resource.name == "event-types" else {}
        typed = {**OTHERS.get(resource.name, {}), **other, called(resource): NAME}
        code = shown(person, new_form(resource), typed)
        assert set(code) == set(LANGUAGES)
        assert len(records(ada, resource)) == number, "showing it does nothing"
        done = shell.ran(language, code[language].replace(BASE_URL, shell.address))
        assert done.returncode == 0, done.stderr
        made = records(ada, resource)
        assert len(made) == number + 1, done.stdout
        assert made[0][called(resource)] == NAME


@every
def test_the_code_of_a_changed_form_changes_only_that(
    resource: Resource[Any, Any], person: Pages, ada: Api, shell: Shell
) -> None:
    body = minimal(resource)
    if resource.name == "connectors":
        body = {**body, "config": {**body["config"], "verifyTls": True}}
    made = ada.create(resource.name, **body)
    path = f"/{resource.scope}/{made['id']}/edit"
    before = ada.get(f"/{resource.name}/{made['id']}").json or {}
    for number, language in enumerate(LANGUAGES):
        code = shown(person, path, {called(resource): f"Changed {number}"})
        assert made["id"] in code[language]
        done = shell.ran(language, code[language].replace(BASE_URL, shell.address))
        assert done.returncode == 0, done.stderr
        after = ada.get(f"/{resource.name}/{made['id']}").json or {}
        differing = {name for name in before if before[name] != after[name]}
        assert differing <= {called(resource), "version", "updated_at", "health"}, code["curl"]
        assert after[called(resource)] == f"Changed {number}", done.stdout


def test_a_secret_is_a_variable_of_the_environment(person: Pages, ada: Api, shell: Shell) -> None:
    typed = {"name": "Log", "config-host": "splunk.example", TOKEN_OF_SPLUNK: HIDDEN}
    for number, language in enumerate(LANGUAGES):
        code = shown(person, "/connectors/new?provider=splunk", typed)
        assert HIDDEN not in str(code)
        text = code[language].replace(BASE_URL, shell.address)
        done = shell.ran(language, text, CREDENTIALS_TOKEN=HIDDEN)
        assert done.returncode == 0, done.stderr
        made = (ada.get("/connectors").json or {})["items"]
        assert len(made) == number + 1
        assert made[0]["credential_fields"] == ["token"]


def test_without_javascript_the_page_keeps_what_was_typed_and_asks_for_secrets_again(
    person: Pages, ada: Api
) -> None:
    form = DrawnForm(person.get("/connectors/new?provider=splunk").text)
    typed = {"name": "Kept log", TOKEN_OF_SPLUNK: HIDDEN, "as_code": "1"}
    answer = person.post(form.action, {**form.fields, **typed})
    assert "<title>" in answer.text
    assert HIDDEN not in answer.text
    assert 'value="Kept log"' in answer.text
    assert "Type this again" in answer.text
    assert '"Kept log"' in whole_code_in(answer)["Python"]
    assert (ada.get("/connectors").json or {})["items"] == []


def test_what_cannot_be_read_is_left_out_and_named(person: Pages) -> None:
    form = DrawnForm(person.get("/events/new").text)
    typed = {"type": "rfp.created", "data": "{", "as_code": "1"}
    answer = person.post(form.action, {**form.fields, **typed}, headers=PARTIAL)
    assert "Left out, because it cannot be read: Data." in unescape(answer.text)
    assert "data" not in whole_code_in(answer)["Python"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_event_is_published_by_the_code_of_its_form(
    person: Pages, ada: Api, shell: Shell, language: str
) -> None:
    code = shown(person, "/events/new", {"type": "rfp.created", "data": '{"id": "a"}'})
    done = shell.ran(language, code[language].replace(BASE_URL, shell.address))
    assert done.returncode == 0, done.stderr
    [event] = (ada.get("/events").json or {})["items"]
    assert (event["type"], event["data"]) == ("rfp.created", {"id": "a"})


def test_every_form_that_makes_or_changes_something_can_be_shown(person: Pages, ada: Api) -> None:
    key, application = ada.create("api-keys")["id"], ada.create("applications")["id"]
    inbound = ada.create("webhooks", direction="inbound")["id"]
    for path, call in {
        "/webhooks/inbound/new": "webhooks.create(",
        f"/webhooks/{inbound}/edit": f'webhooks.update("{inbound}"',
        f"/keys/{key}/rotate": f'api_keys.rotate("{key}"',
        f"/keys/{key}/child": f'api_keys.create_child("{key}"',
        f"/applications/{application}/suspend": f'applications.suspend("{application}"',
        f"/applications/{application}/retire": f'applications.retire("{application}"',
        "/events/settings": "event_settings.update(",
    }.items():
        assert call in " ".join(shown(person, path, {})["Python"].split()).replace("( ", "("), path
