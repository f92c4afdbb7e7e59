"""Follow the links of the document, from a real answer to the operations that it leads to."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from portal.features import OPERATIONS
from portal.rest.document.links import Links
from portal.rest.openapi import Operation
from tests.cast import PREFIX, Api

LINKS = Links(OPERATIONS)
BY_ID = {operation.id: operation for operation in OPERATIONS}


def followed(
    caller: Api, operation: Operation, path: Mapping[str, str], answer: Any
) -> Iterator[tuple[str, int]]:
    """Follow each link to a GET that this answer has a value for. Yield its name and the status."""
    for name, link in LINKS.of(operation).items():
        target = BY_ID[link["operationId"]]
        given = {
            place: value_of(expression, path, answer)
            for place, expression in link["parameters"].items()
        }
        if target.method != "GET" or None in given.values():
            continue
        query = {
            place.removeprefix("query."): value
            for place, value in given.items()
            if place.startswith("query.")
        }
        ids = {place: value for place, value in given.items() if "." not in place}
        found = caller.get(target.path.format(**ids), query_string=query)
        yield f"{operation.id} → {name}", found.status_code


def pages_of(caller: Api, path: str) -> int:
    """Read a list to its end by the links in its headers, one item a page. Return the number of
    pages. Fail if a link and a cursor do not say the same."""
    pages, address = 0, f"{PREFIX}{path}?limit=1"
    while address:
        answer = caller.get(address.removeprefix(PREFIX))
        assert answer.status_code == 200, (address, answer.text)
        cursor = (answer.json or {})["next_cursor"]
        following = f"{PREFIX}{path}?{urlencode({'limit': 1, 'cursor': cursor})}"
        said = answer.headers.get("Link")
        assert said == (f'<{following}>; rel="next"' if cursor else None), address
        pages, address = pages + 1, following if cursor else ""
    return pages


def value_of(expression: str, path: Mapping[str, str], answer: Any) -> Any:
    """Return the value of a runtime expression; None if the answer has none."""
    if expression.startswith("$request.path."):
        return path[expression.removeprefix("$request.path.")]
    found = answer
    for part in expression.removeprefix("$response.body#/").split("/"):
        if isinstance(found, list):
            found = found[int(part)] if int(part) < len(found) else None
        else:
            found = (found or {}).get(part)
    return found
