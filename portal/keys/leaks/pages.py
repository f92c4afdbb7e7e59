"""The leak desk: check by fingerprint whether a text is a key of the tenant and still works.

No key is sent. The browser finds keys in text that is pasted or dropped
(portal/web/static/js/leaks.js) and sends their SHA-256. The page answers for keys of the tenant
only.
"""

from datetime import datetime

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.applications import service as applications
from portal.core.config import running
from portal.core.errors import BadRequest
from portal.identity.sessions.login import recent_sign_in_required
from portal.keys import service
from portal.keys.leaks import github_scanning, lookup, reports
from portal.keys.page_kit import bp
from portal.records.listing import FINGERPRINT

RESPONSES = [
    ("notify", "Tell only: it goes on working"),
    ("block", "Block it until somebody unblocks it"),
    ("revoke", "Revoke it for good"),
]
CASES = [
    ("default", "Any report", "What happens where nothing else is said below."),
    ("github", "GitHub found it", "Secret scanning saw it in a public place."),
    ("scanner", "Your own scanner found it", "Told by program, with a fingerprint."),
    ("user", "It is a person's key", ""),
    ("service", "It is a service's key", ""),
    ("virtual_llm", "It is a key for language models", ""),
]


@bp.route("/leaks", methods=["GET", "POST"], endpoint="leaks")
def leak_desk() -> ResponseReturnValue:
    """Show the leak desk, and what is known of the given fingerprints.

    A POST changes nothing; it only has room for more fingerprints than a URL.
    """
    caller = web.actor()
    caller.require("keys:read")
    asked = _fingerprints()
    found = lookup.found(caller, asked)
    owners = {key.application_id for key in found if key.application_id}
    return web.render(
        "keys/leaks.html",
        "keys/_found.html",
        most=lookup.MOST,
        asked=asked,
        found=found,
        names=applications.names(caller, owners),
        code=service.key_code(caller),
    )


def _fingerprints() -> list[str]:
    given = [
        part for text in request.values.getlist("fingerprint") for part in text.lower().split()
    ]
    if len(given) > lookup.MOST:
        raise BadRequest(f"Ask for {lookup.MOST:,} fingerprints at a time.")
    if any(not FINGERPRINT.fullmatch(text) for text in given):
        raise BadRequest("A fingerprint is 64 hexadecimal digits: the SHA-256 of the key.")
    return list(dict.fromkeys(given))


@bp.get("/leaks/gitleaks.toml")
def leak_rule() -> ResponseReturnValue:
    """Return a rule for gitleaks that finds this tenant's keys in repositories."""
    caller = web.actor()
    caller.require("keys:read")
    answer = Response(lookup.rule(service.key_code(caller)), mimetype="application/toml")
    answer.headers["Content-Disposition"] = 'attachment; filename="cpod-keys.gitleaks.toml"'
    return answer


@bp.get("/leaks/reported", endpoint="reported")
def reported_leaks() -> ResponseReturnValue:
    """Show where keys were found in public, and the policy for such reports."""
    caller = web.actor()
    found = reports.newest(caller)
    decided = reports.effective(caller.tenant_id)
    return web.render(
        "keys/reported.html",
        found=found,
        cases=[(*case, decided.get(case[0], "")) for case in CASES],
        responses=RESPONSES,
        address=running().base_url + github_scanning.PATH,
    )


@bp.post("/leaks/policy")
@recent_sign_in_required
def decide_leaks() -> ResponseReturnValue:
    """Save the policy for keys that are found in public."""
    web.actor().require("keys:write")
    chosen = {case: request.form.get(case, "") for case, *_ in CASES}
    seen = {case: request.form[f"seen-{case}"] for case in chosen if f"seen-{case}" in request.form}
    decided = {case: response for case, response in chosen.items() if response != seen.get(case)}
    reports.decide(web.actor(), decided, seen)
    web.toast("The answer to leaks is saved.")
    return web.see_other(url_for("keys.reported"))


@bp.post("/<record_id>/leaks/settle")
def settle_leaks(record_id: str) -> ResponseReturnValue:
    """Settle the leaks of a key that the page has shown: a person has dealt with them."""
    given = request.args.get("until")
    try:
        until = datetime.fromisoformat(given) if given else None
    except ValueError as error:
        raise BadRequest("Load the page of the key again.") from error
    reports.settle(web.actor(), record_id, until)
    web.toast("The leak is settled.")
    return web.see_other(url_for("keys.show", record_id=record_id))
