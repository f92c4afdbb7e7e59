"""Write and read the cursors of a list's pages."""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.records.bounded_search import MOST_PATIENCE, Place
from portal.records.lists.parameters import moment, refused

CURSOR_LENGTH = 1000
NOT_OURS = "This cursor does not belong to this list. Start from the first page."


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows: its sort, its row, and the direction to continue in.

    `patience` is how many pages in a row before it ended early (`portal.records.bounded_search`).
    """

    sort: str
    value: str
    record_id: str
    backward: bool = False
    patience: int = 0

    def encode(self) -> str:
        """Return an opaque text for a URL."""
        parts = [self.sort, self.value, self.record_id, self.backward, self.patience]
        return packed(parts)


def packed(parts: Any) -> str:
    """Return JSON as an opaque text for a URL."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def unpacked(text: str) -> Any:
    """Return the JSON of an opaque text. Raises ValueError for any other text."""
    if len(text) > CURSOR_LENGTH:
        raise ValueError("too long")
    padded = text + "=" * (-len(text) % 4)
    try:
        return json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except RecursionError as error:
        raise ValueError("too deep") from error


def read(value: str | None, sort: str, beginnings: tuple[str, ...]) -> Cursor | None:
    """Return the cursor of a query string. Raise BadRequest if it is not one of this sort, or of a
    list whose ids begin otherwise."""
    if not value:
        return None
    try:
        cursor = Cursor(*unpacked(value))
    except (ValueError, TypeError):
        raise refused("cursor", NOT_OURS) from None
    texts = (cursor.sort, cursor.value, cursor.record_id)
    readable = all(isinstance(part, str) and part.isprintable() for part in texts)
    if not readable or not isinstance(cursor.backward, bool) or cursor.sort != sort:
        raise refused("cursor", NOT_OURS)
    if not cursor.record_id.startswith(beginnings):
        raise refused("cursor", NOT_OURS)
    if type(cursor.patience) is not int or not 0 <= cursor.patience <= MOST_PATIENCE:
        raise refused("cursor", NOT_OURS)
    return cursor


def value_of(column: Any, cursor: Cursor) -> Any:
    """Return the sort key at a cursor, in the type of its column."""
    if column.type.python_type is datetime:
        return moment("cursor", cursor.value)
    if column.type.python_type is int:
        if not re.fullmatch(r"-?[0-9]{1,18}", cursor.value):
            raise refused("cursor", NOT_OURS)
        return int(cursor.value)
    return cursor.value


def cursors_of_page(
    keys: Sequence[Place], sort: str, cursor: Cursor | None, more: bool, backward: bool
) -> tuple[str | None, str | None]:
    """Return the cursors after the last row and before the first, where there are more rows."""
    if not keys:
        return _cursors_of_empty_page(cursor) if cursor else (None, None)
    onward = more or backward
    behind = more if backward else cursor is not None
    return (
        _at(sort, keys[-1]) if onward else None,
        _at(sort, keys[0], backward=True) if behind else None,
    )


def cursors_of_short_page(
    keys: Sequence[Place], sort: str, cursor: Cursor | None, end: Place, backward: bool
) -> tuple[str | None, str | None]:
    """Return the cursors of a page that ended early: continue at its end, with more patience."""
    patience = min((cursor.patience if cursor else 0) + 1, MOST_PATIENCE)
    onward = _at(sort, end, backward, patience)
    if cursor is None:
        return onward, None
    # Go back from the rows of this page or, if there are none, from the place where it ended.
    back = (keys[-1] if backward else keys[0]) if keys else end
    returning = _at(sort, back, not backward)
    return (returning, onward) if backward else (onward, returning)


def _cursors_of_empty_page(cursor: Cursor) -> tuple[str | None, str | None]:
    """Return the cursors of a page that has no rows after this one: only that of the page before,
    which ends with the row of the cursor itself."""
    is_downward = cursor.sort.startswith("-") != cursor.backward
    # The nearest place on the other side of that row, in every collation.
    beyond = cursor.record_id[:-1] if is_downward else f"{cursor.record_id}0"
    turned = Cursor(cursor.sort, cursor.value, beyond, not cursor.backward).encode()
    return (turned, None) if cursor.backward else (None, turned)


def _at(sort: str, place: Place, backward: bool = False, patience: int = 0) -> str:
    value, record_id = place
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return Cursor(sort, text, record_id, backward, patience).encode()
