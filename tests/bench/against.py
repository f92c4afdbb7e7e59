"""A comparison of the speed of this code with another checkout, such as the last release.

.venv/bin/python -m tests.bench.against ../other [--rounds 5] [--seconds 2]

Both serve the same rows from databases of their own and are asked in turn. The other checkout needs
its virtual environment (`make .venv/bench` there).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.bench.__main__ import CONNECTIONS, Generator, told
from tests.bench.figures import Figure, of_rounds
from tests.bench.load import Ask
from tests.bench.questions import KEYS_PAGE
from tests.bench.servers import ROOT, computed_by_all

# The program that each checkout runs: it fills its own database and serves its own portal, with a
# new process for each line of standard input.
SERVE = """
import json, sys
from pathlib import Path
from tests.bench import world
from tests.bench.__main__ import place
from tests.bench.servers import portal_serving

with place(Path(sys.argv[1])) as here:
    key = world.identifier("key", world.BIG, world.BIG.keys // 2, world.BIG.keys)
    running = True
    while running:
        with portal_serving(here.settings) as portal:
            found = dict(port=portal.port, bearer=world.BIG.key, key=key,
                         cookie=f"{here.cookie}={world.BIG.cookie}")
            print("serving", json.dumps(found), flush=True)
            running = bool(sys.stdin.readline())
"""
BOUNDS = {"REST get": 1.0, "REST list of 50": 0.85, "list page of 50": 0.95}
BURSTS = 3  # of each request and checkout in a round


class Checkout:
    """A checkout's portal, running on its own database."""

    def __init__(self, directory: Path, data: str) -> None:
        python = directory / ".venv/bin/python"
        self.directory = directory
        self._process = subprocess.Popen(
            [python, "-c", SERVE, data], cwd=directory, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._await()

    def restart(self) -> None:
        """Serve the portal with a new process."""
        assert self._process.stdin
        self._process.stdin.write("again\n")
        self._await()

    @property
    def cpu_seconds(self) -> float:
        """Return the processor seconds of all the portal's processes and PostgreSQL's."""
        return computed_by_all(self._process.pid)

    def stop(self) -> None:
        """Stop the portal and its database."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)

    def _await(self) -> None:
        assert self._process.stdout
        lines = (line.removeprefix("serving ") for line in self._process.stdout)
        found = json.loads(
            next((line for line in lines if line.startswith("{")), "")
            or sys.exit(f"{self.directory} did not serve")
        )
        bearer = {"Authorization": f"Bearer {found['bearer']}"}
        keys, port = "/api/v1/integration/api-keys", found["port"]
        self.asks = {
            "REST get": Ask(port, f"{keys}/{found['key']}", bearer),
            "REST list of 50": Ask(port, keys, bearer),
            "list page of 50": Ask(port, KEYS_PAGE, {"Cookie": found["cookie"]}),
        }


def measure(other: Path, rounds: int, seconds: float) -> list[Figure]:
    """Compare this code's requests per second with the other checkout's, in turn.

    Each round uses new processes. Two processes that run the same code differ by up to 6 % for as
    long as they run, so rounds with the same two would repeat the difference.
    """
    speeds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in BOUNDS}
    costs: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in BOUNDS}
    with ExitStack() as stack:
        told("filling two databases")
        both = []
        for directory in (ROOT, other):
            data = stack.enter_context(tempfile.TemporaryDirectory())
            both.append(Checkout(directory, data))
            stack.callback(both[-1].stop)
        generator = Generator()
        stack.callback(generator.stop)
        for number in range(rounds):
            told(f"round {number + 1} of {rounds}")
            if number:
                for one in both:
                    one.restart()
            for name in BOUNDS:
                for one, speed, cost in _turns(both, speeds[name], costs[name]):
                    per_second, milliseconds = _burst(generator, one, name, seconds)
                    speed.append(per_second)
                    cost.append(milliseconds)
    return [_figure(name, other, speeds[name], costs[name]) for name in BOUNDS]


def _turns(
    both: list[Checkout],
    speeds: tuple[list[float], list[float]],
    costs: tuple[list[float], list[float]],
) -> Iterator[tuple[Checkout, list[float], list[float]]]:
    """Yield each checkout in turn, with the lists for its measurements."""
    for one in both:
        yield one, [], []  # to warm up caches and pools
    for _ in range(BURSTS):
        yield from zip(both, speeds, costs, strict=True)


def _burst(generator: Generator, one: Checkout, name: str, seconds: float) -> tuple[float, float]:
    """Return the requests per second, and the processor milliseconds of each."""
    before = one.cpu_seconds
    burst = generator.run("burst", one.asks[name], connections=CONNECTIONS, seconds=seconds)
    if burst["failures"]:
        sys.exit(f"{name}: {burst['failures']} requests failed")
    return burst["per_second"], (one.cpu_seconds - before) / burst["requests"] * 1000


def _figure(
    name: str,
    other: Path,
    speeds: tuple[list[float], list[float]],
    costs: tuple[list[float], list[float]],
) -> Figure:
    notes = (
        f"{median(speeds[0]):.0f}/s against {median(speeds[1]):.0f}/s; "
        f"processor, with PostgreSQL's, {median(costs[0]):.3f} ms against {median(costs[1]):.3f} ms"
    )
    title = f"{name}, against {other.name}"
    return Figure(title, of_rounds(*speeds), BOUNDS[name], "more", notes=notes)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.against", description=__doc__)
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each burst of requests")
    asked = parser.parse_args()
    found = measure(asked.other.resolve(), asked.rounds, asked.seconds)
    for figure in found:
        print(figure.line())
    return 0 if all(figure.holds for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
