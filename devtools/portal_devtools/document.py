"""Write docs/openapi.json, the document that the comparison of releases starts from.

It refuses to write a document that breaks programs, unless `--breaking` is given.
"""

import json
import sys
from pathlib import Path
from typing import Any

from portal import features
from portal.rest.document.build import document
from portal_devtools.openapi_changes import breaking_changes

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"
BASE_URL, ISSUER = "https://portal.example", "https://login.example"


def built() -> dict[str, Any]:
    """Return the document as a portal at an example address publishes it."""
    return document(features.surface(BASE_URL, ISSUER))


def written(found: dict[str, Any]) -> str:
    """Return the text of a document, one value a line."""
    return json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def committed() -> dict[str, Any]:
    """Return the document as it was written last."""
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def main() -> int:
    """Write the document. Return 1 if that would break programs."""
    found = built()
    breaks = breaking_changes(committed(), found) if FILE.exists() else []
    for sentence in breaks:
        print(sentence, file=sys.stderr)  # noqa: T201 - a command
    if breaks and "--breaking" not in sys.argv:
        print("Nothing was written. If it has to be: ARGS=--breaking", file=sys.stderr)  # noqa: T201
        return 1
    FILE.write_text(written(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
