"""The process beside the demo: it fills the weeks before, then lets Acme go on working."""

import signal
from collections.abc import Callable
from random import SystemRandom
from threading import Event as Flag
from types import FrameType

import psycopg
import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from portal.core.errors import PortalError
from portal.database.app_role import DatabaseUnreachable
from portal.database.session import transaction
from portal.events import service as events
from portal.ops.tenants import TenantError
from portal_devtools.demo import calls, happenings, history, situations
from portal_devtools.demo.cast import program
from portal_devtools.demo.seeding import seed
from portal_devtools.identity_provider.people import ACME

log = structlog.stdlib.get_logger(__name__)

BEAT_SECONDS = 10.0
EVENTS, ALERTS = 0.08, 0.1  # of the beats, and of their events

TRIES = 100
"""So often what has to wait for the worker is tried before the demo goes on without it."""

AWAY = (PortalError, SQLAlchemyError, psycopg.Error, DatabaseUnreachable, TenantError)
Situation = Callable[[], bool]


class Demo:
    """Acme at work, until `stopping` is set."""

    def __init__(self, app: Flask, stopping: Flag) -> None:
        self._app = app
        self._stopping = stopping
        self._chance = SystemRandom()
        self._open: list[Situation] = []

    def run(self) -> None:
        """Fill what is missing of the past, then do something now and then."""
        while not self._stopping.is_set():
            try:
                self.fill()
                self._go_on()
            except AWAY as error:
                log.warning("the demo waits", reason=type(error).__name__)
                self._stopping.wait(BEAT_SECONDS)

    def fill(self, days: int = happenings.DAYS) -> None:
        """Make everything that the demo promises; what is there already stays as it is."""
        seed(self._app)
        self._open = [situations.break_a_connector, situations.take_a_lease]
        for _ in history.fill(self._app, self._stopping, days):
            self._try()
        self._open.append(situations.replay)
        for _ in range(TRIES):
            self._try()
            if not self._open or self._stopping.wait(history.LOOK_SECONDS):
                break
        if not self._stopping.is_set():
            log.info("the weeks before are filled")

    def _try(self) -> None:
        """Let happen what can happen now; the others stay open."""
        self._open = [situation for situation in self._open if not self._happens(situation)]

    def _happens(self, situation: Situation) -> bool:
        with self._app.app_context(), transaction(ACME):
            return situation()

    def _go_on(self) -> None:
        while not self._stopping.wait(BEAT_SECONDS):
            self._try()
            self.beat()

    def beat(self) -> None:
        """Let some keys be used, and publish an event now and then."""
        with self._app.app_context(), transaction(ACME):
            calls.now(self._chance)
            if self._chance.random() < EVENTS:
                is_alert = self._chance.random() < ALERTS
                make = happenings.alert if is_alert else happenings.any_of
                what = make(self._chance)
                events.publish(program(what.app), [what.event()])


def run(app: Flask) -> None:
    """Run the demo until SIGTERM or SIGINT."""
    stopping = Flag()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    Demo(app, stopping).run()
