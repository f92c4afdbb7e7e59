"""`portal tenant quota` shows limits without options and sets them with options."""

import pytest
from portal_devtools.identity_provider.people import GLOBEX

from portal.records.quotas.limits import QUOTAS, STORED


def shown(result) -> dict[str, str]:
    assert result.exit_code == 0, result.output
    return dict(line.split(maxsplit=1) for line in result.output.splitlines())


def test_it_shows_every_quota_with_its_default(set_quota):
    lines = shown(set_quota())
    assert list(lines) == [quota.name for quota in QUOTAS]
    assert lines["api_keys"] == "2,000,000  (default)"


def test_it_sets_some_and_lets_others_follow_the_default_again(set_quota):
    lines = shown(set_quota("--api-keys", "500", "--webhooks", "7"))
    assert (lines["api_keys"], lines["webhooks"]) == ("500", "7")
    lines = shown(set_quota("--default", "webhooks"))
    assert (lines["api_keys"], lines["webhooks"]) == ("500", "20,000  (default)")
    assert shown(set_quota(tenant=GLOBEX))["api_keys"] == "2,000,000  (default)"


def test_its_help_says_what_stored_bytes_are(set_quota):
    words = " ".join(set_quota("--help").output.split())
    assert f"by default. {STORED.counts} --" in words
    assert "deleted records and the audit log do not count" in STORED.counts


@pytest.mark.parametrize("value", ["0", "-1", "100000001"])
def test_a_value_that_makes_no_sense_is_refused_and_changes_nothing(set_quota, value):
    refused = set_quota("--api-keys", value, "--webhooks", "7")
    assert refused.exit_code == 1
    assert "--api-keys is 1 to 100,000,000" in refused.output
    assert shown(set_quota())["webhooks"] == "20,000  (default)"


def test_setting_and_forgetting_the_same_is_refused(set_quota):
    refused = set_quota("--api-keys", "5", "--default", "api_keys")
    assert refused.exit_code == 1
    assert "which of them?" in refused.output


def test_an_unknown_tenant_is_named(set_quota):
    refused = set_quota(tenant="tnt_nobody")
    assert refused.exit_code == 1
    assert "There is no tenant tnt_nobody" in refused.output
