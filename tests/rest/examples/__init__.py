"""Send every example of the OpenAPI document, and compare the answers."""
