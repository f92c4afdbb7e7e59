"""Every list page keeps to a few statements, whatever it compares and however long it is."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from portal.rest.resources import Resource
from tests.cast import ADA, Api, Pages
from tests.resources import RESOURCES, list_of
from tests.statements import statements

MOST = 6  # the one that sets the tenant counts

# A page that is not full also asks where its share of the list ended.
COMPARED = ("_not", "_contains", "_empty")

# Of some lists, what asks for most.
QUESTIONS = {
    "/webhooks": ("direction_not=inbound", "application_id_empty=true&sort=name"),
    "/connectors": ("provider_not=jira", "show=need_a_person&name_contains=a"),
    "/keys": ("kind_not=user", "application_id_empty=true&status_not=revoked"),
    "/applications": ("kind_not=library", "display_name_contains=a"),
    "/event-types": ("name_contains=a", "deprecated=false&tag_not=x"),
}


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.name)
def test_a_long_list_needs_few_statements(
    resource: Resource[Any, Any], browse: Callable[[str], Pages], ada: Api
) -> None:
    path = list_of(resource)
    for _ in range(3):
        ada.create(resource.name)
    person = browse(ADA)
    person.get(f"{path}?view=all")
    for question in ("view=all", *QUESTIONS.get(path, ())):
        with statements() as sent:
            page = person.get(f"{path}?{question}&limit=2")
        assert page.status_code == 200
        told = [sql[:40] for sql, _ in sent]
        looks_on = any(part in question for part in COMPARED)
        assert len(sent) <= MOST + looks_on, (question, told)


@pytest.mark.parametrize(
    "question",
    [
        "",
        "actor_id={me}&record_id={record}",
        "actor_id_not={me}&action_contains=created",
        "record_id={record}&record_kind=application&since=1h",
    ],
)
def test_the_audit_log_needs_few_statements(
    question: str, browse: Callable[[str], Pages], ada: Api
) -> None:
    ada.create("applications")
    [entry] = (ada.get("/audit?action=application.created").json or {})["items"]
    asked = question.format(me=entry["actor_id"], record=entry["record_id"])
    person = browse(ADA)
    person.get("/audit")
    with statements() as sent:
        assert person.get(f"/audit?{asked}").status_code == 200
    assert len(sent) <= MOST, [sql[:40] for sql, _ in sent]


def test_the_list_of_keys_begins_no_transaction(browse: Callable[[str], Pages], ada: Api) -> None:
    """Each of its statements is a message by itself, and nothing has to be committed."""
    ada.create("api-keys")
    person, begun = browse(ADA), list[object]()
    person.get("/keys?view=all")

    def note(*transaction: object) -> None:
        begun.append(transaction)

    event.listen(Session, "after_begin", note)
    try:
        assert person.get("/keys?view=all").status_code == 200
        assert not begun
        person.get("/keys?status_not=revoked")
        assert begun
    finally:
        event.remove(Session, "after_begin", note)
