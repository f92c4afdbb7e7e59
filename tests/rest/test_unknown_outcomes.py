"""Test what a program learns when the connection to the database is lost during a commit."""

from structlog.testing import capture_logs

from tests.bulk.test_exports import commits_that_fail
from tests.cast import Api
from tests.databases import Database


def test_after_a_lost_commit_the_same_key_finds_out_whether_it_was_done(
    ada: Api, database: Database
) -> None:
    key = {"Idempotency-Key": "deploy-42"}
    terminate = "PERFORM pg_terminate_backend(pg_backend_pid())"
    with commits_that_fail(database, terminate), capture_logs() as logs:
        lost = ada.post("/applications", {}, headers=key)
    assert lost.status_code == 503
    assert lost.json["code"] == "unknown_outcome"
    assert [one["status"] for one in logs if one["event"].startswith("POST ")] == [503]
    made, again = (ada.post("/applications", {}, headers=key) for _ in range(2))
    assert made.status_code == again.status_code == 201
    assert "Idempotency-Replayed" not in made.headers, "it was not done before"
    assert again.headers["Idempotency-Replayed"] == "true"
    assert [one["id"] for one in ada.get("/applications").json["items"]] == [made.json["id"]]
