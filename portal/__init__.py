"""The cPod integration portal: `create_app` wires what the features declare, and nothing else."""

from flask import Flask

from portal.config import Config


def create_app(config: Config | None = None) -> Flask:
    """The portal's web application, ready to serve."""
    from portal import api, edge, finder, health, logs, notices, overview, secretstore, web
    from portal.db import init_database
    from portal.features import FEATURES
    from portal.keys import callers, gate
    from portal.quotas.feature import counting

    config = config or Config.from_environ()
    logs.configure(production=config.is_production)
    app = Flask(__name__, template_folder="../templates", static_folder=None)
    app.config["SECRET_KEY"] = config.secret_key.active.text
    app.config["SECRET_KEY_FALLBACKS"] = [key.text for key in config.secret_key.older]
    app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024
    app.extensions["portal"] = config
    init_database(app, config.database_url)
    edge.init_app(app, config)
    logs.log_requests(app)
    web.init_pages(app, config)
    secretstore.configure(config)
    for blueprint in (health.blueprint, overview.bp, notices.bp):
        app.register_blueprint(blueprint)
    for feature in FEATURES:
        feature.init_app(app)
    operations = [operation for feature in FEATURES for operation in feature.rest()]
    api.init_app(app, operations, callers.known_to(app), counting(gate.admit))
    finder.init_app(app, [resource for feature in FEATURES for resource in feature.resources])
    return app
