"""Test the health of records: REST, lists and pages say the same, and what fails is never green."""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.records.health import FEW, clock
from tests.cast import ADA, Api, Pages
from tests.databases import Database

URL = "https://hooks.example.com/cpod"
Browse = Callable[..., Pages]


def webhook(ada: Api, **more: Any) -> dict[str, Any]:
    return ada.create("webhooks", **{"url": URL, "event_types": ["rfp.*"], **more})


def key(ada: Api, **more: Any) -> dict[str, Any]:
    return ada.create("api-keys", **{"scopes": ["applications:read"], **more})


def connector(ada: Api, **more: Any) -> dict[str, Any]:
    config = {"host": "splunk.example.com:8089"}
    return ada.create("connectors", **{"provider": "splunk", "config": config, **more})


WEBHOOK = "UPDATE webhook SET {} WHERE id = %(id)s"
ENDPOINT = (
    "INSERT INTO endpoint (tenant_id, webhook_id, failing_since)"
    " VALUES (%(tenant_id)s, %(id)s, now() - interval '1 hour')"
)
DELIVERY = (
    "INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type, state, status)"
    " VALUES (%(tenant_id)s, ulid_floor('dlv', now()) || '0000000000000000', %(id)s, 'evt_1',"
    " 'rfp.created', '{}', 500)"
)
KEY = "UPDATE api_key SET {} WHERE id = %(id)s"
USED = "UPDATE api_key_runtime SET {} WHERE key_id = %(id)s"
LEAK = (
    "INSERT INTO key_leak (tenant_id, key_id, digest, reporter, response)"
    " VALUES (%(tenant_id)s, %(id)s, repeat('a', 64), 'scanner', 'notify')"
)
SPENT = (
    "INSERT INTO key_budget (tenant_id, family_id, period_start, spent_usd)"
    " VALUES (%(tenant_id)s, %(id)s, now(), {})"
)
STANDING = (
    "INSERT INTO connector_standing (tenant_id, connector_id, checked_at, since, outcome, said)"
    " VALUES (%(tenant_id)s, %(id)s, now(), now(), '{}', 'It said so.')"
)
SYNC = "UPDATE connector SET sync_status = '{}' WHERE id = %(id)s"
SET_UP = "UPDATE connector SET credential_fields = '[\"token\"]' WHERE id = %(id)s"

STATES: list[tuple[str, dict[str, Any], list[str], str, str]] = [
    ("webhooks", {}, [], "not_tried", "Nothing has been sent yet."),
    ("webhooks", {"url": None, "event_types": []}, [], "off", "Not set up"),
    ("webhooks", {"enabled": False}, [], "off", "Disabled"),
    (
        "webhooks", {},
        [WEBHOOK.format("last_delivery_at = now(), last_delivery_status = 'delivered'")],
        "works", "Works: the last delivery arrived.",
    ),
    (
        "webhooks", {},
        [
            WEBHOOK.format("last_delivery_status = 'http_error', consecutive_failures = 194"),
            ENDPOINT, DELIVERY.format("retrying"),
        ],
        "failing", "194 times in a row – 1 delivery waiting; the receiver answers 500.",  # noqa: RUF001
    ),
    (
        "webhooks", {},
        [WEBHOOK.format("last_delivery_status = 'timeout', consecutive_failures = 1")],
        "attention", "The last attempt failed; the receiver does not answer in time.",
    ),
    (
        "webhooks", {},
        [
            WEBHOOK.format("last_delivery_at = now(), last_delivery_status = 'delivered'"),
            DELIVERY.format("retrying"),
        ],
        "attention", "Works, but 1 delivery failed and will be sent again.",
    ),
    (
        "webhooks", {},
        [
            WEBHOOK.format("last_delivery_at = now(), last_delivery_status = 'delivered'"),
            DELIVERY.format("failed"),
        ],
        "attention", "1 delivery failed for good",
    ),
    (
        "webhooks", {},
        [
            WEBHOOK.format("paused_at = now(), pause_reason = 'by_hand'"),
            DELIVERY.format("pending"),
        ],
        "held", "1 delivery is held.",
    ),
    (
        "webhooks", {},
        [
            WEBHOOK.format(
                "paused_at = now(), pause_reason = 'failing', consecutive_failures = 12,"
                " last_delivery_status = 'dns'"
            )
        ],
        "failing", "after 12 failures in a row: the name of the receiver is not found.",
    ),
    ("webhooks", {"direction": "inbound"}, [], "not_tried", "No request has been accepted yet."),
    ("webhooks", {"direction": "inbound"}, [WEBHOOK.format("last_delivery_at = '2020-05-06'")],
     "works", "Works: the last accepted request is that of 6 May 2020, "),
    ("api-keys", {}, [], "not_tried", "Never used since it was issued"),
    ("api-keys", {}, [USED.format("last_used_at = now()")], "works", "its last call was accepted"),
    (
        "api-keys", {},
        [USED.format("last_used_at = now() - interval '1 min', last_denied_at = now(),"
                     " last_denied_code = 'RATE_LIMITED'")],
        "attention", "was refused (rate limited).",
    ),
    ("api-keys", {}, [KEY.format("blocked = true, blocked_reason = 'Odd calls'")],
     "held", "Blocked: its calls are refused. Odd calls."),
    ("api-keys", {}, [KEY.format("revoked_at = now()")], "off", "Revoked"),
    (
        "api-keys", {},
        [KEY.format("created_at = now() - interval '2 d', expires_at = now() - interval '1 d'")],
        "off", "Expired",
    ),
    ("api-keys", {}, [KEY.format("expires_at = now() + interval '3 d'")],
     "attention", "Works until it expires"),
    ("api-keys", {}, [LEAK, USED.format("last_used_at = now()")], "failing", "Found in public"),
    ("api-keys", {"max_budget_usd": 50}, [SPENT.format(50), USED.format("last_used_at = now()")],
     "failing", "Its budget of $50.00 is used up"),
    ("api-keys", {"max_budget_usd": 50}, [SPENT.format(42), USED.format("last_used_at = now()")],
     "attention", "84 % of its budget of $50.00 is used."),
    ("api-keys", {}, [KEY.format("revoke_at = now() + interval '1 d'")],
     "attention", "Works until it is revoked"),
    ("connectors", {"enabled": False}, [], "off", "Disabled: it is neither used nor checked."),
    ("connectors", {}, [], "attention", "Not set up"),
    ("connectors", {}, [SET_UP], "not_tried", "Never checked"),
    ("connectors", {}, [SET_UP, STANDING.format("passed"), SYNC.format("healthy")],
     "works", "Works: its check passed"),
    ("connectors", {}, [SET_UP, STANDING.format("auth_invalid"), SYNC.format("action_required")],
     "failing", "Sign-in refused since"),
    ("connectors", {}, [SET_UP, STANDING.format("rate_limited"), SYNC.format("rate_limited")],
     "attention", "Rate limited since"),
    ("applications", {}, [], "not_tried", "Nothing belongs to it yet."),
    ("applications", {},
     ["UPDATE application SET status = 'suspended' WHERE id = %(id)s"],
     "held", "The application is suspended"),
]  # fmt: skip
MAKE = {"webhooks": webhook, "api-keys": key, "connectors": connector}
PAGE = {"api-keys": "keys"}


def lay(database: Database, statements: list[str], record: dict[str, Any]) -> None:
    """Run statements with the ids of a record."""
    for statement in statements:
        text = statement.replace("%(id)s", f"'{record['id']}'")
        database.sql(text.replace("%(tenant_id)s", f"'{record['tenant_id']}'"))


def truth(page: str) -> str:
    """Return the sentence that begins a page."""
    found = re.search(r'<section class="truth"[^>]*>\s*<p>(.*?)</p>', page, re.S)
    assert found, "no sentence begins the page"
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", found[1])))


@pytest.mark.parametrize(("resource", "fields", "facts", "status", "says"), STATES)
def test_rest_and_pages_say_the_same_of_each_state(
    ada: Api,
    browse: Browse,
    database: Database,
    resource: str,
    fields: dict[str, Any],
    facts: list[str],
    status: str,
    says: str,
) -> None:
    make = MAKE.get(resource, lambda ada, **more: ada.create(resource, **more))
    record = make(ada, **fields)
    lay(database, facts, record)
    health = ada.get(f"/{resource}/{record['id']}").json["health"]
    assert health["status"] == status, health
    assert says in health["reason"]
    [listed] = ada.get(f"/{resource}").json["items"]
    assert listed["health"] == health
    place = PAGE.get(resource, resource)
    page = browse(ADA).get(f"/{place}/{record['id']}").text
    if resource == "connectors":  # its own page tells times as “3 min ago”
        assert truth(page).startswith(health["reason"].split(" since ")[0].split(":")[0][:12])
    else:
        assert truth(page) == health["reason"]
        assert f'data-status="{status}"' in page
    assert truth(browse(ADA).get(f"/{place}").text)


def test_a_new_record_has_the_health_that_is_read_afterwards(ada: Api) -> None:
    for resource, make in MAKE.items():
        made = make(ada)
        assert made["health"] == ada.get(f"/{resource}/{made['id']}").json["health"]


def test_a_key_in_rotation_says_so_on_both_sides(ada: Api, browse: Browse) -> None:
    old = key(ada)
    new = ada.post(f"/api-keys/{old['id']}/rotations", {}).json
    healths = {one["id"]: one["health"] for one in ada.get("/api-keys").json["items"]}
    assert "In rotation: it ends" in healths[old["id"]]["reason"]
    assert "In rotation: no call has come" in healths[new["id"]]["reason"]
    assert healths[old["id"]]["status"] == healths[new["id"]]["status"] == "attention"
    assert browse(ADA).get("/keys").text.count("in rotation") == 2


def test_an_application_is_as_well_as_the_worst_of_what_belongs_to_it(
    ada: Api, browse: Browse, database: Database
) -> None:
    owner = ada.create("applications", display_name="CRM")
    own = {"application_id": owner["id"]}
    hook, issued, link = webhook(ada, **own), key(ada, **own), connector(ada, **own)

    def health() -> dict[str, Any]:
        found: dict[str, Any] = ada.get(f"/applications/{owner['id']}").json["health"]
        return found

    assert health()["status"] == "works"
    lay(database, [KEY.format("expires_at = now() + interval '3 d'")], issued)
    assert health()["reason"] == "1 key ends within 14 days."
    lay(database, [SYNC.format("failing")], link)
    assert (health()["status"], health()["reason"]) == ("failing", "1 connector fails.")
    lay(database, [LEAK], issued)
    lay(database, [WEBHOOK.format("consecutive_failures = 9")], hook)
    said = health()["reason"]
    assert sorted(said.removesuffix(".").split(" and ")) == [
        "1 connector fails", "1 key fails", "1 webhook fails",
    ]  # fmt: skip
    assert truth(browse(ADA).get(f"/applications/{owner['id']}").text) == said
    assert "1 of 1 application on this page has something that fails." in truth(
        browse(ADA).get("/applications").text
    )


def test_a_list_begins_with_what_fails(ada: Api, browse: Browse, database: Database) -> None:
    pages = browse(ADA)
    assert "truth" not in pages.get("/webhooks").text, "an empty list has nothing to say"
    first, second = webhook(ada), webhook(ada)
    assert truth(pages.get("/webhooks").text) == "None of 2 webhooks fails."
    lay(database, [WEBHOOK.format("consecutive_failures = 3")], first)
    lay(database, [WEBHOOK.format("paused_at = now(), pause_reason = 'by_hand'")], second)
    said = "1 of 2 webhooks fails; 1 is paused by hand."
    assert truth(pages.get("/webhooks").text) == said
    lay(database, [LEAK], key(ada))
    said = "1 key was found in public. 1 key is active."
    assert truth(pages.get("/keys").text) == said


def test_a_list_says_no_number_that_it_has_not_counted(
    ada: Api, browse: Browse, database: Database
) -> None:
    items = [{"name": f"Connector {number}"} for number in range(FEW + 2)]
    assert ada.post("/connectors/batch", {"items": items}).status_code == 200
    database.sql("UPDATE connector SET sync_status = 'failing'")
    said = truth(browse(ADA).get("/connectors").text)
    assert said == f"{FEW}+ of {FEW + 2} connectors fail."


def test_health_is_read_and_never_written(ada: Api) -> None:
    made = webhook(ada)
    changed = ada.patch(f"/webhooks/{made['id']}", {"name": "New", "health": {"status": "works"}})
    assert changed.status_code == 200
    assert changed.json["health"] == made["health"]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    failures=st.integers(0, 300),
    outcome=st.sampled_from(["delivered", "http_error", "timeout", "dns"]),
    pause=st.sampled_from([None, "failing", "gone", "by_hand"]),
    left=st.sampled_from([None, "retrying", "failed"]),
)
def test_what_fails_is_never_green(
    ada: Api,
    database: Database,
    failures: int,
    outcome: str,
    pause: str | None,
    left: str | None,
) -> None:
    made = webhook(ada)
    paused = f"now(), pause_reason = '{pause}'" if pause else "NULL"
    lay(
        database,
        [
            WEBHOOK.format(
                f"consecutive_failures = {failures}, last_delivery_status = '{outcome}',"
                f" last_delivery_at = now(), paused_at = {paused}"
            ),
            "DELETE FROM delivery",
            *([DELIVERY.format(left)] if left else []),
        ],
        made,
    )
    status = ada.get(f"/webhooks/{made['id']}").json["health"]["status"]
    is_well = not failures and outcome == "delivered" and pause is None and left is None
    assert (status == "works") == is_well


def test_a_time_has_its_day_and_year_only_if_these_are_others() -> None:
    now = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
    east = timezone(timedelta(hours=3))
    assert clock(datetime(2026, 3, 2, 3, 4, tzinfo=east), now) == "00:04 UTC"
    assert clock(datetime(2026, 3, 2, 2, 4, tzinfo=east), now) == "1 Mar, 23:04 UTC"
    assert clock(datetime(2025, 12, 31, 23, 59, tzinfo=UTC), now) == "31 Dec 2025, 23:59 UTC"
