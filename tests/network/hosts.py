"""Separate hosts on one machine: network namespaces, joined by bridges that can be cut.

The test is the client, and reaches the web hosts over the front bridge (`Network.client`). The web
hosts reach the database over the back bridge. If a host is cut off there, its frames are lost and
it receives no sign of that: no reset, no unreachable. All of this is in namespaces, because a
browser of another test aborts its requests when an address of the machine itself changes.
"""

import contextlib
import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FRONT, BACK = "front", "back"
CLONE_NEWNET = 0x40000000  # sched.h
PREFIX = "10.213"


def possible() -> bool:
    """Tell whether this machine allows to create network namespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("unshare") is None:
        return False
    made = subprocess.run(["ip", "netns", "add", f"try{os.getpid()}"], check=False)
    if made.returncode == 0:
        _ip("netns", "del", f"try{os.getpid()}")
    return made.returncode == 0


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _move(namespace: int) -> None:
    """Move this thread into a network namespace; its open sockets stay in their old one."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@dataclass
class Network:
    """The bridges and the hosts of one test. `number` separates several networks on one machine."""

    number: int
    hosts: dict[str, int] = field(default_factory=dict)
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def name(self, what: str) -> str:
        return f"{what}{self.number}"

    @property
    def here(self) -> str:
        """Return the client's own address, as the hosts reach it."""
        return f"{PREFIX}.{2 * self.number}.1"

    def front(self, host: str) -> str:
        """Return the address at which the client reaches a host."""
        return f"{PREFIX}.{2 * self.number}.{self.hosts[host]}"

    def back(self, host: str) -> str:
        """Return the address at which the other hosts reach a host."""
        return f"{PREFIX}.{2 * self.number + 1}.{self.hosts[host]}"

    def build(self, *hosts: str) -> None:
        for name in (FRONT, BACK):
            _ip("netns", "add", self.name(name))
            _ip("-n", self.name(name), "link", "add", "bridge", "type", "bridge")
            _ip("-n", self.name(name), "link", "set", "bridge", "up")
        _ip("-n", self.name(FRONT), "addr", "add", f"{self.here}/24", "dev", "bridge")
        _ip("-n", self.name(FRONT), "link", "set", "lo", "up")
        for place, host in enumerate(hosts, 10):
            self.hosts[host] = place
            self._add(host)

    def _add(self, host: str) -> None:
        here = self.name(host)
        _ip("netns", "add", here)
        _ip("-n", here, "link", "set", "lo", "up")
        for side in (FRONT, BACK):
            _ip("link", "add", side, "netns", here, "type", "veth",
                "peer", "name", host, "netns", self.name(side))  # fmt: skip
            _ip("-n", self.name(side), "link", "set", host, "master", "bridge", "up")
        for side, address in ((FRONT, self.front(host)), (BACK, self.back(host))):
            _ip("-n", here, "addr", "add", f"{address}/24", "dev", side)
            _ip("-n", here, "link", "set", side, "up")

    @contextlib.contextmanager
    def client(self) -> Iterator[None]:
        """Create the sockets of this thread in the client's namespace, until the block ends."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        clients = os.open(f"/run/netns/{self.name(FRONT)}", os.O_RDONLY)
        try:
            _move(clients)
            yield
        finally:
            _move(own)
            os.close(own)
            os.close(clients)

    def cut(self, host: str) -> None:
        """Cut a host off from the other hosts: frames in both directions are lost."""
        _ip("-n", self.name(BACK), "link", "set", host, "nomaster")

    def mend(self, host: str) -> None:
        _ip("-n", self.name(BACK), "link", "set", host, "master", "bridge")

    def start(
        self, host: str, command: list[str], environment: Mapping[str, str], **options: Any
    ) -> "subprocess.Popen[bytes]":
        """Start a program on a host; its hostname is the name of the host."""
        named = f'hostname {host} && exec "$@"'
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.name(host), "unshare", "--uts", "sh", "-c", named, "sh",
             *command],
            env={**os.environ, **environment},
            start_new_session=True,
            **options,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def destroy(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait(20)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        for name in (FRONT, BACK, *self.hosts):
            subprocess.run(["ip", "netns", "del", self.name(name)], check=False)


@contextlib.contextmanager
def network(number: int, *hosts: str) -> Iterator[Network]:
    """Yield a network with these hosts, and destroy it when the block ends."""
    made = Network(number)
    try:
        made.build(*hosts)
        yield made
    finally:
        made.destroy()


def wait_for(path: Path, words: str, seconds: float = 60) -> None:
    """Wait until a program has written these words to its log."""
    ends = time.monotonic() + seconds
    while words not in (path.read_text() if path.exists() else ""):
        assert time.monotonic() < ends, f"{words!r} did not come"
        time.sleep(0.05)
