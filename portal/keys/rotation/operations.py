"""REST of rotations: /api/v1/integration/api-keys/{id}/rotation; and the end of a planned
revocation."""

from datetime import datetime
from typing import Any, Literal

from flask import Response
from pydantic import BaseModel, ConfigDict

from portal.core.errors import NotFound
from portal.core.key_shape import shown
from portal.database.record import find
from portal.keys import service
from portal.keys.models import ApiKey
from portal.keys.rotation import progress
from portal.rest.api import Outcome, actor, answer, no_parameters, once
from portal.rest.openapi import Operation
from portal.rest.resources import RETRY

BELOW = "/api-keys/{id}/rotation"


class RotationDocument(BaseModel):
    """The newest rotation that a key is part of, as the old key or as its successor."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Id of the rotation."""
    old_key_id: str
    """Id of the key that is replaced."""
    new_key_id: str
    """Id of its successor."""
    state: Literal["created", "seen", "quiet", "done", "failed", "kept"]
    """created: the successor is not used yet. seen: both may be used. quiet: the old key was not
    used for a day. done: the old key has ended. failed: the successor does not work. kept: the old
    key stays."""
    overlap: Literal["now", "1h", "24h", "7d", "until_quiet"]
    """Overlap that was chosen."""
    started_at: datetime
    """Time when the rotation began."""
    ends_at: datetime
    """Time when the old key ends at the latest; if the rotation was taken back, when it would have
    ended by it."""
    latest_end: datetime
    """Time beyond which the old key cannot be extended."""
    finished_at: datetime | None
    """Time when the rotation was over; null while it runs."""
    new_key_share_percent: int | None
    """Share of the calls of the last day that used the successor; null without calls."""
    old_key_calls: int
    """Calls with the old key in the last two days."""
    new_key_calls: int
    """Calls with the successor in the last two days."""


def represent(found: progress.Cockpit) -> dict[str, Any]:
    """Return a rotation as a document."""
    names = ("id", "old_key_id", "new_key_id", "overlap", "started_at", "finished_at")
    return {
        **{name: getattr(found.rotation, name) for name in names},
        "state": found.state,
        "ends_at": found.ends_at,
        "latest_end": found.latest,
        "new_key_share_percent": found.share,
        "old_key_calls": found.old_use.total,
        "new_key_calls": found.new_use.total,
    }


def _document(id: str) -> dict[str, Any]:
    found = progress.newest(actor(), id)
    if found is None:
        raise NotFound(f"The key {shown(id)} was never rotated.")
    return represent(found)


def _get(id: str) -> Response:
    no_parameters()
    service.get(actor(), id)
    return answer(_document(id))


def _change(verb: Any) -> Any:
    def view(id: str) -> Response:
        no_parameters()
        find(ApiKey, actor(), id)

        def work() -> Outcome:
            verb(actor(), id)
            return Outcome(_document(id), 200)

        return once(work)

    return view


def _operation(
    name: str, path: str, summary: str, verb: Any, scope: str, description: str
) -> Operation:
    return Operation(
        resource="api-keys", name=name, method="POST", path=BELOW + path, summary=summary,
        scope=scope, view=_change(verb), answer=RotationDocument, parameters=(RETRY,),
        record=ApiKey, description=description,
    )  # fmt: skip


OPERATIONS = (
    Operation(
        resource="api-keys",
        name="get_rotation",
        method="GET",
        path=BELOW,
        summary="Get the newest rotation of a key, and how far its calls have moved",
        description="Return the newest rotation of a key: when the overlap ends, and how"
        " many calls still use the old key. A key without one is a 404.",
        scope="keys:read",
        view=_get,
        answer=RotationDocument,
    ),
    _operation(
        "extend_rotation", "/extensions", "Let the old key of a rotation work up to one day longer",
        progress.extend, "keys:reopen",
        description="Let the old key of a rotation work one day longer, or until `latest_end` if"
        " that is sooner. It needs the scope `keys:reopen`. If it has ended, or cannot be longer,"
        " it is a 409.",
    ),
    _operation(
        "finish_rotation", "/completions", "Revoke the old key of a rotation now",
        progress.finish, "keys:write",
        description="Revoke the old key of a rotation now, and end the overlap. A rotation"
        " that has ended is a 409.",
    ),
    _operation(
        "take_back_rotation", "/cancellations",
        "Let the old key stay, because its successor has ended", progress.take_back, "keys:reopen",
        description="Let the old key stay after its successor has ended. It needs the"
        " scope `keys:reopen`. While the successor works, or after the old key"
        " has ended, it is a 409.",
    ),
)  # fmt: skip
