"""Define every setting of the portal: name, type and default, read from `PORTAL_*` variables.

Unknown names, bad values and missing settings are collected, reported together and stop the start.
A secret may be given as a file: `PORTAL_SECRET_KEY_FILE=/run/secrets/key`. In development, no
setting is required.
"""

import difflib
import os
import secrets
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import (
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from portal.core import config_values as kind
from portal.core.config_values import MIN_SECRET_KEY, ROLES, Network, is_loopback
from portal.core.embedded_urls import urls_for
from portal.core.root_keys import SHORT, RootKey, RootKeys

PREFIX = "PORTAL_"
SAME_ROLES = MappingProxyType(
    {f"{prefix}{role}": role for prefix in ("", "tenant_") for role in ROLES}
)
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
GITHUB_KEYS_URL = "https://api.github.com/meta/public_keys/secret_scanning"


class ConfigError(Exception):
    """Report settings that are wrong, each in one sentence that names its variable."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = "One setting needs" if len(problems) == 1 else f"{len(problems)} settings need"
        super().__init__("\n".join([f"{count} your attention:", *(f"  - {p}" for p in problems)]))


class Sentence(ValueError):
    """Report a problem in a whole sentence, which names its variables."""


def _read_by(parse: Callable[[str], Any]) -> PlainValidator:
    """Validate a variable's text with `parse`; anything but text is a value already."""

    def validated(value: Any) -> Any:
        if isinstance(value, Sentence):
            raise value
        return parse(value.strip()) if isinstance(value, str) else value

    return PlainValidator(validated)


def _setting(
    help_text: str, default: Any = ..., *, shown: str | None = None, secret: bool = False
) -> Any:
    """Declare a setting; `...` is for one without a default, a function makes one. `shown` is
    what the documentation says instead of the default."""
    if shown is None:
        shown = "" if default in (..., None) else str(default)
    about: JsonDict = {"shown": shown, "secret": secret}
    if callable(default):
        return Field(
            default_factory=default, description=help_text, repr=not secret, json_schema_extra=about
        )
    return Field(default, description=help_text, repr=not secret, json_schema_extra=about)


class Config(BaseSettings):
    """Hold the settings of one process. Build it with `from_environ`."""

    model_config = SettingsConfigDict(
        extra="ignore",
        frozen=True,
        arbitrary_types_allowed=True,
    )

    env: Annotated[
        Literal["development", "production"], _read_by(kind.one_of("development", "production"))
    ] = _setting("development or production", "development")
    base_url: Annotated[str, _read_by(kind.origin)] = _setting(
        "where people reach the portal, without a path", shown="http://localhost:PORT"
    )
    bind: Annotated[str, _read_by(kind.address)] = _setting(
        "address that the web server listens on; 0.0.0.0 or :: for all of the machine", "127.0.0.1"
    )
    port: Annotated[int, _read_by(kind.port)] = _setting("port of the web server", 8000)
    idp_port: Annotated[int, _read_by(kind.port)] = _setting(
        "port of the development identity provider", 8001
    )
    receiver_port: Annotated[int, _read_by(kind.port)] = _setting(
        "port of the demo webhook receiver", 8002
    )
    data_dir: Annotated[Path, _read_by(kind.directory)] = _setting(
        "the embedded database and what is generated", shown="var"
    )
    database_url: Annotated[str, _read_by(kind.postgresql)] = _setting(
        "PostgreSQL, as the role that is neither owner nor superuser", shown="embedded", secret=True
    )
    migration_database_url: Annotated[str | None, _read_by(kind.postgresql)] = _setting(
        "PostgreSQL, as the owner of the tables (portal migrate)",
        None,
        shown="embedded",
        secret=True,
    )
    backup_database_url: Annotated[str | None, _read_by(kind.postgresql)] = _setting(
        "PostgreSQL, as a role that may read every row (portal backup)",
        None,
        shown="embedded",
        secret=True,
    )
    secret_key: Annotated[RootKeys, _read_by(kind.root_keys)] = _setting(
        f"at least {MIN_SECRET_KEY} random characters; signs and encrypts. To replace it: new,old, "
        "or in a file a key a line; the first is used, all are read",
        shown="generated",
        secret=True,
    )
    oidc_issuer: Annotated[str, _read_by(kind.issuer)] = _setting(
        "issuer of the identity provider", shown="http://127.0.0.1:IDP_PORT"
    )
    oidc_client_id: Annotated[str, _read_by(kind.text)] = _setting(
        "our client id there", shown="generated"
    )
    oidc_client_secret: Annotated[str, _read_by(kind.text)] = _setting(
        "our client secret there", shown="generated", secret=True
    )
    oidc_tenant_claim: Annotated[str, _read_by(kind.text)] = _setting(
        "claim that holds the tenant's id", "tenant_id"
    )
    oidc_roles_claim: Annotated[str, _read_by(kind.text)] = _setting(
        "claim that holds the roles", "roles"
    )
    oidc_role_map: Annotated[Mapping[str, str], _read_by(kind.role_map)] = _setting(
        "their role=ours, comma-separated; a role that is not listed gives no access",
        lambda: SAME_ROLES,
        shown="viewer, editor and admin, also with tenant_ in front",
    )
    oidc_groups_claim: Annotated[str, _read_by(kind.text)] = _setting(
        "claim that holds a person's groups; connectors may be for one of them", "groups"
    )
    oidc_program_claim: Annotated[str | None, _read_by(kind.claim)] = _setting(
        "claim that only access tokens of programs have: gty=client-credentials, or its name alone",
        None,
        shown="none: the subject is the client itself",
    )
    api_audience: Annotated[str, _read_by(kind.text)] = _setting(
        "audience of access tokens for REST", "urn:cpod:integration"
    )
    secret_store: Annotated[
        Literal["embedded", "vault"], _read_by(kind.one_of("embedded", "vault"))
    ] = _setting("embedded or vault", "embedded")
    secret_store_key: Annotated[tuple[str, ...], _read_by(kind.secret_keys)] = _setting(
        "keys of the embedded store, a list like PORTAL_SECRET_KEY's",
        (),
        shown="derived from PORTAL_SECRET_KEY",
        secret=True,
    )
    vault_addr: Annotated[str | None, _read_by(kind.url)] = _setting(
        "address of Vault or OpenBao", None
    )
    vault_mount: Annotated[str, _read_by(kind.path_segment)] = _setting(
        "mount of its KV version 2 engine", "secret"
    )
    vault_namespace: Annotated[str | None, _read_by(kind.text)] = _setting("its namespace", None)
    vault_token: Annotated[str | None, _read_by(kind.text)] = _setting(
        "a token of the web processes, or a role id with a secret id", None, secret=True
    )
    vault_role_id: Annotated[str | None, _read_by(kind.text)] = _setting(
        "AppRole role id of the web processes", None
    )
    vault_secret_id: Annotated[str | None, _read_by(kind.text)] = _setting(
        "its secret id", None, secret=True
    )
    vault_worker_token: Annotated[str | None, _read_by(kind.text)] = _setting(
        "a token of the workers, or a role id with a secret id",
        None,
        shown="that of the web processes",
        secret=True,
    )
    vault_worker_role_id: Annotated[str | None, _read_by(kind.text)] = _setting(
        "AppRole role id of the workers", None, shown="that of the web processes"
    )
    vault_worker_secret_id: Annotated[str | None, _read_by(kind.text)] = _setting(
        "its secret id", None, shown="that of the web processes", secret=True
    )
    vault_move_token: Annotated[str | None, _read_by(kind.text)] = _setting(
        "a token for portal secrets, which no process of the portal should have",
        None,
        shown="that of the workers",
        secret=True,
    )
    outbound_allow: Annotated[tuple[Network, ...], _read_by(kind.networks)] = _setting(
        "private networks that outgoing requests may reach, comma-separated",
        (),
        shown="none; loopback in development",
    )
    github_keys_url: Annotated[str, _read_by(kind.url)] = _setting(
        "where GitHub publishes the keys that its secret scanning signs with", GITHUB_KEYS_URL
    )
    trusted_proxies: Annotated[tuple[Network, ...], _read_by(kind.proxies)] = _setting(
        "networks of the proxies in front, comma-separated; X-Forwarded-* counts from them alone",
        (),
        shown="none",
    )
    web_workers: Annotated[int, _read_by(kind.between(1, 64))] = _setting(
        "web processes of portal serve", 1
    )
    plain: Annotated[frozenset[str], _read_by(kind.shortcuts)] = _setting(
        "shortcuts to leave out, to measure them: " + ", ".join(kind.SHORTCUTS),
        frozenset(),
        shown="none",
    )
    verify_stale: Annotated[int, _read_by(kind.between(1, 60))] = _setting(
        "seconds without a word from the database after which keys are answered with 503", 2
    )

    @property
    def key_mark(self) -> str:
        """Return the ids of the keys that this process encrypts with: the portal's and store's."""
        active = [self.secret_key.active, *map(RootKey, self.secret_store_key[:1])]
        return "/".join(key.id[:SHORT] for key in active)

    @property
    def process_mark(self) -> str:
        """Return what a running process tells others about itself: its keys and secret store."""
        return f"{self.key_mark} {self.secret_store}"

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def uses_embedded_database(self) -> bool:
        return self.database_url == urls_for(self.data_dir).app

    @property
    def uses_dev_provider(self) -> bool:
        return not self.is_production and self.oidc_issuer == dev_issuer(self.idp_port)

    @classmethod
    def from_environ(cls) -> Self:
        """Read, check and complete the settings. Raise `ConfigError` with every problem at once."""
        problems = _unknown_names()
        try:
            config = cls()
        except ValidationError as error:
            raise ConfigError(problems + _problems_of(error)) from None
        problems += _production_problems(config) if config.is_production else []
        if problems:
            raise ConfigError(problems)
        return config

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read variables, and files that variables name; nothing else."""
        return (_Variables(settings_cls),)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Add what may be left out: the data directory, and in development all the rest."""
        given = {"data_dir": Path("var").absolute()} | given
        return given if given.get("env") == "production" else _for_development(given)

    @field_validator("receiver_port", mode="after")
    @classmethod
    def _ports_differ(cls, receiver_port: int, others: ValidationInfo) -> int:
        ports = {receiver_port, others.data.get("port"), others.data.get("idp_port")}
        if others.data.get("env") == "development" and None not in ports and len(ports) < 3:
            raise Sentence(
                "PORTAL_PORT, PORTAL_IDP_PORT and PORTAL_RECEIVER_PORT must be three different "
                "ports."
            )
        return receiver_port

    @field_validator("vault_addr", mode="after")
    @classmethod
    def _vault_has_an_address(cls, found: str | None, others: ValidationInfo) -> str | None:
        if found is None and others.data.get("secret_store") == "vault":
            raise Sentence("PORTAL_VAULT_ADDR is missing; PORTAL_SECRET_STORE=vault needs it.")
        return found

    @field_validator("vault_worker_secret_id", mode="after")
    @classmethod
    def _vault_lets_us_in(cls, secret_id: str | None, others: ValidationInfo) -> str | None:
        # One that cannot be read is reported itself, and is not missing.
        known = all(name in others.data for name in VAULT_LOGIN[:-2])
        given = {**others.data, "vault_worker_secret_id": secret_id}
        if known and given.get("secret_store") == "vault" and (problem := _login_problem(given)):
            raise Sentence(problem)
        return secret_id

    @property
    def has_worker_login(self) -> bool:
        """Tell whether the workers have a role of their own in the Vault."""
        return bool(self.vault_worker_token or self.vault_worker_role_id)

    @property
    def has_web_login(self) -> bool:
        """Tell whether the web processes have a role in the Vault."""
        return bool(self.vault_token or self.vault_role_id)

    def vault_login(self, side: Literal["web", "worker", "move"]) -> "VaultLogin":
        """Return the credentials of one side for the Vault. Workers without their own share those
        of the web processes, and a move those of the workers. Raises ConfigError if there are
        none."""
        given = self.model_dump(include=set(VAULT_LOGIN))
        if problem := _login_problem(given):
            raise ConfigError([problem])
        if side == "move" and self.vault_move_token:
            return VaultLogin(self.vault_move_token, "", "")
        prefix = "vault_worker_" if side != "web" and self.has_worker_login else "vault_"
        found = VaultLogin(*(given[prefix + name] or "" for name in VaultLogin._fields))
        if not any(found):
            raise ConfigError([NO_LOGIN])
        return found


class VaultLogin(NamedTuple):
    """A token, or a role id with its secret id; what is not used is empty."""

    token: str
    role_id: str
    secret_id: str

    def __repr__(self) -> str:
        return "<VaultLogin>"


# In the order in which they are declared and checked.
VAULT_LOGIN = (
    *(f"vault_{side}{n}" for side in ("", "worker_") for n in VaultLogin._fields),
    "vault_move_token",
)
NO_LOGIN = (
    "The Vault needs PORTAL_VAULT_TOKEN, or PORTAL_VAULT_ROLE_ID with PORTAL_VAULT_SECRET_ID; the "
    "role of the workers is not for web processes."
)


def _login_problem(given: Mapping[str, Any]) -> str:
    """Return what is wrong with the credentials for the Vault, as a sentence, or nothing."""
    for prefix in ("VAULT", "VAULT_WORKER"):
        token, role, secret = (given.get(f"{prefix}_{n}".lower()) for n in VaultLogin._fields)
        name = f"PORTAL_{prefix}"
        if bool(role) != bool(secret):
            return f"{name}_ROLE_ID and {name}_SECRET_ID belong together; one is missing."
        if token and role:
            return f"{name}_TOKEN and {name}_ROLE_ID are both set; set one of them."
    return "" if any(given.get(name) for name in VAULT_LOGIN) else NO_LOGIN


class _Variables(PydanticBaseSettingsSource):
    """Read each setting from the variable of its exact name, or from the file of its secret.

    pydantic-settings' own source ignores case and keeps blanks: `PORTAL_ENV="production "` would be
    completed as development before it is read as production.
    """

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        variable = PREFIX + field_name.upper()
        path = os.environ.get(f"{variable}_FILE", "") if _about(field)["secret"] else ""
        if path:
            return _in_file(variable, path), field_name, False
        found = os.environ.get(variable)
        return (found.strip() if found else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields.items()
        found = {name: self.get_field_value(field, name)[0] for name, field in fields}
        return {name: value for name, value in found.items() if value is not None}


def _in_file(variable: str, path: str) -> str | Sentence:
    """Return the secret in a file, or why there is none."""
    if os.environ.get(variable):
        return Sentence(f"{variable} and {variable}_FILE are both set; set one of them.")
    try:
        found = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        return Sentence(f"{variable}_FILE cannot be read: {path}: {reason}.")
    return found or Sentence(f"{variable}_FILE is empty: {path}.")


# --- what development has by itself ---------------------------------------------------------------


def _for_development(given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings completed with those of one machine. Secrets are made once and stay."""
    web_port = _port_of(given, "port")
    here = {
        "base_url": f"http://localhost:{web_port}",
        "oidc_issuer": dev_issuer(_port_of(given, "idp_port")),
        "outbound_allow": LOOPBACK,
    }
    found = here | given
    try:
        data_dir = kind.directory(str(given["data_dir"]))
    except ValueError:
        return found
    wanted = {"secret_key": "secret-key"}
    if found["oidc_issuer"] == here["oidc_issuer"]:
        wanted |= {"oidc_client_id": "oidc-client-id", "oidc_client_secret": "oidc-client-secret"}
    missing = {name: file for name, file in wanted.items() if name not in given}
    made = {name: _kept_secret(data_dir / file) for name, file in missing.items()}
    return _with_embedded_database(data_dir, found | made)


def _port_of(given: Mapping[str, Any], name: str) -> int:
    """Return a port, or the usual one where it is none: its own field reports that."""
    usual: int = Config.model_fields[name].default
    try:
        return kind.port(given.get(name, str(usual)).strip())
    except ValueError:
        return usual


def _with_embedded_database(data_dir: Path, found: dict[str, Any]) -> dict[str, Any]:
    if "database_url" in found:
        return found
    if "migration_database_url" in found:
        reason = "PORTAL_MIGRATION_DATABASE_URL is set, PORTAL_DATABASE_URL is not."
        return {"database_url": Sentence(reason)} | found
    urls = urls_for(data_dir)
    ours = {"database_url": urls.app, "migration_database_url": urls.owner}
    return {"backup_database_url": urls.superuser} | found | ours


def _kept_secret(path: Path) -> str:
    """Return the value in the file, and create it with a random value if it does not exist.

    Two processes that do this at the same time get the same value.
    """
    path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
        try:
            os.link(draft, path)  # atomic, and the first one wins
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


# --- what is wrong --------------------------------------------------------------------------------


def _unknown_names() -> list[str]:
    known = variables()
    names = set(known) | {f"{name}_FILE" for name, about in known.items() if about["secret"]}
    problems = []
    for name in sorted({name for name in os.environ if name.startswith(PREFIX)} - names):
        close = difflib.get_close_matches(name, sorted(names), n=1)
        hint = f" Did you mean {close[0]}?" if close else " See portal settings."
        problems.append(f"{name} is not a setting.{hint}")
    return problems


def _problems_of(error: ValidationError) -> list[str]:
    """Return each problem as a sentence. None repeats a value that pydantic was given."""
    found = error.errors(include_url=False, include_input=False)
    if any(one["loc"] == ("data_dir",) for one in found):
        # What development generates would be there, so it is not missing.
        found = [one for one in found if one["type"] != "missing"]
    return [_sentence(PREFIX + str(one["loc"][0]).upper(), one) for one in found]


def _sentence(variable: str, problem: Any) -> str:
    if problem["type"] == "missing":
        return f"{variable} is missing."
    cause = problem["ctx"]["error"]
    return str(cause) if isinstance(cause, Sentence) else f"{variable} {cause}."


def _production_problems(config: Config) -> list[str]:
    """Return settings that are acceptable in development but wrong in production, as sentences."""
    problems = []
    if urlsplit(config.base_url).scheme != "https":
        problems.append("PORTAL_BASE_URL must begin with https:// in production.")
    if urlsplit(config.oidc_issuer).scheme != "https" or is_loopback(config.oidc_issuer):
        problems.append(
            "PORTAL_OIDC_ISSUER must be an https:// issuer of your own in production; the "
            "development provider signs anybody in."
        )
    vault = config.vault_addr or ""
    if urlsplit(vault).scheme == "http" and not is_loopback(vault):
        problems.append(
            "PORTAL_VAULT_ADDR must begin with https:// in production (or be a local agent)."
        )
    if urlsplit(config.github_keys_url).scheme != "https":
        problems.append("PORTAL_GITHUB_KEYS_URL must begin with https:// in production.")
    generated = config.data_dir / "secret-key"
    if generated.exists() and generated.read_text().strip() in config.secret_key.texts:
        problems.append(
            "PORTAL_SECRET_KEY is the one that was generated for development; make one of your "
            "own: openssl rand -hex 32"
        )
    return problems


# --- what others ask ------------------------------------------------------------------------------


def variables() -> dict[str, Mapping[str, Any]]:
    """Return each variable's name with its `help`, its `default` in words, and whether it is
    `secret`."""
    return {
        PREFIX + name.upper(): {
            "help": field.description, "default": _about(field)["shown"],
            "secret": _about(field)["secret"],
        }
        for name, field in Config.model_fields.items()
    }  # fmt: skip


def _about(field: FieldInfo) -> Mapping[str, Any]:
    about = field.json_schema_extra
    assert isinstance(about, dict)  # noqa: S101  every field is made by `_setting`
    return about


def running() -> Config:
    """Return the settings of the running application, in web server, worker and command line."""
    from flask import current_app

    found: Config = current_app.extensions["portal"]
    return found


def dev_issuer(idp_port: int) -> str:
    """Return the issuer of the development identity provider, which listens on loopback only."""
    return f"http://127.0.0.1:{idp_port}"


def libpq_url(url: str) -> str:
    """Return the URL for psycopg itself, which does not know SQLAlchemy's drivers."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
