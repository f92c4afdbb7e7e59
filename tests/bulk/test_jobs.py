"""Bulk jobs through REST: preview, confirm, work, cancel, try again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import psycopg
import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME, PEOPLE
from sqlalchemy.exc import DBAPIError

from portal.bulk import work as work_of_jobs
from portal.bulk.housekeeping import HOUSEKEEPING
from portal.bulk.work import do_some
from portal.core.config import libpq_url
from portal.database.session import transaction
from portal.identity.sessions import sessions
from portal.ops.worker import Worker
from tests.cast import ADA, Api, Provider
from tests.databases import Database
from tests.delivery.test_engine import WAITING_FOR_A_LOCK, until
from tests.statements import statements

DO = HOUSEKEEPING[:1]


@pytest.fixture
def work(app: Flask, database: Database) -> Callable[[], None]:
    """Return a function that lets a worker do all bulk jobs that are due."""

    def works() -> None:
        database.sql("DELETE FROM housekeeping_turn")
        Worker(app, DO).run_due()
        assert database.sql("SELECT sum(failures)::int FROM housekeeping_turn") == 0

    return works


def keys(ada: Api, count: int, **values: Any) -> list[dict[str, Any]]:
    """Issue keys, and return them."""
    items = [{"name": f"Key {number:03}", **values} for number in range(count)]
    answer = ada.post("/api-keys/batch", {"items": items})
    assert answer.status_code == 200, answer.text
    return [one["item"] for one in answer.json["results"]]


def preview(caller: Api, resource: str, verb: str, **more: Any) -> dict[str, Any]:
    """Preview a job, and return it."""
    answer = caller.post("/bulk-jobs", {"resource": resource, "verb": verb, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def confirm(caller: Api, job: dict[str, Any]) -> None:
    assert caller.post(f"/bulk-jobs/{job['id']}/confirmations").status_code == 202


def job_of(caller: Api, job: dict[str, Any]) -> dict[str, Any]:
    return dict(caller.get(f"/bulk-jobs/{job['id']}").json)


def rows(caller: Api, job: dict[str, Any], state: str = "") -> list[dict[str, Any]]:
    asked = f"?limit=200&state={state}" if state else "?limit=200"
    return list(caller.get(f"/bulk-jobs/{job['id']}/rows{asked}").json["items"])


def counts(job: dict[str, Any]) -> tuple[str, int, int, int, int]:
    return job["state"], job["waiting"], job["done"], job["failed"], job["skipped"]


def test_a_preview_changes_nothing_and_says_what_would_change(ada: Api, work) -> None:
    made = keys(ada, 3)
    ada.post(f"/api-keys/{made[0]['id']}/revoke", {})
    job = preview(ada, "api-keys", "revoke", filter={}, arguments={"reason": "Old"})
    assert counts(job) == ("preview", 2, 0, 0, 1)
    work()
    assert counts(job_of(ada, job)) == ("preview", 2, 0, 0, 1)
    (refused,) = rows(ada, job, "skipped")
    assert refused["reason"] == "It is revoked already."
    assert [row["changes"] for row in rows(ada, job, "waiting")] == [
        {"status": ["active", "revoked"]}
    ] * 2


def test_a_preview_says_what_is_known_to_be_refused(ada: Api, work) -> None:
    draft = ada.create("webhooks", name="draft")
    key = ada.create("api-keys", name="k", tags=[f"t{number}" for number in range(30)])
    app = ada.create("applications", display_name="A")
    assert ada.post(f"/applications/{app['id']}/suspend", {"reason": "r"}).status_code == 200
    for resource, record, verb, arguments, reason in (
        ("webhooks", draft, "enable", {}, "It has no target URL."),
        ("api-keys", key, "edit", {"add_tags": ["x"]}, "It would have more than 30 tags."),
        ("applications", app, "edit", {"status": "active"},
         "It is suspended; that is ended on its own page."),
    ):  # fmt: skip
        job = preview(ada, resource, verb, ids=[record["id"]], arguments=arguments)
        assert [row["reason"] for row in rows(ada, job, "skipped")] == [reason]
        assert job["waiting"] == 0
    swapped = {"add_tags": ["x"], "remove_tags": ["t1"]}
    assert preview(ada, "api-keys", "edit", ids=[key["id"]], arguments=swapped)["waiting"] == 1
    for record, resource, values in (
        (draft, "webhooks", {"url": "https://hooks.example.com/x", "event_types": ["a.b"]}),
        (app, "applications", {"primary_domain": "risk"}),
    ):
        verb, arguments = ("edit", values) if resource == "applications" else ("enable", {})
        if resource == "webhooks":
            ada.patch(f"/webhooks/{record['id']}", {**values, "enabled": False})
        job = preview(ada, resource, verb, ids=[record["id"]], arguments=arguments)
        confirm(ada, job)
        work()
        assert job_of(ada, job)["done"] == 1


def test_a_confirmed_job_is_done_record_by_record(ada: Api, work) -> None:
    made = keys(ada, 45)
    job = preview(
        ada, "api-keys", "revoke", filter={"status": "active"}, arguments={"reason": "Old"}
    )
    confirm(ada, job)
    assert counts(job_of(ada, job)) == ("running", 45, 0, 0, 0)
    work()
    assert counts(job_of(ada, job)) == ("done", 0, 45, 0, 0)
    key = ada.get(f"/api-keys/{made[7]['id']}").json
    assert (key["status"], key["revoked_reason"]) == ("revoked", "Old")
    history = ada.get(f"/api-keys/{made[7]['id']}/history").json["items"]
    assert [entry["action"] for entry in history] == ["key.revoked", "key.created"]
    assert history[0]["actor_name"] == history[1]["actor_name"]
    log = ada.get("/audit?limit=200").json["items"]
    jobs = [entry["action"] for entry in log if entry["action"].startswith("bulk_job.")]
    assert jobs == ["bulk_job.ended", "bulk_job.started"]


def test_an_edit_changes_only_what_was_given(ada: Api, work) -> None:
    made = keys(ada, 3, rpm_limit=60, tags=["a", "b"])
    ids = [key["id"] for key in made]
    values = {"tpm_limit": 1000, "add_tags": ["c"], "remove_tags": ["a"]}
    job = preview(ada, "api-keys", "edit", ids=ids, arguments=values)
    assert rows(ada, job)[0]["changes"] == {
        "tpm_limit": [None, 1000],
        "tags": [["a", "b"], ["b", "c"]],
    }
    confirm(ada, job)
    work()
    key = ada.get(f"/api-keys/{ids[0]}").json
    assert (key["rpm_limit"], key["tpm_limit"], key["tags"]) == (60, 1000, ["b", "c"])


def test_a_record_that_was_changed_after_the_preview_is_skipped_and_can_be_tried_again(
    ada: Api, work
) -> None:
    made = keys(ada, 3)
    job = preview(ada, "api-keys", "block", filter={})
    ada.patch(f"/api-keys/{made[1]['id']}", {"name": "Renamed"})
    confirm(ada, job)
    work()
    assert counts(job_of(ada, job)) == ("done", 0, 2, 0, 1)
    (skipped,) = rows(ada, job, "skipped")
    assert skipped["reason"].startswith("It was changed after the preview: it is at version 2 now")
    assert ada.get(f"/api-keys/{made[1]['id']}").json["blocked"] is False
    again = dict(ada.post(f"/bulk-jobs/{job['id']}/retries").json)
    assert counts(again) == ("preview", 1, 0, 0, 0)
    confirm(ada, again)
    work()
    assert ada.get(f"/api-keys/{made[1]['id']}").json["blocked"] is True


def test_a_cancelled_job_does_no_more(app: Flask, ada: Api, work, database: Database) -> None:
    keys(ada, 45)
    job = preview(ada, "api-keys", "block", filter={})
    confirm(ada, job)
    done = do_one_step(app, database)
    assert counts(job_of(ada, job)) == ("running", 45 - done, done, 0, 0)
    assert ada.post(f"/bulk-jobs/{job['id']}/cancellations").status_code == 200
    work()
    assert counts(job_of(ada, job)) == ("cancelled", 45 - done, done, 0, 0)
    assert ada.get("/api-keys?blocked=true&count=true").json["count"]["value"] == done
    assert len(rows(ada, job, "cancelled")) == 45 - done
    assert ada.post(f"/bulk-jobs/{job['id']}/cancellations").status_code == 200


def test_a_step_looks_for_each_record_once(app: Flask, ada: Api, database: Database) -> None:
    keys(ada, 25)
    job = preview(ada, "api-keys", "edit", filter={}, arguments={"rpm_limit": 5})
    confirm(ada, job)
    with statements() as sent:
        done = do_one_step(app, database)
    looked = [sql for sql, _ in sent if sql.endswith("FOR NO KEY UPDATE OF api_key")]
    assert len(looked) == done


@pytest.mark.parametrize("place", [0, -1], ids=["the first", "the last"])
@pytest.mark.parametrize(
    ("table", "resource", "verb"),
    [("api_key", "api-keys", "block"), ("webhook", "webhooks", "pause")],
)
def test_a_job_that_waits_for_a_record_keeps_no_other(
    ada: Api, work, database: Database, table: str, resource: str, verb: str, place: int
) -> None:
    for _ in range(3):
        ada.create(resource, name="One")
    job = preview(ada, resource, verb, filter={})
    ids = [row["record_id"] for row in rows(ada, job)]
    confirm(ada, job)
    working = Thread(target=work)
    with psycopg.connect(libpq_url(database.superuser_url)) as other:
        other.execute(f"SELECT FROM {table} WHERE id = %s FOR UPDATE", (ids[place],))
        working.start()
        until(lambda: database.waiting("SELECT %"))
        other.execute(f"SELECT FROM {table} FOR UPDATE NOWAIT")
    working.join()
    assert counts(job_of(ada, job)) == ("done", 0, 3, 0, 0)


def do_one_step(app: Flask, database: Database) -> int:
    """Let a worker do one transaction of a job; return how many records it did."""
    with app.app_context(), transaction(ACME):
        do_some(ACME)
    return int(database.sql("SELECT done FROM bulk_job WHERE state = 'running'"))


def test_rights_that_are_taken_away_in_the_middle_are_gone_for_the_rows_that_are_left(
    app: Flask, ada: Api, work, database: Database
) -> None:
    keys(ada, 25)
    job = preview(ada, "api-keys", "block", filter={})
    confirm(ada, job)
    done = do_one_step(app, database)
    database.sql("UPDATE person SET role = 'viewer' WHERE email = 'ada@acme.example'")
    work()
    assert counts(job_of(ada, job)) == ("done", 0, done, 25 - done, 0)
    assert {row["reason"] for row in rows(ada, job, "failed")} == {
        "This needs the permission keys:write. Ask an admin of your tenant for it."
    }


def test_ended_sessions_end_what_a_person_asked_for(
    app: Flask, ada: Api, work, database: Database
) -> None:
    keys(ada, 25)
    job = preview(ada, "api-keys", "block", filter={})
    confirm(ada, job)
    done = do_one_step(app, database)
    database.sql("UPDATE person SET auth_version = auth_version + 1")
    work()
    assert counts(job_of(ada, job)) == ("done", 0, done, 25 - done, 0)


def test_a_role_that_was_taken_away_ends_what_a_person_asked_for(
    app: Flask, ada: Api, work, database: Database
) -> None:
    keys(ada, 25)
    job = preview(ada, "api-keys", "revoke", filter={}, arguments={})
    confirm(ada, job)
    done = do_one_step(app, database)
    columns = ("tenant_id", "issuer", "subject")
    person = [database.sql(f"SELECT {name} FROM person WHERE email = '{ADA}'") for name in columns]
    with app.app_context(), transaction(person[0]):
        sessions.take_away(*person)
    work()
    found = [database.sql(f"SELECT {name} FROM bulk_job") for name in ("state", "done", "failed")]
    assert found == ["done", done, 25 - done]


def test_a_job_of_a_key_ends_with_the_key(app: Flask, ada: Api, work, database: Database) -> None:
    keys(ada, 25)
    scopes = ["keys:read", "keys:write"]
    key = ada.create("api-keys", name="Robot", scopes=scopes)
    robot = Api(app.test_client(), key["key"])
    ids = [one["id"] for one in ada.get("/api-keys?limit=200").json["items"]]
    job = preview(robot, "api-keys", "block", ids=[one for one in ids if one != key["id"]])
    confirm(robot, job)
    done = do_one_step(app, database)
    ada.post(f"/api-keys/{key['id']}/revoke", {})
    work()
    assert counts(job_of(ada, job)) == ("done", 0, done, 25 - done, 0)
    assert rows(ada, job, "failed")[0]["reason"] == (
        "The API key that asked for it does not work any more."
    )


def test_a_job_of_a_key_ends_when_the_key_is_refused_for_a_while(
    app: Flask, ada: Api, work, database: Database
) -> None:
    """A brown-out refuses calls in its first minute, and so what the key had asked for."""
    [other] = keys(ada, 1)
    key = ada.create("api-keys", name="Robot", scopes=["keys:read", "keys:write"])
    robot = Api(app.test_client(), key["key"])
    job = preview(robot, "api-keys", "block", ids=[other["id"]])
    confirm(robot, job)
    ada.post(f"/api-keys/{key['id']}/revoke", {"brownout": True})
    work()
    assert counts(job_of(ada, job)) == ("done", 0, 0, 1, 0)
    assert rows(ada, job, "failed")[0]["reason"] == (
        "The API key that asked for it does not work any more."
    )


@pytest.mark.parametrize("client_id", [None, "another-client"])
def test_a_job_of_a_program_ends_when_its_application_has_another_client(
    app: Flask, ada: Api, work, token_provider: Provider, client_id: str | None
) -> None:
    crm = ada.create("applications", display_name="CRM", oauth_client_id="crm-360")
    program = Api(app.test_client(), token_provider.token("crm-360"))
    mine = [program.create("connectors", name=f"Mine {number}")["id"] for number in range(2)]
    first = preview(program, "connectors", "disable", ids=mine[:1])
    confirm(program, first)
    work()
    assert counts(job_of(ada, first)) == ("done", 0, 1, 0, 0)
    second = preview(program, "connectors", "disable", ids=mine[1:])
    confirm(program, second)
    ada.patch(f"/applications/{crm['id']}", {"oauth_client_id": client_id})
    work()
    assert counts(job_of(ada, second)) == ("done", 0, 0, 1, 0)
    assert rows(ada, second, "failed")[0]["reason"] == (
        "The client that asked for it does not belong to its application any more."
    )
    assert ada.get(f"/connectors/{mine[1]}").json["enabled"] is True


@pytest.mark.parametrize(
    ("verb", "what"), [("suspend", "suspended"), ("retire", "retired"), ("", "a library")]
)
def test_a_job_of_a_program_ends_when_its_application_may_not_act_any_more(
    app: Flask, ada: Api, work, token_provider: Provider, verb: str, what: str
) -> None:
    crm = ada.create("applications", oauth_client_id="crm-360")
    program = Api(app.test_client(), token_provider.token("crm-360"))
    mine = program.create("connectors", name="Mine")["id"]
    job = preview(program, "connectors", "disable", ids=[mine])
    confirm(program, job)
    path = f"/applications/{crm['id']}"
    if verb:
        assert ada.post(f"{path}/{verb}", {"reason": "It leaks."}).status_code == 200
    else:
        assert ada.patch(path, {"kind": "library"}).status_code == 200
    work()
    assert [one["reason"] for one in rows(ada, job, "failed")] == [
        f"The application that asked for it is {what}."
    ]


@contextmanager
def keys_that_fail(database: Database, does: str) -> Iterator[None]:
    """Let the database do this instead of changing the first key."""
    database.sql(
        f"CREATE FUNCTION refuse_key() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {does};"
        " RETURN NEW; END $$"
    )
    database.sql(
        "CREATE TRIGGER refuse_key BEFORE UPDATE ON api_key FOR EACH ROW"
        " WHEN (OLD.name = 'Key 000') EXECUTE FUNCTION refuse_key()"
    )
    try:
        yield
    finally:
        database.sql("DROP FUNCTION refuse_key CASCADE")


def test_a_row_that_fails_for_an_unknown_reason_stops_no_other(
    ada: Api, work, database: Database
) -> None:
    keys(ada, 3)
    job = preview(ada, "api-keys", "block", filter={})
    confirm(ada, job)
    with keys_that_fail(database, "RAISE EXCEPTION 'no' USING ERRCODE = 'unique_violation'"):
        work()
    assert counts(job_of(ada, job)) == ("done", 0, 2, 1, 0)
    (failed,) = rows(ada, job, "failed")
    assert failed["reason"] == (
        "Something failed on our side. Try it again, or tell your platform's operators."
    )


def test_a_lost_connection_fails_no_row(app: Flask, ada: Api, work, database: Database) -> None:
    keys(ada, 3)
    job = preview(ada, "api-keys", "block", filter={})
    confirm(ada, job)
    with (
        keys_that_fail(database, "PERFORM pg_terminate_backend(pg_backend_pid())"),
        pytest.raises(DBAPIError),
    ):
        do_one_step(app, database)
    assert counts(job_of(ada, job)) == ("running", 3, 0, 0, 0)
    work()
    assert counts(job_of(ada, job)) == ("done", 0, 3, 0, 0)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ("verb = 'paint'", "This version of the portal does not know what this job does."),
        ("resource = 'plans'", "This version of the portal does not know what this job does."),
        (
            "arguments = '{\"colour\": 1}'",
            "This version of the portal cannot read the job any more.",
        ),
        ("asker = '{}'", "This version of the portal cannot read the job any more."),
    ],
)
def test_a_job_that_cannot_be_read_any_more_ends_and_says_so(
    ada: Api, work, database: Database, changed: str, reason: str
) -> None:
    made = keys(ada, 2)
    job = preview(ada, "api-keys", "block", filter={})
    other = preview(ada, "api-keys", "revoke", ids=[made[1]["id"]])
    for one in (job, other):
        confirm(ada, one)
    database.sql(f"UPDATE bulk_job SET {changed} WHERE id = %s", job["id"])
    work()
    ended = "SELECT state, done, failed FROM bulk_job WHERE id = %s"
    assert database.sql(ended, job["id"]) == ("done", 0, 2)
    assert all(row["reason"].startswith(reason) for row in rows(ada, job, "failed"))
    assert database.sql(ended, other["id"])[0] == "done"


def test_a_person_has_one_job_of_a_kind(ada: Api) -> None:
    keys(ada, 2)
    first = preview(ada, "api-keys", "block", filter={})
    second = preview(ada, "api-keys", "block", filter={})
    assert job_of(ada, first)["state"] == "cancelled"
    assert ada.post(f"/bulk-jobs/{first['id']}/confirmations").status_code == 409
    confirm(ada, second)
    assert ada.post(f"/bulk-jobs/{second['id']}/confirmations").status_code == 409
    body = {"resource": "api-keys", "verb": "block", "filter": {}}
    assert ada.post("/bulk-jobs", body).status_code == 409
    assert preview(ada, "api-keys", "revoke", filter={})["state"] == "preview"


def test_a_replaced_preview_leaves_no_row_waiting_and_is_forgotten_after_a_day(
    app: Flask, ada: Api, database: Database
) -> None:
    keys(ada, 2)
    job = preview(ada, "api-keys", "block", filter={})
    preview(ada, "api-keys", "block", filter={})
    assert [row["state"] for row in rows(ada, job)] == ["cancelled"] * 2
    forget = Worker(app, HOUSEKEEPING[1:])
    forget.run_due()
    assert job_of(ada, job)["state"] == "cancelled"
    old = "UPDATE bulk_job SET created_at = now() - interval '25 hours' WHERE id = %s"
    database.sql(old, job["id"])
    database.sql("DELETE FROM housekeeping_turn")
    forget.run_due()
    assert ada.get(f"/bulk-jobs/{job['id']}").status_code == 404


def test_previews_that_replace_each_other_leave_only_the_last_two(
    ada: Api, gus: Api, database: Database
) -> None:
    """A program may ask for one after the other: each would leave up to 10,000 rows for a day."""
    keys(ada, 3)
    others = preview(gus, "api-keys", "block", filter={})
    another = preview(ada, "api-keys", "revoke", filter={}, arguments={})
    found = [preview(ada, "api-keys", "block", filter={}) for _ in range(4)]
    assert [ada.get(f"/bulk-jobs/{job['id']}").status_code for job in found] == [404, 404, 200, 200]
    assert database.sql("SELECT count(*) FROM bulk_row") == 3 * 3
    assert job_of(ada, another)["state"] == "preview"
    assert gus.get(f"/bulk-jobs/{others['id']}").json["state"] == "preview"


def test_a_preview_does_not_wait_for_the_worker(ada: Api, database: Database) -> None:
    keys(ada, 1)
    job = preview(ada, "api-keys", "block", filter={})
    confirm(ada, job)
    body = {"resource": "api-keys", "verb": "block", "filter": {}}
    with psycopg.connect(libpq_url(database.superuser_url)) as worker:
        worker.execute("SELECT FROM bulk_job FOR UPDATE")
        assert ada.post("/bulk-jobs", body).status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"verb": "block"}, "ids"),
        ({"verb": "block", "filter": {}, "ids": ["key_1"]}, "ids"),
        ({"verb": "delete", "filter": {}}, "verb"),
        ({"verb": "block", "filter": {"status": "aktive"}}, "filter.status"),
        ({"verb": "block", "filter": {"limit": "3"}}, "filter.limit"),
        ({"verb": "edit", "filter": {}}, "arguments"),
        ({"verb": "edit", "filter": {}, "arguments": {"rpm_limit": -1}}, "arguments.rpm_limit"),
        ({"verb": "edit", "filter": {}, "arguments": {"scopes": []}}, "arguments.scopes"),
    ],
)
def test_a_wrong_job_names_what_is_wrong(ada: Api, body: dict[str, Any], field: str) -> None:
    answer = ada.post("/bulk-jobs", {"resource": "api-keys", **body})
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_only_who_may_do_it_to_one_may_do_it_to_many(ada: Api, ed: Api, vic: Api, gus: Api) -> None:
    made = keys(ada, 2)
    body = {"resource": "api-keys", "verb": "revoke", "ids": [made[0]["id"]]}
    assert ed.post("/bulk-jobs", body).status_code == 403
    assert vic.post("/bulk-jobs", body).status_code == 403
    job = preview(gus, "api-keys", "revoke", ids=[made[0]["id"]])
    assert counts(job) == ("preview", 0, 0, 0, 1)
    assert rows(gus, job)[0]["record_name"] == ""
    own = preview(ada, "api-keys", "revoke", filter={})
    for stranger, status in ((gus, 404), (ed, 403)):
        assert stranger.get(f"/bulk-jobs/{own['id']}").status_code == status
        assert stranger.post(f"/bulk-jobs/{own['id']}/confirmations").status_code == status
        assert stranger.post(f"/bulk-jobs/{own['id']}/cancellations").status_code == status


def test_a_narrowed_token_of_an_admin_reaches_only_jobs_on_what_it_may_touch(
    app: Flask, ada: Api, ed: Api, token_provider: Provider
) -> None:
    keys(ada, 1)
    job = preview(ada, "api-keys", "block", filter={})
    path = f"/bulk-jobs/{job['id']}"
    theirs = preview(ed, "webhooks", "pause", filter={})

    def narrowed(scope: str) -> Api:
        return Api(app.test_client(), token_provider.token_of(PEOPLE[0], scope=scope))

    stranger, reader = narrowed("webhooks:read"), narrowed("keys:read")
    assert [stranger.get(f"{path}{part}").status_code for part in ("", "/rows")] == [403, 403]
    assert [reader.get(f"{path}{part}").status_code for part in ("", "/rows")] == [200, 200]
    for caller in (stranger, reader):
        assert caller.post(f"{path}/cancellations").status_code == 403
    assert ada.post(f"{path}/cancellations").json["state"] == "cancelled"
    assert stranger.get(f"/bulk-jobs/{theirs['id']}").status_code == 403
    assert [one["id"] for one in stranger.get("/bulk-jobs").json["items"]] == [job["id"]]
    assert ada.get(f"/bulk-jobs/{theirs['id']}").status_code == 200


def test_a_key_that_leaked_after_the_preview_is_not_unblocked(
    ada: Api, work: Callable[[], None]
) -> None:
    made = keys(ada, 2)
    for one in made:
        ada.post(f"/api-keys/{one['id']}/block", {"reason": "Invoice not paid"})
    job = preview(ada, "api-keys", "unblock", ids=[one["id"] for one in made])
    ada.post("/api-keys/leaks", {"fingerprint": made[0]["key_hash"]})
    confirm(ada, job)
    work()
    assert counts(job_of(ada, job)) == ("done", 0, 1, 0, 1)
    [skipped] = rows(ada, job, "skipped")
    assert skipped["record_id"] == made[0]["id"]
    assert "changed after the preview" in skipped["reason"]


@pytest.mark.parametrize("verb", ["unblock", "edit"])
def test_a_preview_leaves_out_keys_that_a_leak_keeps_as_they_are(ada: Api, verb: str) -> None:
    leaked, settled, other = (one["id"] for one in keys(ada, 3))
    for one in (leaked, settled, other):
        if one != other:
            found = ada.get(f"/api-keys/{one}").json["key_fingerprint"]
            assert ada.post("/api-keys/leaks", {"fingerprint": found}).status_code == 200
        ada.post(f"/api-keys/{one}/block", {"reason": "Invoice not paid"})
    assert ada.post(f"/api-keys/{settled}/leak-settlements").status_code == 200
    arguments = {"rpm_limit": 60} if verb == "edit" else {}
    job = preview(ada, "api-keys", verb, filter={}, arguments=arguments)
    [skipped] = rows(ada, job, "skipped")
    assert (skipped["record_id"], job["waiting"]) == (leaked, 2)
    assert skipped["reason"] == "It was found in public. Mark the leak as dealt with first."


def test_a_job_that_is_being_confirmed_is_not_forgotten(
    app: Flask, ada: Api, database: Database
) -> None:
    keys(ada, 2)
    confirmed, left = (preview(ada, "api-keys", verb, filter={}) for verb in ("revoke", "block"))
    database.sql("UPDATE bulk_job SET created_at = now() - interval '25 hours'")
    with psycopg.connect(libpq_url(database.superuser_url)) as holder:
        holder.execute("SELECT FROM bulk_job WHERE id = %s FOR UPDATE", (confirmed["id"],))

        def forget() -> None:
            with app.app_context(), transaction(ACME):
                work_of_jobs.forget_old(ACME)

        thread = Thread(target=forget)
        thread.start()
        until(lambda: not thread.is_alive() or database.sql(WAITING_FOR_A_LOCK))
        holder.execute("UPDATE bulk_job SET confirmed_at = now() WHERE id = %s", (confirmed["id"],))
    thread.join(40)
    assert database.sql("SELECT count(*) FROM bulk_job WHERE id = %s", confirmed["id"]) == 1
    assert database.sql("SELECT count(*) FROM bulk_job WHERE id = %s", left["id"]) == 0
