"""Define functions that templates use: times, tones, links, attributes."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, cast
from urllib.parse import quote, urlencode

from flask import Flask, current_app, g, render_template, request, url_for
from markupsafe import Markup, escape
from pygments import highlight as colour
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from portal.rest.openapi import PREFIX
from portal.secretstore import StoreHealth, store
from portal.web.access import signed_in
from portal.web.drawing.preferences import look, looks
from portal.web.security_headers import csp_nonce

# A status is drawn as a dot and a word. The word determines the tone, everywhere in the same way.
TONES = {
    "ok": "recovered active healthy ok delivered succeeded enabled connected verified live done "
    "passed works",
    "warn": "degraded retrying expiring deprecated stale warning needs_credentials rate_limited "
    "rotating warned attention",
    "bad": "failed failing action_required leaked error refused unreachable rejected dead",
    "held": "held paused blocked stopped stopping suspended",
    "busy": "syncing running sending pending queued beta new",
    "skip": "not_tried",
}
TONE_OF = {word: tone for tone, words in TONES.items() for word in words.split()}

LARGEST_HIGHLIGHT = 16 * 1024  # characters; longer texts stay plain, to keep pages fast
LONGEST_QUERY = 2000  # characters of an address; longer ones are not kept
MOST_RAILS = 512
HEAD_SECONDS = 15  # between two looks whether the head of a record is still true
SIGN_OUT = "/auth/logout"
PLACE = "RECORD"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the rail, the navigation at the side. It needs the blueprint of its endpoint."""

    endpoint: str
    label: str
    icon: str
    key: str = ""  # after "g", it opens this page
    rule: bool = False
    also: str = ""  # other blueprints whose pages belong to this line
    url: str = ""
    current: bool = False


RAIL = (
    Entry("overview.index", "Overview", "layout-dashboard", "o"),
    Entry("applications.index", "Applications", "apps", "a"),
    Entry("connectors.index", "Connectors", "plug-connected", "c"),
    Entry("keys.index", "API keys", "key", "k"),
    Entry(
        "webhooks.index",
        "Webhooks",
        "webhook",
        "w",
        also="webhook_deliveries endpoints lab tests inbound",
    ),
    Entry("deliveries.index", "Deliveries", "send", "d"),
    Entry("events.index", "Events", "bolt", "e", also="event_types"),
    Entry("audit.index", "Audit log", "history", "l", rule=True),
    Entry("deleted.index", "Deleted", "trash", "b"),
    Entry("explorer.index", "Explorer", "code", "x"),
    Entry("sessions.index", "Sessions", "devices", "s", also="people quotas"),
)


def secret_store() -> StoreHealth:
    """Return the state of the secret store, as it was a few seconds ago; one for a page."""
    if "secret_store" not in g:
        g.secret_store = store().recent_health()
    found: StoreHealth = g.secret_store
    return found


def init_app(app: Flask) -> None:
    """Make the functions available to every template, including macros."""
    app.jinja_env.globals.update(
        absolute=absolute,
        can=can,
        curl_example=curl_example,
        web_link=web_link,
        ago=ago,
        going=going,
        highlight=highlight,
        secret_store=secret_store,
        html_attributes=html_attributes,
        is_first_error=is_first_error,
        iso=iso,
        minute=minute,
        look=look,
        looks_again=looks_again,
        looks=looks,
        rail=rail,
        record_url=record_url,
        present=present,
        pretty=pretty,
        search_url=search_url,
        sign_out_url=lambda: SIGN_OUT,
        sort_order=sort_order,
        tone=tone,
        url_for=page_url,
        with_args=with_args,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def tone(word: object) -> str:
    """Return the tone of a word, which decides its shape, or "" for what is off or over."""
    return TONE_OF.get(str(word).lower().replace(" ", "_"), "")


# ---------------------------------------------------------------- times

STEPS = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (30 * 86400, 86400, "d"))


def ago(moment: datetime, now: datetime | None = None) -> str:
    """Return `3 min ago`, `in 23 h`, or the date after a month. time.js does the same."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    size = abs(seconds)
    if size < 10:
        return "just now"
    for limit, unit, name in STEPS:
        if size < limit:
            text = f"{int(size // unit)} {name}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return _day(moment)


@lru_cache(maxsize=4096)
def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%-d %b %Y")


def absolute(moment: datetime) -> str:
    """Return a time as `24 Nov 2026, 14:35:28 UTC`."""
    return moment.astimezone(UTC).strftime("%-d %b %Y, %H:%M:%S UTC")


def iso(moment: datetime) -> str:
    """Return a time as RFC 3339 in UTC, to the millisecond, for `<time datetime>`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def minute(moment: datetime) -> str:
    """Return a time in UTC to the minute, for `<input type="datetime-local">`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="minutes")


def to_field(moment: datetime) -> str:
    """Return a time in UTC for `<input type="datetime-local">`, with its seconds if it has any.

    The field knows milliseconds, nothing finer.
    """
    plain = moment.astimezone(UTC).replace(tzinfo=None)
    finest = "milliseconds" if plain.microsecond else "seconds" if plain.second else "minutes"
    return plain.isoformat(timespec=finest)


# ---------------------------------------------------------------- links


def page_url(endpoint: str, **values: Any) -> str:
    """Return the result of Flask's `url_for`. An address without arguments is cached."""
    if values or endpoint.startswith("."):
        return url_for(endpoint, **values)
    return _page_url(endpoint)


@cache
def _page_url(endpoint: str) -> str:
    return url_for(endpoint)


def record_url(endpoint: str, record_id: str) -> str:
    """Return the address of a record's page. The route is looked up once, since lists have many."""
    return record_urls(endpoint)(quote(record_id, safe=""))


@cache
def record_urls(endpoint: str) -> Callable[[str], str]:
    """Return a function from a record's id to its page. Ids that we made need no quoting."""
    before, _, after = url_for(endpoint, record_id=PLACE).partition(PLACE)
    return lambda record_id: f"{before}{record_id}{after}"


def with_args(**changes: Any) -> str:
    """Return this page with some query arguments changed; None or "" drops one."""
    args = request.args.to_dict() | changes
    kept = tuple(item for item in args.items() if item[1] not in (None, ""))
    written = _query if len(request.query_string) <= LONGEST_QUERY else urlencode
    return f"{request.path}?{written(kept)}" if kept else request.path


_query = lru_cache(maxsize=1024)(urlencode)


@dataclass(frozen=True, slots=True)
class SortOrder:
    """The link of a column's head, and how the column sorts now (for aria-sort)."""

    url: str
    aria: str | None


def sort_order(field: str) -> SortOrder:
    """Return the sort of a column's head: a click sorts upward, the next one downward.

    The list then starts from its first page.
    """
    now = request.args.get("sort", "")
    aria = {field: "ascending", f"-{field}": "descending"}.get(now)
    following = f"-{field}" if now == field else field
    return SortOrder(with_args(sort=following, cursor=None), aria)


def rail(tenant: str) -> Markup:
    """Return the rail for the pages of one blueprint, cached for each tenant."""
    known = current_app.extensions.setdefault("portal.rails", {})
    here = request.blueprint or ""
    if (here, tenant) not in known:
        if len(known) >= MOST_RAILS:
            known.clear()
        drawn = render_template("_rail.html", tenant=tenant, entries=_entries(here))
        known[(here, tenant)] = Markup(drawn)  # noqa: S704 - a template's answer
    return cast("Markup", known[(here, tenant)])


def _entries(here: str) -> list[Entry]:
    return [
        replace(entry, url=url_for(entry.endpoint), current=_is_here(entry, here))
        for entry in RAIL
        if entry.endpoint in current_app.view_functions
    ]


def rail_entry(blueprint: str) -> Entry:
    """Return the line of the rail for a feature: its name for people, and its icon."""
    return next(entry for entry in RAIL if _is_here(entry, blueprint))


def going() -> list[tuple[str, str]]:
    """Return the key and the name of each page that "g" and a key open."""
    return [(one.key, one.label) for one in RAIL if one.endpoint in current_app.view_functions]


def _is_here(entry: Entry, here: str) -> bool:
    return here in (entry.endpoint.partition(".")[0], *entry.also.split())


def search_url() -> str | None:
    """Return the address of the search page, or None if there is no such page."""
    known = "search.index" in current_app.view_functions
    return url_for("search.index") if known else None


def can(scope: str) -> bool:
    """Tell whether the signed-in person has the permission `scope`."""
    person = signed_in()
    return person is not None and person.actor.can(scope)


def curl_example(method: str, path: str, body: str | None = None) -> str:
    """Return a curl command for the same request, with the token left to the reader."""
    lines = [
        f"curl -X {method} {request.host_url.rstrip('/')}{PREFIX}{path}",
        '-H "Authorization: Bearer $TOKEN"',
    ]
    if body is not None:
        lines += ["-H 'Content-Type: application/json'", f"-d '{body}'"]
    return " \\\n  ".join(lines)


# ---------------------------------------------------------------- markup


def web_link(text: str | None) -> Markup | str | None:
    """Return a link if the text is a web address, otherwise the text, as for `javascript:`."""
    if not text or not re.match(r"https?://", text):
        return text
    shown = escape(text)
    return Markup(f'<a href="{shown}" rel="noopener noreferrer">{shown}</a>')  # noqa: S704 - escaped


def html_attributes(given: Mapping[str, Any]) -> Markup:
    """Convert `hx_get="/x"` to ` hx-get="/x"`. None and False are left out, True has no value.

    These attributes come from templates, so hx-attributes get the page's nonce here: the extension
    that adds nonces to the source cannot see them.
    """
    parts = []
    for name, value in given.items():
        dashed = name.rstrip("_").replace("_", "-")
        if value is None or value is False:
            continue
        parts.append(f" {dashed}" if value is True else f' {dashed}="{escape(value)}"')
    if any(name.startswith("hx_") for name in given):
        parts.insert(0, f' hx-nonce="{csp_nonce()}"')
    return Markup("".join(parts))  # noqa: S704 - every value was escaped above


def looks_again(region: str, *shown: object) -> Markup:
    """Return the attributes with which the head of a record's page is drawn again by itself.

    `region` selects it in the page. `shown` is what tells that the record has changed.
    """
    if request.method != "GET":
        return Markup()
    return html_attributes(
        {
            "data_live": HEAD_SECONDS,
            "data_version": ".".join(map(str, shown)),
            "hx_get": with_args(),
            "hx_trigger": "live",
            "hx_select": region,
            "hx_target": "this",
            "hx_swap": "outerMorph",
            "hx_status:5xx": "swap:none",
        }
    )


def present(*given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that are not None: WTForms would write None out."""
    return {name: value for part in given for name, value in part.items() if value is not None}


def initials(name: str) -> str:
    """Return initials, such as `AL` for `Ada Lovelace`, for a person without a picture."""
    words: list[str] = re.findall(r"\w+", name) or ["?"]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def is_first_error(field: Any) -> bool:
    """Tell whether this is the first field with an error, in which the cursor is placed."""
    return bool(getattr(field, "is_first_error", False))


def pretty(document: Any) -> str:
    """Return a document as JSON that is indented for people."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def highlight(text: str, language: str | None = None) -> Markup:
    """Return code with its parts in spans of a class (no inline style), escaped.

    A long text stays plain, and is not kept.
    """
    if language is None or len(text) > LARGEST_HIGHLIGHT:
        return escape(text)
    return _highlighted(text, language)


@lru_cache(maxsize=256)
def _highlighted(text: str, language: str) -> Markup:
    lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    html: str = colour(text, lexer, HtmlFormatter(nowrap=True))
    return Markup(html)  # noqa: S704 - Pygments escapes
