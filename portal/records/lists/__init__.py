"""Filter, search, sort and page lists, in the same way for web pages and for REST.

A page begins after the sort key of a row, not after a number of counted rows, so the last page
costs as much as the first. Orders are total: every sort ends with the id.

Read `declaration` first, then `queries` with `parameters` (what a query string may say),
`conditions`, `page_statement` with `compiled`, `pages` with `cursors`, and `counts`. Others import
`portal.records.listing`.
"""
