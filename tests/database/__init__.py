"""Test `portal.database`."""
