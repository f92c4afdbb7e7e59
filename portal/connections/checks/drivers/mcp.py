"""Greet an MCP server over streamable HTTP, and take leave of it."""

import re
from dataclasses import replace

import orjson

from portal.connections.checks import facts
from portal.connections.checks.answers import Reading, Table, row
from portal.connections.checks.documents import NoDocument, json_of, look
from portal.connections.checks.visit import Visit
from portal.outbound import Outcome, Request
from portal.providers.answers import SHARED
from portal.providers.filling import fill_url
from portal.providers.steps import Answer, McpHello

VERSION = "2025-06-18"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": VERSION,
        "capabilities": {},
        "clientInfo": {"name": "cPod", "version": "1.0"},
    },
}
HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
}
ROWS: tuple[Answer, ...] = (
    row("passed", 200, path="result.protocolVersion", present=True),
    row("config", 200, path="error", present=True, says="The server refuses to be greeted."),
    *SHARED,
)
_NAMES_METADATA = re.compile(r'resource_metadata\s*=\s*"([^"\s]+)"', re.IGNORECASE)
_SESSION = re.compile(r"[\x21-\x7e]{1,500}")


async def prove(visit: Visit, hello: McpHello) -> Reading:
    """Greet the server, and return what its answer means."""
    url = fill_url(hello.url, visit.values)
    outcome = await visit.send(visit.sign(Request("POST", url, HEADERS, orjson.dumps(HELLO))))
    reading = visit.reader.read(_first_message(outcome), Table(ROWS), visit.values)
    if reading.passed:
        await _leave(visit, url, outcome)
    elif outcome.status == 401:
        reading = await _with_issuer(visit, reading, url, outcome)
    return reading


async def is_open_to_all(visit: Visit, hello: McpHello) -> bool:
    """Tell whether the server also greets those who show no credentials."""
    url = fill_url(hello.url, visit.values)
    outcome = await visit.send(Request("POST", url, HEADERS, orjson.dumps(HELLO)))
    if not visit.reader.read(_first_message(outcome), Table(ROWS), visit.values).passed:
        return False
    await _leave(visit, url, outcome)
    return True


def account_of(visit: Visit, reading: Reading) -> str | None:
    """Return the name and the version of the server that answered."""
    return facts.account_of(
        visit, ("result.serverInfo.name", "result.serverInfo.version"), reading.document
    )


def _first_message(outcome: Outcome) -> Outcome:
    """Return an event stream that stays open as the answer that its first message is."""
    is_open = outcome.kind == "timeout" and outcome.status == 200 and outcome.body
    try:
        if not is_open or not isinstance(json_of(outcome), dict):
            return outcome
    except NoDocument:
        return outcome
    return replace(outcome, kind="delivered")


async def _leave(visit: Visit, url: str, outcome: Outcome) -> None:
    """End the session that the greeting began."""
    session = outcome.header("mcp-session-id")
    if session and _SESSION.fullmatch(session):
        headers = {"Mcp-Session-Id": session, "MCP-Protocol-Version": VERSION}
        await visit.send(visit.sign(Request("DELETE", url, headers)))


async def _with_issuer(visit: Visit, reading: Reading, url: str, outcome: Outcome) -> Reading:
    """Add to a refusal who signs in to this server, as its metadata say (RFC 9728)."""
    found = _NAMES_METADATA.search(outcome.header("www-authenticate") or "")
    if not found:
        return reading
    metadata = await visit.send(Request("GET", found[1], {"Accept": "application/json"}))
    try:
        document = json_of(metadata)
    except NoDocument:
        return reading
    issuer = visit.quotes.clean(look(document, "authorization_servers.0") or "")
    if not metadata.succeeded or not issuer:
        return reading
    return replace(reading, said=f"{reading.said} It takes tokens of {issuer}.")
