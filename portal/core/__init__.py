"""Define what every package may import: settings, errors, logs, deadlines.

Read `errors`, `config` (every setting), `config_values`, `root_keys`, `embedded_urls`, `logs`,
`deadlines`, `threads`, `jobs`, `compression`, `key_shape`, `asymmetric_keys`, `secret_scan`.

This package has no tables and imports no other package of the portal. Every package may call it.
"""
