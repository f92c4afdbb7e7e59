"""Test the signature doctor: each usual mistake is made here on purpose, and must be named."""

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

import pytest

from portal.webhooks.verification.message import Message
from portal.webhooks.verification.provider_schemes import SCHEMES
from portal.webhooks.verification.signature_doctor import Candidate, Diagnosis, examine
from tests.cast import Api
from tests.databases import Database
from tests.inbound.test_inbound import SECRET, github, make
from tests.webhooks.test_webhooks import everything_written
from tests.webhooks.verification import test_inbound_schemes as amazon

NOW = 1_731_705_121
STAMP = str(NOW)
WHSEC = "whsec_plJ3nmyCDGBKInavdOK15jsl"
RAW = base64.b64decode("plJ3nmyCDGBKInavdOK15jsl")
VALUE = {"name": "Zoë", "id": 7, "url": "https://a.example/b"}
COMPACT = json.dumps(VALUE, ensure_ascii=False, separators=(",", ":")).encode()


def mac(key: bytes, text: bytes, kind: str = "sha256") -> bytes:
    return hmac.new(key, text, kind).digest()


def standard(
    body: bytes, *, key: bytes = RAW, text: bytes | None = None, kind: str = "sha256"
) -> dict[str, str]:
    signed = f"msg_1.{STAMP}.".encode() + body if text is None else text
    digest = base64.b64encode(mac(key, signed, kind)).decode()
    return {"webhook-id": "msg_1", "webhook-timestamp": STAMP, "webhook-signature": f"v1,{digest}"}


def diagnose(
    headers: dict[str, str],
    body: bytes,
    secret: str = WHSEC,
    *,
    scheme: str = "standard-webhooks",
    now: float = NOW,
    earlier: Sequence[str] = (),
    url: str = "",
    **more: Any,
) -> Diagnosis:
    known = [Candidate(secret, "the secret", True)]
    known += [Candidate(one, "an earlier secret", False) for one in earlier]
    message = Message("POST", url, tuple(headers.items()), body)
    return examine(SCHEMES[scheme], message, known, now=now, **more)


def codes(found: Diagnosis) -> list[str]:
    assert not found.verdict.verified
    assert all(one.what.endswith(".") and one.remedy.endswith(".") for one in found.findings)
    return [one.code for one in found.findings]


def test_a_good_signature_needs_no_reason() -> None:
    found = diagnose(standard(COMPACT), COMPACT)
    assert (found.verdict.verified, list(found.findings)) == (True, [])


@pytest.mark.parametrize(
    ("sent", "arrived", "word"),
    [
        (COMPACT, json.dumps(VALUE, ensure_ascii=False).encode(), "with spaces"),
        (json.dumps(VALUE).encode(), COMPACT, "without spaces"),
        (json.dumps(VALUE, indent=2).encode(), json.dumps(VALUE).encode(), "in one line"),
        (json.dumps(VALUE, sort_keys=True).encode(), json.dumps(VALUE).encode(), "order"),
        (COMPACT, COMPACT + b"\n", "line break"),
        (COMPACT + b"\n", COMPACT, "line break"),
        (b"a\nb", b"a\r\nb", "line ends"),
        (COMPACT.replace(b"/", b"\\/"), COMPACT, "slashes"),
        (COMPACT, gzip.compress(COMPACT, mtime=0), "gzip"),
    ],
)
def test_a_body_that_was_changed_on_the_way(sent: bytes, arrived: bytes, word: str) -> None:
    found = diagnose(standard(sent), arrived)
    assert codes(found) == ["body_changed"]
    assert word in found.findings[0].what


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (WHSEC.encode(), "key_whole"),
        (WHSEC.removeprefix("whsec_").encode(), "key_unprefixed"),
        (WHSEC.encode() + b"\n", "key_line"),
    ],
)
def test_a_key_that_was_not_decoded(key: bytes, code: str) -> None:
    assert codes(diagnose(standard(COMPACT, key=key), COMPACT)) == [code]


def test_a_key_that_was_decoded_and_should_not_be() -> None:
    secret = base64.b64encode(bytes(range(24))).decode()
    headers = {"X-Hub-Signature-256": "sha256=" + mac(bytes(range(24)), COMPACT).hex()}
    assert codes(diagnose(headers, COMPACT, secret, scheme="github")) == ["key_decoded"]


def test_a_secret_with_a_blank_around_it() -> None:
    headers = {"X-Hub-Signature-256": "sha256=" + mac(b"secret-1", COMPACT).hex()}
    found = codes(diagnose(headers, COMPACT, "secret-1 ", scheme="github"))
    assert found == ["space_in_secret", "key_stripped"]


def test_an_earlier_secret_is_recognised_by_its_fingerprint() -> None:
    older = "whsec_" + base64.b64encode(bytes(24)).decode()
    found = diagnose(standard(COMPACT, key=bytes(24)), COMPACT, earlier=[older])
    assert codes(found) == ["earlier_secret"]
    assert hashlib.sha256(bytes(24)).hexdigest()[8:12] in found.findings[0].what


def test_a_clock_that_is_off_says_by_how_much() -> None:
    late = diagnose(standard(COMPACT), COMPACT, now=NOW + 421)
    assert codes(late) == ["clock"]
    assert "421 s" in late.findings[0].what
    assert "signature is right" in late.findings[0].what
    early = diagnose(standard(COMPACT), COMPACT, now=NOW - 421)
    assert "421 s in the future" in early.findings[0].what


def test_hex_where_base64_is_expected_and_the_other_way_round() -> None:
    hexed = {**standard(COMPACT), "webhook-signature": ""}
    signed = f"msg_1.{STAMP}.".encode() + COMPACT
    hexed["webhook-signature"] = f"v1,{mac(RAW, signed).hex()}"
    assert codes(diagnose(hexed, COMPACT)) == ["encoding"]
    digest = base64.b64encode(mac(b"secret-1", COMPACT)).decode()
    headers = {"X-Hub-Signature-256": f"sha256={digest}"}
    assert codes(diagnose(headers, COMPACT, "secret-1", scheme="github")) == ["encoding"]


def test_another_hash_and_another_text() -> None:
    assert codes(diagnose(standard(COMPACT, kind="sha512"), COMPACT)) == ["hash"]
    assert codes(diagnose(standard(COMPACT, text=COMPACT), COMPACT)) == ["content"]
    text = f"{STAMP}.".encode() + COMPACT
    assert codes(diagnose(standard(COMPACT, text=text), COMPACT)) == ["content"]


def test_two_mistakes_at_once() -> None:
    headers = standard(COMPACT, key=WHSEC.encode())
    arrived = json.dumps(VALUE, ensure_ascii=False).encode()
    assert sorted(codes(diagnose(headers, arrived))) == ["body_changed", "key_whole"]


def test_a_public_key_taken_as_a_shared_secret_is_never_called_good() -> None:
    public = "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    key = base64.b64decode(public.removeprefix("whpk_"))
    found = codes(diagnose(standard(COMPACT, key=key), COMPACT, public))
    assert found == ["public_key", "key_public"]


def test_the_headers_of_another_provider() -> None:
    stripe = mac(b"whsec_abc", f"{STAMP}.".encode() + COMPACT).hex()
    headers = {"Stripe-Signature": f"t={STAMP},v1={stripe}"}
    found = diagnose(headers, COMPACT, "whsec_abc", scheme="github")
    assert codes(found) == ["other_scheme"]
    assert "Stripe" in found.findings[0].what
    assert "genuine" in found.findings[0].what


def test_a_length_that_does_not_fit() -> None:
    headers = {**standard(COMPACT), "content-length": str(len(COMPACT))}
    found = codes(diagnose(headers, COMPACT[:-1]))
    assert found[0] == "other_length"


def test_another_address() -> None:
    signed = mac(SECRET.encode(), b"http://portal.example/in/x" + COMPACT)
    headers = {"x-square-hmacsha256-signature": base64.b64encode(signed).decode()}
    url = "https://portal.example/in/x"
    assert codes(diagnose(headers, COMPACT, SECRET, scheme="square", url=url)) == ["address"]


def test_a_credential_with_a_word_before_it() -> None:
    found = diagnose({"X-Gitlab-Token": f"Bearer {SECRET}"}, b"", SECRET, scheme="gitlab")
    assert codes(found)[0] == "credential_form"


def test_nothing_explains_it() -> None:
    found = diagnose(standard(COMPACT, key=bytes(32)), COMPACT)
    assert codes(found) == ["another_secret"]


def test_line_ends_of_a_text_box_are_not_blamed_on_the_sender() -> None:
    body = b'{\n  "a": 1\n}\n'
    pasted = b'{\r\n  "a": 1\r\n}'
    assert not diagnose(standard(body), pasted).verdict.verified
    assert diagnose(standard(body), pasted, is_pasted=True).verdict.verified


# ---------------------------------------------------------------- the API


def ask(api: Api, **body: Any) -> Any:
    return api.post("/signature-checks", body)


def test_it_is_asked_by_program(ada: Api) -> None:
    headers = github(COMPACT, "secret-12")
    answer = ask(
        ada, scheme="github", secret="secret-12", headers=headers, body=COMPACT.decode() + "\n"
    )
    assert answer.status_code == 200, answer.text
    said = answer.json
    assert (said["verified"], said["code"], said["scheme"]) == (False, "no_match", "github")
    assert [one["code"] for one in said["findings"]] == ["body_changed"]
    assert said["signed_text"] == COMPACT.decode() + "\n"
    assert said["expected"] == "sha256=" + mac(b"secret-12", COMPACT + b"\n").hex()
    raw = base64.b64encode(COMPACT).decode()
    good = ask(ada, scheme="github", secret="secret-12", headers=headers, body_base64=raw)
    assert good.json["verified"] is True


def test_the_text_under_the_signature_is_the_one_that_is_signed(ada: Api) -> None:
    body = amazon.sns(Message="hello", MessageId="m-1").decode()
    said = ask(ada, scheme="aws-sns", secret=amazon.TOPIC, body=body).json
    assert said["signed_text"].startswith("Message\nhello\nMessageId\nm-1\nTimestamp\n")
    for scheme, headers in (
        ("jwt", {"Authorization": "Bearer a.b.c"}),
        ("api-key", {"X-API-Key": "a"}),
    ):
        said = ask(ada, scheme=scheme, secret="a-shared-secret-of-16", headers=headers, body="{}")
        assert said.json["signed_text"] == "", "they sign nothing of the request"


def test_a_webhooks_own_secret_signs_nothing_for_who_asks(ada: Api) -> None:
    webhook = make(ada)
    answer = ask(ada, webhook_id=webhook["id"], headers=github(COMPACT, "wrong"), body="{}")
    assert answer.json["expected"] is None
    assert mac(SECRET.encode(), b"{}").hex() not in answer.text
    good = ask(ada, webhook_id=webhook["id"], headers=github(b"{}"), body="{}")
    assert good.json["verified"] is True


def test_an_earlier_secret_of_a_webhook_is_named(ada: Api) -> None:
    webhook = make(ada)
    path = f"/webhooks/{webhook['id']}"
    for secret in ("the second secret", "the third secret"):
        assert ada.patch(path, {"inbound_secret": secret}).status_code == 200
    assert ada.post(f"{path}/secret-retirements").status_code == 200
    answer = ask(ada, webhook_id=webhook["id"], headers=github(b"{}"), body="{}")
    assert [one["code"] for one in answer.json["findings"]] == ["earlier_secret"]


def test_nothing_of_it_is_kept_and_nobody_else_may_ask(
    ada: Api, vic: Api, gus: Api, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    secret, word = "a-pasted-secret-of-somebody", "a-word-of-the-body"
    ask(ada, scheme="github", secret=secret, headers={"X-A": word}, body=word)
    ask(ada, scheme="nonsense", secret=secret, body=word)
    assert secret not in everything_written(database)
    assert word not in everything_written(database)
    logged = capsys.readouterr()
    assert secret not in logged.out + logged.err
    assert ask(vic, scheme="github", secret=secret).status_code == 403
    theirs = make(ada)["id"]
    assert ask(gus, webhook_id=theirs).status_code == 404
    assert ask(ada).status_code == 422
