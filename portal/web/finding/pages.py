"""The page of the search over everything, and the part of it that the palette shows."""

import re
from collections.abc import Sequence

from flask import Blueprint, Flask, current_app, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from portal import web
from portal.records.search import words
from portal.rest.feature import Feature
from portal.rest.findable import Find
from portal.web.finding import acts, choices, declared
from portal.web.finding.answers import find

bp = Blueprint("search", __name__, url_prefix="/search")


def init_app(app: Flask, features: Sequence[Feature]) -> None:
    """Register the page, and what the features declare to be found."""
    declared.init_app(app, features)
    app.jinja_env.globals.update(marked=marked, shortcuts=shortcuts)
    app.register_blueprint(bp)
    app.register_blueprint(choices.bp)


@bp.get("")
def index() -> Response:
    """Show what `q` finds, as a page or for the palette. A whole id leads straight to its page."""
    answer = find(web.actor(), request.args.get("q", ""))
    if answer.place is not None and not web.portal_request().wants_fragment:
        return web.see_other(answer.place.url)
    return web.render(
        "search.html",
        "_palette.html",
        status=422 if answer.refused and not web.portal_request().wants_fragment else 200,
        answer=answer,
    )


def shortcuts() -> Markup:
    """Return the dialog of the keyboard shortcuts, drawn once for all who may create the same among
    the pages where the person is."""
    actor = web.actor()
    able = [act for act in declared.creating(request.blueprint or "") if actor.can(act.needs)]
    create = next(iter(acts.without_record(able[:1])), None)
    known: dict[Find | None, Markup] = current_app.extensions.setdefault("portal.shortcuts", {})
    if create not in known:
        drawn = render_template("_shortcuts.html", create=create)
        known[create] = Markup(drawn)  # noqa: S704 - a template's answer
    return known[create]


def marked(title: str, text: str) -> list[tuple[str, bool]]:
    """Return a title in pieces, each with whether it is the beginning of a word of the text."""
    given = sorted(words(text), key=len, reverse=True)
    if not given:
        return [(title, False)]
    found = re.compile(rf"(?<![^\W_])({'|'.join(map(re.escape, given))})", re.IGNORECASE)
    return [(part, bool(n % 2)) for n, part in enumerate(found.split(title)) if part]
