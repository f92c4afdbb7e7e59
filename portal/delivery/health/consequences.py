"""Say beside a failing or paused webhook what cPod does, what is lost and where to look.

Each sentence follows from `portal.delivery.queue.policy` and the webhook's row: nothing is read.
"""

from portal.delivery.queue import policy
from portal.web.drawing.consequences import Consequences
from portal.webhooks.models import Webhook

BACKOFF = {
    "exponential": "waits longer each time, from 5 seconds to a day",
    "linear": "waits 10 minutes longer each time",
    "fixed": "waits 5 minutes each time",
}
LOOK = {
    "http_error": "The receiver's own log: it was reached and answered with an error.",
    "redirect": "The target URL: the receiver redirects, and a redirect is not followed.",
    "forbidden_address": "The target URL: its address is in a network that may not be called.",
    "invalid_request": "The target URL and the headers of this webhook.",
    "dns": "The DNS record of the receiver: its name was not found.",
    "refused": "Whether the receiver runs, and on this port: the connection was refused.",
    "unreachable": "The receiver's network and firewall: no connection was made.",
    "reset": "The receiver's own log: it closed the connection before its answer was complete.",
    "tls": "The receiver's certificate: the TLS handshake failed.",
    "too_large": "What the receiver answers: a short answer with a 2xx status is enough.",
    "protocol_error": "What listens on this port: the answer is not HTTP.",
}
USUALLY = "The attempts of this webhook: each has the request, the answer and the time it took."


def of(webhook: Webhook) -> Consequences | None:
    """Return what follows from the state of a webhook; None if nothing is held or fails."""
    if webhook.is_deleted or webhook.direction != "outbound":
        return None
    if webhook.paused_at is not None:
        return _paused(webhook)
    if webhook.enabled and webhook.consecutive_failures and not webhook.is_stopped:
        return _failing(webhook)
    return None


def _paused(webhook: Webhook) -> Consequences:
    does = "Holds every delivery. The webhook stays paused until somebody resumes it."
    if webhook.pause_reason != "by_hand":
        does = (
            "Holds every delivery, and sends one from time to time to see whether the receiver"
            f" works again. After {policy.GOOD_PROBES} that arrive in a row, it resumes by itself."
        )
    lost = (
        "Nothing, as long as your tenant keeps events: a delivery that is held for longer is given"
        " up."
    )
    by_hand = webhook.pause_reason == "by_hand"
    look = "The deliveries that are held." if by_hand else _look(webhook)
    return Consequences(does, lost, look)


def _failing(webhook: Webhook) -> Consequences:
    attempts = webhook.retry_policy["maxAttempts"]
    waits = BACKOFF[webhook.retry_policy["backoff"]]
    minutes = int(policy.PAUSE_AFTER.total_seconds() // 60)
    again = f"Tries each delivery up to {attempts} times and {waits}."
    if attempts == 1:
        again = "Tries each delivery once."
    does = (
        f"{again} After {policy.PAUSE_FAILURES} failures in a row over at least {minutes} minutes"
        " it pauses the webhook and holds what follows."
    )
    fails = "fails" if attempts == 1 else f"has failed {attempts} times"
    lost = (
        f"Nothing while a delivery is retried. One that {fails} is not sent again by itself; it can"
        " be replayed while its event is kept."
    )
    return Consequences(does, lost, _look(webhook))


def _look(webhook: Webhook) -> str:
    outcome = webhook.last_delivery_status or ""
    if outcome == "timeout":
        limit = webhook.retry_policy["timeoutMs"]
        return f"What the receiver does before it answers: it took longer than {limit:,} ms."
    return LOOK.get(outcome, USUALLY)
