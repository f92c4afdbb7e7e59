"""List the deleted records of every kind, for as long as they can be restored.

`/deleted` answers with a page, and `/api/v1/integration/deleted` with the same to programs. Which
kinds there are is declared by resources (`portal.rest.resources.Resource.delete`); each restores
its records with its own operation.

Reading order: `records`, `pages`, `resource`. It has no tables of its own: each kind's index
`ix_<table>_deleted` has its deleted records.
"""
