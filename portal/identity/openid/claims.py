"""Map a provider's claims to a tenant and a role, and a role to its scopes.

Nothing is granted by default: a role that is not in the table gives no access.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from portal.database.actor import FOR_KEYS

Role = Literal["viewer", "editor", "admin"]

# Ordered by rights, lowest first. A person with several roles gets the highest.
RANK: tuple[Role, ...] = ("viewer", "editor", "admin")

MOST_GROUPS, GROUP_LENGTH = 1000, 80
TENANT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
# What is read and written → its noun in a sentence, and what there is to see or change. In the
# order of the rail.
RESOURCES = {
    "applications": ("applications", "names, owners, state"),
    "connectors": ("connectors", "systems and their state; never credentials"),
    "keys": ("API keys", "names, limits, last use; never the key"),
    "webhooks": ("webhooks", "receivers of the whole tenant's events"),
    "event-types": ("event types", "schemas and subscribers"),
}
# What nobody writes by the common verbs.
LOGS = {
    "events": ("events", "what happened, with its data"),
    "audit": ("the audit log", "who did what"),
}
_READ = frozenset(f"{name}:read" for name in (*RESOURCES, *LOGS))
_PUBLISH = frozenset({"events:publish"})
_WRITE = frozenset(f"{resource}:write" for resource in RESOURCES) | _PUBLISH
_USE = frozenset({"keys:verify"})  # for services that are called with keys
# Reopening is separate from stopping: an actor that may issue and block keys may not also unblock
# them.
_REOPEN = frozenset({"keys:reopen"})
# Separate from `applications:write`: an application's state stops or restarts everything that
# belongs to it.
_STATES = frozenset(f"applications:{verb}" for verb in ("suspend", "retire", "reopen"))
_OF_PEOPLE = _READ | _WRITE | _USE | _REOPEN | _STATES
ALL_SCOPES = _OF_PEOPLE | FOR_KEYS
# Each is the whole job of some program.
FOR_PROGRAMS = _PUBLISH | _USE | FOR_KEYS

ROLE_SCOPES: Mapping[Role, frozenset[str]] = {
    "viewer": _READ,
    "editor": _READ | (_WRITE - {"keys:write"}),
    "admin": _OF_PEOPLE,
}


def role_of(claim: Any, names: Mapping[str, str]) -> Role | None:
    """Return the highest of our roles that `claim` (a word, several words, or a list) maps to.

    `names` maps the provider's names to ours (PORTAL_OIDC_ROLE_MAP). None means no access.
    """
    claimed = claim.split() if isinstance(claim, str) else claim
    if not isinstance(claimed, list):
        return None
    known = {names.get(name) for name in claimed if isinstance(name, str)}
    return next((role for role in reversed(RANK) if role in known), None)


def groups_of(claim: Any) -> frozenset[str]:
    """Return the groups in `claim` (a word, several words, or a list), as their ids stand there.

    What no `group_id` can equal is left out: other types, and ids that are too long or invisible.
    """
    claimed = claim.split() if isinstance(claim, str) else claim
    if not isinstance(claimed, list):
        return frozenset()
    named = (name.strip() for name in claimed[:MOST_GROUPS] if isinstance(name, str))
    return frozenset(n for n in named if 0 < len(n) <= GROUP_LENGTH and n.isprintable())


def tenant_of(claim: Any) -> str | None:
    """Return the tenant id of a claim (an id, or a list of one id); None for anything else."""
    if isinstance(claim, list) and len(claim) == 1:
        claim = claim[0]
    return claim if isinstance(claim, str) and TENANT_ID.fullmatch(claim) else None


def shown(text: Any, length: int = 200) -> str | None:
    """Return a provider's text, fit to store and show: printable, at most `length` characters."""
    if not isinstance(text, str):
        return None
    return "".join(c for c in text if c.isprintable()).strip()[:length] or None


def claim_at(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim by name or by a dotted path such as `realm_access.roles`; None if absent."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value
