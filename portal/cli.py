"""The command `portal`. Each command loads only what it needs, so that all of them are quick."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from portal.config import Config, ConfigError, variables
from portal.quotas.names import BY_NAME, QUOTAS
from portal.rootkeys import SHORT

if TYPE_CHECKING:
    from flask import Flask

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The cPod integration portal: applications, connectors, API keys and webhooks of a tenant.

    Settings are PORTAL_* variables; "portal settings" lists them. In development none is needed.
    """


def configured(command: Callable[Concatenate[Config, P], None]) -> Callable[P, None]:
    """Give the command its settings; what is wrong is told as sentences, without a traceback."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            config = Config.from_environ(os.environ)
        except ConfigError as error:
            raise click.ClickException(str(error)) from None
        try:
            command(config, *args, **kwargs)
        except _expected_errors() as error:
            raise click.ClickException(str(error)) from None

    return wrapper


def _expected_errors() -> tuple[type[Exception], ...]:
    """What a person can do something about."""
    from portal.archive import ArchiveError
    from portal.backup import BackupError
    from portal.dbrole import DatabaseRoleError, DatabaseUnreachable
    from portal.embedded import EmbeddedPostgresError
    from portal.migrate import MigrationError
    from portal.pgtools import ToolError
    from portal.restore import NotUsable, RestoreError
    from portal.rewrap import RotationError

    return (
        DatabaseRoleError, DatabaseUnreachable, EmbeddedPostgresError, MigrationError,
        RotationError, ArchiveError, BackupError, ToolError, RestoreError, NotUsable,
    )  # fmt: skip


@contextmanager
def _running_database(config: Config) -> Iterator[None]:
    """Borrow the embedded PostgreSQL of a running portal, or run it for as long as we need it."""
    from portal import embedded

    if not config.uses_embedded_database or embedded.is_running(config.data_dir):
        yield
        return
    with embedded.start(config.data_dir):
        yield


@contextmanager
def _application(config: Config) -> "Iterator[Flask]":
    from portal import create_app, logs
    from portal.db import db

    logs.configure(production=config.is_production)
    with _running_database(config):
        app = create_app(config)
        with app.app_context():
            try:
                yield app
            finally:
                db.session.remove()
                db.engine.dispose()


# --- running --------------------------------------------------------------------------------------


@main.command()
@configured
def dev(config: Config) -> None:
    """Run everything on this machine, with demo data. This is what "make run" does.

    Starts PostgreSQL, brings it up to date, and runs the web server, the worker, an identity
    provider that asks for no password, and a receiver that shows the webhooks it gets. Ctrl-C stops
    them all.
    """
    from portal import dev

    sys.exit(dev.run(config))


@main.command()
@configured
def serve(config: Config) -> None:
    """Run the web server on PORTAL_PORT.

    Refuses to start as a database role that could see every tenant. Put a proxy with TLS in front
    and name its network in PORTAL_TRUSTED_PROXIES.
    """
    from portal import dbrole, serving

    dbrole.check(config)
    serving.web(config)


@main.command()
@configured
def worker(config: Config) -> None:
    """Run the worker, which does what no request should wait for.

    Run one or many, on one machine or many. SIGTERM ends it after the step in hand.
    """
    from portal import create_app, dbrole, logs
    from portal import worker as loop

    logs.configure(production=config.is_production)
    dbrole.check(config)
    loop.run(create_app(config))


@main.command(hidden=True)
@configured
def provider(config: Config) -> None:
    """Run the development identity provider on PORTAL_IDP_PORT."""
    _development_only(config)
    from portal import serving

    serving.provider(config)


@main.command(hidden=True)
@configured
def receiver(config: Config) -> None:
    """Run the demo webhook receiver on PORTAL_RECEIVER_PORT."""
    _development_only(config)
    from portal import serving

    serving.receiver(config)


def _development_only(config: Config) -> None:
    if config.is_production:
        raise click.ClickException("This is for development; PORTAL_ENV is production.")


# --- looking after --------------------------------------------------------------------------------


@main.command("migrate")
@configured
def migrate_command(config: Config) -> None:
    """Bring the database to the newest revision.

    Connects as the owner of the tables, PORTAL_MIGRATION_DATABASE_URL. Running it twice, or on two
    machines at once, is safe. Run it before the new code starts.
    """
    from portal import migrate

    with _running_database(config):
        url = migrate.owner_url(config)
        before = migrate.reached(url)
        after = migrate.upgrade(url, say=click.echo)
    if before == after:
        click.echo(f"The database is at {after} already.")
    else:
        click.echo(f"Migrated the database from {before or 'nothing'} to {after}.")


@main.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@configured
def back_up(config: Config, file: Path) -> None:
    """Save everything in the database to FILE, while the portal works.

    Connects as PORTAL_BACKUP_DATABASE_URL, a role that may read every row. FILE holds neither the
    settings (PORTAL_SECRET_KEY, without which no secret in it can be read) nor what is in Vault.
    """
    from portal import backup

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no partial file is left
    with _application(config):
        about = backup.write(config, file)
    what = f"{about['bytes']} bytes, {about['tenants']} tenants, as of {about['made_at']}"
    click.echo(f"{file}: {what}.")
    if keys := ", ".join(key_id[:SHORT] for key_id in about["needs_keys"]):
        click.echo(f"Keep apart from it what it can only be opened with: the secret key {keys}.")


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@configured
def restore(config: Config, file: Path) -> None:
    """Fill an empty database from FILE, which portal backup wrote.

    Connects as the owner, PORTAL_MIGRATION_DATABASE_URL, and restores all or nothing. Then it opens
    a secret, to prove that the keys are right.
    """
    from portal import restore as restoring

    with _running_database(config):
        about = restoring.fill(config, file)
        click.echo(f"Restored {about['tenants']} tenants, as of {about['made_at']}.")
        with _application(config):
            click.echo(restoring.prove(config))


@main.group("secret-key")
def secret_key() -> None:
    """Replace PORTAL_SECRET_KEY on the running system."""


@secret_key.command()
@configured
def rotate(config: Config) -> None:
    """Wrap everything that is stored under an older key with the first key.

    Set PORTAL_SECRET_KEY to new,old everywhere and restart; run this; remove the old key and
    restart. You can interrupt this command and run it again. It tells when the old key can be
    removed, and refuses to run while a process still uses another first key.
    """
    from portal import rewrap

    with _application(config):
        for line in rewrap.report(config, rewrap.rotate(config)):
            click.echo(line)


@main.command()
@configured
def seed(config: Config) -> None:
    """Fill an empty database with two demo tenants, acme and globex.

    For development. Rows that are there already stay as they are.
    """
    _development_only(config)
    from portal.seed import seed as fill

    with _application(config) as app:
        fill(app)
    click.echo("The demo tenants acme and globex are there.")


@main.group()
def tenant() -> None:
    """Create and list tenants, and set their limits."""


@tenant.command("add")
@click.argument("tenant_id", metavar="ID")
@click.argument("name")
@click.option("--slug", required=True, help="Short name for addresses, such as acme.")
@click.option(
    "--key-code", required=True, help="Four characters (a-z, 0-9) in each API key: sk-CODE-…"
)
@click.option("--time-zone", default="UTC", show_default=True, help="Where its people are.")
@configured
def add_tenant(
    config: Config, tenant_id: str, name: str, slug: str, key_code: str, time_zone: str
) -> None:
    """Make a tenant. ID is what the identity provider puts into the tenant claim.

    Example: portal tenant add tnt_01JD… "Acme Ltd" --slug acme --key-code acme
    """
    from portal import tenants

    with _running_database(config):
        try:
            tenants.add(config, tenant_id, name, slug, key_code, time_zone)
        except tenants.TenantError as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{name} is a tenant now: {tenant_id}.")


@tenant.command("list")
@configured
def list_tenants(config: Config) -> None:
    """List the tenants: id, slug, key code, name."""
    from portal import tenants

    with _running_database(config):
        for row in tenants.all_tenants(config):
            click.echo("  ".join(row))


def _quota_options(command: F) -> F:
    """Add an option for each limit, generated from the one list of quotas."""
    for quota in reversed(QUOTAS):
        text = f"At most {quota.most:,}; {quota.default:,} by default."
        command = click.option(quota.option, quota.name, type=int, metavar="N", help=text)(command)
    return command


@tenant.command("quota")
@click.argument("tenant_id", metavar="ID")
@_quota_options
@click.option(
    "--default",
    "defaults",
    multiple=True,
    type=click.Choice(list(BY_NAME)),
    help="Let this one follow the default again.",
)
@configured
def tenant_quota(
    config: Config, /, tenant_id: str, defaults: tuple[str, ...], **values: int | None
) -> None:
    """Show a tenant's quotas, or set some of them.

    They take effect within two seconds, in every process. Records above a new limit stay, but no
    more can be created.

    Example: portal tenant quota tnt_01JD… --api-keys 500
    """
    from portal.quotas.settings import QuotaError, settings_of

    changes = {name: value for name, value in values.items() if value is not None}
    with _running_database(config):
        try:
            found = settings_of(config, tenant_id, changes, defaults)
        except QuotaError as error:
            raise click.ClickException(str(error)) from None
    for one in found:
        click.echo(f"{one.name:<20} {one.value:>15,}{'' if one.is_own else '  (default)'}")


@main.command()
@click.option("--as", "email", required=True, metavar="EMAIL", help="One of the demo people.")
@configured
def token(config: Config, email: str) -> None:
    """Print an access token for REST, from the development identity provider.

    Example: curl -H "Authorization: Bearer $(portal token --as ada@acme.example)" …
    """
    _development_only(config)
    if not config.uses_dev_provider:
        raise click.ClickException(
            f"PORTAL_OIDC_ISSUER is {config.oidc_issuer}; only the development provider gives "
            "tokens away."
        )
    from portal.identity.provider import issue_token

    try:
        text = issue_token(config.data_dir, config.oidc_issuer, email, audience=config.api_audience)
    except LookupError as error:
        raise click.ClickException(str(error).strip("'\"")) from None
    click.echo(text)


@main.command()
def doctor() -> None:
    """Check settings, database, role, migrations, secret store and identity provider.

    Says what to do about each that is wrong, and ends with status 1 if any is.
    """
    from portal.doctor import examine

    healthy = True
    for finding in examine(os.environ):
        healthy = healthy and finding.healthy
        mark = click.style("ok  ", fg="green") if finding.healthy else click.style("!!  ", fg="red")
        click.echo(f"{mark}{finding.subject:<18} {finding.words}")
        if finding.advice:
            click.echo(f"    {'':<18} → {finding.advice}")
    sys.exit(0 if healthy else 1)


@main.command()
def settings() -> None:
    """List every setting, what it is for, and its default."""
    width = max(map(len, variables()))
    for name, about in variables().items():
        default = f"  [{about['default']}]" if about["default"] else ""
        file = "  (or a file: …_FILE)" if about["secret"] else ""
        click.echo(f"{name:<{width}}  {about['help']}{default}{file}")


if __name__ == "__main__":
    main()
