"""The demo receiver: it accepts webhooks, verifies them, shows them, and fails on demand."""

import subprocess
import sys

import pytest
from portal_devtools import receiver
from portal_devtools.receiver import create_receiver

from portal.outbound import Request, send_now
from portal.outbound.networks import LOOPBACK
from portal.webhooks.signing.standard_webhooks import fingerprint, headers, new_key_pair, new_secret

BODY = b'{"type":"order.created","timestamp":"2026-01-02T03:04:05Z","data":{"total":"<b>12</b>"}}'


@pytest.fixture
def portal():
    """Return a client of the receiver, named `portal` because it acts as the portal."""
    return create_receiver().test_client()


@pytest.fixture
def secret():
    return new_secret()


def deliver(portal, secret, path="/hooks/demo", body=BODY, sent=None):
    sent = headers(secret, "msg_1", sent or body)
    return portal.post(path, data=body, headers=sent | {"content-type": "application/json"})


def give(portal, secret, name="demo"):
    return portal.post("/secrets", data={"name": name, "secret": secret})


def newest(portal, name="demo"):
    return portal.get(f"/received.json?name={name}").json["received"][0]


def test_a_webhook_is_taken_and_shown(portal, secret):
    assert deliver(portal, secret).status_code == 200
    page = portal.get("/")
    assert page.status_code == 200
    assert "order.created" in page.text
    assert "no secret known yet" in page.text
    assert "webhook-signature" in page.text
    assert "&lt;b&gt;12&lt;/b&gt;" in page.text
    assert "<b>12" not in page.text
    assert newest(portal)["verified"] is None
    assert newest(portal)["reason"] == "no secret known yet"


def test_every_third_request_fails_if_the_address_says_so(portal, secret):
    path = "/hooks/demo?fail_every=3"
    answers = [deliver(portal, secret, path).status_code for _ in range(6)]
    assert answers == [200, 200, 500, 200, 200, 500]


def test_the_webhooks_of_acme_are_answered_and_not_kept(portal, secret):
    assert deliver(portal, secret, "/acme/pager?status=500").status_code == 500
    assert deliver(portal, secret, "/acme/pager?delay=0-0.001").status_code == 200
    assert deliver(portal, secret, "/acme/pager?delay=soon").status_code == 200
    assert portal.get("/received.json").json["received"] == []


def test_with_the_secret_it_is_verified_even_what_came_before(portal, secret):
    deliver(portal, secret)
    assert give(portal, secret).status_code == 303
    deliver(portal, secret)
    assert "signature verified" in portal.get("/").text
    assert [item["verified"] for item in portal.get("/received.json").json["received"]] == [
        True
    ] * 2
    assert newest(portal)["fingerprint"] == fingerprint(secret)
    assert newest(portal)["body"] == BODY.decode()
    assert newest(portal)["headers"]["webhook-id"] == "msg_1"
    assert newest(portal)["type"] == "order.created"


def test_another_secret_or_a_changed_body_does_not_match(portal, secret):
    give(portal, secret)
    deliver(portal, new_secret())
    assert "signature does not match: it was signed with another secret" in portal.get("/").text
    assert newest(portal)["verified"] is False
    deliver(portal, secret, sent=BODY + b" ")
    assert newest(portal)["verified"] is False
    portal.post("/hooks/demo", data=BODY)
    assert "is missing" in newest(portal)["reason"]


def test_during_a_rotation_both_secrets_hold(portal, secret):
    give(portal, secret)
    newer = new_secret()
    give(portal, newer)
    deliver(portal, secret)
    assert newest(portal)["fingerprint"] == fingerprint(secret)
    deliver(portal, newer)
    assert newest(portal)["fingerprint"] == fingerprint(newer)


def test_a_public_key_verifies_too(portal):
    private, public = new_key_pair()
    give(portal, public)
    deliver(portal, private)
    assert newest(portal)["verified"] is True


def test_names_are_kept_apart(portal, secret):
    give(portal, secret, "one")
    deliver(portal, secret, "/hooks/one")
    deliver(portal, secret, "/hooks/two")
    assert newest(portal, "one")["verified"] is True
    assert newest(portal, "two")["verified"] is None
    assert "/hooks/two" not in portal.get("/?name=one").text


def test_a_secret_is_never_shown_again(portal, secret):
    give(portal, secret)
    for path in ("/", "/secrets", "/received.json"):
        assert secret not in portal.get(path).text
    assert fingerprint(secret) in portal.get("/secrets").text


@pytest.mark.parametrize(
    ("name", "typed"), [("demo", "hunter2"), ("demo", ""), ("", "whsec"), ("a/b", "whsec")]
)
def test_a_wrong_secret_is_refused_with_a_sentence(portal, secret, name, typed):
    answer = give(portal, secret if typed == "whsec" else typed, name)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert secret not in answer.text


def test_failures_on_demand(portal, secret, monkeypatch):
    waited = []
    monkeypatch.setattr(receiver, "sleep", waited.append)
    assert deliver(portal, secret, "/hooks/demo?status=503&retry_after=9").status_code == 503
    assert newest(portal)["answered"] == 503
    away = deliver(portal, secret, "/hooks/demo?status=302&location=http://x.example/")
    assert (away.status_code, away.headers["Location"]) == (302, "http://x.example/")
    deliver(portal, secret, "/hooks/demo?delay=1.5")
    deliver(portal, secret, "/hooks/demo/slow")
    deliver(portal, secret, "/hooks/demo?delay=inf&status=99")
    deliver(portal, secret, "/hooks/demo?delay=nan&status=x")
    assert waited == [0, 0, 1.5, 20, 0, 0]


def test_only_the_newest_hundred_are_kept(portal):
    for number in range(105):
        portal.post("/hooks/demo", data=str(number))
    bodies = [item["body"] for item in portal.get("/received.json").json["received"]]
    assert bodies == [str(number) for number in range(104, 4, -1)]
    assert portal.post("/clear").status_code == 303
    assert portal.get("/received.json").json == {"received": []}


def test_any_body_is_shown(portal):
    for body in (b"", b"\xff\x00", b"[" * 100_000, b"[1,2]", b'{"type":5}', b"NaN"):
        assert portal.post("/hooks/demo", data=body).status_code == 200
    assert portal.get("/").status_code == 200
    assert portal.get("/received.json").status_code == 200
    assert portal.post("/hooks/demo", data=b"x" * 2_000_000).status_code == 413


def test_strangers_are_kept_out(portal):
    assert portal.get("/", headers={"Host": "evil.example"}).status_code == 403
    assert portal.get("/received.json", headers={"Host": "evil.example:8002"}).status_code == 403
    for host in ("localhost:8002", "127.0.0.1:8002", "[::1]:8002", "[::1]", "localhost"):
        assert portal.get("/", headers={"Host": host}).status_code == 200
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert portal.post("/secrets", data={"name": "a"}, headers=cross).status_code == 403
    far = {"REMOTE_ADDR": "192.0.2.1"}
    assert portal.post("/hooks/demo", environ_overrides=far).status_code == 403
    tunnel = {"Host": "tunnel.example"}
    assert portal.post("/hooks/demo", headers=tunnel).status_code == 200


def test_its_pages_need_no_script_and_trust_nothing(portal):
    page = portal.get("/")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "<script" not in page.text
    assert "Nothing yet" in page.text
    assert page.headers["Refresh"] == "3"
    with portal.get("/static/receiver.css") as css:
        assert css.status_code == 200


def test_it_stands_alone():
    """Check that the receiver loads the signature verification, but no database or client."""
    program = (
        "import sys, portal_devtools.receiver as r; r.create_receiver();"
        "print(*(m for m in sys.modules if m.startswith(('portal.', 'sqlalchemy.', 'aiohttp.'))))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded = set(printed.stdout.decode().split())
    assert loaded == {
        "portal.webhooks", "portal.webhooks.signing", "portal.webhooks.signing.standard_webhooks"
    }  # fmt: skip


def test_the_guarded_client_reaches_it_over_the_wire(secret):
    from threading import Thread

    from werkzeug.serving import make_server

    app = create_receiver()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/hooks/wire"
        app.extensions["mailbox"].learn("wire", secret)
        outcome = send_now(Request("POST", url, headers(secret, "msg_1", BODY), BODY), LOOPBACK)
        assert (outcome.kind, outcome.status) == ("delivered", 200)
        assert newest(app.test_client(), "wire")["verified"] is True
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
