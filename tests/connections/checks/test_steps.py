"""Test what a check tells, step by step, about a provider that behaves well or badly."""

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta

import pytest

from portal.connections.checks import run as run_module
from portal.connections.checks import visit
from tests.connections.checks.fake import ME, NAME, TOKEN, Fake, check, reply, resolves

SPENT = ["address", "connect", "tls"]
PAGE = "<!doctype html><title>Sign in</title>"


def test_a_good_connection_passes_every_step_in_order(fake):
    done = check(fake)
    assert [step.name for step in done.told] == [*SPENT, "sign_in", "who"]
    assert set(done.states().values()) == {"passed"}
    assert (done.report.outcome, done.report.said) == ("passed", "It is known.")
    assert done.report.account == "ACME-Prod, svc-jira@acme.example"
    assert done.report.steps == tuple(done.told)


def test_each_step_of_the_connection_has_its_time_within_the_whole(fake):
    done = check(fake)
    for name in [*SPENT, "who"]:
        assert done.step(name).took_ms is not None, name
        assert done.step(name).began_ms is not None, name
    begins = [done.step(name).began_ms for name in [*SPENT, "who"]]
    assert begins == sorted(begins)
    assert done.step("who").began_ms + done.step("who").took_ms <= done.report.took_ms + 1


def test_the_certificate_is_described(fake):
    assert done_tls(check(fake)) == "TLSv1.3; the certificate is good for 20 more days."


def done_tls(done) -> str:
    return done.step("tls").said


def test_the_request_carries_the_credentials_and_a_name(fake):
    check(fake)
    assert fake.seen[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert fake.seen[0].headers["user-agent"].startswith("cPod")
    assert fake.seen[0].headers["accept"] == "application/json"


@pytest.mark.parametrize(
    ("status", "outcome", "failed", "sign_in"),
    [
        (401, "auth_invalid", "sign_in", "failed"),
        (403, "auth_scope", "who", "passed"),
        (404, "config", "who", "not_tried"),
        (410, "config", "who", "not_tried"),
        (418, "config", "who", "not_tried"),
        (400, "config", "who", "not_tried"),
        (429, "rate_limited", "who", "not_tried"),
        (500, "transient", "who", "not_tried"),
        (503, "transient", "who", "not_tried"),
    ],
)
def test_the_status_decides_which_step_fails_and_who_must_act(
    fake, status, outcome, failed, sign_in
):
    fake.routes["/me"] = reply({"message": "no such luck"}, status)
    done = check(fake)
    assert done.report.outcome == outcome
    step = done.step(failed)
    assert (step.state, step.verdict, step.status) == ("failed", outcome, status)
    assert done.step("sign_in").state == sign_in
    assert "no such luck" in done.report.said
    assert done.report.remedy


def test_a_status_that_no_row_knows_is_named(fake):
    fake.routes["/me"] = reply({}, 418)
    assert "418" in check(fake).report.said


def test_what_comes_after_a_failure_is_not_tried(fake):
    fake.routes["/me"] = reply({}, 401)
    done = check(fake, check={"needs": [{"scope": "read"}, {"scope": "write"}]})
    rest = {name: state for name, state in done.states().items() if state == "not_tried"}
    assert list(rest) == ["who", "scope:read", "scope:write"]
    assert len(fake.seen) == 1


def test_an_entrys_own_row_comes_before_those_of_all(fake):
    fake.routes["/me"] = reply({"errors": ["token is old"]}, 401)
    rows = [{"status": [401], "contains": "token is old", "verdict": "auth_expired",
             "says": "The token is too old."}, *ME["answers"]]  # fmt: skip
    done = check(fake, check={"who": {**ME, "answers": rows}})
    assert (done.report.outcome, done.step("sign_in").state) == ("auth_expired", "failed")
    assert done.report.said.startswith("The token is too old.")


# --- the quirks -----------------------------------------------------------------------------------


def test_200_with_ok_false_is_a_refusal(fake):
    fake.routes["/me"] = reply({"ok": False, "error": "invalid_auth", "name": "x"})
    rows = [
        {"path": "error", "is": ["invalid_auth"], "verdict": "auth_invalid"},
        {"path": "ok", "is": ["true"], "verdict": "passed"},
    ]
    done = check(fake, check={"who": {**ME, "answers": rows}})
    assert (done.report.outcome, done.step("sign_in").state) == ("auth_invalid", "failed")


def test_200_for_nobody_is_a_refusal(fake):
    fake.routes["/me"] = reply({"user": {"id": None, "name": "Anonymous user"}})
    rows = [
        {"status": [200], "path": "user.id", "present": True, "verdict": "passed"},
        {"status": [200], "path": "user.id", "present": False, "verdict": "auth_invalid",
         "says": "The provider answered as it answers anybody."},
    ]  # fmt: skip
    done = check(fake, check={"who": {**ME, "answers": rows}})
    assert done.report.outcome == "auth_invalid"
    assert "as it answers anybody" in done.report.said


@pytest.mark.parametrize("rows", [ME["answers"], [{"status": [200], "verdict": "passed"}]])
def test_a_web_page_to_sign_in_is_no_success(fake, rows):
    fake.routes["/me"] = reply(PAGE, Content_Type="text/html")
    done = check(fake, check={"who": {**ME, "answers": rows}})
    assert done.report.outcome == "config"
    assert "web page" in done.report.said
    assert done.report.account is None


def test_a_200_that_the_table_does_not_know_is_no_success(fake):
    fake.routes["/me"] = reply({"unexpected": True})
    assert check(fake).report.outcome == "config"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_elsewhere_is_told_and_never_followed(fake, certificates, status):
    thief = Fake(certificates, {"/me": reply(NAME)}, certificate_for="thief.example")
    fake.routes["/me"] = reply(b"", status, Location="https://thief.example:1/me?a=b")
    done = check(fake, others={"thief": thief})
    assert done.report.outcome == "config"
    assert "thief.example" in done.report.said
    assert thief.seen == []


def test_a_redirect_to_the_same_host_is_not_followed_either(fake):
    fake.routes["/me"] = reply(b"", 302, Location="/other")
    assert check(fake).report.outcome == "config"
    assert fake.paths() == ["/me"]


LIMITS = {"after": "x-wait", "reset": "x-reset"}


@pytest.mark.parametrize(
    ("headers", "limits", "seconds"),
    [
        ({"Retry_After": "120"}, {}, 120),
        ({"X_Wait": "90"}, LIMITS, 90),
        ({"X_Wait": "1.5"}, LIMITS, 1.5),
        ({"X_Reset": "{0}"}, LIMITS, 300),
        ({"X_Reset": "{0}000"}, LIMITS, 300),
        ({"X_Reset": "{0}", "X_Wait": "soon"}, LIMITS, 300),
        ({"Retry_After": "999999999"}, {}, 86400),
        ({"X_Reset": "99999999999"}, LIMITS, 86400),
    ],
)
def test_each_way_to_say_when_to_come_back_is_understood(fake, headers, limits, seconds):
    at = int((datetime.now(UTC) + timedelta(minutes=5)).timestamp())
    fake.routes["/me"] = reply({}, 429, **{k: v.format(at) for k, v in headers.items()})
    done = check(fake, limits=limits)
    assert done.report.outcome == "rate_limited"
    left = (done.report.retry_at - datetime.now(UTC)).total_seconds()
    assert seconds - 20 < left <= seconds + 1


@pytest.mark.parametrize("said", ["-5", "nan", "soon", "", "9" * 4000])
def test_nonsense_about_when_to_come_back_is_left_out(fake, said):
    fake.routes["/me"] = reply({}, 429, X_Reset=said, X_Wait=said)
    done = check(fake, limits=LIMITS)
    assert done.report.outcome == "rate_limited"
    assert done.report.retry_at is None or done.report.retry_at > datetime.now(UTC) - timedelta(
        minutes=1
    )


# --- several requests -----------------------------------------------------------------------------


def test_what_one_answer_tells_the_next_request_uses(fake):
    fake.routes["/sites"] = reply([{"id": "a1", "url": "https://x"}, {"id": "b2", "url": "y"}])
    fake.routes["/ex/b2/me"] = reply(NAME)
    sites = {
        "title": "Find the site", "url": "https://{host}/sites", "where": {"url": "y"},
        "discovers": {"cloudId": "id"}, "answers": [{"status": [200], "verdict": "passed"}],
    }  # fmt: skip
    done = check(
        fake, check={"before": [sites], "who": {**ME, "url": "https://{host}/ex/{cloudId}/me"}}
    )
    assert done.report.outcome == "passed"
    assert fake.paths() == ["/sites", "/ex/b2/me"]


def test_an_element_that_is_not_listed_is_told(fake):
    fake.routes["/sites"] = reply([{"id": "a1", "url": "x"}])
    sites = {
        "title": "Find the site", "url": "https://{host}/sites", "where": {"url": "{site}"},
        "discovers": {"cloudId": "id"}, "answers": [{"status": [200], "verdict": "passed"}],
    }  # fmt: skip
    done = check(fake, check={"before": [sites]}, config={"site": "acme.example"})
    assert (done.report.outcome, fake.paths()) == ("config", ["/sites"])
    assert "acme.example" in done.report.said


def test_a_value_that_no_answer_told_is_named(fake):
    done = check(fake, check={"who": {**ME, "url": "https://{host}/{cloudId}"}})
    assert done.report.outcome == "config"
    assert "cloudId" in done.report.said
    assert fake.seen == []


def test_a_missing_credential_is_named_by_its_label(fake):
    done = check(fake, credentials={"token": ""})
    assert done.report.outcome == "config"
    assert "“Token”" in done.report.said


def test_a_discovered_address_without_tls_gets_no_token(fake):
    fake.routes["/start"] = reply({"api": "http://provider.example:8080"})
    start = {
        "title": "Start", "url": "https://{host}/start", "discovers": {"api": "api"},
        "answers": [{"status": [200], "verdict": "passed"}],
    }  # fmt: skip
    done = check(fake, check={"before": [start], "who": {**ME, "url": "{api}/me"}})
    assert done.report.outcome == "config"
    assert fake.paths() == ["/start"]


# --- rights and end -------------------------------------------------------------------------------


SCOPES = {"grants": {"source": "header", "place": "X-Scopes", "separator": ","}}


def test_granted_rights_are_compared_with_those_that_are_needed(fake):
    fake.routes["/me"] = reply(NAME, X_Scopes="repo, read:org,delete_repo")
    needs = [{"scope": "read:user", "also": ["repo"]}, {"scope": "hooks"}, {"scope": "read:org"}]
    done = check(fake, check={**SCOPES, "needs": needs, "too_much": ["delete_repo", "admin"]})
    assert done.report.granted == ("repo", "read:org", "delete_repo")
    assert (done.report.missing, done.report.too_much) == (("hooks",), ("delete_repo",))
    assert done.states() | {} == {
        "address": "passed", "connect": "passed", "tls": "passed", "sign_in": "passed",
        "who": "passed", "scope:read:user": "passed", "scope:hooks": "failed",
        "scope:read:org": "passed", "scope:delete_repo": "warned",
    }  # fmt: skip
    assert done.report.outcome == "auth_scope"
    assert "hooks" in done.report.said


def test_too_much_alone_warns_and_passes(fake):
    fake.routes["/me"] = reply(NAME, X_Scopes="delete_repo")
    done = check(fake, check={**SCOPES, "too_much": ["delete_repo"]})
    assert (done.report.outcome, done.step("scope:delete_repo").state) == ("passed", "warned")


def test_rights_that_nobody_tells_are_not_tried(fake):
    done = check(fake, check={**SCOPES, "needs": [{"scope": "hooks"}]})
    assert (done.report.outcome, done.report.granted) == ("passed", None)
    assert done.step("scope:hooks").state == "not_tried"


@pytest.mark.parametrize(("status", "outcome"), [(200, "passed"), (403, "auth_scope")])
def test_a_right_is_proven_by_its_own_request(fake, status, outcome):
    fake.routes["/alerts"] = reply({}, status)
    call = {"title": "List alerts", "url": "https://{host}/alerts",
            "answers": [{"status": [200], "verdict": "passed"}]}  # fmt: skip
    done = check(fake, check={"needs": [{"scope": "alerts", "call": call}]})
    assert done.report.outcome == outcome
    assert done.report.missing == (() if status == 200 else ("alerts",))


@pytest.mark.parametrize(("value", "expected"), [("User", True), ("Bot", False), (None, None)])
def test_the_report_says_whether_the_credentials_are_a_persons(fake, value, expected):
    fake.routes["/me"] = reply({**NAME, "type": value})
    done = check(fake, check={"who": {**ME, "person": {"path": "type", "is": ["User"]}}})
    assert done.report.is_person is expected


@pytest.mark.parametrize(
    "said",
    ["2027-01-31T00:00:00Z", "2027-01-31", "2027-01-31 00:00:00 UTC", "2027-01-31 00:00:00 +0000",
     1801353600, 1801353600000, "Sun, 31 Jan 2027 00:00:00 GMT"],
)  # fmt: skip
def test_the_end_is_read_in_every_usual_spelling(fake, said):
    fake.routes["/me"] = reply({**NAME, "expires_at": said})
    done = check(fake, check={"expiry": {"source": "json", "place": "expires_at"}})
    assert done.report.expires_at == datetime(2027, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize("said", [None, "never", "", [], {}, -1, 10**30, "9" * 300])
def test_an_end_that_is_none_is_left_out(fake, said):
    fake.routes["/me"] = reply({**NAME, "expires_at": said})
    done = check(fake, check={"expiry": {"source": "json", "place": "expires_at"}})
    assert (done.report.outcome, done.report.expires_at) == ("passed", None)


# --- bad connections ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"certificate_for": "other.example"}, "another host name"),
        ({"self_signed": True}, "self-signed"),
        ({"days": -2}, "expired"),
    ],
)
def test_a_wrong_certificate_stops_before_anything_is_sent(certificates, made, words):
    fake = Fake(certificates, {"/me": reply(NAME)}, **made)
    done = check(fake)
    assert (done.report.outcome, done.step("tls").state) == ("config", "failed")
    assert words in done.report.said
    assert done.step("sign_in").state == "not_tried"
    assert fake.seen == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost",
     "169.254.169.254", "10.0.0.1", "[fd00::1]", "metadata.google.internal", "127.1", "0"],
)  # fmt: skip
def test_an_inside_address_is_refused_in_every_spelling(fake, host):
    done = check(fake, check={"who": {**ME, "url": f"https://{host}/me"}}, client={"allow": ()})
    step = done.step("address")
    assert (done.report.outcome, step.state, step.verdict) == ("config", "failed", "config")
    assert "not allowed" in step.said
    assert fake.seen == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1"])
def test_a_name_that_leads_inside_is_refused_without_saying_where(fake, address):
    done = check(fake, client={"allow": (), "lookup": resolves("93.184.216.34", address)})
    assert (done.report.outcome, done.step("address").state) == ("config", "failed")
    assert address not in str(done.report)


def test_a_name_that_changes_between_two_requests_is_refused(fake):
    answers = [["127.0.0.1"], ["10.0.0.1"]]

    async def lookup(host, port):
        return answers.pop(0) if len(answers) > 1 else answers[0]

    other = {"title": "Other", "url": "https://moved.example:9999/x", "answers": []}
    done = check(fake, check={"needs": [{"scope": "x", "call": other}]}, client={"lookup": lookup})
    assert done.step("scope:x").verdict == "config"
    assert "not allowed" in done.step("scope:x").said


def test_a_name_that_does_not_exist_is_a_wrong_setting(fake):
    async def lookup(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    done = check(fake, client={"lookup": lookup})
    assert (done.report.outcome, done.step("address").state) == ("config", "failed")


def test_a_name_server_that_fails_is_nobodys_setting(fake):
    async def lookup(host, port):
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    done = check(fake, client={"lookup": lookup})
    assert (done.report.outcome, done.step("address").state) == ("transient", "failed")


def test_a_closed_port_fails_to_connect(fake):
    done = check(fake, check={"who": {**ME, "url": "https://provider.example:9/me"}})
    assert done.report.outcome == "config"  # 9 is not open to anybody
    done = check(fake, check={"who": {**ME, "url": "https://provider.example:1025/me"}})
    assert (done.report.outcome, done.step("connect").state) == ("transient", "failed")
    assert done.step("address").state == "passed"


def test_a_body_without_end_is_cut(fake):
    async def endless(_):
        return reply(b"x" * (4 << 20))

    fake.routes["/me"] = endless
    done = check(fake)
    assert (done.report.outcome, done.step("who").state) == ("config", "failed")
    assert "longer" in done.report.said


def test_slow_headers_end_at_the_limit_of_a_request(fake, monkeypatch):
    monkeypatch.setattr(visit, "HEAD_SECONDS", 0.2)

    async def slow(_):
        await asyncio.sleep(30)
        return b""

    fake.routes["/me"] = slow
    done = check(fake)
    assert (done.report.outcome, done.step("who").state) == ("transient", "failed")
    assert done.step("tls").state == "passed"
    assert done.report.took_ms < 5000


def test_the_whole_check_ends_at_its_limit(fake, monkeypatch):
    monkeypatch.setattr(run_module, "CHECK_SECONDS", 0.3)

    async def slow(_):
        await asyncio.sleep(30)
        return b""

    fake.routes["/me"] = slow
    done = check(fake)
    assert done.report.outcome == "transient"
    assert "too long" in done.report.said
    assert done.report.took_ms < 5000


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"{" + b'"a":' * 50_000, b"\xff\xfe\x00", b"null", b"[]", b"1", b'""']
)
def test_strange_documents_fail_in_words(fake, body):
    fake.routes["/me"] = reply(body, Content_Type="application/json")
    assert check(fake).report.outcome == "config"


# --- secrets --------------------------------------------------------------------------------------


def everything(done) -> str:
    return json.dumps([repr(done.report), [repr(step) for step in done.told]])


@pytest.mark.parametrize(
    "echo",
    [TOKEN, f"Bearer {TOKEN}", TOKEN[:16] + "…", "x" * 195 + TOKEN, f"{TOKEN[:9]}\u200b{TOKEN[9:]}",
     "".join(f"{c}" for c in TOKEN[4:])],
)  # fmt: skip
@pytest.mark.parametrize("status", [401, 403, 418, 500])
def test_a_secret_that_the_provider_repeats_is_hidden(fake, echo, status):
    fake.routes["/me"] = reply({"message": f"Bad token {echo} given"}, status)
    shown = everything(check(fake))
    assert TOKEN[:14] not in shown
    assert TOKEN[5:19] not in shown
    assert "Bad token" in shown


def test_a_secret_in_an_account_a_scope_or_a_redirect_is_hidden(fake):
    fake.routes["/me"] = reply({**NAME, "name": TOKEN}, X_Scopes=f"a,{TOKEN}")
    assert TOKEN not in everything(check(fake, check=SCOPES))
    fake.routes["/me"] = reply(b"", 302, Location=f"https://{TOKEN}.example/?t={TOKEN}")
    assert TOKEN not in everything(check(fake))


def test_a_very_short_secret_silences_the_quote(fake):
    fake.routes["/me"] = reply({"message": "abc is wrong"}, 401)
    shown = check(fake, credentials={"token": "abc"}).report.said
    assert "wrong" not in shown


def test_a_quote_has_no_tricks_and_is_cut(fake):
    fake.routes["/me"] = reply({"message": "a\u202eb\u0007c\n" + "long " * 500}, 401)
    said = check(fake).report.said
    assert "a b c long" in said
    assert len(said) < 330
    assert not set(said) & {"\u202e", "\u0007", "\n"}


def test_a_password_with_a_user_name_is_hidden_as_it_is_sent(fake):
    basic = {"kind": "basic"}
    held = {"username": "svc-jira", "password": "correct horse battery"}
    fake.routes["/me"] = lambda seen: reply({"message": seen.headers["authorization"]}, 401)
    shown = everything(check(fake, basic, credentials=held))
    assert "c3ZjLWppcmE6" not in shown


def test_plain_http_is_warned_about(fake):
    done = check(fake, check={"who": {**ME, "url": "http://{host}/me"}})
    assert done.told[-1].name == "who"
    assert done.step("tls").state == "warned"


def test_nothing_is_signed_for_a_connection_without_credentials(fake):
    done = check(fake, None, credentials={})
    assert (done.report.outcome, done.step("sign_in").state) == ("passed", "not_tried")
    assert "authorization" not in fake.seen[0].headers
