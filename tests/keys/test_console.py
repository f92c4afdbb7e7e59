"""The console of keys: three ways to deliver a key, the ways to stop it, and rotations."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal.core.config import libpq_url
from portal.core.key_shape import SHAPE
from portal.database.session import transaction
from portal.keys.verification import denials
from portal.secretstore import SecretRef, store
from tests.cast import ADA, ED, GUS, Api, Pages
from tests.databases import Database
from tests.keys.limits.waiting import until
from tests.statements import statements

Browse = Callable[..., Pages]
Sql = Callable[..., None]


def code(ada: Api, key_id: str) -> str:
    """Return the verdict code that a call with this key would get."""
    return str((ada.post(f"/api-keys/{key_id}/rehearsals").json or {})["code"])


def form_of(page: Pages, **typed: str) -> dict[str, str]:
    """Return the fields that the browser sends with the form that issues a key."""
    text = page.get("/keys/new").text
    drawn = {
        name: re.findall(rf'name="{name}"[^>]*value="([^"]+)"', text)[0]
        for name in ("idempotency_key", "form_secret")
    }
    return drawn | {"kind": "service", "lifetime": "90", "name": "Nightly"} | typed


def only_key(ada: Api) -> dict[str, Any]:
    [key] = (ada.get("/api-keys").json or {})["items"]
    return dict(key)


def without_tokens(text: str) -> str:
    return re.sub(r'(nonce|value|content)="[^"]*"|X-CSRFToken[^}]*', "", text)


# ---------------------------------------------------------------- a one-time link


def link_of(page: Pages, ada: Api) -> str:
    """Issue a key by one-time link, and return the secret after the # of the link."""
    answer = page.post("/keys/new", form_of(page, delivery="link"))
    assert not re.search(SHAPE, answer.text), "the issuer does not see it"
    [address] = set(re.findall(r"http://\S+/keys/link#[\w-]+", answer.text))
    assert only_key(ada)["status"] == "active"
    return str(address.partition("#")[2])


def test_a_link_opens_once_for_whoever_holds_it(page: Pages, ada: Api, app: Flask, client: Any):
    secret = link_of(page, ada)
    assert secret not in client.get("/keys/link").text, "looking does not open it"
    visitor = Pages(client, "")
    visitor.token = token_on(client)
    opened = visitor.post("/keys/link", {"secret": secret})
    [raw] = set(re.findall(SHAPE, opened.text))
    assert opened.headers["Cache-Control"] == "no-store"
    assert Api(app.test_client(), raw).get("/applications").status_code == 403
    used = visitor.post("/keys/link", {"secret": secret})
    assert used.status_code == 410
    assert raw not in used.text
    history = page.get(f"/keys/{only_key(ada)['id']}/history").text
    assert "read the key" in history


def test_whoever_opens_a_link_leaves_no_key_in_the_history(page: Pages, ada: Api, client: Any):
    secret = link_of(page, ada)
    raw = ada.create("api-keys", scopes=["audit:read"])["key"]
    visitor = Pages(client, "")
    visitor.token = token_on(client)
    opened = visitor.post("/keys/link", {"secret": secret}, headers={"User-Agent": f"x {raw}"})
    assert opened.status_code == 200
    log = ada.get("/audit").text
    assert f"x {raw[:12]}" in log
    assert raw not in log


def test_a_used_an_old_and_a_made_up_link_look_the_same(
    page: Pages, ada: Api, client: Any, sql: Sql
):
    visitor = Pages(client, "")
    visitor.token = token_on(client)
    used = link_of(page, ada)
    assert visitor.post("/keys/link", {"secret": used}).status_code == 200
    old = link_of_another(page)
    sql("UPDATE sealed_key SET expires_at = now() - interval '1 second'")
    answers = [visitor.post("/keys/link", {"secret": s}) for s in (used, old, "A" * 43, "", "x")]
    assert {answer.status_code for answer in answers} == {410}
    assert len({without_tokens(answer.text) for answer in answers}) == 1


def test_a_link_to_a_revoked_key_opens_nothing(page: Pages, ada: Api, client: Any):
    secret = link_of(page, ada)
    ada.post(f"/api-keys/{only_key(ada)['id']}/revoke")
    visitor = Pages(client, "")
    visitor.token = token_on(client)
    assert visitor.post("/keys/link", {"secret": secret}).status_code == 410


def link_of_another(page: Pages) -> str:
    answer = page.post("/keys/new", form_of(page, delivery="link", name="Another"))
    return str(re.findall(r"/keys/link#([\w-]+)", answer.text)[0])


def token_on(client: Any) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/keys/link").text)
    assert found
    return found[1]


# ---------------------------------------------------------------- a lost response


def test_a_lost_answer_is_said_again_to_the_form_that_lost_it_and_to_no_other(
    page: Pages, ada: Api, browse: Browse, sql: Sql
):
    sent = form_of(page)
    [raw] = set(re.findall(SHAPE, page.post("/keys/new", sent).text))
    again = page.post("/keys/new", sent)
    assert again.status_code == 200
    assert set(re.findall(SHAPE, again.text)) == {raw}
    assert "This is the answer again" in again.text
    other = page.post("/keys/new", sent | {"form_secret": "A" * 43})
    without = page.post("/keys/new", {k: v for k, v in sent.items() if k != "form_secret"})
    sql("UPDATE sealed_key SET expires_at = now() - interval '1 second'")
    late = page.post("/keys/new", sent)
    for answer in (other, without, late):
        assert answer.status_code == 409
        assert "already issued" in answer.text
        assert not re.search(SHAPE, answer.text)
    only_key(ada)


def test_a_form_with_the_secret_of_another_one_is_refused(page: Pages, ada: Api):
    sent = form_of(page)
    page.post("/keys/new", sent)
    other = page.post("/keys/new", form_of(page) | {"form_secret": sent["form_secret"]})
    assert other.status_code == 422
    assert "This form made a key before" in other.text
    only_key(ada)


def test_what_is_kept_for_a_lost_answer_opens_nothing_by_itself(page: Pages, database: Database):
    sent = form_of(page)
    [raw] = set(re.findall(SHAPE, page.post("/keys/new", sent).text))
    assert database.sql("SELECT count(*) FROM sealed_key") == 1
    row = database.sql("SELECT sealed_key::text FROM sealed_key")
    assert raw not in row
    assert raw.encode().hex() not in row
    assert sent["form_secret"] not in row


def test_a_key_goes_straight_into_the_secret_store(page: Pages, ada: Api, app: Flask):
    answer = page.post("/keys/new", form_of(page, delivery="store"))
    assert answer.status_code == 200
    assert not re.search(SHAPE, answer.text)
    key = only_key(ada)
    ref = SecretRef(ACME, "keys", key["id"], "key")
    assert ref.path("secret") in answer.text
    with app.app_context(), transaction(ACME):
        raw = store().get(ref, reason="a test")["key"]
    assert re.fullmatch(SHAPE, raw)
    assert (ada.post("/api-keys/verify", {"key": raw}).json or {})["key_id"] == key["id"]
    again = page.post("/keys/new", form_of(page, delivery="store"))
    assert not re.search(SHAPE, again.text)


# ---------------------------------------------------------------- stopping one


def test_a_revocation_can_be_planned_and_taken_back(page: Pages, ada: Api):
    path = f"/keys/{ada.create('api-keys')['id']}"
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    planned = {"way": "at", "at": tomorrow, "reason": "end of the project"}
    assert page.post(f"{path}/stop", planned).status_code == 303
    assert "This key will be revoked" in page.get(path).text
    assert only_key(ada)["status"] == "active"
    assert page.post(f"{path}/keep").status_code == 303
    assert "This key will be revoked" not in page.get(path).text
    assert (only_key(ada)["revoke_at"], only_key(ada)["revoked_reason"]) == (None, None)


@pytest.mark.parametrize(
    ("button", "sent"),
    [
        ("block", {"reason": "odd"}),
        ("stop", {"way": "now", "reason": "odd"}),
        ("stop", {"way": "brownout"}),
    ],
)
def test_who_comes_after_another_one_revoked_the_key_is_told_so(
    page: Pages, ada: Api, button: str, sent: dict[str, str]
):
    key = ada.create("api-keys")["id"]
    ada.post(f"/api-keys/{key}/revoke", {"reason": "leaked"})
    answer = page.post(f"/keys/{key}/{button}", sent)
    assert (answer.status_code, answer.location) == (303, f"/keys/{key}")
    shown = page.get(f"/keys/{key}").text
    assert "was revoked already, so nothing was changed" in shown
    assert "leaked" in shown


def test_a_brownout_is_shown_and_can_be_taken_back(page: Pages, ada: Api):
    key = ada.create("api-keys")
    path = f"/keys/{key['id']}"
    assert page.post(f"{path}/stop", {"way": "brownout"}).status_code == 303
    assert "This key is in a brown-out" in page.get(path).text
    assert code(ada, key["id"]) == "BLOCKED"
    page.post(f"{path}/keep")
    assert code(ada, key["id"]) == "VALID"


@pytest.mark.parametrize("at", ["", "soon", "2020-01-01T00:00"])
def test_a_plan_needs_a_moment_that_lies_ahead(page: Pages, ada: Api, at: str):
    path = f"/keys/{ada.create('api-keys')['id']}"
    answer = page.post(f"{path}/stop", {"way": "at", "at": at})
    assert answer.status_code == 422
    assert "Nothing was changed" in answer.text
    assert only_key(ada)["revoke_at"] is None


def test_a_revocation_that_happened_cannot_be_taken_back(page: Pages, ada: Api):
    key = ada.create("api-keys")
    page.post(f"/keys/{key['id']}/stop", {"way": "now"})
    assert page.post(f"/keys/{key['id']}/keep").status_code == 409
    assert code(ada, key["id"]) == "REVOKED"


def test_before_a_key_is_stopped_it_says_what_that_breaks(page: Pages, ada: Api, app: Flask):
    issued = ada.create("api-keys", scopes=["keys:read"])
    ada.post(f"/api-keys/{issued['id']}/children", {"scopes": []})
    holder = Api(app.test_client(), issued["key"])
    for _ in range(3):
        holder.get("/api-keys")
    app.extensions["keys"].flush()
    text = page.get(f"/keys/{issued['id']}/stop").text
    for words in ("Whoever made these 3 calls is refused.", "127.0.0.1", "keys:read"):
        assert words in text
    assert stat(text, "Fall with it") == "1"


def stat(text: str, label: str) -> str:
    """Return the figure below a label."""
    found = re.search(rf"{label}</\w+>\s*<[^>]*>(?:<[^>]*>)*([^<]+)", text)
    assert found, text
    return found[1].strip()


# ---------------------------------------------------------------- changes reach all verifiers


@pytest.fixture
def verifier(app: Flask) -> Iterator[None]:
    """Run the threads of verification in this process, as a server does."""
    engine = app.extensions["keys"]
    engine.begin_now()
    assert engine.watch.listening.wait(10)
    yield
    engine.end()


@pytest.mark.parametrize(
    ("verb", "words"), [("revoke", "Revoked"), ("block", "Blocked")], ids=["revoke", "block"]
)
def test_the_page_proves_that_everybody_has_heard(
    page: Pages, ada: Api, verifier: None, verb: str, words: str
):
    path = f"/keys/{ada.create('api-keys')['id']}"
    assert 'id="heard"' not in page.get(path).text
    page.post(f"{path}/{verb}")
    found, text = None, ""
    ends = time.monotonic() + 20
    while found is None and time.monotonic() < ends:
        text = page.get(path).text
        # A verifier of another test may still be running.
        found = re.search(words + r" on (\d+)/\1 verifiers? in ([\d.]+) ms\.", text)
    assert found, re.findall(words + " on .*", text)
    assert 'id="heard"' in text
    assert float(found[2]) < 1000


CHANGE = "SELECT ARRAY[seq::text, changed_at::text] FROM key_change WHERE record_id = %s"
HAD_HEARD = {
    "late": ({-1: -60, 0: 12}, 12_000.0, " in 12.0 s."),
    "when nobody knows": ({-1: -60}, None, "."),
    "when nobody knows, and of a later change": ({-1: -60, 1: 3600}, None, "."),
    "and never said anything": ({}, None, "."),
    "before it began": ({1: 3600}, 5.0, " in 5 ms."),
}
"""Acknowledgements of another verifier (number after the change → seconds after it), and what is
told."""


@pytest.mark.parametrize("how", HAD_HEARD)
def test_the_time_until_all_had_heard_is_told_if_it_is_known_of_all(
    page: Pages, ada: Api, database: Database, sql: Sql, how: str
):
    key = ada.create("api-keys")["id"]
    ada.post(f"/api-keys/{key}/block", {})
    seq, changed_at = database.sql(CHANGE, key)
    acknowledged, milliseconds, words = HAD_HEARD[how]
    for name, said in (("quick", {-1: -60, 0: 0.005}), ("other", acknowledged)):
        sql(
            "INSERT INTO key_verifier (id, host, process, seq, seen_at, stale_seconds)"
            " VALUES (%s, 'w2', 1, 1000000000, now(), 60)",
            f"had heard {name}",
        )
        for number, seconds in said.items():
            sql(
                "INSERT INTO key_acknowledgement (verifier_id, seq, seen_at)"
                " VALUES (%s, %s::bigint + %s, %s::timestamptz + %s * interval '1 s')",
                f"had heard {name}", seq, number, changed_at, seconds,
            )  # fmt: skip
    told = ada.get(f"/api-keys/{key}/propagation").json
    text = page.get(f"/keys/{key}").text
    sql("DELETE FROM key_verifier WHERE id LIKE 'had heard %%'")
    sql("DELETE FROM key_acknowledgement WHERE verifier_id LIKE 'had heard %%'")
    assert (told["heard"], told["verifiers"], told["milliseconds"]) == (2, 2, milliseconds)
    assert f"Blocked on 2/2 verifiers{words}" in text


def test_a_verifier_that_begins_after_a_change_has_not_heard_late(app: Flask, ada: Api):
    key = ada.create("api-keys")["id"]
    ada.post(f"/api-keys/{key}/block", {})
    engine = app.extensions["keys"]
    engine.begin_now()
    try:
        assert engine.watch.listening.wait(10)
        told = ada.get(f"/api-keys/{key}/propagation").json
        assert (told["heard"], told["verifiers"], told["milliseconds"]) == (1, 1, None)
        ada.post(f"/api-keys/{key}/unblock", {})
        path = f"/api-keys/{key}/propagation"
        until(lambda: ada.get(path).json["milliseconds"] is not None)
        assert ada.get(path).json["milliseconds"] < 1000
    finally:
        engine.end()


def test_who_has_not_heard_yet_is_counted(page: Pages, ada: Api, verifier: None, sql: Sql):
    path = f"/keys/{ada.create('api-keys')['id']}"
    sql(
        "INSERT INTO key_verifier (id, host, process, seq, seen_at)"
        " VALUES ('asleep', 'elsewhere', 1, -1, now() + interval '1 hour')"
    )
    page.post(f"{path}/block")
    asked = {"HX-Request": "true", "HX-Request-Type": "partial"}
    ends = time.monotonic() + 20
    text, told = "", None
    while told is None and time.monotonic() < ends:
        text = page.get(path, headers=asked).text
        told = re.search(r"Blocked on (\d+)/(\d+) verifiers so far", text)
        if told and int(told[2]) - int(told[1]) != 1:  # not only the sleeping one
            told = None
    assert told, text
    assert "<html" not in text
    sql("DELETE FROM key_verifier WHERE id = 'asleep'")


@pytest.mark.parametrize("verb", ["revoke", "block"])
@pytest.mark.parametrize(
    ("hosts", "who"),
    [
        (["w2"], "Host w2 is silent: it does"),
        (["w3", "w2"], "Hosts w2, w3 are silent: they do"),
    ],
    ids=["one", "two"],
)
def test_the_page_names_the_hosts_that_are_cut_off(
    page: Pages, ada: Api, sql: Sql, hosts: list[str], who: str, verb: str
):
    """Also while no verifier is left that could have heard of the change."""
    path = f"/keys/{ada.create('api-keys')['id']}"
    for host in hosts:
        sql(
            "INSERT INTO key_verifier (id, host, process, seq, seen_at, stale_seconds)"
            " VALUES (%s, %s, 1, -1, now() - interval '1 minute', 2)",
            f"silent {host}",
            host,
        )
    page.post(f"{path}/{verb}")
    text = page.get(path).text
    sql("DELETE FROM key_verifier WHERE id LIKE 'silent %%'")
    words = " not answer VALID any more, but 503 if cut off."
    assert f" {who}{words}" in text


@pytest.mark.parametrize(
    ("seq", "heard"), [(10**9, 1), (-1, 0)], ids=["has heard", "has not heard yet"]
)
def test_a_host_is_not_cut_off_while_another_of_its_processes_runs(
    ada: Api, sql: Sql, seq: int, heard: int
):
    key = ada.create("api-keys")["id"]
    before = "now() - interval '1 minute'"
    for process, number, seen_at in ((1, -1, before), (2, seq, "now()")):
        sql(
            "INSERT INTO key_verifier (id, host, process, seq, seen_at, stale_seconds)"
            f" VALUES (%s, 'w2', {process}, {number}, {seen_at}, 60)",
            f"of w2 {process}",
        )
    ada.post(f"/api-keys/{key}/revoke", {})
    told = ada.get(f"/api-keys/{key}/propagation").json
    sql("DELETE FROM key_verifier WHERE id LIKE 'of w2 %%'")
    assert (told["cut_off"], told["heard"], told["verifiers"]) == ([], heard, 1)


def test_a_part_that_refreshes_itself_reads_only_what_it_shows(page: Pages, ada: Api, sql: Sql):
    rotated = f"/keys/{ada.create('api-keys', expires_at='2099-01-01T00:00:00Z')['id']}"
    page.post(f"{rotated}/rotate", {"name": "New"})
    limited = f"/keys/{ada.create('api-keys', rpm_limit=5)['id']}"
    page.post(f"{limited}/block")
    sql(
        "INSERT INTO key_verifier (id, host, process, seq, seen_at)"
        " VALUES ('asleep', 'elsewhere', 1, -1, now() + interval '1 hour')"
    )
    part = {"HX-Request": "true", "HX-Request-Type": "partial"}
    # The session, the key, and what is shown of it: of a rotation that is four statements.
    for path, source, shown, most in (
        (limited, "p#heard", " so far; the others", 3),
        (limited, "div#limits", "Requests per minute", 3),
        (f"{rotated}/rotation", "div#cockpit", 'id="cockpit"', 6),
    ):
        asked = {**part, "HX-Source": source}
        page.get(path, headers=asked)
        with statements() as sent:
            text = page.get(path, headers=asked).text
        assert shown in text
        assert len(sent) <= most, (source, [query[:60] for query, _ in sent])
    page.post(f"{limited}/unblock")
    assert page.get(limited, headers={**part, "HX-Source": "p#heard"}).text.strip() == ""
    sql("DELETE FROM key_verifier WHERE id = 'asleep'")


# ---------------------------------------------------------------- stopping many


def test_many_are_stopped_after_their_number_was_typed(page: Pages, ada: Api):
    hit = [ada.create("api-keys", tags=["old"], name=f"Old {n}")["id"] for n in range(3)]
    spared = ada.create("api-keys", tags=["new"])["id"]
    asked = "/keys/bulk?tag=old"
    dry = page.get(asked).text
    assert "3 keys selected" in dry
    assert "Old 2" in dry
    chosen = {"tag": "old", "verb": "revoke", "reason": "clean-up"}
    for typed in ("", "2", "all"):
        refused = page.post("/keys/bulk", chosen | {"confirm": typed})
        assert refused.status_code == 422
        assert "Type 3 to confirm" in refused.text
    assert [code(ada, key_id) for key_id in hit] == ["VALID"] * 3
    assert page.post("/keys/bulk", chosen | {"confirm": "3"}).status_code == 303
    assert [code(ada, key_id) for key_id in [*hit, spared]] == ["REVOKED"] * 3 + ["VALID"]
    assert "clean-up" in page.get(f"/keys/{hit[0]}").text
    assert 'value="clean-up"' in refused.text, "what was typed is still there"


def test_the_time_of_many_stays_in_their_form_with_its_zone(page: Pages):
    for asked in ("2026-01-31T09:00:00Z", "2026-01-31T11:00:00%2B02:00"):
        dry = page.get(f"/keys/bulk?created_before={asked}").text
        assert 'name="created_before" value="2026-01-31T09:00"' in dry


def test_several_applications_stay_chosen_in_the_form_of_many(page: Pages, ada: Api):
    crm, erp, _ = (
        ada.create("applications", display_name=name)["id"] for name in ("CRM", "ERP", "Other")
    )
    for owner in (crm, erp):
        ada.create("api-keys", application_id=owner)
    dry = page.get(f"/keys/bulk?application_id={crm},{erp}").text
    assert "2 keys selected" in dry
    assert re.search(rf'value="{crm},{erp}" selected[^>]*>CRM or ERP<', dry)


def test_nobody_stops_all_keys_of_a_tenant_by_saying_nothing(page: Pages, ada: Api):
    key = ada.create("api-keys")["id"]
    assert "/keys/bulk" in page.get("/keys").text
    asked = page.get("/keys/bulk").text
    assert "Count them" in asked
    assert "Confirm" not in asked
    refused = page.post("/keys/bulk", {"verb": "revoke", "confirm": "1"})
    assert refused.status_code == 422
    assert "Say which keys" in refused.text
    assert code(ada, key) == "VALID"


def test_keys_are_stopped_by_their_ids(page: Pages, ada: Api):
    first, second, third = (ada.create("api-keys")["id"] for _ in range(3))
    chosen = {"id": f"{first},{third}", "verb": "block", "confirm": "2"}
    assert "2 keys selected" in page.get("/keys/bulk", query_string=chosen).text
    assert page.post("/keys/bulk", chosen).status_code == 303
    assert [code(ada, one) for one in (first, second, third)] == ["BLOCKED", "VALID", "BLOCKED"]


def test_all_keys_of_an_application_are_stopped_after_its_slug_was_typed(page: Pages, ada: Api):
    crm = ada.create("applications", display_name="CRM 360", slug="crm-360")
    hit = [ada.create("api-keys", application_id=crm["id"])["id"] for _ in range(2)]
    spared = ada.create("api-keys")["id"]
    assert "CRM 360" in page.get("/keys/panic").text
    assert "2 keys" in page.get(f"/keys/panic?application_id={crm['id']}").text
    chosen = {"application_id": crm["id"]}
    refused = page.post("/keys/panic", chosen | {"confirm": "crm"})
    assert (refused.status_code, code(ada, hit[0])) == (422, "VALID")
    assert page.post("/keys/panic", chosen | {"confirm": "crm-360"}).status_code == 303
    assert [code(ada, one) for one in [*hit, spared]] == ["REVOKED", "REVOKED", "VALID"]
    assert "no key that works" in page.get(f"/keys/panic?application_id={crm['id']}").text


@pytest.mark.parametrize("page_of", ["panic", "bulk", "stop"])
def test_a_reason_that_may_not_be_kept_is_refused_where_keys_are_stopped(
    page: Pages, ada: Api, page_of: str
):
    crm = ada.create("applications", display_name="CRM 360", slug="crm-360")
    key = ada.create("api-keys", application_id=crm["id"])
    other = ada.create("api-keys", name="Other")["key"]
    path, chosen = {
        "panic": ("/keys/panic", {"application_id": crm["id"], "confirm": "crm-360"}),
        "bulk": ("/keys/bulk", {"application_id": crm["id"], "verb": "revoke", "confirm": "1"}),
        "stop": (f"/keys/{key['id']}/stop", {"way": "now"}),
    }[page_of]
    for reason, words in ((f"beside {other}", "holds an API key"), ("x" * 201, "200 characters")):
        refused = page.post(path, chosen | {"reason": reason})
        assert refused.status_code == 422
        assert "The reason: " in refused.text
        assert words in refused.text
        assert re.search(r'name="reason"[^>]*aria-invalid="true"', refused.text)
        assert code(ada, key["id"]) == "VALID"
    assert page.post(path, chosen | {"reason": " It leaked "}).status_code == 303
    stopped = ada.get(f"/api-keys/{key['id']}").json or {}
    assert (stopped["status"], stopped["revoked_reason"]) == ("revoked", "It leaked")


def test_stopping_many_needs_the_right_and_a_recent_sign_in(browse: Browse, ada: Api):
    key = ada.create("api-keys")
    chosen = {"kind": "service", "verb": "revoke", "confirm": "1"}
    assert browse(ED).post("/keys/bulk", chosen).status_code == 403
    old = browse(ADA, minutes_ago=11)
    for answer in (old.post("/keys/bulk", chosen), old.post(f"/keys/{key['id']}/keep")):
        assert answer.headers["Location"].startswith("/auth/login?again=1")
    assert code(ada, key["id"]) == "VALID"


# ---------------------------------------------------------------- a rotation is watched


def rotated(ada: Api, overlap: str = "24h") -> tuple[dict[str, Any], dict[str, Any]]:
    old = ada.create("api-keys", name="Nightly", scopes=["keys:read"])
    new = ada.post(f"/api-keys/{old['id']}/rotations", {"overlap": overlap})
    return old, dict(new.json or {})


def test_the_cockpit_shows_who_still_calls_with_the_old_key(page: Pages, ada: Api, app: Flask):
    old, new = rotated(ada)
    path = f"/keys/{old['id']}/rotation"
    assert "Waiting for the new key" in page.get(path).text
    for issued, calls in ((old, 1), (new, 3)):
        for _ in range(calls):
            Api(app.test_client(), issued["key"]).get("/api-keys")
    app.extensions["keys"].flush()
    for one in (old, new):
        text = page.get(f"/keys/{one['id']}/rotation").text
        assert "Moving over" in text
        assert "75 %" in text
        assert "<code>127.0.0.1</code>" in text


def test_a_quiet_old_key_is_told_apart(page: Pages, ada: Api, app: Flask, sql: Sql):
    old, new = rotated(ada, "until_quiet")
    Api(app.test_client(), new["key"]).get("/api-keys")
    app.extensions["keys"].flush()
    path = f"/keys/{old['id']}/rotation"
    assert "Moving over" in page.get(path).text
    assert "Up to one day more" not in page.get(path).text
    sql("UPDATE key_rotation SET started_at = now() - interval '25 hours'")
    assert "The old key is quiet" in page.get(path).text
    assert page.post(f"{path}/extend").status_code == 409


def test_a_rotation_is_finished_by_hand(page: Pages, ada: Api):
    old, new = rotated(ada)
    assert page.post(f"/keys/{new['id']}/rotation/finish").status_code == 303
    assert (code(ada, old["id"]), code(ada, new["id"])) == ("REVOKED", "VALID")
    assert "The old key came to its end" in page.get(f"/keys/{old['id']}/rotation").text
    assert page.post(f"/keys/{new['id']}/rotation/finish").status_code == 409


def test_before_a_rotation_is_finished_it_says_who_still_uses_the_old_key(
    page: Pages, ada: Api, app: Flask
):
    old, new = rotated(ada)
    for _ in range(3):
        Api(app.test_client(), old["key"]).get("/api-keys")
    app.extensions["keys"].flush()
    path = f"/keys/{new['id']}/rotation"
    cockpit = page.get(path).text
    assert f'href="{path}/finish"' in cockpit
    assert f'action="{path}/finish"' not in cockpit, "no click on this page ends a key"
    text = page.get(f"{path}/finish").text
    for words in ("Whoever made these 3 calls is refused.", "127.0.0.1", old["last4"]):
        assert words in text
    assert code(ada, old["id"]) == "VALID"
    assert page.post(f"{path}/finish").status_code == 303
    assert "There is no rotation to finish" in page.get(f"{path}/finish").text


def test_a_rotation_gets_days_more_and_no_more_than_thirty(page: Pages, ada: Api, sql: Sql):
    old, _ = rotated(ada)
    path = f"/keys/{old['id']}/rotation"

    def ends() -> datetime:
        return datetime.fromisoformat(ada.get(f"/api-keys/{old['id']}").json["expires_at"])

    before = ends()
    assert page.post(f"{path}/extend").status_code == 303
    assert ends() - before == timedelta(days=1)
    nearly = "(SELECT started_at FROM key_rotation) + interval '29.5 days'"
    sql(f"UPDATE api_key SET expires_at = {nearly} WHERE id = '{old['id']}'")
    sql("UPDATE key_rotation SET finish_at = started_at + interval '29.5 days'")
    assert page.post(f"{path}/extend").status_code == 303
    assert page.post(f"{path}/extend").status_code == 409


@pytest.mark.parametrize("overlap", ["24h", "7d"])
def test_a_rotation_moves_no_key_past_the_end_that_its_issuer_set(
    page: Pages, ada: Api, overlap: str
):
    own = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=36)
    old = ada.create("api-keys", expires_at=own.isoformat())
    ada.post(f"/api-keys/{old['id']}/rotations", {"overlap": overlap})
    path = f"/keys/{old['id']}/rotation"
    if overlap == "24h":
        assert "Up to one day more" in page.get(path).text
        said = page.post(f"{path}/extend", follow_redirects=True).text
        assert f"The old key works until {own:%-d %b %Y, %H:%M}" in said
    text = page.get(path).text
    assert re.search(rf'The old key ends <time datetime="{own:%Y-%m-%dT%H:%M}', text), text
    assert "That is its own end" in text
    assert "Up to one day more" not in text
    assert page.post(f"{path}/extend").status_code == 409
    ends = ada.get(f"/api-keys/{old['id']}").json["expires_at"]
    assert datetime.fromisoformat(ends) == own


def test_a_rotation_whose_new_key_is_gone_warns_and_lets_the_old_one_stay(page: Pages, ada: Api):
    own = datetime.now(UTC).replace(microsecond=0) + timedelta(days=90)
    old = ada.create("api-keys", expires_at=own.isoformat())
    new = ada.post(f"/api-keys/{old['id']}/rotations", {"overlap": "1h"}).json or {}
    path = f"/keys/{old['id']}/rotation"
    assert page.post(f"{path}/keep").status_code == 409, "its successor lives"
    ada.post(f"/api-keys/{new['id']}/block")
    assert "The new key is blocked" in page.get(path).text
    ada.post(f"/api-keys/{new['id']}/revoke")
    text = page.get(path).text
    for words in ("The new key is revoked", "no key of this rotation is left", "Rotate again"):
        assert words in text
    assert "Waiting for the new key" not in text
    assert page.post(f"{path}/keep").status_code == 303
    assert "The old key stays" in page.get(path).text
    ends = (ada.get(f"/api-keys/{old['id']}").json or {})["expires_at"]
    assert datetime.fromisoformat(ends) == own
    assert page.post(f"{path}/keep").status_code == 409


def test_a_key_rotated_again_gives_its_successor_the_whole_lifetime(page: Pages, ada: Api):
    own = datetime.now(UTC).replace(microsecond=0) + timedelta(days=90)
    old = ada.create("api-keys", expires_at=own.isoformat())
    first = ada.post(f"/api-keys/{old['id']}/rotations", {"overlap": "1h"}).json or {}
    ada.post(f"/api-keys/{first['id']}/revoke")
    second = ada.post(f"/api-keys/{old['id']}/rotations", {"overlap": "7d"}).json or {}
    left = datetime.fromisoformat(second["expires_at"]) - datetime.now(UTC)
    assert left > timedelta(days=89)
    assert "Waiting for the new key" in page.get(f"/keys/{old['id']}/rotation").text


def test_whoever_rotates_a_blocked_key_is_told_so(page: Pages, ada: Api):
    key = ada.create("api-keys", blocked=True)
    assert "This key is blocked" in page.get(f"/keys/{key['id']}/rotate").text


def rotation_form(page: Pages, key_id: str, overlap: str) -> dict[str, str]:
    text = page.get(f"/keys/{key_id}/rotate").text
    assert f'value="{overlap}"' in text
    drawn = {
        name: re.findall(rf'name="{name}"[^>]*value="([^"]+)"', text)[0]
        for name in ("idempotency_key", "form_secret")
    }
    return drawn | {"overlap": overlap}


@pytest.mark.parametrize("overlap", ["now", "1h", "24h", "7d", "until_quiet"])
def test_rotating_on_the_page_shows_the_successor_once(page: Pages, ada: Api, overlap: str):
    old = ada.create("api-keys", name="Nightly")
    path = f"/keys/{old['id']}/rotate"
    sent = rotation_form(page, old["id"], overlap)
    answer = page.post(path, sent)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    [raw] = set(re.findall(SHAPE, answer.text))
    assert (ada.post("/api-keys/verify", {"key": raw}).json or {})["valid"] is True
    assert code(ada, old["id"]) == ("REVOKED" if overlap == "now" else "VALID")
    again = page.post(path, sent)
    assert set(re.findall(SHAPE, again.text)) == {raw}, "the answer may have been lost"
    stranger = page.post(path, sent | {"form_secret": "A" * 43})
    assert stranger.status_code == 409
    assert "already issued" in stranger.text
    assert not re.search(SHAPE, stranger.text)
    assert len((ada.get("/api-keys").json or {})["items"]) == 2


def test_a_third_key_of_a_family_is_refused_in_words(page: Pages, ada: Api):
    old, new = rotated(ada)
    sent = rotation_form(page, new["id"], "1h")
    refused = page.post(f"/keys/{new['id']}/rotate", sent)
    assert refused.status_code == 409
    assert "Two keys of this family are live already" in refused.text
    assert (code(ada, old["id"]), code(ada, new["id"])) == ("VALID", "VALID")


# ---------------------------------------------------------------- regions that refresh themselves


def part_of(page: Pages, path: str, source: str) -> str:
    """Return what a region of a page gets when it refreshes itself."""
    asked = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Source": source}
    text = page.get(path, headers=asked).text
    assert "<html" not in text
    return text


def test_limits_are_shown_as_they_are_now(page: Pages, ada: Api, app: Flask):
    issued = ada.create("api-keys", scopes=["keys:read"], rpm_limit=5, max_budget_usd=1)
    path = f"/keys/{issued['id']}"
    assert 'id="limits" class="stack" data-live="5"' in page.get(path).text
    assert "0 of 5" in part_of(page, path, "div#limits")
    Api(app.test_client(), issued["key"]).get("/api-keys")
    ada.post(f"/api-keys/{issued['id']}/usage", {"cost_usd": 0.25})
    text = part_of(page, path, "div#limits")
    assert "$0.25 spent" in text
    assert "0 of 5" not in text


def test_the_uses_in_all_are_shown_as_used_of_how_many(page: Pages, ada: Api, app: Flask):
    issued = ada.create("api-keys", scopes=["keys:read"], max_uses=1000)
    path = f"/keys/{issued['id']}"
    assert "0 of 1,000" in page.get(path).text
    for _ in range(3):
        Api(app.test_client(), issued["key"]).get("/api-keys")
    assert "3 of 1,000" in part_of(page, path, "div#limits")


def test_the_cockpit_looks_again_until_the_rotation_is_over(page: Pages, ada: Api):
    old, _ = rotated(ada)
    path = f"/keys/{old['id']}/rotation"
    assert "data-live" in page.get(path).text
    assert "Waiting for the new key" in part_of(page, path, "div#cockpit")
    page.post(f"{path}/finish")
    assert "data-live" not in part_of(page, path, "div#cockpit")


# ---------------------------------------------------------------- explained


def test_a_refused_call_is_explained_from_its_request_id(page: Pages, ada: Api, app: Flask):
    issued = ada.create("api-keys", scopes=["keys:read"])
    refused = Api(app.test_client(), issued["key"]).get("/webhooks")
    request_id = refused.headers["X-Request-Id"]
    text = page.get(f"/keys/explain?request_id={request_id}").text
    assert "Refused: scope missing" in text
    assert issued["id"] in text
    assert "needs webhooks:read; granted: keys:read" in text
    assert "Nothing is known of this request" in page.get("/keys/explain?request_id=req_1").text


def test_a_refused_call_is_explained_also_while_its_trace_is_being_written(
    page: Pages, ada: Api, app: Flask, database: Database
):
    engine = app.extensions["keys"]
    key = ada.create("api-keys", scopes=["keys:read"])["key"]
    waits = "SELECT FROM pg_locks WHERE relation = 'key_denial'::regclass AND NOT granted"
    with psycopg.connect(libpq_url(database.superuser_url)) as holder:
        holder.execute("LOCK TABLE key_denial IN SHARE MODE")
        refused = Api(app.test_client(), key).get("/webhooks")
        writer = threading.Thread(target=engine.denials.flush, args=(engine.wire,))
        writer.start()
        until(lambda: holder.execute(waits).rowcount == 1)
        path = f"/keys/explain?request_id={refused.headers['X-Request-Id']}"
        assert "Refused: scope missing" in page.get(path).text
        holder.rollback()
        writer.join()
    assert "Refused: scope missing" in page.get(path).text


@pytest.mark.parametrize("is_late", [False, True], ids=["written", "written late"])
def test_refused_calls_of_a_tenant_push_out_no_trace_of_another(
    page: Pages,
    ada: Api,
    gus: Api,
    browse: Browse,
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    is_late: bool,
):
    monkeypatch.setattr(denials, "WAITING", 10)
    monkeypatch.setattr(denials, "SHARE", 6)
    engine = app.extensions["keys"]
    monkeypatch.setattr(engine, "denials", denials.Denials())
    loud, quiet = (one.create("api-keys", scopes=["keys:read"])["key"] for one in (ada, gus))

    def refused(key: str) -> str:
        return str(Api(app.test_client(), key).get("/webhooks").headers["X-Request-Id"])

    def is_explained(reader: Pages, request_id: str) -> bool:
        return "scope missing" in reader.get(f"/keys/explain?request_id={request_id}").text

    first = [refused(loud) for _ in range(4)]
    if is_late:
        with monkeypatch.context() as broken:
            broken.setattr(denials, "WRITE", "SELECT nothing")
            with pytest.raises(psycopg.Error):
                engine.denials.flush(engine.wire)
    asked = first + [refused(loud) for _ in range(8)]
    assert is_explained(browse(GUS), refused(quiet))
    assert [is_explained(page, one) for one in asked] == [True] * 6 + [False] * 6


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        ("scope=keys:read&ip=10.1.2.3", "Let through"),
        ("scope=webhooks:read&ip=10.1.2.3", "Refused: scope missing"),
        ("ip=192.0.2.1", "Refused: ip forbidden"),
        ("ip=10.1.2.3&model=gpt-5", "Refused: model forbidden"),
        ("ip=10.1.2.3&usd=1.01", "Refused: budget exceeded"),
        ("ip=10.1.2.3&tokens=1001", "Refused: tpm exceeded"),
    ],
)
def test_what_a_call_would_get_is_asked_without_making_it(
    page: Pages, ada: Api, asked: str, verdict: str
):
    key = ada.create(
        "api-keys",
        kind="virtual_llm",
        scopes=["keys:read"],
        allowed_ips=["10.0.0.0/8"],
        allowed_models=["claude-sonnet"],
        max_budget_usd=1,
        tpm_limit=1000,
    )
    text = page.get(f"/keys/explain?ask=1&key_id={key['id']}&{asked}").text
    assert verdict in text
    assert "Nothing was consumed." in text
    assert page.get("/keys/explain").text.count("No call was refused in the last 14 days.") == 1
    of_a_time = page.get("/keys/explain?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z").text
    assert "No refused call of this time is kept." in of_a_time
    assert "the last 14 days" not in of_a_time


@pytest.mark.parametrize("wrong", ["ip=home", "tokens=-1", "tokens=many", "usd=a", "usd=NaN"])
def test_a_question_that_makes_no_sense_is_answered_in_words(page: Pages, ada: Api, wrong: str):
    key = ada.create("api-keys")
    answer = page.get(f"/keys/explain?ask=1&key_id={key['id']}&{wrong}")
    assert answer.status_code == 422
    assert "This cannot be asked" in answer.text


# ---------------------------------------------------------------- money


def test_the_page_forecasts_when_the_budget_is_empty(page: Pages, ada: Api):
    key = ada.create("api-keys", max_budget_usd=10)
    path = f"/api-keys/{key['id']}/usage"
    assert "lasts" in page.get(f"/keys/{key['id']}").text
    ada.post(path, {"cost_usd": 4})
    text = page.get(f"/keys/{key['id']}").text
    assert "$4.00 spent, $0.00 held, $6.00 left of $10.00" in text
    found = re.search(r'it is empty <strong><time[^>]*datetime="([^"]+)"', text)
    assert found, text
    left = datetime.fromisoformat(found[1]) - datetime.now(UTC)
    # 4 dollars a day, 6 dollars left: a day and a half.
    assert timedelta(hours=35) < left < timedelta(hours=37)
    ada.post(path, {"cost_usd": 6})
    assert "It is empty: calls that cost are refused." in page.get(f"/keys/{key['id']}").text


def test_the_forecast_counts_what_the_whole_family_spent(page: Pages, ada: Api):
    parent = ada.create("api-keys", max_budget_usd=100)
    child = (ada.post(f"/api-keys/{parent['id']}/children").json or {})["id"]
    ada.post(f"/api-keys/{child}/usage", {"cost_usd": 60})
    for one in (parent["id"], child):
        text = page.get(f"/keys/{one}").text
        assert "$60.00 spent, $0.00 held, $40.00 left of $100.00" in text
        assert "At the pace of the last 24 hours it is empty" in text


@pytest.mark.parametrize(
    ("way", "words"),
    [("store", "written to the secret store then"), ("link", "A one-time link was made then")],
)
def test_a_successor_is_handed_over_as_an_issued_key_is(
    page: Pages, ada: Api, way: str, words: str
):
    old = ada.create("api-keys")
    sent = rotation_form(page, old["id"], "1h") | {"delivery": way}
    answer = page.post(f"/keys/{old['id']}/rotate", sent)
    assert answer.status_code == 200
    assert not re.search(SHAPE, answer.text)
    keys = (ada.get("/api-keys").json or {})["items"]
    [new] = [key["id"] for key in keys if key["id"] != old["id"]]
    again = page.post(f"/keys/{old['id']}/rotate", sent)
    assert again.status_code == 409
    assert words in again.text
    assert "The key was shown then" not in again.text
    path = SecretRef(ACME, "keys", new, "key").path("secret")
    assert (path in page.get(f"/keys/{new}/history").text) == (way == "store")


def test_explain_keeps_what_was_asked_of_a_key_that_does_not_exist(page: Pages):
    answer = page.get("/keys/explain?ask=1&key_id=key_nothing&model=large")
    assert answer.status_code == 422
    assert "There is no key with this id" in answer.text
    assert 'value="large"' in answer.text
