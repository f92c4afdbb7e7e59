"""Keys on the overview: what leaked, what ends, whose budget is low, and the calls of a day."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import url_for
from sqlalchemy import (
    ColumnElement,
    Numeric,
    Select,
    and_,
    any_,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from portal.database.actor import Actor
from portal.keys.listing.filters import CONSOLE, IN_FORCE
from portal.keys.models import ApiKey
from portal.keys.service import SOON
from portal.keys.tables import KeyBudget, KeyHour, KeyLeak
from portal.overview import questions
from portal.overview.parts import (
    Act,
    Columns,
    Figure,
    Graph,
    Harm,
    Need,
    OverviewPart,
    Source,
    Step,
    Tally,
)
from portal.records.health import up_to
from portal.records.listing import Query, narrowed

READ = "keys:read"
MOST = 500  # keys that are counted as ending
SAMPLE = 200  # leaks and budgets that are looked at
LOW, FULL = 80, 100  # per cent of a budget
DAYS = SOON.days
OF_TENANT = "Counted for the whole tenant only."
HARMS = {
    "leaked": (Harm.LEAKED, "key was found in public", "keys were found in public", ""),
    "full": (Harm.FAILING, "key has used up its budget", "keys have used up their budget", ""),
    "low": (Harm.ATTENTION, "budget is nearly used up", "budgets are nearly used up", ""),
    "ending": (Harm.ATTENTION, "key ends soon", "keys end soon", "expiring"),
    "stopped": (
        Harm.HELD, "blocked key was found in public", "blocked keys were found in public", ""
    ),
}  # fmt: skip
CLEAR = f"no key was found in public or ends within {DAYS} days"


def ask(actor: Actor) -> Columns:
    """Ask whether there are keys, which need a person, and for the calls of the last day."""
    if not actor.can(READ):
        return {}
    in_force = ApiKey.seen_by(actor).where(IN_FORCE)
    own = in_force.where(ApiKey.blocked.is_(False))
    stopped = in_force.where(ApiKey.blocked)
    ending = narrowed(actor, CONSOLE, Query(show="expiring"))
    some = ApiKey.seen_by(actor).with_only_columns(ApiKey.id).limit(1)
    gone = narrowed(actor, CONSOLE, Query(show="owner_gone")).with_only_columns(ApiKey.id)
    asked: dict[str, Any] = {
        "some": some.scalar_subquery(),
        "days": _by_day(ending),
        "gone": select(func.count())
        .select_from(gone.limit(questions.COUNTED + 1).subquery())
        .scalar_subquery(),
    }
    groups = {
        "leaked": (_leaked(actor, own), ApiKey.id),
        "full": (_spent(actor, own, FULL), ApiKey.id),
        "low": (_spent(actor, own, LOW), ApiKey.id),
        "stopped": (_leaked(actor, stopped), ApiKey.id),
        "ending": (ending.order_by(ApiKey.expires_key), ApiKey.expires_key),
    }
    asked |= questions.troubled(actor, ApiKey, groups)
    if actor.app_id is None:
        asked["hours"] = _hours(actor)
    return asked


def _leaked(actor: Actor, own: Select[Any]) -> Select[Any]:
    open_leaks = (
        select(KeyLeak.key_id)
        .where(KeyLeak.tenant_id == actor.tenant_id, KeyLeak.settled_at.is_(None))
        .order_by(KeyLeak.reported_at)
        .limit(SAMPLE)
    )
    return own.where(ApiKey.id == any_(func.array(open_leaks.scalar_subquery())))


def _spent(actor: Actor, own: Select[Any], percent: int) -> Select[Any]:
    """Select the keys that have spent so much of their budget in its current period."""
    # As literals and not as parameters, so that the partial indexes match.
    announced = KeyBudget.announced_percent
    is_spent = [announced >= literal_column(str(percent))]
    if percent < FULL:
        is_spent.append(or_(announced < literal_column(str(FULL)), _is_less_of_another(percent)))
    few = (
        select(KeyBudget.tenant_id, KeyBudget.family_id, KeyBudget.spent_usd)
        .where(KeyBudget.tenant_id == actor.tenant_id, *is_spent)
        .where(or_(KeyBudget.period_end.is_(None), KeyBudget.period_end > func.now()))
        .limit(SAMPLE)
        .subquery()
    )
    of_family = or_(ApiKey.id == few.c.family_id, ApiKey.rotation_family_id == few.c.family_id)
    reached = [few.c.spent_usd * 100 >= ApiKey.max_budget_usd * percent]
    if percent < FULL:
        reached.append(few.c.spent_usd < ApiKey.max_budget_usd)
    return own.join(few, and_(few.c.tenant_id == ApiKey.tenant_id, of_family)).where(*reached)


def _is_less_of_another(percent: int) -> ColumnElement[bool]:
    """Return the condition that a family has a budget which is spent so far, but not used up.

    Another of its budgets may be used up.
    """
    amounts = func.jsonb_object_keys(KeyBudget.announced_by_budget).column_valued("usd")
    usd = cast(amounts, Numeric)
    reached = KeyBudget.spent_usd * 100 >= usd * percent
    return exists(select(amounts).where(reached, KeyBudget.spent_usd < usd).correlate(KeyBudget))


def _by_day(ending: Select[Any]) -> Any:
    """Return on which days keys end, as [days from now, how many]; at most MOST + 1 are counted."""
    days = func.floor(func.extract("epoch", ApiKey.expires_key - func.now()) / 86_400)
    soonest = (
        ending.with_only_columns(days.label("day"))
        .order_by(ApiKey.expires_key)
        .limit(MOST + 1)
        .subquery()
    )
    row = func.json_build_array(soonest.c.day, func.count()).label("row")
    by_day = select(row).group_by(soonest.c.day).subquery()
    return select(func.json_agg(by_day.c.row)).scalar_subquery()


def _hours(actor: Actor) -> Any:
    """Return the calls of the last day: [hour, let through, refused]."""
    row = func.json_build_array(KeyHour.hour, KeyHour.calls, KeyHour.denials)
    return (
        select(func.json_agg(row))
        .where(KeyHour.tenant_id == actor.tenant_id, KeyHour.hour >= questions.this_hour())
        .scalar_subquery()
    )


# ---------------------------------------------------------------- what is told


def overview_part(actor: Actor, found: Mapping[str, Any], now: datetime) -> OverviewPart:
    """Return the keys that need a person, the figures of calls, and one step."""
    if not found:
        return OverviewPart()
    step = Step(
        order=2,
        title="Issue an API key",
        text="Programs call the platform with one. It is shown once.",
        url=url_for("keys.issue"),
        action="Issue a key",
        needs="keys:write",
        done=bool(found["some"]),
    )
    needs = questions.needs(actor, ApiKey, "keys.show", found, HARMS)
    tallies = [
        questions.tally(harm, found[name], one, many, url_for("keys.index", show=view or None))
        for name, (harm, one, many, view) in HARMS.items()
    ]
    if number := found["gone"]:
        needs.append(_gone(number))
        tallies.append(_gone_tally(number))
    return OverviewPart(
        steps=[step],
        figures=_figures(found, now),
        needs=needs,
        tallies=tallies,
        clear=[CLEAR],
        is_used=bool(found["some"]),
    )


def _gone(number: int) -> Need:
    """Return the row for all keys whose owner left: each is well, and together they are a risk."""
    several = f"{up_to(questions.COUNTED, number)} keys belong to people who left"
    return Need(
        id="keys-of-nobody",
        harm=Harm.ATTENTION,
        status="attention",
        title="1 key belongs to somebody who left" if number == 1 else several,
        text="The owner was not seen for 90 days, and the keys still work."
        if number > 1
        else "The owner was not seen for 90 days, and the key still works.",
        url=url_for("keys.index", show="owner_gone"),
        act=Act("See them" if number > 1 else "See it", url_for("keys.index", show="owner_gone")),
    )


def _gone_tally(number: int) -> Tally:
    one, many = "key belongs to somebody who left", "keys belong to people who left"
    url = url_for("keys.index", show="owner_gone")
    return Tally(Harm.ATTENTION, number, questions.COUNTED, one, many, url, listed=number)


def _figures(found: Mapping[str, Any], now: datetime) -> list[Figure]:
    since = questions.first_hour(now)
    called = url_for("keys.index", last_used_after=since.isoformat())
    refused = url_for("keys.index", show="refused")
    if "hours" not in found:
        return [
            Figure(4, "calls", "Calls", None, OF_TENANT, called),
            Figure(5, "refused", "Calls refused", None, OF_TENANT, refused),
            _ending(found["days"] or (), now),
        ]
    hours = questions.by_hour(found["hours"] or (), now)
    calls, denials = ([sum(row[place] for row in hour) for hour in hours] for place in (1, 2))
    return [
        Figure(
            4, "calls", "Calls", sum(calls),
            "let through in 24 hours" if sum(calls) else "no call in 24 hours", called,
            graph=Graph(calls, since),
        ),
        Figure(
            5, "refused", "Calls refused", sum(denials), _share(sum(denials), sum(calls)), refused,
            graph=Graph(denials, since),
        ),
        _ending(found["days"] or (), now),
    ]  # fmt: skip


def _share(denials: int, calls: int) -> str:
    if not denials:
        return "in 24 hours; none of the calls" if calls else "no call in 24 hours"
    share = 100 * denials / (calls + denials)
    said = f"{share:.2g} % of all calls" if share < 99.5 else "all calls"
    return f"in 24 hours; {said}"


def _ending(rows: Sequence[Sequence[int]], now: datetime) -> Figure:
    number = sum(row[1] for row in rows)
    values = [sum(row[1] for row in rows if int(row[0]) == day) for day in range(DAYS)]
    note = f"within {DAYS} days, without a successor"
    first = min((int(row[0]) for row in rows), default=DAYS)
    if number and first < 2:
        note = "the first within a day" if first < 1 else "the first within two days"
    return Figure(
        6, "ending", "Keys that end", min(number, MOST), note,
        url_for("keys.index", show="expiring"),
        status="attention" if number else "works",
        is_more=number > MOST,
        graph=Graph(values, now, timedelta(days=1)),
    )  # fmt: skip


SOURCE = Source(overview_part, ask)
