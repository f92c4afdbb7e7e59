"""Test `portal.rest`."""
