"""The wiring of sign-in, people and their sessions."""

from flask import Flask

from portal.identity import pages
from portal.identity.models import Person
from portal.identity.openid import issuer
from portal.identity.resource import OPERATIONS
from portal.rest.feature import Feature
from portal.rest.findable import ById, Choices, Findable, Place, Source


def init_app(app: Flask) -> None:
    """Create the identity provider's client and register the sign-in pages."""
    config = app.extensions["portal"]
    pages.init_app(app, config, issuer.init_app(app, config.oidc_issuer))


FOUND = Findable(
    places=(
        Place("Sessions", "sessions.index", icon="devices", also="signed in browsers account"),
        Place("People", "people.list_people", icon="user", also="members users roles",
              for_admins=True),
    ),
    sources=(Source("Open", pages.find_people, for_admins=True, model=Person),),
    choices={"people": Choices(pages.choose_people)},
    ids={"per": ById(pages.find_person, for_admins=True)},
)  # fmt: skip

feature = Feature(init_app, operations=OPERATIONS, found=FOUND)
