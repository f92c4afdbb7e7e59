"""The commands and documents of applications in REST."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from portal.core.errors import did_you_mean
from portal.identity.openid.claims import ALL_SCOPES
from portal.records.health import RecordHealth
from portal.records.schemas import (
    Command,
    Document,
    Filled,
    Line,
    LongText,
    Name,
    ShortText,
    Slug,
    quoted,
)

Kind = Literal["app", "platform-service", "library"]
Status = Literal["draft", "active", "deprecated", "suspended", "retired"]
EntityType = Annotated[
    str, StringConstraints(min_length=1, max_length=80, pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")
]
BasePath = Annotated[
    str, StringConstraints(max_length=200, pattern=r"^/[A-Za-z0-9._~!$&'()*+,;=:@%/{}-]*$")
]


def _known_scope(scope: str) -> str:
    if scope not in ALL_SCOPES:
        near = did_you_mean(scope, sorted(ALL_SCOPES))
        raise ValueError(f"There is no scope {quoted(scope, 40)}.{near}")
    return scope


Scope = Annotated[
    str,
    AfterValidator(_known_scope),
    WithJsonSchema({"type": "string", "enum": sorted(ALL_SCOPES)}),
]
Scopes = Annotated[list[Scope], AfterValidator(lambda scopes: sorted(set(scopes)))]


class ApplicationInput(Command):
    """The fields that a client may write. All are optional: `{}` registers a working draft."""

    server_managed: ClassVar[frozenset[str]] = frozenset({"status_reason", "health"})

    display_name: Name | None = Field(None, description="Human-readable name, e.g. CRM 360.")
    slug: Slug | None = Field(
        None,
        description="Stable lowercase app slug; the value stamped into app_id. Made from the name"
        " when left out, and fixed once it is there.",
    )
    kind: Kind = Field(
        "app",
        description="app = user-facing; platform-service ="
        " cpod-backend/cpod-arai/coreiq/core-sdk; library = no runtime identity. A"
        " library has no keys.",
    )
    primary_domain: ShortText | None = Field(None, description="Model domain primarily served.")
    description: LongText | None = Field(None, description="What the app does.")
    oauth_client_id: ShortText | None = Field(
        None,
        description="Registered OAuth client id. core-sdk maps a validated token's client_id to"
        " this id to stamp appId on every write. Set by admins in person only, never by a key or a"
        " program.",
    )
    status: Status = Field(
        "active",
        description="Lifecycle status of the application. suspended and retired are entered and"
        " left through the actions suspend, retire and reopen only.",
    )
    canonical_owner_of: list[EntityType] = Field(
        default=[],
        max_length=100,
        description="Entity types this app is the canonical owner of; empty for pure consumers.",
    )
    api_base_path: BasePath | None = Field(
        None, description="Base path the app serves or is reached at, e.g. /v1/deals."
    )
    repository: Annotated[Line, StringConstraints(max_length=500)] | None = Field(
        None, description="Source repository."
    )
    allowed_scopes: Scopes = Field(
        default=[],
        max_length=50,
        description="Scopes that its keys may have at most. A change affects keys that exist at"
        " once. Empty: all that their creators may give.",
    )


class StateReason(Command):
    """The reason for suspending, retiring or reopening an application, shown to people later."""

    reason: Annotated[Filled, StringConstraints(max_length=500)] = Field(
        description="Reason, in a sentence for people. It is kept in the history."
    )


class ApplicationDocument(Document):
    """An application as it is read (specification: Application)."""

    display_name: str = Field(description="Human-readable name, e.g. CRM 360.")
    slug: str = Field(description="Stable lowercase app slug; the value stamped into app_id.")
    kind: Kind = Field(
        description="app = user-facing; platform-service ="
        " cpod-backend/cpod-arai/coreiq/core-sdk; library = no runtime identity."
    )
    primary_domain: str | None = Field(description="Model domain primarily served.")
    description: str | None = Field(description="What the app does.")
    oauth_client_id: str | None = Field(
        description="Registered OAuth client id. core-sdk maps a validated token's client_id to"
        " this id to stamp appId on every write."
    )
    status: Status = Field(description="Lifecycle status of the application.")
    status_reason: str | None = Field(
        description="Reason for which it was suspended, retired or reopened last."
    )
    canonical_owner_of: list[str] = Field(
        description="Entity types this app is the canonical owner of; empty for pure consumers."
    )
    api_base_path: str | None = Field(
        description="Base path the app serves or is reached at, e.g. /v1/deals."
    )
    repository: str | None = Field(description="Source repository.")
    allowed_scopes: list[str] = Field(
        description="Scopes that its keys may have at most; empty for no limit."
    )
    health: RecordHealth = Field(
        description="Health of the application: the worst of what belongs to it."
    )
