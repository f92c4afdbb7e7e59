"""JSON Schema (2020-12) for schemas and data from tenants, evaluated in bounded time.

No schema and no data, however hostile, can block the process. `work_budget` counts the steps of the
work and ends it; `patterns` matches regular expressions in linear time; `compiling` turns a
schema into checks once, with the keywords in `assertions` (about the value itself) and
`applicators` (which apply other schemas to the value or its members); `evaluation` runs the checks.
`kept` keeps what was compiled, a share for each tenant, and `stack_room` keeps deep calls as fast
as others.

The portal uses no library, because none is bounded: those in Python match with `re`, which
backtracks, and copy the whole value into each message; the fast ones hold the interpreter's lock
while they follow a `$ref` that doubles the work, and cannot be interrupted.

Nothing is ever fetched. `format` is an annotation only, as the standard says. Only
`portal.events.catalogue.event_types` uses this package.
"""

from portal.events.jsonschema.compiling import BYTES, at_pointer, compiled
from portal.events.jsonschema.evaluation import Misfit, Subschema, misfits
from portal.events.jsonschema.kept import Compiled
from portal.events.jsonschema.stack_room import with_room
from portal.events.jsonschema.work_budget import STEPS, Exhausted, Work

__all__ = [
    "BYTES",
    "STEPS",
    "Compiled",
    "Exhausted",
    "Misfit",
    "Subschema",
    "Work",
    "at_pointer",
    "compiled",
    "misfits",
    "with_room",
]
