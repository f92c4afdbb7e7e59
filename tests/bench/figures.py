"""What is promised, and what was measured: each a ratio of two things measured in turn."""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """One promise and how it came out. `notes` are the two things in themselves."""

    name: str
    value: float
    bound: float
    better: Literal["more", "less"]
    unit: str = "x"
    notes: str = ""
    detail: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def holds(self) -> bool:
        if self.better == "more":
            return self.value >= self.bound
        return self.value <= self.bound

    def line(self) -> str:
        sign = "≥" if self.better == "more" else "≤"
        wanted = f"{sign} {self.bound:g} {self.unit}"
        measured = (
            f"{self.value:.2f} {self.unit}" if self.unit == "x" else f"{self.value:.0f} {self.unit}"
        )
        verdict = "holds" if self.holds else "FALLS SHORT"
        return f"{self.name:<58} {measured:>9}  {wanted:<9}  {verdict:<12} {self.notes}"


def of_rounds(ours: list[float], theirs: list[float]) -> float:
    """The median of the rounds' ratios: a round that something disturbed counts once."""
    return median(our / their for our, their in zip(ours, theirs, strict=True))


def write(figures: list[Figure], directory: Path) -> Path:
    """For programs: every figure with what it was made of."""
    directory.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = directory / f"{now:%Y%m%d-%H%M%S}.json"
    rows = [{**asdict(figure), "holds": figure.holds} for figure in figures]
    path.write_text(json.dumps({"at": now.isoformat(), "figures": rows}, indent=1))
    return path
