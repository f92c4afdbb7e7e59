"""Parse JSON strictly: refuse, with a reason, what a lenient parser lets through.

Duplicate keys, NaN and Infinity, numbers beyond a double, NUL, lone surrogates and extreme nesting
are either legal or fatal to Python's own parser. All of them hide a mistake or an attack (OWASP
ASVS 5.0, 1.5.3).
"""

import json
import math
import re
from collections import Counter
from typing import Any

from portal.core.errors import BadRequest
from portal.core.precedence import give_way

MAX_DEPTH = 32
MAX_INT = 2**63
MAX_DIGITS = len(str(-MAX_INT))
TOO_LARGE = "The body has a number that is too large."
NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")


def parse(body: bytes) -> Any:
    """Return the value in a JSON body. Raises BadRequest, which names the problem."""
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise BadRequest(f"The body is not valid JSON: see {place}.") from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None
    if _may_be_unsound(body):
        _check(value, 1)
    return value


def _may_be_unsound(body: bytes) -> bool:
    """Tell whether `_check` can find anything: it need not walk through most bodies."""
    return b"\\u" in body or body.count(b"[") + body.count(b"{") >= MAX_DEPTH


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    give_way()
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        shown = twice[:60].encode("utf-8", "replace").decode()
        raise BadRequest(f"The body names “{shown}” twice in one object.")
    return found


def _no_constant(name: str) -> Any:
    raise BadRequest(f"{name} is not a JSON number.")


def _whole(digits: str) -> int:
    give_way()
    # An integer of 64 bits: other programs cannot read longer ones.
    if len(digits) > MAX_DIGITS or not -MAX_INT <= (number := int(digits)) < MAX_INT:
        raise BadRequest(TOO_LARGE)
    return number


def _finite(digits: str) -> float:
    give_way()
    if not math.isfinite(number := float(digits)):
        raise BadRequest(TOO_LARGE)
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_finite, parse_constant=_no_constant
)


def _check(value: Any, depth: int) -> None:
    give_way()
    if depth > MAX_DEPTH:
        raise BadRequest(f"The body is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, dict):
        _check(list(value), depth)
        _check(list(value.values()), depth)


def _check_text(text: str) -> None:
    if found := NO_CHARACTER.search(text):
        what = "a NUL character" if found[0] == "\x00" else "half of a surrogate pair"
        raise BadRequest(f"The body has {what}, which cannot be stored.")
