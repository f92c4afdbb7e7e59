"""Pages of applications: what a form accepts."""

import re
from collections.abc import Callable

from tests.cast import ADA, Api, Pages


def test_a_line_break_counts_once_as_the_browser_counts_it(
    ada: Api, browse: Callable[..., Pages]
) -> None:
    """Send two characters for a line break, as a browser does. Its own limit counts one."""
    lines = ["x"] * 1_500
    pages = browse(ADA)
    key = re.search(
        r'name="idempotency_key"[^>]*value="([^"]+)"', pages.get("/applications/new").text
    )
    assert key is not None
    form = {"display_name": "CRM", "kind": "app", "idempotency_key": key[1]}
    answer = pages.post("/applications/new", {**form, "description": "\r\n".join(lines)})
    assert answer.status_code == 303, answer.text
    [made] = (ada.get("/applications").json or {})["items"]
    assert made["description"] == "\n".join(lines)
