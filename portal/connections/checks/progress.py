"""Tell each step of a check as soon as it is known, and what became of those after it."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from portal.connections.checks.answers import unreached
from portal.connections.checks.report import Failure, State, Step
from portal.outbound import Outcome, Timings

OnStep = Callable[[Step], Awaitable[None]]

CONNECTION = {
    "address": "Find the address",
    "connect": "Connect",
    "tls": "Secure the connection (TLS)",
}
_STAGES = {"address": "dns", "connect": "connect", "tls": "tls"}
_AT_THE_ADDRESS = ("forbidden_address", "invalid_request", "dns")
REUSED = "A connection that was already open was used."
PLAIN = "Nothing is encrypted: the address begins with http://."
USE_TLS = (
    "Use an address with https:// if there is one. Others can read the credentials on the way."
)


class Stopped(Exception):
    """The check ends here. The step that is under way fails for this reason."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.verdict)
        self.failure = failure


class Progress:
    """The steps of one check: those that are planned, and those that have been told."""

    def __init__(self, planned: Mapping[str, str], on_step: OnStep) -> None:
        self._planned = dict(planned)
        self._on_step = on_step
        self._origin = self._began = time.perf_counter()
        self.steps: list[Step] = []

    @property
    def took_ms(self) -> float:
        return round((time.perf_counter() - self._origin) * 1000, 2)

    @property
    def connected(self) -> bool:
        """Tell whether the steps of the connection have been told."""
        return not any(name in self._planned for name in CONNECTION)

    def is_pending(self, name: str) -> bool:
        return name in self._planned

    def begin(self) -> None:
        """Count the time of the next step from now."""
        self._began = time.perf_counter()

    async def passed(self, name: str, said: str = "", status: int | None = None) -> None:
        await self._finish(self._step(name, "passed", said, status=status))

    async def passed_too(self, name: str, said: str, status: int | None) -> None:
        """Tell that a step passed with the request of the next one, which has its time."""
        step = self._step(name, "passed", said, status=status)
        await self._finish(replace(step, took_ms=None), begin=False)

    async def warned(self, name: str, said: str, remedy: str = "") -> None:
        await self._finish(self._step(name, "warned", said, remedy))

    async def skipped(self, name: str, said: str, remedy: str = "") -> None:
        """Tell that a step was not tried, and why."""
        step = self._step(name, "not_tried", said, remedy)
        await self._finish(replace(step, took_ms=None, began_ms=None), begin=False)

    async def failed(self, name: str, failure: Failure) -> None:
        step = self._step(name, "failed", failure.said, failure.remedy, failure.status)
        await self._finish(replace(step, verdict=failure.verdict))

    async def ended(self, failure: Failure | None) -> None:
        """Tell that the step under way failed, if it did, and that the rest was not tried."""
        if failure and self._planned:
            await self.failed(next(iter(self._planned)), failure)
        for name in list(self._planned):
            await self.skipped(name, "")

    async def connection(self, outcome: Outcome, url: str) -> None:
        """Tell the steps of the connection by the first request. Raises Stopped if one failed."""
        if self.connected:
            return
        failing = _failing(outcome)
        is_plain = urlsplit(url).scheme == "http"
        for name in CONNECTION:
            if name == failing:
                raise Stopped(unreached(outcome).failure())
            if name == "tls" and is_plain:
                await self.skipped_tls(PLAIN)
            else:
                await self.arrived(name, outcome.timings, _detail(name, outcome))
        times = outcome.timings
        spent = (times.dns_ms or 0) + (times.connect_ms or 0) + (times.tls_ms or 0)
        self._began += spent / 1000  # the next step begins when the connection stands

    async def skipped_tls(self, said: str) -> None:
        step = self._step("tls", "warned", said, USE_TLS)
        await self._finish(replace(step, took_ms=None, began_ms=None), begin=False)

    async def arrived(self, name: str, timings: Timings, said: str = "") -> None:
        """Tell that a step of the connection passed, with its time."""
        took = {
            "address": timings.dns_ms,
            "connect": timings.connect_ms,
            "tls": timings.tls_ms,
        }
        before = [took[each] or 0.0 for each in list(CONNECTION)[: list(CONNECTION).index(name)]]
        began = (self._began - self._origin) * 1000 + sum(before)
        step = Step(name, CONNECTION[name], "passed", took[name], round(began, 2), said=said)
        await self._finish(step, begin=False)

    def _step(
        self, name: str, state: State, said: str, remedy: str = "", status: int | None = None
    ) -> Step:
        now = time.perf_counter()
        took, began = (now - self._began) * 1000, (self._began - self._origin) * 1000
        title = self._planned.get(name, name.removeprefix("scope:"))
        return Step(
            name, title, state, round(took, 2), round(began, 2),
            status=status, said=said, remedy=remedy,
        )  # fmt: skip

    async def _finish(self, step: Step, begin: bool = True) -> None:
        self._planned.pop(step.name, None)
        self.steps.append(step)
        if begin:
            self.begin()
        await self._on_step(step)


def _failing(outcome: Outcome) -> str | None:
    """Return the step of the connection at which a request ended; None if it got further."""
    if outcome.kind in ("delivered", "http_error", "redirect"):
        return None
    if outcome.kind in _AT_THE_ADDRESS:
        return "address"
    return next((name for name, stage in _STAGES.items() if stage == outcome.stage), None)


def _detail(name: str, outcome: Outcome) -> str:
    if outcome.reused_connection:
        return REUSED
    if name == "tls" and outcome.tls_version:
        days = outcome.certificate_days
        ends = "" if days is None else f"; the certificate is good for {days} more days"
        return f"{outcome.tls_version}{ends}."
    return ""
