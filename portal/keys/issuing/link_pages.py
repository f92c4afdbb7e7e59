"""The page behind a one-time link, for its holder, signed in or not. Only a POST opens the link.

The secret is in the fragment of the address, which browsers do not send, so previews and logs of a
link cannot open it. A link that never existed, is used or has expired looks the same.
"""

from flask import request
from flask.typing import ResponseReturnValue

from portal import web
from portal.keys.issuing import one_time_links
from portal.keys.page_kit import ENV_NAME, bp
from portal.rest import api


@bp.get("/link")
@web.public
def open_link() -> ResponseReturnValue:
    """Show what the link is and the button that opens it, or that it has been opened."""
    return web.render("keys/link.html", shown="shown" in request.args, gone=False)


@bp.post("/link")
@web.public
def burn_link() -> ResponseReturnValue:
    """Show the key, once."""
    secret = request.form.get("secret", "").strip().rpartition("#")[2]
    opened = one_time_links.burn(secret, api.origin())
    if opened is None:
        return web.render("keys/link.html", shown=False, gone=True, status=410)
    name, raw = opened
    return web.render("keys/opened.html", name=name, secret=raw, env=ENV_NAME)
