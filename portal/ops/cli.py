"""The command `portal`. Each command imports only the modules it needs, so that it starts fast."""

import signal
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from portal.core.config import Config, variables
from portal.core.root_keys import SHORT
from portal.ops.command import application, configured, running_database
from portal.records.quotas.limits import BY_NAME, QUOTAS

if TYPE_CHECKING:
    from portal.secretstore.move import Report

F = TypeVar("F", bound=Callable[..., Any])


class _Commands(click.Group):
    """The portal's own commands, and those of other installed distributions.

    Other distributions add entry points in the group `portal.commands`.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_added().names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in _added().names:
            return own
        command: click.Command = _added()[cmd_name].load()
        return command


def _added() -> EntryPoints:
    return entry_points(group="portal.commands")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The cPod integration portal: applications, connectors, API keys and webhooks of a tenant.

    Settings are PORTAL_* variables; "portal settings" lists them. In development none is needed.
    """


# --- running --------------------------------------------------------------------------------------


@main.command()
@configured
def serve(config: Config) -> None:
    """Run the web server on PORTAL_PORT.

    Refuses to start as a database role that could see every tenant. Put a proxy with TLS in front
    and name its network in PORTAL_TRUSTED_PROXIES.
    """
    from portal import secretstore
    from portal.database import app_role
    from portal.ops import serving

    secretstore.build(config)  # stop here if it has no role in the Vault
    app_role.check(config)
    serving.web(config)


@main.command()
@configured
def worker(config: Config) -> None:
    """Run the worker, which does what no request should wait for.

    Run one or many, on one machine or many. SIGTERM ends it after the step in hand.
    """
    from portal import create_app
    from portal.core import logs
    from portal.database import app_role
    from portal.delivery.engine import CONNECTIONS
    from portal.ops import serving
    from portal.ops import worker as loop

    logs.configure(production=config.is_production)
    app_role.check(config)
    serving.allow_files(CONNECTIONS)
    loop.run(create_app(config, as_worker=True))


# --- looking after --------------------------------------------------------------------------------


@main.command("migrate")
@configured
def migrate_command(config: Config) -> None:
    """Bring the database to the newest revision.

    Connects as the owner of the tables, PORTAL_MIGRATION_DATABASE_URL. Running it twice, or on two
    machines at once, is safe. Run it before the new code starts.
    """
    from portal.ops import migrate

    with running_database(config):
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
    from portal.ops.backup import backup

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no partial file is left
    with running_database(config):
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

    Connects as the owner, PORTAL_MIGRATION_DATABASE_URL, and restores all or nothing. Then it looks
    at row-level security, and opens a secret, to prove that the keys are right.
    """
    from portal.ops.backup import restore as restoring

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that psql ends with it
    with running_database(config):
        about, left_out = restoring.fill(config, file)
        click.echo(f"Restored {about['tenants']} tenants, as of {about['made_at']}.")
        for line in left_out:
            click.echo(line)
        with application(config):
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
    from portal.ops.secrets import key_rotation

    with application(config):
        for line in key_rotation.report(config, key_rotation.rotate(config)):
            click.echo(line)


@main.group()
def secrets() -> None:
    """Move all secrets between the database and a Vault.

    \b
    1. Stop every web process and worker.
    2. portal secrets move --from embedded --to vault
    3. Set PORTAL_SECRET_STORE=vault everywhere, and start.
    4. When all is well: portal secrets remove --from embedded

    The other way round it is the same. Both need PORTAL_VAULT_ADDR, and PORTAL_VAULT_MOVE_TOKEN
    with the policy portal/secretstore/policies/move.hcl.
    """


STORES = click.Choice(["embedded", "vault"])


@secrets.command("move")
@click.option("--from", "source", type=STORES, required=True, help="The store in use.")
@click.option("--to", "target", type=STORES, required=True, help="The store to use from now on.")
@configured
def move_secrets(config: Config, source: str, target: str) -> None:
    """Copy every secret to another store, and compare each with what it reads back.

    The portal must be stopped, so that nothing is saved in the old store meanwhile: this refuses
    while a process runs. It may be killed and run again. The source stays as it is.
    """
    from portal.ops.secrets import store_moves

    with application(config):
        report = store_moves.move(config, source, target)
    _say_of_secrets(report, store_moves.in_words(report, source, target))


@secrets.command("remove")
@click.option("--from", "source", type=STORES, required=True, help="The store no longer in use.")
@configured
def remove_secrets(config: Config, source: str) -> None:
    """Delete for good what a move has left behind in the store that is no longer used.

    The portal may run, with the other store: this refuses while a process uses this one. What the
    store in use lacks, though its record is there, is kept and named.
    """
    from portal.ops.secrets import store_moves

    with application(config):
        report = store_moves.remove(config, source)
    _say_of_secrets(report, store_moves.removed_in_words(report, source))


def _say_of_secrets(report: "Report", lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
    for ref, reason in report.failed:
        click.echo(f"!!  {ref.tenant_id} {ref.kind} {ref.owner_id} {ref.slot}: {reason}")
    sys.exit(1 if report.failed else 0)


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
    from portal.ops import tenants

    with running_database(config):
        try:
            tenants.add(config, tenant_id, name, slug, key_code, time_zone)
        except tenants.TenantError as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{name} is a tenant now: {tenant_id}.")


@tenant.command("list")
@configured
def list_tenants(config: Config) -> None:
    """List the tenants: id, slug, key code, name."""
    from portal.ops import tenants

    with running_database(config):
        for row in tenants.all_tenants(config):
            click.echo("  ".join(row))


def _quota_options(command: F) -> F:
    """Add an option for each limit, generated from the list of quotas."""
    for quota in reversed(QUOTAS):
        text = f"At most {quota.most:,}; {quota.default:,} by default. {quota.counts}".rstrip()
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
    from portal.ops.tenant_quotas import QuotaError, settings_of

    changes = {name: value for name, value in values.items() if value is not None}
    with running_database(config):
        try:
            found = settings_of(config, tenant_id, changes, defaults)
        except QuotaError as error:
            raise click.ClickException(str(error)) from None
    for one in found:
        click.echo(f"{one.name:<20} {one.value:>15,}{'' if one.is_own else '  (default)'}")


@main.command()
def doctor() -> None:
    """Check settings, database, role, row security, migrations, secret store, identity provider.

    Says what to do about each that is wrong, and ends with status 1 if any is.
    """
    from portal.ops.doctor import examine

    healthy = True
    for finding in examine():
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
