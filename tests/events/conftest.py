"""The fixtures of webhooks: some settings of events show in what is delivered."""

from tests.webhooks.conftest import make, receiver

__all__ = ["make", "receiver"]
