"""Three sentences about a failure, which stand beside it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Consequences:
    """Hold what the portal does about a failure, what is lost, and where its cause is found."""

    does: str
    lost: str
    look: str
