"""Test which addresses may be dialled, including special ones that libraries forget."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.outbound.networks import LOOPBACK, forbidden, judge, networks

FORBIDDEN = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254
    169.254.169.254 169.254.170.2 168.63.129.16 172.16.0.1 172.31.255.255 192.0.0.8 192.0.0.192
    192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1 198.18.0.1
    198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
    ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::808:808 64:ff9b:1::1 100::1
    2001::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:808:808:: 3fff::1
    4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1
    ::1%lo 2001:0:7f00:1::
""".split()  # noqa: SIM905
OPEN = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
    168.63.129.15 168.63.129.17 169.253.255.255 172.15.255.255 172.32.0.0 192.0.1.0 193.0.0.1
    198.17.255.255 198.20.0.0 223.255.255.255 2600::1 2606:4700:4700::1111 2a00:1450::1
    ::ffff:8.8.8.8 2003::1 2001:200::1
""".split()  # noqa: SIM905


@pytest.mark.parametrize("address", FORBIDDEN)
def test_a_special_address_is_forbidden(address):
    assert judge(address)
    assert forbidden(address)
    assert forbidden(address, networks(["198.96.0.0/16"]))


@pytest.mark.parametrize("address", OPEN)
def test_a_public_address_is_open(address):
    assert judge(address) is None


@pytest.mark.parametrize("junk", ["", "localhost", "127.1", "1.2.3", "0x7f000001", "::1::", "%"])
def test_what_is_no_address_is_forbidden(junk):
    assert forbidden(junk)
    assert forbidden(junk, networks(["0.0.0.0/0", "::/0"]))


def test_the_operators_networks_are_open():
    assert forbidden("127.0.0.1", LOOPBACK) is None
    assert forbidden("::1", LOOPBACK) is None
    assert forbidden("::ffff:127.0.0.1", LOOPBACK) is None
    assert forbidden("10.1.2.3", networks(["10.1.0.0/16"])) is None
    assert forbidden("10.2.2.3", networks(["10.1.0.0/16"]))


@given(st.ip_addresses())
def test_nothing_that_python_calls_private_gets_through(address):
    """Check that our lists contain all addresses of the library's lists, which are too short."""
    if judge(address) is None:
        meant = ip_address(str(address))
        if isinstance(meant, IPv6Address) and meant.ipv4_mapped:
            meant = meant.ipv4_mapped
        assert meant.is_global
        assert not any((meant.is_multicast, meant.is_reserved, meant.is_private))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_inside_ipv6(address):
    assert judge(IPv6Address(f"::ffff:{address}")) == judge(address)
    assert judge(f"::ffff:{address}") == judge(str(IPv4Address(address)))
