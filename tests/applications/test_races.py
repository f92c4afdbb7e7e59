"""An application, or its slug, that changes while somebody else registers or uses it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from tests.cast import Api
from tests.databases import Database
from tests.delivery.test_engine import until


@pytest.mark.parametrize(
    ("resource", "change", "status"),
    [
        ("api-keys", "status = 'suspended'", 409),
        ("connectors", "status = 'retired'", 409),
        ("webhooks", "status = 'suspended'", 409),
        ("api-keys", "kind = 'library'", 409),
    ],
)
def test_who_comes_second_sees_what_the_first_did(
    app: Flask,
    ada: Api,
    crm: dict[str, Any],
    database: Database,
    resource: str,
    change: str,
    status: int,
) -> None:
    own = {"application_id": crm["id"]}
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(libpq_url(database.superuser_url)) as first,
    ):
        first.execute("SELECT FROM application WHERE id = %s FOR UPDATE", (crm["id"],))
        first.execute(f"UPDATE application SET {change} WHERE id = %s", (crm["id"],))
        second = pool.submit(lambda: Api(app.test_client(), ada.token).post(f"/{resource}", own))
        until(database.waiting)
        first.commit()
        answer = second.result()
    assert answer.status_code == status, answer.text
    assert [error["field"] for error in answer.json["errors"]] == ["application_id"]


@pytest.mark.parametrize("path", ["", "/batch"])
def test_a_name_that_somebody_else_registers_at_the_same_moment_gets_another_slug(
    app: Flask, ada: Api, crm: dict[str, Any], database: Database, path: str
) -> None:
    one = {"display_name": "Order Desk"}
    body = {"items": [one]} if path else one
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(libpq_url(database.superuser_url)) as first,
    ):
        first.execute("UPDATE application SET slug = 'order-desk' WHERE id = %s", (crm["id"],))
        second = pool.submit(
            lambda: Api(app.test_client(), ada.token).post(f"/applications{path}", body)
        )
        until(database.waiting)
        first.commit()
        answer = second.result()
    assert answer.status_code in (200, 201), answer.text
    made = answer.json["results"][0]["item"] if path else answer.json
    assert made["slug"].startswith("order-desk-")
