"""Provide the edge for programs: resources, operations, OpenAPI, strict JSON, problems."""
