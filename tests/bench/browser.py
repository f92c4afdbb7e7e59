"""Measure the main pages in a browser: Lighthouse, and how soon they answer a person's hand."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from tests.bench.figures import Figure
from tests.bench.servers import free_port
from tests.conftest import CHROMIUM_FLAGS
from tests.machine import NODE, chromium_of_the_machine
from tests.npm_packages import installed

SOURCE = Path(__file__).parent / "lighthouse"
LIGHTHOUSE = "lighthouse/cli/index.js"
CATEGORIES = ("performance", "accessibility", "best-practices")
PAGES = {"overview": "/", "keys": "/keys", "webhooks": "/webhooks", "new key": "/keys/new"}
LEAST = 95
SOONEST_PAINT_MS = 100
COLLECT = """() => { globalThis.waits = [];
    const collect = (seen) => seen.getEntries().map((one) => globalThis.waits.push(one.duration));
    new PerformanceObserver(collect)
        .observe({ type: "event", durationThreshold: 16, buffered: true }); }"""
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))"


def measure(address: str, cookie: str, rounds: int) -> Iterator[Figure]:
    """Return the lowest Lighthouse score of each page and device, and the slowest interaction."""
    place = installed(SOURCE)
    with _signed_in(address, cookie) as port:
        for name, path in PAGES.items():
            for device in ("desktop", "mobile"):
                yield _lighthouse(place, f"{name}, {device}", address + path, port, device)
    yield from _interactions(address, cookie, rounds)


@contextmanager
def _signed_in(address: str, cookie: str) -> Iterator[int]:
    """Run a browser that has the cookie, and yield the port by which Lighthouse drives it.

    As an extra header it would be lost at the first cookie that the portal sets.
    """
    port, (name, _, value) = free_port(), cookie.partition("=")
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium_of_the_machine(),
            args=[*CHROMIUM_FLAGS, f"--remote-debugging-port={port}"],
        )
        context.add_cookies([{"name": name, "value": value, "url": address}])
        yield port
        context.close()


def _lighthouse(place: Path, name: str, url: str, port: int, device: str) -> Figure:
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.json"
        command = [
            NODE, place / "node_modules" / LIGHTHOUSE, url, "--quiet", "--output=json",
            f"--output-path={report}", f"--port={port}", "--disable-storage-reset",
            f"--only-categories={','.join(CATEGORIES)}",
            *(["--preset=desktop"] if device == "desktop" else []),
        ]  # fmt: skip
        environment = {**os.environ, "CI": "1"}
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=180)
        told = json.loads(report.read_text())
    if told["finalDisplayedUrl"].rstrip("/") != url.rstrip("/"):
        raise SystemExit(f"{url} leads to {told['finalDisplayedUrl']}")
    scores = {kind: round(100 * told["categories"][kind]["score"]) for kind in CATEGORIES}
    lost = {
        one["id"]: told["audits"][one["id"]]["title"]
        for kind in CATEGORIES
        for one in told["categories"][kind]["auditRefs"]
        if one["weight"] and (told["audits"][one["id"]]["score"] or 0) < 0.9
        and told["audits"][one["id"]]["scoreDisplayMode"] not in ("notApplicable", "manual")
    }  # fmt: skip
    return Figure(
        f"Lighthouse, the lowest of three scores: {name}",
        min(scores.values()),
        LEAST,
        "more",
        "",
        notes=", ".join(f"{kind} {score}" for kind, score in scores.items()),
        detail={"lost": lost},
    )


def _interactions(address: str, cookie: str, rounds: int) -> Iterator[Figure]:
    name, _, value = cookie.partition("=")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_of_the_machine(), args=CHROMIUM_FLAGS
        )
        context = browser.new_context()
        context.add_cookies([{"name": name, "value": value, "url": address}])
        page = context.new_page()
        slowest = [_slowest(page, address) for _ in range(rounds)]
        browser.close()
    yield Figure(
        "interaction to next paint, the slowest of a visit",
        median(slowest),
        SOONEST_PAINT_MS,
        "less",
        "ms",
        notes="palette, menu, ticks and typing on the list of keys",
        detail={"slowest_ms": slowest},
    )


def _slowest(page: Page, address: str) -> float:
    """Use the list of keys as a person does, and return the longest wait for a paint in ms."""
    page.goto(f"{address}/keys")
    page.wait_for_load_state("networkidle")
    page.evaluate(COLLECT)
    page.keyboard.press("ControlOrMeta+k")
    page.keyboard.type("key", delay=30)
    page.evaluate(PAINTED)
    page.keyboard.press("Escape")
    page.locator("tbody").get_by_role("checkbox").first.click()
    page.get_by_role("searchbox").first.click()
    page.keyboard.type("night", delay=30)
    page.wait_for_load_state("networkidle")
    page.evaluate(PAINTED)
    return float(page.evaluate("() => Math.max(0, ...globalThis.waits)"))
