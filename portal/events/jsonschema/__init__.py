"""JSON Schema (2020-12) over what tenants supply, in bounded time: no schema and no data, however
hostile, holds the process.

`work` counts what an evaluation costs and ends it; `patterns` are regular expressions in linear
time; `compiling` makes checks of a schema once, by the keywords in `shapes` (what is looked at in
the value itself) and `parts` (what is handed on to other schemas); `evaluation` is one run of them.

No library of JSON Schema can do without: those in Python match with `re`, which backtracks, and put
the whole value into the text of each problem; the quick ones hold the interpreter's lock for as
long as a doubling `$ref` takes, and none of them can be stopped.

Nothing is ever fetched, and `format` is an annotation, as the standard has it. Used by
`portal.events.catalogue` alone.
"""

from portal.events.jsonschema.compiling import Compiled, compiled
from portal.events.jsonschema.evaluation import Misfit, Subschema, misfits
from portal.events.jsonschema.work import STEPS, Exhausted, Work

__all__ = ["STEPS", "Compiled", "Exhausted", "Misfit", "Subschema", "Work", "compiled", "misfits"]
