"""What `make test` fetches when the machine has none: a Chromium.

A failure is no reason to stop: the tests that need it are skipped, and say so.
"""

import shutil
import subprocess
import sys

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_of_the_machine() -> str | None:
    """The path of an installed Chromium or Chrome."""
    return next((found for name in CHROMIUMS if (found := shutil.which(name))), None)


def main() -> None:
    if chromium_of_the_machine() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


if __name__ == "__main__":
    main()
