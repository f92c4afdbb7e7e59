"""Test the pages that an admin uses in an incident: log, delivery, health, replay, lab."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from portal.delivery.engine import Engine
from tests.cast import ADA, ED, GUS, VIC, Api, Pages
from tests.databases import Database
from tests.delivery.test_engine import delivering, until
from tests.statements import statements
from tests.webhooks.conftest import Make, Receiver
from tests.webhooks.kit import Hands, ended

Browse = Callable[[str], Pages]
SEEN = re.compile(r'hx-get="([^"]*seen=[^"]*)"')
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def engine(app: Flask) -> Iterator[Engine]:
    with delivering(app) as engine:
        yield engine


def publish(ada: Api, *events: dict[str, Any]) -> None:
    assert ada.post("/events", list(events)).status_code == 202


def rfp(number: int, **more: Any) -> dict[str, Any]:
    return {"type": "rfp.created", "data": {"number": number}, **more}


def deliveries(ada: Api, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    return list((ada.get(f"/webhooks/{webhook['id']}/deliveries").json or {})["items"])


def key(page: str) -> dict[str, str]:
    found = re.search(r'name="idempotency_key"[^>]*value="([^"]+)"', page)
    assert found, page[:2000]
    return {"idempotency_key": found[1]}


def test_the_log_is_narrowed_by_state_webhook_time_and_found_by_id_and_subject(
    ada: Api, browse: Browse, make: Make
) -> None:
    mine, other = make("https://hooks.example/a"), make("https://hooks.example/b", name="Other")
    ada.post(f"/webhooks/{other['id']}/pause")
    publish(ada, rfp(1, subject="rfp-1"), rfp(2, subject="rfp-2"))
    newest, oldest = deliveries(ada, mine)
    pages = browse(ADA)

    def shown(query: str) -> set[str]:
        page = pages.get(f"/deliveries{query}")
        assert page.status_code == 200, page.text
        return set(re.findall(r'href="/deliveries/(dlv_\w+)"', page.text))

    both = {one["id"] for hook in (mine, other) for one in deliveries(ada, hook)}
    assert shown("") == shown("?since=1h&event_type=rfp.created") == both
    assert shown(f"?webhook_id={mine['id']}") == {newest["id"], oldest["id"]}
    assert shown("?state=held") == {one["id"] for one in deliveries(ada, other)}
    assert shown("?state=pending") == {newest["id"], oldest["id"]}
    assert shown("?state=failed") == set()
    assert shown(f"?q={newest['id']}") == {newest["id"]}
    assert len(shown("?q=rfp-2")) == 2
    assert shown("?q=nobody") == set()
    assert len(shown("?limit=3")) == 3
    assert pages.get("/deliveries?since=never").status_code == 400
    assert "Nothing matches" in pages.get("/deliveries?state=failed").text
    own = pages.get(f"/webhooks/{other['id']}/deliveries").text
    assert own.count("held") >= 2


def test_the_log_says_what_is_new_and_moves_no_row(ada: Api, browse: Browse, make: Make) -> None:
    make("https://hooks.example/a")
    publish(ada, rfp(1))
    pages = browse(ADA)
    page = pages.get("/deliveries")
    live = SEEN.search(page.text)
    assert live, page.text
    path, tag = live[1].replace("&amp;", "&"), page.headers["HX-PTag"]
    asked = {**PARTIAL, "HX-PTag": tag}
    assert pages.get(path, headers=asked).status_code == 304
    publish(ada, rfp(2), rfp(3))
    news = pages.get(path, headers=asked)
    assert news.status_code == 200
    assert "2 new deliveries" in news.text
    assert len(re.findall(r'href="/deliveries/dlv_', news.text)) == 1
    assert "<title>" not in news.text


@pytest.mark.parametrize("ordered", [False, True])
def test_a_page_notices_that_the_next_attempt_is_made_now(
    database: Database, ada: Api, browse: Browse, make: Make, ordered: bool
) -> None:
    webhook = make("https://hooks.example/a", ordered=ordered)
    publish(ada, rfp(1))
    with Hands(database) as hands:
        [taken] = hands.take(webhook["id"])
        hands.complete(ended(taken, good=False))
    pages, path = browse(ADA), f"/deliveries/{taken.id}"
    log = pages.get("/deliveries")
    seen = SEEN.search(log.text)[1].replace("&amp;", "&")
    shown = {path: pages.get(path), seen: log}
    assert ada.post(f"{path}/attempts").status_code == 202
    for url, page in shown.items():
        again = pages.get(url, headers={**PARTIAL, "HX-PTag": page.headers["HX-PTag"]})
        assert again.status_code == 200, url


def test_a_delivery_tells_every_attempt_its_reason_and_what_comes_next(
    engine: Engine, ada: Api, browse: Browse, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm", "?status=500"))
    publish(ada, rfp(1, subject="rfp-1"))
    [one] = until(lambda: [d for d in deliveries(ada, webhook) if d["state"] == "retrying"])
    pages, path = browse(ADA), f"/deliveries/{one['id']}"
    page = pages.get(path)
    assert "The receiver answered 500." in page.text
    assert "look into its log" in page.text
    assert "Next attempt" in page.text
    assert "curl -i" in pages.get(f"{path}?tab=request").text
    assert "webhook-signature" in pages.get(f"{path}?tab=signature").text
    assert "Wait for the answer" in pages.get(f"{path}?tab=timing").text
    again = pages.get(path, headers={**PARTIAL, "HX-PTag": page.headers["HX-PTag"]})
    assert again.status_code == 304
    sent = pages.post(f"{path}/redeliveries")
    assert sent.status_code == 303
    assert "Sent again by hand" in pages.get(sent.location).text


def test_the_id_of_any_attempt_leads_to_where_it_is(
    ada: Api, browse: Browse, make: Make, receiver: Receiver, engine: Engine
) -> None:
    webhook = make(receiver.hook("crm"))
    fired = ada.post(f"/webhooks/{webhook['id']}/test-deliveries", {"event_type": "rfp.created"})
    publish(ada, rfp(1))
    until(lambda: [one["state"] for one in deliveries(ada, webhook)] == ["delivered"])
    [delivery] = deliveries(ada, webhook)
    whole = ada.get(f"/deliveries/{delivery['id']}").json or {}
    test, pages = (fired.json or {})["id"], browse(ADA)
    for wanted, place in (
        (test, f"/webhooks/{webhook['id']}/attempts/{test}"),
        (whole["attempt_list"][0]["id"], f"/deliveries/{delivery['id']}?attempt=1"),
        (delivery["id"], f"/deliveries/{delivery['id']}"),
    ):
        answer = pages.get(f"/search?q={wanted}", follow_redirects=True)
        assert answer.status_code == 200
        assert f"{answer.request.full_path}".rstrip("?") == place
    assert browse(GUS).get(f"/deliveries/{test}").status_code == 404


def test_what_readers_may_not_see_is_not_on_the_page(
    engine: Engine, ada: Api, browse: Browse, make: Make, receiver: Receiver
) -> None:
    settings = {"retention_days": 30, "redacted_fields": ["number"]}
    assert ada.call("PUT", "/event-settings", json=settings).status_code == 200
    webhook = make(receiver.hook("crm"))
    publish(ada, rfp(987654))
    [one] = until(lambda: [d for d in deliveries(ada, webhook) if d["state"] == "delivered"])
    vic = browse(VIC)
    for tab in ("response", "request", "signature", "timing"):
        assert "987654" not in vic.get(f"/deliveries/{one['id']}?tab={tab}").text, tab
    event = vic.get(f"/events/{one['event_id']}").text
    assert "987654" not in event
    assert "987654" in browse(ADA).get(f"/events/{one['event_id']}").text


def test_pause_by_hand_and_resume_with_a_choice(ada: Api, browse: Browse, make: Make) -> None:
    webhook = make("https://hooks.example/a")
    pages, path = browse(ADA), f"/webhooks/{webhook['id']}"
    assert pages.post(f"{path}/pause").status_code == 303
    publish(ada, rfp(1, subject="a"), rfp(2, subject="a"), rfp(3, subject="b"))
    health = pages.get(f"{path}/health").text
    assert "Paused by hand" in health
    assert "3 deliveries" in health
    assert "3 deliveries are held." in pages.get(path).text
    overview = pages.get("/").text
    assert "Paused by hand since" in overview
    assert "3 deliveries are held." in overview
    form = pages.get(f"{path}/resume").text
    assert "3 held" in form
    assert "2 deliveries" in form
    wrong = pages.post(f"{path}/resume", {**key(form), "choice": "some"})
    assert wrong.status_code == 422
    done = pages.post(f"{path}/resume", {**key(form), "choice": "newest_per_subject"})
    assert done.status_code == 303
    assert sorted(d["state"] for d in deliveries(ada, webhook)) == [
        "cancelled",
        "pending",
        "pending",
    ]
    assert "not paused" in pages.get(f"{path}/resume").text
    assert "3" in pages.get("/").text


def test_a_replay_is_counted_begun_watched_and_cancelled(
    ada: Api, browse: Browse, make: Make
) -> None:
    webhook = make("https://hooks.example/a")
    publish(ada, rfp(1), rfp(2))
    pages, path = browse(ADA), f"/webhooks/{webhook['id']}/replays"
    window = {"what": "all", "since": "2020-01-01T00:00", "until": "2040-01-01T00:00"}
    form = {**key(pages.get(path).text), **window}
    counted = pages.post(path, form)
    assert "2 events" in counted.text
    assert "Replay 2 events" in counted.text
    begun = pages.post(path, {**form, "sure": "1", "rate": "5"})
    assert begun.status_code == 303, begun.text
    twice = pages.post(path, {**form, "sure": "1", "rate": "5"})
    assert twice.location == begun.location, "a form does its work once"
    assert "0 of 2 have ended" in pages.get(begun.location).text
    assert pages.post(f"{begun.location}/cancellations").status_code == 303
    assert "2 of 2 have ended" in pages.get(begun.location).text
    assert begun.location in pages.get(path).text
    nothing = pages.post(path, {**form, "what": "missing"})
    assert "No event" in nothing.text
    assert pages.post(path, {**form, "since": "soon"}).status_code == 422


def test_a_replay_of_a_paused_webhook_is_held_and_says_why(
    ada: Api, browse: Browse, make: Make
) -> None:
    webhook = make("https://hooks.example/a")
    publish(ada, rfp(1), rfp(2))
    pages, path = browse(ADA), f"/webhooks/{webhook['id']}"
    asked = {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "what": "all"}
    replay = ada.post(f"{path}/replays", asked).json
    assert replay["counts"] == {"pending": 2}
    ada.post(f"{path}/pause")
    assert ada.get(f"/replays/{replay['id']}").json["counts"] == {"held": 2}
    page = pages.get(f"{path}/replays/{replay['id']}").text
    assert "Somebody paused the webhook; it waits until it is resumed." in page
    assert "on its way" not in page
    assert f"replay_id={replay['id']}&amp;state=held" in page
    ada.delete(path)
    assert ada.get(f"/replays/{replay['id']}").json["counts"] == {"held": 2}
    deleted = pages.get(f"{path}/replays/{replay['id']}").text
    assert "The webhook is deleted; it waits until the webhook is restored." in deleted


def test_a_link_to_a_replay_names_its_period_with_any_offset(browse: Browse, make: Make) -> None:
    pages, path = browse(ADA), f"/webhooks/{make('https://hooks.example/a')['id']}/replays"
    linked = pages.get(f"{path}?from=2026-01-31T11:00:00%2B02:00").text
    assert 'value="2026-01-31T09:00"' in linked
    assert pages.get(f"{path}?from=0001-01-01T00:00:00%2B14:00").status_code == 200


def test_settings_are_tried_before_they_are_saved(ada: Api, browse: Browse, make: Make) -> None:
    webhook = make("https://hooks.example/a")
    publish(ada, *(rfp(number) for number in range(4)))
    trial = f"/webhooks/trials?record_id={webhook['id']}"
    asked = {"event_types": "rfp.*", "filter": '{"number": [1, 2]}', "name": "of no matter"}
    found = browse(ADA).post(trial, asked, headers=PARTIAL)
    assert found.status_code == 200, found.text
    assert "2 of the last 4" in found.text
    assert "0 new, 2 lost" in found.text
    wrong = browse(ADA).post(trial, {**asked, "filter": "{"}, headers=PARTIAL)
    assert "would have" not in wrong.text.lower()


def test_a_filter_a_rate_and_an_order_are_set_on_the_form(
    ada: Api, browse: Browse, make: Make
) -> None:
    webhook = make("https://hooks.example/a")
    pages, path = browse(ADA), f"/webhooks/{webhook['id']}"
    form = pages.get(f"{path}/edit").text
    version = re.search(r'name="version"[^>]*value="(\d+)"', form)
    fields = {
        "name": "CRM", "url": "https://hooks.example/a", "event_types": "rfp.*", "enabled": "y",
        "filter": '{"region": "eu"}', "rate_limit": "20", "ordered": "y", "max_attempts": "5",
        "backoff": "linear", "timeout_ms": "15000", "version": version[1] if version else "",
    }  # fmt: skip
    assert pages.post(f"{path}/edit", {**key(form), **fields}).status_code == 303
    saved = ada.get(path).json or {}
    assert (saved["filter"], saved["rate_limit"]) == ({"region": ["eu"]}, 20)
    assert saved["ordered"] is True


def test_the_lab_offers_an_example_made_from_the_schema_and_rehearses_a_failure(
    ada: Api, browse: Browse, make: Make
) -> None:
    schema = {
        "type": "object",
        "properties": {
            "price": {"type": "number", "minimum": 7},
            "state": {"enum": ["won", "lost"]},
            "buyer": {"$ref": "#/$defs/buyer"},
        },
        "$defs": {"buyer": {"type": "object", "properties": {"mail": {"format": "email",
            "type": "string"}}}},
    }  # fmt: skip
    ada.create("event-types", name="rfp.won", json_schema=schema)
    webhook = make("https://hooks.example/a", retry_policy={"maxAttempts": 3, "backoff": "fixed"})
    path = f"/webhooks/{webhook['id']}/lab"
    page = browse(ADA).get(f"{path}?type=rfp.won&fault=500").text
    for part in ("&#34;price&#34;: 7", "&#34;state&#34;: &#34;won&#34;", "ada@example.com"):
        assert part in page, part
    assert page.count("again in 5 min") == 2
    assert "given up: failed" in page
    healed = browse(ADA).get(f"{path}?fault=timeout&heals=1").text
    assert "Delivered with attempt 2." in healed
    assert "paused at once" not in healed
    assert "stays paused" in browse(ADA).get(f"{path}?fault=410").text
    assert "Send test" not in browse(VIC).get(path).text


def test_a_viewer_sees_no_button_and_a_stranger_no_page(
    ada: Api, browse: Browse, make: Make
) -> None:
    webhook = make("https://hooks.example/a")
    publish(ada, rfp(1))
    [one] = deliveries(ada, webhook)
    path = f"/webhooks/{webhook['id']}"
    vic, gus = browse(VIC), browse(GUS)
    assert "Send again" not in vic.get(f"/deliveries/{one['id']}").text
    assert "Pause webhook" not in vic.get(f"{path}/health").text
    assert "See how many" not in vic.get(f"{path}/replays").text
    assert vic.get(f"{path}/resume").status_code == 403
    assert "Publish event" not in vic.get("/events").text
    assert vic.get("/events/new").status_code == 403
    assert browse(ED).get("/events/new").status_code == 200
    for page in (f"/deliveries/{one['id']}", f"{path}/health", f"{path}/lab"):
        assert gus.get(page).status_code == 404, page
    assert one["id"] not in gus.get("/deliveries").text


def test_no_question_of_the_log_costs_more_than_six_statements(
    ada: Api, browse: Browse, make: Make
) -> None:
    webhook = make("https://hooks.example/a")
    publish(ada, *(rfp(number, subject="rfp-1") for number in range(5)))
    [one, *_] = deliveries(ada, webhook)
    pages = browse(ADA)
    narrow = f"webhook_id={webhook['id']}&since=24h&event_type=rfp.created"
    for path in (
        f"/deliveries?q=rfp-1&state=pending&{narrow}",
        f"/deliveries?state=held&{narrow}&seen={one['id']}",
        f"/deliveries?state=pending&{narrow}",
        "/deliveries?state=delivered,failed&event_type_contains=rfp",
        f"/deliveries?either=webhook_id,event_type&{narrow}&subject_empty=false",
        f"/webhooks/{webhook['id']}/deliveries?q=rfp-1&since=7d",
        "/events?q=rfp-1&since=24h&limit=2",
    ):
        with statements() as sent:
            assert pages.get(path).status_code == 200
        assert len(sent) <= 6, (path, sent)
