"""JSON as programs mean it: what a lenient parser lets through is refused with a reason.

Duplicate keys, NaN and Infinity, numbers beyond a double, NUL, lone surrogates and absurd nesting
are all legal to Python's own parser or fatal to it, and all of them hide a mistake or an attack
(OWASP ASVS 5.0, 1.5.3).
"""

import json
import math
import re
from typing import Any

from portal.errors import BadRequest

MAX_DEPTH = 32
MAX_INT = 2**63
NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")


def parse(body: bytes) -> Any:
    """The value in a JSON body, or BadRequest that says what is wrong with it."""
    try:
        text = body.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise BadRequest(f"The body is not valid JSON: see {place}.") from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None
    except ValueError:
        raise BadRequest("The body has a number that is too long.") from None
    _check(value, 1)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        shown = twice[:60].encode("utf-8", "replace").decode()
        raise BadRequest(f"The body names “{shown}” twice in one object.")
    return found


def _no_constant(name: str) -> Any:
    raise BadRequest(f"{name} is not a JSON number.")


def _check(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise BadRequest(f"The body is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float | int) and not _is_sound(value):
        raise BadRequest("The body has a number that is too large.")
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, dict):
        _check(list(value), depth)
        _check(list(value.values()), depth)


def _is_sound(number: float) -> bool:
    """Finite, and a whole number of 64 bits: other programs read no longer ones."""
    return math.isfinite(number) if isinstance(number, float) else -MAX_INT <= number < MAX_INT


def _check_text(text: str) -> None:
    if found := NO_CHARACTER.search(text):
        what = "a NUL character" if found[0] == "\x00" else "half of a surrogate pair"
        raise BadRequest(f"The body has {what}, which cannot be stored.")
