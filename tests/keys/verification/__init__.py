"""Tests of `portal.keys.verification`."""
