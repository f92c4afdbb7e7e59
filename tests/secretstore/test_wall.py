"""A web process writes credentials but cannot read them: the server itself refuses it."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal import secretstore
from portal.database.session import enter_tenant, session
from portal.secretstore import SecretDenied, SecretRef, SecretStore, Side
from portal.secretstore.vault import Transport
from tests.cast import ADA, Api, Pages
from tests.databases import Database
from tests.keeping import keep_house
from tests.secretstore.openbao import OpenBao

Look = Callable[[str, str, str], dict[str, str]]
TEST = {"event_type": "a.b"}
SENDERS = "what the sender made, 32 characters or more"
OLD = "UPDATE {} SET deleted_at = now() - interval '31 days' WHERE is_deleted"


@pytest.fixture
def worker_reads(app: Flask, in_vault: OpenBao) -> Look:
    """Return `worker_reads(kind, id, slot)`, which opens a secret with the role of the workers."""

    def look(kind: str, owner_id: str, slot: str) -> dict[str, str]:
        ref = SecretRef(ACME, kind, owner_id, slot)
        return dict(in_vault.store_of(Side.WORKER).get(ref, reason="test"))

    return look


def ok(answer: Any) -> dict[str, Any]:
    assert answer.status_code < 300, answer.text
    return dict(answer.json or {})


def test_a_stored_credential_is_a_403_for_the_token_of_a_web_process(
    in_vault: OpenBao, ada: Api
) -> None:
    made = ada.create("connectors", provider="splunk", credentials={"token": "tok"})
    token = in_vault.login(Transport(in_vault.address), "web").token()
    http = urllib3.PoolManager(retries=False, timeout=30)
    for path in (made["vault_path"], f"{made['vault_path']}?version=1"):
        url = f"{in_vault.address}/v1/{path}"
        assert http.request("GET", url, headers={"X-Vault-Token": token}).status == 403
        assert http.request("GET", url, headers={"X-Vault-Token": in_vault.token}).status == 200
    ref = SecretRef(ACME, "connectors", made["id"], "credentials")
    with pytest.raises(SecretDenied):
        secretstore.store().get(ref, reason="test")


def test_every_verb_of_connectors_works(ada: Api, in_vault: OpenBao, worker_reads: Look) -> None:
    body = {"provider": "splunk", "auth_type": "basic"}
    made = ada.create("connectors", **body, credentials={"username": "svc", "password": "one"})
    path = f"/connectors/{made['id']}"

    def stored() -> dict[str, str]:
        return worker_reads("connectors", made["id"], "credentials")

    ok(ada.patch(path, {"credentials": {"password": "two"}}))
    assert stored() == {"username": "svc", "password": "two"}
    ok(ada.patch(path, {"credentials": {"username": None}}))
    assert stored() == {"password": "two"}
    ok(ada.patch(path, {"credentials": {"username": "svc", "password": "three"}}))
    ok(ada.patch(path, {"enabled": False}))
    assert ada.delete(path).status_code == 204
    assert ok(ada.post(f"{path}/restore"))["credential_fields"] == ["password", "username"]
    assert stored() == {"username": "svc", "password": "three"}
    ok(ada.delete(f"{path}/credentials"))
    ok(ada.patch(path, {"credentials": {"password": "four"}}))
    assert stored() == {"password": "four"}


def test_every_verb_of_webhooks_works(
    ada: Api, in_vault: OpenBao, browse: Callable[..., Pages]
) -> None:
    url = "http://127.0.0.1:1024/hooks"  # nobody listens: a failed attempt is signed, too
    made = ada.create("webhooks", url=url, event_types=["*"])
    path = f"/webhooks/{made['id']}"
    ok(ada.post(f"{path}/test-deliveries", TEST))
    ok(ada.post(f"{path}/secret-rotations"))
    ok(ada.post(f"{path}/secret-retirements"))
    ok(ada.patch(path, {"name": "Renamed"}))
    assert ada.delete(path).status_code == 204
    ok(ada.post(f"{path}/restore"))
    ok(ada.post(f"{path}/test-deliveries", {**TEST, "newest_secret_only": True}))
    assert browse(ADA).get(path).status_code == 200


def test_every_verb_of_inbound_webhooks_works(ada: Api, in_vault: OpenBao) -> None:
    hook = {"direction": "inbound", "inbound_scheme": "github", "inbound_secret": SENDERS}
    made = ada.create("webhooks", **hook)
    path = f"/webhooks/{made['id']}"
    newer = SENDERS + "2"
    ok(ada.patch(path, {"inbound_secret": newer}))
    for number, secret in enumerate((SENDERS, newer, "wrong")):
        signature = hmac.new(secret.encode(), b"{}", hashlib.sha256).hexdigest()
        headers = {
            "X-Hub-Signature-256": f"sha256={signature}",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": f"d-{number}",
            "Content-Type": "application/json",
        }
        answer = ada.client.post(f"/in/{made['id']}", data=b"{}", headers=headers)
        assert answer.status_code == (401 if secret == "wrong" else 200), answer.text
    [kept] = ok(ada.get(f"{path}/received?state=quarantined"))["items"]
    again = ada.post(f"{path}/received/{kept['id']}/reverifications")
    assert ok(again)["state"] == "quarantined"


def test_a_key_is_put_into_the_store_and_not_read_back(
    in_vault: OpenBao,
) -> None:
    ref = SecretRef(ACME, "keys", "key_0", "key")
    web = secretstore.store()
    web.put(ref, {"key": "sk"}, cas=None)
    for store in (web, in_vault.store_of(Side.WORKER)):
        with pytest.raises(SecretDenied):
            store.get(ref, reason="test")


def test_the_role_of_the_workers_is_enough_for_their_jobs(
    app: Flask,
    in_vault: OpenBao,
    ada: Api,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connector = ada.create("connectors", provider="splunk", credentials={"token": "tok"})
    webhook = ada.create("webhooks")
    orphan = SecretRef(ACME, "connectors", "cnn_" + "0" * 26, "credentials")
    in_vault.store("earlier").put(orphan, {"token": "left by a crash"}, cas=None)
    ada.delete(f"/connectors/{connector['id']}")
    ada.delete(f"/webhooks/{webhook['id']}")
    for table in ("connector", "webhook"):
        database.sql(OLD.format(table))
    worker: SecretStore = in_vault.store_of(Side.WORKER)
    monkeypatch.setattr(secretstore, "_configured", worker)
    monkeypatch.setattr("portal.secretstore.sweeper.GRACE", -secretstore.sweeper.GRACE)
    keep_house(app, database)
    with app.app_context():
        enter_tenant(ACME)
        assert not worker.head(orphan).is_live
        session.remove()
    for kind, owner_id in (("connectors", connector["id"]), ("webhooks", webhook["id"])):
        assert worker.slots(ACME, kind, owner_id) == []
