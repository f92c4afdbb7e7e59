"""Pages of tests: send one signed request to a webhook, and list the attempts of a webhook."""

from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.delivery.log import attempt_view
from portal.events import settings
from portal.lab import test_deliveries
from portal.lab.forms import TestForm, suggestions
from portal.records import listing
from portal.webhooks import keyring, service
from portal.webhooks.models import OUTCOMES, DeliveryAttempt, Webhook

bp = Blueprint("tests", __name__, url_prefix="/webhooks")


def panel(record: Webhook) -> dict[str, Any]:
    """Return the template variables of the test panel on a webhook's page."""
    return _panel(record, TestForm.of(record))


def _panel(record: Webhook, form: TestForm) -> dict[str, Any]:
    return {
        "form": form,
        "events": suggestions(record),
        "previous_signs": keyring.previous_signs(record),
        "detail": None,
    }


@bp.post("/<record_id>/test-deliveries")
def send(record_id: str) -> ResponseReturnValue:
    """Send a test. htmx gets the panel with the outcome; other clients are redirected to the
    attempt's page."""
    web.actor().require("webhooks:write")
    record = service.get(web.actor(), record_id)
    form, attempt = TestForm(), None
    if (command := form.command()) is not None:
        attempt = test_deliveries.send_test(web.actor(), record_id, command)
        if not web.portal_request().wants_fragment:
            return web.see_other(_place(attempt))
    panel = _panel(record, form) | _shown(attempt)
    status = form.answer_status
    return web.render(
        "webhooks/test.html", "webhooks/_test.html", status=status, record=record, **panel
    )


def _place(attempt: DeliveryAttempt, tab: str | None = None) -> str:
    ids: dict[str, Any] = {"record_id": attempt.webhook_id, "attempt_id": attempt.id}
    return url_for("tests.attempt", **ids, tab=tab)


def _shown(attempt: DeliveryAttempt | None) -> dict[str, Any]:
    """Return the template variables of an attempt; on its own page the tabs are part of the URL."""
    if attempt is None:
        return {"detail": None}
    hidden = settings.hidden_from(web.actor())
    tab = request.args.get("tab", "")
    return {
        "detail": attempt_view.detail(attempt, hidden, tab, lambda name: _place(attempt, tab=name)),
        "alone": web.here().partition("?")[0] == _place(attempt),
    }


@bp.get("/<record_id>/attempts")
def attempts(record_id: str) -> ResponseReturnValue:
    """Show the attempts of a webhook, newest first."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    query = listing.parse(test_deliveries.ATTEMPTS, request.args)
    page = test_deliveries.attempts(web.actor(), record, query)
    return web.render(
        "webhooks/attempts.html",
        "webhooks/_attempts.html",
        record=record,
        view=web.list_view(page, query),
        outcomes=[(name, attempt_view.outcome_text(name)) for name in OUTCOMES],
    )


@bp.get("/<record_id>/attempts/<attempt_id>")
def attempt(record_id: str, attempt_id: str) -> ResponseReturnValue:
    """Show one attempt, at a permalink."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    found = test_deliveries.attempt(web.actor(), record_id, attempt_id)
    return web.render(
        "webhooks/attempt.html", "webhooks/_attempt.html", record=record, **_shown(found)
    )
