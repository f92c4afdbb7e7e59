"""Issue a key: the form, the pages, and the one-time link that hands it over."""
