"""Test that a secret that becomes known after a request arrived is shown to nobody."""

import base64
import hmac
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from portal.inbound import review
from portal.inbound.reception import reception
from portal.webhooks.verification.signature_check import Verdict
from tests.cast import ADA, Api, Pages
from tests.databases import Database
from tests.front.kit import until
from tests.inbound.test_inbound import SECRET, events, github, knock, make, received
from tests.webhooks.test_webhooks import everything_written

LATE = "Sup3rSecretOfTheSender-0123456789"
BODY = json.dumps({"type": "alert", "callback_auth": LATE}).encode()


def whole(viewer: Api, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    path = f"/webhooks/{webhook['id']}/received"
    return [viewer.get(f"{path}/{one['id']}").json or {} for one in received(viewer, webhook)]


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
    assert_hidden(database)
    one = received(ada, webhook)[-1]
    page = f"/webhooks/{webhook['id']}/received/{one['id']}"
    assert "The signature is right" in browse(ADA).get(page).text
    assert (ada.post(f"{page}/reverifications").json or {})["state"] == "accepted"
    assert verify_all(ada, webhook) == 0, "the other one was signed by somebody else"
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
    assert_hidden(database)
    [kept] = whole(vic, webhook)
    [name] = header
    assert dict(kept["headers"])[name.lower()] == "[hidden]"
    assert verify_all(ada, webhook) == 1


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


def test_what_is_set_aside_while_the_secret_changes_hides_the_new_one(
    ada: Api, client: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, verify = make(ada, "github"), reception.verify

    def with_a_change(*given: Any, **more: Any) -> Verdict:
        with ThreadPoolExecutor(1) as another:
            another.submit(give, ada, webhook).result()
        return verify(*given, **more)

    monkeypatch.setattr(reception, "verify", with_a_change)
    assert knock(client, webhook["inbound_url"], BODY, {}).status_code == 401
    assert len(received(ada, webhook)) == 1
    assert_hidden(database)


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


def test_who_verifies_again_and_who_gives_a_secret_do_not_block_each_other(
    ada: Api, client: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, judge = make(ada, "github", inbound_secret="a-wrong-one"), review.judge
    knock(client, webhook["inbound_url"], b"[1]", github(b"[1]"))
    ada.patch(f"/webhooks/{webhook['id']}", {"inbound_secret": SECRET})
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with ThreadPoolExecutor(1) as another:
        changes: list[Future[None]] = []

        def during_a_change(*given: Any) -> Verdict:
            changes.append(another.submit(give, ada, webhook))
            until(lambda: database.sql(waiting) > 0)
            return judge(*given)

        monkeypatch.setattr(review, "judge", during_a_change)
        assert verify_all(ada, webhook) == 1
        [change] = changes
        change.result()


def test_a_secret_stays_in_no_request_when_it_is_rotated_here(
    ada: Api, client: FlaskClient, database: Database
) -> None:
    webhook = make(ada, "github")
    knock(client, webhook["inbound_url"], json.dumps({"s": SECRET}).encode(), {})
    assert_hidden(database, SECRET)
    assert ada.post(f"/webhooks/{webhook['id']}/secret-rotations").status_code == 200
    assert_hidden(database, SECRET)
