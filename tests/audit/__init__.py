"""Test `portal.audit`."""
