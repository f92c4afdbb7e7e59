"""Tell how an application is: as the worst of what belongs to it.

A feature that has records of applications gives a `Source`. Its SQL reads only those in trouble,
which an index of their own has, so it costs the same for an application with many records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, literal_column

from portal.applications.models import STOPPED
from portal.records.health import Health, Judge, Word, counted

HAVE: Mapping[Word, tuple[str, str]] = {
    "failing": ("has something that fails", "have something that fails"),
    "attention": ("has something that needs attention", "have something that needs attention"),
    "held": ("is stopped", "are stopped"),
}
MOST = 100  # records in trouble that are counted


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of record. `sql` is a JSON array of its records of an `application`: how many fail,
    how many need attention (each up to MOST + 1), and whether there is any. `attention` says in a
    plural what these need, such as “end within 14 days”, and `one` in a singular."""

    noun: str
    page: str
    sql: str
    attention: str
    one: str


_sources: dict[str, Source] = {}


def add_source(source: Source) -> None:
    """Count the health of one kind of record for the application that it belongs to."""
    _sources[source.noun] = source


def health(application: Mapping[str, Any], facts: Sequence[Any] | None) -> Health:
    """Return the health of an application. `facts` has what each source found."""
    if application["status"] in STOPPED:
        reason = application["status_reason"]
        said = f"The application is {application['status']}, and all that belongs to it is stopped."
        step = "Reopen it when it may work again."
        return Health(
            "held",
            f"{said} Reason: {reason}" if reason else said,
            next=step,
            short=application["status"],
        )
    found = list(zip(_sources.values(), facts or (), strict=False))
    if failing := [(source, one[0]) for source, one in found if one[0]]:
        said = " and ".join(
            f"{counted(number, source.noun, MOST)} {'fails' if number == 1 else 'fail'}"
            for source, number in failing
        )
        return _see("failing", f"{said}.", failing[0][0])
    if caring := [(source, one[1]) for source, one in found if one[1]]:
        said = " and ".join(
            f"{counted(number, one.noun, MOST)} {one.one if number == 1 else one.attention}"
            for one, number in caring
        )
        return _see("attention", f"{said}.", caring[0][0])
    if not any(one[2] for _, one in found):
        step = "Issue a key, add a connector or add a webhook."
        return Health("not_tried", "Nothing belongs to it yet.", next=step, short="empty")
    return Health("works", "No key, connector or webhook of it fails.")


def of_page(healths: Sequence[Health]) -> Health | None:
    """Return the sentence that begins a page of the list, with its word; None for an empty one."""
    every = f"{counted(len(healths), 'application')} on this page"
    words = [one.status for one in healths]
    for word, have in HAVE.items():
        if number := words.count(word):
            return Health(word, f"{number} of {every} {have[number != 1]}.")
    return Health("works", f"No key, connector or webhook of {every} fails.") if words else None


def _see(word: Word, said: str, source: Source) -> Health:
    step = f"Look at its {source.noun}s."
    act = f"See its {source.noun}s"
    return Health(word, said, None, step, source.page, act, names="application_id")


def _facts() -> ColumnElement[Any]:
    return literal_column(f"json_build_array({', '.join(one.sql for one in _sources.values())})")


JUDGE = Judge(fields=("status", "status_reason"), facts=_facts, health=health, of_new=None)
