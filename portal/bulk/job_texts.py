"""Tell bulk jobs in sentences, for pages and the audit log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from portal.bulk.acts import Act, Kind
from portal.bulk.kinds import KINDS, act_named
from portal.bulk.models import BulkJob
from portal.records.health import counted
from portal.records.listing import Total


@dataclass(frozen=True, slots=True)
class JobTexts:
    """A job as its page tells it: its state in a sentence and as the word that colours it, the
    labels of its buttons, and for each state with rows its name and the label of its link."""

    title: str
    state: str
    word: str
    confirm: str
    retry: str
    states: Sequence[tuple[str, str]]


def title(job: BulkJob) -> str:
    """Return a job in words: "Revoke 3 API keys"."""
    act, kind = act_named(job.resource, job.verb), KINDS.get(job.resource)
    label = act.label if act else job.verb.capitalize()
    return f"{label} {counted(job.total, kind.resource.singular if kind else 'record')}"


def texts_of(job: BulkJob, kind: Kind, act: Act) -> JobTexts:
    """Return what the page of a job says."""
    state, word = _state(job, kind.resource.singular, act.done)
    return JobTexts(
        title(job),
        state,
        word,
        confirm=f"{act.label} {counted(job.waiting, kind.resource.singular)}",
        retry=f"Try the other {job.total - job.done:,} again…",
        states=[(name, f"{label} ({many:,})") for name, label, many in _states(job) if many],
    )


def newest(job: BulkJob) -> tuple[str, str]:
    """Return what a list of jobs says first, of its newest one, and the word that colours it."""
    kind, act = KINDS.get(job.resource), act_named(job.resource, job.verb)
    if kind is None or act is None:  # of another release
        return f"{title(job)}.", "off"
    state, word = _state(job, kind.resource.singular, act.done)
    return f"{title(job)}: {state}", word


def _state(job: BulkJob, noun: str, done: str) -> tuple[str, str]:
    if job.state == "preview":
        return _preview(job, noun, done), "not_tried"
    if job.state == "running":
        turns = job.total - job.waiting
        their = "its" if job.total == 1 else "their"
        return f"{turns:,} of {counted(job.total, noun)} had {their} turn.", "running"
    if job.confirmed_at is None:
        return "Cancelled before anything changed.", "off"
    return " ".join(_result(job, noun, done)), "failed" if job.failed else job.state


def _preview(job: BulkJob, noun: str, done: str) -> str:
    if not job.total:
        return f"No {noun} matches, so there is nothing to do."
    if not job.waiting and job.total == 1:
        return f"This {noun} cannot be {done}."
    if not job.waiting:
        return f"None of these {counted(job.total, noun)} can be {done}."
    if not job.skipped:
        return f"{counted(job.total, noun)} will be {done}. Nothing has changed yet."
    return (
        f"{job.waiting:,} of {counted(job.total, noun)} will be {done}. {job.skipped:,} cannot be."
        " Nothing has changed yet."
    )


def _result(job: BulkJob, noun: str, done: str) -> Iterator[str]:
    some = f"{job.done:,} of " if job.done != job.total else ""
    verb = "is" if job.done == 1 else "are"
    yield f"{some}{counted(job.total, noun)} {verb} {done}."
    if job.failed:
        yield f"{job.failed:,} failed."
    if job.skipped:
        yield f"{job.skipped:,} skipped."
    if job.waiting:
        yield f"{job.waiting:,} left, because it was cancelled."


def _states(job: BulkJob) -> list[tuple[str, str, int]]:
    """Return each state of rows, its label, and how many rows are in it."""
    left = ("cancelled", "Left") if job.state == "cancelled" else ("waiting", "Left to do")
    return [
        (*left, job.waiting),
        ("done", "Done", job.done),
        ("failed", "Failed", job.failed),
        ("skipped", "Skipped", job.skipped),
    ]


def value(of_change: Any) -> str:
    """Return a value before or after a change in words."""
    if of_change is None or of_change == []:
        return "none"
    if isinstance(of_change, bool):
        return "yes" if of_change else "no"
    return ", ".join(map(str, of_change)) if isinstance(of_change, list) else str(of_change)


def heading(kind: Kind, act: Act, count: int | None) -> str:
    """Return the heading of a new job: "Revoke 3 API keys", or without a number for all."""
    noun = kind.resource.singular
    return f"{act.label} {counted(count, noun) if count else f'{noun}s'}"


def name_of(kind: Kind) -> str:
    """Return the name of the records of a kind as a title: "Webhooks"."""
    noun = kind.resource.singular
    return f"{noun[0].upper()}{noun[1:]}s"


def every(kind: Kind, total: Total | None, *, is_narrowed: bool) -> tuple[str, str]:
    """Return all records of a list in words, for a choice and for an export: "All 34 that match"
    and "all that match"."""
    what = "that match" if is_narrowed else f"{kind.resource.singular}s"
    number = f"{total} " if total and not total.is_more else ""
    return f"All {number}{what}", f"all {what}"
