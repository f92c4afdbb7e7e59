"""Carry requests over sockets. Connections are kept open and used again."""

import select
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import h11

from cpod_integration.conversation import Conversation
from cpod_integration.core import Answer, Failed, Request, Settings

if TYPE_CHECKING:
    import ssl

MOST_IDLE = 10
LONGEST_IDLE = 8.0  # seconds. The portal closes a connection that is idle for ten.
AT_ONCE = 256 * 1024


class Transport:
    """The connections to one portal. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._idle: deque[_Line] = deque()
        self._tls: ssl.SSLContext | None = tls_context() if settings.is_tls else None

    def send(self, request: Request, deadline: float) -> Answer | Failed:
        """Return the answer to a request, or how it failed."""
        line = None
        try:
            line = self._kept() or self._opened(deadline)
            answer = line.exchange(request, self._settings.read_timeout, deadline)
        except Failed as failure:
            return failure
        else:
            if line.conversation.is_open() and len(self._idle) < MOST_IDLE:
                self._idle.append(line)
                line = None
            return answer
        finally:
            if line:
                line.close()

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop().close()

    def _kept(self) -> "_Line | None":
        while True:
            try:
                line = self._idle.pop()
            except IndexError:
                return None
            if line.is_quiet():
                return line
            line.close()

    def _opened(self, deadline: float) -> "_Line":
        settings = self._settings
        until = min(deadline, time.monotonic() + settings.connect_timeout)
        try:
            opened = _connected(addresses(settings.host, settings.port, until), until)
            try:
                opened.settimeout(left(until))
                if self._tls:
                    opened = self._tls.wrap_socket(opened, server_hostname=settings.host)
            except BaseException:
                opened.close()
                raise
        except (OSError, UnicodeError) as error:  # the name may be no name
            raise failed(error, "connect", sent=False) from error
        return _Line(opened)


Address = tuple[socket.AddressFamily, Any]


def addresses(host: str, port: int, deadline: float) -> list[Address]:
    """Return the addresses of a host. A thread asks for them, since that has no deadline itself."""
    found: list[list[Address] | Exception] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.append([(family, address) for family, _, _, _, address in answers])
        except (OSError, UnicodeError) as error:
            found.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(left(deadline))
    if not found:
        raise TimeoutError
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def _connected(known: list[Address], deadline: float) -> socket.socket:
    """Return a connection to the first address that takes it."""
    refusal: OSError = OSError("the host has no address")
    for family, address in known:
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.settimeout(left(deadline))
            opened.connect(address)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            opened.close()
            refusal = error
        except BaseException:
            opened.close()
            raise
        else:
            return opened
    raise refusal


class _Line:
    """One open connection."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._used = time.monotonic()
        self.conversation = Conversation()

    def exchange(self, request: Request, read_timeout: float, deadline: float) -> Answer:
        outgoing = self.conversation.ask(request)
        try:
            self._socket.settimeout(min(read_timeout, left(deadline)))
            self._socket.sendall(outgoing)
            while True:
                self._socket.settimeout(min(read_timeout, left(deadline)))
                answer = self.conversation.hear(self._socket.recv(AT_ONCE))
                if answer:
                    self._used = time.monotonic()
                    return answer
        except (OSError, h11.RemoteProtocolError) as error:
            raise failed(error, "answer", sent=True) from error

    def is_quiet(self) -> bool:
        """Tell whether it can be used again: it is young, and the portal has not closed it."""
        if time.monotonic() - self._used > LONGEST_IDLE:
            return False
        try:
            return not select.select([self._socket], [], [], 0)[0]
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        self._socket.close()


def tls_context() -> "ssl.SSLContext":
    """Return a context that trusts what the machine trusts (or SSL_CERT_FILE)."""
    import ssl

    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def left(deadline: float) -> float:
    """Return the seconds that are left. Raises TimeoutError if there are none."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def failed(error: Exception, what: str, *, sent: bool) -> Failed:
    """Return the failure in words. They never quote what was sent."""
    if isinstance(error, TimeoutError):
        return Failed(f"The portal did not {what} in time.", sent=sent, late=True)
    if not sent:
        return Failed(f"No connection to the portal: {error}", sent=sent)
    if isinstance(error, h11.RemoteProtocolError):
        return Failed(f"The answer is not whole: {error}", sent=sent)
    return Failed("The connection broke before the answer was whole.", sent=sent)
