"""Checks against Keycloak, an authorization server that others wrote; only in `make proof`."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from portal.connections.checks.report import Report
from portal.connections.checks.run import run
from portal.outbound import OutboundClient
from portal.outbound.networks import LOOPBACK
from tests.cast import Api
from tests.connections.checks.fake import subject_of
from tests.connections.conftest import RunChecks
from tests.connections.keycloak.server import Keycloak, keycloak
from tests.connections.test_checks import checks, ok, read

pytestmark = [pytest.mark.proof(only=True), pytest.mark.timeout(900)]

KEY = RSAKey.generate_key(2048, {"kid": "of the portal", "alg": "RS256", "use": "sig"})
SECRET = "the secret of the portal"
USER_INFO = "/realms/acme/protocol/openid-connect/userinfo"


@pytest.fixture(scope="module")
def server() -> Iterator[Keycloak]:
    """Yield a running Keycloak, which knows the public key of `KEY`."""
    with keycloak({"keys": [KEY.as_dict(private=False)]}) as one:
        yield one


def body(server: Keycloak, **changes: str) -> dict[str, Any]:
    """Return a connector to the issuer; a change replaces a setting or a credential."""
    config = {"issuer": server.issuer, "baseUrl": server.address, "testPath": USER_INFO,
              "scopes": "openid"}  # fmt: skip
    credentials = {"client_id": "portal", "client_secret": SECRET}
    return {
        "provider": "oauth2_issuer",
        "config": {name: changes.get(name, value) for name, value in config.items()},
        "credentials": {name: changes.get(name, value) for name, value in credentials.items()},
    }


def tried(ada: Api, server: Keycloak, **changes: str) -> dict[str, Any]:
    return ok(ada.post("/connectors/draft-checks", body(server, **changes)))


def failed_at(result: dict[str, Any]) -> str | None:
    return next((one["name"] for one in result["steps"] if one["state"] == "failed"), None)


def test_a_connector_to_an_issuer_is_healthy_until_its_client_is_disabled(
    server: Keycloak, ada: Api, run_checks: RunChecks
) -> None:
    record = ada.create("connectors", **body(server))
    run_checks()
    (check,) = checks(ada, record)
    assert check["outcome"] == "passed", check
    assert read(ada, record)["sync_status"] == "healthy"
    path = f"/connectors/{record['id']}/checks"
    server.set_enabled("portal", False)
    try:
        ok(ada.post(path, {}), 202)
        run_checks()
    finally:
        server.set_enabled("portal", True)
    refused = read(ada, record)
    assert refused["sync_status"] == "action_required"
    newest, *_ = checks(ada, record)
    assert (newest["outcome"], failed_at(newest)) == ("auth_invalid", "sign_in"), newest
    assert refused["last_error"] == newest["said"]
    ok(ada.post(path, {}), 202)
    run_checks()
    assert read(ada, record)["sync_status"] == "healthy"


@pytest.mark.parametrize("change", [{"client_secret": "wrong"}, {"client_id": "nobody"}])
def test_a_wrong_secret_and_an_unknown_client_are_refused_credentials(
    change: dict[str, str], server: Keycloak, ada: Api
) -> None:
    result = tried(ada, server, **change)
    assert (result["outcome"], failed_at(result)) == ("auth_invalid", "sign_in"), result
    assert "does not know the client, or refuses its secret" in result["said"]


def test_a_client_that_may_not_sign_in_by_itself_lacks_a_right(server: Keycloak, ada: Api) -> None:
    result = tried(ada, server, client_id="for people only")
    assert (result["outcome"], failed_at(result)) == ("auth_scope", "sign_in"), result


@pytest.mark.parametrize("realm", ["nobody", "acme/account", "ACME"])
def test_a_wrong_issuer_is_a_wrong_setting(realm: str, server: Keycloak, ada: Api) -> None:
    result = tried(ada, server, issuer=f"{server.address}/realms/{realm}")
    assert (result["outcome"], failed_at(result)) == ("config", "sign_in"), result


def test_a_scope_that_the_client_may_not_ask_for_lacks_a_right(server: Keycloak, ada: Api) -> None:
    result = tried(ada, server, scopes="openid no-such-scope")
    assert (result["outcome"], failed_at(result)) == ("auth_scope", "sign_in"), result


def signed_in(server: Keycloak, credentials: dict[str, str], **way: Any) -> Report:
    """Check a connection of an entry that signs in to this issuer in another way."""
    sign_in = {"kind": "token", "issuer": "{issuer}", "scopes": ["openid"], **way}
    who = {
        "title": "Read whose token it is",
        "url": "{issuer}/protocol/openid-connect/userinfo",
        "answers": [{"status": [200], "path": "sub", "present": True, "verdict": "passed"}],
        "account": ["preferred_username"],
    }
    check = {"who": who, "proves": "The token is good."}
    subject = subject_of(sign_in, check, credentials, {"issuer": server.issuer})

    async def once() -> Report:
        async def untold(_: object) -> None:
            """Do nothing with a step: the report has them all."""

        async with OutboundClient(LOOPBACK, keep_alive=False) as client:
            return await run(subject, client, untold)

    return asyncio.run(once())


@pytest.mark.parametrize("client_auth", ["basic", "body"])
def test_a_secret_is_taken_from_a_header_and_from_the_body(
    client_auth: str, server: Keycloak
) -> None:
    good = {"client_id": "portal", "client_secret": SECRET}
    report = signed_in(server, good, client_auth=client_auth)
    assert (report.outcome, report.account) == ("passed", "service-account-portal"), report
    bad = {**good, "client_secret": "wrong"}
    assert signed_in(server, bad, client_auth=client_auth).outcome == "auth_invalid"


def test_an_assertion_that_the_portal_signed_is_taken(server: Keycloak) -> None:
    way = {
        "client_auth": "private_key_jwt",
        "assertion": {"key": "{private_key}", "issuer": "{client_id}", "subject": "{client_id}"},
    }
    good = {"client_id": "signer", "private_key": KEY.as_pem(private=True).decode()}
    report = signed_in(server, good, **way)
    assert (report.outcome, report.account) == ("passed", "service-account-signer"), report
    stranger = RSAKey.generate_key(2048).as_pem(private=True).decode()
    refused = signed_in(server, {**good, "private_key": stranger}, **way)
    assert refused.outcome == "auth_invalid", refused
