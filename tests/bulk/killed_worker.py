"""Do the bulk jobs of Acme until none is left; run as a program, and killed by the test."""

from portal_devtools.identity_provider.people import ACME

from portal import create_app
from portal.bulk.work import do_some
from portal.database.session import transaction


def main() -> None:
    """Do all steps, each in its own transaction, as the worker does."""
    app = create_app()
    more = True
    while more:
        with app.app_context(), transaction(ACME):
            more = do_some(ACME)


if __name__ == "__main__":
    main()
