"""Describe every operation of the REST API to people, and call it from a page.

Everything comes from the registry of operations; nothing here lists them again. Read `catalogue`
(operations as pages show them), `schema_fields` (a JSON schema as fields), `drafts` (what a person
typed, as a request), `code_samples`, `cautions` (what has to be confirmed), `sending` (the call
inside this process), `answers` (its result), `links` (for other pages), `shown_code` (code that
pages show), then `pages` and `feature`. It has no tables. Nothing imports it but the list of
features.
"""
