"""The client for programs with threads, or without."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import sleep
from typing import Any, Generic, Self, TypeVar

from cpod_integration import core
from cpod_integration.core import Attempts, Given, Operation
from cpod_integration.generated.resources import Integration
from cpod_integration.records import Page
from cpod_integration.secret import Secret
from cpod_integration.transport import Transport

T = TypeVar("T")
Token = str | Secret | Callable[[], str | Secret]


class Pages(Generic[T]):
    """A list that loads itself page by page while you iterate over it."""

    def __init__(self, load: Callable[[str | None], Page[T]]) -> None:
        self._load = load

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page

    def pages(self) -> Iterator[Page[T]]:
        """Iterate over whole pages."""
        page = self._load(None)
        yield page
        while cursor := page.next_cursor:
            page = self._load(cursor)
            core.check_progress(cursor, page)
            yield page

    def first_page(self) -> Page[T]:
        """Return the first page, with its `next_cursor`."""
        return self._load(None)


class Caller:
    """Send operations. The generated resources use it."""

    def __init__(self, settings: core.Settings, token: Token) -> None:
        self._settings, self._token = settings, token
        self.transport = Transport(settings)

    def one(self, operation: Operation, given: Given) -> Any:
        """Return the record that an operation answers with."""
        request, outcome = self._send(operation, given)
        return core.result(operation, request, outcome)

    def pages(self, operation: Operation, given: Given) -> Pages[Any]:
        """Return the list that an operation answers with. It sends nothing yet."""
        asked = dict(given.query or {})

        def load(cursor: str | None) -> Page[Any]:
            query = asked if cursor is None else {**asked, "cursor": cursor}
            return core.page(*self._send(operation, replace(given, query=query)))

        return Pages(load)

    def _send(
        self, operation: Operation, given: Given
    ) -> tuple[core.Request, core.Answer | core.Failed]:
        token = self._token() if callable(self._token) else self._token
        request = core.request(self._settings, operation, given, token)
        attempts = Attempts(self._settings, request)
        while True:
            outcome = self.transport.send(request, attempts.deadline)
            pause = attempts.pause_after(outcome)
            if pause is None:
                return request, outcome
            sleep(pause)


class Client:
    """A client of one portal: `Client(base_url=…, token=…).integration.applications.list()`.

    `token` is an API key, an access token, or a function that returns one. All attempts of a call
    together end after `timeout` seconds; `connect_timeout` is for one connection, `read_timeout`
    for a silence. Threads may share a client.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: Token,
        timeout: float = 60.0,
        connect_timeout: float = 5.0,
        read_timeout: float = 30.0,
        retries: int = 3,
    ) -> None:
        settings = core.settings(
            base_url,
            timeout=timeout,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retries=retries,
        )
        self._caller = Caller(settings, token)
        self._base_url = base_url
        self.integration = Integration(self._caller)

    def close(self) -> None:
        """Close its connections."""
        self._caller.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client(base_url={self._base_url!r})"
