"""Wire API keys and their verification into the portal."""

from flask import Flask

from portal.applications import health as application_health
from portal.applications.pages import show_on_application
from portal.keys import library_check, summaries
from portal.keys import pages as key_pages
from portal.keys.editing import pages as edit_pages
from portal.keys.issuing import link_pages
from portal.keys.issuing import pages as issue_pages
from portal.keys.leaks import described as scanning_described
from portal.keys.leaks import github_scanning
from portal.keys.leaks import pages as leak_pages
from portal.keys.models import ApiKey
from portal.keys.page_kit import bp
from portal.keys.posture import overview
from portal.keys.posture import pages as posture_pages
from portal.keys.resource import resource
from portal.keys.revocation import pages as stop_pages
from portal.keys.rotation import pages as rotation_pages
from portal.keys.tokens import described as oauth_described
from portal.keys.tokens import metadata, oauth, rest_callers, whoami
from portal.keys.tokens.own_tokens import Tokens
from portal.keys.tokens.signing_keys import SigningKeys
from portal.keys.usage import health
from portal.keys.verification import own_rest, verifier
from portal.overview.parts import add_source
from portal.records import health as record_health
from portal.records.verbs import watch
from portal.rest.feature import Feature
from portal.web import notices

# Importing them gives the blueprint its routes.
PAGES = (
    key_pages, issue_pages, edit_pages, link_pages, leak_pages, posture_pages, stop_pages,
    rotation_pages,
)  # fmt: skip


def init_app(app: Flask) -> None:
    """Register the verification engine, the tokens and the pages with the application."""
    config = app.extensions["portal"]
    made = verifier.init_app(app, config.database_url, config.verify_stale)
    own_rest.init_app(app)
    tokens = Tokens(config.base_url, config.api_audience, SigningKeys(config.secret_key), made)
    oauth.init_app(app, made, tokens, rest_callers.init_app(app, config, tokens))
    github_scanning.init_app(app, config)
    record_health.judge(ApiKey, health.JUDGE)
    application_health.add_source(health.SOURCE)
    app.register_blueprint(metadata.bp)
    app.register_blueprint(bp)
    add_source(app, overview.SOURCE)
    notices.add_source(app, summaries.notices)
    show_on_application(app, summaries.part)
    watch(library_check.follow)


feature = Feature(
    init_app,
    resources=(resource,),
    operations=whoami.OPERATIONS,
    paths={**oauth_described.PATHS, **scanning_described.PATHS},
)
