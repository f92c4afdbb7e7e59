"""Provide the cast: people of two tenants who call the portal with real tokens of a real provider.

Ada (admin), Ed (editor) and Vic (viewer) belong to Acme. Gus is the stranger, an admin of Globex.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from portal_devtools.identity_provider import PEOPLE, ProviderClient, create_provider
from portal_devtools.identity_provider.people import ACME, GLOBEX, ProviderPerson
from portal_devtools.identity_provider.signing_key import issue_token, sign, signing_keys
from werkzeug.test import TestResponse

from portal.core.config import libpq_url
from portal.database.actor import Origin
from portal.database.session import session
from portal.identity import people
from portal.identity.openid.relying_party import Identity
from portal.identity.sessions import sessions
from portal.identity.sessions.cookies import Cookies
from tests.databases import Database
from tests.identity.serving import served

PREFIX = "/api/v1/integration"
ADA, ED, VIC = "ada@acme.example", "ed@acme.example", "vic@acme.example"
GUS = "gus@globex.example"


BASE_URL = "http://localhost:8000"
AUDIENCE = "urn:cpod:integration"
CLIENT_ID, CLIENT_SECRET = "cpod-portal", "a secret between the tests and their provider"


@dataclass
class Api:
    """A caller of the REST API. Paths are below the prefix, bodies are JSON."""

    client: FlaskClient
    token: str

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        options.setdefault("buffered", True)  # else an answer that is sent in parts goes on
        return self.client.open(PREFIX + path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", path, json=json, **options)

    def patch(self, path: str, json: Any, **options: Any) -> TestResponse:
        return self.call("PATCH", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.call("DELETE", path, **options)

    def create(self, resource: str, **body: Any) -> dict[str, Any]:
        """Create a record and return it. Fail if the portal refuses it."""
        answer = self.post(f"/{resource}", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json or {})


@dataclass
class Pages:
    """The browser of a signed-in person, without a window. It sends what our own forms send."""

    client: FlaskClient
    person_id: str
    token: str = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def post(
        self, path: str, data: Mapping[str, Any] | None = None, **options: Any
    ) -> TestResponse:
        """Send a form with its token, from a page of ours (`Referer`: "/")."""
        headers = {
            "Sec-Fetch-Site": "same-origin",
            "Referer": "http://localhost/",
            **options.pop("headers", {}),
        }
        fields = {"csrf_token": self.csrf_token(), **(data or {})}
        return self.client.post(path, data=fields, headers=headers, **options)

    def csrf_token(self) -> str:
        """Return the token for this person's forms."""
        if not self.token:
            found = re.search(r'name="csrf_token" value="([^"]+)"', self.get("/").text)
            assert found, "no form on the first page"
            self.token = found[1]
        return self.token


def sign_in(app: Flask, who: str | ProviderPerson, *, minutes_ago: float = 0) -> Pages:
    """Sign in a person of the cast by email, or another person, `minutes_ago`, without the pages
    of the provider."""
    person = next((one for one in PEOPLE if one.email == who), who)
    assert isinstance(person, ProviderPerson), who
    config = app.extensions["portal"]
    auth_time = int(time.time() - 60 * minutes_ago)
    identity = Identity(
        config.oidc_issuer, person.subject, auth_time, None, None, person.claims(), "a.b.c"
    )
    rules = people.Rules(
        config.oidc_tenant_claim,
        config.oidc_roles_claim,
        config.oidc_role_map,
        config.oidc_groups_claim,
    )
    with app.app_context():
        _, known = people.admit(identity, rules)
        _, cookie = sessions.begin(known, identity, Origin(ip="127.0.0.1"))
        session.commit()
        person_id = known.id
    client = app.test_client()
    client.set_cookie(Cookies.of(config).session, cookie)
    return Pages(client, person_id)


@pytest.fixture
def browse(app: Flask, tenants: tuple[str, str]) -> Callable[..., Pages]:
    """Return a function: `browse(ADA).get("/webhooks")` opens pages as one of the cast.

    With `minutes_ago=11`, the portal asks for a new sign-in (step-up).
    """
    return partial(sign_in, app)


@dataclass(frozen=True)
class Provider:
    """The running development provider: its issuer, and the directory of its keys."""

    issuer: str
    data_dir: Path

    def token(self, email: str) -> str:
        return issue_token(self.data_dir, self.issuer, email)

    def token_of(self, person: ProviderPerson, **more: Any) -> str:
        """Return a token of a person whom the provider need not know, with more claims."""
        now = int(time.time())
        times = {"iat": now, "exp": now + 3600, "jti": f"token {now} of {person.email}"}
        whose = {"iss": self.issuer, "aud": AUDIENCE, "client_id": CLIENT_ID}
        claims = person.claims() | times | whose | more
        return sign(signing_keys(self.data_dir), claims, "at+jwt")


@pytest.fixture(scope="session")
def token_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """Yield a provider whose tokens the tests' application trusts."""
    data_dir = tmp_path_factory.mktemp("provider")
    # The tests' application is at no address, so it cannot be told that somebody signed out.
    client = replace(
        ProviderClient.portal(BASE_URL, CLIENT_ID, CLIENT_SECRET), backchannel_logout_uri=None
    )
    with served(lambda address: create_provider(address, [client], data_dir=data_dir)) as issuer:
        yield Provider(issuer, data_dir)


@pytest.fixture
def tenants(database: Database) -> tuple[str, str]:
    """Make Acme and Globex customers, and return their ids."""
    add_tenants(database)
    return ACME, GLOBEX


def add_tenants(database: Database) -> None:
    rows = [(ACME, "acme", "Acme", "acme"), (GLOBEX, "globex", "Globex", "glbx")]
    with psycopg.connect(libpq_url(database.owner_url), autocommit=True) as connection:
        connection.cursor().executemany(
            "INSERT INTO tenant (id, slug, name, key_code) VALUES (%s, %s, %s, %s)", rows
        )


def fill(database: Database, statements: Sequence[str], many: int) -> None:
    """Fill tables of Acme with so many records, for a test of what reading them costs."""
    database.renew()
    add_tenants(database)
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement, {"tenant": ACME, "many": many})  # type: ignore[arg-type]
        # All tables: what earlier tests left in one, such as dead rows, changes the plan.
        connection.execute("VACUUM ANALYZE")


@pytest.fixture
def api(app: Flask, tenants: tuple[str, str], token_provider: Provider) -> Callable[[str], Api]:
    """Return a function: `api(ADA).get("/applications")` calls REST as one of the cast."""
    return lambda email: Api(app.test_client(), token_provider.token(email))


@pytest.fixture
def ada(api: Callable[[str], Api]) -> Api:
    return api(ADA)


@pytest.fixture
def ed(api: Callable[[str], Api]) -> Api:
    return api(ED)


@pytest.fixture
def vic(api: Callable[[str], Api]) -> Api:
    return api(VIC)


@pytest.fixture
def gus(api: Callable[[str], Api]) -> Api:
    return api(GUS)
