"""The delivery engine: claim due deliveries, send them, and record the outcomes, in a loop.

Three loops share one event loop, each with its own database connection: `_listen` waits for
notifications, `_take` leases batches, `_record` writes the outcomes in batches. Each leased
delivery is sent by a task, with no transaction open. A notification only wakes `_take` earlier;
polling finds the same deliveries without it. Any number of workers may run: a delivery that one has
leased is claimed by no other, until it is done or that worker has died (`worker_presence`).
"""

import asyncio
import contextlib
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

import psycopg
import structlog
import uvloop
from flask import Flask

from portal.core.config import Config, libpq_url
from portal.delivery import sending
from portal.delivery.concurrency import EndpointLimit, EndpointLimits
from portal.delivery.health import safe_pause
from portal.delivery.queue import new_deliveries, queue
from portal.delivery.queue.new_deliveries import Fresh
from portal.delivery.queue.policy import Decision
from portal.delivery.queue.queue import AttemptRecord, DueEndpoint, LeasedDelivery
from portal.delivery.queue.turns import Round, in_turns
from portal.delivery.queue.worker_presence import RENEW_SECONDS, Presence
from portal.delivery.secret_cache import Keys, KeysUnavailable
from portal.fast import pipeline
from portal.fast.pipeline import Connection
from portal.outbound import OutboundClient, Outcome, Request, asker
from portal.webhooks.signing import standard_webhooks
from portal.webhooks.subscriptions import CHANNEL

log = structlog.stdlib.get_logger(__name__)
Of = TypeVar("Of", AttemptRecord, LeasedDelivery)

POLL_SECONDS = 1.0
BEHIND_SECONDS = 0.05
"""Between two rounds of the search, while a tenant has more endpoints than one round walks: its own
due ones wait for this, and without it the database would search all the time."""

LOOK_SECONDS = 1.0
HELD = 1500
"""Most deliveries leased to this worker, in flight or claimed ahead."""

CONNECTIONS = HELD
"""With fewer, several tenants whose receivers hang would hold all, though each leaves half of the
places to others."""

BATCH = 400
"""Each statement waits for its turn in the event loop, which takes long while many deliveries are
in flight: a few large batches keep up, many small ones do not."""

GATHER_SECONDS = 0.002
"""Short, because an attempt that is not recorded yet is repeated if this worker dies."""

LOCK_PATIENCE = "SET lock_timeout = '250ms'"
"""For the records of attempts, which wait for other workers at most. Meanwhile no other tenant's
are written."""

ASIDE_SECONDS = 0.5
ENDPOINTS = 200
ACTING = 2
"""Threads that pause, probe and resume webhooks. A tenant has one of them at a time: many of its
receivers may be gone at once."""

DRAIN_SECONDS = 40.0
CLAIM_SECONDS = 5.0
SIGN_OFF_SECONDS = 2.0
"""Without it, others take this worker for dead a little later, which costs a warning."""

RECONNECT_SECONDS = (0.2, 1.0)
"""Shorter than the time after which a worker without a session is declared dead."""

AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    OSError,
    TimeoutError,
)
TOO_LONG = (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable)
BUSY = (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable)
"""A lock was not to be had: to try again is enough."""

FAILED_HERE = Outcome(
    "invalid_request",
    "The request could not be made from the webhook's settings.",
    "Look at the custom headers and the address.",
)


class Engine:
    """The delivery loop of one worker, in a thread and an event loop of its own."""

    def __init__(self, app: Flask) -> None:
        self.config: Config = app.extensions["portal"]
        self.app = app
        self.lanes = EndpointLimits()
        self.keys = Keys(app)
        self.presence = Presence()
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self.taken: dict[str, LeasedDelivery] = {}
        self._done: list[AttemptRecord] = []
        self._unsent: list[LeasedDelivery] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._round = Round()
        self._round_took = False
        self._searched = False
        self._look_at = 0.0
        self._fresh: dict[str, Fresh] = {}
        self._look_for_due_at = 0.0
        self._attempts = 0
        self._threads = ThreadPoolExecutor(ACTING, thread_name_prefix="pauses")
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._gathering: asyncio.TimerHandle | None = None
        self._aside: set[str] = set()
        """Tenants of which nothing is recorded for a moment."""
        self._thread = threading.Thread(target=self._run, name="delivery")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()

    def start(self) -> None:
        """Start the thread. Return once its event loop runs and can be stopped."""
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Claim nothing more, wait until the deliveries in flight have ended, and return."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(DRAIN_SECONDS + 5)

    def _run(self) -> None:
        uvloop.run(self.run())

    async def run(self) -> None:
        """Run until `stop` is called."""
        self._loop = asyncio.get_running_loop()
        self._end, self._wake, self._ready = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._started.set()
        allow = self.config.outbound_allow
        async with OutboundClient(allow, concurrency=CONNECTIONS) as self.client:
            recording = asyncio.create_task(self._with_database(self._record))
            listening = asyncio.create_task(self._with_database(self._listen))
            taking = asyncio.create_task(self._with_database(self._take))
            log.info("delivery ready")
            await self._end.wait()
            await self._end_taking(taking)
            await self._drain(recording)
            listening.cancel()  # not earlier: it renews the lease of the deliveries in flight
            await asyncio.gather(listening, taking, recording, return_exceptions=True)
            await self._sign_off()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.keys.stop()
        log.info("delivery stopped", attempts=self._attempts)

    async def _end_taking(self, taking: "asyncio.Task[None]") -> None:
        """Wait until a running claim ends. An interrupted one would lease deliveries that nobody
        knows of."""
        self._wake.set()
        await asyncio.wait([taking], timeout=CLAIM_SECONDS)
        taking.cancel()

    async def _drain(self, recording: "asyncio.Task[None]") -> None:
        self._put_all_back()
        deadline = time.monotonic() + DRAIN_SECONDS
        while (self._tasks or self._done or self._unsent) and time.monotonic() < deadline:
            self._ready.set()
            await asyncio.sleep(0.02)
        recording.cancel()

    async def _sign_off(self) -> None:
        """Tell the other workers that this one has stopped, if the database can be reached now."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SIGN_OFF_SECONDS):
                await self._with_database(self.presence.end)

    async def _with_database(self, work: Callable[[Connection], Awaitable[None]]) -> None:
        """Run `work` with a connection; while the database is unavailable, wait and start again."""
        wait = RECONNECT_SECONDS[0]
        while True:
            try:
                url = libpq_url(self.config.database_url)
                connection = await queue.connect(url, self.config.process_mark)
                async with connection:
                    wait = RECONNECT_SECONDS[0]
                    await work(connection)
                    if self._end.is_set():
                        return
            except TOO_LONG as error:
                log.warning("delivery: a statement took too long", reason=_first(error))
            except AWAY as error:
                log.warning("delivery: database away", reason=_first(error), retry_in=wait)
            except Exception:
                log.exception("delivery: unexpected error", retry_in=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, RECONNECT_SECONDS[1])

    # ------------------------------------------------------------ waking

    async def _listen(self, connection: Connection) -> None:
        for channel in (CHANNEL, new_deliveries.CHANNEL):
            await connection.execute(f"LISTEN {channel}")
        await queue.attend(connection)  # after LISTEN: a pause waits for each attending worker
        try:
            if await self.presence.enter(connection):
                self._put_all_back()  # other workers have claimed them already
            self._look_for_due()  # for deliveries published while it did not listen
            while True:
                await self._hear(connection)
                await self._renew(connection)
        finally:
            self.presence.leave()
            self._put_all_back()

    async def _hear(self, connection: Connection) -> None:
        """Handle notifications until the lease has to be renewed."""
        ends = time.monotonic() + RENEW_SECONDS
        while (wait := ends - time.monotonic()) > 0:
            notices = await pipeline.hear(connection, wait)
            for channel, said in {(notice.channel, notice.payload) for notice in notices}:
                if channel == new_deliveries.CHANNEL:
                    self._hear_of(new_deliveries.read(said))
                    continue
                self._look_for_due()
                if said:
                    self._halt(said)
                    await queue.halted(connection, said)

    def _hear_of(self, new: Fresh | None) -> None:
        """Store new deliveries until they are claimed; if their ids are not given, search for due
        ones."""
        if new is None:
            self._look_for_due()
            return
        new_deliveries.gather(self._fresh, new)
        self._wake.set()

    def _look_for_due(self) -> None:
        """Make the next claim search for all due deliveries."""
        self._look_for_due_at = 0.0
        self._wake.set()

    async def _renew(self, connection: Connection) -> None:
        was_heard = self.presence.is_heard
        if await self.presence.renew(connection):
            self._put_all_back()  # other workers have claimed them already
        if not was_heard:
            self._look_for_due()

    async def _sleep(self, until: float) -> None:
        """Wait until something wakes the loop, but no longer than until this moment."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(until - time.monotonic()):
                await self._wake.wait()
        self._wake.clear()

    # ------------------------------------------------------------ claiming

    async def _take(self, connection: Connection) -> None:
        self.presence.forget_others()
        await self.presence.recover(connection, self._in_hand)
        self._look_for_due()  # for a claim that failed when the connection was lost
        while not self._end.is_set():
            await self._look_around(connection)
            space, worker = min(HELD - len(self.taken), BATCH), self.presence.standing
            if space <= 0 or worker is None:
                await self._sleep(self._look_at)
            elif self._is_turn_of_fresh():
                await self._take_fresh(connection, worker, space)
            elif time.monotonic() >= self._look_for_due_at:
                await self._take_due(connection, worker, space)
            else:
                await self._sleep(min(self._look_at, self._look_for_due_at))
                self.lanes.forget_idle()

    def _is_turn_of_fresh(self) -> bool:
        """Tell whether to claim new deliveries next. While there are due ones to search for as
        well, the two take turns."""
        is_due = time.monotonic() >= self._look_for_due_at
        self._searched = is_due and not (self._fresh and self._searched)
        return bool(self._fresh) and not self._searched

    async def _look_around(self, connection: Connection) -> None:
        """Look for dead workers from time to time, count the workers that share the endpoints, and
        ping the paused endpoints that have no delivery to probe with."""
        if time.monotonic() < self._look_at:
            return
        questions = queue.counted_workers(), queue.silent_endpoints()
        workers, silent = await self.presence.look(connection, *questions)
        self.lanes.share_with(max(len(workers), 1))
        for row in silent:
            self._in_thread(safe_pause.ping, row["tenant_id"], row["webhook_id"])
        self._look_at = time.monotonic() + LOOK_SECONDS

    async def _take_due(self, connection: Connection, worker: int, space: int) -> None:
        """Claim due deliveries once. If nothing was claimed in a whole round, search again after
        POLL_SECONDS, or sooner if the round did not walk all endpoints."""
        begun = time.monotonic()
        self._look_for_due_at = begun + POLL_SECONDS
        wanted = self._share(await self._due(connection), space)
        with contextlib.suppress(queue.TakenForGone):
            taken = await queue.take(connection, wanted, worker) if wanted else []
            self._note(wanted, taken, begun)
            self._round_took |= bool(taken)
            if self._round_took or not self._round.is_over:
                self._look_for_due_at = 0.0
            elif self._round.is_behind:
                soon = time.monotonic() + BEHIND_SECONDS
                self._look_for_due_at = min(self._look_for_due_at, soon)
            self._round_took &= not self._round.is_over

    async def _take_fresh(self, connection: Connection, worker: int, space: int) -> None:
        """Claim deliveries once that were published just now, for the endpoints that have room."""
        begun = time.monotonic()
        some = in_turns(self._fresh.values())[:ENDPOINTS]
        new = {one.webhook_id: self._fresh.pop(one.webhook_id) for one in some}
        wanted = self._share([one.due for one in some if self._is_open(one)], space)
        for name in new.keys() - {due.webhook_id for due, _ in wanted}:
            self.lanes.of(name).has_more = True
        if not wanted:
            return
        with contextlib.suppress(queue.TakenForGone):
            for tenant_id, group in groupby(sorted(wanted, key=_tenant), key=_tenant):
                if self._end.is_set():
                    return
                of_tenant = list(group)
                asked = [(new[due.webhook_id], room) for due, room in of_tenant]
                taken, conditional = await new_deliveries.take(connection, tenant_id, asked, worker)
                self._note(of_tenant, taken, begun)
                for name in conditional:
                    self.lanes.of(name).note_conditions()
                    self._look_for_due()

    def _is_open(self, new: Fresh) -> bool:
        """Tell whether the new deliveries of an endpoint can be claimed at once: it has room, no
        older ones wait, and it has no known conditions (a pause, an order, a rate). Otherwise the
        search for due deliveries finds them."""
        lane = self.lanes.of(new.webhook_id)
        if lane.is_busy:
            return False  # the search finds them when it has room
        if lane.has_conditions or lane.has_more:
            self._look_for_due()
            return False
        return True

    async def _due(self, connection: Connection) -> list[DueEndpoint]:
        """Return endpoints with due deliveries, going round all of them, so that each gets its
        turn."""
        busy = self.lanes.busy()
        found = await self._round.search(connection, busy)
        if self._round.is_whole:
            self.lanes.note_nothing_more(but={*busy, *(one.webhook_id for one in found)})
        return found

    def _share(self, due: list[DueEndpoint], space: int) -> list[tuple[DueEndpoint, int]]:
        """Divide the space evenly over the endpoints, each within its own lane. A tenant gets at
        most half of what the other tenants leave, so that there is always space for one more
        tenant."""
        held, free = self._held(), HELD - len(self.taken)
        rooms = [(one, self.lanes.of(one.webhook_id).room(one)) for one in due]
        rooms = sorted((pair for pair in rooms if pair[1] > 0), key=lambda pair: pair[1])
        wanted = []
        for number, (one, room) in enumerate(rooms):
            share = min(room, max(space // (len(rooms) - number), 1))
            share = min(share, (free + held[one.tenant_id]) // 2 - held[one.tenant_id], space)
            if share <= 0:
                continue
            space, free = space - share, free - share
            held[one.tenant_id] += share
            wanted.append((one, share))
        return wanted

    def _held(self) -> Counter[str]:
        """Return how many deliveries of each tenant this worker holds."""
        return Counter(one.tenant_id for one in self.taken.values())

    def _in_hand(self) -> set[str]:
        """Return the ids of the deliveries that this worker knows to be leased to it."""
        done = (one.done["id"] for one in self._done)
        return {*self.taken, *done, *(one.id for one in self._unsent)}

    def _note(
        self, wanted: list[tuple[DueEndpoint, int]], taken: list[LeasedDelivery], begun: float
    ) -> None:
        """Add claimed deliveries to their lanes and start them. `begun` is the time before the
        search: a halt since then may concern what the search has not seen."""
        of: dict[str, list[LeasedDelivery]] = {due.webhook_id: [] for due, _ in wanted}
        for one in taken:
            of[one.webhook_id].append(one)
            self.taken[one.id] = one
        for due, room in wanted:
            lane, found = self.lanes.of(due.webhook_id), of[due.webhook_id]
            lane.took(found)
            lane.has_more = len(found) == room
            is_over = self._end.is_set() or not lane.may_begin(begun)
            self._put_back(lane) if is_over else self._start(lane)

    # ------------------------------------------------------------ sending

    def _start(self, lane: EndpointLimit) -> None:
        """Start as many senders as the lane has room and deliveries for."""
        while (taken := lane.next()) is not None:
            self._keep(asyncio.get_running_loop().create_task(self._send(lane, taken)))

    async def _send(self, lane: EndpointLimit, taken: LeasedDelivery | None) -> None:
        """Send the deliveries of a lane one after the other, as long as it has more."""
        asker.set(taken.tenant_id if taken else "")
        while taken is not None:
            succeeded = await self._deliver(taken, lane) if self._may_begin(taken, lane) else None
            if succeeded is None:
                self._do_not_begin(taken, lane)
            elif succeeded and not lane.is_late(time.monotonic()):
                self._start(lane)
            else:
                self._put_back(lane)
            if not taken.settings.ordered:
                self._wake_if_room(lane)
            taken = lane.next()

    def _may_begin(self, taken: LeasedDelivery, lane: EndpointLimit) -> bool:
        """Tell whether an attempt may begin: the lease is certainly still valid, so that no other
        worker has this delivery, and the webhook was not halted since the claim."""
        return self.presence.standing == taken.worker and lane.may_begin(taken.leased_at)

    async def _deliver(self, taken: LeasedDelivery, lane: EndpointLimit) -> bool | None:
        """Make one attempt, from the signature to the values to record. Return whether it
        succeeded; None if it did not begin, because another worker may have claimed the delivery
        while it waited, or the webhook was halted.

        It never raises.
        """
        request, signed_with, decision = None, "", None
        try:
            if taken.data is None:
                outcome, decision = sending.GONE, Decision("failed", unsent="erased")
            else:
                request, signed_with = await self._sign(taken)
                async with self._slots:
                    if not self._may_begin(taken, lane):
                        return None
                    outcome = await self.client.send(request)
        except KeysUnavailable as reason:
            outcome = Outcome("cancelled", str(reason))
            decision = Decision("retrying", reason.wait, unsent=reason.word)
        except Exception:
            log.exception("delivery: internal error", delivery=taken.id, tenant=taken.tenant_id)
            outcome = FAILED_HERE
        decision = decision or sending.judge(taken, outcome)
        lane.returned(good=outcome.succeeded, seconds=outcome.timings.total_ms / 1000)
        done = sending.done(taken, request, outcome, decision, signed_with)
        self._finish(taken, done, decision, at_once=lane.is_held_up)
        return outcome.succeeded

    def _put_back(self, lane: EndpointLimit) -> None:
        """Release the deliveries that wait in a lane and will not be sent soon, for other
        workers."""
        for one in lane.emptied():
            self._let_go(one)
            self._unsent.append(one)
            self._ready.set()

    def _do_not_begin(self, taken: LeasedDelivery, lane: EndpointLimit) -> None:
        """Release a delivery and all that wait in its lane: other workers may have claimed them by
        now, or nothing may be sent any more."""
        lane.waiting.appendleft(taken)
        lane.not_begun()
        self._put_back(lane)

    def _put_all_back(self) -> None:
        """Release all waiting deliveries, and begin none that was claimed until now: a halt may
        have gone unheard."""
        self.lanes.halt_all()
        for lane in self.lanes:
            self._put_back(lane)

    def _halt(self, webhook_id: str) -> None:
        """Release the waiting deliveries of a webhook that was paused, disabled or deleted, and
        begin none that was claimed until now."""
        lane = self.lanes.of(webhook_id)
        lane.halt()
        self._put_back(lane)

    async def _sign(self, taken: LeasedDelivery) -> tuple[Request, str]:
        keys = await self.keys.of(taken.tenant_id, taken.settings)
        waited = time.monotonic() - taken.leased_at
        now = int(taken.settings.taken_at.timestamp() + waited)
        return sending.request_of(taken, keys, now), standard_webhooks.fingerprint(keys[0])

    def _let_go(self, taken: LeasedDelivery) -> None:
        # Its lease may have expired, and this same worker may have claimed it again.
        if self.taken.get(taken.id) is taken:
            del self.taken[taken.id]

    def _finish(
        self, taken: LeasedDelivery, done: AttemptRecord, decision: Decision, *, at_once: bool
    ) -> None:
        self._let_go(taken)
        self._attempts += 1
        self._done.append(done)
        self._record_soon(at_once=at_once or taken.settings.ordered)
        paused_at = taken.settings.paused_at
        if decision.pause or paused_at:
            of = taken.tenant_id, taken.webhook_id
            good = decision.state == "delivered"
            self._in_thread(safe_pause.probed, *of, paused_at, good, decision.pause)

    def _wake_if_room(self, lane: EndpointLimit) -> None:
        if lane.has_more and not lane.is_busy:
            self._look_for_due()

    # ------------------------------------------------------------ recording

    def _record_soon(self, *, at_once: bool = False) -> None:
        """Record a full batch at once, and a smaller one after GATHER_SECONDS."""
        if at_once or len(self._done) >= BATCH:
            self._ready.set()
        elif self._done and self._gathering is None:
            loop = asyncio.get_running_loop()
            self._gathering = loop.call_later(GATHER_SECONDS, self._gathered)

    def _gathered(self) -> None:
        self._gathering = None
        self._ready.set()

    async def _record(self, connection: Connection) -> None:
        await connection.execute(LOCK_PATIENCE)
        self._ready.set()  # for records that failed when the connection was lost
        while True:
            await self._ready.wait()
            self._ready.clear()
            await self._record_ended(connection)

    async def _record_ended(self, connection: Connection) -> None:
        """Record one batch of ended attempts, and give back all that were not begun."""
        ended = [one for one in self._done if one.tenant_id not in self._aside]
        if batch := in_turns(ended)[:BATCH]:
            await self._record_batch(connection, batch)
            self._record_soon()
        unsent = [one for one in self._unsent if one.tenant_id not in self._aside]
        for part in _by_tenant(unsent):
            await self._give_back(connection, part)

    async def _record_batch(self, connection: Connection, batch: list[AttemptRecord]) -> None:
        """Record a batch. If somebody has locked one of its rows, record each tenant's part alone,
        and put those that are locked aside: no tenant waits for the locks of another one."""
        try:
            health = await queue.complete(connection, batch)
        except BUSY as error:  # nothing was recorded, and the connection is as good as before
            parts = _by_tenant(batch)
            if len(parts) > 1:
                for part in parts:
                    await self._record_batch(connection, part)
            else:
                self._set_aside(batch[0].tenant_id, error)
            return
        recorded = {id(one) for one in batch}
        self._done = [one for one in self._done if id(one) not in recorded]
        self._go_on(batch)
        for one in health:
            if safe_pause.concerns(one):
                self._in_thread(safe_pause.judge, one.tenant_id, one.webhook_id)

    async def _give_back(self, connection: Connection, part: list[LeasedDelivery]) -> None:
        """Give back deliveries of one tenant, later if somebody has locked one of them."""
        try:
            await queue.give_back(connection, part)
        except BUSY as error:
            self._set_aside(part[0].tenant_id, error)
            return
        given = {id(one) for one in part}
        self._unsent = [one for one in self._unsent if id(one) not in given]

    def _set_aside(self, tenant_id: str, error: Exception) -> None:
        log.warning("delivery: recording again", reason=_first(error))
        self._aside.add(tenant_id)
        asyncio.get_running_loop().call_later(ASIDE_SECONDS, self._try_again, tenant_id)

    def _try_again(self, tenant_id: str) -> None:
        self._aside.discard(tenant_id)
        self._ready.set()

    def _go_on(self, recorded: list[AttemptRecord]) -> None:
        """Start the deliveries that waited for these to be recorded."""
        for webhook_id, count in Counter(one.webhook_id for one in recorded).items():
            lane = self.lanes.of(webhook_id)
            lane.recorded(count)
            if lane.is_late(time.monotonic()):
                self._put_back(lane)
            else:
                self._start(lane)
            self._wake_if_room(lane)

    def _in_thread(self, verb: Callable[..., Any], tenant_id: str, *arguments: Any) -> None:
        """Run a rare action (a pause, a probe, a recovery) through the service, in a thread."""
        work = self._in_turn(verb, tenant_id, *arguments)
        self._keep(asyncio.get_running_loop().create_task(work))

    async def _in_turn(self, verb: Callable[..., Any], tenant_id: str, *arguments: Any) -> None:
        """Run an action when those before it of the same tenant have ended: one of each tenant is
        in the threads or waits for them."""
        async with self._turns[tenant_id]:
            loop = asyncio.get_running_loop()
            run = partial(safe_pause.run, self.app, verb, tenant_id, *arguments)
            await loop.run_in_executor(self._threads, run)

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _by_tenant(things: Iterable[Of]) -> list[list[Of]]:
    tenants: dict[str, list[Of]] = defaultdict(list)
    for one in things:
        tenants[one.tenant_id].append(one)
    return list(tenants.values())


def _tenant(wanted: tuple[DueEndpoint, int]) -> str:
    return wanted[0].tenant_id


def _first(error: Exception) -> str:
    """Return the first line of what an error says."""
    return str(error).strip().partition("\n")[0]
