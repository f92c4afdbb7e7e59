"""Decide which internet addresses a tenant may make this product connect to.

The functions are pure: no DNS, no sockets. The rules are a superset of what webhook senders refuse
(Svix, Hook0, smokescreen), because the standard library's `is_global` is not enough: it allows
multicast, NAT64, 6to4 and cloud metadata addresses.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_ADDRESS = 100  # characters; an IPv6 address with a zone has fewer
LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
"""The networks that a development set-up allows: the machine itself."""
EVERYWHERE = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))

_THIS_MACHINE = "an address of the machine itself"
_PRIVATE = "an address of a private network"
_METADATA = "a link-local address, where clouds keep their metadata"
_SPECIAL = "an address reserved for special use"
_MULTICAST = "a multicast or broadcast address"

# Sorted by how often people type them. The first match gives the reason.
_DENIED_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(cidr), reason)
    for cidr, reason in (
        ("127.0.0.0/8", _THIS_MACHINE),
        ("0.0.0.0/8", _THIS_MACHINE),
        ("10.0.0.0/8", _PRIVATE),
        ("172.16.0.0/12", _PRIVATE),
        ("192.168.0.0/16", _PRIVATE),
        ("169.254.0.0/16", _METADATA),
        ("168.63.129.16/32", _METADATA),  # Azure's wire server, in the middle of public space
        ("192.0.0.0/24", _METADATA),  # IETF protocol space, with Oracle's metadata at .192
        ("100.64.0.0/10", _PRIVATE),
        ("192.0.2.0/24", _SPECIAL),
        ("198.51.100.0/24", _SPECIAL),
        ("203.0.113.0/24", _SPECIAL),
        ("198.18.0.0/15", _SPECIAL),
        ("192.88.99.0/24", _SPECIAL),
        ("192.31.196.0/24", _SPECIAL),
        ("192.52.193.0/24", _SPECIAL),
        ("192.175.48.0/24", _SPECIAL),
        ("224.0.0.0/4", _MULTICAST),
        ("240.0.0.0/4", _MULTICAST),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_DENIED_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(cidr), reason)
    for cidr, reason in (
        ("2001::/23", _SPECIAL),  # Teredo, ORCHID, benchmarking
        ("2001:db8::/32", _SPECIAL),
        ("2002::/16", _SPECIAL),  # 6to4 carries an IPv4 address inside
        ("3fff::/20", _SPECIAL),
    )
)
# Everything outside 2000::/3 is refused. These only give a better reason.
_NAMED_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(cidr), reason)
    for cidr, reason in (
        ("::/127", _THIS_MACHINE),
        ("fe80::/10", _METADATA),
        ("fc00::/7", _PRIVATE),
        ("fec0::/10", _PRIVATE),
        ("ff00::/8", _MULTICAST),
    )
)


_BYTE, _GROUP = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])", "[0-9A-Fa-f]{1,4}"
_IPV4 = rf"{_BYTE}(\.{_BYTE}){{3}}"
_IPV6 = "|".join(
    (
        f"({_GROUP}:){{7}}{_GROUP}",
        f"({_GROUP}:){{1,7}}:",
        *(f"({_GROUP}:){{1,{left}}}(:{_GROUP}){{1,{7 - left}}}" for left in range(6, 0, -1)),
        f":(:{_GROUP}){{1,7}}",
        f"::([Ff]{{4}}:)?{_IPV4}",
        "::",
    )
)
# For JSON schemas: what `ip_address` and `ip_network` read.
ADDRESS = f"^({_IPV4}|{_IPV6})$"
NETWORK = f"^({_IPV4}(/([12]?[0-9]|3[0-2]))?|({_IPV6})(/([1-9]?[0-9]|1[01][0-9]|12[0-8]))?)$"


def parse(address: str | Address) -> Address | None:
    """Return the parsed address without its scope; as IPv4 if it is within `::ffff:0:0/96`."""
    if isinstance(address, str) and len(address) > LONGEST_ADDRESS:
        return None
    return _parsed(address)


@lru_cache(maxsize=4096)  # called often
def _parsed(address: str | Address) -> Address | None:
    if isinstance(address, str):
        try:
            address = ip_address(address.partition("%")[0])
        except ValueError:
            return None
    elif isinstance(address, IPv6Address) and address.scope_id:
        address = IPv6Address(int(address))
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def judge(address: str | Address) -> str | None:
    """Return why the address may not be dialled, as the end of a sentence ("it is …"), or None.

    Text that is not an address is refused too, so that a caller's mistake cannot pass.
    """
    parsed = parse(address)
    if parsed is None:
        return "no internet address"
    if isinstance(parsed, IPv4Address):
        return _first(_DENIED_V4, parsed)
    if parsed in _GLOBAL_V6:
        return _first(_DENIED_V6, parsed)
    return _first(_NAMED_V6, parsed) or _SPECIAL


def forbidden(address: str | Address, allow: Iterable[Network] = ()) -> str | None:
    """Return the reason as `judge` does, but allow addresses in the operator's networks."""
    reason = judge(address)
    return None if reason is None or listed(address, allow) else reason


def listed(address: str | Address, allow: Iterable[Network]) -> bool:
    """Tell whether the operator's list contains the address, whatever the rules say."""
    parsed = parse(address)
    return parsed is not None and any(parsed in network for network in allow)


def networks(cidrs: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of an operator's list. Raises ValueError for an invalid one."""
    return tuple(ip_network(cidr) for cidr in cidrs)


def _first(
    rules: Iterable[tuple[IPv4Network, str]] | Iterable[tuple[IPv6Network, str]], parsed: Address
) -> str | None:
    return next((reason for network, reason in rules if parsed in network), None)
