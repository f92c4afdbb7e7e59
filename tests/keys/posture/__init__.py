"""Tests of `portal.keys.posture`."""
