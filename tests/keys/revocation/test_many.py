"""Many keys are stopped at once, however long that takes the database."""

import html
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
import pytest

from portal.core.config import libpq_url
from portal.keys.revocation import blast_radius, in_parts
from tests.cast import ACME, ADA, Api, Pages
from tests.databases import Database
from tests.keys.limits.waiting import until

MANY, PART = 900, 400
KEYS = """
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, version, tags,
    application_id)
SELECT %s, 'key_' || lpad(n::text, 26, '0'), 'Key ' || n, encode(sha256(n::text::bytea), 'hex'),
    'sk-acme-', 'sk-acme-abcd', 'abcd', 1, '["old"]', %s
FROM generate_series(1, %s) AS n
"""
# As if a statement about so many keys, or about this one, took longer than it may.
SLOW = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) > {most} OR bool_or(id = '{stuck}') FROM changed) THEN
        RAISE EXCEPTION USING errcode = '57014', message = 'canceling statement';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fail AFTER UPDATE ON api_key REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION fail()
"""
# This happens once more keys than this are revoked.
BROKEN = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) > {most} FROM api_key WHERE revoked_at IS NOT NULL) THEN
        {does};
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fail AFTER UPDATE ON api_key
    FOR EACH STATEMENT EXECUTE FUNCTION fail()
"""
DISK_FULL = "RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'"
BREAKS = {
    "PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(5)":
        "The connection to the database broke after a part of this was saved. Look before",
    DISK_FULL: "A part of this was saved, then nothing more could be: the database server",
}  # fmt: skip
STUCK = f"key_{7:026}"
STOPPED = "SELECT count(*) FROM api_key WHERE revoked_at IS NOT NULL OR blocked"
NOTED = "SELECT count(*) FROM audit_entry WHERE action = ANY ('{key.revoked,key.blocked}')"


@contextmanager
def failing(database: Database, trigger: str) -> Iterator[None]:
    """Let changes of keys meet this trigger until the block ends."""
    database.sql(trigger)
    try:
        yield
    finally:
        database.sql("DROP FUNCTION fail CASCADE")


def slow(database: Database, most: int, stuck: str = "") -> AbstractContextManager[None]:
    """Give up statements that change more keys than `most`, or this one, until the block ends."""
    return failing(database, SLOW.format(most=most, stuck=stuck))


@pytest.fixture
def crm(ada: Api, database: Database, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return an application with many keys, of which fewer are a part."""
    monkeypatch.setattr(in_parts, "PART", PART)
    made = ada.create("applications", display_name="CRM", slug="crm")
    database.sql(KEYS, ACME, made["id"], MANY)
    return made


def stop(way: str, crm: dict[str, Any], ada: Api, page: Pages) -> Any:
    """Stop all keys of the application that are left, in one of the ways."""
    chosen = {"application_id": crm["id"]}
    if way == "REST":
        return ada.post("/api-keys/revocations", {**chosen, "dry_run": False})
    if way == "panic":
        return page.post("/keys/panic", {**chosen, "confirm": crm["slug"]})
    many = ada.post("/api-keys/revocations", {**chosen, "verb": "block"}).json["count"]
    return page.post("/keys/bulk", {**chosen, "verb": "block", "confirm": str(many)})


@pytest.mark.parametrize("most", [PART, 60])
@pytest.mark.parametrize("way", ["REST", "panic", "bulk"])
def test_more_keys_are_stopped_than_one_statement_has_time_for(
    crm: dict[str, Any], ada: Api, page: Pages, database: Database, way: str, most: int
) -> None:
    with slow(database, most):
        answer = stop(way, crm, ada, page)
    assert answer.status_code == (200 if way == "REST" else 303), answer.text
    assert database.sql(STOPPED) == database.sql(NOTED) == MANY
    if way == "REST":
        assert (answer.json["count"], answer.json["left"]) == (MANY, 0)
    else:
        assert f"{MANY} keys are" in page.get("/keys").text


@pytest.mark.parametrize("way", ["REST", "panic", "bulk"])
def test_when_the_time_is_over_it_says_what_is_left_and_goes_on_later(
    crm: dict[str, Any],
    ada: Api,
    page: Pages,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    monkeypatch.setattr(in_parts, "LONGEST", 0)
    answer = stop(way, crm, ada, page)
    assert database.sql(STOPPED) == PART
    if way == "REST":
        assert (answer.json["count"], answer.json["left"]) == (PART, MANY - PART)
    else:
        said = {"panic": "500 are not revoked yet", "bulk": "400 of 900 keys are blocked"}
        assert said[way] in page.get(answer.headers["Location"]).text
    for _ in range(2):
        answer = stop(way, crm, ada, page)
    assert database.sql(STOPPED) == database.sql(NOTED) == MANY
    assert way != "REST" or answer.json["left"] == 0


@pytest.mark.parametrize("way", ["REST", "panic", "bulk"])
def test_a_key_that_cannot_be_stopped_is_in_the_way_of_no_other(
    crm: dict[str, Any], ada: Api, page: Pages, database: Database, way: str
) -> None:
    with slow(database, MANY, STUCK):
        answer = stop(way, crm, ada, page)
    assert database.sql(STOPPED) == MANY - 1
    if way == "REST":
        assert (answer.json["count"], answer.json["left"]) == (MANY - 1, 1)
    else:
        said = {"panic": "One is not revoked yet", "bulk": "899 of 900 keys are blocked"}
        assert said[way] in page.get(answer.headers["Location"]).text


def test_where_nothing_could_be_stopped_it_says_so(
    crm: dict[str, Any],
    ada: Api,
    page: Pages,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(in_parts, "LONGEST", 0)
    with slow(database, 0):
        for way in ("REST", "panic"):
            answer = stop(way, crm, ada, page)
            assert (answer.status_code, "nothing was changed" in answer.text) == (503, True)
    assert database.sql(STOPPED) == 0


@pytest.mark.parametrize("does", BREAKS)
@pytest.mark.parametrize("way", ["REST", "panic"])
def test_a_database_that_fails_after_the_first_part_does_not_say_that_nothing_was_changed(
    crm: dict[str, Any], ada: Api, page: Pages, database: Database, way: str, does: str
) -> None:
    with failing(database, BROKEN.format(most=PART, does=does)):
        answer = stop(way, crm, ada, page)
    assert answer.status_code == 503
    assert BREAKS[does] in html.unescape(answer.text)
    assert database.sql(STOPPED) == PART


def test_a_full_disk_before_the_first_part_says_that_nothing_is_saved(
    crm: dict[str, Any], ada: Api, page: Pages, database: Database
) -> None:
    with failing(database, BROKEN.format(most=0, does=DISK_FULL)):
        answer = stop("REST", crm, ada, page)
    assert (answer.status_code, answer.json["code"]) == (503, "not_saving")
    assert database.sql(STOPPED) == 0


def test_a_stop_in_parts_is_answered_once_for_each_idempotency_key(
    crm: dict[str, Any], ada: Api, database: Database
) -> None:
    asked = {"application_id": crm["id"], "dry_run": False}
    with slow(database, 60):
        first, again = (
            ada.post("/api-keys/revocations", asked, headers={"Idempotency-Key": "leak-1"})
            for _ in range(2)
        )
    assert first.json == again.json
    assert first.json["count"] == MANY
    assert again.headers["Idempotency-Replayed"] == "true"


def test_the_change_of_a_key_is_told_with_its_own_part_not_with_all(
    crm: dict[str, Any], ada: Api, page: Pages, database: Database
) -> None:
    database.sql("DELETE FROM key_change")
    stop("REST", crm, ada, page)
    assert database.sql("SELECT count(DISTINCT seq), count(*) FROM key_change") == (3, MANY)


def test_checking_a_stop_of_many_stops_none(
    crm: dict[str, Any], ada: Api, database: Database
) -> None:
    asked = {"application_id": crm["id"], "dry_run": False}
    checked = ada.post("/api-keys/revocations", asked, headers={"Prefer": "validate-only"})
    assert checked.status_code == 200, checked.text
    assert database.sql(STOPPED) == 0


def test_checking_a_stop_of_many_delays_no_other_stop(
    crm: dict[str, Any], ada: Api, gus: Api, api: Callable[..., Api], database: Database
) -> None:
    other_ada = api(ADA)
    theirs, beside = gus.create("api-keys")["id"], f"key_{1:026}"
    asked = {"application_id": crm["id"], "dry_run": False}
    validate = {"Prefer": "validate-only"}
    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(libpq_url(database.superuser_url)) as holder:
            holder.execute("SELECT FROM api_key WHERE id = %s FOR UPDATE", (f"key_{MANY:026}",))
            checked = pool.submit(ada.post, "/api-keys/revocations", asked, headers=validate)
            until(lambda: database.waiting("UPDATE api_key%") == 1)  # in its last part
            for caller, key_id in ((gus, theirs), (other_ada, beside)):
                stopped = caller.post(f"/api-keys/{key_id}/block", {})
                assert stopped.status_code == 200, stopped.text
        answer = checked.result().json
    assert (answer["count"], answer["left"]) == (MANY, 0)
    assert database.sql(STOPPED) == 2


# ---------------------------------------------------------------- as many as were confirmed


def test_more_keys_than_fit_are_not_stopped_by_a_smaller_number(
    crm: dict[str, Any], page: Pages, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {"application_id": crm["id"], "verb": "block"}
    monkeypatch.setattr(blast_radius, "MOST", MANY - 1)
    monkeypatch.setattr("portal.keys.revocation.pages.MOST", MANY - 1)
    seen = page.get("/keys/bulk", query_string=chosen).text
    assert "More than 899 keys selected" in seen
    assert "to confirm" not in seen
    for typed in (MANY - 1, MANY):
        refused = page.post("/keys/bulk", chosen | {"confirm": str(typed)})
        assert refused.status_code == 422
        assert "Narrow it down to 899 keys" in refused.text
    assert database.sql(STOPPED) == 0


def test_as_many_keys_as_fit_are_not_called_more(
    crm: dict[str, Any], page: Pages, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {"application_id": crm["id"], "verb": "block"}
    monkeypatch.setattr(blast_radius, "MOST", MANY)
    monkeypatch.setattr("portal.keys.revocation.pages.MOST", MANY)
    for path in ("/keys/bulk", "/keys/panic"):
        seen = page.get(path, query_string=chosen).text
        assert "900 keys" in seen
        assert "More than" not in seen
    assert page.post("/keys/bulk", chosen | {"confirm": "900"}).status_code == 303
    assert database.sql(STOPPED) == MANY


def test_keys_that_are_blocked_are_not_blocked_again(ada: Api, page: Pages) -> None:
    first, second = (ada.create("api-keys", tags=["old"])["id"] for _ in range(2))
    ada.post(f"/api-keys/{first}/block", {"reason": "Lent out"})
    page.post("/keys/bulk", {"tag": "old", "verb": "block", "reason": "Old", "confirm": "1"})
    reasons = [
        (ada.get(f"/api-keys/{one}").json or {})["blocked_reason"] for one in (first, second)
    ]
    assert reasons == ["Lent out", "Old"]


def test_keys_that_were_not_shown_are_not_revoked_by_the_same_number(ada: Api, page: Pages) -> None:
    shown, other = ada.create("api-keys", tags=["old"]), ada.create("api-keys", tags=["prod"])
    chosen = {"tag": "old", "verb": "revoke"}
    [fingerprint] = re.findall(
        r'name="shown" value="(\w+)"', page.get("/keys/bulk", query_string=chosen).text
    )
    ada.patch(f"/api-keys/{shown['id']}", {"tags": []})
    ada.patch(f"/api-keys/{other['id']}", {"tags": ["old"]})
    confirmed = {**chosen, "confirm": "1", "shown": fingerprint}
    refused = page.post("/keys/bulk", confirmed)
    assert refused.status_code == 422
    assert "Other keys are selected now" in refused.text
    assert ada.get(f"/api-keys/{other['id']}").json["status"] == "active"
    ada.patch(f"/api-keys/{other['id']}", {"tags": []})
    ada.patch(f"/api-keys/{shown['id']}", {"tags": ["old"]})
    assert page.post("/keys/bulk", confirmed).status_code == 303
    assert ada.get(f"/api-keys/{shown['id']}").json["status"] == "revoked"


@pytest.mark.parametrize("verb", ["block", "limit"])
def test_a_choice_of_another_action_says_that_it_is_about_other_keys(
    ada: Api, page: Pages, verb: str
) -> None:
    first, second = (ada.create("api-keys", tags=["old"], rpm_limit=5) for _ in range(2))
    ada.post(f"/api-keys/{first['id']}/block", {"reason": "Lent out"})
    ada.patch(f"/api-keys/{second['id']}", {"rpm_limit": None})
    shown = shown_in(page.get("/keys/bulk", query_string={"tag": "old"}).text)
    chosen = {"tag": "old", "verb": verb, "confirm": "1"}
    refused = page.post("/keys/bulk", {**chosen, **shown})
    assert refused.status_code == 422
    assert "For this action, other keys are selected" in refused.text
    assert page.post("/keys/bulk", {**chosen, **shown_in(refused.text)}).status_code == 303
    changed = ada.get(f"/api-keys/{second['id']}").json
    assert changed["blocked"] if verb == "block" else changed["rpm_limit"] == 600


def shown_in(text: str) -> dict[str, str]:
    """Return the hidden fields of the form that say what it has shown."""
    return dict(re.findall(r'name="(shown\w*)" value="(\w+)"', text))


def test_a_key_that_comes_in_after_the_confirmation_is_not_repaired(
    ada: Api, page: Pages, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, other = (ada.create("api-keys", name=name, rpm_limit=None) for name in ("Old", "New"))
    confirm = blast_radius.confirmed

    def moved_meanwhile(*given: Any) -> Any:
        ids = confirm(*given)
        database.sql("UPDATE api_key SET application_id = %s WHERE id = %s", crm["id"], other["id"])
        return ids

    crm = ada.create("applications", display_name="CRM", slug="crm")
    database.sql("UPDATE api_key SET application_id = %s WHERE id = %s", crm["id"], shown["id"])
    monkeypatch.setattr(blast_radius, "confirmed", moved_meanwhile)
    chosen = {"application_id": crm["id"], "verb": "limit", "confirm": "1"}
    assert page.post("/keys/bulk", chosen).status_code == 303
    limits = [ada.get(f"/api-keys/{key['id']}").json["rpm_limit"] for key in (shown, other)]
    assert limits == [600, None]


def test_keys_that_somebody_else_revoked_meanwhile_are_told_from_ones_own(
    ada: Api, page: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = (ada.create("api-keys", tags=["old"])["id"] for _ in range(2))
    confirm = blast_radius.confirmed

    def revoked_meanwhile(*given: Any) -> Any:
        ids = confirm(*given)
        assert ada.post(f"/api-keys/{first}/revoke").status_code == 200
        return ids

    monkeypatch.setattr(blast_radius, "confirmed", revoked_meanwhile)
    page.post("/keys/bulk", {"tag": "old", "verb": "revoke", "confirm": "2"})
    said = page.get("/keys").text
    assert "1 of 2 keys are revoked. Somebody else changed the others meanwhile." in said


def test_a_confirmation_for_keys_that_are_gone_says_why_nothing_was_changed(
    ada: Api, page: Pages
) -> None:
    key = ada.create("api-keys", tags=["old"])["id"]
    chosen = {"tag": "old", "verb": "block"}
    shown = shown_in(page.get("/keys/bulk", query_string=chosen).text)
    ada.post(f"/api-keys/{key}/block", {"reason": "Lent out"})
    refused = page.post("/keys/bulk", {**chosen, **shown, "confirm": "1"})
    assert refused.status_code == 422
    assert "Nothing was changed" in refused.text
    assert 'name="confirm"' not in refused.text
    assert re.search(r'<select id="bulk-verb".*value="revoke"', refused.text, re.DOTALL)
