"""Define the actor, which is the first argument of every service function."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from portal.core.errors import Forbidden

# The permissions that only API keys can have: no role gives them.
FOR_KEYS = frozenset({"connectors:use"})

SourceType = Literal["frontend", "backend", "server", "system", "api"]
ActorKind = Literal["person", "application", "system"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Hold where a request came from, for the audit log: address, user agent and request id."""

    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or program that acts for a tenant, with its permissions.

    `app_id` (a slug) and `application_id` are set only if the credential belongs to an Application.
    They are stored with what it writes, and limit what it reads (specification, `app_id`). `groups`
    and `role` are those of a person, and `is_admin` is true for a person who is an admin of the
    tenant. A token that is narrowed to scopes acts without the role. `expires_at` is the time when
    the credential ends, if it has an end. `is_changing` is set for an operation of REST that
    changes something.
    """

    tenant_id: str
    kind: ActorKind
    id: str
    name: str
    scopes: frozenset[str] = frozenset()
    app_id: str | None = None
    application_id: str | None = None
    person_id: str | None = None
    groups: frozenset[str] = frozenset()
    role: str = ""
    is_admin: bool = False
    expires_at: datetime | None = None
    is_changing: bool = False
    source_type: SourceType = "api"
    origin: Origin = field(default_factory=Origin)

    def can(self, scope: str) -> bool:
        """Tell whether the actor holds `scope`, such as `connectors:write`; everybody holds an
        empty one."""
        return not scope or scope in self.scopes

    @property
    def grantable(self) -> frozenset[str]:
        """Return the scopes that the actor may give to a key or allow an application: its own, and
        to a person who issues keys and changes connectors also those that only keys can have."""
        person = self.person_id is not None
        if person and self.can("keys:write") and self.can("connectors:write"):
            return self.scopes | FOR_KEYS
        return self.scopes

    def decide_for_tenant(self) -> None:
        """Raise Forbidden for an application's credential: it decides nothing for all others."""
        if self.app_id is not None:
            raise Forbidden(
                "This is decided for the whole tenant, and this credential belongs to one"
                " application. Use one of a person."
            )

    def require(self, scope: str) -> None:
        """Raise Forbidden, naming the missing permission, unless the actor holds `scope`."""
        if self.can(scope):
            return
        if scope in FOR_KEYS and self.person_id is not None:
            raise Forbidden(
                f"Only API keys do this, never people: it needs a key with the permission {scope}.",
                scope=scope,
            )
        raise Forbidden(
            f"This needs the permission {scope}. Ask an admin of your tenant for it.", scope=scope
        )
