"""Test what stands beside a failure: what cPod does, what is lost and where to look."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from tests.cast import ADA, Api, Pages
from tests.databases import Database

Browse = Callable[..., Pages]


@pytest.fixture
def webhook(ada: Api) -> dict[str, Any]:
    policy = {"maxAttempts": 4, "backoff": "fixed", "timeoutMs": 1500}
    return ada.create(
        "webhooks", url="https://example.com/in", event_types=["rfp.*"], retry_policy=policy
    )


def beside(pages: Pages, path: str) -> dict[str, str]:
    """Return the sentences beside the state of a page, by their question."""
    html = pages.get(path).text
    found = re.search(r'<section class="consequences".*?</section>', html, re.S)
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", found[0] if found else "", re.S)
    return {unescape(name): unescape(re.sub(r"<[^>]+>", "", text)) for name, text in pairs}


def test_nothing_stands_beside_a_webhook_that_works(
    browse: Browse, webhook: dict[str, Any]
) -> None:
    assert beside(browse(ADA), f"/webhooks/{webhook['id']}") == {}


def test_a_failing_webhook_says_how_often_it_tries_and_what_is_lost(
    browse: Browse, database: Database, webhook: dict[str, Any]
) -> None:
    database.sql(
        "UPDATE webhook SET consecutive_failures = 2, last_delivery_status = 'timeout' RETURNING 1"
    )
    said = beside(browse(ADA), f"/webhooks/{webhook['id']}")
    assert "up to 4 times and waits 5 minutes each time" in said["What cPod does"]
    assert "has failed 4 times is not sent again by itself" in said["What is lost"]
    assert "longer than 1,500 ms" in said["Where to look"]


def test_a_paused_webhook_says_whether_it_resumes_by_itself(
    browse: Browse, database: Database, webhook: dict[str, Any]
) -> None:
    pages, path = browse(ADA), f"/webhooks/{webhook['id']}/health"
    pages.post(f"/webhooks/{webhook['id']}/pause")
    assert "until somebody resumes it" in beside(pages, path)["What cPod does"]
    for reason in ("failing", "gone"):
        database.sql("UPDATE webhook SET pause_reason = %s RETURNING 1", reason)
        assert "it resumes by itself" in beside(pages, path)["What cPod does"], reason
    assert "is given up" in beside(pages, path)["What is lost"]


def test_a_failing_connector_says_when_it_is_checked_again(
    ada: Api, browse: Browse, database: Database
) -> None:
    record = ada.create("connectors", name="Orders", provider="github")
    path = f"/connectors/{record['id']}"
    pages = browse(ADA)
    assert beside(pages, path) == {}
    database.sql("UPDATE connector SET sync_status = 'failing', consecutive_errors = 5 RETURNING 1")
    database.sql(
        "INSERT INTO connector_standing (tenant_id, connector_id, outcome, since)"
        " VALUES (%s, %s, 'transient', now())"
        " ON CONFLICT (tenant_id, connector_id) DO UPDATE SET outcome = 'transient' RETURNING 1",
        record["tenant_id"], record["id"],
    )  # fmt: skip
    said = beside(pages, path)
    assert "after 1, 5, 15 minutes, then every 60 minutes" in said["What cPod does"]
    assert "the status page of GitHub" in said["Where to look"]
    database.sql("UPDATE connector SET sync_status = 'action_required' RETURNING 1")
    database.sql("UPDATE connector_standing SET outcome = 'auth_invalid' RETURNING 1")
    said = beside(pages, path)
    assert "at least once a day" in said["What cPod does"]
    assert "GitHub locked or removed the account" in said["Where to look"]
