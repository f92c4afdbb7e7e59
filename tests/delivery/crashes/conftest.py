"""Leave the whole run of kills to a proof: it takes longer than any other test."""

from tests.thorough import IS_PROOF

collect_ignore = [] if IS_PROOF else ["test_kill_run.py"]
