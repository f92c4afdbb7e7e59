"""Leaked keys: reports of keys that were found in public, looked up by hash.

Read `lookup`, `reports` (record a leak and apply the tenant's policy), `operations` (REST),
`github_scanning` (GitHub's reports), `pages` (the leak desk) and `described` (GitHub's endpoint in
the OpenAPI document).
"""
