"""Learn from a check whose the credentials are, what they may do, and when they end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.connections.checks.documents import look, moment, written
from portal.connections.checks.sign_in.assertions import claims_of
from portal.connections.checks.visit import Visit
from portal.outbound import Outcome
from portal.providers.steps import Call, Check, Grants, Need

_MOST_SCOPES = 200


@dataclass(slots=True)
class Facts:
    """Gather what a check has learned so far."""

    account: str | None = None
    is_person: bool | None = None
    granted: tuple[str, ...] | None = None
    missing: tuple[str, ...] = ()
    too_much: tuple[str, ...] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Proven:
    """The responses that prove the identity: body, headers, and the token address's body."""

    document: Any
    outcome: Outcome | None = None
    token_answer: Any = None


def account_of(visit: Visit, places: Iterable[str], document: Any) -> str | None:
    """Return the name of an account: what is at these places, cleaned."""
    found = [look(document, place) for place in places]
    named = [written(value) for value in found if isinstance(value, (str, int)) and value != ""]
    return visit.quotes.clean(", ".join(dict.fromkeys(named))) or None


def of_call(visit: Visit, call: Call, document: Any) -> tuple[str | None, bool | None]:
    """Return the account that a call names, and whether it is a person's (None: not told)."""
    account = account_of(visit, call.account, document)
    value = look(document, call.person.path) if call.person else None
    is_person = None if value is None or not call.person else written(value) in call.person.is_
    return account, is_person


def learn(visit: Visit, check: Check, proven: Proven, facts: Facts) -> None:
    """Add what the answers tell about rights and end."""
    if check.grants:
        granted = _granted(visit, check.grants, proven)
        facts.granted = granted
        harmful = set(check.too_much)
        facts.too_much = tuple(scope for scope in granted or () if scope in harmful)
    facts.expires_at = _end(visit, check, proven)


def covers(need: Need, granted: Iterable[str]) -> bool:
    """Tell whether what is granted includes a needed scope."""
    return not {need.scope, *need.also}.isdisjoint(granted)


def _granted(visit: Visit, grants: Grants, proven: Proven) -> tuple[str, ...] | None:
    value: Any
    match grants.source:
        case "json":
            value = look(proven.document, grants.place)
        case "header":
            value = proven.outcome.header(grants.place) if proven.outcome else None
        case "token_answer":
            value = look(proven.token_answer, grants.place)
        case "jwt_claim":
            value = look(_claims(visit), grants.place)
    scopes = _scopes(value, grants.separator)
    if scopes is None:
        return None
    cleaned = (visit.quotes.clean(scope, 100) for scope in scopes[:_MOST_SCOPES])
    return tuple(dict.fromkeys(scope for scope in cleaned if scope))


def _scopes(value: Any, separator: str | None) -> list[str] | None:
    if isinstance(value, str):
        return [scope.strip() for scope in value.split(separator)]
    if isinstance(value, list):
        return [written(scope) for scope in value if isinstance(scope, (str, int))]
    if isinstance(value, Mapping):  # the permissions of a GitHub App
        return [f"{name}:{written(level)}" for name, level in value.items()]
    return None


def _claims(visit: Visit, credential: str | None = None) -> Mapping[str, Any]:
    """Return the claims of a credential, or of the first token that has any."""
    held = visit.credentials
    if credential:
        return claims_of(held.get(credential, ""))
    tokens = [visit.token.value] if visit.token else []
    return next((claims for text in (*tokens, *held.values()) if (claims := claims_of(text))), {})


def _end(visit: Visit, check: Check, proven: Proven) -> datetime | None:
    expiry = check.expiry
    place = expiry.place or ""
    match expiry.source:
        case "json" | "sql":
            return moment(look(proven.document, place))
        case "header":
            return moment(proven.outcome.header(place)) if proven.outcome else None
        case "jwt_claim":
            return moment(look(_claims(visit, expiry.credential), expiry.place or "exp"))
        case "typed":
            return None
