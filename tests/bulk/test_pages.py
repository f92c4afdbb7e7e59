"""Pages of bulk jobs, from the list to the result."""

import re
from collections.abc import Callable
from typing import Any

from portal.bulk.kinds import KINDS
from portal.bulk.kinds.forms import FIELDS
from tests.bulk.test_jobs import keys, preview, work
from tests.cast import ADA, ED, VIC, Api, Pages
from tests.databases import Database

__all__ = ["work"]

MANY = 150  # more than a page of the list shows


def previewed(page: Pages, **asked: Any) -> str:
    """Send the form for a preview, and return the address of the job."""
    answer = page.post("/bulk-jobs/new", {"which": "all", **asked})
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def test_more_keys_than_a_page_shows_are_changed_from_the_list(
    ada: Api, browse: Callable[..., Pages], work: Callable[[], None]
) -> None:
    keys(ada, MANY)
    page = browse(ADA)
    assert 'name="filter" value="status=active"' in page.get("/keys?status=active").text
    form = page.get("/bulk-jobs/new?resource=api-keys&verb=edit&which=all&filter=status%3Dactive")
    assert "A field that you leave empty stays as each API key has it." in form.text
    asked = {"resource": "api-keys", "verb": "edit", "filter": "status=active"}
    job = previewed(page, **asked, rpm_limit="600", add_tags="night, etl")
    shown = page.get(job).text
    assert f"{MANY} API keys will be changed. Nothing has changed yet." in shown
    assert "none → etl, night" in shown
    assert page.post(f"{job}/confirm").status_code == 303
    running = page.get(job).text
    assert f"0 of {MANY} API keys had their turn." in running
    assert 'data-live="1"' in running
    work()
    ended = page.get(job).text
    assert f"{MANY} API keys are changed." in ended
    assert 'data-live="1"' not in ended
    found = ada.get("/api-keys?tag=etl&count=true").json
    assert found["count"]["value"] == MANY
    assert {key["rpm_limit"] for key in found["items"]} == {600}


def test_an_act_that_needs_a_recent_sign_in_for_one_needs_it_for_many(
    ada: Api, browse: Callable[..., Pages]
) -> None:
    keys(ada, 2)
    page = browse(ADA, minutes_ago=11)
    revoke = previewed(page, resource="api-keys", verb="revoke", filter="")
    assert "/auth/login" in str(page.post(f"{revoke}/confirm").location)
    block = previewed(page, resource="api-keys", verb="block", filter="")
    assert page.post(f"{block}/confirm").location == block


def test_the_number_is_typed_to_confirm_what_cannot_be_undone(
    ada: Api, browse: Callable[..., Pages]
) -> None:
    keys(ada, 11)
    page = browse(ADA)
    job = previewed(page, resource="api-keys", verb="revoke", filter="")
    assert "Type 11 to confirm: 11 are selected." in page.post(f"{job}/confirm").text
    assert page.post(f"{job}/confirm", {"confirm": "11"}).status_code == 303


def test_a_refused_confirmation_shows_the_running_job_at_its_own_address(
    ada: Api, browse: Callable[..., Pages]
) -> None:
    keys(ada, 11)
    page = browse(ADA)
    job = previewed(page, resource="api-keys", verb="revoke", filter="")
    page.post(f"{job}/confirm", {"confirm": "11"})
    again = page.post(f"{job}/confirm", {"confirm": "1"})
    assert again.status_code == 422
    assert f'hx-get="{job}"' in again.text


def test_of_two_previews_of_a_kind_the_page_refuses_the_second(
    ada: Api, browse: Callable[..., Pages], database: Database
) -> None:
    keys(ada, 2)
    page = browse(ADA)
    first, second = (
        previewed(page, resource="api-keys", verb="block", filter="") for _ in range(2)
    )
    page.post(f"{second}/confirm")
    database.sql("UPDATE bulk_job SET state = 'preview' WHERE state = 'cancelled'")
    assert page.post(f"{first}/confirm").location == first
    assert "A job of this kind of yours is running." in page.get(first).text


def test_a_wrong_value_is_named_at_its_field(ada: Api, browse: Callable[..., Pages]) -> None:
    asked = {"resource": "api-keys", "verb": "edit", "which": "all", "rpm_limit": "many"}
    answer = browse(ADA).post("/bulk-jobs/new", asked)
    assert answer.status_code == 422
    assert re.search(r'id="bulk-rpm_limit-error">.*whole number', answer.text)
    assert 'value="many"' in answer.text


def test_a_person_cannot_end_many_keys_with_a_time_in_the_past(
    ada: Api, browse: Callable[..., Pages]
) -> None:
    keys(ada, 2)
    page = browse(ADA)
    asked = {"resource": "api-keys", "verb": "edit", "which": "all"}
    answer = page.post("/bulk-jobs/new", {**asked, "expires_at": "2020-01-01T00:00"})
    assert answer.status_code == 422
    assert re.search(r'id="bulk-expires_at-error">.*This is in the past', answer.text)
    values = {"expires_at": "2020-01-01T00:00:00Z"}
    job = preview(ada, "api-keys", "edit", filter={}, arguments=values)
    assert "This is in the past" in page.post(f"/bulk-jobs/{job['id']}/confirm").text


def test_every_value_that_an_act_takes_has_a_field() -> None:
    for name, kind in KINDS.items():
        for act in kind.acts:
            lacking = act.command.model_fields.keys() - FIELDS.keys()
            assert not lacking, f"{name}: add {lacking} to FIELDS in portal/bulk/kinds/forms.py"


def test_nothing_selected_is_said(ada: Api, browse: Callable[..., Pages]) -> None:
    asked = {"resource": "api-keys", "verb": "block", "which": "ticked"}
    answer = browse(ADA).post("/bulk-jobs/new", asked)
    assert answer.status_code == 422
    assert "Nothing is selected. Go back and tick some rows." in answer.text


def test_hostile_names_are_text(ada: Api, browse: Callable[..., Pages]) -> None:
    ada.create("api-keys", name="<img src=x onerror=alert(1)>")
    page = browse(ADA)
    job = previewed(page, resource="api-keys", verb="block", filter="")
    assert "<img src=x" not in page.get(job).text
    assert "&lt;img src=x" in page.get(job).text


def test_who_may_change_nothing_sees_no_boxes(browse: Callable[..., Pages], ada: Api) -> None:
    keys(ada, 1)
    ada.create("webhooks")
    for path in ("/keys", "/webhooks"):
        assert 'form="bulk"' in browse(ADA).get(path).text
        assert 'form="bulk"' not in browse(VIC).get(path).text
    assert 'form="bulk"' in browse(ED).get("/webhooks").text
    assert browse(VIC).get("/bulk-jobs/new").status_code == 403
