"""Every operation has an example in the document, and the portal answers it so.

RECORD_EXAMPLES=1 writes them anew; then run `make document`.
"""

import asyncio
import json
import os
from collections.abc import Callable

import pytest
from flask import Flask, Response, request

from portal.connections import engine as connections
from portal.features import OPERATIONS
from portal.keys.tokens import described
from portal.leases import engine as leases
from portal.rest.document.examples import FILE
from tests.cast import ADA, ED, Api, Pages
from tests.delivery.test_engine import delivering, until
from tests.identity.serving import served
from tests.rest.examples.links import pages_of
from tests.rest.examples.story import Recorder, tell

STANDARDS = {one["operationId"] for item in described.PATHS.values() for one in item.values()}
NEEDED = {"integration.search.find": {"q": "CRM"}}
AGAIN = "RECORD_EXAMPLES=1 make test ARGS=tests/rest/examples, then make document"
# Most keys were never rotated, and have none.
NOT_OF_ALL = "→ integration.apiKeys.getRotation"


def receiver() -> Flask:
    """Return a receiver that is busy when the first event comes, and takes all others. It answers
    GET to those who sign in."""
    app, answers = Flask("receiver"), iter([Response("busy\n", 503)])

    def answer() -> Response:
        taken = Response("ok\n")
        if request.method == "POST":
            return next(answers, taken)
        return taken if "Authorization" in request.headers else Response("who?\n", 401)

    app.add_url_rule("/", view_func=answer, methods=["GET", "POST"])
    return app


@pytest.fixture
def told(app: Flask, ada: Api, browse: Callable[..., Pages]) -> Recorder:
    for person in (ADA, ADA, ED):
        browse(person)
    record = Recorder(ada)

    def work() -> None:
        asyncio.run(connections.Engine(app).run_due())
        asyncio.run(leases.Engine(app).run_due())

    def deliver(id: str) -> None:
        with delivering(app):
            until(lambda: (ada.get(f"/deliveries/{id}").json or {})["state"] == "retrying")

    with served(lambda _: receiver()) as address:
        tell(record, ada, address, work, deliver)
    return record


def test_operations_answer_as_their_examples_say_and_their_links_lead_on(
    told: Recorder,
) -> None:
    text = json.dumps(told.recorded, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("RECORD_EXAMPLES"):
        FILE.write_text(text)
    recorded = json.loads(FILE.read_text())
    for name, example in told.recorded.items():
        assert json.loads(json.dumps(example)) == recorded.get(name), f"{name}: {AGAIN}"
    called = {operation.id for operation in OPERATIONS} | STANDARDS
    assert called == told.recorded.keys()
    broken = {
        link: status
        for link, status in told.followed.items()
        if status != 200 and not link.endswith(NOT_OF_ALL)
    }
    assert broken == {}
    assert len(told.followed) >= 60, "links were followed"
    lists_go_on(told)


def lists_go_on(told: Recorder) -> None:
    """Fail if a list that pages does not link to its next page, or another list does."""
    lists = [operation for operation in OPERATIONS if operation.is_list]
    paged = [operation.id for operation in lists if "cursor" in operation.query]
    found = {name: pages_of(told.ada, told.lists[name]) for name in paged}
    assert [name for name, pages in found.items() if pages < 2] == [], "too short to have a link"
    for operation in lists:
        if operation.id not in paged:
            answer = told.ada.get(told.lists[operation.id], query_string=NEEDED.get(operation.id))
            assert (answer.json or {})["next_cursor"] is None
            assert "Link" not in answer.headers, operation.id
