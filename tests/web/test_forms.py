"""Test forms: typed values reach the command, and errors come back to their field."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from portal.core.errors import FieldError, StaleVersion
from tests.web.gallery import ConnectorForm, SaveConnector


@pytest.fixture
def send(gallery: Flask) -> Iterator[Any]:
    """Return `send({"name": "Okta"}, obj=…)`, which makes the form as a browser would send it."""
    gallery.config["WTF_CSRF_ENABLED"] = False
    contexts = []

    def sent(values: Any, **given: Any) -> ConnectorForm:
        context = gallery.test_request_context("/", method="POST", data=MultiDict(values))
        context.push()
        contexts.append(context)
        return ConnectorForm(**given)

    yield sent
    for context in reversed(contexts):
        context.pop()
    gallery.config["WTF_CSRF_ENABLED"] = True


STORED = SimpleNamespace(
    name="Okta",
    slug="okta",
    provider="okta",
    description="People",
    url=None,
    rpm_limit=60,
    enabled=True,
    event_types=["rfp.created"],
    hosts=[],
    headers={"X-A": "1"},
    config={"region": "eu"},
    expires_at=datetime(2027, 1, 31, 9, tzinfo=UTC),
    tags=["prod"],
    retry_policy={"maxAttempts": 3},
    version=7,
    client_secret="stored and secret",
)


def test_every_kind_of_field_reaches_the_command(send: Any) -> None:
    command = send(
        [
            ("name", "  Okta  "),
            ("rpm_limit", "60"),
            ("enabled", "y"),
            ("event_types", "rfp.created"),
            ("event_types", "connector.failed"),
            ("hosts", "a.example\r\n\r\n b.example "),
            ("headers", "X-A: 1\r\nX-B: a: b"),
            ("config", '{"region": "eu"}'),
            ("expires_at", "2027-01-31T09:00"),
            ("tags", "prod, eu ,, "),
            ("attempts", "5"),
            ("client_secret", "s3cret"),
        ]
    ).command()
    assert command == SaveConnector(
        name="Okta",
        rpm_limit=60,
        enabled=True,
        event_types=["rfp.created", "connector.failed"],
        hosts=["a.example", "b.example"],
        headers={"X-A": "1", "X-B": "a: b"},
        config={"region": "eu"},
        expires_at=datetime(2027, 1, 31, 9, tzinfo=UTC),
        tags=["prod", "eu"],
        retry_policy={"maxAttempts": 5},
    )


def test_errors_come_back_to_their_field_and_what_was_typed_stays(send: Any) -> None:
    form = send(
        {"name": "", "rpm_limit": "many", "config": "{a", "headers": "broken", "slug": "No Slug"}
    )
    assert form.command() is None
    assert form.answer_status == 422
    assert set(form.errors) == {"name", "rpm_limit", "config", "headers", "slug"}
    assert 'value="many"' in form.rpm_limit()
    assert "{a" in form.config()
    assert "broken" in form.headers()
    assert form.name.is_first_error
    assert not form.slug.is_first_error


@pytest.mark.parametrize(
    "text", ["[1]", '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 100_000, '"\\ud800"', "nul", "{} {}"]
)
def test_bad_json_is_named(send: Any, text: str) -> None:
    form = send({"name": "Okta", "config": text})
    assert form.command() is None
    assert set(form.errors) == {"config"}


def test_a_secret_is_never_drawn_again(send: Any) -> None:
    form = send({"name": "", "client_secret": "s3cret"})
    assert form.command() is None
    assert form.client_secret.given == "s3cret"
    drawn = form.client_secret()
    assert "s3cret" not in drawn
    assert 'value=""' in drawn
    assert 'autocomplete="off"' in drawn
    assert "s3cret" not in str(form.errors)


def test_a_stored_secret_never_enters_the_form(send: Any) -> None:
    form = send({"name": "Okta"}, obj=STORED)
    assert form.client_secret.data is None
    assert form.client_secret.given is None
    assert not form.client_secret.removed
    assert send({"client_secret-remove": "1"}).client_secret.removed
    assert not send({"client_secret-remove": "1", "client_secret": "x"}).client_secret.removed


def test_the_form_is_laid_over_the_stored_document(send: Any) -> None:
    form = send({"name": "Okta", "description": "", "version": "7"}, obj=STORED)
    command = form.command(stored=STORED)
    assert command is not None
    assert command.description is None  # emptied, and the command allows None
    assert command.enabled is False  # an unticked box is a value
    assert command.event_types == []
    assert form.expected_version == 7


def test_an_emptied_text_that_may_not_be_empty_is_refused(send: Any) -> None:
    form = send({"name": ""}, obj=STORED)
    assert form.command(stored=STORED) is None
    assert form.errors["name"] == ["This may not be empty."]


def test_a_stored_record_is_drawn_as_people_type_it(gallery: Flask) -> None:
    with gallery.test_request_context("/"):
        form = ConnectorForm(obj=STORED)
        assert form.command() is None
        assert form.answer_status == 200
        assert 'value="2027-01-31T09:00"' in form.expires_at()
        assert "X-A: 1" in form.headers()
        assert "region" in form.config()
        assert 'value="prod"' in form.tags()
        assert [box[0] for box in form.event_types.boxes() if box[3]] == ["rfp.created"]
        assert 'value="7"' in form.hidden_tag()


def test_a_time_is_drawn_in_utc_whatever_its_offset(send: Any) -> None:
    for typed, drawn in (
        ("2027-01-31T11:00:00+02:00", "2027-01-31T09:00"),
        ("2027-01-31T09:00:00Z", "2027-01-31T09:00"),
        ("2027-01-31T09:00", "2027-01-31T09:00"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ):
        form = send({"name": "Okta", "expires_at": typed}, obj=STORED)
        assert f'value="{drawn}"' in form.expires_at()
        unchanged = drawn == "2027-01-31T09:00"
        assert form.expires_at.is_touched is not unchanged


@pytest.mark.parametrize("version", ["", "seven", "-1", "9" * 30, "\u0667"])
def test_a_made_up_version_is_no_version(send: Any, version: str) -> None:
    assert send({"name": "Okta", "version": version}).expected_version is None


def test_a_refusal_of_the_domain_lands_in_the_form(send: Any) -> None:
    form = send({"name": "Okta"})
    form.blame([FieldError("retry_policy.maxAttempts.0", "Too many."), FieldError("x", "Odd.")])
    assert form.errors["attempts"] == ["Too many."]
    assert form.form_errors == ["x: Odd."]


def test_a_stale_version_is_a_conflict(send: Any) -> None:
    form = send({"name": "Okta"})
    with form.catching():
        raise StaleVersion("Somebody else saved this record first.")
    assert form.answer_status == 409
