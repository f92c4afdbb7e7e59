"""The development provider over the network, and a browser with cookies but without scripts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from portal_devtools.identity_provider import (
    PEOPLE,
    ProviderClient,
    ProviderPerson,
    create_provider,
)

from portal.identity.openid.issuer import Issuer
from portal.identity.openid.relying_party import Client, Identity, RelyingParty
from tests.identity.fake_op import _op_server, op
from tests.identity.serving import served

__all__ = ["_op_server", "op"]

PORTAL = "http://localhost:9"  # the provider's redirect target; nothing listens there
SECRET = "the portal's secret at the provider"
REPORTER_SECRET = "the secret of a reporting program"


@dataclass
class Visitor:
    """A browser at the provider's pages, which does not follow the redirect to the portal."""

    issuer: str

    def __post_init__(self) -> None:
        self.http = requests.Session()
        self.http.trust_env = False

    def open(self, url: str) -> requests.Response:
        return self.http.get(url, allow_redirects=False, timeout=10)

    def choose(self, page: requests.Response, person: ProviderPerson) -> dict[str, list[str]]:
        """Press the person's button; return the parameters of the response to the portal."""
        action = re.search(r'action="([^"]+)"', page.text)
        assert action, page.text
        answer = self.http.post(
            self.issuer + action[1].replace("&amp;", "&"),
            data={"person": person.subject},
            allow_redirects=False,
            timeout=10,
        )
        return answer_of(answer)


def answer_of(response: requests.Response) -> dict[str, list[str]]:
    """Return the parameters of a redirect to the portal's callback."""
    assert response.status_code == 302, response.text
    assert response.headers["Location"].startswith(f"{PORTAL}/auth/callback?")
    return parse_qs(urlsplit(response.headers["Location"]).query)


def person(email: str) -> ProviderPerson:
    return next(p for p in PEOPLE if p.email == email)


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the issuer of a running development provider with two clients."""
    clients = [
        ProviderClient.portal(PORTAL, "portal", SECRET),
        ProviderClient(
            "reporter",
            REPORTER_SECRET,
            tenant_id=person("ada@acme.example").tenant_id,
            scopes=("applications:read", "connectors:read"),
        ),
    ]
    data_dir = tmp_path_factory.mktemp("provider")
    with served(lambda issuer: create_provider(issuer, clients, data_dir=data_dir)) as issuer:
        yield issuer


@pytest.fixture
def visitor(provider: str) -> Visitor:
    return Visitor(provider)


def relying_party(issuer: str, **over: str) -> RelyingParty:
    registration = {
        "client_id": "portal",
        "client_secret": SECRET,
        "redirect_uri": f"{PORTAL}/auth/callback",
        "after_logout_uri": f"{PORTAL}/auth/logged-out",
    }
    return RelyingParty(Issuer(issuer), Client(**(registration | over)))


@pytest.fixture
def party(provider: str) -> RelyingParty:
    return relying_party(provider)


def sign_in(party: RelyingParty, visitor: Visitor, email: str) -> Identity:
    url, pending = party.start()
    return party.finish(visitor.choose(visitor.open(url), person(email)), [pending])
