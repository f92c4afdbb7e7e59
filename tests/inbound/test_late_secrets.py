"""Test that a secret that becomes known after a request arrived is shown to nobody."""

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from portal import secretstore
from portal.secretstore.vault import StaticToken, Transport, VaultStore
from tests.cast import ADA, VIC, Api, Pages
from tests.databases import Database
from tests.inbound.test_inbound import SECRET, events, github, knock, make, received
from tests.webhooks.test_webhooks import everything_written

LATE = "Sup3rSecretOfTheSender-0123456789"
BODY = json.dumps({"type": "alert", "callback_auth": LATE}).encode()


def whole(viewer: Api, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    path = f"/webhooks/{webhook['id']}/received"
    return [viewer.get(f"{path}/{one['id']}").json or {} for one in received(viewer, webhook)]


def assert_not_shown(viewer: Api, webhook: dict[str, Any], *secrets: str) -> None:
    """Check that no document of the webhook's requests has these secrets, in any form."""
    path = f"/webhooks/{webhook['id']}/received"
    documents = whole(viewer, webhook)
    bodies = [base64.b64decode(one.pop("body_base64")).decode() for one in documents]
    shown = viewer.get(path).text + json.dumps(documents) + "".join(bodies)
    for secret in secrets or (LATE,):
        for form in (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode()):
            assert form not in shown


def give(ada: Api, webhook: dict[str, Any], **more: Any) -> None:
    answer = ada.patch(f"/webhooks/{webhook['id']}", {"inbound_secret": LATE, **more})
    assert answer.status_code == 200, answer.text


def verify_all(ada: Api, webhook: dict[str, Any]) -> int:
    return int(
        (ada.post(f"/webhooks/{webhook['id']}/received/reverifications").json or {})["verified"]
    )


def assert_hidden(database: Database, *secrets: str) -> None:
    written = everything_written(database)
    for secret in secrets or (LATE,):
        for form in (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode()):
            assert form not in written


def test_a_credential_that_is_not_known_yet_is_hidden_wherever_its_sender_put_it(
    ada: Api, vic: Api, client: FlaskClient, database: Database
) -> None:
    webhook, pair = make(ada, "basic", inbound_secret=None), f"splunk:{LATE}"
    sent = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode(), "X-Auth": LATE}
    url = f"{webhook['inbound_url']}?pw={LATE}"
    assert knock(client, url, BODY, sent).status_code == 401
    assert_hidden(database)
    give(ada, webhook, inbound_secret=pair)
    assert verify_all(ada, webhook) == 1
    assert_hidden(database)
    [kept] = whole(vic, webhook)
    assert (kept["state"], kept["url"].partition("?")[2]) == ("accepted", "pw=[hidden]")
    assert events(ada)[0]["data"] == {"type": "alert", "callback_auth": "[hidden]"}


def plain(body: bytes, secret: str, **_: str) -> dict[str, str]:
    return {"X-Signature": hmac.digest(secret.encode(), body, "sha256").hex()}


@pytest.mark.parametrize(("scheme", "sign"), [("github", github), ("hmac-sha256-hex", plain)])
def test_a_secret_that_is_signed_with_first_and_given_later_is_published_nowhere(
    ada: Api,
    vic: Api,
    browse: Callable[..., Pages],
    client: FlaskClient,
    database: Database,
    scheme: str,
    sign: Callable[..., dict[str, str]],
) -> None:
    webhook = make(ada, scheme)
    assert knock(client, webhook["inbound_url"], BODY, sign(BODY, LATE)).status_code == 401
    forged = sign(BODY, "somebody else's secret", delivery="d-2")
    assert knock(client, webhook["inbound_url"], BODY, forged).status_code == 401
    give(ada, webhook)
    assert_not_shown(vic, webhook)
    one = received(ada, webhook)[-1]
    page = f"/webhooks/{webhook['id']}/received/{one['id']}"
    examined = browse(ADA).get(page).text
    assert "The signature is right" in examined
    assert LATE not in examined + browse(VIC).get(page).text
    assert (ada.post(f"{page}/reverifications").json or {})["state"] == "accepted"
    assert verify_all(ada, webhook) == 0, "the other one was signed by somebody else"
    assert_not_shown(vic, webhook)
    assert ada.delete(f"/webhooks/{webhook['id']}/quarantine").status_code == 204
    assert_hidden(database)
    assert [event["data"]["callback_auth"] for event in events(ada)] == ["[hidden]"]
    again = knock(client, webhook["inbound_url"], BODY, sign(BODY, LATE)).json or {}
    assert (again["duplicate"], len(events(ada))) == (True, 1)


@pytest.mark.parametrize(
    ("before", "after", "header"),
    [
        ("github", {"inbound_scheme": "gitlab"}, {"X-Gitlab-Token": LATE}),
        ("api-key", {"inbound_scheme": "gitlab"}, {"X-Gitlab-Token": LATE}),
        ("github", {"inbound_scheme": "bearer"}, {"Authorization": f"Bearer {LATE}"}),
        ("github", {"inbound_scheme": "okta"}, {"Authorization": LATE}),
        ("stripe", {"inbound_scheme": "azure-event-grid"}, {"X-Webhook-Secret": LATE}),
        (
            "github",
            {"inbound_scheme": "api-key", "inbound_options": {"header": "X-Own-Key"}},
            {"X-Own-Key": LATE},
        ),
    ],
)
def test_a_credential_of_another_scheme_is_hidden_and_recognised_later(
    ada: Api,
    vic: Api,
    client: FlaskClient,
    database: Database,
    before: str,
    after: dict[str, Any],
    header: dict[str, str],
) -> None:
    webhook = make(ada, before)
    headers = {**header, "X-Request-Id": "d-1"}
    assert knock(client, webhook["inbound_url"], b'{"a": 1}', headers).status_code == 401
    if "inbound_options" not in after:
        assert_hidden(database)
    give(ada, webhook, **after)
    assert_not_shown(vic, webhook)
    [kept] = whole(vic, webhook)
    [name] = header
    assert dict(kept["headers"])[name.lower()] == "[hidden]"
    assert verify_all(ada, webhook) == 1
    assert_hidden(database)


def test_a_request_of_which_no_credential_was_kept_says_so(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada, "github")
    knock(client, webhook["inbound_url"], b"{}", {"X-Other": "none"})
    give(ada, webhook, inbound_scheme="gitlab")
    assert verify_all(ada, webhook) == 0
    [kept] = received(ada, webhook)
    assert (kept["code"], "No credential" in kept["reason"]) == ("not_kept", True)


def test_a_credential_is_no_signature(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada, "github")
    knock(client, webhook["inbound_url"], b"{}", {"X-Gitlab-Token": LATE})
    give(ada, webhook)
    assert verify_all(ada, webhook) == 0


@pytest.mark.parametrize(
    "tried",
    [
        {"inbound_scheme": "microsoft-graph"},
        {"inbound_scheme": "api-key", "inbound_options": {"header": "X-Signature"}},
        {"inbound_scheme": "github"},
    ],
    ids=["its credential is in the body", "its credential is where the signature was", "another"],
)
def test_a_scheme_that_was_only_tried_leaves_a_genuine_request_as_it_came(
    ada: Api, client: FlaskClient, tried: dict[str, Any]
) -> None:
    webhook, body = make(ada, "hmac-sha256-hex"), b'{"type":"order.paid","amount":12}'
    knock(client, webhook["inbound_url"], body, plain(body, LATE))
    give(ada, webhook, **tried)
    assert verify_all(ada, webhook) == 0
    back = {"inbound_scheme": "hmac-sha256-hex", "inbound_options": {}}
    give(ada, webhook, **back)
    assert verify_all(ada, webhook) == 1


def test_a_secret_that_is_the_id_of_a_delivery_is_not_shown(
    ada: Api, vic: Api, client: FlaskClient
) -> None:
    webhook = make(ada, "github")
    knock(client, webhook["inbound_url"], b"{}", github(b"{}", LATE, delivery=LATE))
    assert LATE in vic.get(f"/webhooks/{webhook['id']}/received").text
    give(ada, webhook)
    assert_not_shown(vic, webhook)


def test_without_the_secret_store_nothing_that_was_sent_is_shown(
    ada: Api,
    vic: Api,
    browse: Callable[..., Pages],
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    webhook = make(ada, "github")
    knock(client, webhook["inbound_url"], BODY, github(BODY, LATE, delivery=LATE))
    give(ada, webhook)
    away = VaultStore(Transport("http://127.0.0.1:1"), StaticToken("dead"))
    monkeypatch.setattr(secretstore, "_configured", away)
    assert_not_shown(vic, webhook)
    [kept] = whole(vic, webhook)
    assert "The secret store gives no secrets" in kept["reason"]
    page = browse(VIC).get(f"/webhooks/{webhook['id']}/received/{kept['id']}").text
    assert "The secret store gives no secrets" in page
    assert LATE not in page


def test_what_an_older_release_stored_is_published_without_the_secret(
    ada: Api, client: FlaskClient, database: Database
) -> None:
    webhook = make(ada, "github", inbound_secret=LATE)
    assert knock(client, webhook["inbound_url"], b"{}", github(b"{}", "wrong")).status_code == 401
    headers = json.dumps([[name.lower(), value] for name, value in github(BODY, LATE).items()])
    stored = "UPDATE inbound_request SET body = %s, headers = %s, url = url || %s"
    database.sql(stored, BODY, headers, f"?pw={LATE}")
    assert verify_all(ada, webhook) == 1
    assert_hidden(database)
    assert events(ada)[0]["data"]["callback_auth"] == "[hidden]"


def test_a_secret_that_is_rotated_here_is_not_shown(
    ada: Api, vic: Api, client: FlaskClient, database: Database
) -> None:
    webhook = make(ada, "github")
    knock(client, webhook["inbound_url"], json.dumps({"s": SECRET}).encode(), {})
    assert_hidden(database, SECRET)
    rotated = ada.post(f"/webhooks/{webhook['id']}/secret-rotations").json or {}
    new = rotated["signing_secret"]
    database.sql("UPDATE inbound_request SET body = %s", json.dumps({"s": new}).encode())
    assert_not_shown(vic, webhook, SECRET, new)
