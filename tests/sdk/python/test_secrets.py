"""A secret shows itself only when it is asked to."""

import copy
import json
import logging
import pickle
import pprint
from typing import Any

import pytest
from cpod_integration import Client, Record, Secret

from tests.sdk.python.both import KINDS, TOKEN, call
from tests.sdk.python.failing import failing, reply

TEXT = "sk-acme-a-key-that-nobody-may-see"


@pytest.mark.parametrize(
    "show",
    [str, repr, "{}".format, "{:>40}".format, "%s".__mod__, lambda it: f"{it!r}", pprint.pformat,
     lambda it: repr({"key": it}), lambda it: repr(Record({"key": it}))],
)  # fmt: skip
def test_it_is_hidden(show):
    assert TEXT not in show(Secret(TEXT))
    assert "****" in show(Secret(TEXT))


def test_it_is_hidden_in_a_log(caplog):
    logging.getLogger("tests").warning("The key is %s, %r", Secret(TEXT), {"key": Secret(TEXT)})
    assert TEXT not in caplog.text


@pytest.mark.parametrize("store", [pickle.dumps, json.dumps, copy.deepcopy])
def test_it_cannot_be_stored_by_accident(store):
    with pytest.raises(TypeError):
        store(Secret(TEXT))


def test_it_reveals_itself():
    assert Secret(TEXT).reveal() == TEXT
    assert Secret(TEXT) == Secret(TEXT) != Secret("another")
    assert Secret(TEXT) != TEXT
    assert len({Secret(TEXT), Secret(TEXT)}) == 1
    assert Secret(TEXT)
    assert not Secret("")


def test_a_client_does_not_show_its_token():
    client = Client(base_url="https://portal.example", token=TOKEN)
    assert TOKEN not in repr(client)
    assert "portal.example" in repr(client)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_shown_once_is_a_secret(kind):
    def answers(document: dict[str, Any]) -> Any:
        def behave(server: Any, connection: Any, received: Any) -> bool:
            server.read(connection, received)
            reply(connection, 201, document)
            return True

        return behave

    key = {"id": "key_1", "key": TEXT, "key_hash": "abc", "name": "Export"}
    lease = {"id": "lse_1", "access_token": None, "credentials": {"password": TEXT, "n": None}}
    with failing(answers(key), answers(lease)) as server:
        made = call(kind, server.address, lambda api: api.api_keys.create())
        lent = call(kind, server.address, lambda api: api.connectors.take_lease("cnn_1"))
    assert TEXT not in repr(made) + repr(lent)
    assert made["key"].reveal() == lent["credentials"]["password"].reveal() == TEXT
    assert made["name"] == "Export"
    assert lent["access_token"] is None
