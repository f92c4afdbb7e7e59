"""Prepare what the API answered for the page: its status, its headers, its body."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from portal.audit import pages as audit_pages
from portal.core.key_shape import masked, masked_value
from portal.database.actor import Actor
from portal.explorer.catalogue import Described, catalogue
from portal.explorer.drafts import pretty, visible
from portal.explorer.sending import Reply
from portal.records.audit import trail
from portal.rest import validate_only
from portal.rest.openapi import Operation
from portal.rest.problem_codes import CODES

MOST_SHOWN = 200_000  # characters of a body
SHOWN_ONCE = "SHOWN ABOVE, ONCE"
# Fields that an answer has only once, and that are no secret.
NO_SECRETS = frozenset({"key_hash", "previous_secret_expires_at", "vault_path"})
# Headers of every answer, which say nothing about this one.
ALWAYS = frozenset(
    {
        "content-security-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "permissions-policy",
        "referrer-policy",
        "strict-transport-security",
        "x-content-type-options",
    }
)


@dataclass(frozen=True)
class Secret:
    """A secret of this one answer."""

    name: str
    value: str

    @property
    def kind(self) -> str:
        """Return its name for people."""
        return self.name.replace("_", " ")


@dataclass(frozen=True)
class Shown:
    """An answer as the page shows it."""

    reply: Reply
    headers: Sequence[tuple[str, str]]
    text: str
    language: str | None
    is_cut: bool
    detail: str
    code: str | None
    errors: Sequence[tuple[str, str]]
    secret: Secret | None
    dry_run: bool
    entries: Sequence[dict[str, Any]]
    log_query: dict[str, str]

    @property
    def tone(self) -> str:
        """Return the tone of the status."""
        return "ok" if self.reply.status < 400 else "bad"

    @property
    def was_dry(self) -> bool:
        """Tell whether the API says that it stored nothing."""
        return validate_only.NAME in self.reply.header("Preference-Applied")


def shown(actor: Actor, described: Described, reply: Reply, *, dry_run: bool) -> Shown:
    """Return the answer for the page, without secrets in its body."""
    document = _document(reply)
    secret = _take_secret(described.operation, document)
    text = visible(masked(reply.body.decode("utf-8", "replace")))
    if document is not None:
        text = pretty(masked_value(document))
    problem = document if reply.status >= 400 and isinstance(document, dict) else {}
    entries = _entries(actor, reply)
    return Shown(
        reply=reply,
        headers=[one for one in reply.headers if one[0].lower() not in ALWAYS],
        text=text[:MOST_SHOWN],
        language="json" if document is not None else None,
        is_cut=len(text) > MOST_SHOWN or not reply.is_whole,
        detail=str(problem.get("detail", "")),
        code=_known_code(problem),
        errors=[(str(e["field"]), str(e["message"])) for e in problem.get("errors", ())],
        secret=secret,
        dry_run=dry_run and described.has_dry_run,
        entries=audit_pages.lines(entries, named=True),
        log_query=_log_query(entries),
    )


def _document(reply: Reply) -> Any:
    """Return the JSON in the body, or None."""
    try:
        return orjson.loads(reply.body) if reply.body else None
    except orjson.JSONDecodeError:
        return None


def _known_code(problem: Mapping[str, Any]) -> str | None:
    """Return the code of a problem that has a page."""
    code = problem.get("code")
    return code if isinstance(code, str) and code in CODES else None


def _take_secret(operation: Operation, document: Any) -> Secret | None:
    """Return the secrets of the answer, and replace them in the document."""
    names = _once(operation) - NO_SECRETS
    found = list(_taken(document, names)) if names else []
    return Secret(found[0][0], "\n".join(value for _, value in found)) if found else None


def _once(operation: Operation) -> frozenset[str]:
    """Return the names of what only this answer has; for many records, those of one."""
    one = catalogue().operations.get(operation.id.removesuffix("Many"), operation)
    return frozenset(operation.once) | frozenset(one.once)


def _taken(value: Any, names: frozenset[str]) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for one in value:
            yield from _taken(one, names)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in names and isinstance(one, str):
                yield name, one
                value[name] = SHOWN_ONCE
            else:
                yield from _taken(one, names)


def _entries(actor: Actor, reply: Reply) -> Sequence[Any]:
    if not actor.can("audit:read"):
        return []
    return trail.of_request(actor, reply.header("X-Request-Id"))


def _log_query(entries: Sequence[Any]) -> dict[str, str]:
    if not entries:
        return {}
    return {"record_id": entries[0].record_id, "request_id": entries[0].request_id or ""}
