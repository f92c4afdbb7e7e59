"""Parse JSON strictly: refuse, with a reason, what a lenient parser lets through.

Duplicate keys, NaN and Infinity, numbers beyond a double, NUL, lone surrogates and extreme nesting
are either legal or fatal to Python's own parser. All of them hide a mistake or an attack (OWASP
ASVS 5.0, 1.5.3).
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import Any

from portal.core.errors import BadRequest, FieldError
from portal.core.key_shape import holds_key
from portal.core.threads.precedence import give_way
from portal.records.schemas import quoted, readable

MAX_DEPTH = 32
MAX_INT = 2**63
MAX_DIGITS = len(str(-MAX_INT))
TOO_LARGE = "has a number that is too large."
TOO_SMALL = "has a number that is too close to zero."
NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")


class _Unsound(Exception):
    """A value that is refused. `place` is the path to it, from the inside outwards; `message` is
    the sentence for the field there."""

    def __init__(self, problem: str, message: str = "", place: Iterable[str] = ()) -> None:
        super().__init__(problem)
        self.problem, self.message = problem, message or f"This {problem}"
        self.place = list(place)


def parse(body: bytes) -> Any:
    """Return the value in a JSON body. Raises BadRequest, which names the problem and the field."""
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except _Unsound as found:
        raise _refused(found, [*_place_of_first(body), *found.place]) from None
    except UnicodeDecodeError:
        raise _refused(_Unsound("is not UTF-8 text.")) from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _refused(_Unsound(f"is not valid JSON: see {place}.")) from None
    except RecursionError:
        raise _refused(_Unsound("is nested too deeply.")) from None
    if _may_be_unsound(body):
        try:
            _check(value, 1)
        except _Unsound as found:
            raise _refused(found, reversed(found.place)) from None
    return value


def _refused(found: _Unsound, place: Iterable[str] = ()) -> BadRequest:
    # A name may itself hold a raw API key, which no error repeats.
    field = readable(".".join(takewhile(lambda name: not holds_key(name), place)) or "body")
    return BadRequest(f"The body {found.problem}", errors=[FieldError(field, found.message)])


def _may_be_unsound(body: bytes) -> bool:
    """Tell whether `_check` can find anything: it need not walk through most bodies."""
    return b"\\u" in body or body.count(b"[") + body.count(b"{") >= MAX_DEPTH


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    give_way()
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        shown = "a field" if holds_key(twice) else quoted(twice)
        raise _Unsound(
            f"names {shown} twice in one object.", "This is there twice in one object.", [twice]
        )
    return found


def _no_constant(name: str) -> Any:
    raise _Unsound(f"has {name}, which is not a JSON number.")


def _whole(digits: str) -> int:
    give_way()
    # An integer of 64 bits: other programs cannot read longer ones.
    if len(digits) > MAX_DIGITS or not -MAX_INT <= (number := int(digits)) < MAX_INT:
        raise _Unsound(TOO_LARGE)
    return number


def _finite(digits: str) -> float:
    give_way()
    if not math.isfinite(number := float(digits)):
        raise _Unsound(TOO_LARGE)
    # A double cannot be so near to zero, and what is not zero must not become zero.
    if number == 0 and re.match("[^eE]*[1-9]", digits):
        raise _Unsound(TOO_SMALL)
    return number


def _place_of_first(body: bytes) -> list[str]:
    """Return the path to the first value that the decoder refuses, which does not know where it is:
    the body is read once more, with a mark in its place."""
    mark = object()
    is_marked = False

    def marked(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def read_or_mark(given: Any) -> Any:
            nonlocal is_marked
            try:
                return read(given)
            except _Unsound:
                if is_marked:
                    return dict(reversed(given)) if isinstance(given, list) else None
                is_marked = True
                return mark

        return read_or_mark

    try:
        value = _decoder(marked).decode(body.decode("utf-8"))
        return _path_to(mark, value, 1) or []
    except (ValueError, RecursionError):
        return []  # it is broken behind the value, too


def _path_to(mark: object, value: Any, depth: int) -> list[str] | None:
    give_way()
    if value is mark:
        return []
    if depth > MAX_DEPTH or not isinstance(value, dict | list):
        return None
    for name, item in value.items() if isinstance(value, dict) else enumerate(value):
        if (found := _path_to(mark, item, depth + 1)) is not None:
            return [str(name), *found]
    return None


def _decoder(hook: Callable[[Callable[[Any], Any]], Callable[[Any], Any]]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=hook(_object),
        parse_int=hook(_whole),
        parse_float=hook(_finite),
        parse_constant=hook(_no_constant),
    )


_DECODER = _decoder(lambda read: read)


def _check(value: Any, depth: int) -> None:
    give_way()
    if depth > MAX_DEPTH:
        raise _Unsound(f"is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check_item(str(number), item, depth)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_text(name)
            _check_item(name, item, depth)


def _check_item(name: str, item: Any, depth: int) -> None:
    try:
        _check(item, depth + 1)
    except _Unsound as found:
        found.place.append(name)
        raise


def _check_text(text: str) -> None:
    if found := NO_CHARACTER.search(text):
        what = "a NUL character" if found[0] == "\x00" else "half of a surrogate pair"
        raise _Unsound(f"has {what}, which cannot be stored.")
