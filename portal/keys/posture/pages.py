"""Pages about all keys: their weaknesses, and why a call was refused."""

from decimal import Decimal, InvalidOperation

from flask import request
from flask.typing import ResponseReturnValue

from portal import web
from portal.core.errors import NotFound
from portal.identity.openid.claims import ALL_SCOPES
from portal.keys import service
from portal.keys.decision.decision import Question
from portal.keys.leaks import lookup
from portal.keys.models import ApiKey
from portal.keys.page_kit import bp
from portal.keys.posture import posture as standing
from portal.keys.usage import explain
from portal.keys.usage.explain import Explained
from portal.keys.verification import denials
from portal.outbound.networks import parse
from portal.records.health import Health
from portal.records.listing import FINGERPRINT, moment_of

WORDS = {
    "MALFORMED": "well formed",
    "SOURCE_LIMITED": "not too many tries from there",
    "NOT_FOUND": "known",
    "REVOKED": "not revoked",
    "BLOCKED": "not blocked",
    "EXPIRED": "not expired",
    "APP_INACTIVE": "application active",
    "IP_FORBIDDEN": "address allowed",
    "SCOPE_MISSING": "scope granted",
    "MODEL_FORBIDDEN": "model allowed",
    "USES_EXCEEDED": "uses left",
    "RPM_EXCEEDED": "requests left",
    "TPM_EXCEEDED": "tokens left",
    "BUDGET_EXCEEDED": "budget left",
}


@bp.get("/posture")
def posture() -> ResponseReturnValue:
    """Show each weakness, how many keys have it, and how to fix it."""
    counts = standing.counts(web.actor())
    found = [one for one in standing.WEAKNESSES if counts[one.view]]
    all_of_them, has = len(standing.WEAKNESSES), "has" if len(found) == 1 else "have"
    said = Health("works", f"No key in force has one of these {all_of_them} weaknesses.")
    if found:
        text = f"{len(found)} of {all_of_them} kinds of weakness {has} keys."
        said = Health("attention", text)
    return web.render(
        "keys/posture.html",
        weaknesses=[(one, counts[one.view]) for one in standing.WEAKNESSES],
        most=standing.MOST,
        said=said,
    )


@bp.get("/explain", endpoint="explain")
def explain_call() -> ResponseReturnValue:
    """Show the checks of a refused request, or of an imagined call."""
    caller = web.actor()
    caller.require("keys:read")
    request_id = request.args.get("request_id", "").strip()[:60]
    key_id = request.args.get("key_id", "").strip()[:64]
    record = _named(key_id) if key_id else None
    period = moment_of(request.args, "since"), moment_of(request.args, "until")
    found: Explained | None = None
    problem = "" if record or not key_id else "There is no key with this id or fingerprint."
    if request_id:
        found = explain.of_request(caller, request_id)
    elif record is not None and request.args.get("ask"):
        try:
            found = explain.what_if(record, _question())
        except ValueError as error:
            problem = str(error)
    return web.render(
        "keys/explain.html",
        found=found,
        words=WORDS,
        request_id=request_id,
        record=record,
        scopes=[(scope, scope) for scope in sorted(ALL_SCOPES)],
        recent=explain.recent(
            caller, record.id if record else None, since=period[0], until=period[1]
        ),
        period=period,
        kept=denials.KEPT,
        kept_days=denials.KEPT_DAYS,
        problem=problem,
        status=422 if problem else 200,
    )


def _named(text: str) -> ApiKey | None:
    """Return the key with this id or fingerprint; None if the tenant has none."""
    caller = web.actor()
    if FINGERPRINT.fullmatch(text.lower()):
        return next(iter(lookup.found(caller, [text.lower()])), None)
    try:
        return service.get(caller, text)
    except NotFound:
        return None


def _question() -> Question:
    """Return the imagined call of the query parameters. Raises ValueError for a bad value."""
    args = request.args
    address = args.get("ip", "").strip()
    ip = parse(address) if address else None
    if address and ip is None:
        raise ValueError("Give an internet address, for example 203.0.113.7.")
    tokens = args.get("tokens", "").strip() or "0"
    if not (tokens.isascii() and tokens.isdigit() and len(tokens) < 10):
        raise ValueError("Give the tokens as a whole number.")
    try:
        usd = Decimal(args["usd"].strip()) if args.get("usd", "").strip() else None
    except InvalidOperation:
        raise ValueError("Give the cost in US dollars, for example 0.25.") from None
    if usd is not None and not (usd.is_finite() and 0 <= usd < 1_000_000):
        raise ValueError("Give a cost from 0 to 999,999 US dollars.")
    return Question(args.get("scope") or None, args.get("model") or None, int(tokens), usd, ip)
