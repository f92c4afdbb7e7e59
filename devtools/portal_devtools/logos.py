"""Make portal/web/static/logos.svg, the marks of providers, from the npm package simple-icons.

VERSIONS.json names the package, its version, the checksum of its archive, and the icon of each
provider. `make logos` asks npm for that archive, and writes the file and its hash.
"""

import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LIST = ROOT / "portal/web/static/vendor/VERSIONS.json"
NAME = "portal/web/static/logos.svg"
NOTE = (
    "Marks of providers from {package} {version}: the drawings are in the public domain (CC0 1.0)."
    " The marks belong to their owners, and only say which system a connector reaches."
)


def main() -> None:
    """Write the file, and its hash into the list."""
    listed = json.loads(LIST.read_text())
    entry = next(one for one in listed["files"] if one["file"] == NAME)
    text = drawn(entry, archive(entry))
    (ROOT / NAME).write_text(text)
    entry["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    LIST.write_text(json.dumps(listed, indent=2) + "\n")


def archive(entry: dict[str, Any]) -> dict[str, str]:
    """Return the text of each icon in the package, after the archive's checksum was compared."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"{entry['package']}@{entry['version']}"
        subprocess.run(["npm", "pack", wanted, "--silent"], cwd=folder, check=True)  # noqa: S603, S607 - our own list
        packed = next(Path(folder).glob("*.tgz"))
        found = "sha512-" + b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
        if found != entry["integrity"]:
            raise SystemExit(f"{wanted} is not the archive that VERSIONS.json names.")
        with tarfile.open(packed) as opened:
            return {name: _read(opened, name) for name in entry["icons"].values()}


def _read(opened: tarfile.TarFile, icon: str) -> str:
    member = opened.extractfile(f"package/icons/{icon}.svg")
    if member is None:
        raise SystemExit(f"The package has no icon {icon}.")
    return member.read().decode()


def drawn(entry: dict[str, Any], icons: dict[str, str]) -> str:
    """Return the file: one symbol for each provider, named by its key."""
    symbols = [_symbol(key, icons[icon]) for key, icon in sorted(entry["icons"].items())]
    lines = [f"<!-- {NOTE.format(**entry)} -->", *symbols]
    body = "\n".join(lines)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>\n'


def _symbol(key: str, icon: str) -> str:
    paths = "".join(re.findall(r"<path [^>]*/>", icon))
    return f'<symbol id="{key}" viewBox="0 0 24 24" fill="currentColor">{paths}</symbol>'


if __name__ == "__main__":
    main()
