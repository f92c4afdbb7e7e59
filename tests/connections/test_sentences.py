"""Sentences about a connector: each is true, and names the check and the time that prove it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.applications.models import Application
from portal.connections.health.sentences import Action, Change, Known, listed, say, span
from portal.connections.models import ConnectorCheck, ConnectorStanding
from portal.connectors.models import Connector

NOW = datetime(2026, 11, 27, 15, 6, tzinfo=UTC)
DAY = timedelta(days=1)


def ago(**length: float) -> datetime:
    """Return a time before now."""
    return NOW - timedelta(**length)


def jira(**differs: Any) -> Connector:
    """Return a connector that is enabled and set up."""
    usual = {
        "provider": "jira",
        "enabled": True,
        "is_deleted": False,
        "sync_status": "healthy",
        "credential_version": 3,
        "application_id": None,
        "config": {},
    }
    return Connector(**usual | differs)


def works(**differs: Any) -> ConnectorStanding:
    """Return a standing whose last check passed."""
    usual = {
        "check_id": "chk_1",
        "outcome": "passed",
        "checked_at": ago(minutes=3),
        "passed_at": ago(minutes=3),
        "since": ago(days=4),
        "took_ms": 412.4,
        "account": "svc-jira@acme.example",
        "next_check_at": NOW + DAY,
        "passed_credential_version": 3,
        "said": "",
        "remedy": "",
    }
    return ConnectorStanding(**usual | differs)


def fails(outcome: str, **differs: Any) -> ConnectorStanding:
    """Return a standing whose checks have failed since 13:42."""
    failed = {"outcome": outcome, "since": ago(hours=1, minutes=24), "passed_at": ago(hours=2)}
    return works(**failed | differs)


def said(record: Connector, standing: ConnectorStanding | None, **known: Any) -> str:
    """Return the sentence of what is known."""
    return str(say(Known(record, standing, NOW, **known)))


def test_a_sign_in_that_no_check_can_try_is_not_said_to_work() -> None:
    standing = works(outcome="unproven", said="A person has to sign in with a browser.")
    record = jira(sync_status="pending", updated_at=ago(minutes=10))
    sentence = say(Known(record, standing, NOW))
    assert str(sentence) == "Reached 3 min ago (412 ms); its sign-in is not proven"
    assert sentence.more == "A person has to sign in with a browser."
    changed = jira(sync_status="pending", updated_at=ago(minutes=1))
    assert said(changed, standing).startswith("Changed, and not checked since")


def test_a_connector_that_works_names_its_account_its_check_and_the_end_of_its_token() -> None:
    standing = works(expires_at=NOW + timedelta(days=20, minutes=1))
    sentence = say(Known(jira(), standing, NOW, for_whom="made for RFP Desk"))
    assert str(sentence) == (
        "Works: signed in as svc-jira@acme.example 3 min ago (412 ms); made for RFP Desk;"
        " credentials end in 20 d"
    )
    assert (sentence.tone, sentence.action) == ("ok", None)


def test_without_a_name_of_the_account_it_says_only_that_the_check_passed() -> None:
    assert said(jira(), works(account=None)) == "Works: its check passed 3 min ago (412 ms)"


def test_credentials_that_end_soon_need_a_person_before_they_end() -> None:
    sentence = say(Known(jira(), works(expires_at=NOW + timedelta(days=12, minutes=1)), NOW))
    assert str(sentence).endswith("credentials end in 12 d")
    assert sentence.tone == "warn"
    assert sentence.action == Action("edit", "Enter new credentials")


def test_credentials_that_have_ended_are_not_said_to_work() -> None:
    assert said(jira(), works(expires_at=ago(hours=2))) == (
        "Credentials ended 2 h ago; worked 3 min ago (412 ms)"
    )


def test_rights_that_are_not_needed_are_named() -> None:
    check = ConnectorCheck(id="chk_1", too_much=["admin", "write"], steps=[])
    sentence = say(Known(jira(), works(), NOW, last_check=check))
    assert sentence.more == "The credentials may do more than is needed: admin, write."


def test_a_persons_credentials_are_said_to_be_a_persons() -> None:
    sentence = say(Known(jira(), works(is_person=True), NOW))
    assert str(sentence).startswith("Works with a person's credentials: signed in as svc-jira@")
    assert "Use a service account" in sentence.more


def test_a_refusal_names_the_version_that_came_before_it_and_the_way_back() -> None:
    change = Change(ago(hours=1, minutes=25), "Marek Nowak", (), 4, ("Account e-mail",))
    record = jira(credential_version=4, sync_status="action_required")
    standing = fails("auth_invalid", said="Jira answered 401.", remedy="Enter them again.")
    sentence = say(Known(record, standing, NOW, change=change))
    assert str(sentence) == (
        "Sign-in refused since 13:42 UTC, 1 min after Marek Nowak saved version 4 of the"
        " credentials (Account e-mail)"
    )
    assert sentence.more == "Jira answered 401. Enter them again."
    assert sentence.action == Action("restore", "Back to version 3", 3)
    change, record = replace(change, version=13), jira(credential_version=13)
    sentence = say(Known(record, standing, NOW, change=change))
    assert sentence.action == Action("edit", "Edit"), "the store has forgotten version 3"


def test_a_refusal_after_a_change_of_settings_names_them_and_offers_no_older_credentials() -> None:
    change = Change(ago(hours=1, minutes=24, seconds=30), "Ada Almeida", ("Site",))
    sentence = say(Known(jira(), fails("config"), NOW, change=change))
    assert str(sentence) == (
        "A setting is wrong since 13:42 UTC, 30 s after Ada Almeida changed Site"
    )
    assert sentence.action == Action("edit", "Edit")


def test_a_refusal_without_a_change_before_it_blames_nobody() -> None:
    sentence = say(Known(jira(), fails("auth_invalid"), NOW))
    assert str(sentence) == "Sign-in refused since 13:42 UTC"
    assert sentence.action == Action("edit", "Edit")


def test_a_connector_that_never_worked_says_so() -> None:
    assert said(jira(), fails("auth_invalid", passed_at=None)) == (
        "Sign-in refused since 13:42 UTC; no check of it has passed"
    )


def test_missing_permissions_are_named() -> None:
    check = ConnectorCheck(id="chk_1", missing=["read:issue"], steps=[], too_much=[])
    assert said(jira(), fails("auth_scope"), last_check=check) == (
        "Permissions missing (read:issue) since 13:42 UTC"
    )


def test_expired_credentials_say_since_when() -> None:
    expired = fails("auth_expired", since=ago(days=2))
    assert said(jira(), expired) == "Credentials expired since 25 Nov, 15:06 UTC"


def test_a_rate_limit_says_until_when_it_waits() -> None:
    limited = fails("rate_limited", next_check_at=NOW + timedelta(minutes=9, seconds=5))
    assert said(jira(), limited) == "Rate limited since 13:42 UTC; checked again in 9 min"


@pytest.mark.parametrize(
    ("failed", "lead"),
    [("connect", "Cannot be reached"), ("who", "The other side fails")],
)
def test_it_is_unreachable_only_if_no_step_got_an_answer(failed: str, lead: str) -> None:
    check = ConnectorCheck(id="chk_1", steps=[{"name": failed, "state": "failed"}])
    again = fails("transient", next_check_at=NOW + timedelta(minutes=5, seconds=1))
    text = said(jira(sync_status="degraded"), again, last_check=check)
    assert text == f"{lead} since 13:42 UTC; checked again in 5 min"


def test_a_locked_secret_store_is_not_said_of_the_connector() -> None:
    assert said(jira(), fails("secret_store")) == (
        "Could not be checked since 13:42 UTC: the secret store gives no credentials;"
        " the last check that passed was 2 h ago"
    )


def test_a_change_is_not_said_to_work_before_it_is_checked() -> None:
    record = jira(sync_status="pending")
    assert said(record, works()) == (
        "Changed, and not checked since; the last check that passed was 3 min ago;"
        " checked again in 1 d"
    )


def test_a_check_that_runs_says_since_when() -> None:
    record = jira(sync_status="pending")
    queued = ConnectorCheck(state="queued", created_at=ago(seconds=20))
    running = ConnectorCheck(state="running", created_at=ago(minutes=1), started_at=NOW)
    assert said(record, None, open_check=queued) == "Waits for its check since 15:05 UTC"
    assert said(record, None, open_check=running) == "Being checked since 15:06 UTC"


def test_a_check_that_no_worker_takes_says_so() -> None:
    queued = ConnectorCheck(state="queued", created_at=ago(minutes=4))
    sentence = say(Known(jira(sync_status="pending"), None, NOW, open_check=queued))
    assert "No worker has taken the check" in sentence.more


def test_a_check_of_a_connector_that_works_does_not_hide_that_it_works() -> None:
    running = ConnectorCheck(state="running", created_at=NOW, started_at=NOW)
    assert said(jira(), works(), open_check=running).startswith("Works: signed in as")


def test_a_connector_without_a_check_was_never_checked() -> None:
    sentence = say(Known(jira(sync_status="pending"), None, NOW))
    assert (str(sentence), sentence.action) == ("Never checked", Action("check", "Check now"))


def test_an_old_pass_is_no_proof_of_today() -> None:
    old = works(checked_at=ago(days=5), next_check_at=ago(days=4))
    assert said(jira(), old) == (
        "Worked 5 d ago (412 ms); its next check is overdue since 23 Nov, 15:06 UTC"
    )


def test_a_draft_and_what_is_not_set_up_say_what_is_missing() -> None:
    assert said(jira(provider=None), None) == "Draft: no system is chosen yet"
    assert said(jira(), None, missing=["Site", "API token"]) == (
        "Not set up: Site and API token are missing"
    )


def test_a_disabled_connector_is_not_checked() -> None:
    record = jira(enabled=False, sync_status="disabled")
    assert said(record, works(passed_at=ago(days=3))) == (
        "Disabled: it is neither used nor checked; the last check that passed was 3 d ago"
    )


def test_a_stopped_application_stops_its_connector() -> None:
    record = jira(application_id="app_1")
    record.__dict__["owning_application"] = Application(status="suspended")
    assert said(record, None) == "Stopped: its application is suspended"


def test_a_deleted_connector_says_when() -> None:
    assert said(jira(is_deleted=True, deleted_at=ago(hours=3)), works()) == "Deleted 3 h ago"


def test_a_connector_for_somebody_else_tells_its_state_alone() -> None:
    standing = fails("auth_invalid", said="Jira refused bob@acme.example.")
    sentence = say(Known(jira(sync_status="action_required"), standing, NOW, is_open=False))
    assert str(sentence) == "For somebody else. Its state is action required."
    assert (sentence.more, sentence.action) == ("", None)


def test_names_and_lengths_are_written_as_people_write_them() -> None:
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    lengths = (timedelta(0), timedelta(seconds=9), timedelta(minutes=90), timedelta(days=3))
    assert [span(length) for length in lengths] == ["less than a second", "9 s", "1 h", "3 d"]


def test_a_change_of_both_names_both_and_offers_no_older_credentials() -> None:
    change = Change(ago(hours=1, minutes=26), "Ed Evans", ("Site",), 4, ("API token",))
    sentence = say(Known(jira(credential_version=4), fails("auth_invalid"), NOW, change=change))
    assert str(sentence).endswith(
        "2 min after Ed Evans changed Site and saved version 4 of the credentials (API token)"
    )
    assert sentence.action == Action("edit", "Edit")
