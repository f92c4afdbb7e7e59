"""Filter, search, sort and page lists, in the same way for web pages and for REST.

This is what other packages use of `portal.records.lists`.
"""

from portal.records.lists.asking import share, weigh
from portal.records.lists.conditions import CLOCKS_DIFFER
from portal.records.lists.counts import (
    MOST_COUNTED,
    Total,
    count_of,
    counted,
    counting,
    everything,
    narrowed,
    total,
    total_of,
)
from portal.records.lists.cursors import CURSOR_LENGTH, NOT_OURS, Cursor, packed, unpacked, value_of
from portal.records.lists.declaration import (
    CONTROLS,
    FINGERPRINT,
    OF_RECORDS,
    Beside,
    Column,
    How,
    Listing,
    Side,
    Value,
    View,
    sorted_time,
    stem,
    time_or_earliest,
)
from portal.records.lists.pages import Page, page, page_below
from portal.records.lists.parameters import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Arguments,
    each_once,
    limit_of,
    moment_of,
    refused,
    truth,
    unknown,
)
from portal.records.lists.queries import MOST_VALUES, TEXT_LENGTH, Clause, Query, one_by_one, parse

__all__ = [
    "CLOCKS_DIFFER",
    "CONTROLS",
    "CURSOR_LENGTH",
    "DEFAULT_LIMIT",
    "FINGERPRINT",
    "MAX_LIMIT",
    "MOST_COUNTED",
    "MOST_VALUES",
    "NOT_OURS",
    "OF_RECORDS",
    "TEXT_LENGTH",
    "Arguments",
    "Beside",
    "Clause",
    "Column",
    "Cursor",
    "How",
    "Listing",
    "Page",
    "Query",
    "Side",
    "Total",
    "Value",
    "View",
    "count_of",
    "counted",
    "counting",
    "each_once",
    "everything",
    "limit_of",
    "moment_of",
    "narrowed",
    "one_by_one",
    "packed",
    "page",
    "page_below",
    "parse",
    "refused",
    "share",
    "sorted_time",
    "stem",
    "time_or_earliest",
    "total",
    "total_of",
    "truth",
    "unknown",
    "unpacked",
    "value_of",
    "weigh",
]
