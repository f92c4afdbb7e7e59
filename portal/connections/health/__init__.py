"""Show how connections are: on the page of a connector, in the list, and beside its form.

Read `sentences` first (what is said of a connector, and from what), then `judgement` (its health,
with two files of SQL), `consequences`, `timeline` (what happened, and what came before a failure),
`users` (who feels it), `panel` and `pages`. Features above this one add to what is shown:
`timeline.add_source`, `users.add_source`, `users.add_use_source`.
"""
