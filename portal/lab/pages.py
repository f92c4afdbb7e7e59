"""Pages of the lab: send an edited example event; real and simulated failures."""

from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.database.record import find
from portal.events.catalogue import examples
from portal.events.type_names import LENGTH
from portal.inbound import inbox
from portal.inbound.reception import failure_orders
from portal.lab import rehearsal, trials
from portal.lab.forms import LabForm, suggestions
from portal.webhooks import service
from portal.webhooks.forms import ButtonForm
from portal.webhooks.models import Webhook

bp = Blueprint("lab", __name__, url_prefix="/webhooks")
HEAL_CHOICES = [("0", "never"), *((str(n), str(n)) for n in (1, 2, 3, 5, 8))]


@bp.get("/<record_id>/lab")
def show(record_id: str) -> ResponseReturnValue:
    """Show the lab of a webhook: an example event to edit and send, and what happens if it
    fails."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    wanted = request.args.get("type", "")[:LENGTH] or suggestions(record)[0]
    data = examples.of_type(web.actor(), wanted)
    form = LabForm.offering(event_type=wanted, data=data, failure="503", times=1)
    return _page(record, form, wanted)


def _page(record: Webhook, form: LabForm, wanted: str) -> ResponseReturnValue:
    names = examples.names(web.actor()) if record.direction == "outbound" else []
    known = sorted({*suggestions(record), *names})
    found = inbox.find_inbox(web.actor())
    fails_here = found is not None and found.is_fed_by(record)
    return web.render(
        "webhooks/lab.html",
        "webhooks/_test.html",
        record=record,
        form=form,
        events=known,
        type_choices=[(name, name) for name in sorted({wanted, *known})],
        wanted=wanted,
        detail=None,
        previous_signs=False,
        lab=True,
        inbox=found,
        fails_here=fails_here,
        order=failure_orders.ordered(web.actor(), found.receiver) if found and fails_here else None,
        press=ButtonForm(),
        status=form.answer_status,
        **_rehearsed(record),
    )


def _rehearsed(record: Webhook) -> dict[str, Any]:
    fault, heals = request.args.get("fault", "500"), request.args.get("heals", "0")
    if fault not in rehearsal.FAULTS or not (heals.isascii() and heals.isdigit()):
        fault, heals = "500", "0"
    heals_after = min(int(heals[:3]), 20)
    return {
        "heal_choices": HEAL_CHOICES,
        "faults": [(name, words) for name, (words, _) in rehearsal.FAULTS.items()],
        "fault": fault,
        "heals": heals_after,
        "rehearsed": rehearsal.rehearse(fault, record.retry_policy, heals_after),
        "said": rehearsal.duration_text,
    }


@bp.post("/<record_id>/lab")
def send(record_id: str) -> ResponseReturnValue:
    """Send an event to this webhook only, through the queue, and show its delivery."""
    web.actor().require("webhooks:write")
    record = find(Webhook, web.actor(), record_id)
    form = LabForm.offering()
    if (command := form.command()) is not None:
        with form.catching():
            if (done := web.already_done(form)) is None:
                web.note_done(form, done := trials.send(web.actor(), record_id, command).id)
            return web.see_other(url_for("deliveries.show", record_id=done))
    return _page(record, form, str(form.event_type.data or "")[:LENGTH])


@bp.post("/<record_id>/lab/failures")
def heal(record_id: str) -> ResponseReturnValue:
    """End the simulated failures of the inbox."""
    web.actor().require("webhooks:write")
    find(Webhook, web.actor(), record_id)
    if (found := inbox.find_inbox(web.actor())) is not None:
        failure_orders.end(web.actor(), found.receiver)
        web.toast("The inbox answers as usual again.")
    return web.see_other(url_for("lab.show", record_id=record_id))
