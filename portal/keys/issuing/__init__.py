"""Issue a key: the form, the pages, and the one-time link that hands it over.

Read `one_time_links`, `delivery` (how the new key reaches its holder), `forms`, `pages` and
`link_pages` (the page behind a link).
"""
