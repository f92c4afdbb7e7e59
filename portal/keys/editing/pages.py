"""The page that edits a key."""

from flask import request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.database.record import find
from portal.keys.editing import editing
from portal.keys.editing.forms import EditKeyForm
from portal.keys.models import ApiKey
from portal.keys.page_kit import bp


@bp.route("/<record_id>/edit", methods=["GET", "POST"])
def edit(record_id: str) -> ResponseReturnValue:
    """Change the name, tags, expiry, limits and budget of a key."""
    caller = web.actor()
    caller.require("keys:write")
    record = find(ApiKey, caller, record_id, lock=request.method == "POST")
    editing.require_open(record)
    form = EditKeyForm.of(record)
    if (command := form.command(stored=record)) is not None:
        with form.catching():
            form.check_version(record)
            editing.edit(caller, record, command)
            web.toast(*_saved(record))
            return web.see_other(url_for("keys.show", record_id=record_id))
    return web.render("keys/edit.html", form=form, record=record, status=form.answer_status)


def _saved(record: ApiKey) -> tuple[str, ...]:
    if record.max_budget_usd is None or record.spend_usd < record.max_budget_usd:
        return ("The key is saved. Its next request counts by the new settings.",)
    return (
        f"The key is saved. It has spent ${record.spend_usd:,.2f} of ${record.max_budget_usd:,.2f},"
        " so its calls are refused until the budget resets or is raised.",
        "warn",
    )
