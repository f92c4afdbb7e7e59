"""How often the tests of invariants try: `make test` a few times, `make proof` many times more."""

import os

PROOF = "PORTAL_PROOF"  # how many times as often; `make proof` sets it
TIMES = int(os.environ.get(PROOF, "1"))
IS_PROOF = TIMES > 1


def times(few: int) -> int:
    """So many in `make test`; as many times more as a proof asks for."""
    return few * TIMES
