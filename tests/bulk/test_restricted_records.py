"""Bulk jobs on records that are not for the whole tenant tell nobody else about them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.bulk.test_jobs import confirm, job_of, preview, rows, work
from tests.cast import ADA, ED, Api, Pages

__all__ = ["work"]
TAG, NEW = "merger-target-initech", "signed-in-march"


@pytest.fixture
def job(ed: Api) -> dict[str, Any]:
    """Return Ed's preview of an edit of a connector that is for the sales group, without Ada."""
    made = ed.create("connectors", name="Deals", scope="group", group_id="sales", tags=[TAG])
    return preview(ed, "connectors", "edit", ids=[made["id"]], arguments={"add_tags": [NEW]})


def test_an_admin_reads_no_settings_of_records_for_others_in_a_job(
    ada: Api, ed: Api, browse: Callable[[str], Pages], job: dict[str, Any]
) -> None:
    changes = {"tags": [[TAG], [TAG, NEW]]}
    assert [row["changes"] for row in rows(ed, job)] == [changes]
    assert job_of(ed, job)["arguments"] == {"add_tags": [NEW]}
    (row,) = rows(ada, job)
    assert (row["record_name"], row["changes"]) == ("Deals", {})
    assert job_of(ada, job)["arguments"] == {}
    page = f"/bulk-jobs/{job['id']}"
    assert NEW in browse(ED).get(page).text
    listed = ada.get("/bulk-jobs").text, ada.get(f"/bulk-jobs/{job['id']}").text
    cancelled = ada.post(f"/bulk-jobs/{job['id']}/cancellations").text
    again = ada.post(f"/bulk-jobs/{job['id']}/retries")
    assert again.status_code == 403
    for text in (*listed, cancelled, again.text, browse(ADA).get(page).text):
        assert TAG not in text
        assert NEW not in text


def test_a_reason_is_told_to_those_whom_the_record_is_for(ada: Api, ed: Api) -> None:
    tags = [f"t{number}" for number in range(30)]
    made = ed.create("connectors", name="Deals", scope="group", group_id="sales", tags=tags)
    job = preview(ed, "connectors", "edit", ids=[made["id"]], arguments={"add_tags": [NEW]})
    assert [row["reason"] for row in rows(ed, job)] == ["It would have more than 30 tags."]
    told = "Only those whom this record is for read the reason."
    assert [row["reason"] for row in rows(ada, job)] == [told]


def test_the_audit_log_says_nothing_of_what_was_asked_for_them(
    ed: Api, vic: Api, ada: Api, job: dict[str, Any], work: Callable[[], None]
) -> None:
    confirm(ed, job)
    work()
    for reader in (vic, ada, ed):
        entries = reader.get(f"/audit?record_id={job['id']}")
        assert {one["action"] for one in entries.json["items"]} == {
            "bulk_job.started", "bulk_job.ended",
        }  # fmt: skip
        assert NEW not in entries.text


def test_an_asker_reads_no_row_of_a_record_that_became_anothers(ada: Api, ed: Api) -> None:
    made = ada.create("connectors", name="Ours", tags=[TAG])
    asked = {"ids": [made["id"]], "arguments": {"add_tags": [NEW]}}
    job = preview(ed, "connectors", "edit", **asked)
    assert len(rows(ed, job)) == 1
    moved = ada.patch(f"/connectors/{made['id']}", {"scope": "user"})
    assert moved.status_code == 200, moved.text
    assert rows(ed, job) == []
