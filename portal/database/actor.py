"""Who acts, for which tenant, with which rights: the first argument of every verb."""

from dataclasses import dataclass, field
from typing import Literal

from portal.core.errors import Forbidden

SourceType = Literal["frontend", "backend", "server", "system", "api"]
ActorKind = Literal["person", "application", "system"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for the audit: address, program and request id."""

    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, for which tenant, with which rights: the first argument of every verb.

    `app_id` (a slug) and `application_id` are set only when the credential belongs to an
    Application; they stamp what it writes and narrow what it reads (specification, `app_id`).
    """

    tenant_id: str
    kind: ActorKind
    id: str
    name: str
    scopes: frozenset[str] = frozenset()
    app_id: str | None = None
    application_id: str | None = None
    person_id: str | None = None
    source_type: SourceType = "api"
    origin: Origin = field(default_factory=Origin)

    def can(self, scope: str) -> bool:
        """Tell whether the actor holds `scope`, such as `connectors:write`."""
        return scope in self.scopes

    def require(self, scope: str) -> None:
        """Pass, or raise Forbidden that names the missing permission."""
        if not self.can(scope):
            raise Forbidden(
                f"This needs the permission {scope}. An admin of your tenant can grant it.",
                scope=scope,
            )
