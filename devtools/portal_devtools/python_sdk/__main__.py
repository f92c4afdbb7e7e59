"""Write the generated part of `sdk/python`: python -m portal_devtools.python_sdk."""

import subprocess
import sys
from pathlib import Path

from portal_devtools.python_sdk import declared, resources, schemas

PROJECT = Path(__file__).parents[3] / "sdk" / "python"
PACKAGE = "cpod_integration"
BEGIN, END = "<!-- operations -->\n", "<!-- end of operations -->\n"


def files() -> dict[str, str]:
    """Return the text of each generated file, by its path in the project."""
    methods = declared.methods()
    written = {
        f"{PACKAGE}/types.py": schemas.module(declared.definitions(), methods),
        f"{PACKAGE}/generated/operations.py": resources.operations_module(methods),
        f"{PACKAGE}/generated/resources.py": resources.sync_module(methods),
        f"{PACKAGE}/generated/async_resources.py": resources.async_module(methods),
    }
    code = {path: _formatted(text, PROJECT / path) for path, text in written.items()}
    return {**code, "README.md": _readme(resources.reference(methods))}


def _readme(reference: str) -> str:
    before, _, rest = (PROJECT / "README.md").read_text().partition(BEGIN)
    return f"{before}{BEGIN}{reference}\n\n{END}{rest.partition(END)[2]}"


def _formatted(text: str, path: Path) -> str:
    ruff = str(Path(sys.executable).with_name("ruff"))
    for command in (["check", "--fix", "--exit-zero", "--quiet"], ["format", "--quiet"]):
        done = subprocess.run(  # noqa: S603 - our own text
            [ruff, *command, "--stdin-filename", str(path), "-"],
            input=text, capture_output=True, text=True, check=True,
        )  # fmt: skip
        text = done.stdout
    return text


if __name__ == "__main__":
    for path, text in files().items():
        (PROJECT / path).write_text(text)
