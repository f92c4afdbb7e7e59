"""Tests of `portal.keys.revocation`."""
