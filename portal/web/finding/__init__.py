"""Find everything with one query, and go on from there: the palette of every page.

`/search` answers with a page or, for the palette, with its part of one. Both show what `find`
returns: the place of a pasted id, acts ("Rotate Nightly export"), records and pages to open, and
what happened. What can be found is declared by resources and features (`portal.rest.findable`).

Reading order: `declared` (what this caller may find), `records`, `acts`, `answers`, `pages`,
`resource`. It has no tables of its own.
"""

from portal.web.finding.pages import init_app
from portal.web.finding.resource import OPERATIONS

__all__ = ["OPERATIONS", "init_app"]
