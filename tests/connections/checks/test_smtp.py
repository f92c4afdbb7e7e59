"""Check connections to a real mail relay, aiosmtpd, and to some that are none."""

import asyncio
import base64
import contextlib
import warnings
from collections.abc import AsyncIterator

import pytest
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import SMTP, AuthResult

from portal.connections.checks.run import run
from portal.outbound import OutboundClient, make_trust
from portal.outbound.networks import LOOPBACK
from tests.connections.checks.fake import Checked, resolves, subject_of
from tests.outbound.sink import Certificates, sink

PASSWORD = "correct horse battery staple"
HELD = {"username": "svc@acme.example", "password": PASSWORD}
ALL_PASSED = dict.fromkeys(["address", "connect", "tls", "sign_in", "who"], "passed")


class Mailbox(Message):
    """Keep the mails that arrive: a check must send none."""

    mails: list[object]

    def handle_message(self, message) -> None:
        self.mails.append(message)


def known(server, session, envelope, mechanism, data) -> AuthResult:
    good = data.login == HELD["username"].encode() and data.password == PASSWORD.encode()
    return AuthResult(success=good, handled=False)  # otherwise aiosmtpd takes it as answered


@contextlib.asynccontextmanager
async def relay(certificates, tls: str, box, name="mail.example", **options) -> AsyncIterator[int]:
    """Run a relay, and yield its port."""
    context = certificates.server(name)
    settings = {"authenticator": known, "auth_required": True, "hostname": name, **options}
    if tls == "starttls":
        settings |= {"tls_context": context, "require_starttls": True}
    elif tls == "implicit":
        settings |= {"auth_require_tls": False}

    def made() -> SMTP:
        with warnings.catch_warnings(action="ignore"):  # it does not know of the TLS around it
            served.append(SMTP(box, **settings))
            return served[-1]

    served: list[SMTP] = []
    loop = asyncio.get_running_loop()
    implicit = context if tls == "implicit" else None
    server = await loop.create_server(made, "127.0.0.1", 0, ssl=implicit)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in served:
            if each.transport:
                each.transport.abort()
            if each._handler_coroutine:
                each._handler_coroutine.cancel()
        await asyncio.sleep(0.01)


async def ask(certificates, port, tls, credentials=HELD, host="mail.example", allow=LOOPBACK):
    """Check a connection to a relay."""
    told = []

    async def on_step(step) -> None:
        told.append(step)

    options = {"lookup": resolves("127.0.0.1"), "trust": make_trust(certificates.authority)}
    async with OutboundClient(allow, **options) as client:
        entry = {"who": {"driver": "smtp"}, "proves": "The relay lets the account in."}
        settings = {"host": host, "port": port, "tls": tls}
        subject = subject_of(None, entry, credentials, settings)
        return Checked(await run(subject, client, on_step), told)


def check(certificates, served, asked=None, credentials=HELD, **options) -> Checked:
    """Check a connection to a relay that runs for it; no mail may arrive."""

    async def main() -> Checked:
        box = Mailbox()
        box.mails = []
        async with relay(certificates, served, box, **options) as port:
            done = await ask(certificates, port, asked or served, credentials)
        assert box.mails == []
        return done

    return asyncio.run(main())


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_good_account_signs_in_and_sends_no_mail(certificates, tls):
    done = check(certificates, tls)
    assert done.states() == ALL_PASSED, done.report
    assert (done.report.outcome, done.report.account) == (
        "passed",
        "svc@acme.example at mail.example",
    )


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_wrong_password_is_refused(certificates, tls):
    held = {**HELD, "password": "an old password of somebody"}
    done = check(certificates, tls, credentials=held)
    assert (done.report.outcome, done.step("sign_in").state) == ("auth_invalid", "failed")
    assert done.step("sign_in").status == 535
    assert done.step("who").state == "not_tried"


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_wrong_certificate_stops_before_the_password(certificates, tls):
    done = check(certificates, tls, name="other.example")
    assert (done.report.outcome, done.step("tls").state) == ("config", "failed"), done.report
    assert "another host name" in done.report.said


@pytest.mark.parametrize(("served", "asked"), [("plain", "starttls"), ("starttls", "implicit")])
def test_a_relay_without_the_wanted_encryption_gets_no_password(certificates, served, asked):
    done = check(certificates, served, asked)
    assert (done.report.outcome, done.step("tls").state) == ("config", "failed"), done.report
    assert done.step("sign_in").state == "not_tried"


def test_a_relay_that_offers_no_sign_in_is_told(certificates):
    done = check(certificates, "implicit", auth_exclude_mechanism=["LOGIN", "PLAIN"])
    assert (done.report.outcome, done.step("sign_in").state) == ("config", "failed"), done.report


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "mail.example", "::1"])
def test_an_inside_address_is_not_dialled(certificates, host):
    done = asyncio.run(ask(certificates, 465, "implicit", host=host, allow=()))
    assert (done.report.outcome, done.step("address").state) == ("config", "failed")


@pytest.mark.parametrize("port", [22, 0, 3306])
def test_only_ports_that_a_relay_has_are_dialled(certificates, port):
    done = asyncio.run(ask(certificates, port, "implicit"))
    assert done.step("address").state == "failed"


async def _flood(reader, writer):
    for _ in range(1000):
        if writer.transport.is_closing():
            return
        writer.write(b"220-" + b"x" * 500 + b"\r\n")
        await writer.drain()


async def _hang_up(reader, writer):
    return None


async def _ehlo(reader, writer):
    writer.write(b"220 hi\r\n")
    while line := await reader.readline():
        if line.startswith(b"EHLO"):
            writer.write(b"250-mail\r\n250 AUTH PLAIN\r\n")
        else:
            writer.write(b"535 " + line.strip() + b" \xe2\x80\xae\r\n")


@pytest.mark.parametrize(
    ("behave", "outcome"), [(_flood, "config"), (_hang_up, "transient"), (_ehlo, "auth_invalid")]
)
def test_a_hostile_relay_ends_the_check_and_its_echo_is_hidden(
    certificates: Certificates, behave, outcome
):
    async def main():
        async with sink(behave, certificates.server("mail.example")) as port:
            return await ask(certificates, port, "implicit")

    done = asyncio.run(main())
    assert done.report.outcome == outcome, done.report
    assert PASSWORD not in str(done)
    assert base64.b64encode(f"\0{HELD['username']}\0{PASSWORD}".encode()).decode() not in str(done)
    assert "Y29ycmVjdCBob3Jz" not in str(done)
