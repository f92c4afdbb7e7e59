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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.__main__ import CONNECTIONS, Generator, told
from tests.bench.figures import Figure, of_rounds
from tests.bench.load import Ask
from tests.bench.questions import KEYS_PAGE
from tests.bench.servers import ROOT, Server

# The program that each checkout runs: it fills its own database and serves its own portal until
# standard input ends.
SERVE = """
import json, sys
from pathlib import Path
from tests.bench import world
from tests.bench.__main__ import place
from tests.bench.servers import portal_serving

with place(Path(sys.argv[1])) as here, portal_serving(here.settings) as portal:
    key = world.identifier("key", world.BIG, world.BIG.keys // 2, world.BIG.keys)
    found = dict(port=portal.port, pid=portal.pid, cookie=f"{here.cookie}={world.BIG.cookie}",
                 bearer=world.BIG.key, key=key)
    print("serving", json.dumps(found), flush=True)
    sys.stdin.read()
"""
BOUNDS = {"REST get": 1.0, "REST list of 50": 0.85, "list page of 50": 0.95}


@dataclass(frozen=True)
class Checkout:
    """One running portal and the questions that it is asked."""

    server: Server
    asks: dict[str, Ask]


@contextmanager
def checkout(directory: Path, data: str) -> Iterator[Checkout]:
    """Run the portal of a checkout until the block ends."""
    python = directory / ".venv/bin/python"
    process = subprocess.Popen(
        [python, "-c", SERVE, data], cwd=directory, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout
        lines = (line.removeprefix("serving ") for line in process.stdout if "serving {" in line)
        found = json.loads(next(lines, "") or sys.exit(f"{directory} did not serve"))
        bearer = {"Authorization": f"Bearer {found['bearer']}"}
        keys, port = "/api/v1/integration/api-keys", found["port"]
        asks = {
            "REST get": Ask(port, f"{keys}/{found['key']}", bearer),
            "REST list of 50": Ask(port, keys, bearer),
            "list page of 50": Ask(port, KEYS_PAGE, {"Cookie": found["cookie"]}),
        }
        yield Checkout(Server(port, found["pid"]), asks)
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait(60)


def measure(other: Path, rounds: int, seconds: float) -> Iterator[Figure]:
    """Compare this code's requests a second with the other's, each question in turn."""
    with ExitStack() as stack:
        told("filling two databases")
        temporary = [stack.enter_context(tempfile.TemporaryDirectory()) for _ in range(2)]
        both = [
            stack.enter_context(checkout(place, data))
            for place, data in zip((ROOT, other), temporary, strict=True)
        ]
        generator = Generator()
        stack.callback(generator.stop)
        for name, bound in BOUNDS.items():
            speeds: tuple[list[float], list[float]] = ([], [])
            costs: tuple[list[float], list[float]] = ([], [])
            for number in range(rounds + 1):  # the first round warms caches and pools up
                for one, speed, cost in zip(both, speeds, costs, strict=True):
                    before = one.server.cpu_seconds
                    burst = generator.run(
                        "burst", one.asks[name], connections=CONNECTIONS, seconds=seconds
                    )
                    if burst["failures"]:
                        sys.exit(f"{name}: {burst['failures']} requests failed")
                    if number:
                        speed.append(burst["per_second"])
                        spent = one.server.cpu_seconds - before
                        cost.append(spent / burst["requests"] * 1000)
            notes = (
                f"{median(speeds[0]):.0f}/s against {median(speeds[1]):.0f}/s; "
                f"processor {median(costs[0]):.3f} ms against {median(costs[1]):.3f} ms"
            )
            yield Figure(f"{name}, against {other.name}", of_rounds(*speeds), bound, "more",
                         notes=notes)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.against", description=__doc__)
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each burst of requests")
    asked = parser.parse_args()
    found = []
    for figure in measure(asked.other.resolve(), asked.rounds, asked.seconds):
        print(figure.line(), flush=True)
        found.append(figure)
    return 0 if all(figure.holds for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
