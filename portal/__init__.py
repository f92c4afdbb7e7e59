"""The cPod integration portal: `create_app` wires what the features declare, and nothing else."""

from flask import Flask

from portal.config import Config


def create_app(config: Config | None = None) -> Flask:
    """The portal's web application, ready to serve."""
    from portal import api, edge, secretstore
    from portal.applications.resource import resource as applications
    from portal.db import init_database

    config = config or Config.from_environ()
    app = Flask(__name__, template_folder="../templates", static_folder="../static")
    app.config["SECRET_KEY"] = config.secret_key
    app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024
    app.extensions["portal"] = config
    init_database(app, config.database_url)
    secretstore.configure(config)
    resources = [applications]
    operations = [operation for resource in resources for operation in resource.operations()]
    api.init_app(app, operations, authenticators=[])
    edge.init_app(app)
    return app
