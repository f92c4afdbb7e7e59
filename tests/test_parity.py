"""Programs can do by REST what people can do on pages, and the reverse.

PAGES names the operations that do the same as a page, beside the USUAL ones of every resource.
OPERATIONS names those that no page has, with the reason. What is in neither fails the test.
"""

from flask import Flask

from portal.features import FEATURES
from portal.rest.openapi import camel
from tests.resources import EXPORTS, RESOURCES, pages_of
from tests.test_every_route import PUBLIC

# What a browser needs, or what other systems call: no capability of its own.
MACHINERY = PUBLIC | {"auth.go_on", "connections.events"}
EXPLORER = {f"explorer.{page}" for page in ("index", "show", "draft", "draft_again", "send")}  # all

# Page of every resource → its operation.
USUAL = {
    "index": "list",
    "show": "get",
    "create": "create",
    "edit": "update",
    "delete": "delete",
    "restore": "restore",
    "history": "history",
}

# Page → operations, without `integration.`; more than one where the page does several things.
PAGES = {
    "choices.index": "search.find",
    "applications.suspend": "applications.suspend",
    "applications.retire": "applications.retire",
    "applications.reopen": "applications.reopen",
    "audit.index": "audit.list",
    "bulk_jobs.index": "bulkJobs.list",
    "bulk_jobs.create": "bulkJobs.create",
    "bulk_jobs.show": "bulkJobs.get bulkJobs.listRows",
    "bulk_jobs.confirm": "bulkJobs.confirm",
    "bulk_jobs.cancel": "bulkJobs.cancel",
    "bulk_jobs.retry": "bulkJobs.retry",
    "connections.check": "connectors.check",
    "connections.draft": "connectors.checkDraft",
    "connections.go_back": "connectors.restoreCredentials",
    "connections.latest": "connectors.listChecks connectors.getCheck",
    "connectors.show": "connectors.get connectors.listCredentialVersions connectors.listLeases",
    "connectors.create": "connectors.create providers.list providers.get",
    "connectors.switch": "connectors.update",
    "connectors.remove_credentials": "connectors.removeCredentials",
    "deleted.index": "deleted.list",
    "deliveries.index": "deliveries.list",
    "deliveries.show": "deliveries.get",
    "deliveries.redeliver": "deliveries.redeliver",
    "deliveries.hurry": "deliveries.hurry",
    "endpoints.health": "webhooks.getHealth webhooks.getBacklog",
    "endpoints.pause": "webhooks.pause",
    "endpoints.resume": "webhooks.resume",
    "endpoints.replay": "webhooks.replay webhooks.listReplays",
    "endpoints.replay_progress": "replays.get",
    "endpoints.cancel_replay": "replays.cancel",
    "endpoints.try_settings": "webhooks.tryFilter",
    "event_types.own": "eventTypes.listOwn",
    "event_types.show": "eventTypes.get eventTypes.history",
    "event_types.import_": "eventTypes.importTypes",
    "exports.export": " ".join(EXPORTS),
    "events.index": "events.list",
    "events.show": "events.get",
    "events.create": "events.publish",
    "events.erase": "events.erase",
    "events.change_settings": "eventSettings.get eventSettings.update",
    "inbound.create": "webhooks.create",
    "inbound.verification": "webhooks.get",
    "inbound.received": "webhooks.listReceived",
    "inbound.show_request": "webhooks.getReceived",
    "inbound.reverify": "webhooks.reverify",
    "inbound.reverify_all": "webhooks.reverifyAll",
    "inbound.clear": "webhooks.clearQuarantine",
    "inbound.doctor": "signatureChecks.create",
    "inbound.show_inbox": "inbox.get",
    "inbound.open_inbox": "inbox.open",
    "keys.show": "apiKeys.get apiKeys.getPropagation",
    "keys.issue": "apiKeys.create",
    "keys.create_child": "apiKeys.createChild",
    "keys.revoke": "apiKeys.revoke",
    "keys.stop": "apiKeys.revoke apiKeys.getImpact",
    "keys.keep": "apiKeys.cancelRevocation",
    "keys.block": "apiKeys.block",
    "keys.unblock": "apiKeys.unblock",
    "keys.preview": "apiKeys.revokeMany apiKeys.repairMany",
    "keys.bulk": "apiKeys.revokeMany apiKeys.repairMany",
    "keys.panic": "apiKeys.revokeMany",
    "keys.rotate": "apiKeys.rotate",
    "keys.rotation": "apiKeys.getRotation",
    "keys.finish_rotation": "apiKeys.finishRotation",
    "keys.extend_rotation": "apiKeys.extendRotation",
    "keys.keep_old_key": "apiKeys.takeBackRotation",
    "keys.explain": "apiKeys.explain apiKeys.rehearse",
    "keys.posture": "apiKeys.getPosture apiKeys.listWeak",
    "keys.leaks": "apiKeys.list",
    "keys.leak_rule": "apiKeys.getLeakRule",
    "keys.reported": "apiKeys.listLeaks apiKeys.getLeakPolicy",
    "keys.decide_leaks": "apiKeys.updateLeakPolicy",
    "keys.settle_leaks": "apiKeys.settleLeaks",
    "lab.show": "webhooks.listTests",
    "lab.send": "webhooks.sendFromLab",
    "lab.heal": "inbox.heal",
    "notices.index": "notices.list",
    "overview.index": "overview.get",
    "people.list_people": "people.list people.get",
    "people.end_sessions": "people.endSessions",
    "quotas.index": "quotas.get",
    "search.index": "search.find",
    "sessions.index": "sessions.list",
    "sessions.end": "sessions.end",
    "sessions.end_others": "sessions.endAll",
    "tests.attempts": "webhooks.listTests",
    "tests.attempt": "webhooks.getTest",
    "tests.send": "webhooks.test",
    "webhook_deliveries.index_of_webhook": "webhooks.listDeliveries",
    "views.change": "views.update",
    "views.create": "views.create",
    "views.delete": "views.delete",
    "webhooks.index": "webhooks.list views.list views.get",
    "webhooks.switch": "webhooks.update",
    "webhooks.rotate": "webhooks.rotateSecret",
    "webhooks.retire": "webhooks.retireSecret",
}

FOR_SERVICES = "A service asks it for each call that it gets; a person has no such calls."
OPERATIONS = {
    "apiKeys.verify": FOR_SERVICES,
    "apiKeys.settleReservation": FOR_SERVICES,
    "apiKeys.recordUsage": FOR_SERVICES,
    "apiKeys.reportLeak": "A scanner reports what it found; a person blocks or revokes the key.",
    "connectors.takeLease": "Only a key of the connector's application gets its secret.",
    "me.get": "The frame of every page shows who is signed in.",
}


def reasons() -> dict[str, str]:
    """Return the operations that no page has: those of OPERATIONS, and the batches."""
    why = "A page creates one record at a time."
    return {f"{camel(resource.name)}.createMany": why for resource in RESOURCES} | OPERATIONS


def usual() -> dict[str, str]:
    return {
        f"{pages_of(resource)}.{page}": f"{camel(resource.name)}.{verb}"
        for resource in RESOURCES
        for page, verb in USUAL.items()
    }


def pages(app: Flask) -> set[str]:
    """Return the endpoints of everything that is not REST."""
    rules = app.url_map.iter_rules()
    return {rule.endpoint for rule in rules if not rule.endpoint.startswith("api.")}


def operations() -> set[str]:
    found = (one.id for feature in FEATURES for one in feature.rest())
    return {name.removeprefix("integration.") for name in found}


def test_every_page_has_its_operations(app: Flask) -> None:
    known = PAGES.keys() | MACHINERY | EXPLORER
    assert pages(app) - known - usual().keys() == set(), "name the operation that does the same"
    assert known - pages(app) == set(), "there are no such pages"


def test_every_operation_has_a_page_or_a_reason(app: Flask) -> None:
    table = {page: names for page, names in (usual() | PAGES).items() if page in pages(app)}
    on_pages = {name for names in table.values() for name in names.split()}
    assert on_pages - operations() == set(), "there are no such operations"
    assert operations() - on_pages - reasons().keys() == set(), "give it a page, or a reason"
    assert OPERATIONS.keys() & on_pages == set(), "it has a page: take the reason away"
    assert OPERATIONS.keys() - operations() == set(), "there are no such operations"
