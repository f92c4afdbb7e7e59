"""Test what needs no store: references, hiding, limits, choice of the store."""

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from portal import secretstore
from portal.core.config import Config, ConfigError
from portal.core.errors import Invalid
from portal.secretstore import (
    MAX_BYTES,
    MAX_FIELDS,
    Secret,
    SecretConflict,
    SecretDamaged,
    SecretDenied,
    SecretNotFound,
    SecretRef,
    SecretTooLarge,
    StoreSealed,
    StoreUnavailable,
    check,
)
from portal.secretstore.embedded_store import EmbeddedStore
from portal.secretstore.vault import VaultStore

TENANT = "tnt_01K0000000000000000000ACME"


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        (
            SecretRef(TENANT, "connectors", "cnn_01KABC", "credentials"),
            "secret/data/tnt-01K0000000000000000000ACME/connectors/cnn-01KABC/credentials",
        ),
        (
            SecretRef(TENANT, "webhooks", "whk_01KABC", "signing"),
            "secret/data/tnt-01K0000000000000000000ACME/webhooks/whk-01KABC/signing",
        ),
    ],
)
def test_the_path_is_the_specifications(ref: SecretRef, path: str) -> None:
    assert ref.path("secret") == path


@pytest.mark.parametrize(
    "part",
    ["", "..", ".", "a/b", "a b", "%2e%2e", "a|b", "ü", "a\n", "a\x00", "-a", "_a", "x" * 65],
)
@pytest.mark.parametrize("place", range(4))
def test_a_reference_cannot_leave_its_place(part: str, place: int) -> None:
    parts = [TENANT, "connectors", "cnn_01KABC", "credentials"]
    parts[place] = part
    with pytest.raises(ValueError, match="SecretRef"):
        SecretRef(*parts)


def test_no_two_references_share_a_path() -> None:
    # The path has dashes for underscores, so an id may not contain dashes itself.
    with pytest.raises(ValueError, match="owner_id"):
        SecretRef(TENANT, "connectors", "cnn-01KABC", "credentials")


def test_a_secret_hides_itself() -> None:
    secret = Secret({"password": "correct horse"}, 3, datetime.now(UTC))
    assert secret["password"] == "correct horse"
    assert dict(secret) == {"password": "correct horse"}
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}", f"{secret!a}"):
        assert "horse" not in shown
    for leak in (pickle.dumps, copy.deepcopy, json.dumps, vars):
        with pytest.raises(TypeError):
            leak(secret)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({}, Invalid),
        ({"": "x"}, Invalid),
        ({"a/b": "x"}, Invalid),
        ({"a" * 101: "x"}, Invalid),
        ({"note": "half a pair \ud83d"}, Invalid),
        ({f"f{n}": "x" for n in range(MAX_FIELDS + 1)}, SecretTooLarge),
        ({"note": "x" * MAX_BYTES}, SecretTooLarge),
        ({"note": "€" * (MAX_BYTES // 3)}, SecretTooLarge),
    ],
)
def test_what_is_out_of_bounds_is_refused(data: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        check(data)


def test_the_bounds_themselves_are_allowed() -> None:
    check({f"f{n}": "x" for n in range(MAX_FIELDS)})
    check({"note": "x" * (MAX_BYTES - len("note"))})


def test_each_error_says_what_the_edge_needs() -> None:
    known = {
        SecretNotFound(): 404,
        SecretConflict(5): 409,
        SecretTooLarge(): 413,
        SecretDamaged(): 500,
        SecretDenied(): 502,
        StoreSealed(): 503,
        StoreUnavailable(): 503,
    }
    assert {error: error.status for error in known} == known
    assert len({error.code for error in known}) == len(known)
    assert all(error.detail.endswith(".") or error.detail == error.title for error in known)
    assert StoreSealed().headers["Retry-After"]
    assert StoreUnavailable().headers["Retry-After"]
    assert "version 5" in SecretConflict(5).detail


def test_the_embedded_store_is_the_default(make_config: Callable[..., Config]) -> None:
    assert isinstance(secretstore.configure(make_config()), EmbeddedStore)
    assert isinstance(secretstore.store(), EmbeddedStore)


def test_vault_is_chosen_by_configuration(make_config: Callable[..., Config]) -> None:
    config = make_config(
        PORTAL_SECRET_STORE="vault",
        PORTAL_VAULT_ADDR="http://127.0.0.1:1",
        PORTAL_VAULT_TOKEN="a-token",
    )
    assert isinstance(secretstore.build(config), VaultStore)


def test_a_weak_store_key_stops_the_start(make_config: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match="PORTAL_SECRET_STORE_KEY") as caught:
        make_config(PORTAL_SECRET_STORE_KEY="short-one")
    assert "short-one" not in str(caught.value)
