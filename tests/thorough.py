"""The number of rounds for tests of invariants: few in `make test`, many more in `make proof`."""

import os

PROOF = "PORTAL_PROOF"  # multiplies the rounds; `make proof` sets it
TIMES = int(os.environ.get(PROOF, "1"))
IS_PROOF = TIMES > 1


def times(few: int) -> int:
    """Return the rounds for `make test`, multiplied in a proof."""
    return few * TIMES
