"""Draw pages: assets, charts, cells, and the functions that templates use."""
