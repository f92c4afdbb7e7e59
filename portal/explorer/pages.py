"""Pages of the explorer: /explorer."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, Flask, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape
from werkzeug.wrappers import Response

from portal import web
from portal.core.errors import Forbidden, Unauthenticated
from portal.core.key_shape import shown
from portal.explorer import answers, cautions, drafts, links, sending, shown_code
from portal.explorer.catalogue import Described, catalogue, refusal
from portal.explorer.code_samples import samples
from portal.explorer.drafts import Draft
from portal.identity.sessions.kept_acts import Act
from portal.identity.sessions.login import live_session, to_step_up
from portal.records.health import counted

bp = Blueprint("explorer", __name__, url_prefix="/explorer")
MOST_DRAWN = 1024  # parts of pages that are kept


def init_app(app: Flask) -> None:
    """Register the pages, and what other pages' templates need to link to them."""
    app.register_blueprint(bp)
    app.jinja_env.globals.update(explorer=links, shown_code=shown_code)
    app.jinja_env.filters.update(inline_code=inline_code, breakable=breakable)


@bp.get("")
def index() -> ResponseReturnValue:
    """Show all operations; for htmx, only the list beside an operation."""
    words, refusals = request.args.get("q", "")[:100], _refusals()
    allowed = sum(why is None for why in refusals.values())
    return web.render(
        "explorer/index.html",
        "explorer/_operations.html",
        groups=catalogue().groups(words),
        refusals=refusals,
        said=f"You may call {allowed:,} of {counted(len(refusals), 'operation')}.",
        current=request.args.get("current", ""),
        words=words,
    )


@bp.get("/<operation_id>")
def show(operation_id: str) -> ResponseReturnValue:
    """Show one operation: its description, its form, and its code."""
    described = catalogue().find(operation_id)
    if described is None:
        return _unknown(operation_id)
    return _page(described, drafts.of_address(described, request.args))


@bp.post("/<operation_id>")
def send(operation_id: str) -> ResponseReturnValue:
    """Call the operation with what was typed, and show the answer."""
    described = catalogue().find(operation_id)
    if described is None:
        return _unknown(operation_id)
    operation, live = described.operation, live_session()
    if live is None:
        raise Unauthenticated
    if reason := refusal(web.actor(), operation):
        raise Forbidden(reason, scope=operation.scope)
    draft = drafts.of_form(described, request.form)
    call = drafts.call_of(described, draft)
    if errors := {**call.errors, **_unconfirmed(described, draft)}:
        return _page(described, draft, errors=errors)
    if cautions.needs_recent_sign_in(operation) and not live.is_recent:
        return to_step_up(_without_secrets(described, draft))
    reply = sending.send(live, operation.method, call)
    shown = answers.shown(web.actor(), described, reply, dry_run=draft.dry_run)
    if web.portal_request().wants_fragment:
        return web.render("explorer/_answer.html", shown=shown, operation=operation)
    return _page(described, draft, shown=shown)


@bp.post("/<operation_id>/draft")
def draft(operation_id: str) -> ResponseReturnValue:
    """Show what was typed as code, as JSON or as fields. Nothing is called."""
    described = catalogue().find(operation_id)
    if described is None:
        return _unknown(operation_id)
    typed, errors = drafts.of_form(described, request.form), dict[str, str]()
    switch = request.form.get("switch")
    if switch == "json":
        typed, errors = _switched(drafts.as_json(described, typed))
    elif switch == "fields":
        typed, errors = _switched(drafts.as_fields(described, typed))
    if switch or not web.portal_request().wants_fragment:
        response = _page(described, typed, errors=errors)
        if switch and web.portal_request().wants_fragment:
            response.headers["HX-Replace-Url"] = _place(operation_id, is_raw=typed.is_raw)
        return response
    return web.render("explorer/_samples.html", **_samples(described, typed))


@bp.get("/<operation_id>/draft")
def draft_again(operation_id: str) -> ResponseReturnValue:
    """Show the empty form to a browser that reloads the address of a draft."""
    return show(operation_id)


def _place(operation_id: str, *, is_raw: bool) -> str:
    """Return the address of the page in the browser, which says how the body is written."""
    path, query = url_for("explorer.show", operation_id=operation_id), urlsplit(web.here()).query
    kept = [(name, value) for name, value in parse_qsl(query) if name != "body"]
    asked = urlencode([*kept, ("body", "json")] if is_raw else kept)
    return f"{path}?{asked}" if asked else path


def _without_secrets(described: Described, draft: Draft) -> Act | None:
    """Return what to do after a sign-in if a secret was typed: show the rest of the form again."""
    shown = drafts.without_secrets(described, draft)
    if shown == draft:
        return None
    fields = dict(shown.values) | ({drafts.RAW: shown.raw} if shown.raw is not None else {})
    fields |= {"dry_run": "1"} if shown.dry_run else {}
    address = url_for("explorer.draft", operation_id=described.operation.id)
    return Act(address, list(fields.items()), place="", asks_again=True)


def _switched(found: tuple[Draft, Mapping[str, str]]) -> tuple[Draft, dict[str, str]]:
    return found[0], dict(found[1])


def _unconfirmed(described: Described, draft: Draft) -> dict[str, str]:
    """Return what is wrong with the confirmation. A dry run needs none."""
    word = cautions.word_of(described.operation)
    typed = request.form.get("confirm", "").strip()
    is_dry = draft.dry_run and described.has_dry_run
    if is_dry or not cautions.destroys(described.operation) or typed == word:
        return {}
    return {"confirm": f"Type {word} to confirm."}


# ---------------------------------------------------------------- drawing


def _page(
    described: Described,
    draft: Draft,
    *,
    errors: Mapping[str, str] | None = None,
    shown: answers.Shown | None = None,
) -> Response:
    """Return the page with what was typed. For htmx, return the form alone, in its place."""
    operation = described.operation
    response = web.render(
        "explorer/show.html",
        "explorer/_form.html",
        status=422 if errors else 200,
        described=described,
        operation=operation,
        draft=drafts.without_secrets(described, draft),
        errors=errors or {},
        first_error=drafts.first_of(errors or {}, described.fields),
        reason=refusal(web.actor(), operation),
        confirm_word=cautions.word_of(operation) if cautions.destroys(operation) else None,
        needs_recent_sign_in=cautions.needs_recent_sign_in(operation),
        shown=shown,
        **_fixed(described),
        **_samples(described, draft),
    )
    if web.portal_request().wants_fragment:
        response.headers["HX-Retarget"] = "#explorer-typed"
        response.headers["HX-Reswap"] = "innerHTML"
    return response


def inline_code(text: str) -> Markup:
    """Return a sentence of the document, with what stands between backticks as code."""
    if "`" not in text:
        return escape(text)
    parts = [escape(one) for one in text.split("`")]
    parts[1::2] = [Markup("<code>{}</code>").format(one) for one in parts[1::2]]
    return Markup().join(parts)


def breakable(name: str) -> Markup:
    """Return a name in camelCase that may break into lines before each capital letter."""
    return Markup("<wbr>").join(re.split("(?=[A-Z])", name))


def _samples(described: Described, draft: Draft) -> dict[str, Any]:
    call = drafts.call_of(described, draft)
    base_url = current_app.extensions["portal"].base_url
    unreadable = [text for key, text in call.errors.items() if not key.startswith("path.")]
    return {"samples": samples(described, call, base_url), "unreadable": unreadable}


def _fixed(described: Described) -> dict[str, Any]:
    """Return the parts of the page that are the same for everybody with the same permissions."""
    if web.portal_request().wants_fragment:
        return {}
    scopes = tuple(sorted(web.actor().scopes))
    return {
        "operations": _kept(
            ("operations", described.operation.id, scopes),
            "explorer/_operations.html",
            groups=catalogue().groups(),
            refusals=_refusals(),
            current=described.operation.id,
            words="",
        ),
        "fields": _kept(
            ("fields", described.operation.id), "explorer/_fields.html", described=described
        ),
    }


def _kept(key: tuple[Any, ...], template: str, **context: Any) -> Markup:
    """Return a part of a page, drawn once. It has no nonce and no hx-attribute."""
    kept: dict[Any, Markup] = current_app.extensions["portal.explorer"].setdefault("drawn", {})
    if key not in kept:
        if len(kept) >= MOST_DRAWN:
            kept.clear()
        kept[key] = Markup(render_template(template, **context))  # noqa: S704 - a template's answer
    return kept[key]


def _refusals() -> dict[str, str | None]:
    """Return operation id → the reason for which this person may not call it."""
    actor = web.actor()
    return {name: refusal(actor, one) for name, one in catalogue().operations.items()}


def _unknown(operation_id: str) -> Response:
    return web.render(
        "explorer/unknown.html",
        status=404,
        operation_id=shown(operation_id, 100),
        near=catalogue().near(operation_id),
    )
