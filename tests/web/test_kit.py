"""Test what all pages have, without a browser: headers, access, errors in plain words, assets."""

import hashlib
import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from jinja2 import Environment
from werkzeug.test import TestResponse

from portal import web
from portal.web.access import local_path
from portal.web.drawing.template_functions import ago, html_attributes, tone, with_args
from portal.web.htmx import HxNonce
from tests import ROOT

OURS = {"Sec-Fetch-Site": "same-origin"}
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def visitor(gallery: Flask) -> FlaskClient:
    """Return a client with Ada signed in."""
    return gallery.test_client()


@pytest.fixture
def stranger(gallery: Flask) -> FlaskClient:
    """Return a client with nobody signed in."""
    client = gallery.test_client()
    client.set_cookie("who", "nobody")
    return client


def token(client: FlaskClient) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/connectors/new").text)
    assert found
    return found[1]


# --- headers ----------------------------------------------------------------------------------


def test_a_page_may_run_only_scripts_with_its_own_nonce(visitor: FlaskClient) -> None:
    first, second = visitor.get("/connectors"), visitor.get("/connectors")
    policy = first.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    nonces = set(re.findall(r'nonce="([^"]+)"', first.text))
    assert nonces == set(re.findall(r"'nonce-([^']+)'", policy))
    assert policy != second.headers["Content-Security-Policy"]
    parts = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    assert parts["script-src"] == f"'nonce-{nonces.pop()}'"
    assert parts["trusted-types"] == "htmx"
    assert parts["require-trusted-types-for"] == "'script'"
    assert parts["frame-ancestors"] == parts["base-uri"] == "'none'"
    assert re.fullmatch(r"'self' http://127\.0\.0\.1:\d+", parts["form-action"])


@pytest.mark.parametrize(
    "path", ["/", "/connectors", "/nowhere", "/connectors/fail/500", "/static/css/base.css"]
)
def test_every_answer_is_protected(visitor: FlaskClient, path: str) -> None:
    with visitor.get(path) as answer:
        headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Request-Id"].startswith("req_")
    if not path.startswith("/static"):
        assert headers["Cache-Control"] == "no-store"


def test_no_page_has_inline_style_or_script(visitor: FlaskClient) -> None:
    for path in ("/", "/connectors", "/connectors/new", "/connectors/parts"):
        text = visitor.get(path).text
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:|hx-on|hx-vals='js", text)
        assert not re.search(r"<script(?![^>]*\bsrc=)", text)


def test_a_static_file_may_be_kept_for_ever_under_its_hash_only(visitor: FlaskClient) -> None:
    address = re.search(r'href="(/static/css/portal\.css\?v=\w+)"', visitor.get("/").text)
    assert address
    with visitor.get(address[1]) as hashed, visitor.get("/static/css/portal.css?v=old") as old:
        assert hashed.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "immutable" not in old.headers["Cache-Control"]


def test_vendored_files_are_what_the_list_says() -> None:
    listed = json.loads((ROOT / "portal/web/static/vendor/VERSIONS.json").read_text())["files"]
    for entry in listed:
        digest = hashlib.sha256((ROOT / entry["file"]).read_bytes()).hexdigest()
        assert digest == entry["sha256"], entry["file"]
    static = ROOT / "portal/web/static"
    present = {
        path.relative_to(ROOT).as_posix()
        for path in (*static.glob("vendor/*.js"), *static.glob("fonts/*"))
    }
    assert present <= {entry["file"] for entry in listed}


# --- who may come in --------------------------------------------------------------------------


def test_a_stranger_is_asked_to_sign_in_and_brought_back(stranger: FlaskClient) -> None:
    answer = stranger.get("/connectors?q=a%20b")
    assert answer.status_code == 302 or answer.status_code == 303
    assert answer.location == "/auth/login?next=%2Fconnectors%3Fq%3Da%2520b"


def test_a_strangers_fragment_leads_to_the_sign_in(stranger: FlaskClient) -> None:
    current = {"HX-Current-URL": "http://localhost/connectors?q=x"}
    answer = stranger.get("/connectors", headers=PARTIAL | current)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/auth/login?next=%2Fconnectors%3Fq%3Dx&kept=1"
    assert answer.text == ""


def test_only_marked_pages_are_public(gallery: Flask, stranger: FlaskClient) -> None:
    open_to_all = {
        endpoint
        for endpoint, view in gallery.view_functions.items()
        if getattr(view, "is_public", False)
    }
    assert open_to_all == {"look.choose"}
    for rule in gallery.url_map.iter_rules():
        if "GET" in rule.methods and not rule.arguments and rule.endpoint not in open_to_all:
            assert stranger.get(rule.rule).location.startswith("/auth/login"), rule.rule


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_another_sites_form_changes_nothing(visitor: FlaskClient, headers: dict[str, str]) -> None:
    form = {"name": "Okta", "csrf_token": token(visitor)}
    answer = visitor.post("/connectors/new", data=form, headers=headers)
    assert answer.status_code == 403
    assert "another site" in answer.text


@pytest.mark.parametrize("headers", [OURS, {"Origin": "http://localhost"}])
def test_our_own_form_is_taken(visitor: FlaskClient, headers: dict[str, str]) -> None:
    form = {"name": "Okta", "csrf_token": token(visitor)}
    assert visitor.post("/connectors/new", data=form, headers=headers).status_code == 303


def sent(visitor: FlaskClient, token: str) -> TestResponse:
    form = {"name": "Okta", "csrf_token": token}
    headers = OURS | {"Referer": "http://localhost/connectors/new"}
    return visitor.post("/connectors/new", data=form, headers=headers)


def is_brought_back(visitor: FlaskClient, answer: TestResponse) -> bool:
    """Tell whether the answer leads to the form, with what was typed, and says that it was lost."""
    way = "/auth/login?next=%2Fconnectors%2Fnew&kept=1"
    says = "Nothing was changed" in visitor.get("/connectors/new").text
    return says and (answer.status_code, answer.location) == (303, way)


def test_a_form_of_another_session_is_brought_back(gallery: Flask, visitor: FlaskClient) -> None:
    theirs = token(gallery.test_client())
    for value in ("", "nonsense", theirs):
        assert is_brought_back(visitor, sent(visitor, value)), value
    assert not is_brought_back(visitor, sent(visitor, token(visitor)))


def session_token(gallery: Flask, client: FlaskClient) -> tuple[str, str]:
    """Return the session's token, raw and as the previous release sent it: signed, not masked."""
    with client.session_transaction() as session:
        raw = session["csrf_token"]
    signer = URLSafeTimedSerializer(str(gallery.secret_key), salt="wtf-csrf-token")
    return raw, str(signer.dumps(raw))


def test_no_two_answers_have_a_piece_of_the_token_in_common(
    gallery: Flask, visitor: FlaskClient
) -> None:
    pages = [visitor.get("/connectors/new").text for _ in range(2)]
    tokens = [re.findall(r'csrf_token"[^>]*value="([^"]+)"', page) for page in pages]
    headers = [re.findall(r'"X-CSRFToken": "([^"]+)"', page) for page in pages]
    shown = [set(found) for found in tokens]
    assert [len(one) for one in shown] == [1, 1], "one for all forms of a page"
    assert [set(found) for found in headers] == shown
    (first,), (second,) = shown
    pieces = {first[at : at + 8] for at in range(len(first) - 7)}
    assert not [piece for piece in pieces if piece in second]
    raw, signed = session_token(gallery, visitor)
    payload = signed.partition(".")[0]
    for page in pages:
        assert raw not in page
        assert payload not in page
    for token_of_a_page in (first, second, first):
        form = {"name": "Okta", "csrf_token": token_of_a_page}
        assert visitor.post("/connectors/new", data=form, headers=OURS).status_code == 303


def test_a_form_that_the_release_before_drew_is_taken(gallery: Flask, visitor: FlaskClient) -> None:
    token(visitor)
    _, signed = session_token(gallery, visitor)
    form = {"name": "Okta", "csrf_token": signed}
    assert visitor.post("/connectors/new", data=form, headers=OURS).status_code == 303
    in_header = OURS | PARTIAL | {"X-CSRFToken": signed}
    assert visitor.post("/connectors/toast", headers=in_header).status_code == 200


def test_a_token_that_was_changed_on_the_way_is_refused(visitor: FlaskClient) -> None:
    whole = token(visitor)
    other = "B" if whole[5] == "A" else "A"
    for value in (
        whole[:-4],
        whole[:-1],
        whole[4:],
        whole[:5] + other + whole[6:],
        whole + whole,
        whole[: len(whole) // 2],
        "A" * len(whole),
        "ä" + whole,
        "A" * 100_000,
        ".",
    ):
        assert is_brought_back(visitor, sent(visitor, value)), value[:200]


def test_the_token_in_the_header_is_enough_for_htmx(visitor: FlaskClient) -> None:
    headers = OURS | PARTIAL | {"X-CSRFToken": token(visitor)}
    assert visitor.post("/connectors/toast", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/connectors?q=1", "/connectors?q=1"),
        ("http://localhost/a", "/a"),
        ("https://evil.example/a", "/"),
        ("//evil.example", "/"),
        ("http://localhost//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("javascript:alert(1)", "/"),
        ("http://[", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_nobody_is_led_to_another_site(gallery: Flask, url: str | None, path: str) -> None:
    with gallery.test_request_context("/"):
        assert local_path(url) == path


# --- parts and pages --------------------------------------------------------------------------


def test_the_same_address_gives_the_page_or_the_part(visitor: FlaskClient) -> None:
    page, part = visitor.get("/connectors"), visitor.get("/connectors", headers=PARTIAL)
    assert "<html" in page.text
    assert part.text.lstrip().startswith('<section class="panel listing" id="connectors"')
    assert "HX-Request" in page.headers["Vary"]
    assert "HX-Request-Type" in part.headers["Vary"]


@pytest.mark.parametrize(
    "header", [{"HX-Request-Type": "full"}, {"HX-History-Restore-Request": "true"}]
)
def test_a_whole_page_is_sent_where_a_part_would_be_wrong(
    visitor: FlaskClient, header: dict[str, str]
) -> None:
    assert "<html" in visitor.get("/connectors", headers=PARTIAL | header).text


def test_a_toast_travels_with_the_answer_or_to_the_next_page(visitor: FlaskClient) -> None:
    form = {"name": "Okta", "csrf_token": token(visitor)}
    part = visitor.post("/connectors/toast", data=form, headers=OURS | PARTIAL)
    told = json.loads(part.headers["HX-Trigger"])["toast"]
    assert told["items"] == [
        {"message": "Paused Okta Workforce. It keeps its settings.", "tone": "ok"}
    ]
    visitor.post("/connectors/new", data=form, headers=OURS)
    assert "Saved Okta." in visitor.get("/connectors").text
    assert "Saved Okta." not in visitor.get("/connectors").text
    assert "Paused" in visitor.post("/connectors/toast", data=form, headers=OURS).text


def test_a_change_asked_by_htmx_leaves_the_page(visitor: FlaskClient) -> None:
    form = {"name": "Okta", "csrf_token": token(visitor)}
    answer = visitor.post("/connectors/new", data=form, headers=OURS | PARTIAL)
    assert answer.headers["HX-Redirect"] == "/connectors"
    assert "HX-Trigger" not in answer.headers
    assert "Saved Okta." in visitor.get("/connectors").text


# --- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, "connectors:write"),
        (404, "There is no connector cnn_01"),
        (405, "does not take that method"),
        (409, "Somebody else saved this record first"),
        (413, "too large"),
        (422, "Use an https address."),
        (429, "10 times a minute"),
        (500, "Something"),
        (503, "The secret store does not answer."),
    ],
)
def test_every_failure_is_a_page_in_human_words(
    visitor: FlaskClient, status: int, words: str
) -> None:
    answer = visitor.get(f"/connectors/fail/{status}")
    assert answer.status_code == status
    assert words in answer.text
    assert answer.headers["X-Request-Id"] in answer.text
    assert "Traceback" not in answer.text
    assert "a password in a stack trace" not in answer.text
    assert "<nav" in answer.text
    part = visitor.get(f"/connectors/fail/{status}", headers=PARTIAL)
    assert part.status_code == status
    assert part.headers["HX-Retarget"] == "#banner"
    assert "<html" not in part.text
    assert words in part.text


def test_waiting_times_are_said_to_programs_too(visitor: FlaskClient) -> None:
    assert visitor.get("/connectors/fail/429").headers["Retry-After"] == "12"


def test_a_failing_sign_in_check_does_not_hide_the_failure(gallery: Flask) -> None:
    known = gallery.extensions["portal.sign_in"]

    def broken() -> web.SignedIn | None:
        raise RuntimeError("the database is down")

    gallery.extensions["portal.sign_in"] = broken
    try:
        answer = gallery.test_client().get("/connectors")
    finally:
        gallery.extensions["portal.sign_in"] = known
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.text


# --- templates' words -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "stamped"),
    [
        ('<a hx-get="/x">', True),
        ('<a class="b"\n   hx-get="/x">', True),
        ("<a{% if a > b %} hx-get='/x'{% endif %}>", True),
        ('<a title="a > b" hx-get="/x">', True),
        ('<a href="{{ url(\'x\', a > b) }}" hx-get="/x"/>', True),
        ('<body{% if p %} hx-headers:inherited=\'{"X": "{{ t() }}"}\'{% endif %}>', True),
        ('<a href="/hx-get">', False),
        ("<p>hx-get</p>", False),
        ('<a data-x="1" href="/x">hx-get</a>', False),
    ],
)
def test_the_nonce_is_stamped_on_what_templates_wrote(source: str, stamped: bool) -> None:
    read = Environment(autoescape=True, extensions=[HxNonce]).preprocess(source)
    assert ("hx-nonce" in read) is stamped
    assert read.replace(' hx-nonce="{{ csp_nonce() }}"', "") == source


def test_stamping_a_hostile_length_takes_no_time() -> None:
    HxNonce(Environment(autoescape=True)).preprocess("<a " + "'\"{" * 100_000, None)


def test_attributes_are_escaped(gallery: Flask) -> None:
    with gallery.test_request_context("/"):
        text = html_attributes({"hx_get": '/x"><script>', "disabled": True, "title": None})
        assert "<script>" not in text
        assert "hx-nonce=" in text
        assert text.endswith(" disabled")


def test_an_address_keeps_what_was_asked(gallery: Flask) -> None:
    with gallery.test_request_context("/connectors?q=a+b&status=failed&cursor=x"):
        assert with_args(cursor=None, sort="-name") == (
            "/connectors?q=a+b&status=failed&sort=-name"
        )


def test_tones_follow_words() -> None:
    words = ("healthy", "Degraded", "failed", "paused", "running", "not_tried", "revoked")
    assert [tone(word) for word in words] == ["ok", "warn", "bad", "held", "busy", "skip", ""]


def test_times_are_said_as_people_say_them() -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    past = [ago(now - timedelta(seconds=s), now) for s in (3, 59, 60, 3599, 86399, 86400 * 12)]
    assert past == ["just now", "59 s ago", "1 min ago", "59 min ago", "23 h ago", "12 d ago"]
    assert ago(now + timedelta(hours=23), now) == "in 23 h"
    assert ago(now - timedelta(days=400), now) == "20 Oct 2025"
