"""Describe the endpoint for GitHub's reports for the OpenAPI document."""

from collections.abc import Mapping
from typing import Any

from portal.keys.leaks.github_scanning import PATH


def _header(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
    }


def _list(example: Mapping[str, str], required: list[str], **texts: str) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": text} for name, text in texts.items()}
    one = {"type": "object", "required": required, "properties": properties}
    schema = {"type": "array", "items": one}
    return {"application/json": {"schema": schema, "example": [example]}}


REPORT = {
    "operationId": "secretScanning.github",
    "summary": "Report keys that GitHub found in public",
    "description": "Take a report of GitHub's secret scanning partner programme. Only GitHub's"
    " signature over the body authenticates it. For each key of this portal the leak policy of its"
    " tenant is applied; the answer tells which texts are keys.",
    "tags": ["secret-scanning"],
    "security": [],
    "parameters": [
        _header("Github-Public-Key-Identifier", "Name of the public key."),
        _header("Github-Public-Key-Signature", "Signature over the body (ECDSA P-256, SHA-256)."),
    ],
    "requestBody": {
        "required": True,
        "content": _list(
            {"token": "sk-acme-EXAMPLE", "type": "cpod_api_key", "url": "", "source": "content"},
            ["token", "type"],
            token="The text that was found.",  # noqa: S106 - a description
            type="GitHub's name of the pattern.",
            url="Address of the place.",
            source="Kind of the place, such as a commit.",
        ),
    },
    "responses": {
        "200": {
            "description": "A verdict on each text.",
            "content": _list(
                {"token_hash": "EXAMPLE", "token_type": "cpod_api_key", "label": "true_positive"},
                ["token_hash", "token_type", "label"],
                token_hash="Hex SHA-256 of the text.",  # noqa: S106 - a description
                token_type="GitHub's name of the pattern.",  # noqa: S106 - a description
                label="true_positive or false_positive.",
            ),
        },
        "400": {"$ref": "#/components/responses/BadRequest"},
        "401": {"$ref": "#/components/responses/Unauthenticated"},
        "503": {"$ref": "#/components/responses/Unavailable"},
    },
}
PATHS: Mapping[str, Mapping[str, Any]] = {PATH: {"post": REPORT}}
