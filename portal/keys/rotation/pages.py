"""Pages of a rotation: start it, watch the calls move to the new key, finish or extend it."""

from flask import request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.applications import service as applications
from portal.identity.sessions.login import recent_sign_in_required
from portal.keys import service
from portal.keys.issuing.forms import OVERLAPS, ChildKeyForm, RotateKeyForm
from portal.keys.issuing.pages import handed_over, show_again, shown_once
from portal.keys.page_kit import about, bp, columns
from portal.keys.revocation import blast_radius
from portal.keys.rotation import progress, rotation
from portal.web.drawing.charts import Series
from portal.web.drawing.template_functions import absolute

SERIES = (Series("new key", "ok"), Series("old key", "warn"))


@bp.route("/<record_id>/rotate", methods=["GET", "POST"])
@recent_sign_in_required
def rotate(record_id: str) -> ResponseReturnValue:
    """Start a rotation with a chosen overlap. The response to the POST shows the new key."""
    caller = web.actor()
    record = service.get(caller, record_id)
    caller.require("keys:write")
    form = RotateKeyForm()
    allowed = applications.allowed_scopes(caller, record.application_id)
    form.offer(caller.grantable, allowed, record.scopes)
    if (command := form.command()) is not None:
        with form.catching():
            if earlier := web.already_done(form):
                return show_again(earlier, form.form_secret.data)
            made = rotation.rotate(caller, record_id, command)
            web.note_done(form, made.record.id)
            return handed_over(form, made.record, made.once["key"])
    return about(
        "keys/rotate.html",
        record,
        form=form,
        choices=OVERLAPS,
        status=409 if form.form_errors else form.answer_status,
    )


@bp.route("/<record_id>/child", methods=["GET", "POST"])
@recent_sign_in_required
def create_child(record_id: str) -> ResponseReturnValue:
    """Issue a short-lived child key. The response to the POST shows it, once."""
    caller = web.actor()
    record = service.get(caller, record_id)
    caller.require("keys:write")
    form = ChildKeyForm()
    form.offer(caller.grantable, record.scopes)
    if (command := form.command()) is not None:
        with form.catching():
            if earlier := web.already_done(form):
                return show_again(earlier, form.form_secret.data)
            made = rotation.make_child(caller, record_id, command)
            web.note_done(form, made.record.id)
            return shown_once(made.record, made.once["key"], form.form_secret.data)
    status = 409 if form.form_errors else form.answer_status
    return about("keys/child.html", record, "forms/_sentence.html", form=form, status=status)


@bp.get("/<record_id>/rotation", endpoint="rotation")
def show_rotation(record_id: str) -> ResponseReturnValue:
    """Show a running or past rotation: the calls with each key, and when it ends."""
    caller = web.actor()
    record = service.get(caller, record_id)
    cockpit = progress.cockpit(caller, record_id)
    bars = []
    if cockpit is not None:
        new, old = cockpit.new_use, cockpit.old_use
        bars = columns(new.hours, new.calls, old.calls)
    return about(
        "keys/rotation.html",
        record,
        "keys/_rotation.html",
        cockpit=cockpit,
        columns=bars,
        series=SERIES,
    )


@bp.route("/<record_id>/rotation/finish", methods=["GET", "POST"])
@recent_sign_in_required
def finish_rotation(record_id: str) -> ResponseReturnValue:
    """Revoke the old key now, after a page that shows what this would break."""
    caller = web.actor()
    caller.require("keys:write")
    record = service.get(caller, record_id)
    if request.method == "POST":
        progress.finish(caller, record_id)
        web.toast("The rotation is finished. The old key is revoked.")
        return web.see_other(url_for("keys.rotation", record_id=record_id))
    cockpit = progress.cockpit(caller, record_id)
    if cockpit is None or cockpit.is_done:
        return about("keys/finish.html", record, cockpit=None)
    blast = blast_radius.blast(caller, cockpit.old)
    return about("keys/finish.html", record, cockpit=cockpit, blast=blast)


@bp.post("/<record_id>/rotation/extend")
@recent_sign_in_required
def extend_rotation(record_id: str) -> ResponseReturnValue:
    """Extend the old key's life by up to one day."""
    _mine(record_id)
    ends = progress.extend(web.actor(), record_id)
    web.toast(f"The old key works until {absolute(ends)}.")
    return web.see_other(url_for("keys.rotation", record_id=record_id))


@bp.post("/<record_id>/rotation/keep")
@recent_sign_in_required
def keep_old_key(record_id: str) -> ResponseReturnValue:
    """Cancel the end of the old key, because the new key has ended."""
    _mine(record_id)
    progress.take_back(web.actor(), record_id)
    web.toast("The old key stays. Its planned end is taken back.")
    return web.see_other(url_for("keys.rotation", record_id=record_id))


def _mine(record_id: str) -> None:
    web.actor().require("keys:write")
    service.get(web.actor(), record_id)
