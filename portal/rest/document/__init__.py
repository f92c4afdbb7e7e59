"""Build the OpenAPI 3.1 document from the declared operations.

Read `build` first. It puts together what the others make: `schemas` (models), `problems` and
`answers` (responses), `links`, `security`, `webhooks` (the portal's own events) and `examples`.
`words` has the texts that belong to no single operation, and `serving` answers with the document.
Nothing here knows a feature: operations, events and the paths beside them are given.
"""
