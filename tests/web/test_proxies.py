"""Test which address is the client's behind proxies, and keys and pages that depend on it."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, request

from portal import create_app, web
from portal.core.config import Config
from portal.database.session import db
from portal.outbound.networks import networks
from portal.web.proxies import client_of, host_of, scheme_of
from tests.cast import PREFIX, Api

TRUSTED = networks(["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"])
CLIENT = "203.0.113.5"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        # The word of a caller that is not one of our proxies does not count.
        (CLIENT, "", CLIENT),
        (CLIENT, "10.9.9.9", CLIENT),
        ("192.0.2.8", "10.9.9.9", "192.0.2.8"),
        # One proxy, and what the client wrote before it.
        ("10.0.0.1", CLIENT, CLIENT),
        ("192.0.2.7", CLIENT, CLIENT),
        ("10.0.0.1", f"10.9.9.9, {CLIENT}", CLIENT),
        ("10.0.0.1", f"198.51.100.1,10.9.9.9,{CLIENT}", CLIENT),
        ("10.0.0.1", "", "10.0.0.1"),
        # Several proxies, one after the other.
        ("10.0.0.1", f"{CLIENT}, 192.0.2.7, 10.0.0.2", CLIENT),
        ("10.0.0.1", f"10.9.9.9, {CLIENT}, 10.0.0.2", CLIENT),
        ("10.0.0.1", "10.0.0.9, 10.0.0.2", "10.0.0.9"),  # the client is in our network, too
        # Ports, brackets, white space, IPv6.
        ("10.0.0.1", f"{CLIENT}:5678", CLIENT),
        ("10.0.0.1", "[2001:db8::5]:80", "2001:db8::5"),
        ("10.0.0.1", "[2001:db8::5]", "2001:db8::5"),
        ("10.0.0.1", "2001:DB8:0::5", "2001:db8::5"),
        ("fd00::1", f"\t{CLIENT} ", CLIENT),
        ("10.0.0.1:443", f"{CLIENT}:1", CLIENT),
        ("[fd00::1]:443", CLIENT, CLIENT),
        ("fe80::1%eth0", "10.9.9.9", "fe80::1"),
        # An IPv4-mapped IPv6 address is the IPv4 address.
        ("::ffff:10.0.0.1", f"::ffff:{CLIENT}", CLIENT),
        ("::ffff:203.0.113.5", "10.9.9.9", CLIENT),
        ("10.0.0.1", f"{CLIENT}, ::ffff:10.0.0.2", CLIENT),
        # Empty entries mean nothing.
        ("10.0.0.1", f" , {CLIENT}, ,", CLIENT),
        ("10.0.0.1", ",,,", "10.0.0.1"),
        # An entry that is not an address hides what is behind it.
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", f"{CLIENT}, unknown", "10.0.0.1"),
        ("10.0.0.1", f"{CLIENT}, _hidden, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "203.0.113.5:", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.5:http", "10.0.0.1"),
        ("10.0.0.1", "[203.0.113.5", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.256", "10.0.0.1"),
        ("10.0.0.1", '"203.0.113.5"', "10.0.0.1"),
        ("10.0.0.1", "203.0.113.5;203.0.113.6", "10.0.0.1"),
        ("10.0.0.1", "1" * 65, "10.0.0.1"),
        # However long the header is, only its end counts.
        ("10.0.0.1", "9.9.9.9," * 20_000 + CLIENT, CLIENT),
        ("10.0.0.1", f"{CLIENT}," + "10.0.0.2," * 50, "10.0.0.2"),
        # A socket without an address.
        ("", CLIENT, ""),
        ("/run/portal.sock", CLIENT, "/run/portal.sock"),
    ],
)
def test_the_client_is_the_right_most_address_that_no_proxy_of_ours_has(
    peer: str, forwarded_for: str, client: str
) -> None:
    assert client_of(peer, forwarded_for, TRUSTED) == client


def test_without_trusted_proxies_the_client_is_who_connects() -> None:
    assert client_of("10.0.0.1", CLIENT, ()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("header", "scheme"),
    [("https", "https"), ("HTTPS", "https"), ("https, http", "http"), ("ftp", None), ("", None)],
)
def test_only_a_scheme_of_the_web_is_taken(header: str, scheme: str | None) -> None:
    assert scheme_of(header) == scheme


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("portal.example", "portal.example"),
        ("evil.example, portal.example:8443", "portal.example:8443"),
        ("[::1]:80", "[::1]:80"),
        ("portal.example/x", None),
        ("user@portal.example", None),
        ("portal.example\t.evil", None),
        ("a" * 300, None),
        ("", None),
    ],
)
def test_only_a_host_is_taken_for_a_host(header: str, host: str | None) -> None:
    assert host_of(header) == host


# --- through the front door -------------------------------------------------------------------


@pytest.fixture
def behind_a_proxy(database: Any, config: Config) -> Iterator[Flask]:
    """Yield a portal with proxies at 10.0.0.0/8."""
    app = create_app(config.model_copy(update={"trusted_proxies": networks(["10.0.0.0/8"])}))
    app.testing = True
    yield app
    with app.app_context():
        db.engine.dispose()


def asked(app: Flask, key: str, peer: str, **headers: str) -> int:
    """Return the status of a list that is requested with a key."""
    answer = app.test_client().get(
        f"{PREFIX}/applications",
        headers={"Authorization": f"Bearer {key}", **headers},
        environ_base={"REMOTE_ADDR": peer},
    )
    return answer.status_code


def test_a_key_for_one_address_is_refused_whatever_address_a_stranger_writes(
    app: Flask, behind_a_proxy: Flask, ada: Api
) -> None:
    key = ada.create("api-keys", allowed_ips=["10.9.9.9"], scopes=["applications:read"])["key"]
    spoofed = {"X-Forwarded-For": "10.9.9.9", "X-Real-IP": "10.9.9.9"}
    assert asked(app, key, CLIENT, **spoofed) == 403
    assert asked(behind_a_proxy, key, CLIENT, **spoofed) == 403
    assert asked(behind_a_proxy, key, "10.0.0.1", **{"X-Forwarded-For": f"10.9.9.9, {CLIENT}"}) == (
        403
    )


def test_a_key_for_one_address_works_from_there_behind_a_proxy(
    behind_a_proxy: Flask, ada: Api
) -> None:
    key = ada.create("api-keys", allowed_ips=[CLIENT], scopes=["applications:read"])["key"]
    assert asked(behind_a_proxy, key, "10.0.0.1", **{"X-Forwarded-For": CLIENT}) == 200
    assert asked(behind_a_proxy, key, "10.0.0.1") == 403


def test_a_strangers_words_on_scheme_and_host_do_not_count(behind_a_proxy: Flask) -> None:
    @behind_a_proxy.get("/address")
    @web.public
    def address() -> str:
        return request.host_url

    def seen(peer: str, **headers: str) -> str | None:
        answer = behind_a_proxy.test_client().get(
            "/address", headers=headers, environ_base={"REMOTE_ADDR": peer}
        )
        return answer.text if answer.status_code == 200 else None

    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "localhost:8443"}
    assert seen("10.0.0.1", **said) == "https://localhost:8443/"
    assert seen(CLIENT, **said) == "http://localhost/"
    # A host that a proxy reports is checked like any other.
    assert seen("10.0.0.1", **{"X-Forwarded-Host": "evil.example"}) is None


def test_the_history_knows_the_client_behind_a_proxy(behind_a_proxy: Flask, ada: Api) -> None:
    caller = Api(behind_a_proxy.test_client(), ada.token)
    record = caller.post(
        "/applications",
        {"display_name": "CRM 360"},
        headers={"X-Forwarded-For": f"10.9.9.9, {CLIENT}:999, 10.0.0.3"},
        environ_base={"REMOTE_ADDR": "10.0.0.1"},
    ).json
    entry = (ada.get(f"/applications/{record['id']}/history").json or {})["items"][0]
    assert entry["ip"] == CLIENT
