"""Hold what one check knows, and send its requests in the one way that they may be sent."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from portal.connections.checks.answers import Reader, Reading, Table
from portal.connections.checks.documents import look, written
from portal.connections.checks.progress import Progress
from portal.connections.checks.quotes import Quotes
from portal.connections.checks.report import Failure, Fetched, Subject
from portal.outbound import OutboundClient, Outcome, Request
from portal.providers.answers import expects_json, rows_of
from portal.providers.filling import fill, fill_all, fill_url
from portal.providers.sign_in import ClientCertificate
from portal.providers.steps import Call

HEAD_SECONDS = 8.0
BODY_SECONDS = 2.0
"""Together, a request has ten seconds."""
KEPT_BYTES = 256 * 1024
AGENT = {"User-Agent": "cPod-Connectors/1.0"}

_REFUSES_IT = (
    "Check again; if it stays so, the server may refuse the certificate: look into its log."
)

Signer = Callable[[Request], Request]


class Visit:
    """One check's dealings with the other side."""

    def __init__(self, subject: Subject, client: OutboundClient, progress: Progress) -> None:
        self.provider, self.variant = subject.provider, subject.variant
        self.client = client
        self.progress = progress
        self.quotes = Quotes(_secrets(subject))
        self.reader = Reader(self.quotes, subject.provider.limits)
        self.discovered: dict[str, Any] = {}
        self.token: Fetched | None = None
        self.token_origin = subject.token_origin
        self.retry_at: datetime | None = None
        self.sign: Signer = lambda request: request
        self._config = subject.provider.with_defaults(subject.config)
        self.credentials = dict(subject.credentials)

    @property
    def values(self) -> Mapping[str, Any]:
        """Return what the placeholders of an entry stand for."""
        token = {"access_token": self.token.value} if self.token else {}
        return {**self._config, **self.discovered, **self.credentials, **token}

    def fill(self, text: str) -> str:
        return fill(text, self.values)

    async def send(self, request: Request) -> Outcome:
        """Send a request as it is. The first one tells the steps of the connection."""
        limited = replace(
            request,
            headers={**AGENT, **request.headers},
            timeout=HEAD_SECONDS,
            read_timeout=BODY_SECONDS,
            keep=KEPT_BYTES,
            whole=True,
        )
        outcome = await self.client.send(limited)
        await self.progress.connection(outcome, request.url)
        return outcome

    async def call(self, call: Call, *, unsigned: bool = False) -> tuple[Outcome, Reading]:
        """Send a request of the entry, signed, and read its answer by the entry's table."""
        request = self._request(call)
        outcome = await self.send(request if unsigned else self.sign(request))
        table = Table(rows_of(call), expects_json(call))
        reading = self.reader.read(outcome, table, self.values)
        if outcome.kind == "reset" and isinstance(self.variant.sign_in, ClientCertificate):
            reading = replace(reading, remedy=_REFUSES_IT)
        self.retry_at = reading.retry_at
        if reading.passed:
            reading = self._picked(call, reading)
            self.discover(call.discovers, reading.document, request.url)
        return outcome, reading

    def discover(self, places: Mapping[str, str], document: Any, url: str) -> None:
        """Keep values of the answer from `url` for later requests. What is not there stays unknown.

        So does an address that would take the credentials out of TLS.
        """
        for name, place in places.items():
            value = look(document, place)
            is_downgrade = url.startswith("https:") and str(value).lower().startswith("http:")
            if isinstance(value, (str, int)) and not isinstance(value, bool) and not is_downgrade:
                self.discovered[name] = value

    def failure_of_missing(self, name: str) -> Failure:
        """Return the failure of a request for which a value is missing."""
        fields = (*self.provider.config, *self.variant.credentials)
        label = next((field.label for field in fields if field.key == name), None)
        if label is None:
            said = f"No answer so far told the value “{name}”, which the next request needs."
            return Failure("config", said, "Check that the settings lead to this provider's API.")
        said = f"“{label}” is missing, or does not fit into the address that needs it."
        return Failure("config", said, "Correct it, then check again.")

    def _request(self, call: Call) -> Request:
        headers, body = dict(fill_all(call.headers, self.values)), b""
        if call.json_ is not None:
            headers.setdefault("Content-Type", "application/json")
            body = orjson.dumps(fill_all(call.json_, self.values))
        elif call.form:
            headers.setdefault("Content-Type", FORM)
            body = form(fill_all(call.form, self.values))
        if expects_json(call):
            headers.setdefault("Accept", "application/json")
        return Request(self.fill(call.method), fill_url(call.url, self.values), headers, body)

    def _picked(self, call: Call, reading: Reading) -> Reading:
        """Return the reading with the element of a list that `where` picks as its document."""
        if not call.where:
            return reading
        wanted = {place: self.fill(text) for place, text in call.where.items()}
        for element in _list_of(reading.document):
            found = {place: look(element, place) for place in wanted}
            if all(found[place] is not None and written(found[place]) == wanted[place]
                   for place in wanted):  # fmt: skip
                return replace(reading, document=element)
        named = self.quotes.clean(", ".join(wanted.values()), 100)
        said = f"The provider's answer does not list {named}."
        remedy = "Check the settings, and that the account has access to it."
        return Reading("config", said, remedy, reading.status)


FORM = "application/x-www-form-urlencoded"


def form(fields: Mapping[str, str]) -> bytes:
    """Return a form as it is sent."""
    return urlencode(fields).encode()


def _list_of(document: Any) -> list[Any]:
    """Return the document if it is a list, or else the one list that is in it."""
    if isinstance(document, list):
        return document
    members = document.values() if isinstance(document, dict) else ()
    lists = [each for each in members if isinstance(each, list)]
    return lists[0] if len(lists) == 1 else []


def _secrets(subject: Subject) -> list[str]:
    """Return the credentials that nobody may see: all but those that are declared as open."""
    opened = {field.key for field in subject.variant.credentials if not field.secret}
    return [value for name, value in subject.credentials.items() if name not in opened]
