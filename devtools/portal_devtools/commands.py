"""The commands that the development tools add to `portal`."""

import sys

import click

from portal.core.config import Config
from portal.ops.command import application, configured


@click.command()
@configured
def dev(config: Config) -> None:
    """Run everything on this machine, with demo data. This is what "make run" does.

    Starts PostgreSQL, brings it up to date, and runs the web server, the worker, an identity
    provider that asks for no password, and a receiver that shows the webhooks it gets. Ctrl-C stops
    them all.
    """
    from portal_devtools import dev as supervisor

    sys.exit(supervisor.run(config))


@click.command(hidden=True)
@configured
def provider(config: Config) -> None:
    """Run the development identity provider on PORTAL_IDP_PORT."""
    _development_only(config)
    from portal_devtools import serving

    serving.provider(config)


@click.command(hidden=True)
@configured
def receiver(config: Config) -> None:
    """Run the demo webhook receiver on PORTAL_RECEIVER_PORT."""
    _development_only(config)
    from portal_devtools import serving

    serving.receiver(config)


def _development_only(config: Config) -> None:
    if config.is_production:
        raise click.ClickException("This is for development; PORTAL_ENV is production.")


@click.command()
@click.option("--live", is_flag=True, help="Then fill the weeks before, and go on, until stopped.")
@configured
def seed(config: Config, live: bool) -> None:
    """Fill an empty database with two demo tenants, acme and globex.

    For development. Rows that are there already stay as they are. A running worker is needed for
    --live: it delivers the webhooks and checks the connectors.
    """
    _development_only(config)
    from portal_devtools.demo import live as demo
    from portal_devtools.demo.seeding import seed as fill

    with application(config) as app:
        if live:
            demo.run(app)
            return
        fill(app)
    click.echo("The demo tenants acme and globex are there.")


@click.command()
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
    from portal_devtools.identity_provider import issue_token

    try:
        text = issue_token(config.data_dir, config.oidc_issuer, email, audience=config.api_audience)
    except LookupError as error:
        raise click.ClickException(str(error).strip("'\"")) from None
    click.echo(text)
