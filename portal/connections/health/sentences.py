"""Say in one sentence how a connector is, and what to do next. Pure: nothing is read here.

Each sentence names its proof: the check that found it, and when. A connector that was not checked
as it is now is never said to work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from portal.connections.check_results import OWN_FAULTS, SOON
from portal.connections.models import ConnectorCheck, ConnectorStanding
from portal.connectors import service as connectors
from portal.connectors.models import Connector
from portal.records.health import clock, listed
from portal.secretstore import last_forgotten
from portal.web.drawing.template_functions import ago

OVERDUE = timedelta(hours=1)
SLOW_QUEUE = timedelta(minutes=1)
UNREACHED = frozenset({"address", "connect", "tls"})  # steps before the other side answers
LEADS = {
    "auth_invalid": "Sign-in refused",
    "auth_scope": "Permissions missing",
    "auth_expired": "Credentials expired",
    "config": "A setting is wrong",
}
Doing = Literal["restore", "edit", "check", "enable", "wait"]


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in a sentence: `near` ones are relative and stay true while the page is open."""

    at: datetime
    text: str
    near: bool = False


Part = str | Moment


@dataclass(frozen=True, slots=True)
class Action:
    """The next thing to do; `version` is that of the credentials to go back to."""

    doing: Doing
    label: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """Say what is known, with its times; `more` says what happened and what to do about it."""

    tone: Literal["ok", "warn", "bad", ""]
    parts: tuple[Part, ...]
    more: str = ""
    action: Action | None = None

    def __str__(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a connection: who saved what when. `version` is that of the credentials, with the
    `fields` that were entered; `place` is the entry of the timeline."""

    at: datetime
    by: str
    settings: tuple[str, ...] = ()
    version: int | None = None
    fields: tuple[str, ...] = ()
    place: str = ""


class Judged(Protocol):
    """The parts of a connector that a sentence reads."""

    @property
    def is_deleted(self) -> bool: ...
    @property
    def deleted_at(self) -> datetime | None: ...
    @property
    def enabled(self) -> bool: ...
    @property
    def provider(self) -> str | None: ...
    @property
    def is_stopped(self) -> bool: ...
    @property
    def application_status(self) -> str | None: ...
    @property
    def state(self) -> str: ...
    @property
    def sync_status(self) -> str: ...
    @property
    def updated_at(self) -> datetime: ...
    @property
    def credential_version(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Known:
    """All that a sentence may use. `change` is the last one before the checks began to fail."""

    record: "Judged"
    standing: ConnectorStanding | None
    now: datetime
    open_check: ConnectorCheck | None = None
    last_check: ConnectorCheck | None = None
    change: Change | None = None
    for_whom: str = ""
    is_open: bool = True
    missing: Sequence[str] = field(default=())

    @property
    def found(self) -> ConnectorCheck | None:
        """Return the check that the standing is from."""
        check, standing = self.last_check, self.standing
        return check if check and standing and check.id == standing.check_id else None

    def near(self, at: datetime) -> Moment:
        """Return a time as “3 min ago” or “in 12 d”."""
        return Moment(at, ago(at, self.now), near=True)

    def clock(self, at: datetime) -> Moment:
        """Return a time as “13:42 UTC”, with its day if it is not today."""
        return Moment(at, clock(at, self.now))


def say(known: Known) -> Sentence:
    """Return the sentence for what is known of a connector."""
    for rule in RULES:
        if (sentence := rule(known)) is not None:
            return sentence
    return _passed(known)


def known_of(
    record: Connector, standing: ConnectorStanding | None, now: datetime, *, is_open: bool = True
) -> Known:
    """Return what a list knows of a connector: its row and its standing."""
    missing = connectors.missing(record) if is_open else ()
    return Known(record, standing, now, is_open=is_open, missing=missing)


# ---------------------------------------------------------------- before any check counts


def _closed(known: Known) -> Sentence | None:
    if known.is_open:
        return None
    state = known.record.state.replace("_", " ")
    return Sentence("", (f"For somebody else. Its state is {state}.",))


def _deleted(known: Known) -> Sentence | None:
    record = known.record
    if not record.is_deleted:
        return None
    when: tuple[Part, ...] = (known.near(record.deleted_at),) if record.deleted_at else ()
    return Sentence("", ("Deleted ", *when))


def _disabled(known: Known) -> Sentence | None:
    if known.record.enabled:
        return None
    return Sentence(
        "",
        ("Disabled: it is neither used nor checked", *_last_pass(known)),
        action=Action("enable", "Enable"),
    )


def _draft(known: Known) -> Sentence | None:
    if known.record.provider is not None:
        return None
    return Sentence(
        "", ("Draft: no system is chosen yet",), action=Action("edit", "Choose the system")
    )


def _not_set_up(known: Known) -> Sentence | None:
    if not known.missing:
        return None
    said = f"Not set up: {listed(known.missing)} {_is(known.missing)} missing"
    return Sentence("", (said,), action=Action("edit", "Finish set-up"))


def _stopped(known: Known) -> Sentence | None:
    record = known.record
    if not record.is_stopped:
        return None
    said = f"Stopped: its application is {record.application_status}"
    more = "It is used and checked again when the application is reopened."
    return Sentence("warn", (said, *_last_pass(known)), more)


def _being_checked(known: Known) -> Sentence | None:
    check = known.open_check
    if check is None or not _is_new(known):
        return None
    if check.state == "running" and check.started_at:
        return Sentence("", ("Being checked since ", known.clock(check.started_at)))
    more = ""
    if known.now - check.created_at > SLOW_QUEUE:
        more = "No worker has taken the check so far. Ask the operator whether one runs."
    return Sentence("", ("Waits for its check since ", known.clock(check.created_at)), more)


def _never_checked(known: Known) -> Sentence | None:
    standing = known.standing
    if standing is not None and standing.outcome is not None:
        return None
    return Sentence("", ("Never checked", *_next(known)), action=Action("check", "Check now"))


def _unproven(known: Known) -> Sentence | None:
    standing = known.standing
    if standing is None or not _is_unproven(known):
        return None
    parts = ("Reached ", *_when_checked(known), "; its sign-in is not proven")
    return Sentence("", parts, _happened(standing))


def _changed(known: Known) -> Sentence | None:
    standing = known.standing
    if standing is None or not _is_new(known) or standing.outcome in OWN_FAULTS:
        return None
    return Sentence(
        "",
        ("Changed, and not checked since", *_last_pass(known), *_next(known)),
        action=Action("check", "Check now"),
    )


def _is_new(known: Known) -> bool:
    """Tell whether no check has judged the connection as it is saved now."""
    return known.record.sync_status == "pending" and not _is_unproven(known)


def _is_unproven(known: Known) -> bool:
    """Tell whether a check of the connection as it is saved now found nothing wrong, and could not
    try the credentials."""
    standing = known.standing
    if standing is None or standing.outcome != "unproven" or standing.checked_at is None:
        return False
    return standing.checked_at >= known.record.updated_at


# ---------------------------------------------------------------- the last check did not pass


def _refused(known: Known) -> Sentence | None:
    standing = known.standing
    if standing is None or standing.outcome not in LEADS:
        return None
    lead = LEADS[standing.outcome]
    if standing.outcome == "auth_scope" and known.found and known.found.missing:
        lead = f"Permissions missing ({', '.join(known.found.missing)})"
    parts = (lead, *_since(known), *_after_change(known))
    return Sentence("bad", parts, _happened(standing), _way_out(known))


def _rate_limited(known: Known) -> Sentence | None:
    standing = known.standing
    if standing is None or standing.outcome != "rate_limited":
        return None
    parts = ("Rate limited", *_since(known), *_next(known))
    return Sentence("warn", parts, _happened(standing), Action("wait", "Wait"))


def _away(known: Known) -> Sentence | None:
    standing = known.standing
    if standing is None or standing.outcome != "transient":
        return None
    failed = {step["name"] for step in _steps(known) if step["state"] == "failed"}
    lead = "Cannot be reached" if failed & UNREACHED else "The other side fails"
    tone: Literal["bad", "warn"] = "bad" if known.record.sync_status == "failing" else "warn"
    parts = (lead, *_since(known), *_after_change(known), *_next(known))
    return Sentence(tone, parts, _happened(standing), Action("check", "Check again"))


def _own_fault(known: Known) -> Sentence | None:
    standing = known.standing
    if standing is None or standing.outcome not in OWN_FAULTS:
        return None
    why = (
        "the secret store gives no credentials"
        if standing.outcome == "secret_store"
        else "the portal failed"
    )
    parts = ("Could not be checked", *_since(known), f": {why}", *_last_pass(known))
    return Sentence("warn", parts, _happened(standing), Action("check", "Check again"))


# ---------------------------------------------------------------- the last check passed


def _overdue(known: Known) -> Sentence | None:
    standing = known.standing
    if standing is None or standing.next_check_at is None or known.open_check is not None:
        return None
    if known.now - standing.next_check_at < OVERDUE:
        return None
    parts = ("Worked ", *_when_checked(known), "; its next check is overdue since ")
    return Sentence(
        "warn",
        (*parts, known.clock(standing.next_check_at)),
        "No worker has run the check. Ask the operator whether one runs.",
        Action("check", "Check now"),
    )


def _ended(known: Known) -> Sentence | None:
    end = known.standing.expires_at if known.standing else None
    if end is None or end > known.now:
        return None
    parts = ("Credentials ended ", known.near(end), "; worked ", *_when_checked(known))
    return Sentence("bad", parts, action=Action("edit", "Enter new credentials"))


def _passed(known: Known) -> Sentence:
    standing = known.standing
    end = standing.expires_at if standing else None
    too_much = known.found.too_much if known.found else []
    parts = (*_signed_in(known), *_for_whom(known))
    if end is not None:
        parts = (*parts, "; credentials end ", known.near(end))
    if end is not None and end - known.now < SOON:
        more = "Enter new credentials before they end."
        return Sentence("warn", parts, more, Action("edit", "Enter new credentials"))
    if too_much:
        more = f"The credentials may do more than is needed: {', '.join(too_much)}."
        return Sentence("ok", parts, more, Action("edit", "Enter narrower credentials"))
    more = ""
    if standing and standing.is_person:
        more = "It stops when this person leaves or changes the password. Use a service account."
    return Sentence("ok", parts, more)


def _signed_in(known: Known) -> tuple[Part, ...]:
    standing = known.standing
    if standing is None or not standing.account:
        return ("Works: its check passed ", *_when_checked(known))
    whose = " with a person's credentials" if standing.is_person else ""
    return (f"Works{whose}: signed in as {standing.account} ", *_when_checked(known))


def _when_checked(known: Known) -> tuple[Part, ...]:
    standing = known.standing
    if standing is None or standing.checked_at is None:
        return ()
    took = f" ({standing.took_ms:,.0f} ms)" if standing.took_ms is not None else ""
    return (known.near(standing.checked_at), took)


# ---------------------------------------------------------------- parts that several share


def _for_whom(known: Known) -> tuple[Part, ...]:
    return (f"; {known.for_whom}",) if known.for_whom else ()


def _since(known: Known) -> tuple[Part, ...]:
    since = known.standing.since if known.standing else None
    return (" since ", known.clock(since)) if since else ()


def _last_pass(known: Known) -> tuple[Part, ...]:
    passed = known.standing.passed_at if known.standing else None
    return ("; the last check that passed was ", known.near(passed)) if passed else ()


def _next(known: Known) -> tuple[Part, ...]:
    at = known.standing.next_check_at if known.standing else None
    if at is None:
        return ()
    if at <= known.now:
        return ("; its check is due",)
    return ("; checked again ", known.near(at))


def _after_change(known: Known) -> tuple[Part, ...]:
    """Say which change came before the first check that failed, and how long before."""
    change, since = known.change, known.standing.since if known.standing else None
    if since is None or known.standing is None:
        return ()
    if change is None:
        return () if known.standing.passed_at else ("; no check of it has passed",)
    did = [f"changed {listed(change.settings)}"] if change.settings else []
    if change.version is not None:
        fields = f" ({listed(change.fields)})" if change.fields else ""
        did.append(f"saved version {change.version} of the credentials{fields}")
    return (f", {span(since - change.at)} after {change.by} {' and '.join(did)}",)


def _way_out(known: Known) -> Action:
    record, standing, change = known.record, known.standing, known.change
    works = standing.passed_credential_version if standing else None
    if change is None or standing is None or not works:
        return Action("edit", "Edit")
    is_kept = last_forgotten(record.credential_version) < works < record.credential_version
    if change.version is not None and is_kept and not change.settings:
        return Action("restore", f"Back to version {works}", works)
    return Action("edit", "Edit")


def _happened(standing: ConnectorStanding) -> str:
    return " ".join(text for text in (standing.said, standing.remedy) if text)


def _steps(known: Known) -> list[dict[str, str]]:
    return known.found.steps if known.found else []


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def span(length: timedelta) -> str:
    """Return a length of time as “40 s”, “1 min”, “3 h” or “2 d”."""
    seconds = length.total_seconds()
    if seconds < 1:
        return "less than a second"
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds // 86400)} d"


Rule = Callable[[Known], Sentence | None]
RULES: tuple[Rule, ...] = (
    _closed,
    _deleted,
    _draft,
    _disabled,
    _not_set_up,
    _stopped,
    _being_checked,
    _never_checked,
    _unproven,
    _changed,
    _refused,
    _rate_limited,
    _away,
    _own_fault,
    _ended,
    _overdue,
)
