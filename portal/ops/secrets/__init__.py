"""Act on all stored secrets: wrap them with another key, or move them to another store."""
