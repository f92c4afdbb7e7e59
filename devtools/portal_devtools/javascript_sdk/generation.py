"""Read the registry of operations, and return the generated files of the JavaScript SDK."""

from pathlib import Path

from portal.features import FEATURES
from portal.rest import openapi
from portal_devtools.javascript_sdk import declarations, reference, table

FOLDER = Path(__file__).parents[3] / "sdk" / "javascript"


def generated() -> dict[str, str]:
    """Return the text of each generated file by its name."""
    operations = [operation for feature in FEATURES for operation in feature.rest()]
    document = openapi.document(operations, base_url="http://localhost", version="1")
    return {
        "operations.js": table.table(operations),
        "operations.d.ts": declarations.declarations(operations, document),
        "README.md": reference.reference((FOLDER / "README.md").read_text(), operations),
    }
