"""Set how often tests of invariants run: a few times in `make test`, many more in `make proof`."""

import os

# A factor for the rounds, which `make proof` sets. It is not named PORTAL_…: the portal refuses
# settings that it does not know.
PROOF = "PROOF_TIMES"
TIMES = int(os.environ.get(PROOF, "1"))
IS_PROOF = TIMES > 1


def times(few: int) -> int:
    """Return the number of rounds: as given in `make test`, multiplied in a proof."""
    return few * TIMES
