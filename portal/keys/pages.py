"""Pages of keys: /keys."""

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from portal import listing, web
from portal.applications import service as applications
from portal.applications.models import Application
from portal.applications.pages import Item, Part
from portal.audit import pages as audit_pages
from portal.audit import service as audit
from portal.db import Actor
from portal.identity import people
from portal.identity.guard import recent_sign_in_required
from portal.keys import service
from portal.keys.forms import KIND_CHOICES, STATUS_CHOICES, IssueKeyForm, may
from portal.keys.models import ApiKey
from portal.keys.schemas import StopKey
from portal.openapi import PREFIX
from portal.overview import Concern, Step, Told

bp = Blueprint("keys", __name__, url_prefix="/keys")
ENV_NAME = "CPOD_API_KEY"


@bp.get("")
def index() -> ResponseReturnValue:
    """The list, or for htmx the listing alone."""
    query = listing.parse(service.LISTING, request.args)
    page = listing.page(web.actor(), service.LISTING, query)
    offered = _with(request.args.get("application_id"), applications.choices(web.actor()))
    return web.render(
        "keys/index.html",
        "keys/_listing.html",
        view=web.list_view(page, query),
        names=_names(page.items, dict(offered)),
        applications=offered,
        kinds=[(value, text.partition(":")[0]) for value, text in KIND_CHOICES],
        statuses=STATUS_CHOICES,
    )


def _names(keys: Iterable[ApiKey], known: dict[str, str]) -> dict[str, str]:
    """Application id → name, for these keys; most are among the filter's choices already."""
    wanted = {key.application_id for key in keys if key.application_id}
    return known | applications.names(web.actor(), wanted - known.keys())


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
                record = service.get(web.actor(), earlier)
                return web.render("keys/already.html", record=record, status=409)
            issued = service.issue(web.actor(), command)
            web.note_done(form, issued.record.id)
            return _revealed(issued.record, issued.once["key"])
    return web.render("keys/new.html", "keys/_summary.html", form=form, status=form.answer_status)


def _revealed(record: ApiKey, secret: str) -> ResponseReturnValue:
    """The one page that has a key on it; `no-store`, as every page."""
    api_url = request.host_url.rstrip("/") + PREFIX
    return web.render(
        "keys/issued.html", record=record, secret=secret, env=ENV_NAME, api_url=api_url
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
        caller.scopes,
    )
    return form


@bp.get("/<record_id>")
def show(record_id: str) -> ResponseReturnValue:
    """One key: all but the key itself."""
    record = service.get(web.actor(), record_id)
    rights = [(scope, may(scope)) for scope in record.scopes]
    return _about("keys/show.html", record, rights=rights)


@bp.get("/<record_id>/history")
def history(record_id: str) -> ResponseReturnValue:
    """What happened to a key."""
    record = service.get(web.actor(), record_id)
    entries = audit_pages.lines(audit.history(web.actor(), record_id))
    return _about("keys/history.html", record, entries=entries)


def _about(page: str, record: ApiKey, **context: Any) -> ResponseReturnValue:
    """A page of one key; its dialogs name the application that calls with it."""
    application = _names([record], {}).get(record.application_id or "")
    persons = people.names(web.actor(), (record.issued_to_user_id, record.created_by_user_id))
    return web.render(page, record=record, application=application, persons=persons, **context)


@bp.post("/<record_id>/revoke")
@recent_sign_in_required
def revoke(record_id: str) -> ResponseReturnValue:
    """Stop a key for ever."""
    service.revoke(web.actor(), record_id, _stop())
    return _changed(record_id, "The key is revoked. Its next request is refused.")


@bp.post("/<record_id>/block")
def block(record_id: str) -> ResponseReturnValue:
    """Stop a key for now; at once, without signing in again: it may be an emergency."""
    service.block(web.actor(), record_id, _stop())
    return _changed(record_id, "The key is blocked. Its next request is refused.")


@bp.post("/<record_id>/unblock")
@recent_sign_in_required
def unblock(record_id: str) -> ResponseReturnValue:
    """Let a blocked key work again."""
    service.unblock(web.actor(), record_id)
    return _changed(record_id, "The key works again.")


def _stop() -> StopKey:
    return StopKey.read({"reason": request.form.get("reason") or None})


def _changed(record_id: str, words: str) -> ResponseReturnValue:
    web.toast(words)
    return web.see_other(url_for("keys.show", record_id=record_id))


# ---------------------------------------------------------------- on other pages


def part(actor: Actor, application: Application) -> Part:
    """The newest keys of an application, on its page."""
    new_url = url_for("keys.issue", application_id=application.id)
    return Part(
        title="API keys",
        items=[
            Item(
                label=key.name,
                url=url_for("keys.show", record_id=key.id),
                status="blocked" if key.blocked and key.status == "active" else key.status,
                note=f"{key.key_prefix}…{key.last4}",
            )
            for key in service.of_application(actor, application.id)
        ],
        all_url=url_for("keys.index", application_id=application.id),
        new_url=new_url if service.may_issue(actor, application) else None,
        new_label="Issue a key",
        empty="No key yet. Its programs need one to call the platform.",
    )


def tell(actor: Actor) -> Told:
    """The first-run step, and the keys that stop working within days."""
    some, expiring = service.outlook(actor)
    step = Step(
        order=2,
        title="Issue an API key",
        text="Programs call the platform with one. It is shown once.",
        url=url_for("keys.issue"),
        action="Issue a key",
        done=some,
    )
    concerns = [
        Concern(
            status="expiring",
            title=name,
            text="This key expires soon. Issue its successor before it does.",
            url=url_for("keys.show", record_id=key_id),
            since=expires_at,
        )
        for key_id, name, expires_at in expiring
    ]
    return Told(steps=[step], concerns=concerns)
