"""Leaked keys: reports of keys that were found in public, looked up by hash."""
