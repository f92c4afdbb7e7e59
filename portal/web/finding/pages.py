"""The page of the search over everything, and the part of it that the palette shows."""

import re
from collections.abc import Sequence

from flask import Blueprint, Flask, request
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
    app.jinja_env.globals.update(marked=marked, create_here=create_here)
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


def create_here() -> Find | None:
    """Return the act that makes something new among the pages where the person is, if they may."""
    here = [
        act
        for act in declared.acts(web.actor())
        if not act.of and act.endpoint.partition(".")[0] == request.blueprint
    ]
    return next(iter(acts.without_record(here)), None)


def marked(title: str, text: str) -> list[tuple[str, bool]]:
    """Return a title in pieces, each with whether it is the beginning of a word of the text."""
    given = sorted(words(text), key=len, reverse=True)
    if not given:
        return [(title, False)]
    found = re.compile(rf"(?<![^\W_])({'|'.join(map(re.escape, given))})", re.IGNORECASE)
    return [(part, bool(n % 2)) for n, part in enumerate(found.split(title)) if part]
