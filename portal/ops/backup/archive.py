"""Read and write the backup file: a tar archive of `portal.dump` and `manifest.json`.

pg_dump writes `portal.dump`. The manifest comes last, with the size and the SHA-256 of the dump, so
a file without it is incomplete. It names keys by their ids and contains no secret.
"""

import hashlib
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

DUMP, MANIFEST = "portal.dump", "manifest.json"
FORMAT = 1
CHUNK = 1024 * 1024
LARGEST_MANIFEST = 1024 * 1024


Reading = AbstractContextManager[IO[bytes]]


class ArchiveError(Exception):
    """The file cannot be written or is not a complete backup; the message gives the reason."""


def write(path: Path, dump: Reading, about: Mapping[str, Any]) -> None:
    """Write the output of `dump` to a new backup file.

    The file appears under its name only when it is complete. Raises ArchiveError, also when a file
    of that name exists.
    """
    try:
        if path.exists():
            raise FileExistsError
        _write_new(path, dump, about)
    except FileExistsError as error:
        raise ArchiveError(
            f"{path} exists already. Choose another name; nothing is overwritten."
        ) from error
    except OSError as error:
        raise ArchiveError(f"{path} cannot be written: {error.strerror}.") from error


def _write_new(path: Path, dump: Reading, about: Mapping[str, Any]) -> None:
    """Write a draft of this run's own, and give it the name if no other run did meanwhile."""
    descriptor, name = tempfile.mkstemp(".partial", f".{path.name}.", path.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            _write(file, dump, about)
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)  # unlike a rename, it replaces no file
    finally:
        Path(name).unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _write(file: IO[bytes], dump: Reading, about: Mapping[str, Any]) -> None:
    # The header comes before the dump and holds its size, which is known only afterwards: write it
    # again at the end.
    file.write(_header(DUMP, 0))
    size, digest = 0, hashlib.sha256()
    with dump as source:
        while chunk := source.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    file.write(bytes(-size % tarfile.BLOCKSIZE))
    text = json.dumps(
        {"format": FORMAT, **about, "bytes": size, "sha256": digest.hexdigest()}, indent=2
    ).encode()
    file.write(_header(MANIFEST, len(text)) + text + bytes(-len(text) % tarfile.BLOCKSIZE))
    file.write(bytes(2 * tarfile.BLOCKSIZE))
    file.seek(0)
    file.write(_header(DUMP, size))


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member.tobuf(tarfile.GNU_FORMAT)  # the GNU format allows more than 8 GB


def read(path: Path) -> dict[str, Any]:
    """Check the dump against the manifest and return the manifest. Raises ArchiveError."""
    try:
        with tarfile.open(path, "r:") as archive:
            manifest = _manifest(archive)
        digest = _digest(path, manifest["bytes"])
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise ArchiveError(f"{path} is no whole backup of a portal: {error}.") from error
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror}.") from error
    if digest != manifest["sha256"]:
        raise ArchiveError(f"{path} is damaged: its dump is not what its manifest says.")
    return manifest


@contextmanager
def dump_of(path: Path) -> Iterator[int]:
    """Yield the descriptor of the open file, positioned at the start of the dump.

    The dump marks its own end.
    """
    with path.open("rb", buffering=0) as file:
        file.seek(tarfile.BLOCKSIZE)
        yield file.fileno()


def _digest(path: Path, left: int) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(tarfile.BLOCKSIZE)
        while left and (chunk := file.read(min(CHUNK, left))):
            found.update(chunk)
            left -= len(chunk)
    return found.hexdigest()


def _manifest(archive: tarfile.TarFile) -> dict[str, Any]:
    first, member = archive.getmember(DUMP), archive.getmember(MANIFEST)
    text = archive.extractfile(member)
    if text is None or first.offset != 0 or member.size > LARGEST_MANIFEST:
        raise ValueError("it is put together in another way")
    found: dict[str, Any] = json.loads(text.read())
    if found["format"] != FORMAT:
        raise ValueError(f"its format is {found['format']}")
    return found
