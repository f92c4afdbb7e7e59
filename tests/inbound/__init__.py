"""Tests of `portal.inbound`."""
