"""Run the check of every entry of the catalogue, up to the name server."""

import asyncio
import socket

import pytest

from portal.connections.checks.report import Subject
from portal.connections.checks.run import run
from portal.outbound import OutboundClient
from portal.providers import PROVIDERS
from portal.providers.sign_in import Browser, Unproven
from tests.connections.checks.test_sign_in import RSA_PEM

VARIANTS = [(provider, variant) for provider in PROVIDERS.values() for variant in provider.auth]
EXAMPLES = {"host": "host.example", "url": "https://api.example", "int": 5432, "bool": True,
            "uuid": "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "email": "a@acme.example"}  # fmt: skip


def value_of(setting):
    usual = setting.default or setting.example or (setting.options or [None])[0]
    return usual or EXAMPLES.get(setting.kind, "value")


def credential_of(setting, certificate: tuple[str, str]) -> str:
    if "cert" in setting.key:
        return certificate[0]
    if "key_pem" in setting.key or "jwk" in setting.key:
        return certificate[1] if setting.key.startswith("client") else RSA_PEM
    return str(value_of(setting))


@pytest.fixture(scope="module")
def pair(certificates) -> tuple[str, str]:
    """Return a certificate and its key."""
    certificates.server("pair.example")
    text = (certificates._folder / "pair.example-20-False.pem").read_text()
    at = text.index("-----BEGIN CERTIFICATE")
    return text[at:], text[:at]


@pytest.mark.parametrize(
    ("provider", "variant"), VARIANTS, ids=[f"{p.key}-{v.type}-{n}" for n, (p, v) in
                                            enumerate(VARIANTS)]
)  # fmt: skip
def test_every_entry_asks_for_the_address_of_its_provider(provider, variant, pair):
    asked = []

    async def lookup(host, port):
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async def on_step(step):
        pass

    config = {setting.key: value_of(setting) for setting in provider.config} | dict(variant.when)
    held = {setting.key: credential_of(setting, pair) for setting in variant.credentials}

    async def main():
        async with OutboundClient((), lookup=lookup) as client:
            return await run(Subject(provider, variant, config, held), client, on_step)

    report = asyncio.run(main())
    says_nothing = isinstance(variant.sign_in, (Browser, Unproven)) or not provider.check_of(
        variant
    )
    if says_nothing and not asked:
        assert report.outcome == "unproven"
        return
    assert report.said == "There is no such host name, or it has no address.", report
    assert asked
