"""Pages that issue a key and show it once."""

from flask import request
from flask.typing import ResponseReturnValue

from portal import web
from portal.applications import service as applications
from portal.identity import people
from portal.identity.sessions.login import recent_sign_in_required
from portal.keys import service
from portal.keys.issuing import delivery, one_time_links
from portal.keys.issuing.forms import (
    LINK,
    STORE,
    IssueKeyForm,
    RotateKeyForm,
)
from portal.keys.models import ApiKey
from portal.keys.page_kit import ENV_NAME, bp
from portal.records.audit import trail as audit

CHOOSES_SCOPES = "div#key-owner"  # another application, other scopes


@bp.route("/new", methods=["GET", "POST"])
@recent_sign_in_required
def issue() -> ResponseReturnValue:
    """Issue a key. The response to the POST shows it, so that no URL and no session contains it."""
    web.actor().require("keys:write")
    form = _form()
    if (command := form.command()) is not None:
        with form.catching():
            if earlier := web.already_done(form):
                return show_again(earlier, form.form_secret.data)
            issued = service.issue(web.actor(), command)
            web.note_done(form, issued.record.id)
            return handed_over(form, issued.record, issued.once["key"])
    chooses = web.portal_request().source == CHOOSES_SCOPES
    part = "keys/_scopes.html" if chooses else "forms/_sentence.html"
    return web.render("keys/new.html", part, form=form, status=form.answer_status)


def handed_over(
    form: IssueKeyForm | RotateKeyForm, record: ApiKey, raw: str
) -> ResponseReturnValue:
    """Deliver the new key in the chosen way. Only one of the three ways shows it."""
    if form.way == LINK:
        address = delivery.link(web.actor(), record, raw)
        return web.render("keys/linked.html", record=record, address=address)
    if form.way == STORE:
        path = delivery.keep(web.actor(), record, raw)
        return web.render("keys/stored.html", record=record, path=path)
    return shown_once(record, raw, form.form_secret.data)


def shown_once(record: ApiKey, raw: str, form_secret: str | None) -> ResponseReturnValue:
    """Show the page with the new key.

    For ten minutes the form that made the key can get it again, if the response was lost.
    """
    if form_secret is not None and one_time_links.is_secret(form_secret):
        one_time_links.seal(web.actor(), record, raw, form_secret, "replay")
    return revealed(record, raw)


def show_again(key_id: str, form_secret: str | None) -> ResponseReturnValue:
    """Show the same response again to the form that lost it.

    To anybody else, show that the key is already issued.
    """
    record = service.get(web.actor(), key_id)
    raw = one_time_links.read_again(web.actor(), key_id, form_secret)
    if raw is not None:
        return revealed(record, raw, again=True)
    stored = audit.newest(web.actor(), key_id, "key.stored")
    linked = audit.newest(web.actor(), key_id, "key.link_made")
    path = stored.changes["path"][1] if stored else None
    return web.render("keys/already.html", record=record, path=path, linked=linked, status=409)


def revealed(record: ApiKey, secret: str, *, again: bool = False) -> ResponseReturnValue:
    """Show the only page that contains a key, with `no-store` as every page."""
    return web.render(
        "keys/issued.html",
        record=record,
        secret=secret,
        env=ENV_NAME,
        again=again,
    )


def _form() -> IssueKeyForm:
    """Return the form with its choices.

    It is filled from the query parameters, or from the key that the new one follows.
    """
    if request.method == "GET" and (followed := request.args.get("follows")):
        record = service.get(web.actor(), followed)
        form = IssueKeyForm(obj=record)
        form.follow(record)
    else:
        form = IssueKeyForm(formdata=request.form if request.form else request.args)
    caller = web.actor()
    form.offer(
        applications.running_choices(caller, also=[form.application_id.data]),
        people.choices(caller, [form.issued_to_user_id.data]),
        caller.grantable,
        applications.allowed_scopes(caller, form.application_id.data),
    )
    return form
