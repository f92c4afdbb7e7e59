"""The list of keys in the console."""
