"""Set how often tests of invariants run: a few times in `make test`, many more in `make proof`."""

import itertools
import os
from collections.abc import Iterable
from typing import TypeVar

# A factor for the rounds, which `make proof` sets. It is not named PORTAL_…: the portal refuses
# settings that it does not know.
PROOF = "PROOF_TIMES"
TIMES = int(os.environ.get(PROOF, "1"))
IS_PROOF = TIMES > 1
Case = TypeVar("Case")
Other = TypeVar("Other")


def some(cases: Iterable[Case], every: int) -> list[Case]:
    """Return the first of each `every` cases in `make test`, and all in a proof.

    The test has the marker `proof`, else it would not be part of one.
    """
    return list(cases)[:: 1 if IS_PROOF else every]


def spread(these: Iterable[Case], those: Iterable[Other]) -> list[tuple[Case, Other]]:
    """Return pairs in which each case of both kinds is seen in `make test`, and all in a proof.

    The test has the marker `proof`, else it would not be part of one.
    """
    ours, others = list(these), list(those)
    if IS_PROOF:
        return list(itertools.product(ours, others))
    rounds = range(max(len(ours), len(others)))
    return [(ours[n % len(ours)], others[n % len(others)]) for n in rounds]


# Themes and widths in pixels, for tests that look at many pages.
# In `make test` all are seen in the first one, and the gallery, which has every part of a page, in
# the last one.
ALL_LOOKS = [("light", 1280), ("light", 360), ("dark", 1280), ("dark", 360)]
LOOKS = some(ALL_LOOKS, every=4)


def times(few: int) -> int:
    """Return the number of rounds: as given in `make test`, multiplied in a proof."""
    return few * TIMES
