"""Generate `sdk/python` from the registry of operations: `make sdk`.

Read in this order: `declared` (what the registry says), `schemas` (types), `resources` (methods).
"""
