"""A process that uses one key as fast as it can: python -m tests.keys.limits.spender URL HASH TASK.

TASK is JSON: what each call needs, how many calls, and whether to hang after the last one. The
output is a line of JSON: the number of calls with each result, and the ids of the reservations.
"""

import json
import signal
import sys
import threading
from collections import Counter
from decimal import Decimal

from portal.keys.decision import snapshot
from portal.keys.decision.clock import Clock
from portal.keys.decision.decision import Question
from portal.keys.decision.lookup_connections import LookupConnections
from portal.keys.limits.admission import CallAdmission
from portal.keys.limits.counting import BatchCounter


def main() -> None:
    url, digest, task = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    clock = Clock()
    key = snapshot.load(LookupConnections(url), digest, clock)
    assert key
    usd = None if task.get("usd") is None else Decimal(task["usd"])
    question = Question(tokens=task.get("tokens", 0), usd=usd)
    meters, seen = CallAdmission(BatchCounter(url), clock), Counter[str]()
    ids: list[str] = []
    lock = threading.Lock()

    def spend(calls: int) -> None:
        for _ in range(calls):
            admission = meters.admit(key, question)
            with lock:
                seen[admission.refused or "VALID"] += 1
                if admission.reservation_id:
                    ids.append(admission.reservation_id)

    threads = [threading.Thread(target=spend, args=(task["calls"],)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps({"seen": seen, "ids": ids}) + "\n")
    sys.stdout.flush()
    if task.get("hang"):
        signal.pause()
    meters.return_slices(everything=True)


if __name__ == "__main__":
    main()
