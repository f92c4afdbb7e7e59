"""Run a provider of our own that plays any quirk, and check connections to it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from portal.connections.checks.report import Failure, Fetched, Report, Step, Subject
from portal.connections.checks.run import fetch_token, run
from portal.outbound import OutboundClient, make_trust
from portal.outbound.networks import LOOPBACK
from portal.providers import PROVIDERS, Provider
from tests.outbound.sink import Certificates, read_request, sink

HOST = "provider.example"
TOKEN = "tok_9f2c41aa7b3d4e6fa1"
ME = {
    "title": "Read who is signed in",
    "url": "https://{host}/me",
    "answers": [{"status": [200], "path": "name", "present": True, "verdict": "passed"}],
    "account": ["team", "name"],
}
BEARER = {"kind": "headers", "headers": {"Authorization": "Bearer {token}"}}
NAME = {"team": "ACME-Prod", "name": "svc-jira@acme.example"}


@dataclass(frozen=True)
class Seen:
    """A request that the provider received."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Answering = bytes | Callable[[Seen], bytes | Awaitable[bytes]]


def reply(body: Any = b"", status: int = 200, **headers: str) -> bytes:
    """Return an answer: JSON of a document, or a body as it is. `_` in a header's name is `-`."""
    kind = "text/plain" if isinstance(body, (bytes, str)) else "application/json"
    raw = body if isinstance(body, bytes) else (
        body.encode() if isinstance(body, str) else json.dumps(body).encode()
    )  # fmt: skip
    named = {"Content-Type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} X\r\n{lines}Content-Length: {len(raw)}\r\n\r\n".encode() + raw


@dataclass
class Fake:
    """The provider: what it answers at each path, and which requests it has seen."""

    certificates: Certificates
    routes: dict[str, Answering] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    certificate_for: str = HOST
    self_signed: bool = False
    days: int = 20
    authorities_of_clients: str = ""

    def tls(self) -> Any:
        context = self.certificates.server(self.certificate_for, self.days, self.self_signed)
        if self.authorities_of_clients:
            context.load_verify_locations(cadata=self.authorities_of_clients)
            context.verify_mode = 2  # a client certificate is required
        return context

    async def behave(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, body = await read_request(reader)
            first, *lines = head.decode().rstrip().split("\r\n")
            method, target, _ = first.split(" ")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
            seen = Seen(method, target, headers, body)
            self.seen.append(seen)
            answer = self.routes.get(target.partition("?")[0], reply({}, 404))
            if callable(answer):
                made = answer(seen)
                answer = made if isinstance(made, bytes) else await made
            writer.write(answer)
            await writer.drain()

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]


@dataclass
class Checked:
    """A report, and the steps in the order in which they were told."""

    report: Report
    told: list[Step]

    def step(self, name: str) -> Step:
        return next(step for step in self.told if step.name == name)

    def states(self) -> dict[str, str]:
        return {step.name: step.state for step in self.told}


def subject_of(
    sign_in: Mapping[str, Any] | None,
    check: Mapping[str, Any] | None,
    credentials: Mapping[str, str],
    config: Mapping[str, Any],
    opened: tuple[str, ...] = ("username", "client_id"),
    limits: Mapping[str, Any] | None = None,
) -> Subject:
    """Return a connection of an entry of the test's own."""
    fields = [{"key": key, "secret": key not in opened} for key in credentials]
    entry = {
        "key": "fake",
        "name": "Fake",
        "category": "custom",
        "logo": {"letters": "F", "hue": 1},
        "docs": None,
        "evidence": "live",
        "config": [{"key": key} for key in config],
        "auth": [{"type": "bearer", "credentials": fields, "sign_in": sign_in or {"kind": "none"}}],
        "check": check,
        "limits": limits or {},
        "events": [],
    }
    provider = Provider.model_validate(entry)
    return Subject(provider, provider.auth[0], config, credentials)


def entry_subject(
    key: str, auth_type: str, credentials: Mapping[str, str], config: Mapping[str, Any]
) -> Subject:
    """Return a connection of an entry of the catalogue."""
    provider = PROVIDERS[key]
    variant = provider.variant(auth_type)
    assert variant is not None
    return Subject(provider, variant, config, credentials)


def resolves(*addresses: str) -> Callable[[str, int], Awaitable[list[str]]]:
    async def lookup(host: str, port: int) -> list[str]:
        return list(addresses)

    return lookup


def check(
    fake: Fake,
    sign_in: Mapping[str, Any] | None = BEARER,
    check: Mapping[str, Any] | None = None,
    credentials: Mapping[str, str] | None = None,
    *,
    others: Mapping[str, Fake] | None = None,
    token_only: bool = False,
    client: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    **entry: Any,
) -> Any:
    """Check a connection to the provider, and return what came of it.

    `others` are further providers; the setting of the same name has their host and port.
    """
    whole = {"who": ME, "proves": "It is known.", **(check or {})}
    held = {"token": TOKEN} if credentials is None else credentials
    told: list[Step] = []

    async def on_step(step: Step) -> None:
        told.append(step)

    async def main() -> Report | Fetched | Failure:
        async with AsyncExitStack() as stack:
            places = {}
            for name, each in {"host": fake, **(others or {})}.items():
                port = await stack.enter_async_context(sink(each.behave, each.tls()))
                places[name] = f"{HOST if name == 'host' else f'{name}.example'}:{port}"
            options = {"lookup": resolves("127.0.0.1"), "allow": LOOPBACK, **(client or {})}
            trust = make_trust(fake.certificates.authority)
            made = await stack.enter_async_context(OutboundClient(trust=trust, **options))
            subject = subject_of(sign_in, whole, held, {**places, **(config or {})}, **entry)
            if token_only:
                return await fetch_token(subject, made)
            return await run(subject, made, on_step)

    result = asyncio.run(main())
    return Checked(result, told) if isinstance(result, Report) else result
