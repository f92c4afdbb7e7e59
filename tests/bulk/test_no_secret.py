"""Search for secrets in every byte that exports and bulk jobs send or store."""

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg

from portal.bulk.kinds import KINDS
from portal.core.config import libpq_url
from tests.bulk.test_jobs import confirm, preview, work
from tests.cast import ADA, Api, Pages
from tests.databases import Database

__all__ = ["work"]
TABLES = ("bulk_job", "bulk_row", "audit_entry", "idempotency_key", "event")
CANARY = "canary-7Qm2Zx9Lk4Vt8Rb3"
VALUES: dict[str, dict[str, Any]] = {
    "api-keys": {"add_tags": ["a"], "rpm_limit": 5},
    "webhooks": {"add_tags": ["a"], "rate_limit": 5},
    "connectors": {"add_tags": ["a"]},
    "applications": {"status": "deprecated"},
}
# The last one of each kind ends its records.
VERBS = {
    "webhooks": ("pause", "resume", "edit", "disable", "enable", "delete"),
    "connectors": ("check", "edit", "disable", "enable", "delete"),
    "applications": ("edit",),
    "api-keys": ("edit", "block", "unblock", "revoke"),
}
PIECE = 13  # characters; twelve of a key are shown, so that people know it again
NAME = "A key with this name"


def test_no_secret_is_in_an_export_or_a_job_or_its_tables(
    ada: Api, browse: Callable[..., Pages], database: Database, work: Callable[[], None]
) -> None:
    secrets = made(ada)
    page = browse(ADA)
    sent = {f"export of {kind}": one for kind, one in exported(ada)}
    assert {name: set(verbs) for name, verbs in VERBS.items()} == {
        name: set(kind.by_verb) for name, kind in KINDS.items()
    }, f"say in VERBS of {__file__} in which order each kind's verbs can be done"
    for resource, verbs in VERBS.items():
        for verb in verbs:
            values = {"arguments": VALUES[resource]} if verb == "edit" else {}
            job = preview(ada, resource, verb, filter={}, **values)
            sent[f"preview of {verb} {resource}"] = page.get(f"/bulk-jobs/{job['id']}").data
            confirm(ada, job)
            work()
            for path in (f"/bulk-jobs/{job['id']}", f"/bulk-jobs/{job['id']}/rows?limit=200"):
                sent[f"{verb} {resource} {path}"] = ada.get(path).data
            sent[f"page of {verb} {resource}"] = page.get(f"/bulk-jobs/{job['id']}").data
    sent["list of jobs"] = ada.get("/bulk-jobs?limit=200").data
    sent["page of jobs"] = page.get("/bulk-jobs").data
    sent |= dict(stored(database))
    assert {"export of api-keys as csv", "page of edit api-keys", "bulk_row"} < found(sent, NAME)
    assert {name: found(sent, secret) for name, secret in secrets.items()} == {
        name: set() for name in secrets
    }


def test_a_key_that_is_sent_by_mistake_is_refused_and_not_stored(
    ada: Api, database: Database
) -> None:
    key = ada.create("api-keys")["key"]
    block = {"resource": "api-keys", "verb": "block"}
    for path, body in (
        ("/bulk-jobs", {**block, "filter": {"q": key}}),
        ("/bulk-jobs", {**block, "ids": [key]}),
        ("/bulk-jobs", {**block, "filter": {}, "arguments": {"reason": f"It is {key}"}}),
        ("/api-keys/exports", {"filter": {"q": key}}),
    ):
        answer = ada.post(path, body)
        assert answer.status_code == 422, (path, answer.text)
        assert key not in answer.text
    assert not any(key.encode() in content for _, content in stored(database))


def made(ada: Api) -> dict[str, str]:
    """Make records of each kind with secrets, and return these by name."""
    outbound = ada.create("webhooks", url="https://hooks.example.com/x", event_types=["*"])
    inbound = ada.create("webhooks", direction="inbound")
    ada.create("connectors", provider="splunk", credentials={"token": CANARY})
    ada.create("applications")
    return {
        "key": ada.create("api-keys", name=NAME)["key"],
        "secret of an outbound webhook": outbound["signing_secret"],
        "secret of an inbound webhook": inbound["signing_secret"],
        "credentials": CANARY,
    }


def exported(ada: Api) -> Iterator[tuple[str, bytes]]:
    for resource in KINDS:
        for kind in ("csv", "jsonl"):
            answer = ada.post(f"/{resource}/exports", {"format": kind}, buffered=True)
            assert answer.status_code == 200
            assert len(answer.data.splitlines()) > (kind == "csv"), resource
            yield f"{resource} as {kind}", answer.data


def stored(database: Database) -> Iterator[tuple[str, bytes]]:
    """Yield the rows of each table that bulk jobs and exports write to, as text."""
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        for table in TABLES:
            query = f"SELECT coalesce(string_agg(to_jsonb(one)::text, ' '), '') FROM {table} one"
            [(text,)] = connection.execute(query)  # type: ignore[arg-type]
            yield table, text.encode()


def found(sent: Mapping[str, bytes], secret: str) -> set[str]:
    """Return where a piece of a secret is."""
    looked_for = list(pieces(secret))
    return {
        where for where, content in sent.items() if any(piece in content for piece in looked_for)
    }


def pieces(secret: str) -> Iterator[bytes]:
    """Yield all pieces of a secret, as it is and in Base64."""
    for text in (secret, base64.b64encode(secret.encode()).decode()):
        for begin in range(len(text) - PIECE + 1):
            yield text[begin : begin + PIECE].encode()
