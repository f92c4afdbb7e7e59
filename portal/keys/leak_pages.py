"""The leak desk: is this ours, and does it still work? Asked by fingerprint; no key is sent.

The browser finds keys in what is pasted or dropped (static/js/leaks.js) and asks for their
SHA-256; the page answers for those of the tenant and is silent about all others.
"""

import re

from flask import Response, request
from flask.typing import ResponseReturnValue

from portal import web
from portal.applications import service as applications
from portal.errors import BadRequest
from portal.keys import leaks
from portal.keys.pages import bp

FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@bp.get("/leaks", endpoint="leaks")
def leak_desk() -> ResponseReturnValue:
    """The desk, and for asked fingerprints what is known of them."""
    caller = web.actor()
    caller.require("keys:read")
    asked = _asked()
    found = leaks.found(caller, asked)
    owners = {key.application_id for key in found if key.application_id}
    return web.render(
        "keys/leaks.html",
        asked=asked,
        found=found,
        names=applications.names(caller, owners),
        code=leaks.key_code(caller),
    )


def _asked() -> list[str]:
    given = [part for text in request.args.getlist("fingerprint") for part in text.lower().split()]
    if len(given) > leaks.MOST:
        raise BadRequest(f"Ask for {leaks.MOST} fingerprints at a time.")
    if any(not FINGERPRINT.fullmatch(text) for text in given):
        raise BadRequest("A fingerprint is 64 hexadecimal digits: the SHA-256 of the key.")
    return list(dict.fromkeys(given))


@bp.get("/leaks/gitleaks.toml")
def leak_rule() -> ResponseReturnValue:
    """A rule for gitleaks that finds this tenant's keys in repositories."""
    caller = web.actor()
    caller.require("keys:read")
    answer = Response(leaks.rule(leaks.key_code(caller)), mimetype="application/toml")
    answer.headers["Content-Disposition"] = 'attachment; filename="cpod-keys.gitleaks.toml"'
    return answer
