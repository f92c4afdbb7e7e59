"""Pages of keys: /keys."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.applications import service as applications
from portal.audit import pages as audit_pages
from portal.core.config import running
from portal.core.errors import Conflict
from portal.identity import people
from portal.identity.sessions.login import recent_sign_in_required
from portal.keys import service
from portal.keys.issuing import one_time_links
from portal.keys.issuing.forms import (
    KIND_CHOICES,
    LINK,
    STATUS_CHOICES,
    STORE,
    IssueKeyForm,
    RotateKeyForm,
    may,
)
from portal.keys.listing import filters, table
from portal.keys.models import ApiKey
from portal.keys.schemas import StopKey
from portal.keys.usage import figures
from portal.records import listing
from portal.records.audit import trail as audit
from portal.rest.openapi import PREFIX
from portal.secretstore import SecretRef, store
from portal.web.drawing.charts import Column, Series

bp = Blueprint("keys", __name__, url_prefix="/keys")
LIMITS = "div#limits"  # which look again by themselves
CHOOSES_SCOPES = "div#key-owner"  # another application, other scopes
ENV_NAME = "CPOD_API_KEY"
COUNTED = 200  # an exact count ends here
SERIES = (Series("let through", "brand"), Series("refused", "bad"))
WEEK = timedelta(days=7)
# What of a list's address says which keys are meant, and not how they are shown.
KEPT = filters.CONSOLE.parameters() - {"sort", "limit", "cursor"}


@bp.get("")
def index() -> ResponseReturnValue:
    """The list, or for htmx the listing alone."""
    query = listing.parse(filters.CONSOLE, request.args)
    caller = web.actor()
    page = listing.page(caller, filters.CONSOLE, query, table.COLUMNS)
    view = web.list_view(page, query)
    offered, makers = filters.offered(caller)
    offered = _with(request.args.get("application_id"), offered)
    counted = None
    if view.is_narrowed and page.items and not query.q:
        counted = listing.counted(caller, filters.CONSOLE, query, COUNTED + 1)
    return web.render(
        "keys/index.html",
        "keys/_listing.html",
        view=view,
        counted=counted,
        most=COUNTED,
        lines=table.lines(page.items, dict(makers), tick=caller.can("keys:write")),
        people=makers,
        applications=offered,
        kinds=[(value, text.partition(":")[0]) for value, text in KIND_CHOICES],
        statuses=STATUS_CHOICES,
        views=filters.views(),
        asked=[(name, value) for name, value in request.args.items() if value and name in KEPT],
    )


def _with(chosen: str | None, offered: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The offered applications and the chosen one, which a long list may have left out: a drawn
    list without it would choose something else."""
    if not chosen or chosen in dict(offered):
        return offered
    return [*offered, *applications.names(web.actor(), {chosen}).items()]


@bp.route("/new", methods=["GET", "POST"])
@recent_sign_in_required
def issue() -> ResponseReturnValue:
    """Issue a key. The answer to the POST shows it, so that it is in no address and no session."""
    web.actor().require("keys:write")
    form = _form()
    if (command := form.command()) is not None:
        with form.catching():
            if earlier := web.already_done(form):
                return said_again(earlier, form.form_secret.data)
            issued = service.issue(web.actor(), command)
            web.note_done(form, issued.record.id)
            return handed_over(form, issued.record, issued.once["key"])
    part = "_scopes" if web.portal_request().source == CHOOSES_SCOPES else "_summary"
    return web.render("keys/new.html", f"keys/{part}.html", form=form, status=form.answer_status)


def handed_over(
    form: IssueKeyForm | RotateKeyForm, record: ApiKey, raw: str
) -> ResponseReturnValue:
    """The new key on the way that was chosen; only one of the three shows it."""
    if form.way == LINK:
        link = one_time_links.new_secret()
        one_time_links.seal(web.actor(), record, raw, link, "link")
        audit.record(web.actor(), "key.link_made", record)
        address = url_for("keys.open_link", _external=True) + f"#{link}"
        return web.render("keys/linked.html", record=record, address=address)
    if form.way == STORE:
        ref = SecretRef(record.tenant_id, "keys", record.id, "key")
        store().put(ref, {"key": raw}, cas=0)
        path = ref.path(running().vault_mount)
        audit.record(web.actor(), "key.stored", record, {"path": (None, path)})
        return web.render("keys/stored.html", record=record, path=path)
    return shown_once(record, raw, form.form_secret.data)


def shown_once(record: ApiKey, raw: str, form_secret: str | None) -> ResponseReturnValue:
    """The page with a new key on it; for ten minutes the form that made it may lose the answer."""
    if form_secret is not None and one_time_links.is_secret(form_secret):
        one_time_links.seal(web.actor(), record, raw, form_secret, "replay")
    return revealed(record, raw)


def said_again(key_id: str, form_secret: str | None) -> ResponseReturnValue:
    """The same answer once more for the form that lost it; for anybody else: already issued."""
    record = service.get(web.actor(), key_id)
    raw = one_time_links.read_again(web.actor(), key_id, form_secret)
    if raw is not None:
        return revealed(record, raw, again=True)
    stored = audit.newest(web.actor(), key_id, "key.stored")
    linked = audit.newest(web.actor(), key_id, "key.link_made")
    path = stored.changes["path"][1] if stored else None
    return web.render("keys/already.html", record=record, path=path, linked=linked, status=409)


def revealed(record: ApiKey, secret: str, *, again: bool = False) -> ResponseReturnValue:
    """The one page that has a key on it; `no-store`, as every page."""
    return web.render(
        "keys/issued.html",
        record=record,
        secret=secret,
        env=ENV_NAME,
        api_url=request.host_url.rstrip("/") + PREFIX,
        again=again,
    )


def _form() -> IssueKeyForm:
    """The form with its choices, begun from the address or from the key that this one follows."""
    if request.method == "GET" and (followed := request.args.get("follows")):
        record = service.get(web.actor(), followed)
        form = IssueKeyForm(obj=record)
        form.follow(record)
    else:
        form = IssueKeyForm(formdata=request.form if request.form else request.args)
    caller = web.actor()
    form.offer(
        _with(form.application_id.data, applications.running_choices(caller)),
        [(person.id, person.name) for person in people.in_tenant(caller)],
        caller.scopes.intersection(applications.allowed_scopes(caller, form.application_id.data)),
    )
    return form


@bp.get("/<record_id>")
def show(record_id: str) -> ResponseReturnValue:
    """One key: all but the key itself, what it does, and how it stands now."""
    caller = web.actor()
    record = service.get(caller, record_id)
    use = figures.use(caller, record_id, WEEK)
    used = {seen.what: seen for seen in use.scopes}
    return about(
        "keys/show.html",
        record,
        "keys/_limits.html" if web.portal_request().source == LIMITS else "keys/_heard.html",
        rights=[(scope, may(scope), used.get(scope)) for scope in record.scopes],
        use=use,
        columns=columns(use.hours, use.calls, use.denials),
        series=SERIES,
        standing=figures.standing(caller, record),
    )


def columns(hours: Iterable[datetime], *counts: Mapping[datetime, int]) -> list[Column]:
    """The hours as bars, with what each of `counts` has of them."""
    return [
        Column(hour.strftime("%a %-d %b, %H:00"), tuple(count[hour] for count in counts))
        for hour in hours
    ]


@bp.get("/<record_id>/history")
def history(record_id: str) -> ResponseReturnValue:
    """What happened to a key."""
    record = service.get(web.actor(), record_id)
    entries = audit_pages.lines(audit.history(web.actor(), record_id))
    return about("keys/history.html", record, entries=entries)


def about(
    page: str, record: ApiKey, fragment: str | None = None, **context: Any
) -> ResponseReturnValue:
    """A page of one key; its dialogs name the application that calls with it."""
    around = filters.surroundings(web.actor(), record)
    return web.render(
        page,
        fragment,
        record=record,
        application=around.application,
        persons=around.persons,
        leaks=around.leaks,
        withheld=around.withheld,
        heard=around.heard,
        **context,
    )


@bp.post("/<record_id>/revoke")
@recent_sign_in_required
def revoke(record_id: str) -> ResponseReturnValue:
    """Stop a key for ever."""
    service.revoke(web.actor(), record_id, _stop())
    return _changed(record_id, "The key is revoked. Its next request is refused.")


@bp.post("/<record_id>/block")
def block(record_id: str) -> ResponseReturnValue:
    """Stop a key for now; at once, without signing in again: it may be an emergency."""
    try:
        service.block(web.actor(), record_id, _stop())
    except Conflict:
        return overtaken(record_id)
    return _changed(record_id, "The key is blocked. Its next request is refused.")


@bp.post("/<record_id>/unblock")
@recent_sign_in_required
def unblock(record_id: str) -> ResponseReturnValue:
    """Let a blocked key work again."""
    service.unblock(web.actor(), record_id)
    return _changed(record_id, "The key works again.")


def _stop() -> StopKey:
    return StopKey.read({"reason": request.form.get("reason") or None})


def overtaken(record_id: str) -> ResponseReturnValue:
    """Back to a key that somebody else has revoked since its page was drawn."""
    web.toast("The key was revoked already, so nothing was changed.", "warn")
    return web.see_other(url_for("keys.show", record_id=record_id))


def _changed(record_id: str, words: str) -> ResponseReturnValue:
    web.toast(words)
    return web.see_other(url_for("keys.show", record_id=record_id))
