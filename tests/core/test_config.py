"""Test the settings: complete in development, strict in production, all problems at once."""

import stat
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from portal.core.config import Config, ConfigError, libpq_url, variables
from tests.configs import config_of

PRODUCTION = {
    "PORTAL_ENV": "production",
    "PORTAL_BASE_URL": "https://portal.example",
    "PORTAL_DATABASE_URL": "postgresql://portal_app:pw@db.example/portal",
    "PORTAL_SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "PORTAL_OIDC_ISSUER": "https://login.example/",
    "PORTAL_OIDC_CLIENT_ID": "portal",
    "PORTAL_OIDC_CLIENT_SECRET": "client-secret",
}


def read(tmp_path: Path, **settings: str) -> Config:
    return config_of({"PORTAL_DATA_DIR": str(tmp_path / "var")} | settings)


def production(tmp_path: Path, **settings: str) -> Config:
    return read(tmp_path, **(PRODUCTION | settings))


def problems(tmp_path: Path, **settings: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, **settings)
    return caught.value.problems


@pytest.mark.parametrize("between", [",", " , ", "\n", "\r\n", ",\n"])
def test_a_secret_key_is_followed_by_another(tmp_path, between: str):
    new, old = "n" + PRODUCTION["PORTAL_SECRET_KEY"], PRODUCTION["PORTAL_SECRET_KEY"]
    path = tmp_path / "keys"
    path.write_text(f"{new}{between}{old}\n")
    config = read(
        tmp_path,
        **PRODUCTION
        | {
            "PORTAL_SECRET_KEY": "",
            "PORTAL_SECRET_KEY_FILE": str(path),
        },
    )
    assert config.secret_key.texts == [new, old]
    assert config.secret_key.active.text == new
    assert old not in repr(config)


def test_each_of_several_secret_keys_must_be_one(tmp_path):
    two = PRODUCTION["PORTAL_SECRET_KEY"] + ",short"
    [problem] = problems(tmp_path, **PRODUCTION | {"PORTAL_SECRET_KEY": two})
    assert problem.startswith("PORTAL_SECRET_KEY must have at least 32 characters")
    assert "short" not in problem


def test_development_needs_nothing(tmp_path):
    config = read(tmp_path)
    assert (config.env, config.port, config.base_url) == (
        "development", 8000, "http://localhost:8000"
    )  # fmt: skip
    assert config.uses_embedded_database
    assert config.uses_dev_provider
    assert config.oidc_issuer == "http://127.0.0.1:8001"
    assert ip_network("127.0.0.0/8") in config.outbound_allow
    assert len(config.secret_key.active.text) >= 32


def test_what_is_generated_stays_and_is_for_nobody_elses_eyes(tmp_path):
    first, second = read(tmp_path), read(tmp_path)
    assert first == second
    kept = sorted(path.name for path in (tmp_path / "var").iterdir())
    assert kept == ["oidc-client-id", "oidc-client-secret", "secret-key"]
    for path in (tmp_path / "var").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.secret_key != config_of({"PORTAL_DATA_DIR": str(tmp_path / "other")}).secret_key


@pytest.mark.parametrize("complete", [read, production])
def test_the_web_server_listens_on_loopback_unless_told_otherwise(tmp_path, complete):
    assert complete(tmp_path).bind == "127.0.0.1"
    assert complete(tmp_path, PORTAL_BIND="::").bind == "::"


def test_nothing_is_written_where_everything_is_given(tmp_path):
    production(tmp_path)
    assert not (tmp_path / "var").exists()


def test_other_ports_move_the_addresses(tmp_path):
    config = read(tmp_path, PORTAL_PORT="9000", PORTAL_IDP_PORT="9001", PORTAL_RECEIVER_PORT="9002")
    assert config.base_url == "http://localhost:9000"
    assert config.oidc_issuer == "http://127.0.0.1:9001"


def test_settings_cannot_be_changed(tmp_path):
    with pytest.raises(ValidationError, match="frozen"):
        read(tmp_path).port = 1  # type: ignore[misc]


def test_all_problems_are_told_together_and_name_their_variable(tmp_path):
    found = problems(
        tmp_path,
        PORTAL_ENV="production",
        PORTAL_PROT="1",
        PORTAL_PORT="http",
        PORTAL_SECRET_KEY="short",
        PORTAL_OUTBOUND_ALLOW="10.0.0.1/8",
        PORTAL_OIDC_ROLE_MAP="boss=owner",
    )
    named = [problem.split()[0] for problem in found]
    assert named == [
        "PORTAL_PROT",
        "PORTAL_BASE_URL",
        "PORTAL_PORT",
        "PORTAL_DATABASE_URL",
        "PORTAL_SECRET_KEY",
        "PORTAL_OIDC_ISSUER",
        "PORTAL_OIDC_CLIENT_ID",
        "PORTAL_OIDC_CLIENT_SECRET",
        "PORTAL_OIDC_ROLE_MAP",
        "PORTAL_OUTBOUND_ALLOW",
    ]
    assert found[0] == "PORTAL_PROT is not a setting. Did you mean PORTAL_PORT?"


def test_the_message_counts_and_lists(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, PORTAL_ENV="test")
    assert str(caught.value).splitlines() == [
        "One setting needs your attention:",
        "  - PORTAL_ENV must be development or production, not 'test'.",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"), ("PORT", "65536"), ("PORT", "8_000"), ("PORT", "-1"), ("PORT", "٨٠٠٠"),
        ("BASE_URL", "localhost:8000"), ("BASE_URL", "ftp://x"), ("BASE_URL", "http://x/portal"),
        ("BASE_URL", "http://u:p@x"), ("BASE_URL", "http://x?y"), ("BASE_URL", "http://x:99999"),
        ("DATABASE_URL", "sqlite:///x"), ("DATABASE_URL", "postgresql+psycopg2://x"),
        ("SECRET_KEY", "a" * 64), ("SECRET_STORE", "file"), ("VAULT_MOUNT", "../sys"),
        ("TRUSTED_PROXIES", "yes"), ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "10.0.0.0/8 192.0.2.7"), ("WEB_WORKERS", "0"),
        ("OUTBOUND_ALLOW", "example.com"),
        ("OIDC_ROLE_MAP", "admin"), ("OIDC_ROLE_MAP", "=admin"), ("API_AUDIENCE", "a\nb"),
        ("DATA_DIR", "/etc/hostname"), ("PORT", " "),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused(tmp_path, name: str, value: str):
    [problem] = problems(tmp_path, **{f"PORTAL_{name}": value})
    assert problem.startswith(f"PORTAL_{name} ")


def test_trusted_proxies_are_networks(tmp_path):
    def trusted(value: str) -> list[str]:
        return [str(one) for one in read(tmp_path, PORTAL_TRUSTED_PROXIES=value).trusted_proxies]

    assert trusted("") == []
    assert trusted("10.0.0.0/8, 192.0.2.7,fd00::/8") == ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]
    assert trusted("::ffff:10.0.0.0/104,::ffff:192.0.2.7") == ["10.0.0.0/8", "192.0.2.7/32"]


@pytest.mark.parametrize("count", ["0", "1", "2"])
def test_a_number_of_proxies_stops_the_start_with_an_example_of_networks(tmp_path, count: str):
    [problem] = problems(tmp_path, PORTAL_TRUSTED_PROXIES=count)
    assert problem == (
        "PORTAL_TRUSTED_PROXIES must be the networks of your proxies, such as "
        f"10.0.0.0/8,192.0.2.7, and no longer how many there are: not '{count}'."
    )


def test_no_problem_repeats_a_secret(tmp_path):
    settings = {
        "PORTAL_SECRET_KEY": "hunter2hunter2",
        "PORTAL_DATABASE_URL": "mysql://portal:hunter2@db/portal",
        "PORTAL_MIGRATION_DATABASE_URL": "mysql://owner:hunter2@db/portal",
        "PORTAL_OIDC_CLIENT_SECRET": "hunter2\x01",
    }
    assert "hunter2" not in "\n".join(problems(tmp_path, **settings))


@pytest.mark.parametrize("password", ["a%zz", "a b", "a@b", "a@", "a/b", "1/b", "/b", "a/b@c?d"])
def test_an_unescaped_password_stops_the_start_and_is_not_repeated(tmp_path, password: str):
    """libpq would take its end for a host or a port, and name these when it cannot connect."""
    url = f"postgresql://portal:{password}@db/portal"
    names = ("DATABASE_URL", "MIGRATION_DATABASE_URL", "BACKUP_DATABASE_URL")
    found = problems(tmp_path, **{f"PORTAL_{name}": url for name in names})
    assert len(found) == len(names)
    for name, problem in zip(names, sorted(found, key=len), strict=True):
        assert problem.partition(" ")[2].startswith("cannot be read; it is written postgresql://")
        assert password not in problem, name


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://portal:a%40b%2Fc@db:5433/portal?sslmode=require",
        "postgresql://portal@/portal?host=/var/run/postgresql",
        "postgresql://portal@one:5432,two:5433/portal?target_session_attrs=read-write",
        "postgresql://portal@one,two/portal",
        "postgresql://portal@[fd00::1]/portal",
        "postgresql:///portal?host=@socket&user=portal",
        "postgresql://portal@db",
    ],
)
def test_a_database_may_be_named_as_libpq_allows(tmp_path, url: str):
    config = production(tmp_path, PORTAL_DATABASE_URL=url)
    assert libpq_url(config.database_url) == url


def test_the_settings_do_not_print_secrets(tmp_path):
    config = production(tmp_path)
    for secret in ("pw@", PRODUCTION["PORTAL_SECRET_KEY"], "client-secret"):
        assert secret not in repr(config)


def test_a_secret_may_be_in_a_file(tmp_path):
    path = tmp_path / "key"
    path.write_text(PRODUCTION["PORTAL_SECRET_KEY"] + "\n")
    settings = dict(PRODUCTION, PORTAL_SECRET_KEY_FILE=str(path), PORTAL_SECRET_KEY="")
    assert read(tmp_path, **settings).secret_key.texts == [PRODUCTION["PORTAL_SECRET_KEY"]]


def test_a_secret_and_its_file_are_one_too_many(tmp_path):
    (tmp_path / "key").write_text("x")
    found = problems(
        tmp_path,
        PORTAL_SECRET_KEY=PRODUCTION["PORTAL_SECRET_KEY"],
        PORTAL_SECRET_KEY_FILE=str(tmp_path / "key"),
    )
    assert found == ["PORTAL_SECRET_KEY and PORTAL_SECRET_KEY_FILE are both set; set one of them."]


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), (b"", "is empty"),
                                                (b"\xff\xfe", "not text")])  # fmt: skip
def test_a_secret_file_that_holds_none(tmp_path, content: bytes | None, words: str):
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    [problem] = problems(tmp_path, PORTAL_SECRET_KEY_FILE=str(tmp_path / "key"))
    assert words in problem


def test_only_secrets_may_be_in_files(tmp_path):
    [problem] = problems(tmp_path, PORTAL_PORT_FILE="/etc/hostname")
    assert problem.startswith("PORTAL_PORT_FILE is not a setting")


def test_ports_differ(tmp_path):
    [problem] = problems(tmp_path, PORTAL_IDP_PORT="8000")
    assert "three different ports" in problem


def test_a_provider_of_ones_own_needs_a_client(tmp_path):
    found = problems(tmp_path, PORTAL_OIDC_ISSUER="https://login.example")
    assert found == [
        "PORTAL_OIDC_CLIENT_ID is missing.",
        "PORTAL_OIDC_CLIENT_SECRET is missing.",
    ]


def test_an_issuer_keeps_its_last_slash(tmp_path):
    assert production(tmp_path).oidc_issuer == "https://login.example/"


def test_database_addresses_name_the_driver(tmp_path):
    config = production(tmp_path, PORTAL_DATABASE_URL="postgres://portal_app:pw@db/portal")
    assert config.database_url == "postgresql+psycopg://portal_app:pw@db/portal"
    assert libpq_url(config.database_url) == "postgresql://portal_app:pw@db/portal"
    assert config.migration_database_url is None
    assert not config.uses_embedded_database


def test_an_owner_without_an_app_role_is_a_mistake(tmp_path):
    [problem] = problems(tmp_path, PORTAL_MIGRATION_DATABASE_URL="postgresql://o@db/portal")
    assert problem == "PORTAL_MIGRATION_DATABASE_URL is set, PORTAL_DATABASE_URL is not."


@pytest.mark.parametrize("blank", [" ", "\r", "\n"])
def test_blanks_around_a_value_change_nothing(tmp_path, blank):
    """A line of a file with Windows line ends has one; production stays production in all of it."""
    spaced = {name: value + blank for name, value in PRODUCTION.items()}
    assert read(tmp_path, **spaced) == production(tmp_path)
    assert read(tmp_path, **spaced).outbound_allow == ()
    [problem] = problems(
        tmp_path, **{name: value for name, value in spaced.items() if "DATABASE" not in name}
    )
    assert problem == "PORTAL_DATABASE_URL is missing."


def test_a_name_in_small_letters_is_no_setting(tmp_path):
    assert read(tmp_path, portal_port="1234").port == 8000


def test_roles_are_mapped_by_name(tmp_path):
    config = read(tmp_path, PORTAL_OIDC_ROLE_MAP="portal-admins=admin, a=b=viewer")
    assert dict(config.oidc_role_map) == {"portal-admins": "admin", "a=b": "viewer"}


class TestVault:
    def settings(self, **more: str) -> dict[str, str]:
        return {"PORTAL_SECRET_STORE": "vault", "PORTAL_VAULT_ADDR": "http://127.0.0.1:8200"} | more

    def test_a_token_is_enough(self, tmp_path):
        assert read(tmp_path, **self.settings(PORTAL_VAULT_TOKEN="t")).vault_mount == "secret"

    def test_a_token_that_cannot_be_read_is_not_called_missing(self, tmp_path):
        (tmp_path / "token").write_text("t")
        both = {"PORTAL_VAULT_TOKEN": "t", "PORTAL_VAULT_TOKEN_FILE": str(tmp_path / "token")}
        [problem] = problems(tmp_path, **self.settings(**both))
        assert problem.endswith("are both set; set one of them.")

    def test_a_role_is_enough(self, tmp_path):
        role = {"PORTAL_VAULT_ROLE_ID": "r", "PORTAL_VAULT_SECRET_ID": "s"}
        assert read(tmp_path, **self.settings(**role)).vault_role_id == "r"

    @pytest.mark.parametrize(
        "credentials",
        [
            {},
            {"PORTAL_VAULT_ROLE_ID": "r"},
            {"PORTAL_VAULT_SECRET_ID": "s"},
            {"PORTAL_VAULT_TOKEN": "t", "PORTAL_VAULT_ROLE_ID": "r", "PORTAL_VAULT_SECRET_ID": "s"},
        ],
    )
    def test_nothing_else_is(self, tmp_path, credentials):
        assert len(problems(tmp_path, **self.settings(**credentials))) == 1

    WORKER = {"PORTAL_VAULT_WORKER_ROLE_ID": "w", "PORTAL_VAULT_WORKER_SECRET_ID": "canary"}

    def test_web_processes_and_workers_each_have_their_own(self, tmp_path):
        config = read(tmp_path, **self.settings(PORTAL_VAULT_TOKEN="t", **self.WORKER))
        assert config.vault_login("web").token == "t"
        assert config.vault_login("worker")[1:] == ("w", "canary")
        assert "canary" not in repr(config.vault_login("worker")) + repr(config)

    def test_workers_without_their_own_share_the_other(self, tmp_path):
        config = read(tmp_path, **self.settings(PORTAL_VAULT_TOKEN="t"))
        assert config.vault_login("worker").token == "t"

    def test_a_move_has_a_token_of_its_own_or_uses_that_of_the_workers(self, tmp_path):
        settings = self.settings(PORTAL_VAULT_TOKEN="t", **self.WORKER)
        assert read(tmp_path, **settings).vault_login("move").role_id == "w"
        own = read(tmp_path, **settings, PORTAL_VAULT_MOVE_TOKEN="m")
        assert own.vault_login("move") == ("m", "", "")
        assert own.vault_login("worker").role_id == "w"

    def test_a_web_process_does_not_use_that_of_the_workers(self, tmp_path):
        config = read(tmp_path, **self.settings(**self.WORKER))
        assert config.vault_login("worker").role_id == "w"
        with pytest.raises(ConfigError, match="not for web processes"):
            config.vault_login("web")

    @pytest.mark.parametrize(
        "credentials",
        [
            {"PORTAL_VAULT_WORKER_ROLE_ID": "w"},
            {"PORTAL_VAULT_WORKER_SECRET_ID": "canary"},
            {"PORTAL_VAULT_WORKER_TOKEN": "wt", **WORKER},
        ],
    )
    def test_a_half_or_a_double_one_of_the_workers_is_refused(self, tmp_path, credentials):
        settings = self.settings(PORTAL_VAULT_TOKEN="t", **credentials)
        [problem] = problems(tmp_path, **settings)
        assert "PORTAL_VAULT_WORKER_ROLE_ID" in problem

    def test_it_needs_an_address(self, tmp_path):
        [problem] = problems(tmp_path, PORTAL_SECRET_STORE="vault", PORTAL_VAULT_TOKEN="t")
        assert problem.startswith("PORTAL_VAULT_ADDR is missing")


class TestProduction:
    def test_a_complete_one_starts(self, tmp_path):
        config = production(tmp_path)
        assert config.is_production
        assert not config.uses_dev_provider
        assert config.outbound_allow == ()

    @pytest.mark.parametrize(
        "settings",
        [
            {"PORTAL_BASE_URL": "http://portal.example"},
            {"PORTAL_OIDC_ISSUER": "http://127.0.0.1:8001"},
            {"PORTAL_OIDC_ISSUER": "http://login.example"},
            {"PORTAL_OIDC_ISSUER": "https://localhost:8001"},
            {
                "PORTAL_SECRET_STORE": "vault",
                "PORTAL_VAULT_ADDR": "http://vault.example",
                "PORTAL_VAULT_TOKEN": "t",
            },
        ],
    )
    def test_what_is_fine_on_a_laptop_is_refused(self, tmp_path, settings):
        assert len(problems(tmp_path, **(PRODUCTION | settings))) == 1

    def test_a_vault_agent_on_this_machine_is_fine(self, tmp_path):
        agent = {
            "PORTAL_SECRET_STORE": "vault",
            "PORTAL_VAULT_ADDR": "http://127.0.0.1:8200",
            "PORTAL_VAULT_TOKEN": "t",
        }
        assert production(tmp_path, **agent).vault_addr == "http://127.0.0.1:8200"

    def test_the_generated_key_is_refused(self, tmp_path):
        key = read(tmp_path).secret_key.active.text
        [problem] = problems(tmp_path, **(PRODUCTION | {"PORTAL_SECRET_KEY": key}))
        assert "generated for development" in problem

    def test_every_missing_setting_is_named(self, tmp_path):
        found = problems(tmp_path, PORTAL_ENV="production")
        assert {problem.split()[0] for problem in found} == set(PRODUCTION) - {"PORTAL_ENV"}


def test_every_setting_is_documented():
    for name, about in variables().items():
        assert about["help"], name
        assert name.startswith("PORTAL_")
    secret = {name for name, about in variables().items() if about["secret"]}
    assert {"PORTAL_SECRET_KEY", "PORTAL_DATABASE_URL", "PORTAL_VAULT_TOKEN"} <= secret
