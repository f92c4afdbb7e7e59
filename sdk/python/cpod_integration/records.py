"""Represent answers: a record that knows its version, and a page of a list."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Generic, Self, TypeVar

from cpod_integration.secret import Secret

T = TypeVar("T")


class Record(dict[str, Any]):
    """An answer: a dict that also holds the ETag of the record.

    Pass it where an id is wanted. `update` and `delete` then send `If-Match`, so that they change
    nothing if somebody else was quicker.
    """

    __slots__ = ("_etag",)
    _etag: str | None

    # No __init__ of its own: a list makes 200 of them for each page.

    @classmethod
    def with_etag(cls, document: Mapping[str, Any], etag: str | None) -> Self:
        """Return a record with the ETag that was sent with it."""
        record = cls(document)
        record._etag = etag
        return record

    @property
    def etag(self) -> str | None:
        """Return the ETag that was sent with it, or that of its version."""
        version = self.get("version")
        sent: str | None = getattr(self, "_etag", None)
        return sent or (f'"{version}"' if isinstance(version, int) else None)


class Page(list[T], Generic[T]):
    """One page of a list. `next_cursor` is None on the last one; `answer` is all of the answer."""

    def __init__(self, answer: Mapping[str, Any], items: Iterable[T]) -> None:
        super().__init__(items)
        self.answer = answer
        self.next_cursor: str | None = answer.get("next_cursor")


def id_of(record: str | Mapping[str, Any]) -> str:
    """Return the id of a record, or the id that was given. Raises ValueError if there is none."""
    found = record if isinstance(record, str) else record.get("id")
    if not isinstance(found, str) or found in ("", ".", ".."):
        raise ValueError("Pass the id of a record, or a record with an id.")
    return found


def etag_of(record: str | Mapping[str, Any]) -> str | None:
    """Return the ETag of a record that the portal has answered; None for an id."""
    return record.etag if isinstance(record, Record) else None


def hide(document: Any, fields: Collection[str]) -> Any:
    """Replace the texts of these fields, at any depth, by Secrets. Return the document."""
    if isinstance(document, dict):
        for name, value in document.items():
            document[name] = _hidden(value) if name in fields else hide(value, fields)
    elif isinstance(document, list):
        document[:] = [hide(each, fields) for each in document]
    return document


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return Secret(value)
    if isinstance(value, dict):
        return {name: _hidden(each) for name, each in value.items()}
    return value
