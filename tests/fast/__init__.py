"""Test `portal.fast`."""
