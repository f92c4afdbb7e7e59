"""Test `portal.records`."""
