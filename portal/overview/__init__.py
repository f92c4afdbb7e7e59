"""The first page: what fails, the figures of the last day, what needs a person, what changed today.

It queries no feature by name: a feature registers a `Source` (`parts`), which names what it wants
to know as columns. `service` reads the columns of all features with one statement and puts their
answers together; `pages` and `resource` show them. `questions` has the columns that features share,
`sentence` writes the first sentence, `sparklines` draws.

It has no tables. It may be called by the features and by the wiring.
"""
