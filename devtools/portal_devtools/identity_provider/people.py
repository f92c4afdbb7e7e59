"""The demo people and the registered clients of the development provider."""

import hmac
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin

from portal.identity.openid.claims import ALL_SCOPES
from portal_devtools.demo import MAIN_TENANT

ACME = MAIN_TENANT
GLOBEX = "tnt_01K00000000000000000G10BEX"
SCOPES = ("openid", "profile", "email", "offline_access")
# The demo programs: the `oauth_client_id` of a demo application → its tenant.
PROGRAMS = {"crm-360": ACME}
PROGRAM_SCOPES = tuple(sorted(ALL_SCOPES))


@dataclass(frozen=True, slots=True)
class ProviderPerson:
    """A person who can sign in. `tenant_name` is for the account page only."""

    email: str
    name: str
    tenant_id: str | None = None
    tenant_name: str = ""
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """Return a stable, opaque id, so that a client that uses the email as the key fails."""
        return uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{self.email}").hex

    def claims(self) -> dict[str, Any]:
        """Return the person's claims for tokens and userinfo."""
        claims: dict[str, Any] = {
            "sub": self.subject,
            "name": self.name,
            "email": self.email,
            "email_verified": True,
            "roles": list(self.roles),
            "groups": list(self.groups),
        }
        if self.tenant_id is not None:
            claims["tenant_id"] = self.tenant_id
        return claims


PEOPLE = (
    ProviderPerson("ada@acme.example", "Ada Almeida", ACME, "Acme", ("admin",), ("security",)),
    ProviderPerson(
        "ed@acme.example", "Ed Okafor", ACME, "Acme", ("editor",), ("security", "sales")
    ),
    ProviderPerson("vic@acme.example", "Vic Lindqvist", ACME, "Acme", ("viewer",)),
    ProviderPerson("gus@globex.example", "Gus Moreau", GLOBEX, "Globex", ("admin",)),
    ProviderPerson("nora@nowhere.example", "Nora Nilsen"),
)


@dataclass(frozen=True)
class ProviderClient(ClientMixin):
    """A registered client. With `tenant_id` it is a program that gets tokens for itself."""

    client_id: str
    client_secret: str = field(repr=False)
    name: str = ""
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    tenant_id: str | None = None
    scopes: tuple[str, ...] = SCOPES

    @classmethod
    def portal(cls, base_url: str, client_id: str, client_secret: str) -> "ProviderClient":
        """Return the portal's own registration, for the portal at `base_url`."""
        return cls(
            client_id=client_id,
            client_secret=client_secret,
            name="cPod integration portal",
            redirect_uris=(f"{base_url}/auth/callback",),
            post_logout_redirect_uris=(f"{base_url}/auth/logged-out",),
            backchannel_logout_uri=f"{base_url}/auth/backchannel-logout",
        )

    @classmethod
    def programs(cls, secret: str) -> list["ProviderClient"]:
        """Return the demo programs, which get tokens for themselves; all have the same secret."""
        return [
            cls(client_id, secret, client_id, tenant_id=tenant_id, scopes=PROGRAM_SCOPES)
            for client_id, tenant_id in PROGRAMS.items()
        ]

    @property
    def origins(self) -> set[str]:
        """Return the origins that a response may redirect the browser to."""
        parts = [urlsplit(uri) for uri in self.redirect_uris + self.post_logout_redirect_uris]
        return {f"{part.scheme}://{part.netloc}" for part in parts}

    @property
    def client_metadata(self) -> dict[str, Any]:
        """Return the metadata that Authlib's endpoints need of a client."""
        return {"post_logout_redirect_uris": list(self.post_logout_redirect_uris)}

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        return self.redirect_uris[0] if len(self.redirect_uris) == 1 else None

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return the requested scopes that are allowed, in the requested order."""
        wished = scope.split() if scope else [s for s in self.scopes if s != "offline_access"]
        return " ".join(name for name in wished if name in self.scopes)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(client_secret.encode(), self.client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and bool(self.redirect_uris)

    def check_grant_type(self, grant_type: str) -> bool:
        if grant_type == "client_credentials":
            return self.tenant_id is not None
        return grant_type in ("authorization_code", "refresh_token") and bool(self.redirect_uris)
