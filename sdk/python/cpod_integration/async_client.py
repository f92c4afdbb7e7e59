"""The client for programs with an event loop (asyncio)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, Generic, Self, TypeVar

from cpod_integration import core
from cpod_integration.async_transport import AsyncTransport
from cpod_integration.core import Attempts, Given, Operation
from cpod_integration.generated.async_resources import Integration
from cpod_integration.records import Page
from cpod_integration.secret import Secret

T = TypeVar("T")
Token = str | Secret | Callable[[], str | Secret | Awaitable[str | Secret]]


class AsyncPages(Generic[T]):
    """A list that loads itself page by page while you iterate over it."""

    def __init__(self, load: Callable[[str | None], Awaitable[Page[T]]]) -> None:
        self._load = load

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page:
                yield item

    async def pages(self) -> AsyncIterator[Page[T]]:
        """Iterate over whole pages."""
        page = await self._load(None)
        yield page
        while cursor := page.next_cursor:
            page = await self._load(cursor)
            core.check_progress(cursor, page)
            yield page

    async def first_page(self) -> Page[T]:
        """Return the first page, with its `next_cursor`."""
        return await self._load(None)


class AsyncCaller:
    """Send operations. The generated resources use it."""

    def __init__(self, settings: core.Settings, token: Token) -> None:
        self._settings, self._token = settings, token
        self.transport = AsyncTransport(settings)

    async def one(self, operation: Operation, given: Given) -> Any:
        """Return the record that an operation answers with."""
        request, outcome = await self._send(operation, given)
        return core.result(operation, request, outcome)

    def pages(self, operation: Operation, given: Given) -> AsyncPages[Any]:
        """Return the list that an operation answers with. It sends nothing yet."""
        asked = dict(given.query or {})

        async def load(cursor: str | None) -> Page[Any]:
            query = asked if cursor is None else {**asked, "cursor": cursor}
            return core.page(*await self._send(operation, replace(given, query=query)))

        return AsyncPages(load)

    async def _send(
        self, operation: Operation, given: Given
    ) -> tuple[core.Request, core.Answer | core.Failed]:
        token = self._token() if callable(self._token) else self._token
        token = await token if isinstance(token, Awaitable) else token
        request = core.request(self._settings, operation, given, token)
        attempts = Attempts(self._settings, request)
        while True:
            outcome = await self.transport.send(request, attempts.deadline)
            pause = attempts.pause_after(outcome)
            if pause is None:
                return request, outcome
            await asyncio.sleep(pause)


class AsyncClient:
    """A client of one portal: `AsyncClient(base_url=…, token=…)`. Its verbs are awaited.

    `token` is an API key, an access token, or a function that returns one, which may be
    asynchronous. All attempts of a call together end after `timeout` seconds; `connect_timeout` is
    for one connection, `read_timeout` for a silence. It belongs to one event loop.
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
        self._caller = AsyncCaller(settings, token)
        self._base_url = base_url
        self.integration = Integration(self._caller)

    async def close(self) -> None:
        """Close its connections."""
        await self._caller.transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient(base_url={self._base_url!r})"
