"""Test which responses are compressed, and that none with a secret is."""

import gzip
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask, Response, template_rendered
from werkzeug.test import TestResponse

from portal.core import compression
from portal.core.compression import codings
from portal.core.key_shape import SHAPE
from portal.features import FEATURES
from tests import ROOT
from tests.cast import ADA, Api, Pages

ZIPPED = {"Accept-Encoding": "gzip"}
NOT_PLAIN = {"Accept-Encoding": "gzip, identity;q=0"}  # compresses even a small response
SECRET = re.compile(rf"{SHAPE.pattern}|whsec_[\w+/=-]{{20,}}|/keys/link#[\w-]{{43}}|data-secret")


def plain(answer: TestResponse) -> bytes:
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    return gzip.decompress(answer.data)


@pytest.mark.parametrize(
    ("header", "zipped", "plain_too"),
    [
        (None, False, True),
        ("", False, True),
        ("gzip", True, True),
        ("GZIP", True, True),
        ("x-gzip", True, True),
        ("gzip, deflate, br, zstd", True, True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True, True),
        ("gzip;q=0.001", True, True),
        ("gzip;q=0", False, True),
        ("gzip;q=0.000, *", False, True),
        ("deflate, br", False, True),
        ("*", True, True),
        ("*;q=0", False, False),
        ("*;q=0, gzip", True, False),
        ("identity;q=0, gzip;q=0.5", True, False),
        ("identity;q=0", False, False),
        ("identity, *;q=0", False, True),
        ("identity;q=1, gzip;q=0.5", False, True),
        ("identity;q=0.5, gzip;q=0.5", True, True),
        ("gzip;q=2", False, True),  # an invalid quality is ignored
        ("gzip;;q=1, ,", True, True),
        ("gzip, " * 100 + "gzip", False, True),  # no real client sends that
    ],
)
def test_what_a_client_takes(header: str | None, zipped: bool, plain_too: bool) -> None:
    assert codings(header) == compression.Codings(gzip=zipped, plain=plain_too)


# --- lists and pages --------------------------------------------------------------------------


@pytest.fixture
def many(ada: Api) -> None:
    """Create enough records for a list that is worth compressing."""
    for number in range(5):
        ada.create("applications", display_name=f"CRM {number}")


def test_a_list_is_compressed_for_who_takes_it(ada: Api, many: None) -> None:
    as_it_is = ada.get("/applications")
    zipped = ada.get("/applications", headers=ZIPPED)
    assert "Content-Encoding" not in as_it_is.headers
    assert plain(zipped) == as_it_is.data
    assert len(zipped.data) < len(as_it_is.data) / 2
    for answer in (as_it_is, zipped):
        assert answer.headers["Vary"] == "Accept-Encoding"


def test_a_page_is_compressed_and_keeps_what_it_varies_by(
    browse: Callable[..., Pages], many: None
) -> None:
    answer = browse(ADA).get("/applications", headers=ZIPPED)
    assert b"CRM 4" in plain(answer)
    varies = {name.strip() for name in answer.headers["Vary"].split(",")}
    assert {"Accept-Encoding", "HX-Request", "HX-Request-Type"} <= varies


def test_head_says_what_get_would(ada: Api, many: None) -> None:
    got = ada.get("/applications", headers=ZIPPED)
    head = ada.call("HEAD", "/applications", headers=ZIPPED)
    assert head.data == b""
    for name in ("Content-Length", "Content-Encoding", "Content-Type", "Vary"):
        assert head.headers[name] == got.headers[name]


def test_few_bytes_stay_as_they_are_unless_that_is_refused(ada: Api) -> None:
    assert "Content-Encoding" not in ada.get("/applications", headers=ZIPPED).headers
    refused = ada.get("/applications", headers=NOT_PLAIN)
    assert plain(refused) == ada.get("/applications").data


def test_an_error_is_compressed_like_any_page(browse: Callable[..., Pages]) -> None:
    answer = browse(ADA).get("/nothing", headers=ZIPPED)
    assert answer.status_code == 404
    assert b"</html>" in plain(answer)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_that_another_site_asked_for_is_not_compressed(
    browse: Callable[..., Pages], many: None, site: str
) -> None:
    ada = browse(ADA)
    theirs = ada.get("/applications?q=CRM", headers=ZIPPED | {"Sec-Fetch-Site": site})
    assert theirs.status_code == 200
    assert "Content-Encoding" not in theirs.headers
    for own in ("same-origin", "none"):
        plain(ada.get("/applications?q=CRM", headers=ZIPPED | {"Sec-Fetch-Site": own}))


# --- tags -------------------------------------------------------------------------------------


@pytest.fixture
def wide(ada: Api) -> str:
    """Return the path of a record whose document is worth compressing."""
    fields = {f"field_{number}": {"type": "string"} for number in range(80)}
    made = ada.create("event-types", name="rfp.created", json_schema={"properties": fields})
    return f"/event-types/{made['id']}"


def test_what_is_compressed_has_a_tag_of_its_own_that_a_change_takes(ada: Api, wide: str) -> None:
    zipped = ada.get(wide, headers=ZIPPED)
    plain(zipped)
    assert zipped.headers["ETag"] == '"1-gzip"'
    assert ada.get(wide).headers["ETag"] == '"1"'
    stale = {"If-Match": '"2-gzip"'}
    assert ada.patch(wide, {"description": "A"}, headers=stale).status_code == 412
    weak = {"If-Match": 'W/"1-gzip"'}  # RFC 9110, 13.1.1: weak tags never match here
    assert ada.patch(wide, {"description": "A"}, headers=weak).status_code == 412
    current = {"If-Match": zipped.headers["ETag"]}
    assert ada.patch(wide, {"description": "A"}, headers=current).status_code == 200
    assert ada.patch(wide, {"description": "B"}, headers=current).status_code == 412
    assert ada.patch(wide, {"description": "B"}, headers={"If-Match": '"2"'}).status_code == 200


@pytest.mark.parametrize("accepted", [{}, ZIPPED])
def test_a_record_that_somebody_has_is_not_sent_again(
    ada: Api, wide: str, accepted: dict[str, str]
) -> None:
    tag = ada.get(wide, headers=accepted).headers["ETag"]
    for known in (tag, f'"7", W/{tag}', "*"):
        same = ada.get(wide, headers=accepted | {"If-None-Match": known})
        assert (same.status_code, same.data) == (304, b""), known
        assert same.headers["ETag"] == tag
        assert same.headers["Vary"] == "Accept-Encoding"
        assert "Content-Encoding" not in same.headers
    ada.patch(wide, {"description": "A"})
    assert ada.get(wide, headers=accepted | {"If-None-Match": tag}).status_code == 200


# --- what is left alone -----------------------------------------------------------------------

TEXT = "All that is said here is said again. " * 100


@pytest.fixture
def others() -> Flask:
    """Return an application with responses that other code has already prepared."""
    app = Flask("others")
    compression.init_app(app)

    @app.get("/stream")
    def stream() -> Response:
        return Response((TEXT for _ in range(3)), mimetype="text/plain")

    @app.get("/events")
    def events() -> Response:
        return Response(TEXT, mimetype="text/event-stream")

    @app.get("/ready")
    def ready() -> Response:
        return Response(b"\x0b", mimetype="text/plain", headers={"Content-Encoding": "br"})

    @app.get("/picture")
    def picture() -> Response:
        return Response(TEXT, mimetype="image/png")

    @app.get("/part")
    def part() -> Response:
        return Response(TEXT, 206, mimetype="text/plain")

    @app.get("/weak")
    def weak() -> Response:
        return Response(TEXT, mimetype="text/plain", headers={"ETag": 'W/"1"'})

    return app


@pytest.mark.parametrize("path", ["/stream", "/events", "/ready", "/picture", "/part"])
def test_what_is_no_text_or_not_whole_is_left_alone(others: Flask, path: str) -> None:
    given = others.test_client().get(path)
    asked = others.test_client().get(path, headers=ZIPPED)
    assert asked.data == given.data
    assert asked.headers == given.headers


def test_a_weak_tag_stays_what_it_is(others: Flask) -> None:
    answer = others.test_client().get("/weak", headers=ZIPPED)
    assert plain(answer) == TEXT.encode()
    assert answer.headers["ETag"] == 'W/"1"'


# --- secrets ----------------------------------------------------------------------------------


@contextmanager
def drawn(app: Flask) -> Iterator[set[str]]:
    """Record the names of the templates that are drawn within the block."""
    names: set[str] = set()

    def note(sender: Any, template: Any, **_: Any) -> None:
        names.add(template.name)

    with template_rendered.connected_to(note, app):
        yield names


def form_of(page: Pages, path: str) -> dict[str, str]:
    """Return the hidden fields of the first form that creates something."""
    text = page.get(path).text
    return {
        name: found[1]
        for name in ("idempotency_key", "form_secret")
        if (found := re.search(rf'name="{name}"[^>]*value="([^"]+)"', text))
    }


def answers_of_rest(ada: Api) -> dict[str, TestResponse]:
    """Return the response of each operation that shows a secret, by the operation's id."""
    key = ada.create("api-keys", scopes=["applications:read"])["id"]
    webhook = ada.create("webhooks", url="https://hooks.example/in")["id"]
    return {
        operation: ada.post(path, {}, headers=NOT_PLAIN)
        for operation, path in (
            ("integration.apiKeys.create", "/api-keys"),
            ("integration.apiKeys.rotate", f"/api-keys/{key}/rotations"),
            ("integration.apiKeys.createChild", f"/api-keys/{key}/children"),
            ("integration.webhooks.create", "/webhooks"),
            ("integration.webhooks.rotateSecret", f"/webhooks/{webhook}/secret-rotations"),
        )
    }


def answers_of_pages(app: Flask, ada: Api, page: Pages) -> Iterator[TestResponse]:
    """Yield the response of each page that shows a secret."""

    def press(path: str, form: str, **typed: str) -> TestResponse:
        return page.post(path, {**form_of(page, form), **typed}, headers=NOT_PLAIN)

    typed = {"kind": "service", "lifetime": "90", "name": "Nightly"}
    asked = form_of(page, "/keys/new") | typed
    yield page.post("/keys/new", asked, headers=NOT_PLAIN)
    yield page.post("/keys/new", asked, headers=NOT_PLAIN)  # the response was lost
    key = ada.create("api-keys")["id"]
    yield press(f"/keys/{key}/rotate", f"/keys/{key}/rotate", overlap="24h")
    linked = press("/keys/new", "/keys/new", **typed, delivery="link")
    yield linked
    link = re.search(r"/keys/link#([\w-]{43})", linked.text)
    assert link
    yield page.post("/keys/link", {"secret": link[1]}, headers=NOT_PLAIN)
    yield press("/webhooks/new", "/webhooks/new", name="Orders", url="https://hooks.example/in")
    new = "/webhooks/inbound/new"
    yield press(new, new, name="Pushes", inbound_scheme="github", enabled="y")
    for made in (ada.get("/webhooks").json or {})["items"]:
        webhook = f"/webhooks/{made['id']}"
        yield press(f"{webhook}/secret-rotations", webhook)
    explorer = "/explorer/integration.webhooks.create"
    part = {"HX-Request": "true", "HX-Request-Type": "partial"}
    yield page.post(explorer, {"body.name": "Orders"}, headers=NOT_PLAIN | part)


def test_no_answer_with_a_secret_is_compressed(
    app: Flask, ada: Api, browse: Callable[..., Pages]
) -> None:
    by_program = answers_of_rest(ada)
    declared = {
        operation.id for feature in FEATURES for operation in feature.rest() if operation.once
    }
    assert set(by_program) == declared
    with drawn(app) as names:
        by_page = list(answers_of_pages(app, ada, browse(ADA)))
    revealing = {
        str(path.relative_to(ROOT / "portal/web/templates"))
        for path in (ROOT / "portal/web/templates").rglob("*.html")
        if "reveal_panel(" in path.read_text() and path.parent.name != "macros"
    }
    assert names >= revealing
    key = ada.create("api-keys", scopes=["applications:read"])["key"]
    asked = {"grant_type": "client_credentials", "client_secret": key}
    token = app.test_client().post("/oauth/token", data=asked, headers=NOT_PLAIN)
    assert token.json
    assert token.json["access_token"]
    for answer in [*by_program.values(), *by_page, token]:
        assert answer.status_code < 300, answer.text
        assert "Content-Encoding" not in answer.headers, answer.request.path
    for answer in [*by_program.values(), *by_page]:
        assert SECRET.search(answer.text), answer.request.path


def test_what_says_that_a_secret_was_shown_before_is_an_ordinary_answer(ada: Api) -> None:
    once = {"Idempotency-Key": "k", **NOT_PLAIN}
    first = ada.post("/api-keys", {"name": "Nightly"}, headers=once)
    again = ada.post("/api-keys", {"name": "Nightly"}, headers=once)
    assert "Content-Encoding" not in first.headers
    assert (first.json or {})["key"].encode() not in plain(again)
