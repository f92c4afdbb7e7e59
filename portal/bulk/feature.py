"""Wire bulk jobs and exports into the portal."""

from flask import Flask

from portal.bulk import pages
from portal.bulk.exports import pages as export_pages
from portal.bulk.exports import resource as exports
from portal.bulk.resource import OPERATIONS
from portal.rest.feature import Feature
from portal.rest.findable import ById, Findable, Place


def init_app(app: Flask) -> None:
    """Register the pages, and the bar below each list."""
    app.register_blueprint(pages.bp)
    app.register_blueprint(export_pages.bp)
    app.jinja_env.globals["bulk_acts"] = pages.offered


feature = Feature(
    init_app,
    operations=(*OPERATIONS, *exports.OPERATIONS),
    found=Findable(
        places=(
            Place("Bulk jobs", "bulk_jobs.index", icon="list-check",
                  also="many mass edit progress jobs"),
            Place("Change many records", "bulk_jobs.create", "applications:write", "pencil",
                  also="bulk mass edit new job"),
        ),
        ids={"job": ById(pages.found)},
    ),
)  # fmt: skip
