"""Pages of a rotation: begin it, watch the calls move over, end it or give it more time."""

from flask import request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.errors import Conflict, Invalid
from portal.identity.guard import recent_sign_in_required
from portal.keys import rotation, service, succession
from portal.keys.observed import Use
from portal.keys.pages import about, bp, revealed
from portal.keys.schemas import RotateKey
from portal.web.charts import Column, Series

CHOICES = [
    ("now", "Now", "The old key is refused from its next request on."),
    ("1h", "One hour", "Time to restart one program."),
    ("24h", "24 hours", "Time for a deployment. Most choose this."),
    ("7d", "7 days", "Time for other people to act."),
    (
        "quiet",
        "Until it is quiet",
        "Ends by itself when nobody used it for a day; 30 days at most.",
    ),
]
DEFAULT = "24h"
SERIES = (Series("new key", "ok"), Series("old key", "warn"))


@bp.route("/<record_id>/rotate", methods=["GET", "POST"])
@recent_sign_in_required
def rotate(record_id: str) -> ResponseReturnValue:
    """Begin: choose how long both keys live. The answer to the POST shows the new one."""
    caller = web.actor()
    record = service.get(caller, record_id)
    caller.require("keys:write")
    problem = ""
    if request.method == "POST":
        try:
            made = rotation.rotate(caller, record_id, _overlap())
        except (Conflict, Invalid) as error:
            problem = error.errors[0].message if error.errors else error.detail
        else:
            return revealed(made.record, made.once["key"])
    return about(
        "keys/rotate.html",
        record,
        choices=CHOICES,
        chosen=request.form.get("overlap", DEFAULT),
        problem=problem,
        status=409 if problem else 200,
    )


@bp.get("/<record_id>/rotation", endpoint="rotation")
def show_rotation(record_id: str) -> ResponseReturnValue:
    """The cockpit: who calls with which key, and when it is over."""
    caller = web.actor()
    record = service.get(caller, record_id)
    cockpit = succession.cockpit(caller, record_id)
    columns = [] if cockpit is None else _columns(cockpit.new_use, cockpit.old_use)
    return about("keys/rotation.html", record, cockpit=cockpit, columns=columns, series=SERIES)


def _overlap() -> RotateKey:
    return RotateKey.read({"overlap": request.form.get("overlap", DEFAULT)})


def _columns(new: Use, old: Use) -> list[Column]:
    return [
        Column(hour.strftime("%a %-d %b, %H:00"), (new.calls[hour], old.calls[hour]))
        for hour in new.hours
    ]


@bp.post("/<record_id>/rotation/finish")
@recent_sign_in_required
def finish_rotation(record_id: str) -> ResponseReturnValue:
    """End the old key now."""
    _mine(record_id)
    succession.finish(web.actor(), record_id)
    web.toast("The rotation is finished. The old key is revoked.")
    return web.see_other(url_for("keys.rotation", record_id=record_id))


@bp.post("/<record_id>/rotation/extend")
@recent_sign_in_required
def extend_rotation(record_id: str) -> ResponseReturnValue:
    """Give the old key one day more."""
    _mine(record_id)
    succession.extend(web.actor(), record_id)
    web.toast("The old key has one day more.")
    return web.see_other(url_for("keys.rotation", record_id=record_id))


def _mine(record_id: str) -> None:
    web.actor().require("keys:write")
    service.get(web.actor(), record_id)
