"""Define every setting of the portal: name, type and default, read from `PORTAL_*` variables.

Unknown names, bad values and missing settings are collected, reported together and stop the start.
A secret may be given as a file: `PORTAL_SECRET_KEY_FILE=/run/secrets/key`. In development, no
setting is required.
"""

import difflib
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from portal.core.embedded_urls import urls_for
from portal.core.root_keys import SHORT, RootKey, RootKeys

T = TypeVar("T")
Network = IPv4Network | IPv6Network

PREFIX = "PORTAL_"
ROLES = ("viewer", "editor", "admin")
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
GITHUB_KEYS_URL = "https://api.github.com/meta/public_keys/secret_scanning"
MIN_SECRET_KEY = 32  # characters; `openssl rand -hex 32` gives 64


class ConfigError(Exception):
    """Report settings that are wrong, each in one sentence that names its variable."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = "One setting needs" if len(problems) == 1 else f"{len(problems)} settings need"
        super().__init__("\n".join([f"{count} your attention:", *(f"  - {p}" for p in problems)]))


def _setting(help_text: str, default: str = "", *, secret: bool = False) -> Any:
    """Return a field that a variable sets. `default` is text for the documentation, not a value."""
    return field(
        repr=not secret, metadata={"help": help_text, "default": default, "secret": secret}
    )


@dataclass(frozen=True, kw_only=True)
class Config:
    """Hold the settings of one process. Build it with `from_environ`."""

    env: Literal["development", "production"] = _setting("development or production", "development")
    base_url: str = _setting(
        "where people reach the portal, without a path", "http://localhost:PORT"
    )
    bind: str = _setting(
        "address that the web server listens on; 0.0.0.0 or :: for all of the machine",
        "127.0.0.1",
    )
    port: int = _setting("port of the web server", "8000")
    idp_port: int = _setting("port of the development identity provider", "8001")
    receiver_port: int = _setting("port of the demo webhook receiver", "8002")
    data_dir: Path = _setting(  # noqa: RUF009  a field(), which Path hides from the linter
        "the embedded database and what is generated", "var"
    )
    database_url: str = _setting(
        "PostgreSQL, as the role that is neither owner nor superuser", "embedded", secret=True
    )
    migration_database_url: str | None = _setting(
        "PostgreSQL, as the owner of the tables (portal migrate)", "embedded", secret=True
    )
    backup_database_url: str | None = _setting(
        "PostgreSQL, as a role that may read every row (portal backup)", "embedded", secret=True
    )
    secret_key: RootKeys = _setting(  # noqa: RUF009  a field()
        f"at least {MIN_SECRET_KEY} random characters; signs and encrypts. To replace it: new,old, "
        "or in a file a key a line; the first is used, all are read",
        "generated",
        secret=True,
    )
    oidc_issuer: str = _setting("issuer of the identity provider", "http://127.0.0.1:IDP_PORT")
    oidc_client_id: str = _setting("our client id there", "generated")
    oidc_client_secret: str = _setting("our client secret there", "generated", secret=True)
    oidc_tenant_claim: str = _setting("claim that holds the tenant's id", "tenant_id")
    oidc_roles_claim: str = _setting("claim that holds the roles", "roles")
    oidc_role_map: Mapping[str, str] = _setting(
        "their role=ours, comma-separated; a role that is not listed gives no access",
        "viewer, editor and admin, also with tenant_ in front",
    )
    oidc_program_claim: str | None = _setting(
        "claim that only access tokens of programs have: gty=client-credentials, or its name alone",
        "none: the subject is the client itself",
    )
    api_audience: str = _setting("audience of access tokens for REST", "urn:cpod:integration")
    secret_store: Literal["embedded", "vault"] = _setting("embedded or vault", "embedded")
    secret_store_key: tuple[str, ...] = _setting(
        "keys of the embedded store, a list like PORTAL_SECRET_KEY's",
        "derived from PORTAL_SECRET_KEY",
        secret=True,
    )
    vault_addr: str | None = _setting("address of Vault or OpenBao")
    vault_mount: str = _setting("mount of its KV version 2 engine", "secret")
    vault_namespace: str | None = _setting("its namespace")
    vault_token: str | None = _setting("a token, or a role id with a secret id", secret=True)
    vault_role_id: str | None = _setting("AppRole role id")
    vault_secret_id: str | None = _setting("AppRole secret id", secret=True)
    outbound_allow: tuple[Network, ...] = _setting(
        "private networks that outgoing requests may reach, comma-separated",
        "none; loopback in development",
    )
    github_keys_url: str = _setting(
        "where GitHub publishes the keys that its secret scanning signs with", GITHUB_KEYS_URL
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        "networks of the proxies in front, comma-separated; X-Forwarded-* counts from them alone",
        "none",
    )
    web_workers: int = _setting("web processes of portal serve", "1")
    verify_stale: int = _setting(
        "seconds without a word from the database after which keys are answered with 503", "2"
    )

    @property
    def key_mark(self) -> str:
        """Return the ids of the keys that this process encrypts with: the portal's and store's."""
        active = [self.secret_key.active, *map(RootKey, self.secret_store_key[:1])]
        return "/".join(key.id[:SHORT] for key in active)

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
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read, check and complete the settings. Raise `ConfigError` with every problem at once."""
        reader = _Reader(environ)
        reader.report_unknown(variables())
        values = _general(reader) | _database(reader) | _identity(reader) | _vault(reader)
        if reader.problems:
            raise ConfigError(reader.problems)
        config = cls(**values)
        if config.is_production and (problems := _production_problems(config)):
            raise ConfigError(problems)
        return config


def variables() -> dict[str, Any]:
    """Return each variable's name with its metadata: `help`, `default`, `secret`."""
    return {PREFIX + f.name.upper(): f.metadata for f in fields(Config)}


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


# --- the groups of settings -----------------------------------------------------------------------


def _general(reader: "_Reader") -> dict[str, Any]:
    port = reader.get("PORT", _port, 8000)
    ports = {
        "port": port,
        "idp_port": reader.get("IDP_PORT", _port, 8001),
        "receiver_port": reader.get("RECEIVER_PORT", _port, 8002),
    }
    if not reader.production and len(set(ports.values())) < len(ports):
        reader.problems.append(
            "PORTAL_PORT, PORTAL_IDP_PORT and PORTAL_RECEIVER_PORT must be three different ports."
        )
    return ports | {
        "env": "production" if reader.production else "development",
        "bind": reader.get("BIND", _address, "127.0.0.1"),
        "base_url": reader.get("BASE_URL", _origin, reader.development(f"http://localhost:{port}")),
        "data_dir": reader.data_dir,
        "secret_key": reader.secret(
            "SECRET_KEY", _root_keys, reader.generated("secret-key", _root_keys)
        ),
        "outbound_allow": reader.get(
            "OUTBOUND_ALLOW", _networks, () if reader.production else LOOPBACK
        ),
        "github_keys_url": reader.get("GITHUB_KEYS_URL", _url, GITHUB_KEYS_URL),
        "trusted_proxies": reader.get("TRUSTED_PROXIES", _proxies, ()),
        "web_workers": reader.get("WEB_WORKERS", _between(1, 64), 1),
        "verify_stale": reader.get("VERIFY_STALE", _between(1, 60), 2),
    }


def _database(reader: "_Reader") -> dict[str, Any]:
    ours = reader.secret("DATABASE_URL", _postgresql, None)
    owner = reader.secret("MIGRATION_DATABASE_URL", _postgresql, None)
    backup = reader.secret("BACKUP_DATABASE_URL", _postgresql, None)
    if ours is None and owner is not None:
        reader.problems.append("PORTAL_MIGRATION_DATABASE_URL is set, PORTAL_DATABASE_URL is not.")
    elif ours is None and reader.production:
        reader.missing("DATABASE_URL")
    elif ours is None:
        urls = urls_for(reader.data_dir)
        ours, owner, backup = urls.app, urls.owner, backup or urls.superuser
    return {
        "database_url": ours, "migration_database_url": owner, "backup_database_url": backup,
    }  # fmt: skip


def _identity(reader: "_Reader") -> dict[str, Any]:
    default_issuer = dev_issuer(reader.get("IDP_PORT", _port, 8001, quiet=True))
    issuer = reader.get("OIDC_ISSUER", _issuer, reader.development(default_issuer))
    ours = issuer == default_issuer
    client_id = reader.generated("oidc-client-id") if ours else reader.required
    client_secret = reader.generated("oidc-client-secret") if ours else reader.required
    same = {f"{prefix}{role}": role for prefix in ("", "tenant_") for role in ROLES}
    return {
        "oidc_issuer": issuer,
        "oidc_client_id": reader.get("OIDC_CLIENT_ID", _text, client_id),
        "oidc_client_secret": reader.secret("OIDC_CLIENT_SECRET", _text, client_secret),
        "oidc_tenant_claim": reader.get("OIDC_TENANT_CLAIM", _text, "tenant_id"),
        "oidc_roles_claim": reader.get("OIDC_ROLES_CLAIM", _text, "roles"),
        "oidc_role_map": reader.get("OIDC_ROLE_MAP", _role_map, MappingProxyType(same)),
        "oidc_program_claim": reader.get("OIDC_PROGRAM_CLAIM", _claim, None),
        "api_audience": reader.get("API_AUDIENCE", _text, "urn:cpod:integration"),
    }


def _vault(reader: "_Reader") -> dict[str, Any]:
    values = {
        "secret_store": reader.get("SECRET_STORE", _one_of("embedded", "vault"), "embedded"),
        "secret_store_key": reader.secret("SECRET_STORE_KEY", _secret_keys, ()),
        "vault_addr": reader.get("VAULT_ADDR", _url, None),
        "vault_mount": reader.get("VAULT_MOUNT", _path_segment, "secret"),
        "vault_namespace": reader.get("VAULT_NAMESPACE", _text, None),
        "vault_token": reader.secret("VAULT_TOKEN", _text, None),
        "vault_role_id": reader.get("VAULT_ROLE_ID", _text, None),
        "vault_secret_id": reader.secret("VAULT_SECRET_ID", _text, None),
    }
    if values["secret_store"] == "vault":  # noqa: S105  a kind of store
        reader.problems += _vault_problems(values)
    return values


def _vault_problems(values: dict[str, Any]) -> list[str]:
    problems = []
    if not values["vault_addr"]:
        problems.append("PORTAL_VAULT_ADDR is missing; PORTAL_SECRET_STORE=vault needs it.")
    role, secret_id = values["vault_role_id"], values["vault_secret_id"]
    if bool(role) != bool(secret_id):
        problems.append(
            "PORTAL_VAULT_ROLE_ID and PORTAL_VAULT_SECRET_ID belong together; one is missing."
        )
    elif bool(values["vault_token"]) == bool(role):
        problems.append(
            "PORTAL_SECRET_STORE=vault needs either PORTAL_VAULT_TOKEN, or PORTAL_VAULT_ROLE_ID "
            "with PORTAL_VAULT_SECRET_ID."
        )
    return problems


def _production_problems(config: Config) -> list[str]:
    """Return settings that are acceptable in development but wrong in production, as sentences."""
    problems = []
    if urlsplit(config.base_url).scheme != "https":
        problems.append("PORTAL_BASE_URL must begin with https:// in production.")
    if urlsplit(config.oidc_issuer).scheme != "https" or _is_loopback(config.oidc_issuer):
        problems.append(
            "PORTAL_OIDC_ISSUER must be an https:// issuer of your own in production; the "
            "development provider signs anybody in."
        )
    vault = config.vault_addr or ""
    if urlsplit(vault).scheme == "http" and not _is_loopback(vault):
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


# --- reading one variable -------------------------------------------------------------------------


class _Required:
    """Mark a setting that has no default."""


class _Reader:
    """Read variables and collect every problem, without ever repeating a secret."""

    required = _Required()

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
        self.problems: list[str] = []
        self.production = (
            self.get("ENV", _one_of("development", "production"), "development") == "production"
        )
        self.data_dir: Path = self.get("DATA_DIR", _directory, Path("var").absolute())

    def report_unknown(self, known: Mapping[str, Any]) -> None:
        names = set(known) | {f"{name}_FILE" for name, about in known.items() if about["secret"]}
        for name in sorted(set(self.environ) - names):
            close = difflib.get_close_matches(name, sorted(names), n=1)
            hint = f" Did you mean {close[0]}?" if close else " See portal settings."
            self.problems.append(f"{name} is not a setting.{hint}")

    def development(self, value: T) -> T | _Required:
        """Return a default that applies in development only."""
        return self.required if self.production else value

    def generated(
        self, name: str, parse: Callable[[str], Any] = str
    ) -> Callable[[], Any] | _Required:
        """Return a default for development: a random value that is stored in the data directory."""
        return self.development(lambda: parse(_kept_secret(self.data_dir / name)))

    def missing(self, name: str) -> None:
        self.problems.append(f"{PREFIX}{name} is missing.")

    def get(
        self, name: str, parse: Callable[[str], T], default: Any, *, quiet: bool = False
    ) -> Any:
        """Return the parsed value, or the default when the variable is unset or empty."""
        return self._parsed(name, self.environ.get(PREFIX + name, ""), parse, default, quiet)

    def secret(self, name: str, parse: Callable[[str], T], default: Any) -> Any:
        """Return the value as `get` does. `NAME_FILE` may name a file that contains it."""
        variable = PREFIX + name
        value, path = self.environ.get(variable, ""), self.environ.get(f"{variable}_FILE", "")
        if value and path:
            self.problems.append(f"{variable} and {variable}_FILE are both set; set one of them.")
        elif path:
            try:
                value = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is not text"
                self.problems.append(f"{variable}_FILE cannot be read: {path}: {reason}.")
                return None
            if not value:
                self.problems.append(f"{variable}_FILE is empty: {path}.")
                return None
        return self._parsed(name, value, parse, default, quiet=False)

    def _parsed(
        self, name: str, value: str, parse: Callable[[str], T], default: Any, quiet: bool
    ) -> Any:
        if value.strip():
            try:
                return parse(value.strip())
            except ValueError as error:
                if not quiet:
                    self.problems.append(f"{PREFIX}{name} {error}.")
                return None
        if isinstance(default, _Required):
            self.missing(name)
            return None
        return default() if callable(default) else default


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


# --- kinds of values; each raises ValueError with the end of the sentence "PORTAL_X …" ------------


def _text(value: str) -> str:
    if any(ord(c) < 32 for c in value):
        raise ValueError("contains a control character")
    return value


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be {' or '.join(choices)}, not {value!r}")
        return value

    return parse


def _between(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}, not {value!r}")
        return int(value)

    return parse


_port = _between(1, 65535)


def _directory(value: str) -> Path:
    path = Path(value).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError(f"must be a directory, and {path} is a file")
    return path


def _address(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError(
            f"must be an address of this machine such as 127.0.0.1 or 0.0.0.0, not {value!r}"
        ) from None


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError(f"is not a URL: {value!r}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"must be an http:// or https:// URL, not {value!r}")
    if parts.username or parts.password:
        raise ValueError("must not contain a user or a password")
    if parts.query or parts.fragment:
        raise ValueError("must not contain a query or a fragment")
    return value.rstrip("/")


def _origin(value: str) -> str:
    url = _url(value)
    if urlsplit(url).path:
        raise ValueError(f"must not contain a path: {value!r}")
    return url


def _issuer(value: str) -> str:
    _url(value)
    return value  # compared exactly with the provider's, including a trailing slash


def _postgresql(value: str) -> str:
    scheme, found, rest = value.partition("://")
    if not found or scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise ValueError("must begin with postgresql:// (other databases and drivers do not work)")
    return f"postgresql+psycopg://{rest}"


def _secret_key(value: str) -> str:
    if len(value) < MIN_SECRET_KEY:
        raise ValueError(
            f"must have at least {MIN_SECRET_KEY} characters; make one: openssl rand -hex 32"
        )
    if len(set(value)) < 10:
        raise ValueError("is not random; make one: openssl rand -hex 32")
    return value


def _secret_keys(value: str) -> tuple[str, ...]:
    """Parse keys that are separated by commas or lines."""
    parts = (part.strip() for part in value.replace("\n", ",").split(","))
    keys = tuple(_secret_key(part) for part in parts if part)
    if not keys:
        raise ValueError("holds no key")
    return keys


def _root_keys(value: str) -> RootKeys:
    return RootKeys(_secret_keys(value))


def _path_segment(value: str) -> str:
    if not all(
        part and part.replace("-", "").replace("_", "").isalnum() for part in value.split("/")
    ):
        raise ValueError(f"must be a path of letters, digits, - and _, not {value!r}")
    return value


def _networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"must be networks such as 10.0.0.0/8, comma-separated: {error}") from None


def _proxies(value: str) -> tuple[Network, ...]:
    if value.isdigit():
        raise ValueError(
            "must be the networks of your proxies, such as 10.0.0.0/8,192.0.2.7, and no longer "
            f"how many there are: not {value!r}"
        )
    return tuple(_unmapped(network) for network in _networks(value))


def _unmapped(network: Network) -> Network:
    """Return the IPv4 network that an IPv6 one such as ::ffff:10.0.0.0/104 stands for.

    Return any other network unchanged.
    """
    inside = getattr(network.network_address, "ipv4_mapped", None)
    if inside is None or network.prefixlen < 96:
        return network
    return IPv4Network((inside, network.prefixlen - 96))


def _claim(value: str) -> str:
    name, has_value, wanted = value.partition("=")
    if not name.strip() or (has_value and not wanted.strip()):
        raise ValueError(
            f"must be a claim, or a claim and its value such as idtyp=app; not {value!r}"
        )
    return f"{name.strip()}={wanted.strip()}" if has_value else name.strip()


def _role_map(value: str) -> Mapping[str, str]:
    pairs = {}
    for part in value.split(","):
        theirs, found, ours = (piece.strip() for piece in part.rpartition("="))
        if not (theirs and found) or ours not in ROLES:
            raise ValueError(
                f"must be pairs such as portal-admins=admin, with one of {', '.join(ROLES)}; "
                f"not {part!r}"
            )
        pairs[theirs] = ours
    return MappingProxyType(pairs)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
