"""Test the explorer through its pages: what it shows, what it sends, what it refuses."""

import re
from collections.abc import Callable
from html import unescape

from flask import Flask

from tests.cast import ADA, VIC, Api, Pages

CREATE = "/explorer/integration.applications.create"


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def test_every_operation_has_a_page(app: Flask, browse: Callable[..., Pages]) -> None:
    person = browse(ADA)
    for operation in app.extensions["portal.operations"]:
        answer = person.get(f"/explorer/{operation.id}")
        assert answer.status_code == 200, operation.id
        assert operation.summary in unescape(answer.text), operation.id


def test_it_creates_a_record_as_the_person(browse: Callable[..., Pages], ada: Api) -> None:
    person = browse(ADA)
    answer = person.post(CREATE, {"body.display_name": "CRM 360", "body.canonical_owner_of": "Deal\r\nLead"})
    assert answer.status_code == 200
    assert "201 Created" in text_of(answer.text)
    (made,) = ada.get("/applications").json["items"]
    assert (made["display_name"], made["canonical_owner_of"]) == ("CRM 360", ["Deal", "Lead"])
    assert (made["created_by"], made["source_type"]) == (person.person_id, "frontend")
