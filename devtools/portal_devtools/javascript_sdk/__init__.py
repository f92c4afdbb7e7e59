"""Generate what the JavaScript SDK has of each operation: `make sdk` writes it, a test compares.

Reading order: `generation`, `calls`, `table` (operations.js), `declarations` (operations.d.ts),
`types` (TypeScript of one JSON schema), `reference` (the end of the README).
"""
