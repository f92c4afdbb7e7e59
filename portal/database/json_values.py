"""Compare values as JSON does: true is not 1, though Python calls them equal."""

from typing import Any

from sqlalchemy.dialects.postgresql import JSONB


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal, also in JSON: true and 1 differ, however deep they are."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


class Json(JSONB):
    """A column of free JSON. A change of 1 to true is a change."""

    def compare_values(self, x: Any, y: Any) -> bool:
        """Tell whether a value that is set is the stored one."""
        return same(x, y)
