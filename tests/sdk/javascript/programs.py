"""Run programs that use the JavaScript SDK, in Node.js and in a browser."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

SDK = ROOT / "sdk" / "javascript"
NAME = "@cpod/integration"
HEAD = f"""
import * as sdk from "{NAME}";
const {{ ApiError, Client, ConnectionError, Secret, VerificationError, verify }} = sdk;
/** Return the error that work ends with. */
async function failure(work) {{
  try {{ await work(); }} catch (error) {{
    return {{ kind: error.constructor.name, ...error, message: error.message }};
  }}
  throw new Error("It did not fail");
}}
"""


@dataclass(frozen=True)
class Node:
    """A Node.js of one version. `packages` is a folder with the SDK in its node_modules."""

    version: int
    program: str
    packages: Path

    def run(self, code: str, **given: Any) -> Any:
        """Run the body of a program that knows `given` by name, and return what it returns."""
        source = f"""{HEAD}
            const {{ {", ".join(given)} }} = {json.dumps(given)};
            const result = await (async () => {{ {code} }})();
            process.stdout.write(JSON.stringify(result ?? null));"""
        done = subprocess.run(
            [self.program, "--input-type=module", "--unhandled-rejections=strict"],
            cwd=self.packages,
            input=source,
            capture_output=True,
            text=True,
            timeout=60,
            env={"NODE_NO_WARNINGS": "1"},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@dataclass(frozen=True)
class Chromium:
    """A browser on a page of the portal's own address, which has the SDK beside the API."""

    browser: "Browser"
    portal: str

    def run(self, code: str, **given: Any) -> Any:
        """Run the body of a program that knows `given` by name, and return what it returns."""
        page = self.browser.new_page()
        try:
            page.route(f"{self.portal}/sdk/**", lambda route: self._answer(route))
            page.goto(f"{self.portal}/sdk/")
            source = f"""{HEAD}
                window.program = async ({{ {", ".join(given)} }}) => {{ {code} }};"""
            return self._result(page, source, given)
        finally:
            page.close()

    def _result(self, page: "Page", source: str, given: Mapping[str, Any]) -> Any:
        page.add_script_tag(content=source, type="module")
        page.wait_for_function("() => !!window.program")
        return page.evaluate("given => window.program(given)", dict(given))

    def _answer(self, route: "Route") -> None:
        name = route.request.url.rsplit("/", 1)[-1]
        if name:
            route.fulfill(path=SDK / name, content_type="text/javascript")
            return
        imports = json.dumps({"imports": {NAME: "/sdk/index.js"}})
        page = f'<!doctype html><script type="importmap">{imports}</script>'
        route.fulfill(body=page, content_type="text/html")


def shipped() -> Iterator[Path]:
    """Yield the scripts that a program with the SDK loads."""
    return SDK.glob("*.js")


def blocks(document: Path, language: str) -> list[str]:
    """Return the blocks of code of a language in a Markdown document."""
    found = document.read_text().split(f"```{language}\n")[1:]
    return [block.split("```", 1)[0] for block in found]
