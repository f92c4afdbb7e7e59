"""The origins to which credentials may go follow from the settings alone."""

from typing import Any

import pytest

from portal.providers import PROVIDERS, origins

LOGIN = "https://login.microsoftonline.com"
TENANT = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


def of(provider: str, auth_type: str, **config: Any) -> set[str]:
    """Return the origins of one way to sign in."""
    entry = PROVIDERS[provider]
    variant = entry.variant(auth_type)
    assert variant is not None
    return set(origins(entry, variant, config))


@pytest.mark.parametrize(
    ("provider", "auth_type", "config", "expected"),
    [
        ("okta", "api_key", {"domain": "acme.okta.com"}, {"https://acme.okta.com"}),
        ("okta", "api_key", {"domain": "ACME.okta.com:443"}, {"https://acme.okta.com"}),
        ("splunk", "bearer", {"host": "logs.acme.example:8089"}, {"https://logs.acme.example:8089"}),
        ("splunk", "bearer", {}, set()),
        ("github", "bearer", {}, {"https://api.github.com"}),
        ("github", "oauth2_code", {}, {"https://github.com", "https://api.github.com"}),
        ("entra_id", "oauth2_client_credentials", {"tenantId": TENANT},
         {LOGIN, "https://graph.microsoft.com"}),
        ("salesforce", "oauth2_client_credentials", {"instance_url": "https://evil.example"},
         {"https://login.salesforce.com"}),
        ("jira", "oauth2_code", {"site": "acme.atlassian.net"},
         {"https://auth.atlassian.com", "https://api.atlassian.com"}),
        ("http", "bearer", {"baseUrl": "http://api.example/v1"}, {"http://api.example"}),
        ("http", "bearer", {"baseUrl": "https://api.example", "testPath": ".evil.example/"},
         {"https://api.example"}),
        ("http", "none", {"baseUrl": "https://api.example"}, set()),
        ("http", "hmac", {"baseUrl": "https://api.example/v1"}, {"https://api.example"}),
        ("oauth2_issuer", "oauth2_client_credentials",
         {"issuer": "https://login.example/acme", "baseUrl": "https://api.example/v1"},
         {"https://login.example", "https://api.example"}),
        ("mcp", "oauth2_client_credentials", {"serverUrl": "https://mcp.example/mcp"},
         {"https://mcp.example"}),
        ("s3_compatible", "aws_keys", {"endpoint": "https://s3.example", "bucket": "b"},
         {"https://s3.example"}),
        ("postgres", "basic", {"host": "DB.example"}, {"postgresql://db.example:5432"}),
        ("postgres", "mtls", {"host": "db.example", "port": 6432}, {"postgresql://db.example:6432"}),
        ("smtp", "basic", {"host": "mail.example"}, {"smtp://mail.example:465"}),
        ("postgres", "basic", {"host": "db.example", "sslmode": "require"},
         {"postgresql://db.example:5432?sslmode=require"}),
        ("custom", "bearer", {"baseUrl": "https://api.example"}, {"https://api.example"}),
        ("custom", "bearer", {"hosts": [{"to": "LOG.example:514"}], "level": "1.2", "note": "a b"},
         {"log.example:514"}),
    ],
)  # fmt: skip
def test_they_follow_from_the_settings(
    provider: str, auth_type: str, config: dict[str, Any], expected: set[str]
) -> None:
    assert of(provider, auth_type, **config) == expected


@pytest.mark.parametrize(
    "value", ["evil.example/", "evil.example?", "evil.example#", "a@evil.example", "evil.example\\"]
)
def test_no_setting_leaves_its_place_in_an_address(value: str) -> None:
    assert of("snowflake", "key_pair_jwt", account=value) == set()
    assert of("zendesk", "basic", subdomain=value) == set()
