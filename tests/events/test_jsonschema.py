"""The JSON Schema implementation passes the standard's own test suite, which is vendored."""

import json
from typing import Any

import pytest

from portal.events.jsonschema import Work, compiled, misfits
from tests import ROOT

SUITE = ROOT / "tests/vendor/json-schema-2020-12.json"
CASES: dict[str, Any] = json.loads(SUITE.read_text())["cases"]


@pytest.mark.parametrize("keyword", CASES)
def test_a_keyword_means_what_the_standard_says(keyword: str) -> None:
    judged = 0
    for group in CASES[keyword]:
        schema = (
            {"allOf": [group["schema"]]} if group["schema"] in (True, False) else group["schema"]
        )
        made = compiled("a tenant", schema, Work())
        if made.root is None:
            assert leads_out_of_itself(schema), (group["description"], made.unchecked)
            continue
        for case in group["tests"]:
            fits = not misfits(made.root, case["data"], Work())
            assert fits is case["valid"], f"{group['description']}: {case['description']}"
            judged += 1
    assert judged, "nothing of it is supported"


def leads_out_of_itself(schema: Any) -> bool:
    """Tell whether a schema contains or refers to another document or to the metaschema."""
    if isinstance(schema, dict):
        references = (schema.get(name, "#") for name in ("$ref", "$dynamicRef"))
        return (
            "$id" in schema
            or not all(str(one).startswith("#") for one in references)
            or any(leads_out_of_itself(one) for one in schema.values())
        )
    return isinstance(schema, list) and any(leads_out_of_itself(one) for one in schema)
