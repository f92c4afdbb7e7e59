"""Draw lists as tables with filters, columns, totals and saved views, all of it in the address.

A feature declares a `Table` and calls `asked` and `render`; nothing here needs a script.

Read `tables` first, then `asked`, `chips` and `pages`.
"""

from portal.web.lists.asked import (
    ALL,
    PLACES,
    Asked,
    address,
    arguments_of,
    asked,
    better_address,
    check,
    whole,
)
from portal.web.lists.chips import Offer
from portal.web.lists.pages import render
from portal.web.lists.tables import TABLES, Column, Table, is_live, text
from portal.web.lists.views import SavedView, Source, from_source, keep_typed

__all__ = [
    "ALL",
    "PLACES",
    "TABLES",
    "Asked",
    "Column",
    "Offer",
    "SavedView",
    "Source",
    "Table",
    "address",
    "arguments_of",
    "asked",
    "better_address",
    "check",
    "from_source",
    "is_live",
    "keep_typed",
    "render",
    "text",
    "whole",
]
