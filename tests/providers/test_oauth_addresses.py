"""OAuth addresses are those of two other catalogues, or there is a reason why they are not.

`oauth_addresses.json` has the facts of both, with their versions, hashes and licences.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from portal.providers import PROVIDERS, Variant
from portal.providers.filling import fill
from portal.providers.sign_in import Browser, Token

OTHERS = json.loads(Path(__file__).with_name("oauth_addresses.json").read_text())
THEIR_NAMES = {
    "jira": ("atlassian", "atlassian"),
    "confluence": ("atlassian", "atlassian"),
    "okta": ("okta", None),  # the other one has no address of its own
    "entra_id": ("microsoft", "azuread-v2-tenant-oauth2"),
    "google_workspace": ("google", "google-oauth2"),
    "github": ("github", "github"),
    "gitlab": ("gitlab", "gitlab"),
    "slack": ("slack", "slack"),
    "salesforce": ("salesforce", "salesforce-oauth2"),
    "hubspot": (None, "hubspot"),
    "zendesk": ("zendesk", None),
    "notion": ("notion", None),
    "snowflake": ("snowflake", None),
    "stripe": ("stripe", "stripe"),
}
KNOWN_TO_NONE = {"servicenow", "pagerduty", "crowdstrike", "defender_for_endpoint"}
OURS_TO_NAME = {"http", "oauth2_issuer", "mcp", "custom"}  # their addresses are settings
ACME = {
    "domain": "acme.okta.com",
    "tenantId": "common",
    "subdomain": "acme",
    "account": "acme",
}
THEIR_ACME = {
    "[subdomain]": "acme",
    "{base_url}": "https://login.microsoftonline.com/common",
}
DIFFERENCES = {
    (
        "slack",
        "authorize_url",
    ): "They use the first version of Slack's OAuth, made for classic apps.",
    ("slack", "token_url"): "They use the first version of Slack's OAuth, made for classic apps.",
    ("google_workspace", "authorize_url", "social-auth-core"): "An older address; the metadata of"
    " accounts.google.com name o/oauth2/v2/auth.",
    ("google_workspace", "token_url", "social-auth-core"): "An older address; the metadata of"
    " accounts.google.com name oauth2.googleapis.com/token.",
    ("github", "separator"): "GitHub documents a list with blanks; it takes commas too.",
}


def ours(provider: str, variant: Variant) -> dict[str, str]:
    """Return the addresses of a sign-in, and the separator if there is something to separate."""
    sign_in: Any = variant.sign_in
    values = PROVIDERS[provider].with_defaults({}) | ACME
    fields = ("authorize_url", "token_url") if isinstance(sign_in, Browser) else ("token_url",)
    found = {field: fill(getattr(sign_in, field), values) for field in fields}
    if len(sign_in.scopes) > 1:
        found["separator"] = sign_in.separator
    return found


def theirs(catalogue: str, name: str) -> dict[str, str]:
    """Return what another catalogue has, for the same example tenant."""
    found = {}
    for field, text in OTHERS[catalogue]["providers"][name].items():
        for placeholder, value in THEIR_ACME.items():
            text = text.replace(placeholder, value)
        found[field] = text
    return found


def compared() -> list[Any]:
    return [
        pytest.param(
            provider, variant, catalogue, name, id=f"{provider}-{variant.type}-{catalogue}"
        )
        for provider, pair in THEIR_NAMES.items()
        for catalogue, name in zip(OTHERS, pair, strict=True)
        for variant in PROVIDERS[provider].auth
        if name and is_oauth(variant) and not is_of_an_app(variant)
    ]


def is_oauth(variant: Variant) -> bool:
    return isinstance(variant.sign_in, (Browser, Token))


def is_of_an_app(variant: Variant) -> bool:
    """Tell whether the token address is one of GitHub's API, which no other catalogue has."""
    return variant.type == "github_app"


@pytest.mark.parametrize(("provider", "variant", "catalogue", "name"), compared())
def test_an_address_is_the_same_elsewhere_or_has_a_reason(
    provider: str, variant: Variant, catalogue: str, name: str
) -> None:
    found = theirs(catalogue, name)
    for field, value in ours(provider, variant).items():
        keys = {(provider, field), (provider, field, catalogue)}
        assert value == found[field] or keys & DIFFERENCES.keys(), (field, value, found[field])


@pytest.mark.parametrize("key", DIFFERENCES, ids="-".join)
def test_a_reason_is_there_for_a_difference(key: tuple[str, ...]) -> None:
    provider, field, *only = key
    differing = [
        catalogue
        for one, variant, catalogue, name in (param.values for param in compared())
        if one == provider and catalogue in (only or OTHERS)
        and field in ours(one, variant)
        and ours(one, variant)[field] != theirs(catalogue, name)[field]
    ]  # fmt: skip
    assert differing, "the difference is gone, so its reason can go"


def test_every_entry_with_oauth_is_compared_or_known_to_none() -> None:
    with_oauth = {key for key, one in PROVIDERS.items() if any(map(is_oauth, one.auth))}
    assert with_oauth - OURS_TO_NAME == THEIR_NAMES.keys() | KNOWN_TO_NONE


@pytest.mark.parametrize("catalogue", OTHERS)
def test_the_facts_of_others_say_whence_they_are(catalogue: str) -> None:
    about = OTHERS[catalogue]
    assert about["license"] in {"MIT", "BSD-3-Clause"}
    assert len(bytes.fromhex(about["sha256"])) == 32
    assert about["version"]
