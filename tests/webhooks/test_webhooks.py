"""Test the REST API of webhooks: the fields that a client can set, and where the secret is
stored."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal import secretstore
from portal.core.config import Config, libpq_url
from portal.database.session import enter_tenant
from portal.secretstore import SecretRef, SecretStore
from portal.secretstore.crypto import KeyRing
from portal.secretstore.embedded_store import EmbeddedStore
from portal.webhooks import keyring, subscriptions
from portal.webhooks.signing import standard_webhooks
from tests.cast import Api
from tests.databases import Database
from tests.secretstore.openbao import OpenBao
from tests.stores import Behind
from tests.webhooks.conftest import Make, Receiver

URL = "https://hooks.example.com/cpod"


def fields(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {error["field"]: error["message"] for error in answer.json["errors"]}


def test_a_webhook_has_every_field_of_the_specification_with_its_default(ada: Api) -> None:
    made = ada.create("webhooks")
    path = f"secret/data/{ACME}/webhooks/{made['id']}/signing".replace("_", "-")
    assert made["vault_path"] == path
    assert made["secret_fingerprint"] == standard_webhooks.fingerprint(made["signing_secret"])
    expected = {
        "name": "Untitled webhook",
        "direction": "outbound",
        "url": None,
        "event_types": [],
        "signature_scheme": "standard-webhooks",
        "headers": {},
        "enabled": False,
        "is_active": False,
        "retry_policy": {"maxAttempts": 10, "backoff": "exponential", "timeoutMs": 15000},
        "last_delivery_at": None,
        "last_delivery_status": None,
        "consecutive_failures": 0,
        "paused_at": None,
        "connector_id": None,
        "application_id": None,
        "tags": [],
    }
    assert made.items() >= expected.items()
    read = ada.get(f"/webhooks/{made['id']}").json
    assert read == {name: value for name, value in made.items() if name != "signing_secret"}


def test_a_webhook_with_a_place_and_an_event_is_on(ada: Api) -> None:
    made = ada.create("webhooks", url=URL, event_types=["rfp.created", "*", "rfp.*", "rfp.*"])
    assert (made["enabled"], made["is_active"]) == (True, True)
    assert made["event_types"] == ["*", "rfp.*", "rfp.created"]
    path = f"/webhooks/{made['id']}"
    off = ada.patch(path, {"enabled": False}).json or {}
    assert (off["enabled"], off["is_active"]) == (False, False)
    listed = ada.get("/webhooks?is_active=false").json or {}
    assert [item["id"] for item in listed["items"]] == [made["id"]]


def test_what_is_on_needs_a_place_and_an_event(ada: Api) -> None:
    assert fields(ada.post("/webhooks", {"enabled": True})).keys() == {"url", "event_types"}
    made = ada.create("webhooks", url=URL, event_types=["rfp.created"])
    emptied = fields(ada.patch(f"/webhooks/{made['id']}", {"event_types": []}))
    assert emptied == {"event_types": "Choose at least one event, or leave the webhook off."}


def test_the_servers_own_fields_are_never_taken_from_a_client(ada: Api) -> None:
    forged = {
        "vault_path": "secret/data/other",
        "secret_fingerprint": "0" * 12,
        "consecutive_failures": 9,
        "paused_at": "2026-01-01T00:00:00Z",
        "last_delivery_at": "2026-01-01T00:00:00Z",
        "last_delivery_status": "delivered",
        "is_active": True,
        "signing_secret": "whsec_" + "QUJD" * 8,
    }
    made = ada.create("webhooks", **forged)
    assert not [name for name, value in forged.items() if made[name] == value]


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.7/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00::1]/x",
        "http://[::ffff:10.0.0.1]/x",
        "http://0xA000001/x",
        "http://167772161/x",
        "http://012.0.0.1/x",
        "http://①⓪.0.0.1/x",
        "http://[64:ff9b::a00:1]/x",
        "http://168.63.129.16/x",
        "https://db.internal/x",
        "https://intranet/x",
        "https://user:secret@hooks.example.com/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:5432/",
        "ftp://hooks.example.com/",
        "javascript:alert(1)",
        "hooks.example.com",
        "https://",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/" + "x" * 2048,
    ],
)
def test_a_forbidden_address_is_refused_when_it_is_saved(url: str, ada: Api) -> None:
    assert fields(ada.post("/webhooks", {"url": url})).keys() == {"url"}
    assert (ada.get("/webhooks").json or {})["items"] == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::1]", "0"])
def test_the_machine_itself_is_an_address_only_where_the_operator_says_so(
    host: str, ada: Api, app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    if host != "0":
        assert ada.post("/webhooks", {"url": f"http://{host}:9000/"}).status_code == 201
    monkeypatch.setitem(app.extensions, "portal", config.model_copy(update={"outbound_allow": ()}))
    assert fields(ada.post("/webhooks", {"url": f"http://{host}:9000/"})).keys() == {"url"}


def test_in_production_a_public_address_is_https(
    ada: Api, app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    production = config.model_copy(update={"env": "production"})
    monkeypatch.setitem(app.extensions, "portal", production)
    assert fields(ada.post("/webhooks", {"url": "http://hooks.example.com/"})).keys() == {"url"}
    assert ada.post("/webhooks", {"url": "http://127.0.0.1:9000/"}).status_code == 201


def test_a_stricter_list_does_not_lock_a_webhooks_other_fields(
    ada: Api, app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ada.create("webhooks", url="http://127.0.0.1:9000/", event_types=["*"])
    monkeypatch.setitem(app.extensions, "portal", config.model_copy(update={"outbound_allow": ()}))
    assert ada.patch(f"/webhooks/{made['id']}", {"name": "Renamed"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Host": "other.example"}, "set by the sender"),
        ({"Webhook-Id": "1"}, "set by the sender"),
        ({"X-Amz-Date": "1"}, "set by the sender"),
        ({"Cpod-Test": "no"}, "set by the sender"),
        ({"Content-Length": "1"}, "set by the sender"),
        ({"X-Team": "a\r\nX-Other: b"}, "line break"),
        ({"X Team": "a"}, "letters, digits and hyphens"),
        ({"X-Team": "a" * 9000}, "longer than"),
        ({"X-Team": "a", "x-team": "b"}, "given twice"),
        ({"Authorization": "Bearer abc"}, "looks like a secret"),
        ({"X-Api-Key": "abc"}, "looks like a secret"),
        ({"X-Team": "sk-acme-12345678901234567890"}, "looks like a secret"),
    ],
)
def test_a_header_that_no_webhook_may_have_is_refused(
    headers: dict[str, str], said: str, ada: Api
) -> None:
    found = fields(ada.post("/webhooks", {"headers": headers}))
    [(field, message)] = found.items()
    assert said in message
    assert field == ("headers" if said == "longer than" else f"headers.{list(headers)[-1]}")


@pytest.mark.parametrize("name", ["", "rfp.", ".rfp", "rfp..created", "*.created", "rfp*", "a b"])
def test_an_event_filter_is_a_name_a_group_or_everything(name: str, ada: Api) -> None:
    assert fields(ada.post("/webhooks", {"event_types": [name]})).keys() == {"event_types.0"}


def test_the_large_filters_of_a_tenant_are_bounded_together(
    ada: Api, gus: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "LARGE_FILTERS", 4000)
    large, small = {"region": ["x" * 1000 + end for end in "ab"]}, {"region": ["eu"]}
    first = ada.create("webhooks", name="First", filter=large)
    assert fields(ada.post("/webhooks", {"filter": large})).keys() == {"filter"}
    second = ada.create("webhooks", name="Second", filter=small)
    path = f"/webhooks/{second['id']}"
    assert fields(ada.patch(path, {"filter": large})).keys() == {"filter"}
    turned = {"region": large["region"][::-1]}
    assert ada.patch(f"/webhooks/{first['id']}", {"filter": turned}).status_code == 200
    assert ada.patch(f"/webhooks/{first['id']}", {"name": "Renamed"}).status_code == 200
    assert gus.post("/webhooks", {"filter": large}).status_code == 201
    ada.patch(f"/webhooks/{first['id']}", {"filter": small})
    assert ada.patch(path, {"filter": large}).status_code == 200


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"maxAttempts": 0}, "retry_policy.maxAttempts"),
        ({"maxAttempts": 21}, "retry_policy.maxAttempts"),
        ({"maxAttempts": "3"}, "retry_policy.maxAttempts"),
        ({"backoff": "random"}, "retry_policy.backoff"),
        ({"timeoutMs": 999}, "retry_policy.timeoutMs"),
        ({"timeoutMs": 30001}, "retry_policy.timeoutMs"),
        ({"max_attempts": 3}, "retry_policy.max_attempts"),
    ],
)
def test_a_retry_policy_out_of_bounds_is_refused_by_name(
    policy: dict[str, Any], field: str, ada: Api
) -> None:
    assert fields(ada.post("/webhooks", {"retry_policy": policy})).keys() == {field}


def test_a_retry_policy_is_completed(ada: Api) -> None:
    made = ada.create("webhooks", retry_policy={"timeoutMs": 5000})
    expected = {"maxAttempts": 10, "backoff": "exponential", "timeoutMs": 5000}
    assert made["retry_policy"] == expected


def test_only_an_application_of_the_tenant_can_own_a_webhook(ada: Api, gus: Api) -> None:
    theirs = gus.create("applications")["id"]
    for unknown in (theirs, "app_01K00000000000000000000000"):
        found = fields(ada.post("/webhooks", {"application_id": unknown}))
        assert found == {"application_id": "There is no such application in this tenant."}
    own = ada.create("applications")["id"]
    made = ada.create("webhooks", application_id=own)
    listed = ada.get(f"/webhooks?application_id={own}").json or {}
    assert [item["id"] for item in listed["items"]] == [made["id"]]


def test_the_direction_stays(ada: Api) -> None:
    made = ada.create("webhooks", direction="inbound")
    found = fields(ada.patch(f"/webhooks/{made['id']}", {"direction": "outbound"}))
    assert found.keys() == {"direction"}
    assert fields(ada.post("/webhooks", {"direction": "sideways"})).keys() == {"direction"}
    assert fields(ada.post("/webhooks", {"signature_scheme": "md5"})).keys() == {"signature_scheme"}


# ---------------------------------------------------------------- the secret

A_DAY_LATER = """
UPDATE webhook SET previous_secret_expires_at = previous_secret_expires_at - interval '1 day'
"""


def stored(app: Flask, webhook_id: str) -> dict[str, str]:
    with app.app_context():
        enter_tenant(ACME)
        ref = SecretRef(ACME, "webhooks", webhook_id, "signing")
        return dict(secretstore.store().get(ref, reason="a test looks"))


def everything_written(database: Database) -> str:
    """Return every row of every table, as text."""
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        tables = connection.execute(
            "SELECT quote_ident(relname) FROM pg_class WHERE relkind IN ('r', 'p')"
            " AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        rows = [connection.execute(f"SELECT t::text FROM {t} t").fetchall() for (t,) in tables]
    return repr(rows)


def test_the_signing_secret_is_shown_once_and_written_nowhere_in_clear(
    ada: Api,
    app: Flask,
    database: Database,
    make: Make,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    made = make(receiver.hook("crm"))
    secret, path = made["signing_secret"], f"/webhooks/{made['id']}"
    assert stored(app, made["id"]) == {"current": secret}
    fired = ada.post(f"{path}/test-deliveries", {"event_type": "rfp.created"}).text
    rotated = (ada.post(f"{path}/secret-rotations").json or {})["signing_secret"]
    answers = [fired] + [
        ada.get(url).text
        for url in ("/webhooks", path, f"{path}/history", f"{path}/test-deliveries")
    ]
    out, err = capfd.readouterr()
    for place in (*answers, everything_written(database), caplog.text, out, err):
        for value in (secret, rotated):
            assert value not in place
            assert value.removeprefix("whsec_") not in place


@pytest.mark.parametrize("atomic", [True, False])
def test_a_batch_gives_each_webhook_the_secret_that_it_shows(
    ada: Api, app: Flask, atomic: bool
) -> None:
    items = [{"url": f"https://hooks.example/{n}", "event_types": ["*"]} for n in range(3)]
    answer = ada.post("/webhooks/batch", {"items": items, "atomic": atomic}).json or {}
    for made in [result["item"] for result in answer["results"]]:
        assert stored(app, made["id"]) == {"current": made["signing_secret"]}
        assert standard_webhooks.fingerprint(made["signing_secret"]) == made["secret_fingerprint"]


def test_a_rotation_replaces_the_secret_and_keeps_the_one_before_for_a_day(
    ada: Api, app: Flask
) -> None:
    made = ada.create("webhooks")
    answer = ada.post(f"/webhooks/{made['id']}/secret-rotations")
    turned = answer.json or {}
    assert answer.status_code == 200
    assert turned["signing_secret"] != made["signing_secret"]
    assert turned["secret_fingerprint"] == standard_webhooks.fingerprint(turned["signing_secret"])
    assert turned["version"] == 2
    kept = stored(app, made["id"])
    assert kept["current"] == turned["signing_secret"]
    assert kept["previous"] == made["signing_secret"]
    assert kept["previous_expires_at"] == turned["previous_secret_expires_at"]
    entry = (ada.get(f"/webhooks/{made['id']}/history").json or {})["items"][0]
    assert entry["action"] == "webhook.secret_rotated"
    fingerprints = [made["secret_fingerprint"], turned["secret_fingerprint"]]
    assert entry["changes"]["secret_fingerprint"] == fingerprints


def test_a_second_rotation_leaves_the_first_secret_its_day(ada: Api, app: Flask) -> None:
    made = ada.create("webhooks")
    path, secrets, ends = f"/webhooks/{made['id']}", [made["signing_secret"]], []
    for _ in range(3):
        turned = ada.post(f"{path}/secret-rotations").json or {}
        secrets.append(turned["signing_secret"])
        ends.append(turned["previous_secret_expires_at"])
    kept = stored(app, made["id"])
    assert keyring.keys_of(kept, made["id"], None).signing(datetime.now(UTC)) == secrets[::-1]
    assert kept["previous_3_expires_at"] == ends[0], "as the first rotation said"
    refused = ada.post(f"{path}/secret-rotations")
    until = f"until {datetime.fromisoformat(ends[0]):%-d %b %Y, %H:%M:%S} UTC."
    assert (refused.status_code, until in refused.text) == (409, True)
    assert ada.post(f"{path}/secret-retirements").status_code == 200
    assert stored(app, made["id"]) == {"current": secrets[-1]}
    assert ada.post(f"{path}/secret-rotations").status_code == 200


def test_what_has_ended_by_itself_cannot_be_retired(ada: Api, database: Database) -> None:
    path = f"/webhooks/{ada.create('webhooks')['id']}"
    ada.post(f"{path}/secret-rotations")
    database.sql(A_DAY_LATER)
    assert ada.post(f"{path}/secret-retirements").status_code == 409
    assert (ada.get(path).json or {})["version"] == 2


SPOILED: dict[str, Callable[[SecretStore, SecretRef], object]] = {
    "lost": lambda store, ref: store.purge(ref),
    "deleted": lambda store, ref: store.delete(ref),
    "newer": lambda store, ref: store.put(ref, {"by": "hand"}, cas=None),
}
"""Ways in which the secret of a webhook gets lost in the secret store."""


@pytest.mark.parametrize("way", SPOILED)
@pytest.mark.parametrize("rotated_before", [False, True])
def test_a_webhook_whose_secret_was_lost_is_mended_by_a_rotation(
    either_store: str,
    ada: Api,
    make: Make,
    receiver: Receiver,
    behind: Behind,
    way: str,
    rotated_before: bool,
) -> None:
    made = make(receiver.hook("crm"))
    path = f"/webhooks/{made['id']}"
    if rotated_before:
        ada.post(f"{path}/secret-rotations")
    behind(lambda store: SPOILED[way](store, SecretRef(ACME, "webhooks", made["id"], "signing")))
    test = {"event_type": "a.b"}
    refused = ada.post(f"{path}/test-deliveries", test)
    assert refused.status_code == 409, refused.text
    assert "Rotate it" in (refused.json or {})["detail"]
    if rotated_before:  # nothing is left that could sign
        done = [ada.post(f"{path}/secret-retirements").status_code for _ in range(2)]
        assert done == [200, 409]
    turned = ada.post(f"{path}/secret-rotations").json or {}
    receiver.learn("crm", turned["signing_secret"])
    assert "previous_secret_expires_at" not in turned
    assert ada.post(f"{path}/test-deliveries", test).status_code == 201
    assert receiver.mail("crm")[-1]["verified"]


def test_with_a_vault_the_secret_lies_at_the_vault_path(
    ada: Api,
    bao: dict[str, str],
    make: Make,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = OpenBao(bao["address"], bao["token"])
    server.prepare()
    monkeypatch.setattr(secretstore, "_configured", server.store())
    made = make(receiver.hook("crm"))
    receiver.learn("crm", made["signing_secret"])
    kept = server.call("GET", made["vault_path"])
    assert kept["data"]["data"] == {"current": made["signing_secret"]}
    path = f"/webhooks/{made['id']}"
    ada.post(f"{path}/test-deliveries", {"event_type": "a.b"})
    assert ada.post(f"{path}/secret-rotations").status_code == 200
    ada.post(f"{path}/test-deliveries", {"event_type": "a.b"})
    assert [mail["verified"] for mail in receiver.mail("crm")] == [True, True]


LOST_AT_COMMIT = """
CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON webhook
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit()
"""


def test_a_rotation_that_is_not_committed_leaves_the_secret_that_the_receiver_has(
    database: Database,
    ada: Api,
    bao: dict[str, str],
    make: Make,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = OpenBao(bao["address"], bao["token"])
    server.prepare()
    monkeypatch.setattr(secretstore, "_configured", server.store())
    made = make(receiver.hook("crm"))
    receiver.learn("crm", made["signing_secret"])
    path = f"/webhooks/{made['id']}"

    def signed() -> tuple[str, bool]:
        sent = ada.post(f"{path}/test-deliveries", {"event_type": "a.b"})
        assert sent.status_code == 201, sent.text
        return sent.json["signed_with"], receiver.mail("crm")[-1]["verified"]

    with monkeypatch.context() as patch:
        patch.setattr(keyring, "OVERLAP", timedelta(0))
        database.sql(LOST_AT_COMMIT)
        assert ada.post(f"{path}/secret-rotations").status_code == 503
        database.sql("DROP FUNCTION at_commit CASCADE")
    # Not even when a day has passed: nobody was shown another one. Its signature is the first, as
    # some receivers read only that.
    assert signed() == (made["secret_fingerprint"], True)
    turned = ada.post(f"{path}/secret-rotations").json or {}
    assert signed() == (turned["secret_fingerprint"], True), "beside it, for a day"
    database.sql(LOST_AT_COMMIT)
    assert ada.post(f"{path}/secret-rotations").status_code == 503
    database.sql("DROP FUNCTION at_commit CASCADE")
    assert ada.post(f"{path}/secret-retirements").status_code == 200
    receiver.learn("crm", turned["signing_secret"])
    assert signed() == (turned["secret_fingerprint"], True)


def test_a_sealed_store_leaves_nothing_half_done(
    ada: Api, make: Make, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(receiver.hook("crm"))
    foreign = EmbeddedStore(KeyRing.derive(["another-key-of-another-install-0123456789"]))
    monkeypatch.setattr(secretstore, "_configured", foreign)
    path = f"/webhooks/{made['id']}"
    for answer in (
        ada.post("/webhooks", {"name": "Second"}),
        ada.post(f"{path}/secret-rotations"),
        ada.post(f"{path}/test-deliveries", {"event_type": "rfp.created"}),
    ):
        assert answer.status_code == 503, answer.text
        assert (answer.json or {})["code"] == "secret_store_sealed"
        assert "Retry-After" in answer.headers
    listed = (ada.get("/webhooks").json or {})["items"]
    assert [(item["id"], item["version"]) for item in listed] == [(made["id"], 1)]
    assert (ada.get(f"{path}/test-deliveries").json or {})["items"] == []
    assert receiver.mail("crm") == []


def test_a_restored_webhook_signs_with_its_old_secret(
    ada: Api, make: Make, receiver: Receiver
) -> None:
    made = make(receiver.hook("crm"))
    receiver.learn("crm", made["signing_secret"])
    path = f"/webhooks/{made['id']}"
    assert ada.delete(path).status_code == 204
    assert ada.post(f"{path}/test-deliveries", {"event_type": "a.b"}).status_code == 404
    assert ada.post(f"{path}/restore").status_code == 200
    assert ada.post(f"{path}/test-deliveries", {"event_type": "a.b"}).status_code == 201
    assert [mail["verified"] for mail in receiver.mail("crm")] == [True]


def test_the_failing_ones_are_found_by_their_index(
    database: Database, tenants: tuple[str, str]
) -> None:
    from sqlalchemy import create_engine, text

    from portal.webhooks.models import FAILING

    engine = create_engine(database.app_url)
    with engine.begin() as connection:
        for way in ("seqscan", "bitmapscan", "sort"):  # cheaper in a small table
            connection.execute(text(f"SET LOCAL enable_{way} = off"))
        connection.execute(text("SELECT set_config('app.tenant_id', :t, true)"), {"t": ACME})
        query = text(
            f"EXPLAIN SELECT * FROM webhook WHERE tenant_id = :t AND {FAILING.text}"
            " ORDER BY last_delivery_at DESC LIMIT 5"
        )
        plan = "\n".join(connection.scalars(query, {"t": ACME}))
    engine.dispose()
    assert "Index Scan Backward using ix_webhook_failing" in plan
    assert "Sort" not in plan
