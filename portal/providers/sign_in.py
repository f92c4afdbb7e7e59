"""Define the ways to sign in that an entry of the catalogue may name.

Texts have placeholders in braces: the settings of the connector (`config`), the fields of its
credentials, and what earlier steps discovered. See `portal.providers.filling`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from portal.providers.settings import Declared


class Nothing(Declared):
    """Send no credentials."""

    kind: Literal["none"] = "none"


class Headers(Declared):
    """Send credentials in headers or, where a provider knows no other way, in the query."""

    kind: Literal["headers"]
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}


class PlacedKey(Declared):
    """Send a key where the settings of the connector say.

    `place` is `header` or `query`. `value` is filled twice, since the setting that it names is
    itself a text with a placeholder: `Bearer {apiKey}`.
    """

    kind: Literal["placed_key"]
    place: str = "{keyPlacement}"
    name: str = "{keyName}"
    value: str = "{valueTemplate}"


class Basic(Declared):
    """Send user name and password (RFC 7617)."""

    kind: Literal["basic"]
    username: str = "{username}"
    password: str = "{password}"  # noqa: S105 - a placeholder


class Assertion(Declared):
    """A signed JWT (RFC 7519, RFC 7523). Times are in seconds.

    `key` is a PEM or a JWK. `thumbprint_of` is a PEM certificate whose SHA-256 goes into the header
    `x5t#S256`. `{key_fingerprint}` in a claim is `SHA256:` and the base64 of the public key's DER.
    """

    algorithm: Literal["RS256", "ES256", "PS256"] = "RS256"
    key: str
    key_id: str | None = None
    thumbprint_of: str | None = None
    issuer: str
    subject: str | None = None
    audience: str | None = None
    claims: Mapping[str, str] = {}
    lifetime: int = 300


class Token(Declared):
    """Get an access token from a token address, then send it in a header (RFC 6749, 4.4; RFC 7523).

    `grant` is `client_credentials`, `jwt_bearer` (the assertion is the grant), or `exchange` (the
    assertion is the bearer token of the request, as for a GitHub App). `token_path` and
    `expires_path` are where the answer has the token and its life in seconds (`expires_in`) or its
    end (`expires_at`, ISO 8601). `discovers` names further values of the answer for later steps.
    `issuer` is the address under which RFC 8414 or OpenID Connect metadata names the token address
    if `token_url` is left out. `resource` is the API that takes the token: it is sent as such (RFC
    8707), and its metadata (RFC 9728) name the issuer if `issuer` is left out too.
    """

    kind: Literal["token"]
    grant: Literal["client_credentials", "jwt_bearer", "exchange"] = "client_credentials"
    token_url: str | None = None
    issuer: str | None = None
    resource: str | None = None
    client_auth: Literal["body", "basic", "private_key_jwt", "none"] = "body"
    client_id: str = "{client_id}"
    client_secret: str = "{client_secret}"  # noqa: S105 - a placeholder
    scopes: tuple[str, ...] = ()
    separator: str = " "
    parameters: Mapping[str, str] = {}
    body: Literal["form", "json"] = "form"
    assertion: Assertion | None = None
    token_path: str = "access_token"  # noqa: S105 - a name
    expires_path: str = "expires_in"
    discovers: Mapping[str, str] = {}
    header: str = "Authorization: Bearer {access_token}"


class SignedToken(Declared):
    """Send a JWT that is signed here as the token itself, without asking for one."""

    kind: Literal["signed_token"]
    assertion: Assertion
    headers: Mapping[str, str]


class SigV4(Declared):
    """Sign each request with AWS Signature Version 4; with `role_arn`, as that role (STS).

    `sts_url` is the address of the token service that lends the role's keys.
    """

    kind: Literal["sigv4"]
    service: str
    region: str = "{region}"
    access_key_id: str = "{access_key_id}"
    secret_access_key: str = "{secret_access_key}"  # noqa: S105 - a placeholder
    role_arn: str | None = None
    external_id: str | None = None
    sts_url: str = "https://sts.{region}.amazonaws.com/"


class ClientCertificate(Declared):
    """Present a certificate in the TLS handshake (RFC 8446, 4.4.2)."""

    kind: Literal["certificate"]
    certificate: str = "{client_cert_pem}"
    key: str = "{client_key_pem}"


class Browser(Declared):
    """Ask a person in a browser for consent (RFC 6749, 4.1).

    The portal has these addresses to show and to compare; a check cannot sign in without a person.
    """

    kind: Literal["browser"]
    authorize_url: str
    token_url: str
    authorize_parameters: Mapping[str, str] = {}
    token_parameters: Mapping[str, str] = {}
    client_auth: Literal["body", "basic"] = "body"
    body: Literal["form", "json"] = "form"
    pkce: bool = True
    scopes: tuple[str, ...] = ()
    separator: str = " "
    refresh: Literal["rotating", "fixed", "none"] = "fixed"
    token_path: str = "access_token"  # noqa: S105 - a name
    discovers: Mapping[str, str] = {}
    header: str = "Authorization: Bearer {access_token}"


class Unproven(Declared):
    """Name a credential that only the other side can use, such as a key that signs its webhooks."""

    kind: Literal["unproven"]
    because: str


SignIn = Annotated[
    Nothing
    | Headers
    | PlacedKey
    | Basic
    | Token
    | SignedToken
    | SigV4
    | ClientCertificate
    | Browser
    | Unproven,
    Field(discriminator="kind"),
]
