"""Shortcuts past SQLAlchemy and Jinja, each with the ordinary way beside it.

- `statements` (files `statements` and `pipeline`): statements that are compiled once and sent by
  the driver, in one message with what precedes them. Without: SQLAlchemy runs the same statements.
- `rows` (`plain_rows`): documents read as plain rows. Without: as objects.
- `insert` (`insert_record`, `insert_records`): new records, one or many, in one statement with
  their search words, history and quota count. Without: a flush, and a statement for each of these.
- `templates` (`template_calls`): macros and escaping without Jinja's checks of what they might be.
  Without: Jinja.

`answer_limits` is no shortcut: it limits each wait for PostgreSQL, whoever waits. It is here as
the shortcuts call the driver, and libpq, themselves.

PORTAL_PLAIN names the shortcuts to leave out. Tests show that the results are equal, and
docs/decisions/0012-shortcuts.md what each gives and costs.

It has no tables. Every package above it may call it.
"""

from flask import current_app


def uses(shortcut: str) -> bool:
    """Tell whether the running application uses a shortcut. Where none runs, all are used."""
    config = current_app.extensions.get("portal") if current_app else None
    return config is None or shortcut not in config.plain
