"""Describe the common verbs of a resource, in Markdown for the OpenAPI document."""

from collections.abc import Collection, Mapping

_TEXTS: Mapping[str, str] = {
    "list": "Return one page of those that the caller may see. The parameters filter and sort; an"
    " unknown one is a 400. Send `next_cursor` as `cursor` for the next page.",
    "get": "Return one {noun}. An id of another tenant is a 404, like one that does not exist. With"
    " `include_deleted=true` a deleted one is returned, too.",
    "create": "Create {a_noun} and return it with its id and version. Fields that only the server"
    " writes are ignored; 422 names every field that needs attention, and a full quota is a 409."
    " With an `Idempotency-Key` the request can be repeated safely.{once}",
    "update": "Change the fields that are sent; those that are left out stay, at every depth. The"
    " result is validated as a whole: 422 names every field that needs attention. A stale"
    " `If-Match` is a 412, a stale `version` in the body a 409 with the current record.",
    "delete": "Delete {a_noun}: it stops working at once and is left out of lists. It can be"
    " restored for 30 days, then it is purged. A stale `If-Match` is a 412.",
    "restore": "Restore a deleted {noun} and return it. After 30 days it is purged, which is a 404."
    " A full quota, or a name that is taken meanwhile, is a 409.",
    "create_many": "Create many {noun}s in one request: all or none of them, or each for itself."
    " The schema tells how many. The answer has one result for each, in the order of the request.",
    "history": "Return the changes of one {noun}, deleted or not, newest first: who made them, from"
    " where, and the values before and after.",
}


def of_verb(verb: str, a_noun: str, once: Collection[str] = ()) -> str:
    """Return the description of a common verb. `once` are the fields that only create returns."""
    named = " and ".join(f"`{name}`" for name in once)
    shown = f" Only this answer has {named}." if once else ""
    text = _TEXTS[verb]
    return text.format(a_noun=a_noun, noun=a_noun.partition(" ")[2], once=shown)
