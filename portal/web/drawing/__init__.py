"""Draw pages: assets, charts, cells, and the functions that templates use.

Read `assets` (static files), `template_functions`, `preferences`, then the parts of a page:
`cells`, `faces`, `facts`, `healths`, `consequences`, `charts` with `ranges`, and `list_pages`.
"""
