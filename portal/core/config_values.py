"""Parse the texts of settings.

Each parser raises ValueError with the end of the sentence "PORTAL_X …".
"""

from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from portal.core.root_keys import RootKeys

Network = IPv4Network | IPv6Network

ROLES = ("viewer", "editor", "admin")
SHORTCUTS = ("statements", "rows", "insert", "templates")
MIN_SECRET_KEY = 32  # characters; `openssl rand -hex 32` gives 64


def text(value: str) -> str:
    if any(ord(c) < 32 for c in value):
        raise ValueError("contains a control character")
    return value


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be {' or '.join(choices)}, not {value!r}")
        return value

    return parse


def between(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}, not {value!r}")
        return int(value)

    return parse


port = between(1, 65535)


def directory(value: str) -> Path:
    path = Path(value).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError(f"must be a directory, and {path} is a file")
    return path


def address(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError(
            f"must be an address of this machine such as 127.0.0.1 or 0.0.0.0, not {value!r}"
        ) from None


def url(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError(f"is not a URL: {value!r}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"must be an http:// or https:// URL, not {value!r}")
    if parts.username or parts.password:
        raise ValueError("must not contain a user or a password")
    if parts.query or parts.fragment:
        raise ValueError("must not contain a query or a fragment")
    return value.rstrip("/")


def origin(value: str) -> str:
    found = url(value)
    if urlsplit(found).path:
        raise ValueError(f"must not contain a path: {value!r}")
    return found


def issuer(value: str) -> str:
    url(value)
    return value  # compared exactly with the provider's, including a trailing slash


def postgresql(value: str) -> str:
    scheme, found, rest = value.partition("://")
    if not found or scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise ValueError("must begin with postgresql:// (other databases and drivers do not work)")
    if not _has_clear_parts(f"postgresql://{rest}"):
        raise ValueError(
            "cannot be read; it is written postgresql://role:password@host:port/database, where the"
            " password has %40 for @, %25 for %, %2F for /, %3F for ? and %20 for a space"
        )
    return f"postgresql+psycopg://{rest}"


def _has_clear_parts(url: str) -> bool:
    """Tell whether libpq reads the parts of a URL as they are meant. Its errors quote the URL, and
    it may take a part of an unescaped password for the name of a host, a port or a database, which
    errors also name."""
    try:
        port = str(conninfo_to_dict(url).get("port") or "")
    except ProgrammingError:
        return False
    address = url.partition("://")[2].partition("?")[0]
    authority, _, database = address.partition("/")
    is_clear = authority.count("@") <= 1 and "@" not in database
    return is_clear and all(one.isdecimal() for one in port.split(",") if one)


def _secret_key(value: str) -> str:
    if len(value) < MIN_SECRET_KEY:
        raise ValueError(
            f"must have at least {MIN_SECRET_KEY} characters; make one: openssl rand -hex 32"
        )
    if len(set(value)) < 10:
        raise ValueError("is not random; make one: openssl rand -hex 32")
    return value


def secret_keys(value: str) -> tuple[str, ...]:
    """Parse keys that are separated by commas or lines."""
    parts = (part.strip() for part in value.replace("\n", ",").split(","))
    keys = tuple(_secret_key(part) for part in parts if part)
    if not keys:
        raise ValueError("holds no key")
    return keys


def root_keys(value: str) -> RootKeys:
    return RootKeys(secret_keys(value))


def path_segment(value: str) -> str:
    if not all(
        part and part.replace("-", "").replace("_", "").isalnum() for part in value.split("/")
    ):
        raise ValueError(f"must be a path of letters, digits, - and _, not {value!r}")
    return value


def networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"must be networks such as 10.0.0.0/8, comma-separated: {error}") from None


def proxies(value: str) -> tuple[Network, ...]:
    if value.isdigit():
        raise ValueError(
            "must be the networks of your proxies, such as 10.0.0.0/8,192.0.2.7, and no longer "
            f"how many there are: not {value!r}"
        )
    return tuple(_unmapped(network) for network in networks(value))


def _unmapped(network: Network) -> Network:
    """Return the IPv4 network that an IPv6 one such as ::ffff:10.0.0.0/104 stands for.

    Return any other network unchanged.
    """
    inside = getattr(network.network_address, "ipv4_mapped", None)
    if inside is None or network.prefixlen < 96:
        return network
    return IPv4Network((inside, network.prefixlen - 96))


def claim(value: str) -> str:
    name, has_value, wanted = value.partition("=")
    if not name.strip() or (has_value and not wanted.strip()):
        raise ValueError(
            f"must be a claim, or a claim and its value such as idtyp=app; not {value!r}"
        )
    return f"{name.strip()}={wanted.strip()}" if has_value else name.strip()


def role_map(value: str) -> Mapping[str, str]:
    pairs = {}
    for part in value.split(","):
        theirs, found, ours = (piece.strip() for piece in part.rpartition("="))
        if not (theirs and found) or ours not in ROLES:
            raise ValueError(
                f"must be pairs such as portal-admins=admin, with one of {', '.join(ROLES)}; "
                f"not {part!r}"
            )
        pairs[theirs] = ours
    return MappingProxyType(pairs)


def is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def shortcuts(value: str) -> frozenset[str]:
    found = frozenset(part.strip() for part in value.split(",") if part.strip())
    if unknown := sorted(found.difference(SHORTCUTS)):
        raise ValueError(f"must name some of {', '.join(SHORTCUTS)}; not {unknown[0]!r}")
    return found
