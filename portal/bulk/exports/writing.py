"""Write documents as lines of CSV (RFC 4180) or of JSON (JSON Lines), in UTF-8."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from portal.rest.api import encoded

Format = Literal["csv", "jsonl"]
Document = Mapping[str, Any]

FORMULA = re.compile("(^|[;\t\r\n])(?=[=+@\t\r\uff1d\uff0b\uff0d\uff20-])")
"""A place where a spreadsheet may begin a formula: at the start of a cell, and, where it separates
cells by semicolons or tabs as in many countries, after each of these. The last four characters are
full-width forms, which Excel takes as such in some languages."""

CUT = "This file is incomplete: {} Export it again."


def csv_head(fields: Sequence[str]) -> bytes:
    """Return the first line: the names of the fields."""
    return _line(fields)


def csv_lines(documents: Iterable[Document]) -> bytes:
    """Return documents as lines, each value in the place of its field."""
    return b"".join(_line([cell(value) for value in one.values()]) for one in documents)


def csv_cut(reason: str) -> bytes:
    """Return the last line of a file that could not be completed."""
    return _line([f"# {CUT.format(reason)}"])


def jsonl_head(fields: Sequence[str]) -> bytes:
    """Return nothing: each line names its fields."""
    return b""


def jsonl_lines(documents: Iterable[Document]) -> bytes:
    """Return documents as lines."""
    return b"".join(encoded(one) + b"\n" for one in documents)


def jsonl_cut(reason: str) -> bytes:
    """Return the last line of a file that could not be completed."""
    return orjson.dumps({"incomplete": True, "detail": CUT.format(reason)}) + b"\n"


def cell(value: Any) -> str:
    """Return a value as the text of a cell: what is no text is written as in JSON. A spreadsheet
    would run what begins like a formula, so that gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return encoded(value).decode()
    # A time is a text in JSON.
    written = value if isinstance(value, str) else encoded(value).decode().strip('"')
    return FORMULA.sub(r"\1'", written)


def _line(cells: Iterable[str]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(cells)
    return written.getvalue().encode()


@dataclass(frozen=True, slots=True)
class Written:
    """A format: its media type, a short file, and how one begins, goes on, and ends too early."""

    media_type: str
    example: str
    head: Callable[[Sequence[str]], bytes]
    lines: Callable[[Iterable[Document]], bytes]
    cut: Callable[[str], bytes]


FORMATS: Mapping[Format, Written] = {
    "csv": Written(
        "text/csv; charset=utf-8", "id,name\r\nwhk_01,CRM events\r\n", csv_head, csv_lines, csv_cut
    ),
    "jsonl": Written(
        "application/x-ndjson",
        '{"id":"whk_01","name":"CRM events"}\n',
        jsonl_head,
        jsonl_lines,
        jsonl_cut,
    ),
}


def media_types() -> dict[str, str]:
    """Return the media type of each format, without its parameters, and a short file."""
    return {one.media_type.partition(";")[0]: one.example for one in FORMATS.values()}
