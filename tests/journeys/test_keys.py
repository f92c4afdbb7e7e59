"""Two days in the life of a key: it is replaced while its program works on, and it leaks."""

import re

import pytest

from tests.cast import ADA, Api
from tests.journeys.conftest import Enter, Stage, ways


def calls(stage: Stage, key: str) -> int:
    """Call with the key, and return the status of the response."""
    return Api(stage.app.test_client(), key).get("/connectors").status_code


@pytest.mark.proof
@pytest.mark.timeout(300)
@ways("mouse", "keyboard", "no script", first="no script")
def test_a_key_is_issued_and_replaced_while_its_program_works_on(
    enter: Enter, stage: Stage
) -> None:
    ada = enter("Ada Almeida")
    ada.follow("API keys")
    ada.follow("Issue key")
    ada.write("Name", "Nightly export")
    ada.grant("connectors:read")
    ada.choose("Expires", "1 year")
    ada.press("Issue key")
    old = ada.secret()
    ada.tick("I have stored this key")
    ada.follow("Done")
    assert calls(stage, old) == 200

    ada.follow("Rotate")
    ada.tick("One hour")
    ada.press("Issue the new key")
    new = ada.secret()
    assert new != old
    ada.tick("I have stored this key")
    ada.follow("Done")
    assert (calls(stage, old), calls(stage, new)) == (200, 200)

    stage.count_calls()
    ada.follow("Rotation")
    ada.sees("Who still uses the old key")
    ada.follow("Finish now…")
    ada.sees("Programs that still call with the old key are refused")
    ada.press("Revoke the old key")
    ada.sees("The old key came to its end")
    assert (calls(stage, old), calls(stage, new)) == (401, 200)
    assert old not in ada.page.content()


@pytest.mark.proof
@pytest.mark.timeout(300)
@ways("mouse", "keyboard", "no script", first="keyboard")
def test_a_leaked_key_is_found_its_callers_are_named_and_it_is_revoked(
    enter: Enter, stage: Stage
) -> None:
    rest = stage.rest(ADA)
    leaked = rest.create("api-keys", name="Nightly export", scopes=["connectors:read"])
    for _ in range(3):
        assert calls(stage, leaked["key"]) == 200
    stage.count_calls()
    scanner = rest.create("api-keys", name="Scanner", scopes=["keys:verify"])["key"]
    found = {"fingerprint": leaked["key_fingerprint"], "url": "https://git.acme.example/a"}
    told = Api(stage.app.test_client(), scanner).post("/api-keys/leaks", found)
    assert (told.json or {})["response"] == "block"
    assert calls(stage, leaked["key"]) != 200

    ada = enter("Ada Almeida")
    ada.sees("Nightly export")
    ada.follow("API keys")
    ada.follow("Reported leaks")
    ada.sees("https://git.acme.example/a")
    ada.follow("Nightly export")
    ada.follow("Revoke…")
    ada.waits_for("3 calls")
    ada.sees("127.0.0.1")
    ada.write("Reason", "found in a repository")
    ada.press("Revoke key")
    ada.sees(re.compile("revoked", re.IGNORECASE))
    assert calls(stage, leaked["key"]) == 401
    assert rest.get(f"/api-keys/{leaked['id']}").json["status"] == "revoked"
