"""Two linters of OpenAPI documents, with all of their recommended rules, find nothing."""

import os
import subprocess
from pathlib import Path

import pytest
from portal_devtools import document

from tests.machine import NODE
from tests.npm_packages import installed

SOURCE = Path(__file__).parent / "linters"


@pytest.fixture(scope="module")
def place() -> Path:
    return installed(SOURCE, "spectral.yaml")


def lint(place: Path, program: str, *arguments: str) -> str:
    """Return all that a linter prints about the committed document. Fail if it finds anything."""
    command = [NODE, place / "node_modules" / program, "lint", *arguments, document.FILE]
    environment = {**os.environ, "REDOCLY_TELEMETRY": "off", "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout[:3000] + done.stderr[:1000]
    return done.stdout + done.stderr


def test_spectral_finds_nothing_of_any_severity(place: Path) -> None:
    program = "@stoplight/spectral-cli/dist/index.js"
    options = ("--ruleset", "spectral.yaml", "--fail-severity", "hint", "--display-only-failures")
    assert "No results" in lint(place, program, *options)


def test_redocly_finds_nothing_to_recommend(place: Path) -> None:
    said = lint(place, "@redocly/cli/bin/cli.js", "--extends", "recommended")
    assert "is valid" in said
    assert "warning" not in said
