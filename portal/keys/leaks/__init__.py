"""Keys that were found where they should not be: reports, looked up by hash."""
