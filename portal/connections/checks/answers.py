"""Read an answer by the closed table of an entry: what it means, why, and what to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from portal.connections.checks.documents import (
    NoDocument,
    document_of,
    json_of,
    look,
    message_of,
    moment,
    written,
)
from portal.connections.checks.quotes import Quotes
from portal.connections.checks.report import Failure
from portal.outbound import Outcome
from portal.outbound.outcome import read_retry_after
from portal.providers.answers import NOT_JSON
from portal.providers.filling import Unfilled, fill
from portal.providers.steps import Answer, Limits, Verdict

Words = tuple[str, str]
LONGEST_WAIT = timedelta(hours=24)
_NEVER_SAID: Words = (
    "The portal could not ask.",
    "Check again; if it stays so, tell the operator.",
)

WORDS: dict[Verdict, Words] = {
    "passed": ("The provider answered {status}.", ""),
    "auth_invalid": (
        "The provider refuses the credentials ({status}).",
        "Check that they are complete and belong to this system, and that nobody has revoked them."
        " If in doubt, make new ones there and enter them.",
    ),
    "auth_scope": (
        "The provider accepts the credentials, but does not allow this request ({status}).",
        "Give the account this permission at the provider, then check again.",
    ),
    "auth_expired": (
        "The credentials have expired ({status}).",
        "Make new ones at the provider and enter them.",
    ),
    "config": (
        "The provider answered {status}: a setting does not fit.",
        "Check the settings, such as the host name and the names in a path.",
    ),
    "rate_limited": (
        "The provider asks to be called less often ({status}).",
        "Wait, then check again. Nothing needs to be changed here.",
    ),
    "transient": (
        "The provider failed ({status}).",
        "Check again later. Nothing needs to be changed here.",
    ),
}
_UNKNOWN: Words = (
    "The provider answered {status}, which this check does not know.",
    "Check that the settings lead to this provider's API.",
)
_UNREACHED: dict[str, tuple[Verdict, str, str]] = {
    "forbidden_address": (
        "config",
        "This address is not allowed: it does not lead to a public internet address.",
        "Use an address on the internet, or ask the operator to allow your network.",
    ),
    "invalid_request": (
        "config",
        "The request could not be made: its address, or a header with a credential, is not valid.",
        "Check the settings, and that no line break was pasted with a credential.",
    ),
    "dns": (
        "transient",
        "The name server did not answer in time.",
        "Check again; if it stays so, check the name servers of the domain.",
    ),
    "refused": (
        "transient",
        "The server refused the connection: nothing listens on that port.",
        "Check the port, and that the server runs.",
    ),
    "unreachable": (
        "transient",
        "There is no way to the server.",
        "Check that it is up and that no firewall is in the way.",
    ),
    "reset": (
        "transient",
        "The server closed the connection before its answer was complete.",
        "Check again; if it stays so, look into the server's log.",
    ),
    "timeout": (
        "transient",
        "The server did not answer in time.",
        "Check again; if it stays so, check that no firewall drops the connection.",
    ),
    "too_large": (
        "config",
        "The answer is longer than what a check reads.",
        "Check that the settings lead to this provider's API.",
    ),
    "protocol_error": (
        "config",
        "What came back is not a correct HTTP answer.",
        "Check that the address and the port lead to an HTTP server.",
    ),
    "cancelled": ("transient", *_NEVER_SAID),
}
_NO_NAME: Words = (
    "There is no such host name, or it has no address.",
    "Check the spelling of the host name.",
)
_REFUSED_BY_TLS: Words = (
    "The server ended the TLS connection: it wants a client certificate, or refuses this one.",
    "Check that the certificate is one that the server expects and has not expired.",
)


@dataclass(frozen=True, slots=True)
class Reading:
    """The meaning of one answer. `document` is its body, if it could be read."""

    verdict: Verdict
    said: str
    remedy: str
    status: int | None = None
    retry_at: datetime | None = None
    document: Any = None

    @property
    def passed(self) -> bool:
        return self.verdict == "passed"

    def failure(self) -> Failure:
        return Failure(self.verdict, self.said, self.remedy, self.status, self.retry_at)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows that read an answer. `must_be_json`: a web page is no success, whatever it says."""

    rows: tuple[Answer, ...]
    must_be_json: bool = False


def row(verdict: Verdict, *status: int, **conditions: Any) -> Answer:
    """Return a row of the portal's own, as an entry would write it."""
    return Answer.model_validate({"verdict": verdict, "status": status, **conditions})


class Reader:
    """Read answers in the words of one provider's entry."""

    def __init__(self, quotes: Quotes, limits: Limits) -> None:
        self._quotes = quotes
        self._limits = limits

    def read(self, outcome: Outcome, table: Table, values: Mapping[str, Any]) -> Reading:
        """Return what an outcome means."""
        if outcome.kind not in ("delivered", "http_error", "redirect"):
            return unreached(outcome)
        document = document_of(outcome)
        row = next((row for row in table.rows if _holds(row, outcome, document, values)), None)
        if row and row.verdict == "passed" and table.must_be_json and row.json_ is not False:
            row = row if document is not None else NOT_JSON
        said, remedy = self._words(row, outcome, document)
        verdict = row.verdict if row else "config"
        asks_to_wait = verdict in ("rate_limited", "transient")
        wait = self._retry_at(outcome) if asks_to_wait else None
        return Reading(verdict, said, remedy, outcome.status, wait, document)

    def _words(self, row: Answer | None, outcome: Outcome, document: Any) -> Words:
        said, remedy = WORDS[row.verdict] if row else _UNKNOWN
        said = (row and row.says) or said.format(status=outcome.status)
        if outcome.kind == "redirect":
            said += self._direction(outcome)
        passed = row is not None and row.verdict == "passed"
        if not passed and (text := self._quotes.clean(message_of(document) or "")):
            said += f" It says: “{text}”"
        return said, remedy

    def _direction(self, outcome: Outcome) -> str:
        try:
            to = urlsplit(outcome.header("location") or "").netloc.rpartition("@")[2]
        except ValueError:
            to = ""
        to = self._quotes.clean(to, 100)
        return f" It points to {to}." if to else ""

    def _retry_at(self, outcome: Outcome) -> datetime | None:
        now = datetime.now(UTC)
        after = outcome.header(self._limits.after)
        if after and (wait := read_retry_after(after, outcome.header("date"))):
            return now + wait
        try:
            wait = timedelta(seconds=min(max(float((after or "")[:16]), 0.0), 1e6))
            return now + min(wait, LONGEST_WAIT)
        except ValueError:
            pass
        reset = moment(outcome.header(self._limits.reset)) if self._limits.reset else None
        return min(reset, now + LONGEST_WAIT) if reset and reset > now else None


def unreached(outcome: Outcome) -> Reading:
    """Return what it means that no answer came."""
    if outcome.kind == "tls":
        return _tls(outcome)
    verdict, said, remedy = _UNREACHED[outcome.kind]
    if outcome.unknown_name:
        verdict, (said, remedy) = "config", _NO_NAME
    return Reading(verdict, said, remedy, outcome.status)


def _tls(outcome: Outcome) -> Reading:
    if outcome.stage in ("wait", "read"):  # in TLS 1.3 a server judges after its own handshake
        return Reading("auth_invalid", *_REFUSED_BY_TLS)
    said = outcome.explanation.replace("receiver", "server")
    return Reading("config", said, outcome.remedy)


def _is_json(outcome: Outcome) -> bool:
    try:
        json_of(outcome)
    except NoDocument:
        return False
    return True


def _holds(row: Answer, outcome: Outcome, document: Any, values: Mapping[str, Any]) -> bool:
    try:
        return all(_conditions(row, outcome, document, values))
    except Unfilled:
        return False


def _conditions(
    row: Answer, outcome: Outcome, document: Any, values: Mapping[str, Any]
) -> Iterable[bool]:
    status = outcome.status
    if row.status:
        yield status in row.status
    if row.status_of is not None:
        yield str(status) == fill(row.status_of, values)
    if row.json_ is not None:
        yield row.json_ is _is_json(outcome)
    if row.contains is not None:
        yield fill(row.contains, values).encode() in outcome.body
    if row.path is not None:
        yield from _compared(row, look(document, row.path), values)
        yield row.header is None or outcome.header(row.header) is not None
    elif row.header is not None:
        yield from _compared(row, outcome.header(row.header), values)


def _compared(row: Answer, value: Any, values: Mapping[str, Any]) -> Iterable[bool]:
    wanted = row.present
    if wanted is None and not row.is_ and row.is_not is None:
        wanted = True
    if wanted is not None:
        yield (value is not None) is wanted
    if row.is_:
        yield value is not None and written(value) in [fill(text, values) for text in row.is_]
    if row.is_not is not None:
        yield value is not None and written(value) != fill(row.is_not, values)
