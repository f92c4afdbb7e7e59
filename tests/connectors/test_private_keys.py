"""Private keys that take long to read are refused where they are typed, and are not read."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from portal.providers import PROVIDERS
from tests import private_keys
from tests.cast import Api

APP = {"provider": "github", "auth_type": "github_app"}
OKTA = {
    "provider": "okta",
    "auth_type": "oauth2_private_key_jwt",
    "config": {"domain": "acme.okta.com"},
}
MTLS = {
    "provider": "http",
    "auth_type": "mtls",
    "config": {"baseUrl": "https://api.example.com"},
}
PRIMES = (1 << 1279) - 1, (1 << 607) - 1
TOO_LONG = "This RSA key has 5,498 bits. Use one of at most 4,096."


def app_with(key: str) -> dict[str, Any]:
    held = {"app_id": "1", "installation_id": "2", "private_key_pem": key}
    return {**APP, "credentials": held}


def refusal(answer: Any) -> tuple[int, list[tuple[str, str]]]:
    errors = (answer.json or {}).get("errors", [])
    return answer.status_code, [(each["field"], each["message"]) for each in errors]


@pytest.mark.parametrize("path", ["/connectors", "/connectors/draft-checks"])
@pytest.mark.parametrize("make", [private_keys.long_rsa, private_keys.long_rsa_in_pkcs8])
def test_a_long_rsa_key_is_refused_by_its_length(ed: Api, path: str, make: Any) -> None:
    said = refusal(ed.post(path, app_with(make())))
    assert said == (422, [("credentials.private_key_pem", TOO_LONG)])


def test_a_long_rsa_key_cannot_replace_another_one(ed: Api) -> None:
    made = ed.create("connectors", **app_with("not read yet"))
    change = {"credentials": {"private_key_pem": private_keys.long_rsa()}}
    said = refusal(ed.patch(f"/connectors/{made['id']}", change))
    assert said == (422, [("credentials.private_key_pem", TOO_LONG)])


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (private_keys.rsa_jwk(), "5,498 bits"),
        (private_keys.rsa_jwk(*PRIMES, has_factors=False), "lacks one of p"),
    ],
    ids=["long", "without factors"],
)
def test_a_jwk_that_takes_long_to_read_is_refused(ed: Api, key: str, words: str) -> None:
    body = {**OKTA, "credentials": {"client_id": "c", "private_jwk": key}}
    status, [(field, message)] = refusal(ed.post("/connectors", body))
    assert (status, field) == (422, "credentials.private_jwk")
    assert words in message


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (private_keys.encrypted, "is encrypted. Enter it without a passphrase."),
        (private_keys.encrypted_in_the_old_way, "is encrypted"),
        (private_keys.dsa, "Use an RSA key"),
        (private_keys.long_rsa, "5,498 bits"),
    ],
)
def test_a_client_key_that_takes_long_to_read_is_refused(ed: Api, make: Any, words: str) -> None:
    held = {"client_cert_pem": "not read yet", "client_key_pem": make()}
    status, [(field, message)] = refusal(ed.post("/connectors", {**MTLS, "credentials": held}))
    assert (status, field) == (422, "credentials.client_key_pem")
    assert words in message


@pytest.mark.parametrize(
    "key", [rsa.generate_private_key(65537, 4096), ec.generate_private_key(ec.SECP384R1())]
)
def test_usual_keys_are_taken(ed: Api, key: Any) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    assert ed.post("/connectors", app_with(pem.decode())).status_code == 201


def test_every_private_key_that_the_portal_uses_is_looked_at() -> None:
    unseen = [
        f"{provider.key} {variant.type} {name}"
        for provider in PROVIDERS.values()
        if not provider.is_open  # it is never used, only lent
        for variant in provider.auth
        for name in variant.names - variant.private_keys
        if name.startswith(("private_key", "private_jwk", "client_key"))
    ]
    assert unseen == []
