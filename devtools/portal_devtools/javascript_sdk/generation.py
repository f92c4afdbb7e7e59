"""Read the registry of operations, and return the generated files of the JavaScript SDK."""

from pathlib import Path

from portal.features import FEATURES
from portal_devtools.document import built
from portal_devtools.javascript_sdk.calls import calls_of
from portal_devtools.javascript_sdk.declarations import declarations
from portal_devtools.javascript_sdk.reference import reference
from portal_devtools.javascript_sdk.table import table

FOLDER = Path(__file__).parents[3] / "sdk" / "javascript"


def generated() -> dict[str, str]:
    """Return the text of each generated file by its name."""
    operations = [operation for feature in FEATURES for operation in feature.rest()]
    document = built()
    calls = calls_of(operations, document)
    return {
        "operations.js": table(calls),
        "operations.d.ts": declarations(calls, document),
        "README.md": reference((FOLDER / "README.md").read_text(), calls),
    }
