"""REST of the overview: /api/v1/integration/overview."""

from datetime import datetime
from typing import Any

from flask import Response
from pydantic import BaseModel, ConfigDict

from portal.overview import service
from portal.overview.parts import Figure, Need, sources
from portal.records.health import Word
from portal.rest import api
from portal.rest.openapi import Operation


class OverviewSentence(BaseModel):
    """The most important thing that there is to say."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Word
    """Worst status of anything in the tenant that the caller may read."""
    text: str
    """Sentence for people about what matters most. Do not parse it."""
    rest: str
    """Anything else there is to say; empty if nothing."""


class OverviewFigure(BaseModel):
    """One number of the last 24 hours, of now, or of the next 14 days."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    """Name of the figure: held, delivered, p95, calls, refused or ending."""
    label: str
    """Name of the figure for people."""
    value: float | None
    """The number; null if it is not known, and `note` says why."""
    is_more: bool
    """True if there are more than were counted."""
    unit: str
    """Unit of the value: ms, or empty for a count."""
    status: Word
    """One word: failing and attention are trouble."""
    note: str
    """Explanation beside the number, for people."""
    url: str
    """Path of the page with the list of exactly what was counted."""
    values: list[float | None]
    """Values over time, from the oldest; null where nothing is known."""
    begins_at: datetime | None
    """Time at which the first of the values begins; null without values."""
    step_seconds: int | None
    """Seconds that each of the values stands for; null without values."""


class OverviewNeed(BaseModel):
    """A record, or a group of them, that needs a person."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Id of the record, or a name for a group."""
    status: Word
    """Its health, in one word."""
    title: str
    """Its name."""
    text: str
    """Reason, as a sentence for people."""
    since: datetime | None
    """Time since which it is so; null if nobody noted it."""
    url: str
    """Path of its page."""
    act: str | None
    """The next step, for people; null if there is none."""
    act_url: str | None
    """Path of the page where the next step is done."""


class OverviewChange(BaseModel):
    """Something that was changed today (UTC), and who did it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    at: datetime
    """Time of the newest change."""
    who: str
    """Name of the person or program; empty for the portal itself."""
    text: str
    """Action, in words."""
    name: str
    """Name of the record."""
    more: int
    """Number of further records that were changed in the same way."""
    url: str
    """Path of the record's page."""


class OverviewStep(BaseModel):
    """One step of the first run."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    title: str
    """Name of the step, for people."""
    done: bool
    """True once it has been done."""
    url: str
    """Path of the page where it is done."""


class OverviewDocument(BaseModel):
    """The state of the tenant at one look, as far as the caller may read it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    at: datetime
    """Time of the answer."""
    sentence: OverviewSentence
    """Sentence that the page begins with."""
    figures: list[OverviewFigure]
    """Figures of what the caller may read."""
    needs: list[OverviewNeed]
    """Records that need a person, the worst first: a few of each kind."""
    changes: list[OverviewChange]
    """Changes of today (UTC), the newest first."""
    steps: list[OverviewStep]
    """Steps of the first run."""


def _get() -> Response:
    api.no_parameters()
    found = service.look(api.actor(), sources())
    sentence = found.sentence
    document: dict[str, Any] = {
        "at": found.at,
        "sentence": {"status": sentence.status, "text": sentence.text, "rest": sentence.rest},
        "figures": [_figure(one) for one in found.figures],
        "needs": [_need(one) for one in found.needs],
        "changes": [_named(OverviewChange, one) for one in found.changes],
        "steps": [_named(OverviewStep, one) for one in found.steps],
    }
    return api.answer(document)


def _named(document: type[BaseModel], one: object) -> dict[str, Any]:
    return {name: getattr(one, name) for name in document.model_fields}


def _figure(one: Figure) -> dict[str, Any]:
    graph = one.graph
    of_graph = {
        "values": list(graph.values) if graph else [],
        "begins_at": graph.begin if graph else None,
        "step_seconds": int(graph.step.total_seconds()) if graph else None,
    }
    plain = OverviewFigure.model_fields.keys() - of_graph.keys()
    return {name: getattr(one, name) for name in plain} | of_graph


def _need(one: Need) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in ("id", "title", "text", "since", "url")},
        "status": one.status,
        "act": one.act.label if one.act else None,
        "act_url": one.act.url if one.act and not one.act.is_form else one.url,
    }


OPERATIONS = (
    Operation(
        resource="overview",
        name="get",
        method="GET",
        path="/overview",
        summary="Get the state of the tenant at one look",
        description="Return what the first page shows: the most important sentence, the figures of"
        " the last day, what needs a person, what changed today, and the first steps. It has only"
        " what the caller may read. Figures of the whole tenant are null for an application's"
        " credential.",
        scope="",
        view=_get,
        answer=OverviewDocument,
    ),
)
