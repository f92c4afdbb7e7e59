"""Programs can do by REST what people can do on pages, and the reverse.

PAGES names for every page the operations that do the same. OPERATIONS names those that no page has,
with the reason. A page or an operation that is in neither fails the test.
"""

from flask import Flask

from portal.features import FEATURES
from tests.test_every_route import PUBLIC

# What a browser needs, or what other systems call: no capability of its own.
MACHINERY = PUBLIC | {"overview.index", "connections.events"}

# Page → operations, without `integration.`; more than one where the page does several things.
PAGES = {
    "applications.index": "applications.list",
    "applications.show": "applications.get",
    "applications.create": "applications.create",
    "applications.edit": "applications.update",
    "applications.history": "applications.history",
    "applications.suspend": "applications.suspend",
    "applications.retire": "applications.retire",
    "applications.reopen": "applications.reopen",
    "audit.index": "audit.list",
    "connections.check": "connectors.check",
    "connections.draft": "connectors.checkDraft",
    "connections.go_back": "connectors.restoreCredentials",
    "connections.latest": "connectors.listChecks connectors.getCheck",
    "connectors.index": "connectors.list",
    "connectors.show": "connectors.get connectors.listCredentialVersions connectors.listLeases",
    "connectors.create": "connectors.create providers.list providers.get",
    "connectors.edit": "connectors.update",
    "connectors.switch": "connectors.update",
    "connectors.delete": "connectors.delete",
    "connectors.restore": "connectors.restore",
    "connectors.remove_credentials": "connectors.removeCredentials",
    "connectors.history": "connectors.history",
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
    "event_types.index": "eventTypes.list",
    "event_types.own": "eventTypes.listOwn",
    "event_types.show": "eventTypes.get eventTypes.history",
    "event_types.create": "eventTypes.create",
    "event_types.edit": "eventTypes.update",
    "event_types.delete": "eventTypes.delete",
    "event_types.restore": "eventTypes.restore",
    "event_types.import_": "eventTypes.importTypes",
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
    "keys.index": "apiKeys.list",
    "keys.show": "apiKeys.get apiKeys.getPropagation",
    "keys.history": "apiKeys.history",
    "keys.issue": "apiKeys.create",
    "keys.create_child": "apiKeys.createChild",
    "keys.revoke": "apiKeys.revoke",
    "keys.stop": "apiKeys.revoke apiKeys.getImpact",
    "keys.keep": "apiKeys.cancelRevocation",
    "keys.block": "apiKeys.block",
    "keys.unblock": "apiKeys.unblock",
    "keys.meant": "apiKeys.revokeMany apiKeys.repairMany",
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
    "webhooks.index": "webhooks.list",
    "webhooks.show": "webhooks.get",
    "webhooks.create": "webhooks.create",
    "webhooks.edit": "webhooks.update",
    "webhooks.switch": "webhooks.update",
    "webhooks.delete": "webhooks.delete",
    "webhooks.restore": "webhooks.restore",
    "webhooks.history": "webhooks.history",
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


def test_every_page_has_its_operations(app: Flask) -> None:
    pages = {
        rule.endpoint for rule in app.url_map.iter_rules() if not rule.endpoint.startswith("api.")
    }
    known = PAGES.keys() | MACHINERY
    assert pages - known == set(), "name the operation that does the same in PAGES"
    assert known - pages == set(), "there are no such pages"


def test_every_operation_has_a_page_or_a_reason() -> None:
    operations = {
        one.id.removeprefix("integration.") for feature in FEATURES for one in feature.rest()
    }
    on_pages = {name for names in PAGES.values() for name in names.split()}
    assert on_pages - operations == set(), "there are no such operations"
    assert operations - on_pages - OPERATIONS.keys() == set(), "give it a page, or a reason"
    assert OPERATIONS.keys() - (operations - on_pages) == set(), (
        "it has a page: take the reason away"
    )
