"""Draw lists as tables with filters, columns, totals and saved views, all of it in the address.

A feature declares a `Table` and calls `list_request` and `render`; nothing here needs a script.

Read `tables` first, then `list_request`, `chips` and `pages`.
"""

from portal.web.lists.chips import Offer
from portal.web.lists.list_request import (
    ALL,
    PLACES,
    ListRequest,
    address,
    arguments_of,
    better_address,
    check,
    list_request,
    whole,
)
from portal.web.lists.pages import render
from portal.web.lists.tables import TABLES, Column, Table, is_live, text
from portal.web.lists.views import SavedView, Source, from_source, keep_typed

__all__ = [
    "ALL",
    "PLACES",
    "TABLES",
    "Column",
    "ListRequest",
    "Offer",
    "SavedView",
    "Source",
    "Table",
    "address",
    "arguments_of",
    "better_address",
    "check",
    "from_source",
    "is_live",
    "keep_typed",
    "list_request",
    "render",
    "text",
    "whole",
]
