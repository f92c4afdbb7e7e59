"""Lead from any page to the explorer. Templates use it as `explorer`."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from flask import request

from portal.explorer.catalogue import Described, catalogue
from portal.web.drawing.template_functions import page_url

UNKEPT = frozenset({"cursor"})  # it belongs to the page's own list


def record_url(operation_id: str, *ids: str) -> str | None:
    """Return the explorer's page of an operation for one record, or None without such an operation.

    The ids are in the order of the operation's path.
    """
    found = catalogue().find(operation_id)
    return _url(operation_id, _filled(found, ids)) if found else None


def list_url(operation_id: str, *ids: str) -> str | None:
    """Return the explorer's page of a list, with the filters of the current page."""
    found = catalogue().find(operation_id)
    if found is None:
        return None
    given = {name: text for name, text in request.args.items() if text and name not in UNKEPT}
    filters = {one.key: given[one.name] for one in found.of("query") if one.name in given}
    return _url(operation_id, _filled(found, ids) | filters)


def _filled(described: Described, ids: Iterable[str]) -> dict[str, str]:
    fields = described.of("path")
    return {one.key: value for one, value in zip(fields, ids, strict=True)}


def _url(operation_id: str, values: Mapping[str, str]) -> str:
    place = f"{page_url('explorer.index')}/{operation_id}"
    return f"{place}?{urlencode(values)}" if values else place
