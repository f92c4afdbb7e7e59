"""The cPod integration portal: `create_app` wires what the features declare, and nothing else."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from portal.core.config import Config


def create_app(config: "Config | None" = None, *, as_worker: bool = False) -> "Flask":
    """Return the web application; that of a worker has its own role in the secret store."""
    from functools import partial

    from portal import features, secretstore, web
    from portal.core import logs
    from portal.core.config import Config
    from portal.database.session import init_database
    from portal.front import health
    from portal.keys.tokens import rest_callers
    from portal.keys.verification import own_rest
    from portal.quotas.feature import counting
    from portal.rest import api
    from portal.rest.document import serving
    from portal.web import edge, error_pages, finding, notices

    config = config or Config.from_environ()
    logs.configure(production=config.is_production)
    app = _configured(config)
    init_database(app, config.database_url)
    edge.init_app(app, config)
    logs.log_requests(app)
    web.init_pages(app, config)
    side = secretstore.Side.WORKER if as_worker else secretstore.Side.WEB
    secretstore.configure(config, side)
    for blueprint in (health.blueprint, notices.bp, error_pages.bp):
        app.register_blueprint(blueprint)
    features.check()
    features.describe()
    for feature in features.FEATURES:
        feature.init_app(app)
    described = serving.init_app(
        app, partial(features.surface, config.base_url, config.oidc_issuer)
    )
    admit = counting(own_rest.admit)
    api.init_app(app, features.OPERATIONS, rest_callers.known_to(app), described, admit)
    finding.init_app(app, features.FEATURES)
    return app


def _configured(config: "Config") -> "Flask":
    from flask import Flask

    app = Flask(__name__, template_folder="web/templates", static_folder=None)
    app.config["SECRET_KEY"] = config.secret_key.active.text
    app.config["SECRET_KEY_FALLBACKS"] = [key.text for key in config.secret_key.older]
    app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024
    app.extensions["portal"] = config
    return app
