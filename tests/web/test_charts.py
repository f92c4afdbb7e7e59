"""Test the charts of keys, webhooks and connectors: ranges, bars as links, values by keyboard."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.cast import ADA, Api, Pages
from tests.databases import Database
from tests.web.conftest import Opens

Browse = Callable[..., Pages]
HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def use(database: Database, key: dict[str, Any], at: datetime, calls: int, denied: int = 0) -> None:
    """Write what verification counts of a key's use in an hour."""
    for aspect, what, number in (("call", "", calls), ("denial", "RATE_LIMITED", denied)):
        if number:
            database.sql(
                "INSERT INTO key_use (tenant_id, key_id, hour, aspect, what, calls, last_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING 1",
                key["tenant_id"], key["id"], at, aspect, what, number, at,
            )  # fmt: skip


@pytest.fixture
def key(ada: Api) -> dict[str, Any]:
    return ada.create("api-keys", name="Nightly export", scopes=["applications:read"])


def bars(html: str) -> list[str]:
    """Return the name of each bar of the first chart."""
    svg = re.search(r'<svg class="bars.*?</svg>', html, re.S)
    assert svg
    return [unescape(one) for one in re.findall(r'data-point[^>]* aria-label="([^"]+)"', svg[0])]


@pytest.mark.parametrize(("asked", "number"), [("24h", 24), ("7d", 28), ("30d", 30), ("no", 28)])
def test_the_range_of_a_chart_is_in_the_address(
    browse: Browse, database: Database, key: dict[str, Any], asked: str, number: int
) -> None:
    use(database, key, now(), 7)
    use(database, key, now() - 3 * 24 * HOUR, 5)
    shown = browse(ADA).get(f"/keys/{key['id']}?range={asked}").text
    assert len(bars(shown)) == number
    assert f"<strong>{7 if asked == '24h' else 12}</strong>" in shown
    chosen = asked if asked != "no" else "7d"
    assert f'range={chosen}" aria-current="true"' in shown


def test_a_bar_with_refused_calls_leads_to_those_of_its_time_only(
    browse: Browse, database: Database, key: dict[str, Any]
) -> None:
    began = now() - 5 * HOUR
    use(database, key, began, 3, denied=2)
    use(database, key, now(), 4)
    for at, request in ((began, "inside"), (began - HOUR, "before"), (began + HOUR, "after")):
        database.sql(
            "INSERT INTO key_denial (tenant_id, key_id, request_id, code, denied_at, trace)"
            " VALUES (%s, %s, %s, 'RATE_LIMITED', %s, '[]') RETURNING 1",
            key["tenant_id"], key["id"], request, at,
        )  # fmt: skip
    shown = browse(ADA).get(f"/keys/{key['id']}?range=24h").text
    links = re.findall(r'<a href="([^"]+)" data-point', shown)
    assert len(links) == 1, "a bar without refused calls has no list"
    found = browse(ADA).get(unescape(links[0])).text
    assert "inside" in found
    assert "before</code>" not in found
    assert "after</code>" not in found


def test_the_arrow_keys_go_from_bar_to_bar_and_read_out_the_values(
    opens: Opens, database: Database, key: dict[str, Any]
) -> None:
    use(database, key, now(), 7)
    use(database, key, now() - HOUR, 5, denied=1)
    reader = opens(ADA)
    page = reader.open(f"/keys/{key['id']}?range=24h")
    points, line = page.locator("[data-point]"), page.locator("[data-readout]")
    expect(line).to_contain_text("7 let through, 0 refused")
    points.last.focus()
    page.keyboard.press("ArrowLeft")
    expect(line).to_contain_text("5 let through, 1 refused")
    page.keyboard.press("Home")
    expect(points.first).to_be_focused()
    expect(line).to_contain_text("0 let through")
    assert page.locator('[data-point][tabindex="0"]').count() == 1
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_url("**/keys/explain?*")
    assert reader.complaints == []


def test_a_chart_is_read_without_scripts(
    opens: Opens, database: Database, key: dict[str, Any]
) -> None:
    use(database, key, now() - HOUR, 5, denied=1)
    page = opens(ADA, java_script_enabled=False).open(f"/keys/{key['id']}?range=24h")
    page.get_by_text("Numbers as a table").click()
    page.locator(".numbers th a").click()
    page.wait_for_url("**/keys/explain?*")
    expect(page.locator(".span-filter")).to_contain_text("up to")


def test_a_bar_of_a_webhook_leads_to_its_attempts(
    ada: Api, browse: Browse, database: Database
) -> None:
    webhook = ada.create("webhooks", url="https://example.com/in", event_types=["rfp.*"])
    for hours, outcome in ((2, "delivered"), (2, "http_error"), (50, "delivered")):
        attempt(database, webhook, now() - hours * HOUR, outcome)
    pages = browse(ADA)
    shown = pages.get(f"/webhooks/{webhook['id']}/health").text
    assert sum("1 delivered, 1 failed" in one for one in bars(shown)) == 1
    link = re.search(r'<a href="([^"]+)" data-point', shown)
    assert link
    listed = pages.get(unescape(link[1])).text
    assert listed.count('<th scope="row" data-label="Event">') == 2
    assert "All times" in listed
    assert sum("1 delivered" in one for one in bars(month(pages, webhook["id"]))) == 2


def month(pages: Pages, webhook_id: str) -> str:
    return pages.get(f"/webhooks/{webhook_id}/health?range=30d").text


def attempt(database: Database, webhook: dict[str, Any], at: datetime, outcome: str) -> None:
    database.sql(
        "INSERT INTO delivery_attempt (tenant_id, id, webhook_id, event_type, created_at,"
        " actor_id, actor_name, url, request_headers, request_body, signed_with, outcome,"
        " delivery_id, timings)"
        " VALUES (%s, ulid_floor('att', %s) || %s, %s, 'rfp.created', %s, 'system', 'Engine',"
        " 'https://example.com/in', '[]', '{}', '', %s, 'dlv_1', '{\"total_ms\": 12}') RETURNING 1",
        webhook["tenant_id"], at, f"0000000000{outcome[:6].upper():0>6}".replace("_", "0"),
        webhook["id"], at, outcome,
    )  # fmt: skip


def test_a_timeline_can_be_narrowed_to_the_time_of_a_bar(ada: Api, browse: Browse) -> None:
    record = ada.create("connectors", name="Orders", provider="http")
    pages, today = browse(ADA), datetime.now(UTC).date()
    place = f"/connectors/{record['id']}/timeline"
    inside = pages.get(f"{place}?since={today}&until={today + timedelta(days=2)}").text
    assert "created the connector" in inside
    before = pages.get(f"{place}?since={today - timedelta(days=9)}&until={today - 2 * 24 * HOUR}")
    assert "Nothing has happened" in before.text
    assert pages.get(f"{place}?since=0001-01-01&until=0001-01-02").status_code == 400


def test_bars_keep_their_meaning_in_forced_colours(
    opens: Opens, database: Database, key: dict[str, Any]
) -> None:
    use(database, key, now(), 5, denied=2)
    page = opens(ADA, forced_colors="active").open(f"/keys/{key['id']}?range=24h")
    bad, good = (
        page.locator('svg.bars [data-tone="bad"]'),
        page.locator('svg.bars [data-tone="ok"]'),
    )
    fill = "one => getComputedStyle(one).fill"
    assert "hatching" in bad.first.evaluate(fill)
    assert "hatching" not in good.first.evaluate(fill)
    marks = [one.evaluate(MARK) for one in page.locator("#use .legend li").all()[:2]]
    assert len(set(marks)) == 2
    assert all(mark != "none" for mark in marks)


MARK = """one => {
  const { backgroundImage, backgroundColor } = getComputedStyle(one, '::before');
  return backgroundImage === 'none' ? backgroundColor : backgroundImage;
}"""
