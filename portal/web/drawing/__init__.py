"""What pages are drawn with: assets, charts, cells, the functions that templates use."""
