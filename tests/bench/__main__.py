"""The benchmark of every promise about speed; it reports each that is not kept.

make bench                          all of it, about eight minutes
make bench ARGS="rest --rounds 3"   parts: space lists rest growth filters batch inbound memory
                                    publishing keys deliveries tenants shortcuts checks leases sdk
                                    javascript explorer browser cockpit
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from portal.core.config import libpq_url
from portal.ops import embedded_postgres, migrate
from tests.bench import (
    batch,
    cockpit,
    delivery,
    figures,
    filters,
    inbound,
    javascript,
    leases,
    publishing,
    questions,
    space,
    tenants,
    world,
)
from tests.bench.figures import Figure, of_rounds
from tests.bench.load import Ask, as_task
from tests.bench.rivals import equal_table
from tests.bench.servers import ROOT, Server, computed_by_all, free_port, portal_serving, serving

CONNECTIONS = 4
GROWTH = 1.2
EXPLORER = 2.0
PARTS = (
    "space", "lists", "rest", "growth", "filters", "batch", "inbound", "memory", "publishing",
    "keys", "deliveries", "tenants", "shortcuts", "checks", "leases", "sdk", "javascript",
    "explorer", "browser", "cockpit",
)  # fmt: skip


class Generator:
    """The process of the load generator."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.bench.load"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, kind: str, *asks: Ask, **options: Any) -> dict[str, Any]:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin
        assert stdout
        with tempfile.NamedTemporaryFile() as file:
            result = Path(file.name)
            stdin.write(as_task(result, kind, *asks, **options) + "\n")
            stdin.flush()
            if not stdout.readline():
                raise SystemExit("the load generator died")
            found: dict[str, Any] = json.loads(result.read_text())
        if kind == "turns" and found["failures"]:
            sent = sum(map(len, found["times_ms"]))
            raise SystemExit(f"{found['failures']} of {sent} were refused:\n{found['refusal']}")
        return found

    def stop(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@dataclass(frozen=True)
class Place:
    """The bench's database, and the portal's settings for it."""

    superuser: str
    settings: dict[str, str]
    postgres_pid: int

    @property
    def cookie(self) -> str:
        return "__Host-cpod"


@contextmanager
def place(directory: Path) -> Iterator[Place]:
    """Run a PostgreSQL with all of the bench's data."""
    with embedded_postgres.start(directory / "var") as postgres:
        superuser = libpq_url(postgres.superuser_url)
        empty = migrate.current(postgres.owner_url) is None
        migrate.upgrade(postgres.owner_url)
        if empty:
            world.fill(superuser)
            equal_table(superuser, world.BIG.id)
        world.sign_in(superuser)
        settings = {
            "PORTAL_ENV": "production",
            "PORTAL_BASE_URL": "https://portal.example",
            "PORTAL_DATA_DIR": str(directory),
            "PORTAL_DATABASE_URL": postgres.app_url,
            "PORTAL_SECRET_KEY": "a secret of the bench that all of us know",
            "PORTAL_OIDC_ISSUER": "https://idp.example",
            "PORTAL_OIDC_CLIENT_ID": "portal",
            "PORTAL_OIDC_CLIENT_SECRET": "a secret of the bench, known to all",
        }
        yield Place(superuser, settings, postgres.pid)


class Bench:
    """The running servers, and the measurements."""

    def __init__(self, place: Place, rounds: int, seconds: float, stack: ExitStack) -> None:
        self.place, self.rounds, self.seconds, self.stack = place, rounds, seconds, stack
        self.generator = Generator()
        stack.callback(self.generator.stop)
        self.portal = stack.enter_context(portal_serving(place.settings))

    def page(self, tenant: world.Tenant, path: str) -> Ask:
        """Return the request for a page by the tenant's admin."""
        return Ask(self.portal.port, path, {"Cookie": f"{self.place.cookie}={tenant.cookie}"})

    def rest(self, tenant: world.Tenant, path: str) -> Ask:
        """Return a REST request with the tenant's key."""
        return Ask(
            self.portal.port,
            f"/api/v1/integration{path}",
            {"Authorization": f"Bearer {tenant.key}"},
        )

    def look(self, ask: Ask, *, rows: int | None = None, marker: str = "") -> str:
        """Return the response's body; stop the bench if it is not the expected one."""
        answer = self.generator.run("once", ask)
        body = str(answer["body"])
        if answer["status"] != 200:
            raise SystemExit(f"{ask.path}: {answer['status']}\n{answer['head']}\n{body[:500]}")
        if rows is not None and body.count(marker) != rows:
            raise SystemExit(f"{ask.path}: {body.count(marker)} times {marker}, not {rows}")
        return body

    def again(self, ask: Ask) -> Ask:
        """Return the browser's second request, with the cookies that the first response set."""
        head = str(self.generator.run("once", ask)["head"])
        given = re.findall(r"(?im)^set-cookie: ([^;\r\n]+)", head)
        cookies = "; ".join(filter(None, [ask.headers.get("Cookie"), *given]))
        return replace(ask, headers={**ask.headers, "Cookie": cookies})

    # ------------------------------------------------------------ requests a second

    def compare(
        self,
        ours: Sequence[Ask],
        theirs: Sequence[tuple[Sequence[Ask], Server]],
        bounds: Sequence[tuple[str, float]],
    ) -> list[Figure]:
        """Compare our requests per second with each rival's, in turn, round after round.

        The processor time is that of all the server's processes, and what PostgreSQL did for it.
        """
        everybody = [(ours, self.portal), *theirs]
        for asks, _ in everybody:  # to warm up caches and pools
            self._burst(asks, 0.5)
        speeds: list[list[float]] = [[] for _ in everybody]
        costs: list[list[float]] = [[] for _ in everybody]
        for _ in range(self.rounds):
            for number, (asks, server) in enumerate(everybody):
                pids = server.parent, self.place.postgres_pid
                before = computed_by_all(*pids)
                burst = self._burst(asks, self.seconds)
                taken = computed_by_all(*pids) - before
                speeds[number].append(burst["per_second"])
                costs[number].append(taken / burst["requests"] * 1000)
        speed, cost = [median(some) for some in speeds], [median(some) for some in costs]
        return [
            Figure(
                name,
                of_rounds(speeds[0], speeds[number]),
                bound,
                "more",
                notes=f"{speed[0]:.0f}/s against {speed[number]:.0f}/s; processor,"
                f" with PostgreSQL's, {cost[0]:.2f} ms against {cost[number]:.2f} ms",
                detail={"ours_per_second": speeds[0], "theirs_per_second": speeds[number]},
            )
            for number, (name, bound) in enumerate(bounds, 1)
        ]

    def _burst(self, asks: Sequence[Ask], seconds: float) -> dict[str, Any]:
        result = self.generator.run("burst", *asks, connections=CONNECTIONS, seconds=seconds)
        if result["failures"]:
            failed = f"{asks[0].path}: {result['failures']} requests failed"
            raise SystemExit(f"{failed}, one of them so:\n{result['refusal']}")
        return result

    # ------------------------------------------------------------ the parts

    def lists(self) -> list[Figure]:
        """Compare our list page with Django's and Flask-Admin's over an equal table."""
        rivals = {"BENCH_DATABASE_URL": self.place.superuser}
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.rivals.django_admin"],
            env=rivals, cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        cookie = {"Cookie": f"sessionid={done.stdout.strip()}"}
        with ExitStack() as stack:
            django = stack.enter_context(serving("tests.bench.rivals.django_admin:app", rivals))
            flask = stack.enter_context(serving("tests.bench.rivals.flask_admin_site:app", rivals))
            page = self.page(world.BIG, questions.KEYS_PAGE)
            change_list = Ask(django.port, "/admin/auth/key/", cookie)
            for_large_tables = Ask(django.port, "/admin/auth/largekey/", cookie)
            list_view = Ask(flask.port, "/admin/keys/")
            self.look(page, rows=50, marker='<th scope="row"')
            for django_list in (change_list, for_large_tables):
                self.look(django_list, rows=50, marker='<th class="field-name"')
            self.look(list_view, rows=50, marker='<td class="col-name"')
            page, change_list, for_large_tables, list_view = map(
                self.again, (page, change_list, for_large_tables, list_view)
            )
            return self.compare(
                [page],
                [([change_list], django), ([for_large_tables], django), ([list_view], flask)],
                [
                    ("list page of 50, against Django admin's change list", 10),
                    ("list page of 50, against Django admin's, set up for large tables", 8),
                    ("list page of 50, against Flask-Admin's list view", 5),
                ],
            )

    def rest_figures(self) -> list[Figure]:
        """Compare REST by key with plain psycopg that sends the same statements."""
        ids = world.many_keys(world.BIG)
        path = Path(self.place.settings["PORTAL_DATA_DIR"]) / "statements.json"
        self._overhear(ids[0], path)
        environment = {
            "BENCH_DATABASE_URL": self.place.superuser,
            "BENCH_STATEMENTS": str(path),
        }
        found = []
        with serving("tests.bench.rivals.reference:app", environment) as plain:
            for name, paths, rows, bound in (
                ("REST get by key", [f"/{id}" for id in ids], 1, 0.5),
                ("REST list of 50 by key", [""], 50, 0.4),
            ):
                ours = [self.rest(world.BIG, f"/api-keys{path}") for path in paths]
                theirs = [Ask(plain.port, f"/keys{path}") for path in paths]
                for ask in (ours[-1], theirs[-1]):
                    self.look(ask, rows=rows, marker='"key_prefix"')
                title = f"{name}, against Flask and plain psycopg"
                found += self.compare(ours, [(theirs, plain)], [(title, bound)])
        return found + self._document()

    def _document(self) -> list[Figure]:
        """Compare the OpenAPI document with the health check, the smallest answer there is."""
        for_programs = {"Accept-Encoding": "gzip"}
        document = Ask(self.portal.port, "/api/v1/integration/openapi.json", for_programs)
        alive = Ask(self.portal.port, "/healthz")
        title = "OpenAPI document with gzip, against /healthz"
        return self.compare([document], [([alive], self.portal)], [(title, 0.7)])

    def _overhear(self, key_id: str, file: Path) -> None:
        """Write the statements that REST sends for these two requests to a file."""
        script = [sys.executable, "-m", "tests.bench.overhear", world.BIG.key, key_id, str(file)]
        settings = self.place.settings
        subprocess.run(script, env=settings, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    def growth(self) -> Iterator[Figure]:
        """Compare every page and list at 100,000 rows with the same at 1,000."""
        for question in questions.all_of(self):
            yield self._grown(question)

    def _grown(self, question: "questions.Question") -> Figure:
        return self.against(question.name, question.big, question.small)

    def against(self, name: str, big_ask: Ask, small_ask: Ask) -> Figure:
        """Compare the time of one request with that of another, which it may exceed by GROWTH."""
        asks = big_ask, small_ask
        for ask in asks:
            self.look(ask)
        self.generator.run("turns", *asks, rounds=5, seconds=1)
        big, small = self._in_turn(asks, 10 * self.rounds)
        if quiet(big) / quiet(small) > GROWTH:
            # Measure once more, and longer: the machine may have been busy.
            more = self._in_turn(asks, 30 * self.rounds)
            big, small = big + more[0], small + more[1]
        return Figure(
            name,
            quiet(big) / quiet(small),
            GROWTH,
            "less",
            notes=f"{quiet(big):.2f} ms against {quiet(small):.2f} ms",
            detail={"big_ms": big, "small_ms": small},
        )

    def _in_turn(self, asks: Sequence[Ask], rounds: int) -> tuple[list[float], list[float]]:
        result = self.generator.run("turns", *asks, rounds=rounds, seconds=10)
        big, small = result["times_ms"]
        return big, small

    def filters(self) -> Iterator[Figure]:
        """Compare every filter and order of lists with the plain list."""
        return filters.measure(self)

    def batch(self) -> list[Figure]:
        """Measure how many records a second a client creates by batches."""
        return batch.measure(self)

    def inbound(self) -> list[Figure]:
        """Measure how long a sender waits until its inbound webhook is stored."""
        return inbound.measure(self.portal.port, world.SMALL.key)

    def publishing(self) -> list[Figure]:
        """Measure how many events are accepted, each stored before its response."""
        return publishing.measure(self)

    def tenants(self) -> list[Figure]:
        """Compare a quiet tenant beside a hostile one with the same tenant alone."""
        return tenants.measure(self.portal.port, self.place.cookie, self.rounds)

    def keys(self) -> Iterator[Figure]:
        """Measure the key engine, on a separate database with a million keys."""
        from tests.bench import keys  # it imports this module

        return keys.all_of(keys.KEYS, self.rounds, self.seconds)

    def shortcuts(self) -> Iterator[Figure]:
        """Compare the portal with each shortcut against the portal without it."""
        from tests.bench import shortcuts  # it imports this module's types

        return shortcuts.measure(self)

    def checks(self) -> Iterator[Figure]:
        """Compare a check of a connector with a bare client's request."""
        from tests.bench import checks  # it needs what only the worker imports

        return checks.measure(self.rounds)

    def sdk(self) -> Iterator[Figure]:
        """Compare the Python SDK with a bare client."""
        from tests.bench import sdk  # it imports this module's types

        return sdk.measure(self)

    def javascript(self) -> list[Figure]:
        """Compare the JavaScript client with fetch alone, over the same pages."""
        port = free_port()
        # A client cannot choose the Host header, so it calls a portal that is at its own address.
        here = {"PORTAL_BASE_URL": f"http://127.0.0.1:{port}", "PORTAL_ENV": "development"}
        with portal_serving({**self.place.settings, **here}, port) as portal:
            return javascript.measure(portal.port, world.BIG.key, self.rounds)

    def browser(self) -> Iterator[Figure]:
        """Measure the main pages with Lighthouse, and how soon they answer a person's hand."""
        from tests.bench import browser  # Playwright is not needed for the other parts

        port = free_port()
        address = f"http://127.0.0.1:{port}"
        here = {"PORTAL_BASE_URL": address, "PORTAL_ENV": "development"}
        with portal_serving({**self.place.settings, **here}, port):
            yield from browser.measure(address, f"cpod-{port}={world.BIG.cookie}", self.rounds)

    def explorer(self) -> Figure:
        """Compare the explorer's page with the most fields with the page of a webhook."""
        webhook = world.identifier("whk", world.SMALL, 3, world.SMALL.webhooks)
        asks = (
            self.again(self.page(world.SMALL, "/explorer/integration.webhooks.create")),
            self.again(self.page(world.SMALL, f"/webhooks/{webhook}")),
        )
        for ask in asks:
            self.look(ask)
        self.generator.run("turns", *asks, rounds=5, seconds=1)
        ours, theirs = self._in_turn(asks, 20 * self.rounds)
        return Figure(
            "page of the explorer, against the page of a webhook",
            quiet(ours) / quiet(theirs),
            EXPLORER,
            "less",
            notes=f"{quiet(ours):.2f} ms against {quiet(theirs):.2f} ms",
        )

    def memory(self) -> list[Figure]:
        """Return the memory of the web process after all measurements."""
        used = self.portal.memory_mb
        return [Figure("memory of the web process after all this, MB", used, 150, "less", "MB")]


def quiet(times: Sequence[float]) -> float:
    """Return the time on an idle machine: the first decile, because noise only ever adds time."""
    return quantiles(times, n=10)[0]


def measure(parts: Sequence[str], rounds: int, seconds: float, keep: Path | None) -> list[Figure]:
    with ExitStack() as stack:
        name = keep or stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-bench-"))
        told("filling the database")
        here = stack.enter_context(place(Path(name)))
        bench = Bench(here, rounds, seconds, stack)
        found = []
        works: dict[str, Callable[[], Iterable[Figure]]] = {
            "space": lambda: [space.of_key(here.superuser)],
            "lists": bench.lists,
            "rest": bench.rest_figures,
            "growth": bench.growth,
            "filters": bench.filters,
            "batch": bench.batch,
            "inbound": bench.inbound,
            "memory": bench.memory,
            "publishing": bench.publishing,
            "keys": bench.keys,
            "deliveries": deliveries,
            "tenants": bench.tenants,
            "shortcuts": bench.shortcuts,
            "checks": bench.checks,
            "javascript": bench.javascript,
            "leases": lambda: of_leases(rounds, seconds),
            "sdk": bench.sdk,
            "explorer": lambda: [bench.explorer()],
            "browser": bench.browser,
            "cockpit": lambda: cockpit.measure(bench),
        }
        for part in parts:
            told(f"measuring: {part}")
            for figure in works[part]():
                print(figure.line(), flush=True)
                found.append(figure)
        return found


def deliveries() -> list[Figure]:
    """Measure the delivery engine, on a separate database."""
    with tempfile.TemporaryDirectory(
        prefix="portal-bench-", ignore_cleanup_errors=True
    ) as directory:
        return delivery.measure(Path(directory))


def of_leases(rounds: int, seconds: float) -> Iterator[Figure]:
    """Measure leases, on a separate database."""
    with tempfile.TemporaryDirectory(
        prefix="portal-bench-", ignore_cleanup_errors=True
    ) as directory:
        yield from leases.measure(Path(directory), rounds, seconds)


def told(words: str) -> None:
    print(f"-- {words}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="default: all of them")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each burst of requests")
    parser.add_argument("--keep", type=Path, help="a directory to keep the filled database in")
    asked = parser.parse_args()
    found = measure(asked.parts or PARTS, asked.rounds, asked.seconds, asked.keep)
    promised = [figure for figure in found if figure.bound is not None]
    holding = sum(figure.holds for figure in promised)
    print(f"\n{holding} of {len(promised)} hold; {figures.write(found, ROOT / 'bench-results')}")
    return 0 if all(figure.holds for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
