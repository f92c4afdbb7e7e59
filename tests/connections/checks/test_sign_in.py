"""Test every way to sign in that needs no browser, as the other side sees it."""

import asyncio
import base64
import contextlib
import json
import os
import socket
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from portal.connections.checks import visit
from portal.connections.checks.report import Failure, Fetched
from tests import private_keys
from tests.connections.checks.fake import ME, NAME, TOKEN, Fake, check, reply

CLIENT = {"client_id": "client 1", "client_secret": "s3cret/of the+client"}
TOKEN_WAY = {"kind": "token", "token_url": "https://{host}/token"}
GIVEN = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}


def pem_of(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
RSA_PEM, EC_PEM = pem_of(RSA), pem_of(EC)


@pytest.fixture
def issuing(fake) -> Fake:
    """Return the provider with a token address; it knows only who has the token."""
    fake.routes["/token"] = reply(GIVEN)

    def me(seen):
        known = seen.headers.get("authorization") == f"Bearer {TOKEN}"
        return reply(NAME) if known else reply({}, 401)

    fake.routes["/me"] = me
    return fake


def form_of(fake, path="/token") -> dict[str, str]:
    seen = next(seen for seen in fake.seen if seen.path == path)
    return {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}


# --- what is stored -------------------------------------------------------------------------------


def test_a_key_in_the_query(fake):
    way = {"kind": "headers", "query": {"api key": "{token}"}}
    check(fake, way, credentials={"token": "a&b=c"})
    assert fake.paths() == ["/me?api%20key=a%26b%3Dc"]


@pytest.mark.parametrize("place", ["header", "query"])
def test_a_key_where_the_settings_say(fake, place):
    config = {"keyPlacement": place, "keyName": "X-Key", "valueTemplate": "Key {token}"}
    check(fake, {"kind": "placed_key"}, config=config)
    seen = fake.seen[0]
    assert (seen.headers.get("x-key") == f"Key {TOKEN}") is (place == "header")
    assert ("X-Key=Key%20" in seen.path) is (place == "query")


def test_user_name_and_password(fake):
    held = {"username": "svc", "password": "pä:ss"}
    assert check(fake, {"kind": "basic"}, credentials=held).report.outcome == "passed"
    sent = fake.seen[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "svc:pä:ss"


@pytest.mark.parametrize("token", ["a\nb", "a\r\nX-Evil: 1", "a\x00b"])
def test_a_credential_with_a_line_break_is_not_sent(fake, token):
    done = check(fake, credentials={"token": token})
    assert (done.report.outcome, fake.seen) == ("config", [])
    assert "line break" in done.report.remedy


def test_a_token_that_is_signed_here(fake):
    way = {
        "kind": "signed_token",
        "headers": {"Authorization": "Bearer {access_token}", "X-Kind": "KEYPAIR_JWT"},
        "assertion": {
            "key": "{key}", "issuer": "{account:upper}.{key_fingerprint}",
            "subject": "{account:upper}", "lifetime": 600,
        },
    }  # fmt: skip
    done = check(fake, way, credentials={"key": RSA_PEM}, config={"account": "acme"})
    assert done.report.outcome == "passed"
    token = fake.seen[0].headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, RSAKey.import_key(RSA_PEM)).claims
    assert claims["sub"] == "ACME"
    assert claims["iss"].startswith("ACME.SHA256:")
    assert claims["exp"] - claims["iat"] == 600
    assert "aud" not in claims


def test_a_client_certificate(certificates, fake):
    pair = client_pair(certificates)
    fake.authorities_of_clients = certificates.authority
    way = {"kind": "certificate", "certificate": "{cert}", "key": "{key}"}
    done = check(fake, way, credentials=pair)
    assert done.report.outcome == "passed"
    assert set(done.states().values()) == {"passed"}


def test_a_missing_client_certificate_is_a_refused_sign_in(certificates, fake):
    fake.authorities_of_clients = certificates.authority
    with demanding(fake.tls()) as port:
        done = check(fake, check={"who": {**ME, "url": f"https://provider.example:{port}/me"}})
    assert done.report.outcome == "auth_invalid"
    assert done.step("sign_in").state == "failed"
    assert "client certificate" in done.report.said


@contextlib.contextmanager
def demanding(tls):
    """Serve TLS handshakes with blocking sockets: they send the alert that asyncio's leave out."""

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    kept = socket.socket(fileno=os.dup(connection.fileno()))
                    with contextlib.suppress(OSError), kept:
                        with contextlib.suppress(OSError):
                            tls.wrap_socket(connection, server_side=True)
                        kept.settimeout(5)
                        while kept.recv(4096):  # closing with unread bytes would undo the alert
                            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def test_a_server_that_hangs_up_on_a_certificate_may_be_refusing_it(certificates, fake):
    def hang_up(seen):
        raise OSError

    fake.routes["/me"] = hang_up
    way = {"kind": "certificate", "certificate": "{cert}", "key": "{key}"}
    done = check(fake, way, credentials=client_pair(certificates))
    assert done.report.outcome == "transient"
    assert "refuse the certificate" in done.report.remedy


def test_a_certificate_of_another_key_is_told_before_anything_is_sent(certificates, fake):
    pair = client_pair(certificates) | {"key": RSA_PEM}
    way = {"kind": "certificate", "certificate": "{cert}", "key": "{key}"}
    done = check(fake, way, credentials=pair)
    assert (done.report.outcome, fake.seen) == ("auth_invalid", [])
    assert RSA_PEM[40:60] not in str(done)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (private_keys.encrypted, "encrypted"),
        (private_keys.encrypted_in_the_old_way, "encrypted"),
        (private_keys.long_rsa, "5,498 bits"),
        (private_keys.dsa, "kind"),
    ],
)
def test_a_stored_client_key_that_takes_long_to_read_is_not_read(certificates, fake, make, words):
    pair = client_pair(certificates) | {"key": make()}
    way = {"kind": "certificate", "certificate": "{cert}", "key": "{key}"}
    done = check(fake, way, credentials=pair)
    assert (done.report.outcome, fake.seen) == ("auth_invalid", [])
    assert words in done.report.said


def client_pair(certificates) -> dict[str, str]:
    context = certificates.server("client.example")
    del context
    text = (certificates._folder / "client.example-20-False.pem").read_text()
    at = text.index("-----BEGIN CERTIFICATE")
    return {"cert": text[at:], "key": text[:at]}


# --- tokens ---------------------------------------------------------------------------------------


def test_client_credentials_in_the_body(issuing):
    way = {**TOKEN_WAY, "scopes": ["a", "b"], "parameters": {"audience": "api"}}
    done = check(issuing, way, credentials=CLIENT)
    assert form_of(issuing) == {
        "grant_type": "client_credentials", **CLIENT, "scope": "a b", "audience": "api",
    }  # fmt: skip
    assert done.report.outcome == "passed"
    assert set(done.states().values()) == {"passed"}
    left = done.report.token.expires_at - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    assert done.report.token.value == TOKEN


def test_client_credentials_in_the_header(issuing):
    check(issuing, {**TOKEN_WAY, "client_auth": "basic"}, credentials=CLIENT)
    sent = issuing.seen[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"client+1:s3cret%2Fof+the%2Bclient"
    assert form_of(issuing) == {"grant_type": "client_credentials"}


def test_client_credentials_as_json(issuing):
    check(issuing, {**TOKEN_WAY, "body": "json"}, credentials=CLIENT)
    assert json.loads(issuing.seen[0].body) == {"grant_type": "client_credentials", **CLIENT}


@pytest.mark.parametrize(
    ("algorithm", "pem", "kind"),
    [("RS256", RSA_PEM, RSAKey), ("PS256", RSA_PEM, RSAKey), ("ES256", EC_PEM, ECKey)],
)
@pytest.mark.parametrize("spelled", ["pem", "escaped", "jwk"])
def test_a_client_that_signs(issuing, algorithm, pem, kind, spelled):
    key = {
        "pem": pem,
        "escaped": pem.replace("\n", "\\n"),
        "jwk": json.dumps({**kind.import_key(pem).as_dict(private=True), "kid": "k1"}),
    }[spelled]
    assertion = {"algorithm": algorithm, "key": "{key}", "issuer": "{client_id}",
                 "subject": "{client_id}"}  # fmt: skip
    way = {**TOKEN_WAY, "client_auth": "private_key_jwt", "assertion": assertion}
    done = check(issuing, way, credentials={"client_id": "c1", "key": key})
    assert done.report.outcome == "passed", done.report
    sent = form_of(issuing)
    assert sent["client_assertion_type"].endswith("jwt-bearer")
    token = jwt.decode(sent["client_assertion"], kind.import_key(pem), algorithms=[algorithm])
    assert token.claims["aud"].endswith("/token")
    assert (token.claims["iss"], token.claims["sub"]) == ("c1", "c1")
    assert abs(token.claims["iat"] - time.time()) < 60
    assert token.header.get("kid") == ("k1" if spelled == "jwk" else None)


def test_a_client_that_signs_with_a_certificate_names_it(issuing, certificates):
    pair = client_pair(certificates)
    assertion = {"algorithm": "ES256", "key": "{key}", "issuer": "x", "thumbprint_of": "{cert}"}
    way = {**TOKEN_WAY, "client_auth": "private_key_jwt", "assertion": assertion}
    check(issuing, way, credentials={"client_id": "c1", **pair})
    head = form_of(issuing)["client_assertion"].partition(".")[0]
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["x5t#S256"]


def test_a_jwt_bearer_grant(issuing):
    assertion = {"key": "{key}", "key_id": "k9", "issuer": "svc", "claims": {"scope": "a b"},
                 "audience": "https://aud.example"}  # fmt: skip
    way = {**TOKEN_WAY, "grant": "jwt_bearer", "client_auth": "none", "assertion": assertion}
    assert check(issuing, way, credentials={"key": RSA_PEM}).report.outcome == "passed"
    sent = form_of(issuing)
    assert sent.keys() == {"grant_type", "assertion"}
    token = jwt.decode(sent["assertion"], RSAKey.import_key(RSA_PEM))
    assert (token.claims["aud"], token.claims["scope"]) == ("https://aud.example", "a b")
    assert token.header["kid"] == "k9"


def test_an_assertion_is_exchanged_for_a_token(issuing):
    end = "2031-01-31T00:00:00Z"
    issuing.routes["/token"] = reply(
        {"token": TOKEN, "expires_at": end, "permissions": {"contents": "read"}}, 201
    )
    way = {
        **TOKEN_WAY, "grant": "exchange", "client_auth": "none", "token_path": "token",
        "expires_path": "expires_at", "assertion": {"key": "{key}", "issuer": "7"},
    }  # fmt: skip
    grants = {"grants": {"source": "token_answer", "place": "permissions"},
              "needs": [{"scope": "contents:write"}]}  # fmt: skip
    done = check(issuing, way, grants, credentials={"key": RSA_PEM})
    assert issuing.seen[0].headers["authorization"].startswith("Bearer eyJ")
    assert done.report.token.expires_at == datetime(2031, 1, 31, tzinfo=UTC)
    assert (done.report.granted, done.report.missing) == (("contents:read",), ("contents:write",))


@pytest.mark.parametrize("key", ["", "no key", RSA_PEM[:200], "{}", '{"kty":"oct","k":"AAAA"}',
                                 EC_PEM])  # fmt: skip
def test_a_key_that_cannot_sign_is_told_before_anything_is_sent(issuing, key):
    way = {**TOKEN_WAY, "grant": "jwt_bearer", "client_auth": "none",
           "assertion": {"key": "{key}", "issuer": "x"}}  # fmt: skip
    done = check(issuing, way, credentials={"key": key})
    assert done.report.outcome == ("auth_invalid" if key else "config")
    assert issuing.seen == []


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (private_keys.long_rsa, "5,498 bits"),
        (private_keys.rsa_jwk, "5,498 bits"),
        (private_keys.dsa, "kind"),
        (private_keys.encrypted, "encrypted"),
        (private_keys.rsa_of_other_numbers, "cannot be used"),
    ],
)
def test_a_stored_key_that_takes_long_to_read_is_not_read(issuing, make, words):
    way = {**TOKEN_WAY, "grant": "jwt_bearer", "client_auth": "none",
           "assertion": {"key": "{key}", "issuer": "x"}}  # fmt: skip
    done = check(issuing, way, credentials={"key": make()})
    assert (done.report.outcome, issuing.seen) == ("auth_invalid", [])
    assert words in done.report.said


def test_claims_of_the_token_tell_rights_account_and_end(issuing):
    key = RSAKey.import_key(RSA_PEM)
    token = jwt.encode({"alg": "RS256"}, {"roles": ["Alert.Read"], "app": "acme"}, key)
    issuing.routes["/token"] = reply({**GIVEN, "access_token": token})
    done = check(
        issuing,
        TOKEN_WAY,
        {
            "who": {"driver": "token", "account": ["app"]},
            "grants": {"source": "jwt_claim", "place": "roles"},
            "needs": [{"scope": "Alert.Read"}],
        },
        credentials=CLIENT,
    )
    assert (done.report.outcome, done.report.account) == ("passed", "acme")
    assert done.report.granted == ("Alert.Read",)


@pytest.mark.parametrize("said", [{}, {"expires_in": None}, {"expires_in": "soon"},
                                  {"expires_in": -1}, {"expires_in": 1e300}])  # fmt: skip
def test_a_token_without_an_end_has_none(issuing, said):
    issuing.routes["/token"] = reply({"access_token": TOKEN, **said})
    done = check(issuing, TOKEN_WAY, credentials=CLIENT)
    assert (done.report.outcome, done.report.token.expires_at) == ("passed", None)


def test_an_end_may_be_written_as_text(issuing):
    issuing.routes["/token"] = reply({"access_token": TOKEN, "expires_in": "600"})
    done = check(issuing, TOKEN_WAY, credentials=CLIENT)
    assert done.report.token.expires_at < datetime.now(UTC) + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (401, {"error": "invalid_client"}, "auth_invalid"),
        (400, {"error": "invalid_client"}, "auth_invalid"),
        (200, {"error": "invalid_client"}, "auth_invalid"),
        (400, {"error": "invalid_grant"}, "auth_invalid"),
        (400, {"error": "unauthorized_client"}, "auth_scope"),
        (401, {"error": "unauthorized_client", "error_description":
               "Client not enabled to retrieve service account"}, "auth_scope"),
        (401, {"error": "unauthorized_client", "error_description":
               "Invalid client or Invalid client credentials"}, "auth_invalid"),
        (400, {"error": "invalid_scope"}, "auth_scope"),
        (400, {"error": "invalid_request"}, "config"),
        (400, {"error": "unsupported_grant_type"}, "config"),
        (503, {"error": "temporarily_unavailable"}, "transient"),
        (401, {"error": "invalid_client", "error_description": "AADSTS7000222: expired"},
         "auth_expired"),
        (404, {}, "config"),
        (200, {}, "config"),
        (200, {"access_token": {"a": 1}}, "config"),
        (200, {"access_token": ""}, "config"),
        (200, "<!doctype html>", "config"),
        (302, {}, "config"),
        (429, {}, "rate_limited"),
    ],
)  # fmt: skip
def test_each_refusal_of_a_token_has_its_meaning(issuing, status, body, outcome):
    headers = {"Location": "https://elsewhere.example/"} if status == 302 else {}
    issuing.routes["/token"] = reply(body, status, **headers)
    done = check(issuing, TOKEN_WAY, credentials=CLIENT)
    assert (done.report.outcome, done.step("sign_in").state) == (outcome, "failed")
    assert (done.step("who").state, done.report.token) == ("not_tried", None)
    assert issuing.paths() == ["/token"]


def test_a_slow_token_address_ends_at_the_limit_of_a_request(issuing, monkeypatch):
    monkeypatch.setattr(visit, "HEAD_SECONDS", 0.2)

    async def slow(_):
        await asyncio.sleep(30)
        return b""

    issuing.routes["/token"] = slow
    done = check(issuing, TOKEN_WAY, credentials=CLIENT)
    assert (done.report.outcome, done.step("sign_in").state) == ("transient", "failed")
    assert done.report.took_ms < 5000


def test_a_token_is_used_where_the_entry_says(issuing):
    issuing.routes["/me"] = lambda seen: reply(
        {**NAME, "name": seen.headers.get("x-auth", "none")[:9]}
    )
    way = {**TOKEN_WAY, "header": "X-Auth: Zoho {access_token}"}
    done = check(issuing, way, credentials=CLIENT)
    assert done.report.account == "ACME-Prod, Zoho tok_"


def test_neither_report_nor_steps_nor_their_spelling_have_the_token(issuing):
    issuing.routes["/me"] = lambda seen: reply({"message": seen.headers["authorization"]}, 403)
    done = check(issuing, TOKEN_WAY, credentials=CLIENT)
    assert TOKEN not in repr(done) + str(done.told)
    assert CLIENT["client_secret"] not in repr(done)


# --- issuers --------------------------------------------------------------------------------------


ISSUER_WAY = {"kind": "token", "issuer": "{issuer}"}


def metadata(fake, issuer="https://{0}/tenant", endpoint="https://{0}/token", **more):
    def answer(seen):
        host = seen.headers["host"]
        return reply(
            {"issuer": issuer.format(host), "token_endpoint": endpoint.format(host), **more}
        )

    return answer


@pytest.mark.parametrize(
    "place",
    ["/tenant/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/tenant"],
)
def test_the_issuers_metadata_name_the_token_address(issuing, place):
    issuing.routes[place] = metadata(issuing)
    way = {**ISSUER_WAY, "issuer": "https://{host}/tenant"}
    done = check(issuing, way, credentials=CLIENT)
    assert done.report.outcome == "passed", done.report
    assert form_of(issuing)["client_secret"] == CLIENT["client_secret"]


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://elsewhere.example"},
        {"endpoint": "http://{0}/token"},
        {"endpoint": "ftp://{0}/token"},
        {"endpoint": ""},
    ],
)
def test_metadata_that_mislead_get_no_secret(issuing, lie):
    issuing.routes["/tenant/.well-known/openid-configuration"] = metadata(issuing, **lie)
    way = {**ISSUER_WAY, "issuer": "https://{host}/tenant"}
    done = check(issuing, way, credentials=CLIENT)
    assert (done.report.outcome, done.step("sign_in").state) == ("config", "failed")
    assert all(b"secret" not in seen.body for seen in issuing.seen)


# --- a lease --------------------------------------------------------------------------------------


def test_a_lease_gets_a_token_in_the_same_way(issuing):
    got = check(issuing, TOKEN_WAY, credentials=CLIENT, token_only=True)
    assert isinstance(got, Fetched)
    assert got.value == TOKEN
    assert issuing.paths() == ["/token"]


@pytest.mark.parametrize(
    ("credentials", "status", "verdict"),
    [(CLIENT, 401, "auth_invalid"), (CLIENT, 503, "transient"), ({**CLIENT, "client_id": ""}, 200,
     "config")],
)  # fmt: skip
def test_a_lease_without_a_token_is_told_why(issuing, credentials, status, verdict):
    issuing.routes["/token"] = reply(GIVEN, status)
    got = check(issuing, TOKEN_WAY, credentials=credentials, token_only=True)
    assert isinstance(got, Failure)
    assert (got.verdict, bool(got.said), bool(got.remedy)) == (verdict, True, True)


# --- ways that are not proven ---------------------------------------------------------------------


def test_a_way_that_needs_a_browser_proves_the_connection_alone(issuing):
    way = {"kind": "browser", "authorize_url": "https://{host}/authorize",
           "token_url": "https://{host}/token"}  # fmt: skip
    done = check(issuing, way, credentials=CLIENT)
    assert done.states() == {
        "address": "passed", "connect": "passed", "tls": "passed", "sign_in": "not_tried",
        "who": "not_tried",
    }  # fmt: skip
    assert done.report.outcome == "unproven"
    assert "browser" in done.report.said
    assert all(secret.encode() not in seen.body for secret in CLIENT.values()
               for seen in issuing.seen)  # fmt: skip
    assert "authorization" not in issuing.seen[0].headers


def test_a_browsers_token_address_with_a_wrong_certificate_fails(certificates):
    fake = Fake(certificates, certificate_for="other.example")
    way = {"kind": "browser", "authorize_url": "https://{host}/a", "token_url": "https://{host}/t"}
    done = check(fake, way, credentials=CLIENT)
    assert (done.report.outcome, done.step("tls").state) == ("config", "failed")


def test_a_key_that_only_the_other_side_uses_is_unproven(fake):
    done = check(fake, {"kind": "unproven", "because": "It signs what they send."})
    assert (done.report.outcome, done.report.said) == ("unproven", "It signs what they send.")
    assert "authorization" not in fake.seen[0].headers


def test_a_jwk_with_a_bad_id_is_a_bad_key(issuing):
    key = json.dumps({**RSAKey.generate_key(2048).as_dict(private=True), "kid": 7})
    issuer = {"issuer": "{client_id}", "subject": "{client_id}"}
    assertion = {"algorithm": "RS256", "key": "{key}", **issuer}
    way = {**TOKEN_WAY, "client_auth": "private_key_jwt", "assertion": assertion}
    done = check(issuing, way, credentials={"client_id": "c1", "key": key})
    assert done.report.outcome == "auth_invalid"


@pytest.mark.parametrize("kind", ["RSA", "RSA-PSS"])
def test_a_client_certificate_is_presented_with_each_kind_of_rsa_key(fake, tmp_path, kind):
    def make(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    key, certificate = tmp_path / "key", tmp_path / "certificate"
    make("genpkey", "-algorithm", kind, "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(key))
    subject = ["-subj", "/CN=client", "-days", "9"]
    make("req", "-x509", "-new", "-key", str(key), *subject, "-out", str(certificate))
    pair = {"cert": certificate.read_text(), "key": key.read_text()}
    way = {"kind": "certificate", "certificate": "{cert}", "key": "{key}"}
    done = check(fake, way, credentials=pair)
    assert done.report.outcome == "passed", done.report.said
