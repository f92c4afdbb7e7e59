"""A process that uses one key as fast as it can: python -m tests.keys.spender URL HASH TASK.

TASK is JSON: what each call asks, how many calls, and whether to hang after the last one.
"""

import json
import signal
import sys
import threading
from collections import Counter
from decimal import Decimal

from portal.db import new_id
from portal.keys import snapshot
from portal.keys.decision import Question
from portal.keys.meters import Meters
from portal.keys.wire import Wire


def main() -> None:
    url, digest, task = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    wire = Wire(url)
    key = snapshot.load(wire, digest)
    assert key
    usd = None if task.get("usd") is None else Decimal(task["usd"])
    question = Question(tokens=task.get("tokens", 0), usd=usd)
    meters, seen = Meters(wire), Counter[str]()
    lock = threading.Lock()

    def spend(calls: int) -> None:
        for _ in range(calls):
            reservation = None if usd is None else new_id("rsv")
            code = meters.admit(key, question, reservation).refused or "VALID"
            with lock:
                seen[code] += 1

    threads = [threading.Thread(target=spend, args=(task["calls"],)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()
    if task.get("hang"):
        signal.pause()


if __name__ == "__main__":
    main()
