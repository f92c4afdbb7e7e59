"""Store each promise with its measurement, mostly a ratio of two things measured in turn.

python -m tests.bench.figures bench-results/FILE    the table of one run, for README
"""

import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """One measured value and what is promised of it, or no bound if it is only for comparison.

    `notes` are the two compared values.
    """

    name: str
    value: float
    bound: float | None
    better: Literal["more", "less"]
    unit: str = "x"
    notes: str = ""
    detail: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def holds(self) -> bool:
        """Tell whether the promise is kept; where nothing is promised, nothing is broken."""
        if self.bound is None:
            return True
        if self.better == "more":
            return self.value >= self.bound
        return self.value <= self.bound

    @property
    def wanted(self) -> str:
        """Return the bound as text."""
        if self.bound is None:
            return ""
        return f"{'≥' if self.better == 'more' else '≤'} {self.bound:,g} {self.unit}".rstrip()

    @property
    def measured(self) -> str:
        """Return the value as text, precise enough to compare it with the bound."""
        digits = 2 if self.unit == "x" else 1 if 0 < self.value < 10 else 0
        return f"{self.value:,.{digits}f} {self.unit}".rstrip()

    def line(self) -> str:
        verdict = "FALLS SHORT" if not self.holds else "holds" if self.wanted else ""
        return f"{self.name:<58} {self.measured:>9}  {self.wanted:<9}  {verdict:<12} {self.notes}"

    def row(self) -> str:
        """Return a row of a table in Markdown."""
        cells = self.name, self.measured, self.wanted, "" if self.holds else "*short*", self.notes
        return f"| {' | '.join(cells)} |"


def of_rounds(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the rounds' ratios, so that one disturbed round has little effect."""
    return median(our / their for our, their in zip(ours, theirs, strict=True))


def write(figures: list[Figure], directory: Path) -> Path:
    """Write every figure with its raw data as JSON."""
    directory.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = directory / f"{now:%Y%m%d-%H%M%S}.json"
    rows = [{**asdict(figure), "holds": figure.holds} for figure in figures]
    path.write_text(json.dumps({"at": now.isoformat(), "figures": rows}, indent=1))
    return path


def table(path: Path) -> str:
    """Return a run's figures, as `write` stored them, as a table in Markdown."""
    kept = json.loads(path.read_text())
    rows = [{name: row[name] for name in row if name != "holds"} for row in kept["figures"]]
    head = "| Figure | Measured | Promised | | What was compared |\n|---|---:|---:|---|---|"
    return "\n".join((head, *(Figure(**row).row() for row in rows)))


if __name__ == "__main__":
    sys.stdout.write(table(Path(sys.argv[1])) + "\n")
