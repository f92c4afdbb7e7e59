"""Test that html-validate finds nothing wrong in the markup of any page."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.cast import ADA, Pages
from tests.machine import NODE
from tests.npm_packages import installed
from tests.web.test_every_page import addresses, records

__all__ = ["records"]

SOURCE = Path(__file__).parent / "markup"
# Rules that are switched off, each with its reason.
OFF = {
    "autocomplete-password": "a browser offers no passwords of people for secrets of other systems",
    "no-implicit-input-type": "an input without a type is a field for text",
    "no-trailing-whitespace": "templates leave it, nobody sees it, and compression removes it",
    "unique-landmark": "axe knows what is shown: the menu repeats the rail, and dialogs are closed",
    "wcag/h32": "the palette's search is sent by Enter, and by each letter",
}
CONFIG = {
    "root": True,
    "extends": ["html-validate:recommended"],
    "rules": {
        **dict.fromkeys(OFF, "off"),
        "doctype-style": ["error", {"style": "lowercase"}],
        # Several boxes make one list.
        "form-dup-name": [
            "error",
            {"shared": ["radio", "checkbox", "button", "reset", "submit"]},
        ],
        # Code that can be scrolled is a region that a keyboard reaches, and a select has no search.
        "prefer-native-element": ["error", {"exclude": ["region", "listbox"]}],
    },
}


def faults(place: Path, folder: Path) -> dict[str, list[str]]:
    """Return what html-validate says about the files of a folder, by file and place in it."""
    program = place / "node_modules/html-validate/bin/html-validate.mjs"
    config = folder.with_suffix(".config.json")
    config.write_text(json.dumps(CONFIG))
    command = [NODE, program, "--config", config, "--formatter", "json", folder]
    told = folder.with_suffix(".json")
    environment = {**os.environ, "NO_COLOR": "1"}
    with told.open("w") as file:  # the program's end would cut off a long text in a pipe
        done = subprocess.run(
            command, cwd=place, env=environment, stdout=file, stderr=subprocess.PIPE, timeout=100
        )
    assert done.returncode in (0, 1), done.stderr[:2000]
    return {
        Path(result["filePath"]).stem: [
            f"{said['line']}:{said['column']} {said['ruleId']}: {said['message']}"
            for said in result["messages"]
        ]
        for result in json.loads(told.read_text())
        if result["messages"]
    }


@pytest.mark.timeout(400)
def test_the_markup_of_every_page_is_valid(
    app: Flask, browse: Callable[..., Pages], records: dict[str, str], tmp_path: Path
) -> None:
    place = installed(SOURCE)
    ada = browse(ADA)
    answers = {endpoint: ada.get(path) for endpoint, path in addresses(app, records).items()}
    answers |= {
        "a refused form": ada.post("/keys/new", {"name": "n" * 300}),
        "a key that is shown once": ada.post("/keys/new", {"name": "Nightly export"}),
        "a page that is not there": ada.get("/nowhere"),
    }
    for name, answer in answers.items():
        if answer.mimetype == "text/html" and answer.status_code // 100 != 3:
            file = tmp_path / f"{name.replace('/', '-').replace('?', ' ')}.html"
            file.write_text(answer.text)
    assert len(list(tmp_path.iterdir())) > 60
    assert faults(place, tmp_path) == {}
