"""Run the check of every entry against a provider that gives each answer that its table knows."""

import asyncio
import base64
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from portal.connections.checks.report import Report, Subject
from portal.connections.checks.run import run
from portal.outbound import OutboundClient, address_guard, make_trust
from portal.outbound.networks import LOOPBACK
from portal.providers import PROVIDERS, Provider, Variant
from portal.providers.answers import SHARED
from portal.providers.filling import Unfilled, fill, fill_url
from portal.providers.sign_in import Basic, Browser, Headers, PlacedKey, Token, Unproven
from portal.providers.steps import Answer, Call, Check, TokenProof
from tests.connections.checks.fake import Fake, Seen, reply, resolves
from tests.connections.checks.test_catalogue import credential_of, pair, value_of
from tests.outbound.sink import Certificates, sink

__all__ = ["pair"]

TOKEN = "a-token-of-the-fake"
DISCOVERED = {"instance_url": "https://inst.example", "cloudId": "cloud-1"}


def provable() -> Iterator[tuple[Provider, Variant, Check]]:
    """Yield what a check proves by requests of HTTP and without a person in a browser."""
    for provider in PROVIDERS.values():
        for variant in provider.auth:
            check = provider.check_of(variant)
            is_tried = not isinstance(variant.sign_in, (Browser, Unproven))
            if check and is_tried and isinstance(check.who, (Call, TokenProof)):
                yield provider, variant, check


ENTRIES = list(provable())
IDS = [f"{provider.key}-{variant.type}" for provider, variant, _ in ENTRIES]
ROWS = [
    pytest.param(entry, row, id=f"{name}-{number}-{row.verdict}")
    for entry, name in zip(ENTRIES, IDS, strict=True)
    if isinstance(entry[2].who, Call)
    for number, row in enumerate(entry[2].who.answers)
]


class Everybody(Fake):
    """Play every provider: whatever name is asked for, it has a certificate for it."""

    def tls(self) -> ssl.SSLContext:
        context = self.certificates.server("any.example")

        def become(wrapped: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            if name:
                wrapped.context = self.certificates.server(name)

        context.sni_callback = become
        return context


def put(document: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a place such as `data.0.id`, unless something is there."""
    at: Any = document
    parts = path.split(".")
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        empty: Any = value if following is None else [] if following == "0" else {}
        if isinstance(at, list):
            at.extend([empty] * (not at))
            at = at[0]
        elif isinstance(at, dict):
            at = at.setdefault(part, empty)


def answer_of(row: Answer, values: Mapping[str, Any], call: Call) -> bytes:
    """Return an answer that a row describes and no row before it, with the account if it passes."""
    status = row.status[0] if row.status else int(fill(row.status_of or "200", values))
    if row.json_ is False:
        return reply(b"<html>", status, Content_Type="text/html")
    document: dict[str, Any] = {}
    if row.path and row.is_:
        put(document, row.path, fill(row.is_[0], values))
    past_others(document, row, values, call)
    for place in call.account if row.verdict == "passed" else ():
        put(document, place, "svc")
    if row.path and row.present is not False:
        put(document, row.path, "a value")
    if row.contains:
        document["message"] = row.contains
    headers = {row.header: fill(row.is_[0], values)} if row.header and row.is_ else {}
    return reply(document, status, **headers)


def past_others(
    document: dict[str, Any], row: Answer, values: Mapping[str, Any], call: Call
) -> None:
    """Fill what the rows before a row would take for missing, or for another account."""
    before = call.answers[: call.answers.index(row)] if row in call.answers else ()
    for other in before:
        if other.path and other.is_not and not (row.path == other.path and row.is_not):
            with suppress(Unfilled):
                put(document, other.path, fill(other.is_not, values))
        if other.path and other.present is False and row.path != other.path:
            put(document, other.path, "a value")


def passing(call: Call, values: Mapping[str, Any]) -> bytes:
    row = next(row for row in call.answers if row.verdict == "passed")
    return answer_of(row, values, call)


def checked(
    entry: tuple[Provider, Variant, Check],
    certificates: Certificates,
    pair: tuple[str, str],
    said: Answer | None,
) -> tuple[Report, list[Seen]]:
    """Check an entry; `said` is the row of the answer to who one is, None for one that passes."""
    provider, variant, check = entry
    config = {setting.key: value_of(setting) for setting in provider.config} | dict(variant.when)
    held = {setting.key: credential_of(setting, pair) for setting in variant.credentials}
    values = {**provider.with_defaults(config), **held, **DISCOVERED, "access_token": TOKEN}
    fake = Everybody(certificates)

    def route(call: Call, answer: bytes) -> None:
        fake.routes[urlsplit(fill_url(call.url, values)).path or "/"] = answer

    if isinstance(variant.sign_in, Token):
        route_token(fake, variant.sign_in, values)
    for call in [*check.before, *(need.call for need in check.needs if need.call)]:
        route(call, passing(call, values))
    if isinstance(check.who, Call):
        who = check.who
        route(who, passing(who, values) if said is None else answer_of(said, values, who))

    async def main() -> Report:
        async with sink(fake.behave, fake.tls()) as port:
            with pytest.MonkeyPatch.context() as patch:
                there = address_guard._resolved
                patch.setattr(
                    address_guard, "_resolved", lambda host, to, _: {**there(host, to, port)}
                )
                trust = make_trust(certificates.authority)
                options: Any = {"lookup": resolves("127.0.0.1"), "trust": trust}
                async with OutboundClient(LOOPBACK, **options) as client:
                    return await run(Subject(provider, variant, config, held), client, ignored)

    return asyncio.run(main()), fake.seen


async def ignored(_: Any) -> None:
    """Do nothing with a step."""


def route_token(fake: Fake, way: Token, values: Mapping[str, Any]) -> None:
    document: dict[str, Any] = {}
    put(document, way.token_path, TOKEN)
    put(document, way.expires_path, "3600")
    for name, place in way.discovers.items():
        put(document, place, DISCOVERED[name])
    if way.token_url:
        fake.routes[urlsplit(fill_url(way.token_url, values)).path] = reply(document)
        return
    issuer = fill_url(way.issuer or "", values)
    metadata = {"issuer": issuer, "token_endpoint": f"{issuer.rstrip('/')}/token"}
    at = urlsplit(issuer).path.rstrip("/")
    for known in ("oauth-authorization-server", "openid-configuration"):
        fake.routes[f"/.well-known/{known}{at}"] = reply(metadata)
        fake.routes[f"{at}/.well-known/{known}"] = reply(metadata)
    fake.routes[f"{at}/token"] = reply(document)


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_good_credentials_are_known(entry, certificates, pair):
    report, seen = checked(entry, certificates, pair, None)
    states = {step.name: step.state for step in report.steps}
    assert states["who"] == "passed", report
    assert states["sign_in"] in ("passed", "not_tried"), report
    assert {step.state for step in report.steps} <= {"passed", "warned", "failed", "not_tried"}
    assert seen


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_each_secret_goes_where_the_entry_says(entry, certificates, pair):
    _, variant, _ = entry
    if not isinstance(variant.sign_in, (Basic, Headers, PlacedKey, Token)):
        return  # these prove a secret by a signature, and never send it
    _, seen = checked(entry, certificates, pair, None)
    sent = " ".join(" ".join([one.path, *one.headers.values(), one.body.decode()]) for one in seen)
    opened = " ".join(
        base64.b64decode(value[6:]).decode()
        for one in seen
        if (value := one.headers.get("authorization", "")).startswith("Basic ")
    )
    for field in variant.credentials:
        value = credential_of(field, pair)
        if field.secret and "key_pem" not in field.key and "jwk" not in field.key:
            assert value in sent or value in opened, field.key


@pytest.mark.parametrize(("entry", "row"), ROWS)
def test_each_answer_means_what_the_table_says(entry, row, certificates, pair):
    report, _ = checked(entry, certificates, pair, row)
    who = next(step for step in report.steps if step.name == "who")
    sign_in = next(step for step in report.steps if step.name == "sign_in")
    if row.verdict == "passed":
        assert who.state == "passed", report
    else:
        assert row.verdict in (who.verdict, sign_in.verdict), report


@pytest.mark.parametrize("row", SHARED, ids=lambda row: f"{row.status[0]}-{row.verdict}")
@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_no_error_of_http_is_taken_for_success(entry, row, certificates, pair):
    _, _, check = entry
    if not isinstance(check.who, Call):
        return  # its sign-in is the proof
    own = {status for each in check.who.answers for status in each.status}
    if row.status[0] in own:
        return  # the entry's own rows decide
    report, _ = checked(entry, certificates, pair, row)
    assert report.outcome == row.verdict != "passed", report
