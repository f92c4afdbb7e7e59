"""Quotas of records are exact, for each tenant and for every way to create one."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from portal_devtools.identity_provider.people import ACME
from sqlalchemy import text

from portal.connectors.models import Connector
from portal.core.config import libpq_url
from portal.database.session import session, transaction
from portal.keys.models import ApiKey
from portal.quotas import housekeeping
from portal.records.quotas import counts
from portal.rest.resources import Resource
from tests.cast import ADA, Api
from tests.resources import RESOURCES, minimal

TAKE = "SELECT * FROM take_record(%s, 'connectors', 10000)"
GIVE_BACK = "SELECT give_back_records(%s, 'connectors', %s)"
HOLD = text("""
SELECT FROM quota_count WHERE tenant_id = :tenant AND kind = 'connectors' AND part < 16
ORDER BY part FOR UPDATE
""")
COUNTED = "SELECT sum(live) FROM quota_count WHERE tenant_id = %s AND kind = %s"


def counted(database, kind: str, tenant: str = ACME) -> int:
    return int(database.sql(COUNTED, tenant, kind) or 0)


def run(app, name: str) -> None:
    """Run the worker's job for Acme."""
    [job] = [job for job in housekeeping.HOUSEKEEPING if job.name == name]
    with app.app_context(), transaction(ACME):
        job.run(ACME)


def another(resource: Resource[Any, Any], number: int) -> dict[str, Any]:
    body = minimal(resource)
    return body | {"name": f"rfp.number_{number}"} if resource.name == "event-types" else body


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.name)
def test_one_more_than_the_quota_is_refused_with_the_count(resource, ada, gus, set_quota):
    kind = resource.model.quota
    assert set_quota("--" + kind.replace("_", "-"), "2").exit_code == 0
    for number in range(2):
        ada.create(resource.name, **another(resource, number))

    refused = ada.post(f"/{resource.name}", another(resource, 3))

    assert refused.status_code == 409
    assert refused.json["code"] == "quota_reached"
    assert (refused.json["quota"], refused.json["used"], refused.json["limit"]) == (kind, 2, 2)
    assert "2 of 2" in refused.json["detail"]
    assert len(ada.get(f"/{resource.name}").json["items"]) == 2
    gus.create(resource.name, **another(resource, 4))  # another tenant has a quota of its own


def test_an_import_stops_at_the_quota_and_says_what_it_left_out(ada, database, set_quota):
    ada.create("event-types", name="a.kept")
    set_quota("--event-types", "3")
    webhooks = {f"b.number{number}": {"post": {}} for number in range(4)}
    body = {"document": {"openapi": "3.1.0", "webhooks": webhooks}}

    trial = ada.post("/event-types/imports", {**body, "dry_run": True}).json["types"]
    imported = ada.post("/event-types/imports", body).json["types"]

    assert trial == imported
    assert [one["fate"] for one in imported] == ["created", "created", "skipped", "skipped"]
    assert "3 of 3" in imported[2]["reason"]
    there = {one["name"] for one in ada.get("/event-types").json["items"]}
    assert there == {"a.kept", "b.number0", "b.number1"}
    assert counted(database, "event_types") == 3


def test_the_page_says_it_in_words(browse, ada, set_quota):
    set_quota("--applications", "1")
    ada.create("applications")
    page = browse(ADA).post("/applications/new", {"display_name": "One more", "kind": "app"})
    assert page.status_code == 409
    assert "1 of 1 applications" in page.text


def test_a_refusal_is_told_once_a_minute_in_the_log(ada, set_quota, capsys):
    set_quota("--connectors", "1")
    assert [ada.post("/connectors", {}).status_code for _ in range(4)] == [201, 409, 409, 409]
    said = [line for line in capsys.readouterr().out.splitlines() if "has reached a quota" in line]
    assert len(said) == 1
    assert ACME in said[0]


def test_what_is_deleted_makes_room_and_is_restored_only_where_there_is_some(ada, set_quota):
    set_quota("--webhooks", "1")
    first = ada.create("webhooks")["id"]
    assert ada.delete(f"/webhooks/{first}").status_code == 204
    second = ada.create("webhooks")["id"]

    refused = ada.post(f"/webhooks/{first}/restore")
    assert (refused.status_code, refused.json["code"]) == (409, "quota_reached")

    ada.delete(f"/webhooks/{second}")
    assert ada.post(f"/webhooks/{first}/restore").status_code == 200


def test_a_revoked_key_makes_room_one_by_one_and_many_at_once(ada, set_quota, database):
    set_quota("--api-keys", "3")
    keys = [ada.create("api-keys", tags=["old"])["id"] for _ in range(3)]
    assert ada.post("/api-keys", {}).status_code == 409
    assert ada.post(f"/api-keys/{keys[0]}/revoke").status_code == 200
    assert counted(database, "api_keys") == 2
    many = ada.post("/api-keys/revocations", {"tag": "old", "reason": "gone", "dry_run": False})
    assert many.status_code == 200, many.text
    assert counted(database, "api_keys") == 0


def test_a_successor_counts_until_the_old_key_is_revoked(ada, set_quota):
    set_quota("--api-keys", "1")
    key = ada.create("api-keys")["id"]
    assert ada.post(f"/api-keys/{key}/rotations", {"overlap": "1h"}).status_code == 409


def test_a_retired_application_makes_room(ada, set_quota, database):
    set_quota("--applications", "1")
    first = ada.create("applications")["id"]
    assert ada.post("/applications", {}).status_code == 409
    assert ada.post(f"/applications/{first}/retire", {"reason": "unused"}).status_code == 200
    ada.create("applications")
    back = ada.post(f"/applications/{first}/reopen", {"reason": "used again"})
    assert (back.status_code, back.json["code"]) == (409, "quota_reached")


def test_a_limit_below_what_there_is_takes_nothing_away(ada, set_quota):
    for _ in range(3):
        ada.create("connectors")
    set_quota("--connectors", "1")
    refused = ada.post("/connectors", {})
    assert (refused.json["used"], refused.json["limit"]) == (3, 1)
    assert len(ada.get("/connectors").json["items"]) == 3

    set_quota("--connectors", "4")
    ada.create("connectors")
    assert ada.post("/connectors", {}).status_code == 409


def test_records_that_were_there_before_they_were_counted_count(ada, set_quota, database):
    ada.create("connectors")
    database.sql("DELETE FROM quota_count")  # as right after the migration
    set_quota("--connectors", "2")
    ada.create("connectors")
    assert ada.post("/connectors", {}).status_code == 409


def test_a_deletion_before_the_first_count_is_counted_once(ada, database):
    kept, gone = (ada.create("connectors")["id"] for _ in range(2))
    database.sql("DELETE FROM quota_count")
    ada.delete(f"/connectors/{gone}")
    assert counted(database, "connectors") == 1
    assert ada.get(f"/connectors/{kept}").status_code == 200


@pytest.mark.parametrize("verb", ["create", "delete"])
def test_what_changes_while_the_first_count_is_made_is_counted(app, ada, database, verb):
    """Check that a change counts although it waits for the transaction of the first count."""
    kept = ada.create("connectors")["id"]
    gone = ada.create("connectors")["id"]
    database.sql("DELETE FROM quota_count")
    with ThreadPoolExecutor(1) as other:
        with app.app_context(), transaction(ACME):
            counts.begin(ACME, Connector)
            if verb == "create":
                call = other.submit(ada.post, "/connectors", {})
            else:
                call = other.submit(ada.delete, f"/connectors/{gone}")
            while not database.waiting():
                assert not call.done(), call.result().text
        assert call.result().status_code in (201, 204)
    assert counted(database, "connectors") == (3 if verb == "create" else 1)
    assert ada.get(f"/connectors/{kept}").status_code == 200


def test_what_a_refused_request_would_have_made_is_not_counted(ada, database):
    body = {"display_name": "CRM", "slug": "crm"}
    ada.create("applications", **body)
    assert ada.post("/applications", body).status_code == 409
    assert counted(database, "applications") == 1


def test_the_daily_count_corrects_what_was_not_counted(app, ada, database):
    ada.create("connectors")
    ada.create("connectors")
    database.sql("DELETE FROM connector WHERE id = (SELECT min(id) FROM connector)")
    assert counted(database, "connectors") == 2
    run(app, "count records again")
    assert counted(database, "connectors") == 1


@pytest.mark.parametrize("at_once", [1, 3])
def test_what_is_created_while_records_are_counted_again_stays_within_the_quota(
    app, api, set_quota, database, at_once
):
    """Check that calls that wait for the count find one another, and the last places."""
    set_quota("--connectors", str(1 + at_once))
    api(ADA).create("connectors")

    def create(caller: Api) -> bool:
        if at_once == 1:
            return bool(caller.post("/connectors", {}).status_code == 201)
        answer = caller.post("/connectors/batch", {"items": [{}] * at_once})
        return bool(answer.status_code == 200)

    with ThreadPoolExecutor(3) as others:
        with app.app_context(), transaction(ACME):
            counts.count_again(ACME, Connector)
            calls = [others.submit(create, api(ADA)) for _ in range(3)]
            while database.waiting() < 3:
                assert not any(call.done() for call in calls)
        assert sorted(call.result() for call in calls) == [False, False, True]
    there = database.sql("SELECT count(*) FROM connector WHERE NOT is_deleted")
    assert there == counted(database, "connectors") == 1 + at_once


def test_who_gives_back_and_then_takes_never_blocks_a_recount_crosswise(app, ada, database):
    """Check that a recount leaves what is given back to who holds it, and counts right even so."""
    made = [ada.create("connectors") for _ in range(3)]
    with ThreadPoolExecutor(1) as pool, psycopg.connect(libpq_url(database.app_url)) as other:
        with app.app_context(), transaction(ACME):
            counts.count_again(ACME, Connector)  # holds all parts: this is given back beside them
            deleted = pool.submit(ada.delete, f"/connectors/{made[0]['id']}")
            assert deleted.result().status_code == 204
        with app.app_context(), transaction(ACME):
            session.execute(HOLD, {"tenant": ACME})  # as a recount does
            other.execute("SELECT set_config('app.tenant_id', %s, true)", (ACME,))
            other.execute(GIVE_BACK, (ACME, 1))
            taken = pool.submit(lambda: other.execute(TAKE, (ACME,)).fetchall())
            while not database.waiting():
                assert not taken.done()
            counts.count_again(ACME, Connector)
        assert taken.result()[0][0] == "taken"
        other.commit()
    assert counted(database, "connectors") == 2
    run(app, "count records again")
    assert counted(database, "connectors") == 2
    assert database.sql("SELECT sum(live) FROM quota_count WHERE part = 16") == 0


def test_the_worker_counts_what_nobody_counted_yet(app, ada, database):
    ada.create("connectors")
    database.sql("DELETE FROM quota_count")
    run(app, "count records first")
    run(app, "count records first")
    assert counted(database, "connectors") == 1
    assert database.sql("SELECT count(DISTINCT kind) FROM quota_count") == len(RESOURCES)


@pytest.mark.parametrize("limit", [1, 7, 40])
def test_many_at_once_are_exactly_as_many_as_the_quota(app, api, set_quota, database, limit):
    """Check that threads that create and delete records reach the limit and never exceed it."""
    set_quota("--connectors", str(limit))
    calls = [api(ADA) for _ in range(8)]

    def churn(caller: Api) -> int:
        made = 0
        for number in range(8):
            answer = caller.post("/connectors", {})
            assert answer.status_code in (201, 409), answer.text
            made += answer.status_code == 201
            if answer.status_code == 201 and number % 3 == 0:
                assert caller.delete(f"/connectors/{answer.json['id']}").status_code == 204
                made -= 1
        return made

    with ThreadPoolExecutor(8) as threads:
        left = sum(threads.map(churn, calls))

    there = database.sql("SELECT count(*) FROM connector WHERE NOT is_deleted")
    assert there == left == counted(database, "connectors") <= limit
    while api(ADA).post("/connectors", {}).status_code == 201:
        pass
    assert database.sql("SELECT count(*) FROM connector WHERE NOT is_deleted") == limit


def test_far_from_the_limit_nobody_waits_for_somebody_elses_creation(app, ada, tenants):
    """Create another record of the same kind while one creation is not committed yet."""
    ada.create("api-keys")
    ada.create("api-keys")  # after the first record, which started the count
    with app.app_context(), transaction(ACME):
        counts.take(ACME, ApiKey)
        with ThreadPoolExecutor(1) as other:
            assert other.submit(ada.post, "/api-keys", {}).result().status_code == 201


def test_many_at_the_limit_never_block_each_other_crosswise(ada, database, set_quota):
    """Take the last places and give them back in many transactions at once."""
    set_quota("--connectors", "40")
    ada.create("connectors")

    def churn(_: int) -> int:
        refused = 0
        with psycopg.connect(libpq_url(database.app_url), autocommit=True) as connection:
            for number in range(400):
                with connection.transaction():
                    connection.execute("SELECT set_config('app.tenant_id', %s, true)", (ACME,))
                    if number % 6 == 5:
                        connection.execute(GIVE_BACK, (ACME, 5 - refused))
                        refused = 0
                    else:
                        [(verdict, *_)] = connection.execute(TAKE, (ACME,)).fetchall()
                        refused += verdict == "full"
        return refused

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(churn, range(8)))  # PostgreSQL raises DeadlockDetected
    assert counted(database, "connectors") <= 40
