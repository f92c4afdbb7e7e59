"""Read the counts of a tenant's deliveries by the hour in which they were published.

They are counted as they are recorded (`record_attempts`): a count of the deliveries themselves
would cost more as they grow.
"""

from collections.abc import Sequence

SLOTS = 8
"""Rows of an hour. Each record adds to one of them, chosen at random, so that few processes wait
for others."""

PER_DOUBLING = 3
"""`record_attempts` counts the times of answers in 48 bands, three for each doubling: each is 26 %
wider than the one before, from 1 ms to 65 s."""


def within(waits: Sequence[int], share: float) -> float | None:
    """Return the time in milliseconds within which this share of the attempts was answered, to
    about 10 %; None if there was no attempt."""
    left = sum(waits) * share
    for band, number in enumerate(waits):
        if number and number >= left:
            return float(2 ** ((band + left / number) / PER_DOUBLING))
        left -= number
    return None
