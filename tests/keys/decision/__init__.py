"""Tests of `portal.keys.decision`."""
