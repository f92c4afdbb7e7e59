"""Sentences about bulk jobs."""

from datetime import UTC, datetime
from typing import Any

import pytest

from portal.bulk import job_texts
from portal.bulk.kinds import KINDS
from portal.bulk.models import BulkJob

NOW = datetime(2026, 1, 31, tzinfo=UTC)
KEYS = KINDS["api-keys"]


def job(state: str, total: int, done: int = 0, failed: int = 0, skipped: int = 0) -> BulkJob:
    confirmed_at = None if state in ("preview", "discarded") else NOW
    return BulkJob(
        resource="api-keys",
        verb="block",
        state="cancelled" if state == "discarded" else state,
        total=total,
        done=done,
        failed=failed,
        skipped=skipped,
        confirmed_at=confirmed_at,
    )


@pytest.mark.parametrize(
    ("counts", "said", "word"),
    [
        (("preview", 0), "No API key matches, so there is nothing to do.", "not_tried"),
        (("preview", 1, 0, 0, 1), "This API key cannot be blocked.", "not_tried"),
        (("preview", 3, 0, 0, 3), "None of these 3 API keys can be blocked.", "not_tried"),
        (
            ("preview", 1),
            "1 API key will be blocked. Nothing has changed yet.",
            "not_tried",
        ),
        (
            ("preview", 1200, 0, 0, 100),
            "1,100 of 1,200 API keys will be blocked. 100 cannot be. Nothing has changed yet.",
            "not_tried",
        ),
        (("running", 1200, 1000, 1, 100), "1,101 of 1,200 API keys had their turn.", "running"),
        (("done", 1, 1), "1 API key is blocked.", "done"),
        (
            ("done", 5, 2, 1, 2),
            "2 of 5 API keys are blocked. 1 failed. 2 skipped.",
            "failed",
        ),
        (
            ("cancelled", 5, 2),
            "2 of 5 API keys are blocked. 3 left, because it was cancelled.",
            "cancelled",
        ),
        (("discarded", 5), "Cancelled before anything changed.", "off"),
    ],
)
def test_a_job_is_told_in_a_sentence(counts: Any, said: str, word: str) -> None:
    shown = job_texts.texts_of(job(*counts), KEYS, KEYS.act("block"))
    assert (shown.state, shown.word) == (said, word)


def test_labels_name_numbers() -> None:
    shown = job_texts.texts_of(job("preview", 1201, skipped=200), KEYS, KEYS.act("block"))
    assert (shown.title, shown.confirm) == ("Block 1,201 API keys", "Block 1,001 API keys")
    assert shown.states == [("waiting", "Left to do (1,001)"), ("skipped", "Skipped (200)")]
    assert job_texts.heading(KEYS, KEYS.act("block"), None) == "Block API keys"
    assert job_texts.heading(KEYS, KEYS.act("block"), 1) == "Block 1 API key"
    assert job_texts.every(KEYS, None, is_narrowed=False) == ("All API keys", "all API keys")
