"""Write the generated part of `sdk/python`: python -m portal_devtools.python_sdk."""

import subprocess
import sys
from pathlib import Path

from portal_devtools.python_sdk import declared, resources, schemas

PACKAGE = Path(__file__).parents[3] / "sdk" / "python" / "cpod_integration"


def files() -> dict[str, str]:
    """Return the text of each generated file, by its path in the package."""
    methods = declared.methods()
    written = {
        "types.py": schemas.module(declared.definitions(), methods),
        "generated/operations.py": resources.operations_module(methods),
        "generated/resources.py": resources.resources_module(methods, is_async=False),
        "generated/async_resources.py": resources.resources_module(methods, is_async=True),
    }
    return {path: _formatted(text, PACKAGE / path) for path, text in written.items()}


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
        (PACKAGE / path).write_text(text)
