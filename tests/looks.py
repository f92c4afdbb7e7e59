"""Look at a page as axe does, and measure whether it is wider than its window."""

from typing import TYPE_CHECKING

from tests import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = (ROOT / "tests/vendor/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """rules => axe.run(document, {
    runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})"""
ZOOMED = 320  # pixels that a page of 1280 has at 400 % (WCAG 1.4.10)
SPILL = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

SETTLED = f"""() => new Promise(done => {{
    const until = performance.now() + 2000;
    const look = () => {{
        const spill = {SPILL};
        if (spill <= 0 || performance.now() > until) done(spill); else requestAnimationFrame(look);
    }};
    look();
}})"""  # a page that was resized settles within some frames


def faults(page: "Page") -> dict[str, list[str]]:
    """Return each rule of axe that the page breaks, with its first elements; and how many pixels
    the page is wider than its window."""
    page.evaluate(AXE)
    found = {}
    for violation in page.evaluate(RUN_AXE, RULES)["violations"]:
        nodes = [f"{n['html'][:120]} {n['failureSummary'][:200]}" for n in violation["nodes"]]
        found[violation["id"]] = nodes[:3]
    if (spill := page.evaluate(SPILL)) > 0:
        found["wider than its window"] = [f"{spill} px"]
    if size := page.viewport_size:
        page.set_viewport_size({**size, "width": ZOOMED})
        if (spill := page.evaluate(SETTLED)) > 0:
            found["wider than its window at 400 %"] = [f"{spill} px"]
        page.set_viewport_size(size)
    return found
