"""Write one log to standard output: readable in development, JSON in production, without secrets.

Our own messages (structlog) and those of libraries (logging) end with the same steps. These remove
secrets, also from tracebacks.
"""

import json
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from portal.core.key_shape import SHAPE

if TYPE_CHECKING:
    from flask import Flask, Response

requests = structlog.stdlib.get_logger("portal.web")

REMOVED = "[removed]"
OURS = frozenset({"level", "logger", "timestamp", "request"})  # these values are our own

# A value under one of these names is never logged.
SECRET_NAMES = re.compile(
    r"authorization|cookie|password|passwd|secret|token|credential|api[-_]?key|private[-_]?key",
    re.IGNORECASE,
)
# Secrets that are recognised anywhere in a line. Each replacement keeps the part that tells people
# which secret it was. A pattern is tried only in a line that has one of its marks (in lower case):
# most lines have none.
SECRET_SHAPES = (
    (
        ("sk-",),
        # After a letter only a whole key is one: “risk-based-approach” stays.
        re.compile(
            rf"((?:(?<![A-Za-z0-9])|(?={SHAPE.pattern}))sk-[A-Za-z0-9]{{1,12}}-)[\w-]{{6,}}"
        ),
        rf"\1{REMOVED}",
    ),
    (
        ("whsec_", "whsk_", "hvs.", "hvb."),
        re.compile(r"(whsec_|whsk_|hvs\.|hvb\.)[A-Za-z0-9+/=_.-]{6,}"),
        rf"\1{REMOVED}",
    ),
    (
        ("eyj",),
        # The lookahead tests each run of letters only once, so that any text takes linear time.
        re.compile(
            r"(?<![\w-])(?=[\w-]*+\.[\w-]++\.)"
            r"([\w-]*?)(?<![A-Za-z0-9])eyJ[\w-]{6,}\.[\w-]+\.[\w-]*"
        ),
        rf"\1jwt {REMOVED}",
    ),
    (
        ("bearer", "basic", "splunk", "ssws"),
        re.compile(r"(?i)\b(bearer|basic|splunk|ssws)( +)[\w.~+/=-]{6,}"),
        rf"\1\2{REMOVED}",
    ),
    (
        ("authorization", "cookie"),
        re.compile(
            r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(['\"]?\s*[:=]\s*['\"]?)[^'\"\r\n]+"
        ),
        rf"\1\2{REMOVED}",
    ),
    (
        ("=", "%3d"),
        re.compile(
            r"(?i)\b(code|state|nonce|code_verifier|(?:access|refresh|id|logout)_token|id_token_hint"
            r"|token|client_secret|client_assertion|password|secret_id)(=|%3D)[^&\s'\"<>]+"
        ),
        rf"\1\2{REMOVED}",
    ),
    (
        ("://",),
        re.compile(r"(://[^\s:/@]*):[^\s@/]+@"),
        rf"\1:{REMOVED}@",
    ),
)
MANY_LINES = frozenset({"exception", "stack"})
INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

ANY_MARK = re.compile("|".join(re.escape(mark) for marks, *_ in SECRET_SHAPES for mark in marks))


def redact(line: str) -> str:
    """Remove keys, signing secrets, tokens, credentials in URLs and sign-in codes from a line."""
    small = line.lower()
    if not ANY_MARK.search(small):
        return line
    for marks, shape, replacement in SECRET_SHAPES:
        if any(mark in small for mark in marks):
            line = shape.sub(replacement, line)
    return line


def configure(*, production: bool, level: int = logging.INFO) -> None:
    """Send every log of this process through one formatter. A second call changes nothing."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso" if production else "%H:%M:%S", utc=production),
        structlog.processors.StackInfoRenderer(),
        _without_secret_values,
    ]
    structlog.configure(
        processors=[*shared, *_ending(production)],
        logger_factory=_Lines,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,  # a test may configure again, or capture logs
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_ending(production),
        ],
    )
    handler = _Output()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [other for other in root.handlers if not isinstance(other, _Output)]
    root.addHandler(handler)
    root.setLevel(level)
    for noisy in ("werkzeug", "alembic", "urllib3", "_granian", "granian"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))


class _Lines:
    """Write our own lines directly to standard output, which costs a third of `logging`."""

    def __init__(self, name: str = "portal") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        # A disk that is full, a reader that has gone or a closed output stops nobody's work.
        with suppress(OSError, ValueError):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    debug = info = warning = error = exception = critical = msg


class _Output(logging.StreamHandler[TextIO]):
    """Use standard output as it is when a line is written, not as it was at the start."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stdout

    @stream.setter
    def stream(self, value: TextIO) -> None: ...


def _ending(production: bool) -> list[Processor]:
    if production:
        as_json = structlog.processors.JSONRenderer(serializer=_json)
        # Without local variables, which may hold secrets that no pattern recognises.
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [structlog.processors.ExceptionRenderer(frames), _redacted, as_json]
    colors = sys.stdout.isatty() or "FORCE_COLOR" in os.environ
    console = structlog.dev.ConsoleRenderer(
        colors=colors,
        pad_event_to=0,
        exception_formatter=_indented_traceback,
    )
    return [_one_line_each, lambda logger, name, event: redact(str(console(logger, name, event)))]


def _one_line_each(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    # Escape control characters, as JSON does: input may neither start a line nor move the cursor.
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _indented(value) if key in MANY_LINES else _visible(value)
    return event


def _indented_traceback(written: TextIO, fault: ExcInfo) -> None:
    written.write("\n" + _indented("".join(traceback.format_exception(*fault)).rstrip()))


def _indented(text: str) -> str:
    return "\n".join(f"  {_visible(line)}" for line in text.split("\n"))


def _visible(text: str) -> str:
    return INVISIBLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _json(event: EventDict, default: Callable[[Any], Any]) -> str:
    try:
        return orjson.dumps(event, default=default).decode()
    except TypeError:  # a lone surrogate, or a number beyond 64 bits
        return json.dumps(event, default=default)


def _redacted(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    # Redact before the values become JSON: a pattern that matched a backslash would break it.
    return {key: value if key in OURS else _redacted_value(value) for key, value in event.items()}


def _redacted_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _redacted_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted_value(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redact(str(value))


@lru_cache(maxsize=1024)
def _names_a_secret(key: str) -> bool:
    return SECRET_NAMES.search(key) is not None


def _without_secret_values(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    for key in event:
        if key != "event" and _names_a_secret(key):
            event[key] = REMOVED
    return event


def log_answer(method: str, path: str, status: int, begun_at: float, **facts: Any) -> None:
    """Log one line about a request: method, path without its query, status, milliseconds.

    `begun_at` is a time of `time.perf_counter`.
    """
    spent = round((time.perf_counter() - begun_at) * 1000, 1)
    requests.info(f"{method} {path}", status=status, ms=spent, **facts)


def log_requests(app: "Flask") -> None:
    """Log each request of an application."""
    from flask import g, request

    quiet = ("/healthz", "/readyz", "/static/")

    @app.before_request
    def start() -> None:
        g.request_started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=g.get("request_id"))

    def finish(response: "Response") -> "Response":
        path = request.path
        if not path.startswith(quiet):
            begun_at = g.get("request_started") or time.perf_counter()
            log_answer(request.method, path, response.status_code, begun_at)
        return response

    # The first one runs last: a commit that fails changes the status.
    app.after_request_funcs.setdefault(None, []).insert(0, finish)
