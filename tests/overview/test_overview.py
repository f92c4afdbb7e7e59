"""Test that the overview says what is so, the worst first, and links to exactly what it counts."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.keys.verification.use_counts import usage
from portal.rest.resources import Resource
from tests.cast import ADA, ED, Api, Pages
from tests.databases import Database
from tests.delivery.test_engine import delivering, publish, rfp, until
from tests.records.test_health import (
    DELIVERY,
    ENDPOINT,
    KEY,
    LEAK,
    SPENT,
    STANDING,
    SYNC,
    USED,
    WEBHOOK,
    connector,
    key,
    lay,
    truth,
    webhook,
)
from tests.resources import RESOURCES, minimal
from tests.webhooks.conftest import Make, Receiver

Browse = Callable[..., Pages]
FAILS = WEBHOOK.format("last_delivery_status = 'http_error', consecutive_failures = 194")
FAILED_ONCE = WEBHOOK.format("last_delivery_status = 'timeout', consecutive_failures = 1")
BY_HAND = WEBHOOK.format("paused_at = now(), pause_reason = 'by_hand'")
BROKEN = [STANDING.format("auth_invalid"), SYNC.format("action_required")]
SET_UP = "UPDATE connector SET credential_fields = '[\"token\"]' WHERE id = %(id)s"
ENDS = KEY.format("expires_at = now() + interval '3 d'")
MANY = (
    "INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type, state)"
    " SELECT %(tenant_id)s, ulid_floor('dlv', now()) || lpad(n::text, 16, '0'), %(id)s, 'evt_1',"
    " 'rfp.created', 'pending' FROM generate_series(1, 1001) AS n"
)


FEW = MANY.replace("1001", "2")
GETS_OLD = "UPDATE delivery SET created_at = now() - interval '30 h'"


def seen(ada: Api) -> dict[str, Any]:
    answer = ada.get("/overview")
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def figures(ada: Api) -> dict[str, Any]:
    return {one["name"]: one for one in seen(ada)["figures"]}


def values(ada: Api) -> dict[str, Any]:
    return {name: one["value"] for name, one in figures(ada).items()}


def test_the_worst_comes_first_and_the_sentence_tells_of_it(
    ada: Api, browse: Browse, database: Database
) -> None:
    lay(database, [FAILED_ONCE], webhook(ada, name="Hooks"))
    lay(database, [ENDS], key(ada, name="Ending"))
    lay(database, [LEAK], key(ada, name="Leaked"))
    lay(database, [SET_UP, *BROKEN], connector(ada, name="Splunk"))
    lay(database, [FAILS, ENDPOINT, DELIVERY.format("retrying")], webhook(ada, name="CRM"))
    lay(database, [BY_HAND], webhook(ada, name="Resting"))
    found = seen(ada)
    assert [one["title"] for one in found["needs"]] == [
        "Leaked", "CRM", "Splunk", "Ending", "Hooks", "Resting",
    ]  # fmt: skip
    assert found["sentence"] == {
        "status": "failing",
        "text": "1 key was found in public, 1 connector fails and 1 webhook fails.",
        "rest": "3 more need a look.",
    }
    page = browse(ADA).get("/").text
    assert truth(page) == f"{found['sentence']['text']} {found['sentence']['rest']}"
    assert 'data-status="failing" data-tone="bad"' in page


def test_one_need_alone_is_the_sentence(ada: Api, database: Database) -> None:
    made = webhook(ada, name="CRM")
    lay(database, [FAILS, ENDPOINT, DELIVERY.format("retrying")], made)
    found = seen(ada)["sentence"]
    assert re.fullmatch(
        r"CRM: failing since .* UTC, 194 times in a row – 1 delivery waiting;"  # noqa: RUF001
        r" the receiver answers 500\.",
        found["text"],
    )
    assert found["rest"] == "Nothing else needs you."


def test_what_is_well_is_said_only_of_what_is_there(ada: Api, database: Database) -> None:
    assert seen(ada)["sentence"]["text"] == "Nothing is set up yet."
    made = webhook(ada)
    assert seen(ada)["sentence"]["text"] == "All clear."
    lay(database, [FAILED_ONCE], made)
    assert seen(ada)["sentence"]["status"] == "attention"
    lay(database, [BY_HAND], made)
    assert seen(ada)["sentence"]["status"] == "held"


def test_records_of_a_stopped_application_need_nobody(ada: Api, database: Database) -> None:
    application = ada.create("applications", display_name="CRM")
    lay(database, [FAILS], webhook(ada, application_id=application["id"]))
    lay(database, BROKEN, connector(ada, application_id=application["id"]))
    assert len(seen(ada)["needs"]) == 2
    lay(database, ["UPDATE application SET status = 'suspended' WHERE id = %(id)s"], application)
    assert seen(ada)["needs"] == []


def test_a_few_of_a_kind_are_shown_and_the_others_are_counted(
    ada: Api, browse: Browse, database: Database
) -> None:
    for number in range(7):
        lay(database, [SET_UP, *BROKEN], connector(ada, name=f"Connector {number}"))
    found = seen(ada)
    assert len(found["needs"]) == 5
    assert found["sentence"]["text"] == "7 connectors fail."
    assert "7 connectors fail</a>: more than are shown here." in browse(ADA).get("/").text


@pytest.mark.parametrize(
    ("facts", "needs"), [([SPENT.format(50)], ["failing"]), ([SPENT.format(42)], ["attention"])]
)
def test_a_budget_that_is_nearly_used_up_needs_somebody(
    ada: Api, database: Database, facts: list[str], needs: list[str]
) -> None:
    made = key(ada, max_budget_usd=50)
    percent = "UPDATE key_budget SET announced_percent = CASE WHEN spent_usd >= 50 THEN 100 ELSE 80"
    lay(database, [*facts, f"{percent} END", USED.format("last_used_at = now()")], made)
    assert [one["status"] for one in seen(ada)["needs"]] == needs


def test_each_key_of_a_family_needs_somebody_for_its_own_budget(ada: Api) -> None:
    parent = key(ada, name="Parent", max_budget_usd=100)
    child = ada.post(f"/api-keys/{parent['id']}/children", {"name": "Child"}).json or {}
    path = f"/api-keys/{child['id']}"
    assert ada.patch(path, {"max_budget_usd": 40}).status_code == 200
    ada.post(f"{path}/usage", {"cost_usd": 40})
    ada.post(f"/api-keys/{parent['id']}/usage", {"cost_usd": 45})
    told = {one["title"]: one["status"] for one in seen(ada)["needs"]}
    assert told == {"Child": "failing", "Parent": "attention"}
    # Another budget of one key changes nothing about the other.
    assert ada.patch(path, {"max_budget_usd": 99}).status_code == 200
    ada.patch(f"/api-keys/{parent['id']}", {"max_budget_usd": 85})
    told = {one["title"]: one["status"] for one in seen(ada)["needs"]}
    assert told == {"Child": "failing", "Parent": "failing"}


def test_a_leaked_key_that_is_blocked_still_needs_somebody(ada: Api, database: Database) -> None:
    lay(database, [LEAK, KEY.format("blocked = true")], key(ada, name="Partner feed"))
    found = seen(ada)
    assert [one["title"] for one in found["needs"]] == ["Partner feed"]
    assert found["sentence"]["status"] == "held"


def test_keys_of_people_who_left_are_one_row(ada: Api, database: Database) -> None:
    concern = "INSERT INTO key_concern (tenant_id, key_id, concern)"
    for _ in range(2):
        lay(
            database,
            [f"{concern} VALUES (%(tenant_id)s, %(id)s, 'owner_gone')"],
            key(ada),
        )
    [need] = seen(ada)["needs"]
    assert need["title"] == "2 keys belong to people who left"
    assert need["act_url"] == "/keys?show=owner_gone"


def test_the_next_step_is_a_form_if_it_is_done_at_once(
    ada: Api, browse: Browse, database: Database
) -> None:
    made = connector(ada, name="Splunk")
    lay(database, [SET_UP, STANDING.format("transient"), SYNC.format("failing")], made)
    page = browse(ADA)
    path = f"/connectors/{made['id']}/checks"
    assert f'<form method="post" action="{path}"' in page.get("/").text
    assert page.post(path).status_code == 303
    assert f'action="{path}"' not in browse("vic@acme.example").get("/").text


# ---------------------------------------------------------------- figures


def test_deliveries_are_counted_as_they_end(
    app: Flask, ada: Api, make: Make, receiver: Receiver
) -> None:
    made = make(receiver.hook("crm"))
    receiver.learn("crm", made["signing_secret"])
    with delivering(app):
        publish(ada, *(rfp(number) for number in range(3)))
        until(lambda: values(ada)["delivered"] == 3)
    found = figures(ada)
    assert found["delivered"]["note"] == "in 24 hours; none given up"
    assert found["delivered"]["values"][-1] + found["delivered"]["values"][-2] == 3
    assert found["p95"]["value"] > 0
    assert listed(ada, found["delivered"]) == 3


def test_a_delivery_that_is_given_up_is_never_green(
    app: Flask, ada: Api, make: Make, receiver: Receiver
) -> None:
    make(receiver.hook("crm", "?status=500"), retry_policy={"maxAttempts": 1})
    with delivering(app):
        publish(ada, rfp(1))
        until(lambda: figures(ada)["delivered"]["note"] == "in 24 hours; 1 given up")
    found = figures(ada)["delivered"]
    assert (found["value"], found["status"]) == (0, "failing")


def listed(ada: Api, figure: dict[str, Any]) -> int:
    """Return how many records the list behind a figure has."""
    path = figure["url"]
    answer = ada.get(path.replace("/keys", "/api-keys"))
    assert answer.status_code == 200, answer.text
    return len(answer.json["items"])


@pytest.mark.parametrize("state", ["retrying", "pending"])
def test_what_waits_is_held_if_its_webhook_sends_nothing(
    ada: Api, database: Database, state: str
) -> None:
    made = webhook(ada)
    lay(database, [DELIVERY.format(state)], made)
    retried = int(state == "retrying")
    held = figures(ada)["held"]
    assert (held["value"], held["label"]) == (
        (1, "Being retried") if retried else (0, "Held or retried")
    )
    assert listed(ada, held) == retried
    lay(database, [BY_HAND], made)
    held = figures(ada)["held"]
    assert (held["value"], held["label"], held["status"]) == (1, "Held", "failing")
    assert listed(ada, held) == 1
    assert sum(held["values"]) == 1


def test_what_has_waited_for_more_than_a_day_is_held_and_no_bar_of_the_day(
    ada: Api, database: Database
) -> None:
    made = webhook(ada)
    lay(database, [FEW, GETS_OLD, DELIVERY.format("pending"), BY_HAND], made)
    held = figures(ada)["held"]
    assert held["value"] == 3
    assert (held["values"][0], sum(held["values"])) == (0, 1)


def test_a_figure_that_is_not_known_says_so(ada: Api, browse: Browse, database: Database) -> None:
    made = webhook(ada)
    lay(database, [MANY], made)
    held = figures(ada)["held"]
    assert held["value"] is None
    assert held["note"] == "More than 1,000 deliveries wait. How many are held is not known."
    assert "not known" in browse(ADA).get("/").text
    lay(database, [BY_HAND], made)
    held = figures(ada)["held"]
    assert (held["value"], held["is_more"]) == (1001, True)


def test_without_any_request_no_time_is_told(ada: Api) -> None:
    webhook(ada)
    found = figures(ada)
    assert found["p95"]["value"] is None
    assert found["p95"]["note"] == "no request in 24 hours"
    assert found["delivered"]["note"] == "nothing was due in 24 hours"
    assert found["refused"]["note"] == "no call in 24 hours"


def test_calls_of_keys_are_counted_and_those_that_were_refused(app: Flask, ada: Api) -> None:
    made = key(ada)
    with app.app_context():
        usage.flush()  # what earlier tests have counted
    before = values(ada)
    caller = Api(ada.client, made["key"])
    assert caller.get("/applications").status_code == 200
    assert caller.get("/webhooks").status_code == 403
    with app.app_context():
        usage.flush()
    found = figures(ada)
    assert found["calls"]["value"] == before["calls"] + 1
    assert found["refused"]["value"] == before["refused"] + 1
    assert "% of all calls" in found["refused"]["note"]


def test_the_keys_of_refused_calls_can_be_listed(
    ada: Api, browse: Browse, database: Database
) -> None:
    made = key(ada, name="Refused lately")
    key(ada, name="Of no interest")
    denial = "INSERT INTO key_denial (tenant_id, request_id, denied_at, key_id, code, trace)"
    when = "now() - interval '23 h'"
    lay(database, [f"{denial} VALUES (%(tenant_id)s, 'req_1', {when}, %(id)s, 'X', '[]')"], made)
    page = browse(ADA).get(html.unescape(figures(ada)["refused"]["url"])).text
    assert "Refused lately" in page
    assert "Of no interest" not in page


def test_keys_that_end_are_counted_by_the_day(ada: Api, browse: Browse, database: Database) -> None:
    for name in ("One", "Other"):
        lay(database, [ENDS], key(ada, name=name))
    found = figures(ada)["ending"]
    assert (found["value"], found["step_seconds"]) == (2, 86_400)
    assert found["values"][2] == 2
    page = browse(ADA).get(found["url"]).text
    assert "One" in page
    assert "Other" in page


# ---------------------------------------------------------------- who reads what


def test_nobody_sees_figures_of_what_they_may_not_read(ada: Api, database: Database) -> None:
    lay(database, [LEAK], key(ada))
    lay(database, [FAILS], webhook(ada))
    of_webhooks = Api(ada.client, key(ada, scopes=["webhooks:read"])["key"])
    found = seen(of_webhooks)
    assert {one["name"] for one in found["figures"]} == {"held", "delivered", "p95"}
    assert found["sentence"]["text"].startswith("Untitled webhook: failing")
    assert found["changes"] == []
    of_keys = Api(ada.client, key(ada, scopes=["keys:read"])["key"])
    found = seen(of_keys)
    assert {one["name"] for one in found["figures"]} == {"calls", "refused", "ending"}
    assert "found in public" in found["sentence"]["text"]


def test_a_credential_of_an_application_sees_nothing_of_the_others(
    ada: Api, database: Database
) -> None:
    application = ada.create("applications", display_name="CRM")
    scopes = ["webhooks:read", "keys:read"]
    own = key(ada, scopes=scopes, application_id=application["id"])
    lay(database, [LEAK], key(ada))
    lay(database, [FAILS], webhook(ada))
    found = seen(Api(ada.client, own["key"]))
    assert found["needs"] == []
    assert {one["name"]: one["value"] for one in found["figures"]} == {
        "held": None, "delivered": None, "p95": None, "calls": None, "refused": None, "ending": 0,
    }  # fmt: skip


def test_a_connector_of_one_person_is_shown_to_nobody_else(
    ada: Api, browse: Browse, database: Database
) -> None:
    me = browse(ED).person_id
    made = connector(ada, name="Of Ed alone")
    own = f"UPDATE connector SET scope = 'user', user_id = '{me}', owner_id = '{me}'"
    lay(database, [SET_UP, *BROKEN, f"{own} WHERE id = %(id)s"], made)
    assert "Of Ed alone" in browse(ED).get("/").text
    assert "Of Ed alone" not in browse("vic@acme.example").get("/").text
    assert seen(ada)["needs"] == []


def test_what_changed_today_is_told_with_who_did_it(ada: Api, browse: Browse) -> None:
    for name in ("First", "Second"):
        webhook(ada, name=name)
    [change] = seen(ada)["changes"]
    assert (change["text"], change["name"], change["more"]) == ("created the webhook", "Second", 1)
    page = re.sub(r"<[^>]+>", "", browse(ADA).get("/").text)
    assert "created the webhook Second and 1 more" in page


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.name)
def test_what_changed_today_leads_to_the_page_of_the_record(
    resource: Resource[Any, Any], ada: Api, browse: Browse
) -> None:
    made = ada.create(resource.name, **minimal(resource))
    [change] = (one for one in seen(ada)["changes"] if one["url"].endswith(made["id"]))
    assert change["url"].endswith(f"/{made['id']}")
    assert browse(ADA).get(change["url"]).status_code == 200


# ---------------------------------------------------------------- first steps


def test_first_steps_tick_themselves_and_go_away(
    app: Flask, ada: Api, browse: Browse, make: Make, receiver: Receiver
) -> None:
    def left() -> list[str]:
        return [step["title"] for step in seen(ada)["steps"] if not step["done"]]

    assert len(left()) == 5
    page = browse(ADA)
    assert "0 of 5" in page.get("/").text
    ada.create("applications", display_name="CRM")
    assert left()[0] == "Issue an API key"
    key(ada)
    connector(ada)
    made = make(receiver.hook("crm"))
    receiver.learn("crm", made["signing_secret"])
    assert left() == ["Send a first delivery"]
    assert "4 of 5" in page.get("/").text
    with delivering(app):
        publish(ada, rfp(1))
        until(lambda: left() == [])
    assert "First steps" not in page.get("/").text
