"""Tell whether a query is right as it was sent. As text, `false` is a word like any other, and a
parameter whose value is an empty object is not there at all."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jsonschema import Draft202012Validator

OTHER_PLACES = re.compile(r" in (headers?|cookies?|body|path)")
NUMBER = re.compile(r"-?[0-9]{1,18}")
WORDS = {"true": True, "false": False}


def is_right_as_sent(parameters: list[Mapping[str, Any]], complaint: str, url: str) -> bool:
    """Tell whether a complaint is about the query alone, whose text is what the document allows."""
    if OTHER_PLACES.search(complaint):
        return False
    sent = parse_qs(urlsplit(url).query, keep_blank_values=True)
    known = {one["name"]: one for one in parameters if one["in"] == "query"}
    return sent.keys() <= known.keys() and all(
        len(values) == 1 and is_right(known[name]["schema"], values[0])
        for name, values in sent.items()
    )


def is_right(schema: Mapping[str, Any], sent: str) -> bool:
    value: Any = sent
    if schema.get("type") == "array":
        value = sent.split(",")
    elif schema.get("type") == "integer" and NUMBER.fullmatch(sent):
        value = int(sent)
    elif schema.get("type") == "boolean":
        value = WORDS.get(sent, sent)
    return bool(Draft202012Validator(schema).is_valid(value))
