"""Run the code beside a new key or secret, as it is shown, with that key or secret."""

import hashlib
import hmac
import re
import subprocess
import time
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from portal.identity.openid.claims import ALL_SCOPES
from tests.cast import BASE_URL, Api, Pages
from tests.explorer.conftest import whole_code_in
from tests.explorer.shell import LANGUAGES, Shell
from tests.keys.test_pages import form_of, raw_key
from tests.machine import NODE

NEED_AN_ID = {
    "applications:reopen",
    "applications:retire",
    "applications:suspend",
    "connectors:use",
    "keys:reopen",
}


def issued(person: Pages, *scopes: str) -> TestResponse:
    """Issue a key with these scopes; return the page that shows it."""
    answer = person.post("/keys/new", form_of(person) | {"name": "Try", "scopes": list(scopes)})
    assert answer.status_code == 200, answer.text[:2000]
    return answer


def test_the_code_beside_a_new_key_runs_as_shown_whatever_its_scopes(
    person: Pages, shell: Shell, tmp_path: Path
) -> None:
    pages = {scope: issued(person, scope) for scope in sorted(ALL_SCOPES)}
    pages["none"] = issued(person)
    tried = []
    for scope, page in pages.items():
        code = {
            language: text.replace(BASE_URL, shell.address)
            for language, text in whole_code_in(page).items()
        }
        assert set(code) == set(LANGUAGES), scope
        tried.append((scope, raw_key(page.text), code))
    in_shell = "\n".join(
        f"CPOD_API_KEY={key}\n{code['curl']} -s -o {tmp_path}/said -w '{scope} %{{http_code}}\\n'"
        for scope, key, code in tried
    )
    done = shell.ran("curl", in_shell)
    refused = [line for line in done.stdout.splitlines() if not re.search(r" 2\d\d$", line)]
    assert (done.returncode, refused) == (0, []), done.stderr
    assert len(done.stdout.splitlines()) == len(pages)
    in_python = "import os\n" + "".join(
        f"os.environ['CPOD_API_KEY'] = {key!r}\nexec({code['Python']!r}, {{}})\n"
        for _, key, code in tried
    )
    done = shell.ran("Python", in_python)
    assert done.returncode == 0, done.stderr
    in_javascript = ""
    for number, (_, key, code) in enumerate(tried):
        (shell.packages / f"try{number}.mjs").write_text(code["JavaScript"])
        in_javascript += f"process.env.CPOD_API_KEY = '{key}';\n"
        in_javascript += f"await import('{shell.packages}/try{number}.mjs');\n"
    done = shell.ran("JavaScript", in_javascript)
    assert done.returncode == 0, done.stderr


def test_a_key_whose_scopes_need_an_id_says_so(person: Pages) -> None:
    for scope in sorted(ALL_SCOPES):
        page = issued(person, scope)
        asks_who = "/me" in whole_code_in(page)["curl"]
        assert asks_who == (scope in NEED_AN_ID), scope
        assert ("needs the id of a record" in page.text) == asks_who
    page = issued(person)
    assert "This key has no scopes: it can only ask who it is." in page.text


def test_trying_a_key_keeps_nothing(person: Pages, shell: Shell, ada: Api) -> None:
    for scope, path in (("webhooks:write", "/webhooks"), ("events:publish", "/events")):
        page = issued(person, scope)
        text = whole_code_in(page)["curl"].replace(BASE_URL, shell.address)
        assert "Nothing is kept" in page.text
        assert shell.ran("curl", text, CPOD_API_KEY=raw_key(page.text)).returncode == 0
        assert (ada.get(path).json or {})["items"] == []


def test_the_key_is_in_no_code(person: Pages) -> None:
    page = issued(person, "keys:verify")
    key = raw_key(page.text)
    assert page.text.count(key) == 1
    code = whole_code_in(page)
    assert '"key": "\'"$CPOD_API_KEY"\'"' in code["curl"]
    assert '"key": os.environ["CPOD_API_KEY"]' in code["Python"]
    assert "key: process.env.CPOD_API_KEY" in code["JavaScript"]


def test_a_rotated_key_has_the_code_too(person: Pages, ada: Api) -> None:
    made = ada.create("api-keys", name="Old", scopes=["webhooks:read"])
    path = f"/keys/{made['id']}/rotate"
    answer = person.post(path, form_of(person, path))
    assert answer.status_code == 200, answer.text[:2000]
    assert "/webhooks" in whole_code_in(answer)["curl"]


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_the_code_beside_a_signing_secret_verifies_with_it(
    person: Pages, tmp_path: Path, language: str
) -> None:
    fields = {"name": "Try", "url": "https://hooks.example.com", "event_types": "*"}
    page = person.post("/webhooks/new", form_of(person, "/webhooks/new") | fields)
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", page.text)
    assert found, page.text[:2000]
    secret, stamp, body = found[0], str(int(time.time())), b'{"a": 1}'
    key = b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"msg_1.{stamp}.".encode() + body, hashlib.sha256).digest()
    file = {"python": "verify.py", "javascript": "verify.mjs"}[language]
    (tmp_path / file).write_text(whole_code_in(page)[file])
    command = {"python": ["python3"], "javascript": [NODE]}[language]
    given = [file, "msg_1", stamp, "v1," + b64encode(signed).decode()]
    said = {
        text: subprocess.run(
            [*command, *given], input=text, cwd=tmp_path, env={"WEBHOOK_SECRET": secret},
            capture_output=True, check=True,
        ).stdout.strip()
        for text in (body, body + b" ")
    }  # fmt: skip
    assert said == {body: b"verified", body + b" ": b"refused"}
