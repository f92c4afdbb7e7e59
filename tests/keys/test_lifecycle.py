"""Rotation, children and the ends of keys: the rules, and the state afterwards."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from portal.database.session import transaction
from portal.keys.revocation import revocation
from portal.keys.rotation import rotation
from portal.keys.verification.use_counts import usage
from tests.cast import Api, Pages
from tests.databases import Database

FUTURE = "2099-01-01T00:00:00Z"


def verdict(ada: Api, issued: dict[str, Any], **question: Any) -> Any:
    return (ada.post("/api-keys/verify", {"key": issued["key"], **question}).json or {})["code"]


def rotate(ada: Api, issued: dict[str, Any], overlap: str = "24h") -> dict[str, Any]:
    answer = ada.post(f"/api-keys/{issued['id']}/rotations", {"overlap": overlap})
    assert answer.status_code == 201, answer.text
    return dict(answer.json or {})


# ---------------------------------------------------------------- rotation


def test_trap_2_a_successor_has_the_same_settings_and_a_fresh_lifetime(
    ada: Api, database: Database
):
    issued = ada.create(
        "api-keys", name="Nightly", scopes=["keys:read"], rpm_limit=5, tags=["etl"],
        max_budget_usd=1, allowed_ips=["10.0.0.0/8"], expires_at=FUTURE,
    )  # fmt: skip
    database.sql(
        "UPDATE api_key SET created_at = now() - interval '9 days',"
        " expires_at = now() + interval '1 day'",
    )
    new = rotate(ada, issued)
    for field in ("name", "scopes", "rpm_limit", "tags", "max_budget_usd", "allowed_ips"):
        assert new[field] == issued[field], field
    assert new["rotated_from_key_id"] == issued["id"]
    assert new["key"] != issued["key"]
    given = datetime.fromisoformat(new["expires_at"]) - datetime.fromisoformat(new["created_at"])
    assert 9.9 < given.total_seconds() / 86_400 < 10.1
    assert verdict(ada, issued, ip="10.1.1.1") == verdict(ada, new, ip="10.1.1.1") == "VALID"


def test_a_rotation_now_ends_the_old_key_at_once(ada: Api):
    issued = ada.create("api-keys")
    assert verdict(ada, issued) == "VALID"
    new = rotate(ada, issued, "now")
    assert verdict(ada, issued) == "REVOKED"
    assert verdict(ada, new) == "VALID"


def test_a_family_shares_one_budget(ada: Api):
    issued = ada.create("api-keys", max_budget_usd=1)
    new = rotate(ada, issued)
    assert verdict(ada, issued, estimated_usd=0.6) == "VALID"
    assert verdict(ada, new, estimated_usd=0.6) == "BUDGET_EXCEEDED"
    assert verdict(ada, new, estimated_usd=0.4) == "VALID"


def test_at_most_two_keys_of_a_family_live(ada: Api):
    issued = ada.create("api-keys")
    new = rotate(ada, issued)
    refused = ada.post(f"/api-keys/{new['id']}/rotations", {"overlap": "now"})
    assert refused.status_code == 409
    ada.post(f"/api-keys/{issued['id']}/revoke")
    rotate(ada, new, "now")


def test_a_key_that_does_not_open_has_no_successor(ada: Api, database: Database):
    revoked, expired = ada.create("api-keys"), ada.create("api-keys", expires_at=FUTURE)
    ada.post(f"/api-keys/{revoked['id']}/revoke")
    database.sql("UPDATE api_key SET expires_at = now() WHERE id = %s", expired["id"])
    for issued in (revoked, expired):
        assert ada.post(f"/api-keys/{issued['id']}/rotations").status_code == 409
    assert len(ada.get("/api-keys").json["items"]) == 2


def test_nobody_gets_more_rights_by_rotating(app: Flask, ada: Api):
    strong = ada.create("api-keys", scopes=["connectors:write", "keys:write"])
    weak = Api(app.test_client(), ada.create("api-keys", scopes=["keys:write"])["key"])
    assert weak.post(f"/api-keys/{strong['id']}/rotations").status_code == 422
    assert weak.post(f"/api-keys/{strong['id']}/children").status_code == 422


def test_a_rotation_ends_by_itself_when_the_old_key_is_quiet(
    app: Flask, ada: Api, database: Database
):
    issued = ada.create("api-keys")
    rotate(ada, issued, "until_quiet")

    def finish() -> int:
        with app.app_context(), transaction(issued["tenant_id"]):
            return rotation.finish_due(issued["tenant_id"])

    assert finish() == 0
    database.sql("UPDATE key_rotation SET started_at = now() - interval '25 hours'")
    database.sql("UPDATE api_key_runtime SET last_used_at = now() - interval '1 hour'")
    assert finish() == 0
    database.sql("UPDATE api_key_runtime SET last_used_at = now() - interval '25 hours'")
    assert finish() == 1
    assert verdict(ada, issued) == "REVOKED"


def test_two_keys_live_no_longer_than_a_month_however_busy_the_old_one_is(
    app: Flask, ada: Api, database: Database
):
    issued = ada.create("api-keys")
    rotate(ada, issued, "until_quiet")
    ends = ada.get(f"/api-keys/{issued['id']}").json["expires_at"]
    left = datetime.fromisoformat(ends) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)
    database.sql(
        "UPDATE api_key SET expires_at = now() WHERE id = %s",
        issued["id"],
    )
    database.sql("UPDATE key_rotation SET started_at = now() - interval '30 days'")
    database.sql("UPDATE api_key_runtime SET last_used_at = now()")
    assert verdict(ada, issued) == "EXPIRED"
    with app.app_context(), transaction(issued["tenant_id"]):
        assert rotation.finish_due(issued["tenant_id"]) == 1


# ---------------------------------------------------------------- children


def test_a_child_has_a_part_of_its_parents_rights_and_falls_with_it(ada: Api):
    parent = ada.create("api-keys", scopes=["keys:read", "connectors:read"], max_budget_usd=1)
    path = f"/api-keys/{parent['id']}/children"
    made = ada.post(path, {"scopes": ["keys:read"], "max_uses": 5, "lifetime_seconds": 60})
    child = made.json
    assert made.status_code == 201, made.text
    assert (child["parent_key_id"], child["scopes"]) == (parent["id"], ["keys:read"])
    assert ada.post(path, {"scopes": ["webhooks:read"]}).status_code == 422
    assert ada.post(f"/api-keys/{child['id']}/children").status_code == 409
    assert verdict(ada, child, estimated_usd=1) == "VALID"
    assert verdict(ada, parent, estimated_usd=0.1) == "BUDGET_EXCEEDED"
    ada.post(f"/api-keys/{parent['id']}/block")
    assert verdict(ada, child) == "BLOCKED"
    ada.post(f"/api-keys/{parent['id']}/revoke")
    assert verdict(ada, child) == "REVOKED"


def test_a_child_opens_from_a_part_of_its_parents_networks_and_multiplies_no_uses(ada: Api):
    parent = ada.create("api-keys", allowed_ips=["10.0.0.0/8"])
    path = f"/api-keys/{parent['id']}/children"
    assert ada.post(path).json["allowed_ips"] == ["10.0.0.0/8"]
    child = ada.post(path, {"allowed_ips": ["10.1.0.0/16"]}).json
    assert verdict(ada, child, ip="10.1.0.1") == "VALID"
    assert verdict(ada, child, ip="10.2.0.1") == "IP_FORBIDDEN"
    assert ada.post(path, {"allowed_ips": ["0.0.0.0/0"]}).status_code == 422
    counted = ada.create("api-keys", max_uses=3)
    assert ada.post(f"/api-keys/{counted['id']}/children").status_code == 409


def test_a_child_ends_when_its_parent_is_going_to_be_revoked(ada: Api):
    parent = ada.create("api-keys")
    at = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
    planned = ada.post(f"/api-keys/{parent['id']}/revoke", {"at": at}).json
    child = ada.post(f"/api-keys/{parent['id']}/children", {"lifetime_seconds": 3600}).json
    assert child["expires_at"] == planned["revoke_at"]


# ---------------------------------------------------------------- keys that issue keys

SOON = "2098-01-01T00:00:00Z"


def test_what_a_key_issues_ends_with_it_and_has_no_more_than_it(
    ada: Api, by_key: Callable[..., Api]
):
    issuer = by_key(
        ada.create(
            "api-keys", scopes=["keys:write", "keys:read"], expires_at=SOON, max_budget_usd=10,
            budget_period="week", allowed_ips=["127.0.0.0/8", "2001:db8::/32"],
        )
    )  # fmt: skip
    heir = issuer.create("api-keys")
    assert heir["expires_at"] == SOON
    assert (heir["max_budget_usd"], heir["budget_period"]) == (10, "week")
    assert heir["allowed_ips"] == ["127.0.0.0/8", "2001:db8::/32"]
    less = {"max_budget_usd": 5, "budget_period": "month", "allowed_ips": ["127.0.0.1"]}
    assert issuer.create("api-keys", **less)["max_budget_usd"] == 5
    for more in (
        {"expires_at": FUTURE},
        {"max_budget_usd": 10.5},
        {"max_budget_usd": 10, "budget_period": "day"},
        {"allowed_ips": ["127.0.0.1", "10.0.0.1"]},
        {"allowed_ips": ["::/0"]},
    ):
        refused = issuer.post("/api-keys", more)
        assert refused.status_code == 422, more
        assert refused.json["errors"][0]["field"] == list(more)[-1]


def test_a_key_that_rotates_others_gives_them_no_more_time_than_it_has(
    ada: Api, by_key: Callable[..., Api]
):
    rotator = ada.create("api-keys", scopes=["keys:write", "keys:read"], expires_at=SOON)
    endless = ada.create("api-keys")
    assert rotate(by_key(rotator), endless)["expires_at"] == SOON
    ada.post(f"/api-keys/{rotator['id']}/revoke", {"at": "2097-01-01T00:00:00Z"})
    child = by_key(rotator).post(f"/api-keys/{ada.create('api-keys')['id']}/children").json
    assert child["expires_at"] < "2097"
    assert rotate(by_key(rotator), rotator)["expires_at"] == "2097-01-01T00:00:00Z"


def test_a_key_for_some_models_issues_none_for_others(ada: Api, by_key: Callable[..., Api]):
    own = ada.create(
        "api-keys", kind="virtual_llm", allowed_models=["large", "small"], scopes=["keys:write"]
    )
    issuer = by_key(own)

    def field(path: str, **body: Any) -> Any:
        refused = issuer.post(path, body)
        assert refused.status_code == 422, refused.text
        return refused.json["errors"][0]["field"]

    assert issuer.create("api-keys", kind="virtual_llm")["allowed_models"] == ["large", "small"]
    some = issuer.create("api-keys", kind="virtual_llm", allowed_models=["small"])
    assert some["allowed_models"] == ["small"]
    more = ["small", "huge"]
    assert field("/api-keys", kind="virtual_llm", allowed_models=more) == "allowed_models"
    assert field("/api-keys") == "kind"
    for_all = ada.create("api-keys", kind="virtual_llm")
    assert rotate(issuer, for_all)["allowed_models"] == ["large", "small"]


def test_a_key_whose_uses_are_counted_issues_no_keys(ada: Api, by_key: Callable[..., Api]):
    """Each of them would have uses of its own, so it could go on for ever."""
    counted = ada.create("api-keys", scopes=["keys:write"], max_uses=9)
    other = ada.create("api-keys", max_uses=1)
    for path in (
        f"/api-keys/{counted['id']}/rotations",
        f"/api-keys/{other['id']}/rotations",
        f"/api-keys/{ada.create('api-keys')['id']}/children",
        "/api-keys",
    ):
        refused = by_key(counted).post(path, {})
        assert (refused.status_code, "counted" in refused.json["detail"]) == (409, True), path
    assert rotate(ada, counted)["max_uses"] == 9


@pytest.mark.parametrize("what", ["rotations", "children"])
def test_a_key_with_a_budget_leaves_a_family_its_period_and_what_it_has_spent(
    ada: Api, by_key: Callable[..., Api], what: str
):
    issuer = ada.create("api-keys", scopes=["keys:write"], max_budget_usd=9, budget_period="day")
    first = ada.create("api-keys")
    second = by_key(issuer).post(f"/api-keys/{first['id']}/{what}", {}).json
    assert second["rotation_family_id"] == first["id"]
    assert (second["max_budget_usd"], second["budget_period"]) == (9, "none")
    for number, key in enumerate((first, second, first, second), start=1):
        spent = ada.post(f"/api-keys/{key['id']}/usage", {"cost_usd": 1}).json
        assert spent["budget"]["spent_usd"] == number


def test_a_key_with_a_budget_adds_none_to_a_family_whose_budget_begins_anew_more_often(
    ada: Api, by_key: Callable[..., Api]
):
    issuer = ada.create("api-keys", scopes=["keys:write"], max_budget_usd=9, budget_period="month")
    daily = ada.create("api-keys", budget_period="day")
    for what in ("rotations", "children"):
        refused = by_key(issuer).post(f"/api-keys/{daily['id']}/{what}", {})
        assert refused.status_code == 409
        assert "its budget begins anew more often" in refused.json["detail"]


@pytest.mark.parametrize("what", ["rotations", "children"])
@pytest.mark.parametrize(
    ("own", "other", "why"),
    [
        ({"kind": "virtual_llm", "allowed_models": ["small"]}, {}, "for some models only"),
        (
            {"kind": "virtual_llm", "allowed_models": ["small"]},
            {"kind": "virtual_llm", "allowed_models": ["huge"]},
            "it is for models",
        ),
        ({"rpm_limit": 5}, {"rpm_limit": 6}, "its rpm_limit is more"),
        ({"max_budget_usd": 5}, {"max_budget_usd": 6}, "its max_budget_usd is more"),
    ],
)
def test_who_cannot_issue_a_key_of_a_family_hears_what_its_key_has(
    ada: Api, by_key: Callable[..., Api], what: str, own: Any, other: Any, why: str
):
    """The body of these calls has no such field that the caller could change."""
    issuer = by_key(ada.create("api-keys", scopes=["keys:write"], **own))
    refused = issuer.post(f"/api-keys/{ada.create('api-keys', **other)['id']}/{what}", {})
    assert (refused.status_code, why in refused.json["detail"]) == (409, True), refused.text


def test_a_key_chooses_networks_for_a_child_among_its_own(ada: Api, by_key: Callable[..., Api]):
    issuer = by_key(ada.create("api-keys", scopes=["keys:write"], allowed_ips=["127.0.0.0/8"]))
    wide = ada.create("api-keys", allowed_ips=["127.0.0.1", "10.0.0.1"])
    refused = issuer.post(f"/api-keys/{wide['id']}/children", {})
    assert refused.json["errors"][0]["field"] == "allowed_ips"
    asked = {"allowed_ips": ["127.0.0.1"]}
    assert issuer.post(f"/api-keys/{wide['id']}/children", asked).status_code == 201
    rotated = issuer.post(f"/api-keys/{wide['id']}/rotations", {})
    assert (rotated.status_code, "networks" in rotated.json["detail"]) == (409, True)


# ---------------------------------------------------------------- ends


def test_a_revocation_at_a_time_holds_without_the_worker(app: Flask, ada: Api, database: Database):
    issued = ada.create("api-keys")
    path = f"/api-keys/{issued['id']}"
    assert ada.post(f"{path}/revoke", {"at": "2020-01-01T00:00:00Z"}).status_code == 422
    planned = ada.post(f"{path}/revoke", {"at": FUTURE}).json
    assert (planned["status"], planned["revoke_at"]) == ("active", FUTURE)
    assert verdict(ada, issued) == "VALID"
    database.sql("UPDATE api_key SET revoke_at = now()")
    assert verdict(ada, issued) == "REVOKED"
    asked = {"token": issued["key"]}
    introspected = ada.client.post(
        "/oauth/introspect", data=asked, headers={"Authorization": f"Bearer {ada.token}"}
    )
    assert introspected.json == {"active": False}
    assert ada.get(path).json["status"] == "revoked"
    for status, count in (("revoked", 1), ("active", 0), ("expired", 0)):
        assert len(ada.get(f"/api-keys?status={status}").json["items"]) == count, status
    for verb in ("block", "unblock"):
        assert ada.post(f"{path}/{verb}").status_code == 409
    with app.app_context(), transaction(issued["tenant_id"]):
        assert revocation.apply_due(issued["tenant_id"]) == 1
    assert ada.get(path).json["status"] == "revoked"


def test_trap_7_nobody_reopens_what_was_stopped_without_a_permission_for_it(app: Flask, ada: Api):
    scopes = ["keys:write", "keys:read"]
    writer = Api(app.test_client(), ada.create("api-keys", scopes=scopes)["key"])
    reopener = Api(
        app.test_client(), ada.create("api-keys", scopes=[*scopes, "keys:reopen"])["key"]
    )
    path = f"/api-keys/{ada.create('api-keys')['id']}"
    assert writer.post(f"{path}/block").status_code == 200
    assert writer.post(f"{path}/unblock").status_code == 403
    assert reopener.post(f"{path}/unblock").status_code == 200
    assert writer.post(f"{path}/revoke", {"at": "2098-01-01T00:00:00Z"}).status_code == 200
    assert writer.post(f"{path}/revoke", {"at": "2097-01-01T00:00:00Z"}).status_code == 200
    assert writer.post(f"{path}/revoke", {"at": FUTURE}).status_code == 403
    assert reopener.post(f"{path}/revoke", {"at": FUTURE}).status_code == 200
    assert writer.post(f"{path}/revoke", {"brownout": True}).status_code == 200
    assert writer.post(f"{path}/revoke", {"at": FUTURE}).status_code == 403


def test_a_brownout_denies_from_its_first_minute(ada: Api):
    issued = ada.create("api-keys")
    path = f"/api-keys/{issued['id']}"
    too_long = ada.post(f"{path}/revoke", {"brownout": True, "at": FUTURE})
    assert (too_long.status_code, too_long.json["errors"][0]["field"]) == (422, "at")
    begun = ada.post(f"{path}/revoke", {"brownout": True}).json
    assert begun["status"] == "active"
    assert begun["brownout_from"] < begun["revoke_at"]
    assert verdict(ada, issued) == "BLOCKED"


def test_the_page_that_revokes_a_key_counts_the_others_that_go_on_working(page: Pages, ada: Api):
    old = ada.create("api-keys")
    new = rotate(ada, old)
    ada.post(f"/api-keys/{new['id']}/children")

    def others(key: dict[str, Any]) -> list[str]:
        shown = page.get(f"/keys/{key['id']}/stop").text
        return re.findall(r"(\d+) other keys? of its family", shown)

    assert (others(old), others(new)) == (["2"], ["1"])  # its own child ends with it
    ada.post(f"/api-keys/{old['id']}/revoke")
    assert others(new) == []


def begun_ago(database: Database, issued: dict[str, Any], ago: str) -> None:
    """Let the brown-out of a key have begun so long ago; the end of its six hours moves along."""
    database.sql(
        "UPDATE api_key SET brownout_from = brownout_from - %s::interval,"
        " revoke_at = revoke_at - %s::interval WHERE id = %s",
        ago, ago, issued["id"],
    )  # fmt: skip


def test_a_child_is_refused_in_the_brownout_of_its_parent_and_in_its_own(
    ada: Api, database: Database
):
    parent = ada.create("api-keys")
    child = ada.post(f"/api-keys/{parent['id']}/children", {}).json or {}
    for issued in (parent, child):
        assert ada.post(f"/api-keys/{issued['id']}/revoke", {"brownout": True}).status_code == 200
    begun_ago(database, parent, "5 hours 5 minutes")  # it refuses for 32 minutes now
    begun_ago(database, child, "10 minutes")
    assert verdict(ada, child) == "BLOCKED"
    begun_ago(database, parent, "30 minutes")
    assert verdict(ada, child) == "VALID"
    begun_ago(database, child, "50 minutes")
    assert verdict(ada, child) == "BLOCKED"


def test_the_health_of_a_child_says_that_its_parent_is_being_stopped(ada: Api):
    parent = ada.create("api-keys")
    child = ada.post(f"/api-keys/{parent['id']}/children", {}).json or {}
    for asked, words in (
        ({"at": FUTURE}, "Works until its parent key is revoked."),
        ({"brownout": True}, "Its parent key is in a brown-out"),
        ({}, "Its parent key is revoked"),
    ):
        assert ada.post(f"/api-keys/{parent['id']}/revoke", asked).status_code == 200
        health = (ada.get(f"/api-keys/{child['id']}").json or {})["health"]
        assert words in health["reason"]


@pytest.mark.parametrize("path", ["/revoke", "/revocations", "the page"])
def test_the_reason_of_a_planned_revocation_stays_when_the_key_is_revoked_now(
    ada: Api, page: Pages, path: str
):
    issued = ada.create("api-keys", tags=["old"])
    ada.post(f"/api-keys/{issued['id']}/revoke", {"at": FUTURE, "reason": "The contract ends"})
    if path == "/revoke":
        ada.post(f"/api-keys/{issued['id']}/revoke", {"at": "2098-01-01T00:00:00Z"})
        ada.post(f"/api-keys/{issued['id']}/revoke", {})
    elif path == "/revocations":
        ada.post("/api-keys/revocations", {"tag": "old", "dry_run": False})
    else:
        page.post("/keys/bulk", {"tag": "old", "verb": "revoke", "confirm": "1"})
    ended = ada.get(f"/api-keys/{issued['id']}").json or {}
    assert (ended["status"], ended["revoked_reason"]) == ("revoked", "The contract ends")
    newest = ada.get(f"/api-keys/{issued['id']}/history").json["items"][0]
    assert newest["action"] == "key.revoked"
    [(_, reason)] = [pair for name, pair in newest["changes"].items() if "reason" in name]
    assert reason == "The contract ends"


def test_a_brownout_goes_on_when_it_is_asked_for_again(app: Flask, ada: Api, database: Database):
    issued = ada.create("api-keys")
    writer = Api(app.test_client(), ada.create("api-keys", scopes=["keys:write"])["key"])
    path = f"/api-keys/{issued['id']}"
    ada.post(f"{path}/revoke", {"brownout": True})
    begun_ago(database, issued, "2 hours 2 minutes")
    before = ada.get(path).json or {}
    again = writer.post(f"{path}/revoke", {"brownout": True, "at": before["revoke_at"]})
    assert again.json["brownout_from"] == before["brownout_from"]
    assert writer.post(f"{path}/revoke", {"brownout": True}).status_code == 403
    anew = ada.post(f"{path}/revoke", {"brownout": True}).json or {}
    assert anew["brownout_from"] > before["brownout_from"]


@pytest.mark.parametrize("verb", ["revoke", "block"])
def test_many_are_counted_first_and_then_stopped(ada: Api, verb: str):
    crm = ada.create("applications", display_name="CRM")
    hit = [ada.create("api-keys", application_id=crm["id"], tags=["old"]) for _ in range(3)]
    spared = ada.create("api-keys", tags=["old"])
    which = {"application_id": crm["id"], "tag": "old", "verb": verb}
    assert ada.post("/api-keys/revocations", which).json["count"] == 3
    assert verdict(ada, hit[0]) == "VALID"
    done = ada.post("/api-keys/revocations", {**which, "dry_run": False, "reason": "panic"})
    assert done.json["count"] == 3
    code = {"revoke": "REVOKED", "block": "BLOCKED"}[verb]
    assert [verdict(ada, issued) for issued in hit] == [code] * 3
    assert verdict(ada, spared) == "VALID"
    [newest, *_] = ada.get(f"/api-keys/{hit[0]['id']}/history").json["items"]
    assert newest["action"] == {"revoke": "key.revoked", "block": "key.blocked"}[verb]
    assert ada.post("/api-keys/revocations", {"dry_run": False}).status_code == 422


# ---------------------------------------------------------------- answers for admins


def test_a_refusal_is_explained_by_its_request_id(app: Flask, ada: Api):
    issued = ada.create("api-keys", scopes=["keys:read"], rpm_limit=1)
    holder = Api(app.test_client(), issued["key"])
    assert holder.get("/api-keys").status_code == 200
    refused = holder.get("/api-keys")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= 62
    assert refused.headers["RateLimit"].startswith('"rpm";r=0;t=')
    assert refused.headers["RateLimit-Policy"] == '"rpm";q=1;w=60'
    question = {"request_id": refused.headers["X-Request-Id"]}
    for _ in range(2):  # while it waits to be written, and after that
        answer = ada.post("/api-keys/explanations", question).json
        assert (answer["code"], answer["key_id"]) == ("RPM_EXCEEDED", issued["id"])
        assert answer["trace"][-1]["passed"] is False
        assert issued["key"] not in str(answer)
        app.extensions["keys"].flush()
    forbidden = holder.get("/webhooks")
    question = {"request_id": forbidden.headers["X-Request-Id"]}
    assert forbidden.status_code == 403
    assert ada.post("/api-keys/explanations", question).json["code"] == "SCOPE_MISSING"


def test_an_applications_key_explains_only_what_its_application_was_refused(app: Flask, ada: Api):
    one, two = (ada.create("applications", display_name=name)["id"] for name in ("One", "Two"))
    keys = [
        ada.create("api-keys", application_id=owner, scopes=["keys:read", "keys:verify"])["key"]
        for owner in (one, two)
    ]
    own, other = (Api(app.test_client(), key) for key in keys)
    refused = own.get("/connectors").headers["X-Request-Id"]
    unknown = own.post("/api-keys/verify", {"key": f"{keys[0][:-1]}?"}).headers["X-Request-Id"]
    for _ in range(2):  # while it waits to be written, and after that
        for caller, request_id, status in (
            (own, refused, 200),
            (other, refused, 404),
            (other, unknown, 404),
            (ada, refused, 200),
        ):
            answer = caller.post("/api-keys/explanations", {"request_id": request_id})
            assert answer.status_code == status, answer.text
        app.extensions["keys"].flush()


def test_who_would_notice(app: Flask, ada: Api, by_key: Callable[..., Api]):
    issued = ada.create("api-keys", scopes=["keys:read"])
    holder = by_key(issued)
    for _ in range(3):
        holder.get("/api-keys")
    app.extensions["keys"].flush()
    answer = ada.get(f"/api-keys/{issued['id']}/impact").json
    assert answer["calls"] == 3
    assert [(s["what"], s["calls"]) for s in answer["scopes"]] == [("keys:read", 3)]
    assert [s["what"] for s in answer["sources"]] == ["127.0.0.1"]


def test_the_impact_names_all_scopes_also_if_the_callers_are_many(app: Flask, ada: Api) -> None:
    issued, now = ada.create("api-keys"), datetime.now(UTC)
    for number in range(1010):
        source = f"2001:db8::{number:x}"
        for _ in range(2):
            usage.note(issued["tenant_id"], issued["id"], now, source=source, scope="orders:read")
    for number in range(20):
        scope = f"billing:pay{number}"
        usage.note(issued["tenant_id"], issued["id"], now, source="10.0.0.1", scope=scope)
    with app.app_context():
        usage.flush()
    found = ada.get(f"/api-keys/{issued['id']}/impact").json
    assert found["calls"] == 2040
    assert found["scopes"][0]["what"] == "orders:read"
    assert len(found["scopes"]) == 21


def test_who_would_notice_counts_the_children_that_work(ada: Api):
    issued = ada.create("api-keys")
    path = f"/api-keys/{issued['id']}"
    child, *_ = [ada.post(f"{path}/children", {}).json or {} for _ in range(2)]

    def counted() -> tuple[int, str]:
        return ada.get(f"{path}/impact").json["children"], verdict(ada, child)

    assert counted() == (2, "VALID")
    ada.post(f"{path}/block", {})
    assert counted() == (0, "BLOCKED")
    ada.post(f"{path}/unblock", {})
    ada.post(f"/api-keys/{child['id']}/block", {})
    assert counted() == (1, "BLOCKED")
    ada.post(f"/api-keys/{child['id']}/unblock", {})
    assert counted() == (2, "VALID")
    ada.post(f"{path}/revoke", {})
    assert counted() == (0, "REVOKED")


def test_children_do_not_work_while_their_application_is_stopped(ada: Api):
    crm = f"/applications/{ada.create('applications', display_name='CRM')['id']}"
    issued = ada.create("api-keys", application_id=crm.rpartition("/")[2])
    path = f"/api-keys/{issued['id']}"
    child = ada.post(f"{path}/children", {}).json or {}
    ada.post(f"{crm}/suspend", {"reason": "incident"})
    assert ada.get(f"{path}/impact").json["children"] == 0
    assert verdict(ada, child) == "APP_INACTIVE"


def test_what_a_call_would_get_is_told_without_the_key(ada: Api):
    issued = ada.create("api-keys", scopes=["keys:read"])
    path = f"/api-keys/{issued['id']}/rehearsals"
    assert ada.post(path, {"scope": "keys:read"}).json["valid"]
    assert ada.post(path, {"scope": "webhooks:read"}).json["code"] == "SCOPE_MISSING"


@pytest.fixture
def by_key(app: Flask) -> Callable[[dict[str, Any]], Api]:
    return lambda issued: Api(app.test_client(), issued["key"])
