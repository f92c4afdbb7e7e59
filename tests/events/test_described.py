"""Test that each event of the portal's own is described, whatever verb publishes it."""

import re

from flask import Flask

from portal.events.catalogue.portal_types import PORTAL_TYPES
from portal.features import RESOURCES
from tests import ROOT

ACTION = re.compile(r"\baction ?=(?!=) ?(.+)")
WORDS = re.compile(r'(?<!why=)"([a-z_]+)"')
ELSEWHERE = {"delivery": "webhook"}  # rooms that change records of another one


def test_every_action_on_a_record_has_a_described_event(app: Flask) -> None:
    words = {
        resource.model.__module__.split(".")[1]: resource.model.published_as
        for resource in RESOURCES
        if resource.model.published_as
    } | ELSEWHERE
    found = {
        f"{words[room]}.{action}"
        for room in words
        for path in (ROOT / "portal" / room).rglob("*.py")
        for line in ACTION.findall(path.read_text())
        for action in WORDS.findall(line)
    }
    assert {"connector.disabled", "webhook.paused", "api_key.rotated"} <= found
    assert found <= PORTAL_TYPES.keys()


def test_every_verb_of_a_resource_has_a_described_event(app: Flask) -> None:
    for resource in RESOURCES:
        if word := resource.model.published_as:
            assert {f"{word}.{verb}" for verb in resource.verbs} <= PORTAL_TYPES.keys()
