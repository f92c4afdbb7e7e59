"""Define the provider that every test may give its quirks."""

from pathlib import Path

import pytest

from tests.connections.checks.fake import NAME, Fake, reply
from tests.outbound.sink import Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return an authority of the tests' own."""
    return Certificates(Path(tmp_path_factory.mktemp("certificates")))


@pytest.fixture
def fake(certificates: Certificates) -> Fake:
    """Return a provider that knows everybody."""
    return Fake(certificates, {"/me": reply(NAME)})
