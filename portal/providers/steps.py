"""Define the requests that prove a connection, and how an entry reads each answer."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from portal.providers.settings import Declared

Verdict = Literal[
    "passed",
    "auth_invalid",  # the credentials are refused
    "auth_scope",  # the credentials are good, and something is not allowed
    "auth_expired",
    "config",  # a setting is wrong: a host, a path, a bucket, a certificate
    "rate_limited",
    "transient",  # the other side fails, or could not be reached in time
]
NEED_A_PERSON: frozenset[str] = frozenset({"auth_invalid", "auth_scope", "auth_expired", "config"})


class Answer(Declared):
    """One row of the table that reads an answer. All that it names must hold.

    `path` is a place in the JSON body (`data.0.id`); `is_` compares its value (as text, as JSON
    writes it: `true`; with placeholders; a row whose placeholder has no value does not apply),
    `present` asks whether it is there at all (null is not). `contains` is a text of the body,
    `json` whether the body is JSON. With `header` instead of `path`, `is_`, `is_not` and `present`
    ask a header of the answer. `status_of` is a text with a placeholder that holds the status.
    """

    status: tuple[int, ...] = ()
    status_of: str | None = None
    path: str | None = None
    is_: tuple[str, ...] = Field(default=(), alias="is")
    is_not: str | None = None
    present: bool | None = None
    contains: str | None = None
    json_: bool | None = Field(default=None, alias="json")
    header: str | None = None
    verdict: Verdict
    says: str | None = None
    """A sentence for people that says more than the verdict does."""


class Person(Declared):
    """The place that tells whether the credentials belong to a person and not to a service."""

    path: str
    is_: tuple[str, ...] = Field(alias="is")


class Call(Declared):
    """One request and the table of its answers. Rows that all entries share follow its own rows.

    `account` are places in the JSON body that together name the account, `discovers` values for
    later requests, as name → place; `where` picks the element of a list whose place holds a text.
    `is_compared` is for an address that may be open to everybody: the credentials are proven only
    if the same request without them does not pass.
    """

    title: str
    method: Literal["GET", "HEAD", "POST", "{testMethod}"] = "GET"
    url: str
    headers: Mapping[str, str] = {}
    form: Mapping[str, str] = {}
    json_: Any = Field(default=None, alias="json")
    answers: tuple[Answer, ...] = ()
    account: tuple[str, ...] = ()
    reached: str | None = None
    """Name the thing that answers, with placeholders, where no account is named: “The bucket
    {bucket}”."""
    person: Person | None = None
    discovers: Mapping[str, str] = {}
    where: Mapping[str, str] = {}
    is_compared: bool = False


class PostgresLogin(Declared):
    """Log in to a PostgreSQL server and ask for the user's name. Nothing is changed."""

    driver: Literal["postgresql"]
    title: str = "Log in"
    host: str = "{host}"
    port: str = "{port}"
    database: str = "{database}"
    sslmode: str = "{sslmode}"
    username: str = "{username}"
    password: str | None = "{password}"  # noqa: S105 - a placeholder
    certificate: str | None = None
    key: str | None = None


class SmtpLogin(Declared):
    """Sign in to a mail relay: EHLO, AUTH, NOOP, QUIT. No mail is sent."""

    driver: Literal["smtp"]
    title: str = "Sign in to the relay"
    host: str = "{host}"
    port: str = "{port}"
    tls: str = "{tls}"
    username: str = "{username}"
    password: str = "{password}"  # noqa: S105 - a placeholder


class McpHello(Declared):
    """Greet an MCP server (`initialize`), and learn from its metadata who signs in (RFC 9728)."""

    driver: Literal["mcp"]
    title: str = "Greet the server"
    url: str = "{serverUrl}"


class TokenProof(Declared):
    """Take the access token itself as the proof, where no request is open to every token.

    `account` are claims of the token, if it is a JWT.
    """

    driver: Literal["token"]
    title: str = "Get an access token"
    account: tuple[str, ...] = ()


Proof = Annotated[
    Call | PostgresLogin | SmtpLogin | McpHello | TokenProof, Field(union_mode="left_to_right")
]


class Grants(Declared):
    """The place that tells what the credentials may do.

    `source` is the JSON body or a header of the call that proves the identity, or a claim of the
    access token. Text is split at `separator`; a list is taken as it is.
    """

    source: Literal["json", "header", "jwt_claim", "token_answer"]
    place: str
    separator: str | None = None


class Need(Declared):
    """A scope that the connector needs. It is looked up in the grants, or proven by a call."""

    scope: str
    also: tuple[str, ...] = ()
    """Wider scopes that include this one."""
    call: Call | None = None


class Expiry(Declared):
    """The place from which the portal learns when the credentials end.

    `typed` means that nobody says it: an admin types it (`next_rotation_due`). `sql` is a column of
    the driver's question, `credential` a field whose JWT has the claim `exp`.
    """

    source: Literal["json", "header", "jwt_claim", "sql", "typed"]
    place: str | None = None
    credential: str | None = None
    longest_days: int | None = None
    idle_days: int | None = None
    """The credentials end after this number of days without use."""


class Check(Declared):
    """The requests that prove a connection, in order.

    `before` are requests whose answers later ones need. `proves` says in a sentence what a pass of
    `who` proves.
    """

    before: tuple[Call, ...] = ()
    who: Proof
    proves: str
    grants: Grants | None = None
    needs: tuple[Need, ...] = ()
    too_much: tuple[str, ...] = ()
    """Scopes that no connector of this provider needs, and whose holder could do harm."""
    expiry: Expiry = Expiry(source="typed")


class Limits(Declared):
    """The headers in which a provider says when it may be asked again.

    `after` holds seconds, `reset` a moment (seconds since 1970).
    """

    after: str = "retry-after"
    reset: str | None = None


class Revocation(Declared):
    """The request that ends a token or a credential at the provider.

    It is sent with the credential that it ends (`token`), as the client that got the token
    (`client`, in the way of its sign-in), or with nothing but the form.
    """

    method: Literal["POST", "DELETE"]
    url: str
    form: Mapping[str, str] = {}
    signed_by: Literal["token", "client", "nothing"] = "token"
