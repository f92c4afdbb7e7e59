"""Test the code for receivers: its own interpreter runs it against the golden vectors.

Python, JavaScript and bash run everywhere. Go, Java, Ruby and PHP run if they are installed; C# is
shown to users but not run here.
"""

import base64
import hashlib
import hmac
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from portal.webhooks.signing.receiver_code import SNIPPETS, Snippet
from tests.machine import NODE

SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"
ID, STAMP = "msg_loFOjxBNrRLzqYUf", "1731705121"
BODY = b'{"event_type":"ping","data":{"success":true}}'
GOLDEN = "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
WRONG = "v1," + base64.b64encode(bytes(32)).decode()
ED25519 = (
    "v1a,72BzTrExfhGFUdJv1A30uL9zd7T9aPFuElKNBSNPqTOwLqBjBc+jRVg+94CgCT8ljRuY72fPbHNbxvi8+WEgDA=="
)
COMMANDS = {
    "python": ["python3", "verify.py"],
    "javascript": [NODE, "verify.mjs"],
    "bash": ["bash", "verify.sh"],
    "go": ["go", "run", "verify.go"],
    "java": ["java", "Verify.java"],
    "ruby": ["ruby", "verify.rb"],
    "php": ["php", "verify.php"],
}
EVERYWHERE = {"python", "javascript", "bash"}
RUN = [
    one
    for one in SNIPPETS
    if one.name in EVERYWHERE or (one.name in COMMANDS and shutil.which(COMMANDS[one.name][0]))
]
PUBLIC = "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
FORGED = (
    "v1,"
    + base64.b64encode(
        hmac.new(
            base64.b64decode(PUBLIC.removeprefix("whpk_")),
            f"{ID}.{STAMP}.".encode() + BODY,
            hashlib.sha256,
        ).digest()
    ).decode()
)
# id, time, signatures, body, secret, now → the verdict
CASES = {
    "golden": (ID, STAMP, GOLDEN, BODY, SECRET, STAMP, "verified"),
    "second of a rotation": (ID, STAMP, f"{WRONG} {GOLDEN}", BODY, SECRET, STAMP, "verified"),
    "beside an ed25519": (ID, STAMP, f"{ED25519} {GOLDEN}", BODY, SECRET, STAMP, "verified"),
    "five minutes later": (ID, STAMP, GOLDEN, BODY, SECRET, "1731705421", "verified"),
    "too old": (ID, STAMP, GOLDEN, BODY, SECRET, "1731705422", "refused"),
    "from the future": (ID, STAMP, GOLDEN, BODY, SECRET, "1731704820", "refused"),
    "another body": (ID, STAMP, GOLDEN, BODY + b" ", SECRET, STAMP, "refused"),
    "another id": ("msg_2", STAMP, GOLDEN, BODY, SECRET, STAMP, "refused"),
    "wrong signature": (ID, STAMP, WRONG, BODY, SECRET, STAMP, "refused"),
    "no signature": (ID, STAMP, "v1", BODY, SECRET, STAMP, "refused"),
    "no base64": (ID, STAMP, "v1,!!!", BODY, SECRET, STAMP, "refused"),
    "version without comma": (ID, STAMP, "v1a,abc v1", BODY, SECRET, STAMP, "refused"),
    "no time": (ID, "yesterday", GOLDEN, BODY, SECRET, STAMP, "refused"),
    "bytes that are no text": (ID, STAMP, GOLDEN, b"\xff\xfe", SECRET, STAMP, "refused"),
    "public key as secret": (ID, STAMP, FORGED, BODY, PUBLIC, STAMP, "refused"),
}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("snippet", RUN, ids=lambda one: one.name)
def test_it_verifies_what_is_genuine_and_nothing_else(snippet: Snippet, tmp_path: Path) -> None:
    command = _prepared(snippet, tmp_path)
    found, wanted = {}, {}
    for name, (message_id, stamp, signatures, body, secret, now, verdict) in CASES.items():
        done = subprocess.run(
            [*command, message_id, stamp, signatures],
            input=body,
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, "WEBHOOK_SECRET": secret, "WEBHOOK_NOW": now},
            timeout=60,
        )
        found[name] = done.stdout.decode().strip() or done.stderr.decode()
        wanted[name] = verdict
    assert found == wanted


def _prepared(snippet: Snippet, folder: Path) -> list[str]:
    """Return the command that runs a program in a folder; compile it first if that is quicker than
    fifteen runs."""
    program = snippet.program
    if snippet.name == "go":
        program = program.replace("import (\n", 'import (\n\t"fmt"\n\t"io"\n\t"os"\n\t"time"\n', 1)
    (folder / snippet.file).write_text(program, encoding="utf-8")
    if snippet.name == "go":
        build = ["go", "build", "-o", "verify", "verify.go"]
        subprocess.run(build, cwd=folder, check=True, timeout=240)
        return [str(folder / "verify")]
    if snippet.name == "java" and shutil.which("javac"):
        subprocess.run(["javac", "Verify.java"], cwd=folder, check=True, timeout=110)
        return ["java", "-Xshare:auto", "Verify"]
    return COMMANDS[snippet.name]


def test_what_is_shown_ends_before_the_command_line() -> None:
    for snippet in SNIPPETS:
        assert "command line" not in snippet.shown
        assert "whsec_" in snippet.shown
        assert "WEBHOOK_NOW" not in snippet.shown or snippet.name == "bash"
