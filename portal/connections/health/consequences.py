"""Say beside a failing connector what cPod does, what is lost and where to look.

Each sentence follows from `portal.connections.check_results`: nothing is read.
"""

from portal.connections import check_results
from portal.connections.models import ConnectorStanding
from portal.connectors.models import Connector
from portal.web.drawing.consequences import Consequences

MINUTES = [int(wait.total_seconds() // 60) for wait in check_results.AGAIN]
DOES = {
    "action_required": "Checks it again at least once a day, and whenever you save it or ask.",
    "rate_limited": "Waits until the system allows requests again, at most a day, then checks it.",
}
AGAIN = (
    f"Checks it again after {', '.join(map(str, MINUTES[:-1]))} minutes, then every"
    f" {MINUTES[-1]} minutes."
)
ASKED = "Programs can still ask for its credentials."
LOST = (
    "Nothing in cPod: settings and credentials stay as they are. What programs read or write with"
    " it does not pass through cPod, so cPod cannot send it later."
)
LOOK = {
    "auth_invalid": "The credentials below, and whether {name} locked or removed the account.",
    "auth_scope": "The permissions of the account at {name}.",
    "auth_expired": "When the credentials end at {name}.",
    "config": "The settings below: one of them is refused.",
}
ELSEWHERE = "The step that failed, the status page of {name}, and the network between it and cPod."


def of(record: Connector, standing: ConnectorStanding | None) -> Consequences | None:
    """Return what follows from the state of a connector; None if it does not fail."""
    if standing is None or record.is_deleted or record.is_stopped or not record.enabled:
        return None
    failing = ("action_required", "failing", "rate_limited")
    if record.sync_status not in failing and not record.consecutive_errors:
        return None
    name = record.entry.name if record.entry and not record.entry.is_open else "the other system"
    look = LOOK.get(standing.outcome or "", ELSEWHERE).format(name=name)
    return Consequences(f"{DOES.get(record.sync_status, AGAIN)} {ASKED}", LOST, look)
