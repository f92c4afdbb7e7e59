"""Read the recorded examples: one request and its answer for each operation.

A test sends every request and compares the answer (`tests/rest/examples`), so they are true.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from portal.rest.openapi import Operation

FILE = Path(__file__).with_name("examples.json")
Example = Mapping[str, Any]
"""`path`, `query`, `headers` and `body` of a request, `status` and `answer` of the response."""


@dataclass(frozen=True)
class Examples:
    """The recorded examples, by operation id."""

    recorded: Mapping[str, Example]

    @classmethod
    def read(cls) -> "Examples":
        """Return the examples of this version."""
        return cls(json.loads(FILE.read_text()) if FILE.exists() else {})

    def of(self, operation: Operation) -> Example:
        """Return the example of an operation, an empty one if none is recorded."""
        return self.recorded.get(operation.id, {})

    def curl(self, operation: Operation, base_url: str) -> dict[str, str]:
        """Return the request as a command line."""
        example = self.of(operation)
        path = operation.path.format(**example.get("path", {}))
        query = f"?{urlencode(example['query'])}" if example.get("query") else ""
        lines = [f"curl -X {operation.method} '{base_url}{path}{query}'"]
        headers = {"Authorization": "Bearer $TOKEN", **example.get("headers", {})}
        if "body" in example:
            headers["Content-Type"] = "application/json"
        lines += [f'  -H "{name}: {value}"' for name, value in headers.items()]
        if "body" in example:
            body = json.dumps(example["body"], ensure_ascii=False).replace("'", "'\\''")
            lines.append(f"  -d '{body}'")
        return {"lang": "Shell", "label": "curl", "source": " \\\n".join(lines)}
