"""Stored credentials are lent to keys of another application by admins alone."""

from typing import Any

import pytest

from tests.cast import ED, Api
from tests.connectors.test_addresses import problem
from tests.connectors.test_pages import Browse, fill
from tests.leases.conftest import Issue, Make, Work

AGAIN = {"username": "mine", "password": "typed-again"}


@pytest.fixture
def other(ada: Api) -> dict[str, Any]:
    return ada.create("applications", display_name="Other")


@pytest.mark.parametrize("is_owned", [True, False])
def test_an_editor_lends_no_stored_credentials_to_another_application(
    ada: Api, ed: Api, other: dict[str, Any], with_password: Make, issue: Issue, is_owned: bool
) -> None:
    made = with_password(**({} if is_owned else {"application_id": None}))
    path = f"/connectors/{made['id']}"
    half = {"application_id": other["id"], "credentials": {"password": "typed-again"}}
    for body, kept in (({"application_id": other["id"]}, "password, username"), (half, "username")):
        assert problem(ed.patch(path, body)) == (
            "application_id",
            f"API keys of another application would read the stored credentials ({kept}). Enter"
            " them again in the same change, or ask an admin of your tenant to make it.",
        )
    assert issue(other).post(f"{path}/leases", {}).status_code == 404
    moved = ada.patch(path, {"application_id": other["id"]})
    assert moved.status_code == 200, moved.text
    assert ed.patch(path, {"application_id": None}).status_code == 200, "nobody new reads them"


def test_an_editor_lends_what_is_entered_again_and_not_what_was_there_before(
    ed: Api, other: dict[str, Any], with_password: Make, issue: Issue, work: Work
) -> None:
    path = f"/connectors/{with_password()['id']}"
    moved = ed.patch(path, {"application_id": other["id"], "credentials": AGAIN})
    assert moved.status_code == 200, moved.text
    work()
    key = issue(other)
    assert key.post(f"{path}/leases", {}).json["credentials"] == AGAIN
    refused = ed.post(f"{path}/credential-restorations", {"version": 1})
    assert problem(refused) == ("version", "There is no such version of these credentials.")
    versions = (ed.get(f"{path}/credential-versions").json or {})["items"]
    assert [one["version"] for one in versions] == [2]


def test_a_wider_scope_lends_no_stored_credentials(ed: Api, with_password: Make) -> None:
    path = f"/connectors/{with_password(scope='group', group_id='sales')['id']}"
    assert problem(ed.patch(path, {"scope": "org"}))[0] == "scope"
    again = {"scope": "org", "credentials": AGAIN}
    assert ed.patch(path, again).status_code == 200


def test_the_page_names_the_application(
    browse: Browse, other: dict[str, Any], with_password: Make
) -> None:
    edit = f"/connectors/{with_password()['id']}/edit"
    body = {"config-baseUrl": "https://api.example.com", "auth_type": "basic", "scope": "org"}
    answer = fill(browse(ED), edit, **body, application_id=other["id"])
    assert answer.status_code == 422
    assert 'id="application_id-error"' in answer.text
    assert "API keys of another application would read the stored credentials" in answer.text
