"""Test addresses as people and attackers type them."""

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.outbound import OutboundClient, Request, UnacceptableUrl, check_url, read_url
from portal.outbound.networks import LOOPBACK, networks
from portal.outbound.request_headers import header_problems

LOOPBACK_SPELLINGS = """
    127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0X7F.0.0.1 0177.0.0.1 017700000001 0 0.0
    127.0.0.1. ①②⑦.0.0.1 127。0。0。1 127．0．0．1 １２７.0.0.1 [::1] [::] [::ffff:127.0.0.1]
    [::ffff:7f00:1] [0:0:0:0:0:ffff:7f00:0001] [::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::]
    localhost LOCALHOST localhost. ⓛocalhost a.localhost loopback
""".split()  # noqa: RUF001, SIM905
METADATA_SPELLINGS = """
    169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.43518 [::ffff:a9fe:a9fe]
    [fd00:ec2::254] 168.63.129.16 192.0.0.192 100.100.100.200 metadata metadata.google.internal
    [fe80::a9fe:a9fe] [fe80::1%25eth0]
""".split()  # noqa: SIM905
MALFORMED = [
    "", "hooks.example.com", "//hooks.example.com", "ftp://hooks.example.com", "file:///etc/passwd",
    "javascript:alert(1)", "http:hooks.example.com", "http://", "http:///path", "https://?x",
    "https://user@hooks.example.com", "https://user:pw@hooks.example.com", "https://@example.com",
    "https://hooks.example.com/#part", "https://hooks.example.com/#", "https://a b.example.com",
    "https://hooks.example.com/a b", "https://hooks.example.com\\@evil.example",
    "https://hooks.example.com/\r\nX: y", "https://hooks.example.com/\0", "\thttps://example.com",
    "https://hooks.example.com/\u2028", "https://exa\ud800mple.com", "https://-a.example.com",
    "https://a..example.com", "https://.example.com", "https://a-.example.com", "https://[::1",
    "https://[zz]", "https://[1.2.3.4]", "https://1.2.3.4.5", "https://256.1.1.1", "https://08.8.8.8",
    "https://%31%32%37.0.0.1", "https://exa%6dple.com", "https://a,b.example.com",
    "https://example.com:0x50", "https://example.com:-1", "https://example.com:65536",
    "https://example.com:٤٤٣", "https://" + "a" * 64 + ".example.com",
    "https://" + "a." * 130 + "com", "https://example.com/" + "a" * 2048,
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS + METADATA_SPELLINGS)
@pytest.mark.parametrize("form", ["http://{}/", "https://{}:8443/x?y=z"])
def test_no_spelling_of_an_inner_address_passes(host, form):
    with pytest.raises(UnacceptableUrl) as refusal:
        read_url(form.format(host))
    assert refusal.value.forbidden
    assert refusal.value.problem.endswith(".")


@pytest.mark.parametrize("url", MALFORMED)
def test_a_malformed_address_is_one_sentence(url):
    (problem,) = check_url(url)
    assert problem.endswith(".")


@pytest.mark.parametrize(
    "port",
    [0, 1, 21, 22, 23, 25, 110, 143, 389, 445, 465, 587, 993, 995, 1023, 2049, 2375, 3306, 5432,
     6379, 8200, 9200, 11211, 27017],
)  # fmt: skip
def test_ports_of_other_services_are_closed(port):
    assert "Port" in check_url(f"https://hooks.example.com:{port}/")[0]


@pytest.mark.parametrize("port", [80, 443, 1024, 8000, 8002, 8080, 8443, 65535])
def test_ports_of_web_servers_are_open(port):
    assert check_url(f"https://hooks.example.com:{port}/") == []


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("https://hooks.example.com", "https://hooks.example.com/"),
        ("HTTPS://Hooks.Example.COM:443/A", "https://hooks.example.com/A"),
        ("http://hooks.example.com:80/", "http://hooks.example.com/"),
        ("https://hooks.example.com:/", "https://hooks.example.com/"),
        ("https://hooks.example.com./a", "https://hooks.example.com/a"),
        ("https://bücher.example/ü?q=ä", "https://xn--bcher-kva.example/%C3%BC?q=%C3%A4"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("https://a_b.example.com/", "https://a_b.example.com/"),
        ("https://example.com?a=1", "https://example.com/?a=1"),
        ("https://example.com/a?", "https://example.com/a"),
        ("https://example.com/%2F%2e./..//x;y=1?u=http://a.b/?c&d=%20+", None),
        ("https://example.com/<a>|{b}", "https://example.com/%3Ca%3E%7C%7Bb%7D"),
        ("http://134744072/", "http://8.8.8.8/"),
        ("http://[2606:4700:4700:0::1111]:8080/", "http://[2606:4700:4700::1111]:8080/"),
        ("http://[::ffff:8.8.8.8]/", "http://[::ffff:808:808]/"),
    ],
)
def test_a_good_address_is_sent_as_typed_in_its_one_spelling(typed, sent):
    assert str(read_url(typed).url) == (sent or typed)
    assert check_url(str(read_url(typed).url)) == []


def test_development_opens_the_machine_itself_and_nothing_else():
    for host in ["127.0.0.1", "localhost", "hooks.localhost", "[::1]", "127.1"]:
        assert check_url(f"http://{host}:8002/hooks/demo", LOOPBACK) == []
    for host in ["10.0.0.1", "169.254.169.254", "db", "db.internal", "[::]", "0"]:
        assert check_url(f"http://{host}:8002/", LOOPBACK)
    assert check_url("http://localhost:8002/", networks(["127.0.0.1/32"])) == []
    assert check_url("http://localhost:8002/", networks(["::1/128"])) == []


def test_a_private_network_opens_its_names_too():
    allow = networks(["10.0.0.0/8"])
    assert check_url("http://10.1.2.3/", allow) == []
    assert check_url("http://receiver.internal/", allow) == []
    assert check_url("http://receiver:8080/", allow) == []
    assert check_url("http://localhost/", allow)
    assert check_url("http://192.168.0.1/", allow)


def test_https_only():
    assert check_url("http://hooks.example.com/", https_only=True)
    assert check_url("https://hooks.example.com/", https_only=True) == []


def test_reading_an_address_asks_no_name_server(monkeypatch):
    def no_dns(*_, **__):
        raise AssertionError("no DNS when a form is saved")

    monkeypatch.setattr(socket, "getaddrinfo", no_dns)
    monkeypatch.setattr(socket, "gethostbyname", no_dns)
    assert check_url("https://nowhere.example/") == []


@given(st.text(max_size=60).flatmap(lambda t: st.sampled_from([t, f"http://{t}", f"https://{t}/"])))
def test_any_text_is_either_read_or_refused(text):
    try:
        target = read_url(text)
    except UnacceptableUrl:
        return
    again = read_url(str(target.url))
    assert again == target
    assert target.url.raw_host == target.host
    assert target.url.port == target.port


@given(st.text("0123456789abcdefxX.[]:%①⑦。．ⓛ", min_size=1, max_size=16))  # noqa: RUF001
def test_no_spelling_of_loopback_reaches_the_wire(host):
    """Accept only a name, or a literal that the C library reads as the same one."""
    try:
        target = read_url(f"http://{host}:8080/")
    except UnacceptableUrl:
        return
    try:
        numeric = socket.getaddrinfo(target.host, 0, flags=socket.AI_NUMERICHOST)[0][4][0]
    except OSError:
        return
    assert numeric == target.host


async def _inner(host, port):
    return ["127.0.0.1"]


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS + METADATA_SPELLINGS)
def test_the_client_dials_none_of_them(host):
    async def main():
        async with OutboundClient(lookup=_inner) as client:
            return await client.send(Request("POST", f"http://{host}:8080/"))

    outcome = asyncio.run(main())
    assert outcome.kind == "forbidden_address"
    assert (outcome.address, outcome.status, outcome.body) == (None, None, b"")


@pytest.mark.parametrize(
    "name",
    ["Host", "content-length", "Content-Type", "Connection", "Transfer-Encoding", "User-Agent",
     "webhook-id", "Webhook-Signature", "X-Amz-Date", "Metadata-Flavor", "Metadata",
     "X-aws-ec2-metadata-token", "Proxy-Authorization", "TE", "a b", "", "ä"],
)  # fmt: skip
def test_headers_of_the_sender_are_not_for_tenants(name):
    assert header_problems({name: "x"})


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\0", "\x7f", "a\ud800", "☃"])
def test_a_header_value_cannot_break_out(value):
    assert header_problems({"X-Key": value})


def test_ordinary_headers_are_fine():
    assert header_problems({"Authorization": "Bearer abc", "X-Api-Key": "a b\tc"}) == {}
    assert header_problems({"X-A": "a" * 9000})
    assert header_problems({"X-A": "a", "x-a": "b"})
