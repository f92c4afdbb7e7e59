"""Write the table of operations that the client reads when it is made."""

import json
from collections.abc import Iterable, Iterator

from portal_devtools.javascript_sdk.calls import Call, by_resource

HEAD = """\
// Generated from the portal's registry of operations by `make sdk`.
// i: takes a body or a query, l: is a list; sends k: Idempotency-Key, m: If-Match; secrets.
export const OPERATIONS = {
"""


def table(calls: Iterable[Call]) -> str:
    """Return the text of `operations.js`."""
    return HEAD + "".join(_resources(calls)) + "};\n"


def _resources(calls: Iterable[Call]) -> Iterator[str]:
    for resource, of_resource in by_resource(calls):
        yield f"  {resource}: {{\n"
        for call in of_resource:
            yield f"    {call.verb}: {json.dumps(_line(call))},\n"
        yield "  },\n"


def _line(call: Call) -> str:
    is_set = {
        "i": bool(call.body or call.query),
        "l": call.operation.is_list,
        "k": call.has_header("Idempotency-Key"),
        "m": call.has_header("If-Match"),
    }
    letters = "".join(letter for letter, present in is_set.items() if present) or "-"
    parts = [call.operation.method, _below(call), letters, ",".join(call.secrets)]
    return " ".join(parts).strip()


def _below(call: Call) -> str:
    """Return the path, with a dot for that of the resource."""
    place = f"/{call.operation.resource}"
    rest = call.operation.path.removeprefix(place)
    is_below = rest != call.operation.path and rest[:1] in ("", "/")
    return f".{rest}" if is_below else call.operation.path
