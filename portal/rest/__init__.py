"""The edge for programs: resources, operations, the OpenAPI document, strict JSON, problems."""
