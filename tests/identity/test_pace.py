"""The limits of sign-ins, for one address and for one account, over all processes."""

import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.core.config import Config
from portal.identity.sign_in_limits import ACCOUNT, ADDRESS, Allowance
from tests.cast import ADA, ED, Provider
from tests.databases import Database
from tests.identity.conftest import Visitor
from tests.identity.test_pages import back, to_provider

HERE, THERE = "203.0.113.7", "198.51.100.9"


@pytest.fixture
def visitor(token_provider: Provider) -> Visitor:
    return Visitor(token_provider.issuer)


def begin(client: FlaskClient, address: str) -> TestResponse:
    return client.get("/auth/login", environ_base={"REMOTE_ADDR": address})


def sign_in(client: FlaskClient, visitor: Visitor, email: str, address: str) -> TestResponse:
    """Sign in as in a new browser at an address."""
    client._cookies.clear()
    visitor.http.cookies.clear()
    callback = back(to_provider(begin(client, address), visitor), visitor, email)
    return client.get(callback, environ_base={"REMOTE_ADDR": address})


@pytest.fixture
def owes(database: Database) -> Callable[[float], None]:
    """Return `owes(30)`, which uses up all allowances, and 30 seconds more.

    So no test has to be quick, although the allowance is refilled while it runs.
    """

    def use_up(seconds: float, of: Allowance = ADDRESS) -> None:
        full = of.every * of.most + timedelta(seconds=seconds)
        database.sql("UPDATE sign_in_pace SET rested_at = now() + %s", full)

    return use_up


def test_an_address_that_begins_too_often_must_wait_in_every_process(
    client: FlaskClient, another_app: Callable[..., Flask], owes: Callable[..., None]
) -> None:
    assert begin(client, HERE).status_code == 303
    owes(3600)
    for one in (client, another_app().test_client()):
        refused = begin(one, HERE)
        assert refused.status_code == 429
        assert 3500 < int(refused.headers["Retry-After"]) <= 3601
        assert "from your network" in refused.text
        assert "Try again in" in refused.text
    assert begin(client, THERE).status_code == 303


def test_a_new_secret_key_gives_nobody_a_second_allowance(
    client: FlaskClient,
    config: Config,
    another_app: Callable[..., Flask],
    owes: Callable[..., None],
) -> None:
    begin(client, HERE)
    owes(3600)
    keys = ",".join([secrets.token_hex(32), *config.secret_key.texts])
    assert begin(another_app(PORTAL_SECRET_KEY=keys).test_client(), HERE).status_code == 429


def test_its_callbacks_wait_as_well(
    client: FlaskClient, tenants: tuple[str, str], owes: Callable[..., None]
) -> None:
    begin(client, HERE)
    owes(3600)
    answer = client.get("/auth/callback?code=x", environ_base={"REMOTE_ADDR": HERE})
    assert answer.status_code == 429


def test_the_allowance_comes_back(
    client: FlaskClient, tenants: tuple[str, str], owes: Callable[..., None]
) -> None:
    begin(client, HERE)
    owes(3600)
    assert begin(client, HERE).status_code == 429
    owes(-ADDRESS.every.total_seconds())
    assert begin(client, HERE).status_code == 303


def test_all_addresses_of_an_ipv6_network_are_one(
    client: FlaskClient, tenants: tuple[str, str], owes: Callable[..., None]
) -> None:
    begin(client, "2001:db8:1:2::1")
    owes(3600)
    assert begin(client, "2001:db8:1:2:ffff::9").status_code == 429
    assert begin(client, "2001:db8:1:3::1").status_code == 303


def test_an_account_that_signs_in_too_often_must_wait_and_others_need_not(
    client: FlaskClient, visitor: Visitor, tenants: tuple[str, str], owes: Callable[..., None]
) -> None:
    assert sign_in(client, visitor, ADA, HERE).status_code == 303
    owes(3600, ACCOUNT)
    refused = sign_in(client, visitor, ADA, THERE)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 3500
    assert "This account was signed in too often" in refused.text
    assert sign_in(client, visitor, ED, THERE).status_code == 303
    owes(-60, ACCOUNT)
    assert sign_in(client, visitor, ADA, "192.0.2.4").status_code == 303


def test_what_is_kept_names_nobody(
    client: FlaskClient, tenants: tuple[str, str], database: Database
) -> None:
    begin(client, HERE)
    assert database.sql("SELECT count(*) FROM sign_in_pace") == 1
    digest = database.sql("SELECT digest FROM sign_in_pace")
    assert len(digest) == 64
    assert HERE not in digest
