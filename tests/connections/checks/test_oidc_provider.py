"""Get tokens of npm oidc-provider, which is certified and not ours."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import requests
from flask import Flask, request

from portal.connections.checks.report import Failure, Fetched
from portal.connections.checks.run import fetch_token, run
from portal.outbound import OutboundClient
from portal.outbound.networks import LOOPBACK
from tests.connections.checks.fake import Checked, entry_subject, subject_of
from tests.identity.serving import served
from tests.identity.test_foreign_provider import REPORTER, running

PARTS = {"resource": "urn:cpod:integration"}
HELD = {"client_id": REPORTER[0], "client_secret": REPORTER[1]}
CHECK = {
    "who": {"driver": "token", "account": ["client_id"]},
    "proves": "The provider gave a token.",
    "grants": {"source": "jwt_claim", "place": "scope", "separator": " "},
    "needs": [{"scope": "connectors:read"}, {"scope": "connectors:write"}],
}


@pytest.fixture(scope="module")
def issuer():
    with running("http://127.0.0.1:1", "tnt_01K0000000000000000000TEST") as issuer:
        yield issuer


def way(**more):
    return {
        "kind": "token", "issuer": "{issuer}", "client_auth": "basic", "parameters": PARTS,
        "scopes": ["connectors:read"], **more,
    }  # fmt: skip


def check(issuer, credentials=HELD, token_only=False, **more):
    return asked(subject_of(way(**more), CHECK, credentials, {"issuer": issuer}), token_only)


def asked(subject, token_only=False):
    """Check a connection, or only fetch its token."""
    told = []

    async def on_step(step) -> None:
        told.append(step)

    async def main():
        async with OutboundClient(LOOPBACK) as client:
            if token_only:
                return await fetch_token(subject, client)
            return Checked(await run(subject, client, on_step), told)

    return asyncio.run(main())


def test_a_client_gets_a_token_by_the_issuers_metadata(issuer):
    done = check(issuer)
    assert done.step("sign_in").state == "passed", done.report
    assert done.report.account == "reporter"
    assert (done.report.granted, done.report.missing) == (
        ("connectors:read",),
        ("connectors:write",),
    )
    left = done.report.token.expires_at - datetime.now(UTC)
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)


def test_a_wrong_secret_is_refused(issuer):
    done = check(issuer, {**HELD, "client_secret": "not the secret of this client"})
    assert (done.report.outcome, done.step("sign_in").state) == ("auth_invalid", "failed")


def test_a_lease_gets_a_token_too(issuer):
    assert isinstance(check(issuer, token_only=True), Fetched)
    wrong = check(issuer, {**HELD, "client_secret": "wrong"}, token_only=True)
    assert isinstance(wrong, Failure)
    assert wrong.verdict == "auth_invalid"


def api_of(issuer) -> Flask:
    """Return an API that asks the issuer whether a token is good."""
    api = Flask("api")

    @api.get("/orders")
    def orders() -> tuple[str, int]:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        endpoint = f"{issuer}/token/introspection"
        answer = requests.post(endpoint, data={"token": token}, auth=REPORTER, timeout=10)
        return ("[]", 200) if answer.json().get("active") else ("who?", 401)

    return api


def test_the_catalogues_entry_gets_a_token_that_an_api_takes(issuer):
    with served(lambda _: api_of(issuer)) as api:
        settings = {"issuer": issuer, "baseUrl": api, "testPath": "/orders"}
        assert requests.get(f"{api}/orders", timeout=10).status_code == 401

        def entry(held):
            return entry_subject("oauth2_issuer", "oauth2_client_credentials", held, settings)

        done = asked(entry(HELD))
        assert done.report.outcome == "passed", done.report
        assert (done.step("sign_in").state, done.step("who").state) == ("passed", "passed")
        refused = asked(entry({**HELD, "client_secret": "wrong"}))
        assert (refused.report.outcome, refused.step("sign_in").state) == ("auth_invalid", "failed")
