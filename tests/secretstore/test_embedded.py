"""Test the embedded store: transactions, keys, tenants, and what a stolen dump contains."""

import base64
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from portal.core.config import libpq_url
from portal.database.base import new_id
from portal.database.session import session
from portal.secretstore import (
    SecretConflict,
    SecretDamaged,
    SecretNotFound,
    SecretRef,
    StoreSealed,
    StoreState,
)
from portal.secretstore.crypto import KeyRing, Place, StoreKey, new_data_key, seal, unseal
from portal.secretstore.datakeys import DataKeys
from portal.secretstore.embedded_store import EmbeddedStore
from tests.databases import Database
from tests.secretstore.conftest import KEY, Work

OTHER_KEY = "another-store-key-of-the-tests-98765"
CANARY = "canary-9f8e7d6c5b4a-canary"
DATA = {"password": CANARY}
WHY = "embedded test"


def as_thief(database: Database, statement: str) -> int:
    """Change the tables as superuser, without the portal. Return the number of changed rows."""
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as connection:
        return connection.execute(statement).rowcount


def dump(database: Database) -> str:
    """Return every row of every table of the database as text, as in a dump."""
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        tables = connection.execute(
            "SELECT quote_ident(relname) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            " AND relname <> 'key_verifier'"  # running processes write it every second
        ).fetchall()
        rows = [connection.execute(f"SELECT t::text FROM {table} t") for (table,) in tables]
        return "\n".join(line for found in rows for (line,) in found)


def sibling(ref: SecretRef, slot: str = "oauth") -> SecretRef:
    return SecretRef(ref.tenant_id, ref.kind, ref.owner_id, slot)


def store_of(*keys: str) -> EmbeddedStore:
    return EmbeddedStore(KeyRing.derive(keys))


# --- transactions -----------------------------------------------------------------------------


def test_a_secret_is_undone_with_its_transaction(
    embedded: EmbeddedStore, work: Work, ref: SecretRef
) -> None:
    def fail() -> None:
        with work(ref.tenant_id):
            embedded.put(ref, DATA, cas=0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with work(ref.tenant_id), pytest.raises(SecretNotFound):
        embedded.head(ref)


def test_a_refused_write_that_is_committed_leaves_nothing(
    embedded: EmbeddedStore, work: Work, ref: SecretRef
) -> None:
    with work(ref.tenant_id):
        embedded.put(ref, DATA, cas=0)
        for refused in (
            lambda: embedded.put(ref, {"n": "1"}, cas=0),
            lambda: embedded.put(ref, {"n": "1"}, cas=7),
            lambda: embedded.patch(ref, {"n": "1"}, cas=7),
        ):
            with pytest.raises(SecretConflict):
                refused()
    with work(ref.tenant_id):
        assert embedded.head(ref).current_version == 1
        assert embedded.get(ref, reason=WHY) == DATA


def test_first_secrets_at_once_share_one_data_key(
    embedded: EmbeddedStore, work: Work, ref: SecretRef, database: Database
) -> None:
    slots = [f"slot-{n}" for n in range(4)]
    start = Barrier(len(slots))

    def write(slot: str) -> None:
        with work(ref.tenant_id):
            start.wait(10)
            embedded.put(sibling(ref, slot), {"slot": slot}, cas=0)

    with ThreadPoolExecutor(len(slots)) as pool:
        list(pool.map(write, slots))
    with work(ref.tenant_id):
        assert [embedded.get(sibling(ref, s), reason=WHY)["slot"] for s in slots] == slots
        assert session.scalar(text("SELECT count(*) FROM data_key")) == 1


# --- the wall between tenants -----------------------------------------------------------------


def test_another_tenant_sees_no_row(embedded: EmbeddedStore, work: Work, ref: SecretRef) -> None:
    with work(ref.tenant_id):
        embedded.put(ref, DATA, cas=0)
    with work(new_id("tnt")):
        for verb in (embedded.head, embedded.undelete, lambda r: embedded.get(r, reason=WHY)):
            with pytest.raises(SecretNotFound):
                verb(ref)
        embedded.delete(ref)
        embedded.purge(ref)
        for table in ("secret", "secret_version", "data_key"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    with work(ref.tenant_id):
        assert embedded.get(ref, reason=WHY) == DATA


# --- keys -------------------------------------------------------------------------------------


def test_a_wrong_key_is_a_locked_store(
    embedded: EmbeddedStore, work: Work, ref: SecretRef, database: Database
) -> None:
    with work(ref.tenant_id):
        embedded.put(ref, DATA, cas=0)
    before = dump(database)
    wrong = store_of(OTHER_KEY)
    with work(ref.tenant_id):
        for verb in (
            lambda: wrong.get(ref, reason=WHY),
            lambda: wrong.put(ref, {"n": "1"}, cas=1),
            lambda: wrong.put(sibling(ref), {"n": "1"}, cas=0),
            lambda: wrong.patch(ref, {"n": "1"}, cas=1),
        ):
            with pytest.raises(StoreSealed):
                verb()
        assert wrong.head(ref).is_live
        assert wrong.health().state is StoreState.SEALED
        assert "PORTAL_SECRET_STORE_KEY" in wrong.health().sentence
    assert dump(database) == before


def test_a_wrong_key_begins_no_second_set_of_secrets(
    embedded: EmbeddedStore, work: Work, ref: SecretRef
) -> None:
    with work(ref.tenant_id):
        embedded.put(ref, DATA, cas=0)
    newcomer = SecretRef(new_id("tnt"), ref.kind, ref.owner_id, ref.slot)
    with work(newcomer.tenant_id), pytest.raises(StoreSealed):
        store_of(OTHER_KEY).put(newcomer, {"n": "1"}, cas=0)


def test_one_key_follows_another(embedded: EmbeddedStore, work: Work, ref: SecretRef) -> None:
    with work(ref.tenant_id):
        embedded.put(ref, DATA, cas=0)
    changing = store_of(OTHER_KEY, KEY)
    with work(ref.tenant_id):
        assert changing.health().is_ok
        assert changing.get(ref, reason=WHY) == DATA
        changing.put(sibling(ref), {"n": "1"}, cas=0)
    with work(ref.tenant_id):
        assert store_of(OTHER_KEY).get(ref, reason=WHY) == DATA
        with pytest.raises(StoreSealed):
            embedded.get(ref, reason=WHY)


def test_a_key_may_go_when_no_tenant_needs_it(
    embedded: EmbeddedStore, work: Work, frame: Flask
) -> None:
    refs = [SecretRef(new_id("tnt"), "connectors", "cnn_1", "credentials") for _ in range(3)]
    for ref in refs:
        with work(ref.tenant_id):
            embedded.put(ref, DATA, cas=0)
    changing, changed = store_of(OTHER_KEY, KEY), store_of(OTHER_KEY)
    with work(refs[0].tenant_id):
        changing.put(refs[0], {"n": "1"}, cas=1)
    with work(refs[0].tenant_id):
        # Two tenants still need the old key: this is reported before one of them is affected.
        assert changed.health().state is StoreState.SEALED
    data_keys, tenants = DataKeys(KeyRing.derive([OTHER_KEY, KEY])), [ref.tenant_id for ref in refs]
    with frame.app_context():
        assert data_keys.finish_change(tenants) == 2
        assert data_keys.finish_change(tenants) == 0
    for ref in refs:
        with work(ref.tenant_id):
            assert changed.health().is_ok
            assert embedded.health().state is StoreState.SEALED
            assert changed.get(ref, version=1, reason=WHY) == DATA


def test_a_key_change_that_lacks_the_old_key_changes_nothing(
    embedded: EmbeddedStore, work: Work, ref: SecretRef, frame: Flask
) -> None:
    with work(ref.tenant_id):
        embedded.put(ref, DATA, cas=0)
    with frame.app_context(), pytest.raises(StoreSealed):
        DataKeys(KeyRing.derive([OTHER_KEY])).finish_change([ref.tenant_id])
    with work(ref.tenant_id):
        assert embedded.health().is_ok
        assert embedded.get(ref, reason=WHY) == DATA


def test_a_key_can_come_back(embedded: EmbeddedStore, work: Work, ref: SecretRef) -> None:
    for n, store in enumerate((embedded, store_of(OTHER_KEY, KEY), store_of(KEY, OTHER_KEY))):
        with work(ref.tenant_id):
            store.put(ref, {"n": str(n)}, cas=n)
    with work(ref.tenant_id):
        assert embedded.get(ref, version=1, reason=WHY) == {"n": "0"}
        assert embedded.get(ref, reason=WHY) == {"n": "2"}


def test_there_is_no_store_without_a_key() -> None:
    with pytest.raises(ValueError, match="needs a key"):
        store_of("", "")


def test_a_key_does_not_show_itself() -> None:
    key = StoreKey.derive(KEY)
    assert key == StoreKey.derive(KEY)
    assert key.id != StoreKey.derive(OTHER_KEY).id
    assert KEY not in repr(key)
    assert key.material.hex() not in repr(key)
    assert repr(key.material) not in repr(key)


# --- tampering --------------------------------------------------------------------------------


def test_a_ciphertext_opens_in_its_place_only() -> None:
    here = Place(SecretRef("tnt_1", "connectors", "cnn_1", "credentials"), 1, "dky_1")
    elsewhere = [
        Place(SecretRef("tnt_2", "connectors", "cnn_1", "credentials"), 1, "dky_1"),
        Place(SecretRef("tnt_1", "webhooks", "cnn_1", "credentials"), 1, "dky_1"),
        Place(SecretRef("tnt_1", "connectors", "cnn_2", "credentials"), 1, "dky_1"),
        Place(SecretRef("tnt_1", "connectors", "cnn_1", "oauth"), 1, "dky_1"),
        Place(SecretRef("tnt_1", "connectors", "cnn_1", "credentials"), 2, "dky_1"),
        Place(SecretRef("tnt_1", "connectors", "cnn_1", "credentials"), 1, "dky_2"),
    ]
    key = new_data_key()
    nonce, ciphertext = seal(DATA, key, here)
    assert unseal(nonce, ciphertext, key, here) == DATA
    for place in elsewhere:
        with pytest.raises(SecretDamaged):
            unseal(nonce, ciphertext, key, place)
    for at in range(len(ciphertext)):
        changed = bytearray(ciphertext)
        changed[at] ^= 1
        with pytest.raises(SecretDamaged):
            unseal(nonce, bytes(changed), key, here)
    with pytest.raises(SecretDamaged):
        unseal(nonce, b"", key, here)


def test_two_seals_of_one_secret_differ() -> None:
    place = Place(SecretRef("tnt_1", "connectors", "cnn_1", "credentials"), 1, "dky_1")
    key = new_data_key()
    assert seal(DATA, key, place) != seal(DATA, key, place)


def test_an_old_version_cannot_be_pasted_over_a_new_one(
    embedded: EmbeddedStore, work: Work, ref: SecretRef, database: Database
) -> None:
    with work(ref.tenant_id):
        embedded.put(ref, DATA, cas=0)
        embedded.put(ref, {"password": "new"}, cas=1)
        embedded.put(sibling(ref), {"n": "1"}, cas=0)
    changed = as_thief(
        database,
        "UPDATE secret_version new SET nonce = old.nonce, ciphertext = old.ciphertext"
        " FROM secret_version old WHERE new.version = 2 AND old.version = 1"
        " AND old.slot = new.slot",
    )
    assert changed == 1
    with work(ref.tenant_id):
        with pytest.raises(SecretDamaged) as caught:
            embedded.get(ref, reason=WHY)
        assert CANARY not in str(caught.value)
        # One bad row affects neither its list nor its neighbours.
        assert embedded.head(ref).current_version == 2
        assert embedded.get(ref, version=1, reason=WHY) == DATA
        assert embedded.get(sibling(ref), reason=WHY) == {"n": "1"}
        assert embedded.health().is_ok


@pytest.mark.parametrize("key_too", [False, True], ids=["secret", "secret and data key"])
def test_a_secret_cannot_be_moved_to_another_tenant(
    embedded: EmbeddedStore, work: Work, ref: SecretRef, database: Database, key_too: bool
) -> None:
    thief = SecretRef(new_id("tnt"), ref.kind, ref.owner_id, ref.slot)
    with work(ref.tenant_id):
        embedded.put(ref, DATA, cas=0)
    with work(thief.tenant_id):
        embedded.put(thief, {"n": "1"}, cas=0)
    assert as_thief(
        database,
        "UPDATE secret_version mine SET nonce = theirs.nonce, ciphertext = theirs.ciphertext"
        f" FROM secret_version theirs WHERE mine.tenant_id = '{thief.tenant_id}'"
        f" AND theirs.tenant_id = '{ref.tenant_id}'",
    )
    if key_too:
        assert as_thief(
            database,
            "UPDATE data_key mine SET wrapped = theirs.wrapped FROM data_key theirs"
            f" WHERE mine.tenant_id = '{thief.tenant_id}'"
            f" AND theirs.tenant_id = '{ref.tenant_id}'",
        )
    with work(thief.tenant_id), pytest.raises(SecretDamaged):
        embedded.get(thief, reason=WHY)


def test_a_damaged_data_key_is_said_and_not_replaced(
    embedded: EmbeddedStore, work: Work, ref: SecretRef, database: Database
) -> None:
    with work(ref.tenant_id):
        embedded.put(ref, DATA, cas=0)
    as_thief(database, "UPDATE data_key SET wrapped = decode(repeat('00', 40), 'hex')")
    with work(ref.tenant_id):
        with pytest.raises(SecretDamaged):
            embedded.get(ref, reason=WHY)
        with pytest.raises(SecretDamaged):
            embedded.put(ref, {"n": "1"}, cas=1)


# --- what a dump shows ------------------------------------------------------------------------


def test_a_dump_holds_no_secret_and_no_key(
    embedded: EmbeddedStore, work: Work, ref: SecretRef, database: Database
) -> None:
    with work(ref.tenant_id):
        embedded.put(ref, DATA, cas=0)
        embedded.patch(ref, {"token": CANARY}, cas=1)
        embedded.delete(ref)
    shown = dump(database)
    assert ref.owner_id in shown  # the scan does see the rows
    hidden = [CANARY, KEY, StoreKey.derive(KEY).material.hex()]
    for spelling in (CANARY.encode(), KEY.encode()):
        hidden += [spelling.hex(), base64.b64encode(spelling).decode().rstrip("=")]
    assert not [word for word in hidden if word in shown]


def test_purging_leaves_no_ciphertext(embedded: EmbeddedStore, work: Work, ref: SecretRef) -> None:
    with work(ref.tenant_id):
        embedded.put(ref, DATA, cas=0)
    with work(ref.tenant_id):
        embedded.purge(ref)
    with work(ref.tenant_id):
        assert session.scalar(text("SELECT count(*) FROM secret_version")) == 0
