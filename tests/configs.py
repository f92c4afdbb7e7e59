"""Settings of a test, apart from those of the process that runs it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

from portal.core.config import PREFIX, Config


@contextmanager
def only(settings: Mapping[str, str]) -> Iterator[None]:
    """Let these be all the variables of the portal."""
    rest = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with patch.dict(os.environ, {**rest, **settings}, clear=True):
        yield


def config_of(settings: Mapping[str, str]) -> Config:
    """Return what the portal reads when these are all its variables."""
    with only(settings):
        return Config.from_environ()
