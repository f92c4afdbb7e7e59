"""Provide the edge for programs: resources, operations, OpenAPI, strict JSON, problems.

Read `openapi` (the declaration of one operation), `resources` (a record's operations, from one
declaration), `api` (authentication, bodies, answers, errors), `strict_json`, `entity_tags`,
`validate_only`, `batch`, `verb_words`, `problem_codes`, then `document` (the OpenAPI document).
`feature` says what a feature adds to the portal, and `findable` what search finds of it.

It has no tables. `portal.web`, the front and every feature may call it.
"""
