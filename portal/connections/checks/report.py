"""Define what a check is given and what comes of it, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from portal.core.deadlines import elapsed
from portal.providers import Provider, Variant
from portal.providers.steps import Verdict

State = Literal["passed", "warned", "failed", "not_tried"]
Outcome = Literal["passed"] | Verdict | Literal["unproven", "secret_store", "internal"]
"""`unproven`: nothing failed, and nothing shows that the credentials are good. `secret_store` and
`internal` are the portal's own faults, and never the connector's."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A connection to prove. `credentials` are the opened values.

    `token_origin` is where the other side named its token address for these credentials before.
    """

    provider: Provider
    variant: Variant
    config: Mapping[str, Any]
    credentials: Mapping[str, str] = field(repr=False)
    token_origin: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a check, as it is shown.

    `name` is `address`, `connect`, `tls`, `sign_in`, `who` or `scope:` and a scope. `began_ms`
    counts from the begin of the check. `said` tells what happened, `remedy` what to do; neither has
    a secret, and no text of the other side is in them that has not been cleaned and cut.
    """

    name: str
    title: str
    state: State
    took_ms: float | None = None
    began_ms: float | None = None
    verdict: Verdict | None = None
    status: int | None = None
    said: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why something could not be had, in the words of the step that failed."""

    verdict: Verdict
    said: str
    remedy: str
    status: int | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An access token that a check got on its way; `expires_at` is None if nobody said.

    Where the provider says how long it lasts, `expires_at` is by this machine's clock. `lasts` has
    these seconds, and `asked_at` when they were asked for, by `portal.core.deadlines.elapsed`.
    """

    value: str = field(repr=False)
    expires_at: datetime | None
    lasts: float | None = None
    asked_at: float = 0.0

    def ends(self, now: datetime) -> datetime | None:
        """Return when it ends by the clock that says `now`, which need not be this machine's."""
        if self.lasts is None:
            return self.expires_at
        return now + timedelta(seconds=self.lasts - (elapsed() - self.asked_at))


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check.

    `said` and `remedy` are those of the step that decided. `granted` is None where the provider
    does not tell. `expires_at` is when the credentials end, as the provider says.
    """

    outcome: Outcome
    said: str
    remedy: str
    steps: tuple[Step, ...]
    took_ms: float
    account: str | None = None
    is_person: bool | None = None
    granted: tuple[str, ...] | None = None
    missing: tuple[str, ...] = ()
    too_much: tuple[str, ...] = ()
    expires_at: datetime | None = None
    retry_at: datetime | None = None
    token: Fetched | None = None
    token_origin: str | None = None
