"""Tests of `portal.keys.limits`."""
