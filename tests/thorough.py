"""The number of rounds for tests of invariants: few in `make test`, many more in `make proof`."""

import os

# Multiplies the rounds; `make proof` sets it. Not PORTAL_…: the portal refuses settings it does not
# know.
PROOF = "PROOF_TIMES"
TIMES = int(os.environ.get(PROOF, "1"))
IS_PROOF = TIMES > 1


def times(few: int) -> int:
    """Return the rounds for `make test`, multiplied in a proof."""
    return few * TIMES
