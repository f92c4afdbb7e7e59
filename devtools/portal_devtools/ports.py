"""Find the process that holds a TCP port, to explain the error "address already in use"."""

import contextlib
import socket
import sys
from pathlib import Path

LISTEN = "0A"  # TCP_LISTEN, include/net/tcp_states.h


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As servers do: lingering connections of the last run must not count as in use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def holder(port: int) -> str | None:
    """Return the process that listens on the port, as "name (process 123)"; None if unknown."""
    if sys.platform != "linux":
        return None
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(handle.readlink()) in sockets for handle in (process / "fd").iterdir()):
                return f"{_name(process)} (process {process.name})"
    return None


def _listening_inodes(port: int) -> set[str]:
    """Return the inodes of listening sockets: fields 1 (address), 3 (state), 9 of /proc/net/tcp."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == LISTEN and int(words[1].rpartition(":")[2], 16) == port:
                    found.add(words[9])
    return found


def _name(process: Path) -> str:
    words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    line = " ".join(word for word in words if word)
    return line if len(line) <= 60 else f"{line[:57]}..."
