"""REST of leaks: the reports, what happens at a report, and their settlement."""

from datetime import datetime
from typing import Any, Literal

from flask import Response
from pydantic import BaseModel, ConfigDict

from portal.database.record import find
from portal.keys.leaks import lookup, reports
from portal.keys.models import ApiKey
from portal.keys.service import key_code
from portal.keys.tables import KeyLeak
from portal.records.schemas import Command
from portal.rest.api import Outcome, actor, answer, body, listed, no_parameters, once
from portal.rest.openapi import Operation
from portal.rest.resources import RETRY

Reaction = Literal["notify", "block", "revoke"]


class LeakDocument(BaseModel):
    """A place where a key was found in public."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    key_id: str
    """Id of the key."""
    key_name: str
    """Name of the key."""
    reporter: str
    """Reporter: github, or scanner for a program of yours."""
    place: str | None
    """Kind of the place, in the reporter's word, such as commit."""
    url: str | None
    """Address of the place, without the key."""
    response: Reaction
    """Action that was taken."""
    reported_at: datetime
    """Time of the report."""
    settled_at: datetime | None
    """Time when a person settled it; null while it is open."""


class LeakPolicyDocument(BaseModel):
    """The action that follows when a key is found in public. The stricter of two cases wins."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    default: Reaction
    """Any report for which no other case is decided."""
    github: Reaction | None
    """Reports of GitHub's secret scanning; null if not decided."""
    scanner: Reaction | None
    """Reports of a scanner of yours; null if not decided."""
    user: Reaction | None
    """Keys of people; null if not decided."""
    service: Reaction | None
    """Keys of services; null if not decided."""
    virtual_llm: Reaction | None
    """Keys for language models; null if not decided."""


class LeakPolicyInput(Command):
    """The cases of the policy to change. What is left out stays; null takes a case away."""

    default: Reaction | None = None
    """Any report for which no other case is decided; null means block."""
    github: Reaction | None = None
    """Reports of GitHub's secret scanning."""
    scanner: Reaction | None = None
    """Reports of a scanner of yours."""
    user: Reaction | None = None
    """Keys of people."""
    service: Reaction | None = None
    """Keys of services."""
    virtual_llm: Reaction | None = None
    """Keys for language models."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class SettledDocument(BaseModel):
    """The result of settling the leaks of a key."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    leaks: int
    """Number of leaks that were open."""


class LeakRuleDocument(BaseModel):
    """A rule by which a scanner finds the tenant's keys in repositories."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    gitleaks_toml: str
    """Configuration for gitleaks, in TOML."""


def _list() -> Response:
    no_parameters()
    items = [_represent(leak, key) for leak, key in reports.newest(actor())]
    return listed(items, None)


def _represent(leak: KeyLeak, key: ApiKey) -> dict[str, Any]:
    own = LeakDocument.model_fields.keys() - {"key_name"}
    return {**{name: getattr(leak, name) for name in own}, "key_name": key.name}


def _policy() -> Response:
    no_parameters()
    return answer(_decided())


def _decided() -> dict[str, Any]:
    decided = reports.effective(actor().tenant_id)
    return {case: decided.get(case) for case in LeakPolicyDocument.model_fields}


def _decide() -> Response:
    no_parameters()
    command = LeakPolicyInput.read(body())
    given = command.model_dump(exclude_unset=True)
    reports.decide(actor(), {case: wish or "" for case, wish in given.items()})
    return answer(_decided())


def _settle(id: str) -> Response:
    no_parameters()
    find(ApiKey, actor(), id)
    return once(lambda: Outcome({"leaks": reports.settle(actor(), id)}, 200))


def _rule() -> Response:
    no_parameters()
    return answer({"gitleaks_toml": lookup.rule(key_code(actor()))})


def _operation(name: str, method: str, path: str, summary: str, **more: Any) -> Operation:
    scope = "keys:read" if method == "GET" else "keys:write"
    return Operation(
        resource="api-keys", name=name, method=method, path=f"/api-keys{path}", summary=summary,
        scope=scope, **more,
    )  # fmt: skip


OPERATIONS = (
    _operation(
        "list_leaks", "GET", "/leaks", "List the newest places where keys were found in public",
        view=_list, answer=LeakDocument, is_list=True,
        description="Return the newest places in which keys of the tenant were found in"
        " public, and the action that followed.",
    ),
    _operation(
        "settle_leaks", "POST", "/{id}/leak-settlements",
        "Settle the leaks of a key that a person has dealt with",
        view=_settle, answer=SettledDocument, parameters=(RETRY,), record=ApiKey,
        description="Mark the leaks of a key as dealt with, so that they need no attention"
        " any more. It does not unblock the key.",
    ),
    _operation(
        "get_leak_policy", "GET", "/leak-policy",
        "Get the action that follows when a key is found in public",
        view=_policy, answer=LeakPolicyDocument,
        description="Return the action that follows when a key of the tenant is found in"
        " public.",
    ),
    _operation(
        "update_leak_policy", "PATCH", "/leak-policy",
        "Change the action that follows when a key is found in public",
        view=_decide, command=LeakPolicyInput, answer=LeakPolicyDocument,
        description="Change the action that follows when a key of the tenant is found in"
        " public. It applies to later reports.",
    ),
    _operation(
        "get_leak_rule", "GET", "/leak-rule", "Get a rule by which a scanner finds your keys",
        view=_rule, answer=LeakRuleDocument,
        description="Return a rule by which a secret scanner finds the keys of the tenant"
        " in its own repositories.",
    ),
)  # fmt: skip
