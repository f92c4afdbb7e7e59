"""Test `portal.core`."""
