"""Parse the address that a person typed, and decide whether it may be called.

This uses no DNS, because it runs when a form is saved. The addresses of a name are checked again
when it is dialled, and that check decides (`portal.outbound.address_guard`).
"""

import re
import socket
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import NoReturn
from urllib.parse import SplitResult, quote, urlsplit

from yarl import URL

from portal.outbound.networks import LOOPBACK, Network, forbidden

MAX_URL = 2048
"""Characters. Longer addresses break proxies and receivers."""

MAX_NAME = 253
"""Characters of a host name, by the rules of DNS."""

DENIED_PORTS = frozenset(
    {
        1433, 1521, 2049, 2375, 2376, 2379, 2380, 3306, 5432, 6379, 8200, 9042, 9200, 9300,
        10250, 11211, 27017,
    }
)  # fmt: skip
"""Ports of databases, caches, container and secret stores above 1024. Below, only 80 and 443 are
open."""

_DEFAULT_PORT = {"http": 80, "https": 443}
_INTERNAL_NAMES = ("local", "localhost", "internal", "home.arpa", "onion", "invalid")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# RFC 3986's characters, and % so that characters that are already encoded stay as typed.
_PATH_SAFE = "/%:@!$&'()*+,;=-._~"
_QUERY_SAFE = _PATH_SAFE + "?[]"


class UnacceptableUrl(ValueError):
    """The address may not be called. `problem` is a sentence for people.

    `forbidden` distinguishes an address that the guard refuses from one that is only malformed.
    """

    def __init__(self, problem: str, *, forbidden: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.forbidden = forbidden


@dataclass(frozen=True, slots=True)
class Target:
    """An acceptable address, in the one spelling that is dialled and sent."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> URL:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORT[self.scheme] else f":{self.port}"
        return URL(f"{self.scheme}://{host}{port}{self.path}", encoded=True)


def check_url(url: str, allow: Sequence[Network] = (), *, https_only: bool = False) -> list[str]:
    """Return the problems of the address, as sentences to show beside the field."""
    try:
        read_url(url, allow, https_only=https_only)
    except UnacceptableUrl as refusal:
        return [refusal.problem]
    return []


def read_url(url: str, allow: Sequence[Network] = (), *, https_only: bool = False) -> Target:
    """Return the address as it will be dialled. Raises `UnacceptableUrl`.

    `allow` is the operator's list. It opens its networks, `localhost` when it contains loopback,
    and internal names when it contains any other network (their addresses are checked when
    dialled).
    """
    parts = _split(url)
    if parts.scheme not in _DEFAULT_PORT:
        _refuse("The address must begin with https:// or http://.")
    if https_only and parts.scheme != "https":
        _refuse("The address must begin with https://.")
    if parts.username is not None or parts.password is not None:
        _refuse("Leave user name and password out of the address; use a header instead.")
    if "#" in url:
        _refuse("Leave out the part after #: it is never sent to a server.")
    host = _read_host(parts, allow)
    query = "?" + quote(parts.query, safe=_QUERY_SAFE) if parts.query else ""
    path = quote(parts.path, safe=_PATH_SAFE) or "/"
    return Target(parts.scheme, host, _read_port(parts), path + query)


def read_place(
    host: str, port: int, allow: Sequence[Network] = (), ports: Collection[int] = ()
) -> str:
    """Return the host of another protocol than HTTP as it will be dialled.

    `ports` are open besides those of HTTP. Raises `UnacceptableUrl`.
    """
    literal = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    parts = _split(f"http://{literal}:{port}/")
    if parts.username is not None or parts.path != "/" or parts.query or "#" in host:
        _refuse("The host name is not valid.")
    if port not in ports:
        _read_port(parts)
    return _read_host(parts, allow)


def _split(url: str) -> SplitResult:
    if len(url) > MAX_URL:
        _refuse(f"The address is longer than {MAX_URL} characters.")
    # urlsplit drops tabs and line breaks silently, and browsers read \ as /: no guessing here.
    if any(ch.isspace() or ch == "\\" or unicodedata.category(ch) in {"Cc", "Cs"} for ch in url):
        _refuse("The address contains a space, a backslash or a control character.")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        _refuse("This is not a complete address, such as https://hooks.example.com/cpod.")
    if parts.scheme in _DEFAULT_PORT and not parts.hostname:
        _refuse("The address has no host name.")
    return parts


def _read_port(parts: SplitResult) -> int:
    port = _DEFAULT_PORT[parts.scheme] if parts.port is None else parts.port
    if port in DENIED_PORTS or (port < 1024 and port not in {80, 443}):
        _refuse(f"Port {port} is not open to webhooks: use 443, 80 or one above 1023.", True)
    return port


def _read_host(parts: SplitResult, allow: Sequence[Network]) -> str:
    typed = parts.hostname or ""
    if ":" in typed:
        return _read_ipv6(typed, allow)
    host = _ascii(typed)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _read_ipv4(host, allow)
    if len(host) > MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        _refuse("The host name is not valid.")
    _judge_name(host, allow)
    return host


def _ascii(typed: str) -> str:
    """Return the name in ASCII: normalised, IDNA-encoded, without a trailing dot."""
    if len(typed) > MAX_NAME:  # one character may become eighteen, and IDNA is slow
        _refuse("The host name is not valid.")
    name = unicodedata.normalize("NFKC", typed).replace("。", ".").removesuffix(".")
    try:
        return (URL.build(scheme="http", host=name).raw_host or "").lower().removesuffix(".")
    except ValueError:  # UnicodeError among them
        _refuse("The host name is not valid.")


def _read_ipv4(host: str, allow: Sequence[Network]) -> str:
    """Return the address for any IPv4 spelling of the C library: 2130706433, 0x7f.1 …"""
    try:
        address = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        _refuse("The host is not a valid internet address.")
    _judge_literal(address, allow)
    return address


def _read_ipv6(host: str, allow: Sequence[Network]) -> str:
    try:
        address = IPv6Address(host)
    except ValueError:
        _refuse("The host is not a valid internet address.")
    if address.scope_id:
        _refuse("This address is not allowed: it is a link-local address.", True)
    _judge_literal(str(address), allow)
    return str(address)


def _judge_literal(address: str, allow: Sequence[Network]) -> None:
    if reason := forbidden(address, allow):
        _refuse(f"This address is not allowed: it is {reason}.", True)


def _judge_name(host: str, allow: Sequence[Network]) -> None:
    if host == "localhost" or host.endswith(".localhost"):
        if all(forbidden(own.network_address + (own.num_addresses > 1), allow) for own in LOOPBACK):
            _refuse("This address is not allowed: it is an address of the machine itself.", True)
        return
    internal = "." not in host or host.endswith(tuple(f".{name}" for name in _INTERNAL_NAMES))
    if internal and not any(_opens_names(network) for network in allow):
        _refuse("This host name is not a public one: use a name that the internet knows.", True)


def _opens_names(network: Network) -> bool:
    """Tell whether a network is more than the machine itself, so that it opens internal names."""
    return not any(
        network.version == own.version and network.subnet_of(own)  # type: ignore[arg-type]
        for own in LOOPBACK
    )


def _refuse(problem: str, forbidden: bool = False) -> NoReturn:
    raise UnacceptableUrl(problem, forbidden=forbidden)
