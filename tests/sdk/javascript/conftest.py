"""Fixtures: the versions of Node.js, the SDK as an installed package, and the portal served."""

import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.cast import ADA, Provider
from tests.identity.serving import served
from tests.npm_packages import installed
from tests.sdk.javascript.programs import NAME, SDK, Node

CPU = {"x86_64": "x64", "aarch64": "arm64"}


@pytest.fixture(scope="session")
def npm() -> Path:
    """Return a folder with TypeScript, other packages of the tests, and both versions of Node."""
    return installed(Path(__file__).parent)


@pytest.fixture(scope="session")
def packages(npm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which the SDK is installed, as npm would copy it."""
    place = tmp_path_factory.mktemp("packages")
    shutil.copytree(SDK, place / "node_modules" / NAME)
    for name in ("standardwebhooks", "@stablelib", "fast-sha256"):
        (place / "node_modules" / name).symlink_to(npm / "node_modules" / name)
    return place


@pytest.fixture(params=[20, 22], ids="Node {}".format)
def node(request: pytest.FixtureRequest, npm: Path, packages: Path) -> Node:
    system = f"{platform.system().lower()}-{CPU.get(platform.machine(), platform.machine())}"
    program = npm / "node_modules" / f"node-{request.param}-{system}" / "bin" / "node"
    return Node(request.param, str(program), packages)


@pytest.fixture
def portal(app: Flask, tenants: tuple[str, str]) -> Iterator[str]:
    """Yield the address of the tests' portal, over the network."""
    with served(lambda _: app) as address:
        yield address


@pytest.fixture
def access(portal: str, token_provider: Provider) -> dict[str, str]:
    """Return the options of a client that calls as Ada."""
    return {"baseUrl": portal, "token": token_provider.token(ADA)}
