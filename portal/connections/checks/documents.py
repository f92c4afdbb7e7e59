"""Read the bodies of answers, and find places in them."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from xml.parsers import expat

import orjson

from portal.outbound import Outcome

_DEEPEST = 50
_NUMBER = re.compile(r"\d{9,13}(\.\d+)?")
_MESSAGES = (
    "error_description", "error.message", "message", "errors.0.message", "errors.0.detail",
    "errors.0.title", "errors.0.description", "errorMessages.0", "errors.0", "detail",
    "error.details", "errorSummary", "messages.0.text", "description", "title", "error", "msg",
    "reason", "Error.Message", "ErrorResponse.Error.Message", "Message", "Error.Code", "Code",
)  # fmt: skip


class NoDocument(ValueError):
    """The text is not what it says it is."""


def json_of(outcome: Outcome) -> Any:
    """Return the body as JSON, or as the first message of an event stream. Raises NoDocument."""
    body = outcome.body
    if (outcome.header("content-type") or "").lower().startswith("text/event-stream"):
        body = next(_events(body), b"")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NoDocument from None


def document_of(outcome: Outcome) -> Any:
    """Return the body as JSON or, if it is XML, as nested objects; None if it is neither."""
    try:
        return json_of(outcome)
    except NoDocument:
        pass
    kind = (outcome.header("content-type") or "").lower()
    if "html" in kind or not ("xml" in kind or outcome.body.lstrip().startswith(b"<?xml")):
        return None
    try:
        return xml_of(outcome.body)
    except NoDocument:
        return None


def _events(body: bytes) -> Iterator[bytes]:
    for event in re.split(rb"\r?\n\r?\n", body):
        lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
        if lines:
            yield b"\n".join(lines)


def xml_of(body: bytes) -> Any:
    """Return nested objects, with the names of the elements and their text.

    Of several elements with one name the first counts. No entity is expanded. Raises NoDocument.
    """
    root: dict[str, Any] = {}
    path: list[tuple[dict[str, Any], str, list[str]]] = []

    def start(name: str, _: Mapping[str, str]) -> None:
        if len(path) > _DEEPEST:
            raise NoDocument
        path.append(({}, name.rpartition(" ")[2], []))

    def end(_: str) -> None:
        children, name, text = path.pop()
        parent = path[-1][0] if path else root
        parent.setdefault(name, children or "".join(text).strip())

    def refuse(*_: object) -> None:
        raise NoDocument

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = lambda text: path[-1][2].append(text) if path else None
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        raise NoDocument from None
    return root


def look(document: Any, place: str) -> Any:
    """Return what is at a place: `data.0.id`, `roles.*.name` (a list). None if it is not there."""
    if isinstance(document, Mapping) and place in document:
        return document[place]
    part, _, rest = place.partition(".")
    if part == "*" and isinstance(document, list):
        found = [look(each, rest) if rest else each for each in document]
        return [each for each in found if each is not None]
    below = _child(document, part)
    return look(below, rest) if rest and below is not None else below


def _child(document: Any, part: str) -> Any:
    if isinstance(document, Mapping):
        return document.get(part)
    if isinstance(document, list) and part.isascii() and part.isdigit() and len(part) < 6:
        return document[int(part)] if int(part) < len(document) else None
    return None


def written(value: Any) -> str:
    """Return a value as text, as JSON writes it."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def message_of(document: Any) -> str | None:
    """Return what the other side says about an error, wherever it is usual to say it."""
    if not isinstance(document, Mapping):
        return None
    found = (look(document, place) for place in _MESSAGES)
    return next((text for text in found if isinstance(text, str) and text.strip()), None)


def moment(value: Any) -> datetime | None:
    """Return a moment in any usual spelling: seconds or milliseconds since 1970, ISO, HTTP."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    text = written(value).strip()[:64] if value is not None else ""
    try:
        if _NUMBER.fullmatch(text):
            seconds = float(text)
            return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
        return _dated(text)
    except (ValueError, OverflowError, OSError):
        return None


def _dated(text: str) -> datetime:
    text = re.sub(r"^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$", r"\1T\2+00:00", text)
    text = re.sub(r"^(\S+ \S+) ([+-]\d{4})$", r"\1\2", text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = parsedate_to_datetime(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def seconds_of(value: Any) -> float | None:
    """Return how many seconds a token lasts, None if the value says something else."""
    number = _number(value)
    return number if number is not None and 0 < number < 1e9 else None


def end_of(value: Any, begun: datetime) -> datetime | None:
    """Return when a token ends: after a number of seconds, or at a moment. None if it is absurd."""
    if (seconds := seconds_of(value)) is not None:
        return begun + timedelta(seconds=seconds)
    number = _number(value)
    return moment(value) if number is None or number > 0 else None


def _number(value: Any) -> float | None:
    try:
        return float(written(value)[:32]) if value is not None else None
    except ValueError:
        return None
