"""Find the client of a connection that may pass through proxies.

Each proxy adds the address that it was called from to the right end of `X-Forwarded-For`. Entries
further left may be invented. So the client is the right-most address that is not one of the
operator's own proxies. The functions are pure, and used by the web server's loop and the WSGI
application alike.
"""

import re
from collections.abc import Collection

from portal.outbound.networks import Address, Network, listed, parse

MOST_HOPS = 32
"""The number of entries that are read, from the right: nobody has more proxies, whatever a
header contains."""

LONGEST_ENTRY = 64  # an IPv6 address with a zone, brackets and a port has fewer characters
LONGEST_HOST = 260

# 1.2.3.4, 1.2.3.4:5678, [::1], [::1]:5678, ::1
ENTRY = re.compile(r"\[([^\[\]]+)\](?::\d{1,5})?|([^:\[\]]+)(?::\d{1,5})?|([^\[\]]+)")
HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")


def client_of(peer: str, forwarded_for: str, trusted: Collection[Network]) -> str:
    """Return the client: the right-most address of `forwarded_for` and `peer` that is not trusted.

    `peer` is the address of the connection, with or without a port. Several header lines are joined
    by commas. An entry that is no address ends the search, since what is behind it is unknown: the
    client is then the proxy that passed it on. If all are trusted, the client is the left-most of
    them.
    """
    client = _address(peer)
    if client is None:
        return peer
    hops = forwarded_for.rsplit(",", MOST_HOPS)[-MOST_HOPS:] if forwarded_for else []
    while hops and listed(client, trusted):
        entry = hops.pop().strip()
        if not entry:  # RFC 9110, 5.6.1: an empty element of a list means nothing
            continue
        behind = _address(entry)
        if behind is None:
            break
        client = behind
    return str(client)


def nearest_entries(forwarded_for: str) -> str:
    """Return what `client_of` reads of the header, which is short however long the header is."""
    hops = forwarded_for.rsplit(",", MOST_HOPS)[-MOST_HOPS:]
    return ",".join(entry.strip()[: LONGEST_ENTRY + 1] for entry in hops)


def is_trusted(peer: str, trusted: Collection[Network]) -> bool:
    """Tell whether the address of the connection is one of the operator's proxies."""
    address = _address(peer)
    return address is not None and listed(address, trusted)


def scheme_of(forwarded_proto: str) -> str | None:
    """Return `http` or `https` as the nearest proxy reported it, or None if it reported neither."""
    said = _last(forwarded_proto).lower()
    return said if said in ("http", "https") else None


def host_of(forwarded_host: str) -> str | None:
    """Return the host that the nearest proxy was called with, or None if it is invalid."""
    said = _last(forwarded_host)
    return said if len(said) <= LONGEST_HOST and HOST.fullmatch(said) else None


def _last(header: str) -> str:
    return header.rpartition(",")[2].strip()


def _address(entry: str) -> Address | None:
    if len(entry) > LONGEST_ENTRY:
        return None
    found = ENTRY.fullmatch(entry)
    return parse(found[1] or found[2] or found[3]) if found else None
