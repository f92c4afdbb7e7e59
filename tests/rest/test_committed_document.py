"""The document in docs/ is the one that the code publishes, and no change of it breaks programs."""

import json

from portal_devtools import document
from portal_devtools.openapi_changes import breaking_changes


def test_the_committed_document_is_the_published_one() -> None:
    assert document.FILE.read_text() == document.written(document.built()), "run: make document"


def test_no_change_since_the_committed_document_breaks_programs() -> None:
    assert breaking_changes(document.committed(), document.built()) == []


def test_the_document_is_the_same_every_time_it_is_built() -> None:
    assert json.dumps(document.built()) == json.dumps(document.built())
