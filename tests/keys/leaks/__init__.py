"""Tests of `portal.keys.leaks`."""
