"""Tell how a key is, from its own row, its use, its budget, its leaks and its rotation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, any_, false, func, literal_column, not_, or_, select
from sqlalchemy.orm import aliased

from portal.applications.health import Source
from portal.applications.models import STOPPED
from portal.database.actor import Actor
from portal.keys import service
from portal.keys.models import ApiKey, not_revoked
from portal.keys.tables import KeyLeak
from portal.records.health import (
    FEW,
    Health,
    Judge,
    Tally,
    Word,
    clock,
    counted,
    moment,
    sql,
    up_to,
)

WRITE = "keys:write"
SOON = timedelta(days=14)
MUCH = 0.8  # of the budget
FACTS = sql("portal.keys.usage", "health.sql")
NOTHING = [None] * 6
ENDLESS = (None, None)
REFUSED = ("revoked", "expired", "blocked")  # words for a parent whose children are refused, too
NEVER: Sequence[Any] = (None,) * 4
WORKS = Health("works", "Works: its last call was accepted.")


@dataclass(frozen=True, slots=True)
class Known:
    """All that the health of a key is made of: its fields, and the facts of `health.sql`."""

    key: Mapping[str, Any]
    now: datetime
    leaked_at: datetime | None
    use: Sequence[Any]
    budget: Sequence[Any] | None
    old_since: datetime | None
    new_since: datetime | None
    parent: str | None

    def clock(self, at: datetime) -> str:
        """Return a time as people read it."""
        return clock(at, self.now)


def health(key: Mapping[str, Any], facts: Sequence[Any] | None) -> Health:
    """Return the health of a key. `facts` are those of `health.sql`; None for a new key."""
    if facts is None:
        facts = [key["created_at"].isoformat(), *NOTHING]
    now, leaked_at, use, budget, old_since, new_since, parent = facts
    if is_plainly_well(
        key["status"],
        key["blocked"],
        key["last_used_at"],
        (key["expires_at"], key["revoke_at"]),
        key["application_status"],
        facts,
    ):
        return WORKS
    known = Known(
        key=key,
        now=datetime.fromisoformat(now),
        leaked_at=moment(leaked_at),
        use=use or NEVER,
        budget=budget,
        old_since=moment(old_since),
        new_since=moment(new_since),
        parent=parent,
    )
    for rule in RULES:
        if (found := rule(known)) is not None:
            return found
    return WORKS


def is_plainly_well(
    status: str,
    is_blocked: bool,
    last_used_at: datetime | None,
    ends: tuple[datetime | None, datetime | None],
    application_status: str | None,
    facts: Sequence[Any],
) -> bool:
    """Tell whether no rule below says anything of a key, as of most: a list asks for each row.

    `ends` are when the key expires and when it will be revoked.
    """
    return (
        status == "active"
        and not is_blocked
        and last_used_at is not None
        and ends == ENDLESS
        and application_status not in STOPPED
        and facts[1:] == NOTHING
    )


# ---------------------------------------------------------------- it does not work, on purpose


def _ended(known: Known) -> Health | None:
    key = known.key
    if key["status"] == "active":
        return None
    if key["status"] == "expired":
        at = key["expires_at"]
        said = f"Expired {known.clock(at)}: its calls are refused."
        return Health(
            "off",
            said,
            at,
            "Issue its successor.",
            "keys.issue",
            "Issue successor",
            short="expired",
            names="follows",
            needs=WRITE,
        )
    at = key["revoked_at"] or key["revoke_at"]
    why = f" {_sentence(key['revoked_reason'])}" if key["revoked_reason"] else ""
    when = f" {known.clock(at)}" if at else ""
    said = f"Revoked{when}: its calls are refused for good.{why}"
    return Health("off", said, at, short="revoked")


def _stopped(known: Known) -> Health | None:
    status = known.key["application_status"]
    if status not in STOPPED:
        return None
    said = f"Stopped: its application is {status}, so its calls are refused."
    return Health("held", said, next="Reopen the application.", short="stopped")


def _blocked(known: Known) -> Health | None:
    if known.key["blocked"]:
        why = known.key["blocked_reason"]
        reason = f" {_sentence(why)}" if why else ""
        is_said = "found in public" in reason.lower()
        leaked = " It was found in public." if known.leaked_at and not is_said else ""
        said = f"Blocked: its calls are refused.{reason}{leaked}"
        step = "Rotate or revoke it." if known.leaked_at else "Unblock it when it may work again."
        return Health("held", said, known.leaked_at, step, short="blocked")
    if known.parent not in REFUSED:
        return None
    said = f"Its parent key is {known.parent}, so its calls are refused."
    return Health("held", said, next="Look at the parent key.", short=f"parent {known.parent}")


# ---------------------------------------------------------------- it does not work


def _leaked(known: Known) -> Health | None:
    if known.leaked_at is None:
        return None
    return Health(
        "failing",
        f"Found in public {known.clock(known.leaked_at)}, and it still works.",
        known.leaked_at,
        "Rotate it, then revoke it.",
        "keys.rotate",
        "Rotate",
        short="leaked",
        needs=WRITE,
    )


def _used_up(known: Known) -> Health | None:
    limit, uses = known.key["max_uses"], known.use[0]
    if limit is None or uses is None or uses < limit:
        return None
    said = f"All of its {limit:,} uses are used up: its calls are refused."
    return Health("off", said, None, "Issue another key.", short="used up")


def _over_budget(known: Known) -> Health | None:
    most, spent = known.key["max_budget_usd"], known.budget[0] if known.budget else 0
    if known.budget is None or most is None or spent < float(most):
        return None
    until = moment(known.budget[1])
    again = f" It is reset {known.clock(until)}." if until else ""
    return Health(
        "failing",
        f"Its budget of ${most:,.2f} is used up: calls that cost something are refused.{again}",
        None,
        "Wait until the budget is reset." if until else "Issue a key with a larger budget.",
        short="budget used up",
    )


# ---------------------------------------------------------------- it works, and needs a look


def _browned_out(known: Known) -> Health | None:
    begun, end = known.key["brownout_from"], known.key["revoke_at"]
    if end is None:
        return None
    if begun is not None and begun <= known.now:
        revoked = known.clock(end)
        said = f"In a brown-out: calls are refused for longer each hour. It is revoked {revoked}."
    else:
        said = f"Works until it is revoked {known.clock(end)}."
    step = "Move its programs to another key, or keep it."
    return Health("attention", said, begun, step, short="stopping")


def _parent_ends(known: Known) -> Health | None:
    if known.parent == "in a brown-out":
        said = "Its parent key is in a brown-out: calls with both are refused for longer each hour."
    elif known.parent == "ending":
        said = "Works until its parent key is revoked."
    else:
        return None
    return Health("attention", said, next="Look at the parent key.", short="parent stopping")


def _rotating(known: Known) -> Health | None:
    if known.old_since is not None and known.key["expires_at"] is not None:
        return Health(
            "attention",
            f"In rotation: it ends {known.clock(known.key['expires_at'])}, its successor takes"
            " over.",
            known.old_since,
            "Move its programs to the successor.",
            "keys.rotation",
            "See the rotation",
            short="in rotation",
        )
    if known.new_since is None:
        return None
    if known.key["last_used_at"] is None:
        return Health(
            "attention",
            "In rotation: no call has come with this new key yet.",
            known.new_since,
            "Give it to the programs that use the old key.",
            "keys.rotation",
            "See the rotation",
            short="in rotation",
        )
    return Health(
        "works",
        "Works, and takes over from the key before it, which is in rotation.",
        known.new_since,
        "Finish the rotation when nobody uses the old key.",
        "keys.rotation",
        "See the rotation",
        short="in rotation",
    )


def _ends_soon(known: Known) -> Health | None:
    end = known.key["expires_at"]
    if end is None or end - known.now > SOON or known.key["parent_key_id"] is not None:
        return None
    said = f"Works until it expires {known.clock(end)}."
    return Health(
        "attention",
        said,
        None,
        "Rotate it in time.",
        "keys.rotate",
        "Rotate",
        short="ends soon",
        needs=WRITE,
    )


def _refused(known: Known) -> Health | None:
    _, denied_at, code, _ = known.use
    at, used_at = moment(denied_at), known.key["last_used_at"]
    if at is None or (used_at is not None and at < used_at):
        return None
    why = f" ({code.replace('_', ' ').lower()})" if code else ""
    return Health(
        "attention",
        f"Its last call, {known.clock(at)}, was refused{why}.",
        at,
        "See which check refused it.",
        "keys.explain",
        "Explain",
        short="refused",
        names="key_id",
    )


def _budget_low(known: Known) -> Health | None:
    most = known.key["max_budget_usd"]
    if known.budget is None or not most or known.budget[0] < MUCH * float(most):
        return None
    share = int(known.budget[0] / float(most) * 100)
    said = f"Works; {share} % of its budget of ${most:,.2f} is used."
    return Health("attention", said, None, "Check that it lasts.", short="budget low")


def _never_used(known: Known) -> Health | None:
    if known.key["last_used_at"] is not None:
        return None
    made = known.key["created_at"]
    said = f"Never used since it was issued {known.clock(made)}."
    step = "Give it to its program, or revoke it."
    return Health("not_tried", said, made, step, short="never used")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


Rule = Callable[[Known], Health | None]
RULES: tuple[Rule, ...] = (
    _ended,
    _stopped,
    _blocked,
    _leaked,
    _used_up,
    _over_budget,
    _browned_out,
    _parent_ends,
    _rotating,
    _ends_soon,
    _refused,
    _budget_low,
    _never_used,
)


def _tallied(actor: Actor) -> dict[str, Any]:
    leaked = (
        select(KeyLeak.key_id)
        .where(KeyLeak.tenant_id == actor.tenant_id, KeyLeak.settled_at.is_(None))
        .limit(FEW + 1)
    )
    in_force = and_(not_revoked(ApiKey), ApiKey.expires_key > func.now())
    is_refused = or_(ApiKey.blocked, ApiKey.is_stopped, _has_refused_parent())
    works = and_(in_force, not_(is_refused))
    return {
        "all": None,
        "works": works,
        "leaked": and_(works, ApiKey.id == any_(func.array(leaked.scalar_subquery()))),
        "soon": and_(in_force, *service.unfollowed_soon()),
        "blocked": and_(ApiKey.blocked, in_force),
    }


def _has_refused_parent() -> ColumnElement[bool]:
    parent = aliased(ApiKey)
    is_refused = or_(parent.blocked, not_(not_revoked(parent)), parent.expires_key <= func.now())
    own = (parent.tenant_id == ApiKey.tenant_id, parent.id == ApiKey.parent_key_id)
    # As a value and not as EXISTS, which PostgreSQL would answer by reading all keys.
    refused = select(is_refused).where(*own).correlate(ApiKey).scalar_subquery()
    return func.coalesce(refused, false())


def _summary(found: Mapping[str, int]) -> Health | None:
    if not found["all"]:
        return None
    works = counted(found["works"], "key", FEW)
    are = "is" if found["works"] == 1 else "are"
    said = [f"{works} {are} active." if found["works"] else "No key is active."]
    if leaks := found["leaked"]:
        said.insert(
            0, f"{counted(leaks, 'key', FEW)} {'was' if leaks == 1 else 'were'} found in public."
        )
    if soon := found["soon"]:
        ends = "ends" if soon == 1 else "end"
        said.append(f"{up_to(FEW, soon)} {ends} within 14 days without a successor.")
    if blocked := found["blocked"]:
        said.append(f"{up_to(FEW, blocked)} {'is' if blocked == 1 else 'are'} blocked.")
    word: Word = "failing" if leaks else "attention" if soon else "works"
    return Health(word if found["works"] else "off", " ".join(said))


TALLY = Tally(ApiKey, _tallied, _summary, most=1)  # it tells only whether there is a key


def _facts() -> ColumnElement[Any]:
    return literal_column(FACTS)


JUDGE = Judge(
    fields=(
        "created_at", "status", "application_status", "blocked", "blocked_reason", "expires_at",
        "revoked_at", "revoked_reason", "revoke_at", "brownout_from", "max_uses", "max_budget_usd",
        "last_used_at", "parent_key_id",
    ),
    facts=_facts,
    health=health,
    of_new=None,
)  # fmt: skip
SOURCE = Source(
    "key",
    "keys.index",
    sql("portal.keys.usage", "application_health.sql"),
    "end within 14 days",
    "ends within 14 days",
)
