"""Tests of `portal.keys.tokens`."""
